"""Edge: `cgbot outbox`, what is on its way to whom, and what could not be delivered."""

from __future__ import annotations

from typing import Annotated, Final, cast, get_args

import typer

from cgbot.cli.shell import Json, noun, open_house, say, show, show_json
from cgbot.errors import Malformed
from cgbot.outbox import listing
from cgbot.outbox.listing import Detail, State
from cgbot.store import service

app = noun("What is on its way to whom.")
_Id = Annotated[int, typer.Argument(help="The number that `cgbot outbox list` shows.")]
_COLUMNS: Final = ("id", "state", "recipient", "group", "about", "attempts", "due_at", "reply")


@app.command("list")
def list_waiting(
    *,
    state: Annotated[str, typer.Option("--state", help=f"One of {', '.join(get_args(State))}.")] = "waiting",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    as_json: Json = False,
) -> None:
    """List what waits, first what is due first."""
    if state not in get_args(State):
        raise Malformed(f"--state {state}: it is one of {', '.join(get_args(State))}")
    with open_house() as house:
        paused = house.db.read_now(service.paused)
        found = house.db.read_now(listing.waiting, cast("State", state), limit)
    show(as_json, found, _COLUMNS, empty="nothing")
    if paused is not None and not as_json:
        say(f"sending is paused: {paused}; `cgbot resume` ends it")


@app.command("show")
def show_one(delivery_id: _Id, *, as_json: Json = False) -> None:
    """Show one delivery with every attempt."""
    with open_house() as house:
        found = house.db.read_now(listing.show, delivery_id)
    if as_json:
        show_json(found)
        return
    for name, value in _lines(found):
        say(f"{name}: {value}")
    say("")
    show(as_json, found.tries, ("number", "started_at", "outcome", "reply"), empty="not tried yet")


@app.command()
def retry(
    delivery_id: Annotated[int | None, typer.Argument(help="The number that `cgbot outbox list` shows.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Everything that failed and is not too old.")] = False,
    as_json: Json = False,
) -> None:
    """Send what has failed, or what waits, now."""
    if (delivery_id is None) != every:
        raise Malformed("give the number of a delivery, or --all")
    with open_house() as house:
        now = house.context().now
        if delivery_id is None:
            _told(as_json, house.db.write_now(listing.retry_all, now), "to be tried again")
        else:
            house.db.write_now(listing.retry, delivery_id, now)
            _told(as_json, 1, "to be tried again")


@app.command()
def drop(delivery_id: _Id, *, as_json: Json = False) -> None:
    """Do not send it any more."""
    with open_house() as house:
        house.db.write_now(listing.drop, delivery_id, house.context().now)
    _told(as_json, 1, "dropped")


@app.command()
def flush(*, as_json: Json = False) -> None:
    """Try everything that is deferred now."""
    with open_house() as house:
        count = house.db.write_now(listing.flush, house.context().now)
    _told(as_json, count, "to be tried now")


def _told(as_json: bool, count: int, what: str) -> None:
    if as_json:
        show_json({"count": count})
    else:
        say(f"{count} {'delivery' if count == 1 else 'deliveries'} {what}")


def _lines(found: Detail) -> list[tuple[str, object]]:
    entry = found.entry
    return [
        ("delivery", entry.id),
        ("to", entry.recipient),
        ("mail", f"{entry.kind}, {entry.about}" + (f" of {entry.group}" if entry.group else "")),
        ("message id", found.message_id),
        ("return path", found.return_path or "none"),
        ("state", entry.state),
        ("queued at", found.queued_at.isoformat()),
        ("due at", entry.due_at.isoformat()),
        ("given up at", entry.expires_at.isoformat()),
        ("done at", found.done_at.isoformat() if found.done_at else ""),
        ("in doubt", f"{found.in_doubt} times" if found.in_doubt else "no"),
        ("last answer", entry.reply),
    ]
