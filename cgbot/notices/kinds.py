"""
Pure rules: what a scheduled mail is, and what becomes of one that is late.

A feature exports its kinds (meeting reminders, digests, …); `app` joins them and hands them to the ledger. An
occurrence is known by what it is about ("meeting 17, revision 2, 14 days before"), never by its time, so that no
setting and no clock can make two of it. Wall times are resolved by a fixed rule: a time that the spring night leaves
out is the first one after it, a time that the autumn night has twice is the first of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cgbot.context import Context


@dataclass(frozen=True, slots=True)
class Late:
    """Up to `limit` after its time an occurrence still goes out (None: always); `covers`: the newest for them all."""

    limit: timedelta | None
    covers: bool = False


# A tick can take a while; what is later than this was missed.
SKIP: Final = Late(timedelta(minutes=15))
COVERING: Final = Late(None, covers=True)


def within(limit: timedelta) -> Late:
    """Still send up to `limit` after its time."""
    return Late(limit)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """
    One mail that is due once: (group_id, kind, about) is its identity, `due_at` only when.

    `audience` and `summary` are for the conveners ("25 members", "Reminder: first meeting …"); `facts` is what the
    kind needs to send it, as JSON.
    """

    kind: str
    about: str
    group_id: int
    due_at: datetime
    audience: str
    summary: str
    facts: Mapping[str, object] = field(default_factory=dict)


Plan = Callable[["Connection", "Context", datetime], Sequence[Occurrence]]
Send = Callable[["Connection", "Context", Occurrence], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A kind of scheduled mail.

    `plan(tx, context, until)` gives every occurrence due by `until` whose matter is not over, sent or not: one that it
    no longer gives is not sent (the meeting was moved, cancelled, has begun). `send` queues the mail in the same
    transaction and does nothing else. `announced`: shown to the conveners before, since it goes to a whole list.
    """

    name: str
    audience: str
    announced: bool
    plan: Plan
    send: Send
    late: Late = SKIP


def is_too_late(late: Late, due_at: datetime, now: datetime) -> bool:
    """Say whether an occurrence that was due then must be skipped now."""
    return late.limit is not None and now - due_at > late.limit


def at_wall_time(day: date, wall: time, zone: str) -> datetime:
    """The instant of this wall time, in UTC: after a gap of the zone, the first of two in a fold."""
    place = ZoneInfo(zone)
    local = datetime.combine(day, wall.replace(tzinfo=None), place)
    instant = local.astimezone(UTC)
    if instant.astimezone(place).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _first_after_gap(local)


def _first_after_gap(local: datetime) -> datetime:
    """The end of the gap that this wall time falls into: the new offset begins where the old one ends."""
    before = local.replace(fold=0).utcoffset() or timedelta()
    after = local.replace(fold=1).utcoffset() or timedelta()
    low, high = sorted((local.replace(tzinfo=None) - after, local.replace(tzinfo=None) - before))
    place = local.tzinfo
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.replace(tzinfo=UTC).astimezone(place).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0, tzinfo=UTC)
