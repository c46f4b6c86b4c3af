"""Edge: `cgbot`, the operator's commands; `main` is the console entry (see shell)."""

from __future__ import annotations

from cgbot.cli.shell import main

__all__ = ["main"]
