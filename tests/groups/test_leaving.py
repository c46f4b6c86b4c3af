"""Leaving, and taking it back: one mail, one use, 72 hours; what has changed since wins."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from cgbot import wiring
from cgbot.context import Context
from cgbot.groups import audit, leaving, members, senders, subscriptions, suspensions
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.meetings import records as meetings
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.store.db import Database
from tests.groups.mailbag import Sent, errand, outbox, token_of

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HOOKS = wiring.ON_JOIN
PURPOSES = subscriptions.purposes(on_join=HOOKS, on_leave=wiring.ON_LEAVE)
SETTINGS = {"delivery": "weekly", "attachments": "link", "digest_format": "plain", "invitations": True}


@pytest.fixture
def mia(db: Database, context: Context, group: Group) -> Member:
    """A secretary with settings of her own, who writes French."""
    new = NewMember("mia@example.org", name="Mia", role="secretary", language="fr", zone="Asia/Seoul")
    member = db.write_now(members.add, context, group.id, new)
    return db.write_now(members.change, context, member, SETTINGS)


def gone(db: Database, context: Context, member: Member) -> Sent:
    """The mail about a leaving by one click."""
    db.write_now(wiring.leave, context, member)
    assert state(db, member) == "left"
    return next(one for one in reversed(outbox(db)) if "/rejoin/" in one.text)


def answer(db: Database, context: Context, group: Group, mail: Sent, text: str = "oui", **fields: str) -> str:
    back = errand(context, group, "confirm", text, detail=token_of(mail), sender="mia@example.org", **fields)
    return db.write_now(PURPOSES["confirm"], context, back).state


def state(db: Database, member: Member) -> str:
    found = db.read_now(members.get_member, member.id)
    assert found is not None
    return found.state


def test_a_yes_brings_the_member_back_as_before(db: Database, context: Context, group: Group, mia: Member) -> None:
    mail = gone(db, context, mia)
    assert mail.recipient == "mia@example.org"
    assert mail.message["Subject"] == "Vous avez quitté CG-AISEC"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert "jeudi 6 mai 2027" in mail.text
    assert answer(db, context, group, mail) == "sorted"
    assert db.read_now(members.get_member, mia.id) == mia
    assert outbox(db)[-1].message["Subject"] == "Vous êtes de nouveau membre de CG-AISEC"
    assert answer(db, context, group, mail) == "discarded"
    assert db.read_now(audit.last_actor, group.id, "member restored", "mia@example.org") == "mia@example.org"


@ONE
def test_leaving_by_mail_tells_the_member_once(db: Database, context: Context, group: Group, mia: Member) -> None:
    asked = errand(context, group, "leave", sender="mia@example.org")
    db.write_now(PURPOSES["leave"], context, asked)
    assert answer(db, context, group, outbox(db)[0], "yes") == "sorted"
    assert [one.recipient for one in outbox(db)] == ["mia@example.org"] * 2
    assert answer(db, context, group, outbox(db)[1], "yes") == "sorted"
    assert state(db, mia) == "active"


@ONE
@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("no", {}),
        ("I am out of the office until Monday.", {}),
        ("yes", {"Auto_Submitted": "auto-replied"}),
        ("yes", {"Subject": "Automatic reply: You have left CG-AISEC"}),
        ("yes", {"mail_from": ""}),
    ],
)
def test_nothing_else_brings_anybody_back(
    db: Database, context: Context, group: Group, mia: Member, text: str, fields: dict[str, str]
) -> None:
    answer(db, context, group, gone(db, context, mia), text, **fields)
    assert state(db, mia) == "left"


@ONE
def test_too_late_is_told_how_to_join(db: Database, context: Context, group: Group, mia: Member) -> None:
    mail = gone(db, context, mia)
    late = context.at(context.now + timedelta(hours=73))
    assert answer(db, late, group, mail) == "sorted"
    assert state(db, mia) == "left"
    assert "cg-aisec-join@lists.example.org" in outbox(db)[-1].text
    assert "/rejoin/" not in outbox(db)[-1].text


@ONE
def test_what_has_changed_since_wins(db: Database, context: Context, group: Group, mia: Member) -> None:
    """A ban; a new membership; an address that is somebody else's by now."""
    mail = gone(db, context, mia)
    db.write_now(senders.decide, context, group.id, ("mia@example.org", "ban", ""), "operator")
    assert answer(db, context, group, mail) == "discarded"
    assert state(db, mia) == "left"


@ONE
def test_a_new_membership_is_left_as_it_is(db: Database, context: Context, group: Group, mia: Member) -> None:
    mail = gone(db, context, mia)
    again = db.write_now(members.add, context, group.id, NewMember("mia@example.org"))
    assert answer(db, context, group, mail) == "discarded"
    assert db.read_now(members.get_member, mia.id) == again


@pytest.mark.parametrize(("cause", "state_after"), [("bounces", "active"), ("operator", "suspended")])
@ONE
def test_what_a_convener_has_stopped_stays_so(
    db: Database, context: Context, group: Group, mia: Member, cause: str, state_after: str
) -> None:
    if cause == "bounces":
        db.write_now(suspensions.suspend, mia.id, "bounces", context.now)
    member = db.write_now(members.change, context, mia, {"state": "suspended"})
    mail = gone(db, context, member)
    assert db.read_now(suspensions.open_of, mia.id) is None
    answer(db, context, group, mail)
    assert state(db, mia) == state_after
    assert (db.read_now(suspensions.open_of, mia.id) is None) == (state_after == "active")


@ONE
def test_joining_again_ends_a_suspension(db: Database, context: Context, group: Group, mia: Member) -> None:
    """Whether still a member or gone in between: no row stays open."""
    db.write_now(suspensions.suspend, mia.id, "bounces", context.now)
    db.write_now(members.change, context, mia, {"state": "suspended"})
    for days in (0, 2):
        now = context.at(context.now + timedelta(days=days))
        db.write_now(PURPOSES["join"], now, errand(now, group, "join", sender="mia@example.org"))
        assert answer(db, now, group, outbox(db)[-1], "yes") == "sorted"
        assert state(db, mia) == "active"
        assert db.read_now(suspensions.open_of, mia.id) is None
        db.write_now(members.change, now, db.read_now(members.require, group.id, mia.address), {"state": "suspended"})
        db.write_now(members.remove, now, group.id, mia.address)


@ONE
def test_invitations_come_again(db: Database, context: Context, group: Group, mia: Member) -> None:
    when = schedule.read_when("2027-05-20 09:00", duration="60m")
    meeting = db.write_now(schedule.schedule, context, group, Order("First", when))
    mail = gone(db, context, mia)
    assert db.read_now(meetings.find_attendee, meeting.id, mia.id) is None
    answer(db, context, group, mail)
    assert db.read_now(meetings.find_attendee, meeting.id, mia.id) is not None


@ONE
def test_the_link_takes_it_back_once(db: Database, context: Context, group: Group, mia: Member) -> None:
    mail = gone(db, context, mia)
    found = re.search(r"https://cg\.example\.org/rejoin/(\S+)", mail.text)
    assert found is not None
    for _ in range(2):
        asked = db.read_now(leaving.asked_for, context, found[1])
        assert asked is not None
        assert asked.address == "mia@example.org"
    assert db.write_now(leaving.undo, context, found[1], HOOKS) == mia
    assert db.read_now(leaving.asked_for, context, found[1]) is None
    assert db.write_now(leaving.undo, context, found[1], HOOKS) is None
