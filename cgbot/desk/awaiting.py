"""
Records: what awaits the conveners of one group, across all of its features; the desk's page and the digest show it.

Reads only. What failed and came back is bounded, the newest first, and its counts are of all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from cgbot.context import Context
from cgbot.groups import bounce_records, join_requests, members, orders
from cgbot.groups.join_requests import JoinRequest
from cgbot.groups.members import Member
from cgbot.groups.orders import Order
from cgbot.meetings import records as meetings
from cgbot.meetings.records import Meeting
from cgbot.notices import ledger
from cgbot.notices.kinds import Kind
from cgbot.notices.ledger import Notice
from cgbot.outbox import relay_state
from cgbot.papers import records as papers
from cgbot.papers import report
from cgbot.papers.records import Call, Paper
from cgbot.papers.report import Owed
from cgbot.posts import holds
from cgbot.posts.holds import Hold
from cgbot.store import service
from cgbot.store.tables import actions as action_rows
from cgbot.store.tables import addresses, attendees, contents, deliveries, people
from cgbot.store.tables import members as members_rows

AHEAD: Final = timedelta(days=28)
_BOUNCED_SINCE: Final = timedelta(days=30)
_FAILED_SINCE: Final = timedelta(days=14)
_MOST: Final = 50
WAITING: Final = ("queued", "leased", "deferred")


@dataclass(frozen=True, slots=True)
class Called:
    """A meeting to come with its answers: how many said ACCEPTED, DECLINED, …, NEEDS-ACTION."""

    meeting: Meeting
    answers: Counter[str]


@dataclass(frozen=True, slots=True)
class Failed:
    """A mail of the group that could not be delivered, and what the next server said."""

    id: int
    recipient: str
    about: str
    state: str
    reply: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Bounced:
    """A member whose mail came back within thirty days; `member` is None for one who has left."""

    address: str
    member: Member | None
    times: int
    last_at: datetime
    status: str
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """
    How many copies wait by state, what failed lately (newest first), and how many failed in all of that time.

    `silent_since` is set while the next mail server does not answer, `paused` while nothing is sent after a restore.
    """

    waiting: Counter[str]
    failed: tuple[Failed, ...]
    failures: int
    silent_since: datetime | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that is open, and how many papers it has brought so far."""

    call: Call
    papers: int


@dataclass(frozen=True, slots=True)
class Action:
    """An open action; `due_on` an ISO day, "" for none; `owner` their name or address, "" for nobody."""

    id: int
    text: str
    due_on: str
    owner: str


@dataclass(frozen=True, slots=True)
class Awaiting:
    """What waits for the conveners, and what is about to happen within four weeks."""

    held: tuple[Hold, ...]
    applicants: tuple[JoinRequest, ...]
    orders: tuple[Order, ...]
    notices: tuple[Notice, ...]
    meetings: tuple[Called, ...]
    reports: tuple[Owed, ...]
    calls: tuple[Asked, ...]
    announced: tuple[Paper, ...]
    actions: tuple[Action, ...]
    outgoing: Outgoing
    bounced: tuple[Bounced, ...]
    people: Counter[str]


def look(tx: Connection, context: Context, kinds: Sequence[Kind], group_id: int) -> Awaiting:
    """Gather it in one snapshot."""
    ahead = ledger.preview(tx, context, kinds, context.now + AHEAD)
    to_others = {one.name for one in kinds if one.audience != "conveners"}  # what goes to conveners they see here
    return Awaiting(
        held=holds.waiting(tx, group_id),
        applicants=join_requests.waiting(tx, group_id),
        orders=tuple(one for one in orders.waiting(tx, group_id) if _is_fresh(one, context.now)),
        notices=tuple(one for one in ahead if one.occurrence.group_id == group_id and one.occurrence.kind in to_others),
        meetings=called(tx, context, group_id),
        reports=report.owed(tx, context, group_id),
        calls=calls(tx, group_id),
        announced=papers.announced(tx, group_id),
        actions=actions(tx, group_id),
        outgoing=outgoing(tx, context, group_id),
        bounced=bounced(tx, context, group_id),
        people=Counter(one.role for one in members.list_members(tx, group_id)),
    )


def _is_fresh(one: Order, now: datetime) -> bool:
    return one.state == "ordered" or one.created_at > now - orders.LIFETIME


def called(tx: Connection, context: Context, group_id: int) -> tuple[Called, ...]:
    """The meetings to come that are not cancelled, by their start."""
    found = [one for one in meetings.of_group(tx, group_id, since=context.now) if one.state != "cancelled"]
    rows = tx.execute(
        select(attendees.c.meeting_id, attendees.c.partstat, func.count().label("people"))
        .where(attendees.c.meeting_id.in_([one.id for one in found]))
        .group_by(attendees.c.meeting_id, attendees.c.partstat)
    ).all()
    return tuple(
        Called(one, Counter({row.partstat: row.people for row in rows if row.meeting_id == one.id})) for one in found
    )


def calls(tx: Connection, group_id: int) -> tuple[Asked, ...]:
    """The open calls, the first to close first."""
    received = Counter(one.paper.call_id for one in papers.list_papers(tx, group_id))
    return tuple(Asked(one, received[one.id]) for one in papers.list_calls(tx, group_id, only_open=True))


def actions(tx: Connection, group_id: int) -> tuple[Action, ...]:
    """The open actions, what is due first and what has no day last."""
    rows = tx.execute(
        select(action_rows.c.id, action_rows.c.text, action_rows.c.due_on, people.c.name, addresses.c.address)
        .select_from(
            action_rows.outerjoin(members_rows, action_rows.c.owner_id == members_rows.c.id)
            .outerjoin(people, members_rows.c.person_id == people.c.id)
            .outerjoin(addresses, members_rows.c.address_id == addresses.c.id)
        )
        .where(action_rows.c.group_id == group_id, action_rows.c.state == "open")
        .order_by(action_rows.c.due_on == "", action_rows.c.due_on, action_rows.c.id)
    )
    return tuple(Action(row.id, row.text, row.due_on, row.name or row.address or "") for row in rows)


def outgoing(tx: Connection, context: Context, group_id: int) -> Outgoing:
    """The group's own part of the outbox."""
    mine = deliveries.join(contents, contents.c.id == deliveries.c.content_id)
    own = contents.c.group_id == group_id
    states = tx.execute(
        select(deliveries.c.state, func.count().label("copies"))
        .select_from(mine)
        .where(own, deliveries.c.state.in_(WAITING))
        .group_by(deliveries.c.state)
    )
    lost = own & deliveries.c.state.in_(("failed", "expired")) & (deliveries.c.done_at > context.now - _FAILED_SINCE)
    columns = (deliveries.c[name] for name in ("id", "recipient", "state", "reply"))
    rows = tx.execute(
        select(*columns, contents.c.about, deliveries.c.done_at.label("at"))
        .select_from(mine)
        .where(lost)
        .order_by(deliveries.c.done_at.desc(), deliveries.c.id.desc())
        .limit(_MOST)
    )
    count = tx.execute(select(func.count()).select_from(mine).where(lost)).scalar_one()
    silence = relay_state.find(tx)
    return Outgoing(
        waiting=Counter({row.state: row.copies for row in states}),
        failed=tuple(Failed(**row._mapping) for row in rows),
        failures=int(count),
        silent_since=silence.since if silence else None,
        paused=service.paused(tx) is not None,
    )


def bounced(tx: Connection, context: Context, group_id: int) -> tuple[Bounced, ...]:
    """Whose mail came back lately, the newest first; what was blamed on the mail itself is left out."""
    rows = bounce_records.of_group(tx, group_id, context.now - _BOUNCED_SINCE)
    against = [row for row in rows if row.kind != "content"]
    times = Counter(row.member_id for row in against)
    newest = {row.member_id: row for row in reversed(against)}
    latest = sorted(newest.values(), key=lambda row: row.at, reverse=True)[:_MOST]
    found = ((members.get_member(tx, row.member_id), row) for row in latest)
    return tuple(
        Bounced(member.address, _still_here(member), times[member.id], row.at, row.status, row.diagnostic)
        for member, row in found
        if member is not None
    )


def _still_here(member: Member | None) -> Member | None:
    return member if member and member.state != "left" else None


def group_of_delivery(tx: Connection, delivery_id: int) -> int | None:
    """Whose mail this is; None for the service's own, or for none."""
    found = select(contents.c.group_id).select_from(deliveries.join(contents)).where(deliveries.c.id == delivery_id)
    return tx.execute(found).scalar_one_or_none()
