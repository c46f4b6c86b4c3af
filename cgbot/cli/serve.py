"""Edge: `cgbot serve`, everything in one process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

from cgbot import app, logs, serving


def serve() -> None:
    """
    Run everything in one process until SIGTERM.

    Prints `ready smtp=… lmtp=… web=…` when all of it answers. Exit status 75 when another serve works here.
    """
    settings = app.read_settings()
    logs.configure(settings.log)
    with app.open_house(settings) as house, serving.only_one(house):
        _run(serving.serve(house, _say_ready))


def _say_ready(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _run(main: Coroutine[Any, Any, None]) -> None:
    """On uvloop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - not everywhere
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)
