"""
Calling, moving and cancelling a meeting (use cases).

A meeting in the past is refused unless it is to be recorded only. A new time, or a cancellation, counts SEQUENCE up
and asks everybody again; other words only make a new revision (RFC 5546 section 2.1.4). The invitations are queued in
the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed
from cgbot.groups import audit
from cgbot.groups.records import Group
from cgbot.itu import wall
from cgbot.mail.headers import clean_text
from cgbot.meetings import invitations, records
from cgbot.meetings.records import Meeting
from cgbot.store.db import Tx

KINDS: Final = ("group", "parent", "rgm", "workshop")
_LONGEST: Final = timedelta(days=60)
_OPEN: Final = ("tentative", "confirmed")


@dataclass(frozen=True, slots=True)
class When:
    """The time of a meeting: wall times with their zone and the instants; ends are exclusive."""

    zone: str
    wall_start: str
    wall_end: str
    starts_at: datetime
    ends_at: datetime
    whole_days: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What a convener orders; `past` records a meeting that has been and invites nobody."""

    title: str
    when: When
    kind: str = "group"
    location: str = ""
    join_url: str = ""
    description: str = ""
    tentative: bool = False
    past: bool = False
    takes_report: bool | None = None
    actor: str = "operator"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be different; None stays as it is."""

    when: When | None = None
    title: str | None = None
    location: str | None = None
    join_url: str | None = None
    description: str | None = None
    confirm: bool = False
    actor: str = "operator"


def read_when(start: str, end: str = "", *, duration: str = "", days: int = 0, zone: str = wall.GENEVA) -> When:
    """
    Read a time as it is typed: a start with an end or a duration, or whole days.

    Raises Malformed for what is no time, in a gap or a fold, ends before it starts, or lasts over 60 days.
    """
    label, zone = zone, wall.zone_named(zone)
    if wall.is_day(start):
        return _whole_days(start, end, days, zone)
    if days or (end and duration) or not (end or duration):
        raise Malformed("a meeting at a time needs either an end or a duration; days go with a date alone")
    begins = wall.parse_moment(start, zone)
    wall.check_label(label, begins)
    if end:
        ends = wall.parse_moment(end, zone)
    else:
        ends = wall.parse_moment((begins.instant + wall.parse_duration(duration)).isoformat(timespec="minutes"), zone)
    _check_length(start, end or duration, ends.instant - begins.instant)
    return When(zone, begins.wall, ends.wall, begins.instant, ends.instant, whole_days=False)


def with_length(fields: dict[str, str], meeting: Meeting) -> dict[str, str]:
    """The fields of a new time, with the length that the meeting has where they give none."""
    if any(fields.get(name) for name in ("end", "duration", "days")):
        return fields
    length = meeting.ends_at - meeting.starts_at
    if meeting.whole_days:
        return {**fields, "days": str(length.days)}
    return {**fields, "duration": f"{int(length.total_seconds() // 60)}m"}


def _whole_days(start: str, end: str, days: int, zone: str) -> When:
    first = wall.parse_day(start)
    if bool(end) == bool(days):
        raise Malformed("whole days need either a last day or a number of days")
    if days > _LONGEST.days:
        raise Malformed(f"the meeting would last {days} days; {_LONGEST.days} are allowed")
    after: date = wall.parse_day(end) + timedelta(days=1) if end else first + timedelta(days=days)
    begins, ends = wall.start_of_day(first, zone), wall.start_of_day(after, zone)
    _check_length(start, end or f"{days} days", ends - begins)
    return When(zone, first.isoformat(), after.isoformat(), begins, ends, whole_days=True)


def _check_length(start: str, end: str, length: timedelta) -> None:
    if length <= timedelta():
        raise Malformed(f"the meeting would end before it starts: {start} to {end}")
    if length > _LONGEST:
        raise Malformed(f"the meeting would last {length.days} days; {_LONGEST.days} are allowed")


def schedule(tx: Tx, context: Context, group: Group, order: Order) -> Meeting:
    """
    Call a meeting and invite to it.

    Raises Malformed for a value that is not allowed, and for a start in the past without `past`.
    """
    check(order, context.now)
    meeting = records.add(tx, _row(context, group, order))
    entry = audit.Entry(order.actor, "meeting scheduled", f"meeting {meeting.id}", {"start": meeting.wall_start})
    audit.record(tx, context.now, group.id, entry)
    if not order.past and order.kind == "group":
        invitations.invite(tx, context, meeting, ask_again=True)
    return meeting


def check(order: Order, now: datetime) -> None:
    """Raise Malformed for what `schedule` would refuse."""
    _check(order.title, order.join_url, order.kind)
    if _is_past(order.when, now) and not order.past:
        raise Malformed(
            f"{order.when.wall_start} {order.when.zone} is in the past; --past records it and invites nobody "
            '(by mail: "past: yes")'
        )
    if order.past and order.when.ends_at > now:
        raise Malformed(f"{order.when.wall_start} {order.when.zone} is not over yet; --past records what has been")


def _is_past(when: When, now: datetime) -> bool:
    """A meeting at a time must be ahead; whole days may begin today."""
    return (when.ends_at if when.whole_days else when.starts_at) <= now


def _row(context: Context, group: Group, order: Order) -> dict[str, Any]:
    state = "held" if order.past else "tentative" if order.tentative else "confirmed"
    when = order.when
    # The report is owed to the parent's own meetings (terms of reference, section 2).
    takes_report = order.kind == "parent" if order.takes_report is None else order.takes_report
    return {
        "group_id": group.id, "uid": f"{context.new_token()}@{context.settings.service.domain}", "kind": order.kind,
        "title": clean_text(order.title, 300), "description": order.description[:8000], "zone": when.zone,
        "wall_start": when.wall_start, "wall_end": when.wall_end, "starts_at": when.starts_at, "ends_at": when.ends_at,
        "whole_days": when.whole_days, "location": clean_text(order.location, 300), "join_url": order.join_url,
        "state": state, "sequence": 0, "revision": 1, "revised_at": context.now, "created_at": context.now,
        "takes_report": takes_report,
    }  # fmt: skip


def move(tx: Tx, context: Context, meeting_id: int, changes: Changes) -> Meeting:
    """
    Change a meeting that has not been cancelled or held, and tell those who are invited.

    No change sends nothing. Raises NotFound, Conflict, and Malformed as `schedule` does.
    """
    before, values = differences(tx, context, meeting_id, changes)
    if not values:
        return before
    significant = bool({"starts_at", "ends_at", "whole_days", "state"} & values.keys())
    values |= {"revision": before.revision + 1, "revised_at": context.now, "sequence": before.sequence + significant}
    meeting = records.change(tx, meeting_id, values)
    told = {key: str(value) for key, value in values.items() if key in {"wall_start", "title", "location", "join_url"}}
    audit.record(
        tx, context.now, meeting.group_id, audit.Entry(changes.actor, "meeting changed", f"meeting {meeting_id}", told)
    )
    if meeting.kind == "group":
        invitations.invite(tx, context, meeting, ask_again=significant)
    return meeting


def cancel(tx: Tx, context: Context, meeting_id: int, actor: str = "operator") -> Meeting:
    """Cancel a meeting and tell those who were invited. Raises NotFound and Conflict."""
    before = open_meeting(tx, meeting_id)
    meeting = records.change(
        tx,
        meeting_id,
        {
            "state": "cancelled",
            "sequence": before.sequence + 1,
            "revision": before.revision + 1,
            "revised_at": context.now,
        },
    )
    entry = audit.Entry(actor, "meeting cancelled", f"meeting {meeting_id}", {})
    audit.record(tx, context.now, meeting.group_id, entry)
    if meeting.kind == "group":
        invitations.call_off(tx, context, meeting)
    return meeting


def differences(tx: Tx, context: Context, meeting_id: int, changes: Changes) -> tuple[Meeting, dict[str, Any]]:
    """A meeting as it is, and the columns that would be different. Raises what `move` refuses."""
    before = open_meeting(tx, meeting_id)
    values = _differences(before, changes)
    if not values:
        return before, values
    _check(values.get("title", before.title), values.get("join_url", before.join_url), before.kind)
    if values.get("starts_at", before.ends_at) <= context.now:
        raise Malformed(f"{values.get('wall_start', before.wall_start)} {before.zone} is in the past")
    return before, values


def open_meeting(tx: Tx, meeting_id: int) -> Meeting:
    """A meeting that can still be changed. Raises NotFound and Conflict."""
    meeting = records.get(tx, meeting_id)
    if meeting.state not in _OPEN:
        raise Conflict(f"meeting {meeting_id} is {meeting.state}; only a tentative or confirmed one can be changed")
    return meeting


def _differences(before: Meeting, changes: Changes) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        name: value
        for name in ("title", "location", "join_url", "description")
        if (value := getattr(changes, name)) is not None
    }
    if changes.when is not None:
        wanted |= {name: getattr(changes.when, name) for name in When.__dataclass_fields__}
    if changes.confirm:
        wanted["state"] = "confirmed"
    return {name: value for name, value in wanted.items() if getattr(before, name) != value}


def _check(title: str, join_url: str, kind: str) -> None:
    if not clean_text(title):
        raise Malformed("a meeting needs a title")
    if kind not in KINDS:
        raise Malformed(f"{kind!r} is not a kind of meeting; allowed: {', '.join(KINDS)}")
    if join_url and (urlsplit(join_url).scheme not in {"http", "https"} or not join_url.isascii() or " " in join_url):
        raise Malformed(f"{join_url!r} is not a link; it must begin with https:// or http://")
