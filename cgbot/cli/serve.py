"""Edge: `cgbot serve`, everything in one process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from cgbot import app, logs, serving
from cgbot.errors import Malformed


def serve(
    only: Annotated[str, typer.Option("--only", help=f"Some parts, with commas: {','.join(serving.PARTS)}.")] = "",
) -> None:
    """
    Run everything in one process until SIGTERM; several processes may share one PostgreSQL.

    Prints `ready smtp=… lmtp=… web=…` when all of it answers. Exit status 75 when another serve works here.
    """
    parts = _parts(only)
    settings = app.read_settings()
    logs.configure(settings.log)
    with serving.only_one(settings), app.open_house(settings) as house:
        _run(serving.serve(house, _say_ready, parts))


def _parts(only: str) -> tuple[str, ...]:
    wanted = tuple(part.strip() for part in only.split(",")) if only else serving.PARTS
    for part in wanted:
        if part not in serving.PARTS:
            raise Malformed(f"--only: {part!r} is not a part; allowed: {', '.join(serving.PARTS)}")
    return wanted


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
