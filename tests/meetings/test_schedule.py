"""Calling, moving and cancelling: SEQUENCE, who is asked again, and what is queued."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed
from cgbot.groups import members
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.mail.frozen import Frozen, fill
from cgbot.meetings import feeds, invitations, records, reminders, schedule
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Changes, Order
from cgbot.store.db import Database, Tx
from cgbot.store.tables import contents, deliveries

ADDRESSES = ("convener@example.org", "delegate@example.org", "observer@example.net")


@pytest.fixture
def people(db: Database, context: Context, group: Group) -> tuple[Member, ...]:
    roles = ("convener", "member", "observer")
    return tuple(
        db.write_now(members.add, context, group.id, NewMember(address, name=address.partition("@")[0], role=role))
        for address, role in zip(ADDRESSES, roles, strict=True)
    )


def order(start: str = "2027-05-20 09:00", **more: object) -> Order:
    return Order("First meeting", schedule.read_when(start, duration="60m"), **more)  # type: ignore[arg-type]


def call(db: Database, context: Context, group: Group, **more: object) -> Meeting:
    return db.write_now(schedule.schedule, context, group, order(**more))


def queued(tx: Tx) -> dict[str, list[messages.Message]]:
    """What waits in the queue, by recipient, as it would go out."""
    rows = tx.execute(
        sa.select(deliveries.c.recipient, deliveries.c.slots, contents.c.body, contents.c.marks)
        .select_from(deliveries.join(contents))
        .where(deliveries.c.state == "queued")
        .order_by(deliveries.c.id)
    )
    found: dict[str, list[messages.Message]] = {}
    for row in rows:
        raw = fill(Frozen.from_json(bytes(row.body), row.marks), row.slots)
        found.setdefault(row.recipient, []).append(messages.parse(raw))
    return found


def ics(message: messages.Message) -> str:
    assert len(set(message.calendars)) == 1  # the part and the attachment are the same bytes
    return message.calendars[0].decode().replace("\r\n ", "")


def test_each_member_gets_one_invitation_of_their_own(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    call(db, context, group)
    found = db.read_now(queued)
    assert {address: len(mails) for address, mails in found.items()} == dict.fromkeys(ADDRESSES, 1)
    for address, (mail,) in found.items():
        assert [one.address for one in mail.to] == [address]
        assert re.findall(r"ATTENDEE[^\n]*mailto:(\S+)", ics(mail)) == [address]
        organizer = re.findall(r"ORGANIZER[^\n]*mailto:(\S+)", ics(mail))
        assert [one.address for one in mail.authors] == organizer
        everything = mail.raw + mail.calendars[0]
        assert not any(other.encode() in everything for other in set(ADDRESSES) - {address})
        assert max(map(len, mail.raw.split(b"\r\n"))) <= 998
        assert mail.raw.isascii()
    role = re.compile(r"ROLE=([A-Z-]+)")
    assert role.findall(ics(found["observer@example.net"][0])) == ["OPT-PARTICIPANT"]
    assert role.findall(ics(found["delegate@example.org"][0])) == ["REQ-PARTICIPANT"]


def test_a_move_counts_up_asks_again_and_replaces_what_is_queued(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    meeting = call(db, context, group)
    yes = {"partstat": "ACCEPTED", "sequence": 0, "dtstamp": context.now}
    db.write_now(records.answer, meeting.id, people[1].id, yes)
    changes = Changes(when=schedule.read_when("2027-05-21 09:00", duration="60m"))
    moved = db.write_now(schedule.move, context.at(context.now + timedelta(hours=1)), meeting.id, changes)
    assert (moved.sequence, moved.revision) == (1, 2)
    assert {one.partstat for one in db.read_now(records.invited, meeting.id)} == {"NEEDS-ACTION"}
    (mail,) = db.read_now(queued)["delegate@example.org"]
    assert "SEQUENCE:1\r\n" in ics(mail)
    assert "DTSTART;TZID=Europe/Zurich:20270521T090000" in ics(mail)
    assert f"UID:{meeting.uid}" in ics(mail)


def test_other_words_keep_the_sequence_and_the_answers(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    meeting = call(db, context, group)
    yes = {"partstat": "ACCEPTED", "sequence": 0, "dtstamp": context.now}
    db.write_now(records.answer, meeting.id, people[1].id, yes)
    later = context.at(context.now + timedelta(hours=1))
    changed = db.write_now(schedule.move, later, meeting.id, Changes(description="Agenda: 1. opening"))
    assert (changed.sequence, changed.revision) == (0, 2)
    (mail,) = db.read_now(queued)["delegate@example.org"]
    assert "PARTSTAT=ACCEPTED" in ics(mail)
    assert "DTSTAMP:20270503T090000Z" in ics(mail)


def test_no_change_sends_nothing(db: Database, context: Context, group: Group, people: tuple[Member, ...]) -> None:
    meeting = call(db, context, group)
    same = Changes(title="First meeting", when=schedule.read_when("2027-05-20 09:00", duration="60m"))
    assert db.write_now(schedule.move, context, meeting.id, same) == meeting
    assert len(db.read_now(queued)["delegate@example.org"]) == 1


def test_a_cancellation_goes_to_those_who_were_invited(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    meeting = call(db, context, group)
    cancelled = db.write_now(schedule.cancel, context, meeting.id)
    assert (cancelled.state, cancelled.sequence) == ("cancelled", 1)
    for mails in db.read_now(queued).values():
        (mail,) = mails
        assert "METHOD:CANCEL" in ics(mail)
        assert "STATUS:CANCELLED" in ics(mail)
        assert "SEQUENCE:1" in ics(mail)
    with pytest.raises(Conflict, match="is cancelled"):
        db.write_now(schedule.cancel, context, meeting.id)
    served = db.read_now(feeds.render, context, group)
    assert b"STATUS:CANCELLED" in served.content


def test_a_new_subscriber_is_invited_and_one_who_leaves_is_not(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    meeting = call(db, context, group)
    new = db.write_now(members.add, context, group.id, NewMember("new@example.org"))
    db.write_now(invitations.welcome, context, new)
    (mail,) = db.read_now(queued)["new@example.org"]
    assert "METHOD:REQUEST" in ics(mail)
    db.write_now(invitations.part, context, new)
    (mail,) = db.read_now(queued)["new@example.org"]
    assert "METHOD:CANCEL" in ics(mail)
    assert "STATUS" not in ics(mail)
    assert new.id not in {one.member_id for one in db.read_now(records.invited, meeting.id)}


def test_a_meeting_in_the_past_is_refused_or_only_recorded(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    with pytest.raises(Malformed, match=r"in the past; --past records it"):
        call(db, context, group, start="2024-05-16 09:00")
    recorded = call(db, context, group, start="2024-05-16 09:00", past=True)
    assert recorded.state == "held"
    assert db.read_now(queued) == {}


def test_only_what_has_been_is_recorded_and_whole_days_may_begin_today(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    with pytest.raises(Malformed, match="is not over yet"):
        call(db, context, group, past=True)
    today = Order("SG17", schedule.read_when("2027-05-03", days=8), kind="parent")
    assert db.write_now(schedule.schedule, context, group, today).state == "confirmed"


def test_confirming_asks_again_and_other_words_leave_earlier_answers_alone(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    meeting = call(db, context, group, tentative=True)
    yes = {"partstat": "ACCEPTED", "sequence": 0, "dtstamp": context.now}
    db.write_now(records.answer, meeting.id, people[1].id, yes)
    confirmed = db.write_now(schedule.move, context, meeting.id, Changes(confirm=True))
    assert (confirmed.state, confirmed.sequence) == ("confirmed", 1)
    assert {one.partstat for one in db.read_now(records.invited, meeting.id)} == {"NEEDS-ACTION"}
    db.write_now(invitations.part, context, people[2])
    db.write_now(schedule.move, context, meeting.id, Changes(description="Agenda"))
    asked = db.read_now(records.find_attendee, meeting.id, people[1].id)
    assert asked is not None
    assert asked.invited_sequence == 1  # although somebody's leaving has counted SEQUENCE up


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("2027-05-20 10:00", "2027-05-20 09:00", "would end before it starts"),
        ("2027-05-20 10:00", "2027-05-20 10:00", "would end before it starts"),
        ("2027-05-20 10:00", "2027-09-20 10:00", "60 are allowed"),
        ("2027-05-20", "2027-05-19", "would end before it starts"),
        ("2027-05-20 10:00", "", "either an end or a duration"),
        ("2027-05-20", "", "last day or a number of days"),
    ],
)
def test_times_that_make_no_meeting(start: str, end: str, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        schedule.read_when(start, end)


def test_whole_days_of_a_parent_meeting() -> None:
    """SG17, Wed 3 - Thu 11 December 2025."""
    by_days = schedule.read_when("2025-12-03", days=9)
    assert by_days == schedule.read_when("2025-12-03", "2025-12-11")
    assert (by_days.wall_start, by_days.wall_end, by_days.whole_days) == ("2025-12-03", "2025-12-12", True)


def test_a_parent_meeting_invites_nobody(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    parent = Order("SG17", schedule.read_when("2027-12-01", days=8), kind="parent")
    meeting = db.write_now(schedule.schedule, context, group, parent)
    assert meeting.takes_report
    assert db.read_now(queued) == {}


def test_reminders_speak_of_a_revision_and_spare_those_who_said_no(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    meeting = call(db, context, group)
    until = meeting.starts_at
    before = [one.about for one in db.read_now(reminders.plan, context, until)]
    assert f"meeting {meeting.id}, revision 1, 1 day before" in before
    changes = Changes(when=schedule.read_when("2027-05-21 09:00", duration="60m"))
    moved = db.write_now(schedule.move, context, meeting.id, changes)
    planned = db.read_now(reminders.plan, context, moved.starts_at)
    assert {one.about for one in planned}.isdisjoint(before)
    no = {"partstat": "DECLINED", "sequence": 1, "dtstamp": context.now}
    db.write_now(records.answer, meeting.id, people[1].id, no)
    db.write_now(reminders.kinds()[0].send, context, planned[0])
    reminded = {address for address, mails in db.read_now(queued).items() if any("In " in one.subject for one in mails)}
    assert reminded == {"convener@example.org", "observer@example.net"}
    assert db.read_now(reminders.plan, context.at(moved.starts_at), moved.starts_at) == []


def test_the_feed_is_stable_and_its_time_never_goes_back(
    db: Database, context: Context, group: Group, people: tuple[Member, ...]
) -> None:
    call(db, context, group)
    first = db.read_now(feeds.render, context, group)
    db.write_now(feeds.remember, group.id, first)
    later = context.at(context.now + timedelta(days=2))
    again = db.read_now(feeds.render, later, group)
    assert (again.content, again.etag, again.changed_at) == (first.content, first.etag, first.changed_at)
    grown_old = context.at(context.now + timedelta(days=200))
    empty = db.read_now(feeds.render, grown_old, group)
    assert empty.etag != first.etag
    assert empty.changed_at > first.changed_at
