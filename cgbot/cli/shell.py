"""
Edge: the operator's command line, its nouns and what all of them share (typer).

Each noun lives in a module of its own that is imported when it is called, so that a command starts quickly. What goes
wrong on purpose (CgbotError) is one line on standard error and its exit status; anything else is a bug and shows its
traceback. Listings are plain columns, or JSON with --json; JSON times carry an offset.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cgbot.errors import CgbotError

if TYPE_CHECKING:
    from cgbot.app import House

# Each noun, the module that knows it, the typer app or the one function there, and a line for --help.
NOUNS: Final[Mapping[str, tuple[str, str, str]]] = {
    "init": ("init", "init", "Ask for domain, relay, group and conveners; write both files; print the DNS records."),
    "serve": ("serve", "serve", "Run everything in one process."),
    "check": ("check", "check", "Check configuration, database, DNS, clock and disk."),
    "status": ("desk", "status", "What came in, what goes out, what is next."),
    "groups": ("groups", "app", "The groups and their terms of reference."),
    "members": ("members", "app", "Who is in a group."),
    "archive": ("archive", "app", "What was said: search, show, export."),
    "held": ("held", "app", "Posts that wait for a convener."),
    "meetings": ("meetings", "app", "Meetings, invitations, replies."),
    "calls": ("calls", "app", "Calls for contributions."),
    "contributions": ("contributions", "app", "Papers: numbers, revisions, files."),
    "actions": ("actions", "app", "Who does what until when."),
    "reports": ("reports", "app", "The activity reports to the parent."),
    "notices": ("notices", "app", "What the clock will send."),
    "outbox": ("outbox", "app", "What is on its way to whom."),
    "person": ("person", "app", "What is kept of one person: export, erase."),
    "backup": ("desk", "backup", "Write everything to one file, while serve runs."),
    "restore": ("desk", "restore", "Fill an empty installation from a backup; nothing is sent until resume."),
    "resume": ("desk", "resume", "Send again after a restore."),
}
# C0 but tab and line feed, DEL, C1, line and paragraph separators, lone surrogates, bidirectional controls.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
Json = Annotated[bool, typer.Option("--json", help="JSON instead of columns.")]


def noun(text: str) -> typer.Typer:
    """Make the typer app of one noun; `text` is its line in --help."""
    return typer.Typer(
        help=text, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )


def build(wanted: Collection[str] = tuple(NOUNS)) -> typer.Typer:
    """Make the root command; the modules of the wanted nouns are imported, the others only stand in --help."""
    root = noun("Runs the correspondence of a working group: its list, its archive, its meetings.")
    root.callback()(_root)
    for name, (module, attribute, text) in NOUNS.items():
        if name not in wanted:
            root.command(name, help=text)(_not_imported)
            continue
        found = getattr(importlib.import_module(f"cgbot.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            root.add_typer(found, name=name, help=text)
        else:
            root.command(name, help=text)(found)
    return root


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - one call in a thousand needs it

        typer.echo(f"cgbot {version('cgbot')}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Runs the correspondence of a working group: its list, its archive, its meetings."""


def _not_imported() -> None:
    """Stand for a noun in --help."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    wanted = [one for one in arguments if not one.startswith("-")][:1]
    try:
        build(wanted)(args=list(arguments), prog_name="cgbot")
    except CgbotError as error:
        typer.echo(visible(f"cgbot: {error.public}"), err=True)
        raise SystemExit(error.exit_status) from error


def open_house() -> House:
    """Open everything that one command needs, and close it when the `with` ends."""
    from cgbot import app  # noqa: PLC0415 - the help of a command needs no database

    return app.open_house()


def say(text: str) -> None:
    """Tell the operator something, line by line; what a mail wrote cannot steer the terminal."""
    typer.echo(visible(text))


def visible(text: str) -> str:
    """The text with its control characters, and those that turn the direction of writing, as escapes."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape", "replace").decode("ascii"), text)


def show(as_json: bool, rows: Iterable[Any], columns: Sequence[str], empty: str = "nothing") -> None:
    """Show a listing of dataclasses or mappings: the named columns, or all of it as JSON."""
    listed = [as_plain(row) for row in rows]
    if as_json:
        show_json(listed)
    elif listed:
        for line in table(columns, [[_cell(row.get(column)) for column in columns] for row in listed]):
            typer.echo(line)
    else:
        typer.echo(empty)


def show_json(value: object) -> None:
    """Write one JSON document, control characters as its escapes."""
    text = json.dumps(as_plain(value), indent=2, ensure_ascii=False)
    typer.echo(_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out columns, each as wide as its widest cell; the last one is not padded."""
    lines = [[column.replace("_", " ").upper() for column in columns], *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def as_plain(value: Any) -> Any:
    """Give a value as JSON has it: dataclasses as objects, times in ISO 8601 with their offset."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: as_plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_plain(one) for key, one in value.items()}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Iterable):
        return [as_plain(one) for one in value]
    return str(value)


def _cell(value: object) -> str:
    """One cell on one line; what a mail wrote cannot steer the terminal."""
    if value is None or value is False:
        return "" if value is None else "no"
    text = "yes" if value is True else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(one if one.isprintable() else " " for one in text)
