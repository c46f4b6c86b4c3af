"""Edge: `cgbot notices`, what the clock will send, and the clock played by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cgbot.app import House
from cgbot.cli.shell import Json, noun, open_house, say, show, show_json
from cgbot.cli.times import instant
from cgbot.context import Context
from cgbot.desk import drill, status
from cgbot.groups import planned
from cgbot.notices import ledger
from cgbot.notices.kinds import Kind
from cgbot.notices.ledger import Done
from cgbot.store.tables import notices

app = noun("What the clock will send.")
_COLUMNS = ("id", "due", "group", "kind", "summary", "audience", "state")
_DONE = ("queued", "stopped", "skipped")


@app.command("list")
def list_notices(
    *,
    until: Annotated[str, typer.Option(help="Look ahead to this date; 31 days without it.")] = "",
    past: Annotated[bool, typer.Option("--past", help="What went out, was stopped or skipped, instead.")] = False,
    as_json: Json = False,
) -> None:
    """List what is still to go out, also what is not written down yet."""
    with open_house() as house:
        if past:
            found = house.db.read_now(ledger.find, notices.c.state.in_(_DONE))
        else:
            end = _moment(house, until, end_of_day=True) if until else house.context().now + timedelta(days=31)
            found = house.db.read_now(ledger.preview, house.context(), _kinds(), end)
        listed = house.db.read_now(status.due, found)
    show(as_json, listed, _COLUMNS, empty="nothing is planned")


@app.command("show")
def show_notice(
    notice_id: Annotated[int, typer.Argument(help="Its number in the list.")], *, as_json: Json = False
) -> None:
    """Show one notice."""
    with open_house() as house:
        notice = house.db.read_now(ledger.get, notice_id)
        (listed,) = house.db.read_now(status.due, (notice,))
    if as_json:
        show_json({**_plain(listed), "reason": notice.reason, "facts": notice.occurrence.facts})
        return
    for name, value in {**_plain(listed), "announced": notice.announced_at, "done": notice.done_at}.items():
        say(f"{name}: {value if value is not None else '-'}")
    if notice.reason:
        say(f"reason: {notice.reason}")


@app.command()
def stop(notice_id: Annotated[int, typer.Argument(help="Its number in the list.")]) -> None:
    """Keep one from going out."""
    with open_house() as house:
        notice = house.db.write_now(planned.stop_notice, house.context(), "operator", notice_id)
    say(f"notice {notice_id} is stopped: {notice.occurrence.summary}")


@app.command()
def run(
    *,
    now: Annotated[
        str, typer.Option(help="The moment to play, such as '2027-05-20 09:00'; the present without it.")
    ] = "",
    send: Annotated[bool, typer.Option("--send", help="Really send; without it nothing is left behind.")] = False,
    as_json: Json = False,
) -> None:
    """Play one tick of the clock at some moment: what would go out, what would be skipped and why."""
    with open_house() as house:
        context = house.context(_moment(house, now) if now else None)
        done = _send(house, context) if send else house.db.write_now(drill.play, context, _kinds())
        listed = house.db.read_now(status.due, [one.notice for one in done])
    rows = [
        {**_plain(one), "id": one.id if send else None, "state": what.state, "reason": what.reason}
        for one, what in zip(listed, done, strict=True)
    ]
    show(as_json, rows, ("due", "group", "kind", "summary", "audience", "state", "reason"), empty="nothing is due")
    if not as_json and not send:
        say("(played only: nothing was sent or changed; --send does it)")


def _send(house: House, context: Context) -> tuple[Done, ...]:
    """Tick; and tick again where a mail waited for a file that is made now."""
    from cgbot import wiring  # noqa: PLC0415 - as in _kinds

    done = house.db.write_now(drill.send, context, _kinds(), datetime.now(UTC))
    if wiring.make_files(house.db, context):
        done += house.db.write_now(drill.send, context, _kinds(), datetime.now(UTC))
    return done


def _kinds() -> tuple[Kind, ...]:
    from cgbot import wiring  # noqa: PLC0415 - joins all rooms; `stop` and `show` need none of them

    return wiring.kinds()


def _moment(house: House, text: str, *, end_of_day: bool = False) -> datetime:
    return instant(text, house.settings.notices.zone, end_of_day=end_of_day)


def _plain(listed: status.Due) -> dict[str, object]:
    return {name: getattr(listed, name) for name in status.Due.__dataclass_fields__}
