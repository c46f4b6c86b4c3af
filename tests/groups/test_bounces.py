"""Bounces: only what we signed counts, nothing is answered, the conveners hear of a dead address once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.groups import audit, bounces, members
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.keys import Keys
from cgbot.mail import verp
from cgbot.store.db import Database
from tests.groups.mailbag import errand_of, outbox

# A report in the form of RFC 3464 appendix E.
REPORT = (
    "From: Mail Delivery Subsystem <MAILER-DAEMON@cs.example.edu>\r\n"
    "To: {to}\r\nSubject: Returned mail: Cannot send message for 5 days\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/report; report-type=delivery-status; boundary="RAA14128"\r\n\r\n'
    "--RAA14128\r\n\r\nThe original message was not delivered.\r\n"
    "--RAA14128\r\nContent-Type: message/delivery-status\r\n\r\n"
    "Reporting-MTA: dns; mail.cs.example.edu\r\n\r\n"
    "Original-Recipient: rfc822;zoe@example.org\r\nFinal-Recipient: rfc822;zoe@example.org\r\n"
    "Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {diagnostic}\r\n\r\n"
    "--RAA14128--\r\n"
)


@pytest.fixture
def zoe(db: Database, context: Context, group: Group) -> Member:
    return db.write_now(members.add, context, group.id, NewMember("zoe@example.org", name="Zoë"))


@pytest.fixture
def jia(db: Database, context: Context, group: Group) -> Member:
    return db.write_now(members.add, context, group.id, NewMember("jia@example.org", role="convener"))


def report(action: str = "failed", status: str = "5.1.1", diagnostic: str = "550 5.1.1 no such user") -> bytes:
    return REPORT.format(to="x", action=action, status=status, diagnostic=diagnostic).encode()


def signed(context: Context, group: Group, member_id: int) -> str:
    path = verp.return_path(context.keys, group.name, "lists.example.org", 12, member_id)
    return path.partition("+")[2].partition("@")[0]


def settle(db: Database, context: Context, group: Group, raw: bytes, detail: str) -> Settled:
    one = errand_of(context, group, raw, purpose="bounces", detail=detail)
    return db.write_now(bounces.PURPOSES["bounces"], context, one)


def trail(db: Database, group: Group) -> list[Mapping[str, object]]:
    return [detail for _, detail in db.read_now(audit.find, group.id, "bounce", "zoe@example.org")]


def test_a_failure_is_recorded(db: Database, context: Context, group: Group, zoe: Member) -> None:
    settled = settle(db, context, group, report(), signed(context, group, zoe.id))
    assert settled == Settled("sorted", "bounce of zoe@example.org: failed 5.1.1")
    assert trail(db, group) == [
        {"content": 12, "action": "failed", "status": "5.1.1", "diagnostic": "550 5.1.1 no such user"}
    ]
    assert outbox(db) == []


def test_an_address_in_upper_case_is_the_same(db: Database, context: Context, group: Group, zoe: Member) -> None:
    assert settle(db, context, group, report(), signed(context, group, zoe.id).upper()).state == "sorted"


@pytest.mark.parametrize("detail", ["", "c.1.aaaaaaaaaaaaaaaa", "zoe=example.org", "c.1", "x" * 200])
def test_what_we_did_not_sign_is_discarded(
    db: Database, context: Context, group: Group, zoe: Member, jia: Member, detail: str
) -> None:
    """A forged report names the convener; nothing is recorded and nobody is told."""
    assert settle(db, context, group, report(), detail).state == "discarded"
    assert trail(db, group) == []
    assert outbox(db) == []


def test_a_mark_under_another_key_is_discarded(db: Database, context: Context, group: Group, zoe: Member) -> None:
    path = verp.return_path(Keys((b"another",)), group.name, "lists.example.org", 12, zoe.id)
    assert settle(db, context, group, report(), path.partition("+")[2].partition("@")[0]).state == "discarded"


def test_a_mark_of_another_group_is_discarded(db: Database, context: Context, group: Group, zoe: Member) -> None:
    path = verp.return_path(context.keys, "cg-cop", "lists.example.org", 12, zoe.id)
    assert settle(db, context, group, report(), path.partition("+")[2].partition("@")[0]).state == "discarded"


def test_the_conveners_are_told_once_a_month(
    db: Database, context: Context, group: Group, zoe: Member, jia: Member
) -> None:
    detail = signed(context, group, zoe.id)
    for day in range(40):
        settle(db, context.at(context.now + timedelta(days=day)), group, report(), detail)
    told = outbox(db)
    assert [letter.recipient for letter in told] == ["jia@example.org", "jia@example.org"]
    assert "550 5.1.1 no such user" in told[0].text
    assert "cgbot members set cg-aisec zoe@example.org --state suspended" in told[0].text
    assert len(trail(db, group)) == 40


def test_a_convener_is_not_told_by_the_address_that_fails(
    db: Database, context: Context, group: Group, jia: Member
) -> None:
    settle(db, context, group, report(), signed(context, group, jia.id))
    assert outbox(db) == []


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.7"), ("failed", "4.2.2")])
def test_a_temporary_failure_is_recorded_and_nobody_is_told(
    db: Database, context: Context, group: Group, zoe: Member, jia: Member, action: str, status: str
) -> None:
    raw = report(action, status, "later")
    assert settle(db, context, group, raw, signed(context, group, zoe.id)).state == "sorted"
    assert [one["action"] for one in trail(db, group)] == [action]
    assert outbox(db) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"From: zoe@example.org\r\nAuto-Submitted: auto-replied\r\nSubject: Out of office\r\n\r\nBack in June.\r\n",
        b"",
        b"\xff\xfe\x00garbage",
        report("delivered", "2.0.0", "ok"),
        report("bewitched", "9.9.9", "what"),
    ],
    ids=["vacation", "empty", "garbage", "delivered", "unknown action"],
)
def test_what_is_no_failure_is_kept_and_changes_nothing(
    db: Database, context: Context, group: Group, zoe: Member, jia: Member, raw: bytes
) -> None:
    assert settle(db, context, group, raw, signed(context, group, zoe.id)).state == "sorted"
    assert trail(db, group) == []
    assert outbox(db) == []


def test_a_bounce_of_nobody_is_kept(db: Database, context: Context, group: Group) -> None:
    settled = settle(db, context, group, report(), signed(context, group, 0))
    assert settled == Settled("sorted", "bounce of content 12: no member's")
