"""
Use cases: the ledger of what is due, so that a scheduled mail goes out once per occurrence.

`plan` writes down what the kinds say will be due; the unique key (group, kind, about) lets one row of each in. `send`
claims one row by its state and queues the mail in the same transaction: a missed tick, a restart, a second process or
a clock that jumps finds the row taken. A kind that is announced goes out only after the conveners have been shown it
(groups.planned) and not before SHOWN_BEFORE has passed since. Each kind says what becomes of a late one; what its plan
no longer gives is skipped. The ledger knows no kind of its own and writes no mail.

    planned ── shown to the conveners ──> announced ──> queued
       └────────────── queued | stopped | skipped ────────┘
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, select, update

from cgbot.context import Context
from cgbot.errors import Conflict, NotFound
from cgbot.failpoints import reach
from cgbot.notices.kinds import Kind, Occurrence, is_too_late
from cgbot.store.tables import notices
from cgbot.store.upsert import insert_new

# The conveners see what goes to the list at least this long before, even if it was planned at the last moment.
SHOWN_BEFORE: Final = timedelta(hours=1)
# Rows are written this long before they are due: the conveners' daily mail needs them, and a day to stop them.
HORIZON: Final = timedelta(hours=49)
_OPEN: Final = ("planned", "announced")


@dataclass(frozen=True, slots=True)
class Notice:
    """One occurrence in the ledger; `id` is 0 for one that is not written down yet (preview)."""

    id: int
    occurrence: Occurrence
    state: str
    announced_at: datetime | None = None
    done_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What a tick did with one notice."""

    notice: Notice
    state: str
    reason: str


def tick(tx: Connection, context: Context, kinds: Sequence[Kind]) -> tuple[Done, ...]:
    """Plan, and send all that is due by now, in one transaction; the clock does the same in several."""
    plan(tx, context, kinds)
    outcomes = (send(tx, context, kinds, notice_id) for notice_id in due(tx, context, kinds))
    return tuple(outcome for outcome in outcomes if outcome)


def plan(tx: Connection, context: Context, kinds: Sequence[Kind]) -> int:
    """Write down what is due within the horizon; the number of new rows."""
    new = 0
    for kind in kinds:
        until = context.now + (HORIZON if kind.announced else timedelta())
        planned = [one for one in kind.plan(tx, context, until) if one.due_at <= until]
        known = _known(tx, planned)
        new += sum(_note(tx, one) for one in planned if _key(one) not in known)
    return new


def due(tx: Connection, context: Context, kinds: Sequence[Kind]) -> tuple[int, ...]:
    """The ids of the notices to be sent or skipped now, oldest first."""
    names = [kind.name for kind in kinds]
    waits = (notices.c.state == "announced") & (notices.c.announced_at > context.now - SHOWN_BEFORE)
    rows = tx.execute(
        select(notices.c.id)
        .where(notices.c.state.in_(_OPEN), notices.c.kind.in_(names), notices.c.due_at <= context.now, ~waits)
        .order_by(notices.c.due_at, notices.c.id)
    )
    return tuple(rows.scalars())


def send(tx: Connection, context: Context, kinds: Sequence[Kind], notice_id: int) -> Done | None:
    """Send or skip one notice in this transaction; None when another process has it."""
    notice = get(tx, notice_id)
    kind = next((one for one in kinds if one.name == notice.occurrence.kind), None)
    if kind is None or notice.state not in _OPEN:
        return None
    fresh, reason = _judge(tx, context, kind, notice)
    if not reason and kind.announced and not _was_shown(notice, context.now):
        return None
    if fresh.due_at > context.now:
        tx.execute(update(notices).where(notices.c.id == notice_id).values(due_at=fresh.due_at))
        return None
    state = "skipped" if reason else "queued"
    if not _finish(tx, notice, state, reason, context.now):
        return None
    reach("notices.claimed")
    if not reason:
        kind.send(tx, context, fresh)
    reach("notices.before-commit")
    return Done(notice, state, reason)


def _was_shown(notice: Notice, now: datetime) -> bool:
    """Say whether the conveners have had time to stop it; the daily mail of this very tick has just gone out."""
    return notice.announced_at is not None and notice.announced_at <= now - SHOWN_BEFORE


def _judge(tx: Connection, context: Context, kind: Kind, notice: Notice) -> tuple[Occurrence, str]:
    """The occurrence as it is planned now, and why it must not be sent, if so."""
    due_at = notice.occurrence.due_at
    if notice.announced_at:
        due_at = max(due_at, notice.announced_at + SHOWN_BEFORE)
    planned = kind.plan(tx, context, max(context.now, notice.occurrence.due_at) + HORIZON)
    mine = [one for one in planned if one.group_id == notice.occurrence.group_id]
    fresh = next((one for one in mine if one.about == notice.occurrence.about), None)
    if fresh is None:
        return notice.occurrence, "no longer due: what it speaks of has changed or is over"
    if is_too_late(kind.late, due_at, context.now):
        return fresh, f"late by {_in_words(context.now - due_at)}"
    newer = [one for one in mine if notice.occurrence.due_at < one.due_at <= context.now]
    if kind.late.covers and newer:
        return fresh, f"covered by {max(newer, key=lambda one: one.due_at).about}"
    return fresh, ""


def _in_words(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def announce(tx: Connection, ids: Collection[int], now: datetime) -> int:
    """Note that the conveners have been shown these; how many were still only planned."""
    done = tx.execute(
        update(notices)
        .where(notices.c.id.in_(ids), notices.c.state == "planned")
        .values(state="announced", announced_at=now)
    )
    return done.rowcount


def stop(tx: Connection, notice_id: int, reason: str, now: datetime) -> Notice:
    """Stop a notice. Raises NotFound, and Conflict when it has gone out or been stopped already."""
    notice = get(tx, notice_id)
    if not _finish(tx, notice, "stopped", reason, now):
        raise Conflict(
            f"notice {notice_id} cannot be stopped: it is {notice.state} since {notice.done_at:%d %B %Y %H:%M} UTC"
        )
    return get(tx, notice_id)


def get(tx: Connection, notice_id: int) -> Notice:
    """The notice with this id. Raises NotFound."""
    row = tx.execute(select(notices).where(notices.c.id == notice_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no notice {notice_id}; `cgbot notices list` shows what is planned")
    return _notice(row)


def find(tx: Connection, condition: ColumnElement[bool], limit: int = 1000) -> tuple[Notice, ...]:
    """The notices for which the condition on the table holds, by due time."""
    rows = tx.execute(select(notices).where(condition).order_by(notices.c.due_at, notices.c.id).limit(limit))
    return tuple(map(_notice, rows))


def preview(tx: Connection, context: Context, kinds: Sequence[Kind], until: datetime) -> tuple[Notice, ...]:
    """What is still to go out by `until`, written down or not, by due time."""
    open_rows = find(tx, notices.c.state.in_(_OPEN) & (notices.c.due_at <= until))
    planned = [one for kind in kinds for one in kind.plan(tx, context, until) if one.due_at <= until]
    fresh = {_key(one) for one in planned}
    known = _known(tx, planned)
    ahead = [Notice(0, one, "planned") for one in planned if _key(one) not in known]
    still = [one for one in open_rows if _key(one.occurrence) in fresh]
    return tuple(sorted([*ahead, *still], key=lambda one: (one.occurrence.due_at, one.id)))


def _key(one: Occurrence) -> tuple[int, str, str]:
    return one.group_id, one.kind, one.about


def _known(tx: Connection, planned: Sequence[Occurrence]) -> set[tuple[int, str, str]]:
    """Which of these are written down, in whatever state."""
    abouts = sorted({one.about for one in planned})
    rows: list[Any] = []
    for start in range(0, len(abouts), 500):
        columns = (notices.c.group_id, notices.c.kind, notices.c.about)
        rows.extend(tx.execute(select(*columns).where(notices.c.about.in_(abouts[start : start + 500]))))
    return {(row.group_id, row.kind, row.about) for row in rows}


def _note(tx: Connection, one: Occurrence) -> int:
    """Write an occurrence down unless it is."""
    values = {
        "group_id": one.group_id,
        "kind": one.kind,
        "about": one.about,
        "due_at": one.due_at,
        "audience": one.audience,
        "summary": one.summary,
        "facts": dict(one.facts),
    }
    return tx.execute(insert_new(tx, notices).values(values).returning(notices.c.id)).scalar_one_or_none() is not None


def _finish(tx: Connection, notice: Notice, state: str, reason: str, now: datetime) -> bool:
    """Take the notice to its end, if nobody else has."""
    done = tx.execute(
        update(notices)
        .where(notices.c.id == notice.id, notices.c.state.in_(_OPEN))
        .values(state=state, reason=reason, done_at=now)
    )
    return done.rowcount == 1


def _notice(row: Any) -> Notice:
    names = ("kind", "about", "group_id", "due_at", "audience", "summary", "facts")
    occurrence = Occurrence(**{name: getattr(row, name) for name in names})
    return Notice(row.id, occurrence, row.state, row.announced_at, row.done_at, row.reason)
