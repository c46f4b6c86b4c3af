"""Edge: `cgbot calls`, the calls for contributions; a day closes at 23:59 in the group's zone."""

from __future__ import annotations

from typing import Annotated

import typer

from cgbot.cli.shell import Json, noun, open_house, say, show, show_json
from cgbot.groups import records as groups
from cgbot.groups.moments import in_words
from cgbot.papers import calls, records
from cgbot.papers.calls import Wanted

app = noun("Calls for contributions: open, list, close.")
_ACTOR = "operator"


@app.command("open")
def open_call(
    group: Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")],
    *,
    meeting: Annotated[int, typer.Option("--meeting", help="For which meeting; the group's next one without it.")] = 0,
    closes: Annotated[str, typer.Option("--closes", help='"2027-05-13", or "2027-05-13 18:00".')] = "",
    published: Annotated[bool, typer.Option("--published", help="The date is the secretariat's.")] = False,
    title: Annotated[str, typer.Option("--title", help="The meeting's without it.")] = "",
    text: Annotated[
        typer.FileText | None, typer.Option("--text", help="A file with the call's words; - reads them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Call for contributions: a mail to the whole list."""
    words = text.read() if text else ""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        wanted = Wanted(meeting or None, closes, published, title, words)
        context = house.context()
        call = house.db.write_now(calls.open_call, context, (found.id, found.name), wanted, _ACTOR)
        charter = house.charters[found.name]
    if as_json:
        show_json(call)
        return
    say(f"call {call.id}: {call.title}, open until {in_words(call.closes_at, charter)} ({call.rule})")


@app.command("list")
def list_calls(
    group: Annotated[str, typer.Argument(help="A group; all of them when left out.")] = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: Json = False,
) -> None:
    """List calls by their closing dates."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group) if group else None
        rows = house.db.read_now(records.list_calls, found.id if found else None, only_open=not everything)
    show(as_json, rows, ("id", "title", "closes_at", "rule", "state", "meeting_id"), "no call is open")


@app.command()
def close(call_id: Annotated[int, typer.Argument(help="The number that `cgbot calls list` shows.")]) -> None:
    """Close a call now; later papers are marked late."""
    with open_house() as house:
        call = house.db.write_now(calls.close_call, house.context(), call_id, _ACTOR)
    say(f"call {call.id}: {call.title} is closed")
