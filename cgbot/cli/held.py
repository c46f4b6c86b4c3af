"""Edge: `cgbot held`, the messages that wait for a convener, and those that could not be handled."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from cgbot.cli.shell import Json, as_plain, noun, open_house, say, show, show_json
from cgbot.errors import Malformed
from cgbot.groups import audit, records, senders
from cgbot.mail import message as messages
from cgbot.posts import emergency, errands, hold_letters, holding, holds, moderation, sender_orders
from cgbot.posts.holds import Decision, Hold
from cgbot.store import raw

app = noun("Posts that wait for a convener.")
_Id = Annotated[int, typer.Argument(help="The number that `cgbot held list` shows.")]
_Note = Annotated[str, typer.Option("--note", help="Words for the author (reject) or for the record.")]
_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
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
        rules = [as_plain(row) for row in moderation.table(held.hits)]
        show_json({**_plain(held), "rules": rules, "text": text})
        return
    for name, value in _plain(held).items():
        if name == "hits":
            continue
        say(f"{name.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}")
    say("")
    say("The rules in their order; the first one that fires decides, and those with an asterisk did:")
    for line in hold_letters.table(held):
        say(line)
    say("")
    say(text)


@app.command()
def approve(hold_id: _Id) -> None:
    """Archive it and send it to the list."""
    _decide(hold_id, "approve", "")


@app.command()
def allow(hold_id: _Id, *, note: _Note = "") -> None:
    """Approve it, and let its author post from now on."""
    _decide(hold_id, "allow", note)


@app.command()
def reject(hold_id: _Id, *, note: _Note = "") -> None:
    """Do not distribute it; its author is told if the address is proven."""
    _decide(hold_id, "reject", note)


@app.command()
def discard(hold_id: _Id, *, note: _Note = "") -> None:
    """Do not distribute it, and tell nobody."""
    _decide(hold_id, "discard", note)


@app.command()
def ban(hold_id: _Id, *, note: _Note = "") -> None:
    """Discard it, and whatever comes in its author's name from now on."""
    _decide(hold_id, "ban", note)


@app.command()
def sender(
    group: _Group,
    address: Annotated[str, typer.Argument(help="An address, or @ and a domain.")],
    verdict: Annotated[str, typer.Argument(help="allow, hold, ban or forget.")],
    *,
    note: _Note = "",
) -> None:
    """Decide about what an author, or anybody at a domain, posts from now on."""
    if verdict not in {*senders.VERDICTS, "forget"}:
        raise Malformed(f"{verdict!r} is not allowed: one of {', '.join(senders.VERDICTS)} and forget")
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        house.db.write_now(sender_orders.decide, house.context(), found.id, (address, verdict, note), _ACTOR)
    say(f"{address} in {found.name}: {verdict}")


@app.command("senders")
def list_senders(group: _Group, *, as_json: Json = False) -> None:
    """List what was decided about authors who are no members."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        listed = house.db.read_now(senders.list_senders, found.id)
    show(as_json, listed, ("key", "verdict", "added_by", "added_at", "note"))


@app.command("log")
def show_log(
    group: _Group,
    *,
    limit: Annotated[int, typer.Option(help="How many entries.", min=1, max=10_000)] = 50,
    as_json: Json = False,
) -> None:
    """List who decided what about held posts and authors, the newest first, from the audit trail."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        acts = house.db.read_now(audit.newest, found.id, sender_orders.ACTS, limit)
    show(as_json, acts, ("at", "actor", "action", "subject"))


@app.command("emergency")
def turn_emergency(group: _Group, state: Annotated[str, typer.Argument(help="on or off.")]) -> None:
    """Hold every post of a group until it is turned off again."""
    if state not in {"on", "off"}:
        raise Malformed(f"{state!r} is not allowed: on or off")
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        switch = partial(emergency.turn, on=state == "on", actor=_ACTOR)
        house.db.write_now(switch, house.context(), (found.id, found.name))
    say(f"every post of {found.name} waits for a convener" if state == "on" else f"{found.name} takes posts as usual")


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
    known = {**as_plain(held), "waits_for_author": held.waits_for_author}
    return {name: value for name, value in known.items() if name != "sha256"}
