"""Edge: `cgbot held`, the messages that wait for a convener, and those that could not be handled."""

from __future__ import annotations

from typing import Annotated

import typer

from cgbot.cli.shell import Json, as_plain, noun, open_house, say, show, show_json
from cgbot.groups import records
from cgbot.mail import message as messages
from cgbot.posts import errands, holding, holds
from cgbot.posts.holds import Decision, Hold
from cgbot.store import raw

app = noun("Posts that wait for a convener.")
_Id = Annotated[int, typer.Argument(help="The number that `cgbot held list` shows.")]
_Note = Annotated[str, typer.Option("--note", help="Words for the author (reject) or for the record.")]
_ACTOR = "operator"


@app.command("list")
def list_held(
    group: Annotated[str, typer.Argument(help="A group; all of them when left out.")] = "",
    *,
    shelved: Annotated[bool, typer.Option("--shelved", help="What could not be handled instead.")] = False,
    as_json: Json = False,
) -> None:
    """List what waits."""
    with open_house() as house:
        if shelved:
            found = house.db.read_now(errands.shelved)
            show(as_json, found, ("id", "recipient", "mail_from", "received_at", "attempts", "reason"))
            return
        group_id = house.db.read_now(records.get_group, group).id if group else None
        waiting = house.db.read_now(holds.waiting, group_id)
        show(as_json, [_plain(one) for one in waiting], ("id", "group", "author", "subject", "reasons", "held_at"))


@app.command("show")
def show_held(hold_id: _Id, *, as_json: Json = False) -> None:
    """Show one held message with its text."""
    with open_house() as house:
        held = house.db.read_now(holds.get, hold_id)
        text = messages.parse(house.db.read_now(raw.get, held.sha256)).text
    if as_json:
        show_json({**_plain(held), "text": text})
        return
    for name, value in _plain(held).items():
        say(f"{name.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}")
    say("")
    say(text)


@app.command()
def approve(hold_id: _Id) -> None:
    """Archive it and send it to the list."""
    _decide(hold_id, "approve", "")


@app.command()
def reject(hold_id: _Id, *, note: _Note = "") -> None:
    """Do not distribute it; its author is told if the address is proven."""
    _decide(hold_id, "reject", note)


@app.command()
def discard(hold_id: _Id, *, note: _Note = "") -> None:
    """Do not distribute it, and tell nobody."""
    _decide(hold_id, "discard", note)


@app.command()
def retry(errand_id: Annotated[int, typer.Argument(help="The number that `list --shelved` shows.")]) -> None:
    """Send a shelved message through again."""
    with open_house() as house:
        house.db.write_now(errands.retry_shelved, errand_id, house.context().now)
    say(f"errand {errand_id} goes through the sorter again")


def _decide(hold_id: int, word: str, note: str) -> None:
    with open_house() as house:
        held = house.db.write_now(holding.decide, house.context(), hold_id, Decision(word, _ACTOR, note))
    say(f"held message {held.id} of {held.author or 'an unreadable address'}: {held.state}")


def _plain(held: Hold) -> dict[str, object]:
    known = as_plain(held)
    return {name: value for name, value in known.items() if name != "sha256"}
