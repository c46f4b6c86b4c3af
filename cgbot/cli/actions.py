"""Edge: `cgbot actions`, who does what until when."""

from __future__ import annotations

from typing import Annotated

import typer

from cgbot.cli.shell import Json, noun, open_house, say, show, show_json
from cgbot.desk import action_words
from cgbot.desk import actions as use_cases
from cgbot.groups import actions, records
from cgbot.groups.commands import OPERATOR

app = noun("Actions: who does what until when.")
_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
_Number = Annotated[int, typer.Argument(help="The number that `cgbot actions list` shows.")]


@app.command("list")
def list_actions(
    group: _Group,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what is done or dropped.")] = False,
    as_json: Json = False,
) -> None:
    """List the open actions, what is due first."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        rows = house.db.read_now(actions.of_group, found.id, everything=everything)
    show(as_json, rows, ("id", "due_on", "owner", "state", "text"), "no action is open")


@app.command()
def add(
    group: _Group,
    text: Annotated[str, typer.Argument(help="What is to be done.")],
    *,
    who: Annotated[str, typer.Option(help="A member's address or name; they are told.")] = "",
    due: Annotated[str, typer.Option(help='"2027-06-01"; the owner is reminded before it.')] = "",
    meeting: Annotated[int, typer.Option(help="The meeting that decided it.")] = 0,
    as_json: Json = False,
) -> None:
    """Note an action."""
    fields = {"text": text, "who": who, "due": due, "meeting": str(meeting or "")}
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        context = house.context()
        named = (found.id, found.name)
        new = house.db.read_now(action_words.read, context, named, fields)
        action = house.db.write_now(use_cases.note, context, named, new, OPERATOR)
    if as_json:
        show_json(action)
        return
    say(f"action {action.id}: {action_words.line(action)}")


@app.command()
def done(number: _Number) -> None:
    """Say that an action is done."""
    with open_house() as house:
        action = house.db.write_now(actions.end, house.context(), number, "done", OPERATOR)
    say(f"action {action.id} is done: {action_words.short(action.text)}")


@app.command()
def drop(number: _Number) -> None:
    """Let an action go."""
    with open_house() as house:
        action = house.db.write_now(actions.end, house.context(), number, "dropped", OPERATOR)
    say(f"action {action.id} is dropped: {action_words.short(action.text)}")
