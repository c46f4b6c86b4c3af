"""Edge: `python -m cgbot`."""

from __future__ import annotations

from cgbot.cli.shell import main

if __name__ == "__main__":
    main()
