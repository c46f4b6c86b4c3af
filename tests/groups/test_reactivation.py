"""What members and conveners ask and order about mail that came back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NoSuchAddress, NotAllowed
from cgbot.groups import bounce_records, bounces, members, reactivation, setting
from cgbot.groups.bounce_records import Bounce
from cgbot.groups.commands import Actor, Ordered, Request
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.store.db import Database
from tests.groups.mailbag import outbox

(RESUME,) = reactivation.COMMANDS
(BOUNCES,) = reactivation.QUERIES


@pytest.fixture
def zoe(db: Database, context: Context, group: Group) -> Member:
    found = db.write_now(members.add, context, group.id, NewMember("zoe@example.org", name="Zoë"))
    db.write_now(members.add, context, group.id, NewMember("jia@example.org", role="convener"))
    day = timedelta(days=1)
    rows = [(1, 70 * day, "hard"), (2, 2 * day, "soft"), (3, day, "hard")]
    for content_id, ago, kind in rows:
        said = f"550 5.1.1 no such user {content_id}"
        db.write_now(bounce_records.add, [Bounce(found.id, content_id, context.now - ago, kind, "5.1.1", said)])
    return found


def ask(db: Database, context: Context, group: Group, address: str, *words: str) -> str:
    request = Request(group.id, group.name, Actor(address), words)
    db.write_now(BOUNCES.answer, context, request)
    letter = outbox(db)[-1]
    assert letter.recipient == address
    return letter.text


def test_a_member_sees_what_came_back_of_their_own_mail(
    db: Database, context: Context, group: Group, zoe: Member
) -> None:
    text = " ".join(ask(db, context, group, "zoe@example.org").split())
    assert "no such user 3 (refused for good)" in text
    assert "no such user 2 (may pass)" in text
    assert "no such user 1" not in text, "older than sixty days"
    with pytest.raises(NotAllowed):
        ask(db, context, group, "zoe@example.org", "jia@example.org")


def test_conveners_see_everybodys(db: Database, context: Context, group: Group, zoe: Member) -> None:
    db.write_now(bounces.suspend, context, zoe)
    text = ask(db, context, group, "jia@example.org")
    assert "zoe@example.org" in text
    assert "no mail since Monday 3 May 2027, 10:00 Geneva time" in text
    assert "no such user 3" in ask(db, context, group, "jia@example.org", "zoe@example.org")
    with pytest.raises(NoSuchAddress):
        ask(db, context, group, "jia@example.org", "nobody@example.org")


def test_a_member_who_changes_a_setting_gets_mail_again(
    db: Database, context: Context, group: Group, zoe: Member
) -> None:
    db.write_now(bounces.suspend, context, zoe)
    suspended = db.read_now(members.require, group.id, "zoe@example.org")
    db.write_now(setting.change, context, suspended, {"delivery": "daily"})
    after = db.read_now(members.require, group.id, "zoe@example.org")
    assert (after.state, after.delivery) == ("active", "daily")


def test_nothing_came_back(db: Database, context: Context, group: Group) -> None:
    db.write_now(members.add, context, group.id, NewMember("jia@example.org", role="convener"))
    assert "No mail to members came back" in ask(db, context, group, "jia@example.org")


def test_a_convener_lets_mail_begin_again(db: Database, context: Context, group: Group, zoe: Member) -> None:
    actor = Actor("jia@example.org")
    request = Request(group.id, group.name, actor, ("zoe@example.org",))
    with pytest.raises(Conflict):
        db.write_now(RESUME.propose, context, request)
    with pytest.raises(Malformed):
        db.write_now(RESUME.propose, context, Request(group.id, group.name, actor))
    db.write_now(bounces.suspend, context, zoe)
    proposal = db.write_now(RESUME.propose, context, request)
    assert "no such user 3" in proposal.preview
    ordered = Ordered(group.id, group.name, actor, proposal.facts)
    assert db.write_now(RESUME.do, context, ordered) == "zoe@example.org gets mail again."
    assert outbox(db)[-1].message["Subject"] == "CG-AISEC: you get mail again"
    assert db.write_now(RESUME.do, context, ordered).startswith("Nothing was done")
    text = " ".join(ask(db, context, group, "jia@example.org", "zoe@example.org").split())
    assert "in order since Monday 3 May 2027, 10:00 Geneva time (CEST, 08:00 UTC) (jia@example.org)" in text
