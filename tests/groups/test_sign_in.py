"""Signing in by a mailed link: to a member's current address alone, once, for an hour; a session ends as it should."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.groups import members, sign_in, tokens
from cgbot.groups.commands import Actor, Request
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.store.db import Database
from cgbot.store.tables import groups
from cgbot.store.tables import tokens as rows
from tests.groups.mailbag import errand, outbox

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def member(db: Database, context: Context, group: Group) -> Member:
    new = NewMember("Delegate@Example.org", name="A Delegate", role="convener")
    return db.write_now(members.add, context, group.id, new)


def link(db: Database) -> str:
    match = re.search(r"\nhttps://cg\.example\.org/sign-in/(\w{26})\s", outbox(db)[-1].text)
    assert match
    return match[1]


def signed_in(db: Database, context: Context, address: str = "delegate@example.org", to: str = "") -> sign_in.Session:
    assert db.write_now(sign_in.ask, context, address, to)
    session = db.write_now(sign_in.begin, context, link(db))
    assert session
    return session


def test_a_link_signs_in_once(db: Database, context: Context, member: Member) -> None:
    assert db.write_now(sign_in.ask, context, "DELEGATE@example.ORG", "/desk/cg-aisec/")
    (letter,) = outbox(db)
    assert letter.recipient == "Delegate@Example.org"  # as the group writes it, not as it was typed
    assert letter.message["Subject"] == "Sign in to the pages of CG-AISEC"
    assert "once, until Monday 3 May 2027, 11:00 Geneva time (CEST, 09:00 UTC)." in " ".join(letter.text.split())
    assert "to the desk, the archive and your settings" in letter.text
    assert letter.message["Auto-Submitted"] == "auto-generated"
    shown = db.read_now(sign_in.asked_for, context, link(db))
    assert shown is not None
    assert (shown.address, shown.name, shown.desks) == ("Delegate@Example.org", "A Delegate", ("cg-aisec",))
    session = db.write_now(sign_in.begin, context, link(db))
    assert session is not None
    assert (session.visitor, session.to) == (shown, "/desk/cg-aisec/")
    assert db.read_now(sign_in.find, context, session.token) == shown
    assert db.write_now(sign_in.begin, context, link(db)) is None
    assert db.read_now(sign_in.asked_for, context, link(db)) is None


def test_only_hashes_are_kept(db: Database, context: Context, member: Member) -> None:
    session = signed_in(db, context)
    kept = str(db.read_now(lambda tx: tx.execute(sa.select(rows)).all()))
    assert session.token not in kept
    assert link(db) not in kept


@pytest.mark.parametrize(
    "address", ["nobody@example.org", "", "delegate", "delegate@example.org\r\nBcc: x@y.org", "\0"]
)
def test_a_stranger_is_sent_nothing(db: Database, context: Context, member: Member, address: str) -> None:
    assert not db.write_now(sign_in.ask, context, address)
    assert outbox(db) == []


def test_who_has_left_is_sent_nothing(db: Database, context: Context, group: Group, member: Member) -> None:
    db.write_now(members.remove, context, group.id, member.address)
    assert not db.write_now(sign_in.ask, context, member.address)


def test_a_link_works_for_an_hour(db: Database, context: Context, member: Member) -> None:
    db.write_now(sign_in.ask, context, member.address)
    assert db.read_now(sign_in.asked_for, context.at(context.now + HOUR - MINUTE), link(db))
    assert db.write_now(sign_in.begin, context.at(context.now + HOUR), link(db)) is None


def test_a_session_lasts_thirty_days(db: Database, context: Context, member: Member) -> None:
    session = signed_in(db, context)
    assert db.read_now(sign_in.find, context.at(context.now + 30 * DAY - MINUTE), session.token)
    assert db.read_now(sign_in.find, context.at(context.now + 30 * DAY), session.token) is None


def test_neither_kind_of_token_is_the_other(db: Database, context: Context, member: Member) -> None:
    session = signed_in(db, context)
    db.write_now(sign_in.ask, context, member.address)
    other = db.write_now(tokens.make, context, "join", {"key": "delegate@example.org", "person": "1"}, HOUR)
    assert db.read_now(sign_in.find, context, link(db)) is None
    for one in (session.token, other, "", "x" * 5000):
        assert db.write_now(sign_in.begin, context, one) is None
    assert db.read_now(sign_in.find, context, other) is None
    assert db.write_now(tokens.use, other, context.now)  # nothing of it was used up


def test_few_links_go_to_one_address(db: Database, context: Context, member: Member) -> None:
    assert [db.write_now(sign_in.ask, context, member.address) for _ in range(5)] == [True, True, True, False, False]
    assert db.write_now(sign_in.ask, context.at(context.now + HOUR + MINUTE), member.address)


def test_so_many_links_go_out_in_all(db: Database, context: Context, group: Group) -> None:
    """Only what is sent counts, so that nobody who knows no member can use the limit up."""
    for number in range(101):
        db.write_now(members.add, context, group.id, NewMember(f"m{number}@example.org"))
        assert not db.write_now(sign_in.ask, context, f"x{number}@example.org")
    sent = [db.write_now(sign_in.ask, context, f"m{number}@example.org") for number in range(101)]
    assert sent == [True] * 100 + [False]


def test_a_session_ends_when_it_is_ended(db: Database, context: Context, member: Member) -> None:
    first, second, third = (signed_in(db, context) for _ in range(3))
    db.write_now(sign_in.end, context, first.token)
    assert db.read_now(sign_in.find, context, first.token) is None
    assert db.read_now(sign_in.find, context, second.token)
    assert db.write_now(sign_in.end_all, member.person_id) >= 2
    assert db.read_now(sign_in.find, context, second.token) is None
    assert db.read_now(sign_in.find, context, third.token) is None


def test_a_session_ends_with_the_membership_and_does_not_come_back(
    db: Database, context: Context, group: Group, member: Member
) -> None:
    session = signed_in(db, context)
    db.write_now(sign_in.ask, context, member.address)
    db.write_now(members.remove, context, group.id, member.address)
    assert db.read_now(sign_in.find, context, session.token) is None
    db.write_now(members.add, context, group.id, NewMember(member.address))
    assert db.read_now(sign_in.find, context, session.token) is None
    assert db.write_now(sign_in.begin, context, link(db)) is None


def test_an_address_that_was_given_up_opens_nothing(
    db: Database, context: Context, group: Group, member: Member
) -> None:
    """Whoever has the former mailbox must not be signed in."""
    session = signed_in(db, context)
    db.write_now(members.change, context, member, {"address": "new@example.org"})
    assert db.read_now(sign_in.find, context, session.token) is None
    assert not db.write_now(sign_in.ask, context, "delegate@example.org")
    assert signed_in(db, context, "new@example.org").visitor.person_id == member.person_id


def test_a_role_counts_from_the_moment_that_it_changes(db: Database, context: Context, member: Member) -> None:
    session = signed_in(db, context)
    db.write_now(members.change, context, member, {"role": "member"})
    visitor = db.read_now(sign_in.find, context, session.token)
    assert visitor is not None
    assert (visitor.desks, visitor.role(member.group_id), visitor.role(99)) == ((), "member", "")


def test_a_group_that_has_ended_opens_nothing(db: Database, context: Context, group: Group, member: Member) -> None:
    session = signed_in(db, context)
    ended = sa.update(groups).values(closed_at=context.now)
    db.write_now(lambda tx: tx.execute(ended))
    assert db.read_now(sign_in.find, context, session.token) is None


def test_the_same_by_mail(db: Database, context: Context, group: Group, member: Member) -> None:
    """ "desk" to NAME-request@ is answered with a link to the member's own address, as often as on the page."""
    (query,) = sign_in.QUERIES
    asked = errand(context, group, "request", sender="delegate@example.org")
    request = Request(group.id, group.name, Actor("delegate@example.org"), errand=asked)
    assert [db.write_now(query.answer, context, request) for _ in range(4)] == [
        *["sent a link to sign in"] * 3,
        "3 links within the last hour already",
    ]
    letter = outbox(db)[0]
    assert letter.recipient == "Delegate@Example.org"
    assert letter.message["In-Reply-To"] == f"<{asked.message.message_id}>"
    session = db.write_now(sign_in.begin, context, link(db))
    assert session is not None
    assert session.to == "/desk/cg-aisec/"
    stranger = Request(group.id, group.name, Actor("nobody@example.org"))
    assert "not an address" in db.write_now(query.answer, context, stranger)
    assert len(outbox(db)) == 3


def test_the_mail_is_in_the_members_language(db: Database, context: Context, member: Member) -> None:
    db.write_now(members.change, context, member, {"language": "fr"})
    assert db.write_now(sign_in.ask, context, member.address)
    (letter,) = outbox(db)
    assert letter.message["Subject"] == "Se connecter aux pages de CG-AISEC"
    assert "lundi 3 mai 2027" in letter.text
