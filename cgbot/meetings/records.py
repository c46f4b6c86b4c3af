"""
Meetings, who was invited and what they answered (records).

A meeting keeps the wall time that the convener wrote, with its zone, beside the instant; SEQUENCE and the revision are
counted by the use cases. Nothing here sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from cgbot.errors import NotFound
from cgbot.store.tables import addresses, attendees, meetings, members, people, replies
from cgbot.store.upsert import insert_new

PROPOSAL: Final = "proposal"  # the outcome of a COUNTER that awaits a convener
ORDER = ("NEEDS-ACTION", "ACCEPTED", "TENTATIVE", "DECLINED", "DELEGATED")


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting; `ends_at` and `wall_end` are exclusive, a whole-day meeting has dates for wall times."""

    id: int
    group_id: int
    uid: str
    kind: str
    title: str
    description: str
    zone: str
    wall_start: str
    wall_end: str
    starts_at: datetime
    ends_at: datetime
    whole_days: bool
    location: str
    join_url: str
    state: str
    sequence: int
    revision: int
    revised_at: datetime
    created_at: datetime
    takes_report: bool


@dataclass(frozen=True, slots=True)
class AttendeeState:
    """What one invited member has answered, at which SEQUENCE, and how well it is proven."""

    member_id: int
    name: str
    address: str
    organization: str
    partstat: str
    sequence: int | None
    dtstamp: datetime | None
    evidence: str
    comment: str
    answered_at: datetime | None
    invited_sequence: int


def add(tx: Connection, values: dict[str, Any]) -> Meeting:
    """Write a new meeting."""
    meeting_id = tx.execute(insert(meetings).values(values).returning(meetings.c.id)).scalar_one()
    return get(tx, int(meeting_id))


def get(tx: Connection, meeting_id: int) -> Meeting:
    """One meeting; NotFound says where the numbers are."""
    found = find(tx, meeting_id)
    if found is None:
        raise NotFound(f"there is no meeting {meeting_id}; `cgbot meetings list GROUP` shows them")
    return found


def find(tx: Connection, meeting_id: int) -> Meeting | None:
    """The meeting with this number."""
    row = tx.execute(select(meetings).where(meetings.c.id == meeting_id)).one_or_none()
    return None if row is None else Meeting(**row._mapping)


def find_uid(tx: Connection, uid: str) -> Meeting | None:
    """The meeting of this UID."""
    row = tx.execute(select(meetings).where(meetings.c.uid == uid)).one_or_none()
    return None if row is None else Meeting(**row._mapping)


def of_group(tx: Connection, group_id: int | None = None, since: datetime | None = None) -> tuple[Meeting, ...]:
    """Meetings that end after `since`, of one group or of all, by their start."""
    wanted = select(meetings).order_by(meetings.c.starts_at, meetings.c.id)
    if group_id is not None:
        wanted = wanted.where(meetings.c.group_id == group_id)
    if since is not None:
        wanted = wanted.where(meetings.c.ends_at > since)
    return tuple(Meeting(**row._mapping) for row in tx.execute(wanted))


def change(tx: Connection, meeting_id: int, values: dict[str, Any]) -> Meeting:
    """Write changed columns."""
    tx.execute(update(meetings).where(meetings.c.id == meeting_id).values(values))
    return get(tx, meeting_id)


def invite(tx: Connection, meeting: Meeting, member_ids: list[int], *, ask_again: bool) -> None:
    """Note who is invited at this SEQUENCE; with `ask_again` earlier answers no longer count as answers."""
    rows = [
        {"meeting_id": meeting.id, "member_id": one, "invited_sequence": meeting.sequence, "partstat": "NEEDS-ACTION",
         "evidence": "", "comment": ""}
        for one in member_ids
    ]  # fmt: skip
    if not rows:
        return
    tx.execute(insert_new(tx, attendees), rows)
    if not ask_again:  # the time is the same: what was answered to an earlier SEQUENCE still is an answer
        return
    asked = {"invited_sequence": meeting.sequence, "partstat": "NEEDS-ACTION", "evidence": "", "comment": ""}
    tx.execute(
        update(attendees)
        .where(attendees.c.meeting_id == meeting.id, attendees.c.member_id.in_(member_ids))
        .values(**asked, answered_at=None)
    )


def invited(tx: Connection, meeting_id: int) -> tuple[AttendeeState, ...]:
    """Who was invited, with the answer, by name of the address."""
    rows = tx.execute(
        select(
            attendees.c.member_id,
            people.c.name,
            addresses.c.address,
            people.c.organization,
            attendees.c.partstat,
            attendees.c.sequence,
            attendees.c.dtstamp,
            attendees.c.evidence,
            attendees.c.comment,
            attendees.c.answered_at,
            attendees.c.invited_sequence,
        )
        .select_from(
            attendees.join(members, attendees.c.member_id == members.c.id)
            .join(people, members.c.person_id == people.c.id)
            .join(addresses, members.c.address_id == addresses.c.id)
        )
        .where(attendees.c.meeting_id == meeting_id)
        .order_by(addresses.c.key)
    )
    return tuple(AttendeeState(**row._mapping) for row in rows)


def find_attendee(tx: Connection, meeting_id: int, member_id: int) -> AttendeeState | None:
    """One invited member's state."""
    return next((one for one in invited(tx, meeting_id) if one.member_id == member_id), None)


def answer(tx: Connection, meeting_id: int, member_id: int, values: dict[str, Any]) -> None:
    """Write an answer that counts."""
    tx.execute(
        update(attendees).where(attendees.c.meeting_id == meeting_id, attendees.c.member_id == member_id).values(values)
    )


def forget(tx: Connection, meeting_id: int, member_id: int) -> None:
    """Somebody is no longer invited."""
    tx.execute(attendees.delete().where(attendees.c.meeting_id == meeting_id, attendees.c.member_id == member_id))


def note_reply(tx: Connection, values: dict[str, Any]) -> int:
    """Keep a reply as it came, applied or not; its number."""
    return int(tx.execute(insert(replies).values(values).returning(replies.c.id)).scalar_one())


def settle_proposal(tx: Connection, reply_id: int, outcome: str) -> str:
    """Write what became of a proposed time; "" when it still waited, else what had become of it already."""
    waits = (replies.c.id == reply_id) & (replies.c.outcome == PROPOSAL)
    if tx.execute(update(replies).where(waits).values(outcome=outcome)).rowcount == 1:
        return ""
    return str(tx.execute(select(replies.c.outcome).where(replies.c.id == reply_id)).scalar_one())


def replace_proposals(tx: Connection, meeting_id: int, member_id: int, newest: int) -> None:
    """Let a member's earlier proposals go for the newest."""
    mine = (replies.c.meeting_id == meeting_id) & (replies.c.member_id == member_id) & (replies.c.id != newest)
    tx.execute(
        update(replies).where(mine, replies.c.outcome == PROPOSAL).values(outcome="replaced by a newer proposal")
    )


def answered_with(tx: Connection, meeting_id: int, member_id: int, outcome: str, since: datetime) -> int:
    """How many mails of a member about a meeting had this outcome since."""
    mine = (replies.c.meeting_id == meeting_id) & (replies.c.member_id == member_id)
    counted = select(func.count()).select_from(replies)
    return int(
        tx.execute(counted.where(mine, replies.c.outcome == outcome, replies.c.received_at > since)).scalar_one()
    )
