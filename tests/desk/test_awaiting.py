"""What awaits the conveners of one group: all of its own and nothing of another's, counted whole, listed in bounds."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from cgbot import wiring
from cgbot.context import Context
from cgbot.desk import awaiting
from cgbot.groups import bounce_records, members
from cgbot.groups.bounce_records import Bounce
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.store.db import Database, Tx
from cgbot.store.tables import attendees, deliveries, groups

DAY = timedelta(days=1)


@pytest.fixture
def other(db: Database, context: Context) -> int:
    """A second group, by its id."""
    made = sa.insert(groups).values(name="cg-other", created_at=context.now).returning(groups.c.id)
    return int(db.write_now(lambda tx: tx.execute(made).scalar_one()))


def add(db: Database, context: Context, group_id: int, name: str, role: str = "member") -> Member:
    return db.write_now(members.add, context, group_id, NewMember(f"{name}@example.org", name=name, role=role))


def write(db: Database, context: Context, group: tuple[int, str], *recipients: str) -> None:
    letter = Letter(
        kind="notice", about="a matter", template="held-decided", facts={"acronym": "X", "outcome": "y", "hold": 1},
        group=group, recipients=tuple(Addressee(one, None) for one in recipients), sender_local="x", sender_name="X",
    )  # fmt: skip
    db.write_now(letters.write, context, letter)


def end(db: Database, state: str, ago: timedelta, context: Context, *recipients: str) -> None:
    values = {"state": state, "done_at": context.now - ago, "reply": f"550 {state}"}
    change = sa.update(deliveries).where(deliveries.c.recipient.in_(recipients)).values(values)
    db.write_now(lambda tx: tx.execute(change))


def look(db: Database, context: Context, group: Group) -> awaiting.Awaiting:
    return db.read_now(awaiting.look, context, wiring.kinds(), group.id)


def test_nothing_awaits(db: Database, context: Context, group: Group) -> None:
    found = look(db, context, group)
    assert (found.held, found.orders, found.notices, found.meetings, found.calls, found.actions) == (
        (),
        (),
        (),
        (),
        (),
        (),
    )
    assert (found.outgoing, found.bounced, found.people) == (awaiting.Outgoing(Counter(), (), 0), (), Counter())


def test_the_outgoing_mail_of_a_group_is_its_own(db: Database, context: Context, group: Group, other: int) -> None:
    """What failed long ago is history; what was suppressed was nobody's fault."""
    write(db, context, (group.id, "cg-aisec"), "wait@x.org", "late@x.org", "lost@x.org", "old@x.org", "no@x.org")
    write(db, context, (other, "cg-other"), "theirs@x.org", "theirs-lost@x.org")
    end(db, "failed", DAY, context, "lost@x.org", "theirs-lost@x.org")
    end(db, "expired", 2 * DAY, context, "late@x.org")
    end(db, "failed", 15 * DAY, context, "old@x.org")
    end(db, "suppressed", DAY, context, "no@x.org")
    found = look(db, context, group).outgoing
    assert found.waiting == Counter(queued=1)
    assert [(one.recipient, one.state, one.reply) for one in found.failed] == [
        ("lost@x.org", "failed", "550 failed"),
        ("late@x.org", "expired", "550 expired"),
    ]
    assert found.failures == 2


def test_a_long_list_of_failures_is_cut_and_counted(db: Database, context: Context, group: Group) -> None:
    names = [f"m{number}@x.org" for number in range(60)]
    write(db, context, (group.id, "cg-aisec"), *names)
    end(db, "failed", DAY, context, *names)
    found = look(db, context, group).outgoing
    assert (len(found.failed), found.failures) == (50, 60)


def test_whose_delivery_it_is(db: Database, context: Context, group: Group, other: int) -> None:
    write(db, context, (group.id, "cg-aisec"), "a@x.org")
    write(db, context, (other, "cg-other"), "b@x.org")
    found = [db.read_now(awaiting.group_of_delivery, number) for number in (1, 2, 3)]
    assert found == [group.id, other, None]


def test_answers_are_counted_by_meeting(db: Database, context: Context, group: Group) -> None:
    """Meetings to come; a cancelled one and one that is over are not there."""
    for name in ("a", "b", "c"):
        add(db, context, group.id, name)

    def call(tx: Tx) -> list[int]:
        times = ("2027-05-20 09:00", "2027-06-20 09:00", "2027-07-20 09:00")
        orders = [Order(f"On {one}", schedule.read_when(one, duration="60m")) for one in times]
        return [schedule.schedule(tx, context, group, one).id for one in orders]

    first, second, third = db.write_now(call)
    yes = sa.update(attendees).where(attendees.c.meeting_id == second, attendees.c.member_id == 1)
    db.write_now(lambda tx: tx.execute(yes.values(partstat="ACCEPTED")))
    db.write_now(schedule.cancel, context, third)
    found = look(db, context.at(context.now + DAY), group).meetings
    assert [(one.meeting.id, one.answers) for one in found] == [
        (first, Counter({"NEEDS-ACTION": 3})),
        (second, Counter({"NEEDS-ACTION": 2, "ACCEPTED": 1})),
    ]
    assert [one.meeting.id for one in look(db, context.at(context.now + 30 * DAY), group).meetings] == [second]


def test_whose_mail_came_back(db: Database, context: Context, group: Group, other: int) -> None:
    """The newest report counts, the oldest are forgotten, who has left is still named."""
    here = add(db, context, group.id, "here")
    gone = add(db, context, group.id, "gone")
    db.write_now(members.remove, context, group.id, gone.address)

    theirs = add(db, context, other, "theirs")
    kinds = {"5.7.1": "content", "4.2.2": "soft"}
    for number, (member, ago, status) in enumerate(
        (
            (here, 31 * DAY, "5.0.0"),
            (here, 3 * DAY, "4.2.2"),
            (here, DAY, "5.1.1"),
            (here, DAY / 2, "5.7.1"),
            (gone, 2 * DAY, "5.1.2"),
            (theirs, DAY, "5.9.9"),
        )
    ):
        row = Bounce(member.id, number, context.now - ago, kinds.get(status, "hard"), status, "")
        db.write_now(bounce_records.add, [row])
    found = look(db, context, group).bounced
    assert [(one.address, one.times, one.status, one.member is not None) for one in found] == [
        ("here@example.org", 2, "5.1.1", True),
        ("gone@example.org", 1, "5.1.2", False),
    ]


def test_the_members_are_counted_by_role(db: Database, context: Context, group: Group) -> None:
    for name, role in (("a", "convener"), ("b", "member"), ("c", "member"), ("d", "observer")):
        add(db, context, group.id, name, role)
    db.write_now(members.remove, context, group.id, "c@example.org")
    assert look(db, context, group).people == Counter(convener=1, member=1, observer=1)


def test_mails_to_the_conveners_alone_are_not_shown_to_them_twice(db: Database, context: Context, group: Group) -> None:
    add(db, context, group.id, "chair", "convener")
    when = schedule.read_when("2027-05-20 09:00", duration="60m")
    db.write_now(schedule.schedule, context, group, Order("Second meeting", when))
    kinds = {one.occurrence.kind for one in look(db, context, group).notices}
    shown = {one.name for one in wiring.kinds() if one.audience != "conveners"}
    assert kinds
    assert kinds <= shown
