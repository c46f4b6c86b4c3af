"""Bounces: only what we signed counts, a probe before a suspension, and what is refused by most is the mail's fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.groups import audit, bounces, members, own_addresses, reactivation, suspensions, tokens
from cgbot.groups import records as groups
from cgbot.groups.bounce_records import Bounce, of_members
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.keys import Keys
from cgbot.mail import verp
from cgbot.mail.frozen import Frozen
from cgbot.notices import ledger
from cgbot.outbox import queue
from cgbot.outbox.queue import Copy, Failure, Mail, Timing
from cgbot.posts import owner, people
from cgbot.store.db import Database, Tx
from cgbot.store.tables import deliveries
from tests.groups.mailbag import Sent, errand, errand_of, outbox, token_of

# A report in the form of RFC 3464 appendix E.
REPORT = (
    "From: Mail Delivery Subsystem <MAILER-DAEMON@cs.example.edu>\r\n"
    "To: x\r\nSubject: Returned mail: Cannot send message for 5 days\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/report; report-type=delivery-status; boundary="RAA14128"\r\n\r\n'
    "--RAA14128\r\n\r\nThe original message was not delivered.\r\n"
    "--RAA14128\r\nContent-Type: message/delivery-status\r\n\r\n"
    "Reporting-MTA: dns; mail.cs.example.edu\r\n\r\n"
    "Original-Recipient: rfc822;zoe@example.org\r\nFinal-Recipient: rfc822;zoe@example.org\r\n"
    "Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {diagnostic}\r\n\r\n"
    "--RAA14128--\r\n"
)
# A report in the form of RFC 5965 appendix B.2.
FEEDBACK = (
    "From: <abusedesk@example.com>\r\nTo: <abuse@lists.example.org>\r\nSubject: FW: a post\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/report; report-type=feedback-report; boundary="part1"\r\n\r\n'
    "--part1\r\nContent-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n"
    "--part1\r\nContent-Type: message/feedback-report\r\n\r\n"
    "Feedback-Type: {kind}\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n"
    "Original-Rcpt-To: <zoe@example.org>\r\n\r\n"
    "--part1\r\nContent-Type: message/rfc822\r\n\r\n{quoted}From: a@example.org\r\nSubject: a post\r\n\r\nText\r\n"
    "--part1--\r\n"
)
DAY = timedelta(days=1)


@pytest.fixture
def zoe(db: Database, context: Context, group: Group) -> Member:
    return db.write_now(members.add, context, group.id, NewMember("zoe@example.org", name="Zoë"))


@pytest.fixture
def jia(db: Database, context: Context, group: Group) -> Member:
    return db.write_now(members.add, context, group.id, NewMember("jia@example.org", role="convener"))


@pytest.fixture
def sqlite(sqlite_url: str, context: Context) -> Iterator[tuple[Database, Context, Group]]:
    """One engine is enough where no SQL of its own is at stake."""
    db = Database.open(sqlite_url)
    db.write_now(groups.seed, context)
    group = db.read_now(groups.find_group, "cg-aisec")
    assert group is not None
    yield db, context, group
    db.close()


def report(action: str = "failed", status: str = "5.1.1", diagnostic: str = "550 5.1.1 no such user") -> bytes:
    return REPORT.format(action=action, status=status, diagnostic=diagnostic).encode()


def feedback(kind: str = "abuse", quoted: str = "") -> bytes:
    return FEEDBACK.format(kind=kind, quoted=quoted).encode()


def signed(context: Context, group: Group, member_id: int, content: int = 12) -> str:
    path = verp.return_path(context.keys, group.name, "lists.example.org", content, member_id)
    return path.partition("+")[2].partition("@")[0]


def settle(db: Database, context: Context, group: Group, raw: bytes, detail: str, mail_from: str = "") -> Settled:
    one = errand_of(context, group, raw, purpose="bounces", detail=detail, mail_from=mail_from)
    return db.write_now(bounces.PURPOSES["bounces"], context, one)


def come_back(db: Database, context: Context, group: Group, member: Member, content: int, raw: bytes = b"") -> Settled:
    return settle(db, context, group, raw or report(), signed(context, group, member.id, content))


def counted(db: Database, context: Context, member: Member) -> list[tuple[int, str]]:
    rows = db.read_now(of_members, [member.id], context.now - 90 * DAY).get(member.id, [])
    return [(one.content_id, one.kind) for one in rows]


def state(db: Database, member: Member) -> str:
    found = db.read_now(members.get_member, member.id)
    assert found is not None
    return found.state


def letters(db: Database, recipient: str) -> list[Sent]:
    return [one for one in outbox(db) if one.recipient == recipient]


def trail(db: Database, group: Group) -> list[Mapping[str, object]]:
    return [detail for _, detail in db.read_now(audit.find, group.id, "bounce", "zoe@example.org")]


# -------------------------------------------------------------------------------------------------- what is believed


def test_a_failure_is_recorded(db: Database, context: Context, group: Group, zoe: Member) -> None:
    settled = settle(db, context, group, report(), signed(context, group, zoe.id).upper())
    assert settled == Settled("sorted", "bounce of zoe@example.org: hard, failed 5.1.1")
    assert trail(db, group) == [
        {"content": 12, "kind": "hard", "status": "5.1.1", "diagnostic": "550 5.1.1 no such user"}
    ]
    assert outbox(db) == []


def test_forged_reports_change_nothing(db: Database, context: Context, group: Group, zoe: Member, jia: Member) -> None:
    """Case 36: a report names somebody; without our mark, or under another key or group, it is discarded."""
    other_key = verp.return_path(Keys((b"another",)), group.name, "lists.example.org", 12, zoe.id)
    other_group = verp.return_path(context.keys, "cg-cop", "lists.example.org", 12, zoe.id)
    forged = ["", "c.1.aaaaaaaaaaaaaaaa", "zoe=example.org", "c.1", "x" * 200]
    forged += [one.partition("+")[2].partition("@")[0] for one in (other_key, other_group)]
    for day, detail in enumerate(forged):
        assert settle(db, context.at(context.now + day * DAY), group, report(), detail).state == "discarded"
    assert counted(db, context, zoe) == []
    assert outbox(db) == []


@pytest.mark.parametrize(
    ("raw", "mail_from", "state"),
    [
        (b"From: z@example.org\r\nSubject: Out of office\r\n\r\nIn June: 550\r\n", "", "discarded"),
        (b"From: z@example.org\r\nSubject: Automatic reply: x\r\n\r\nzoe@example.org 550 5.1.1\r\n", "", "discarded"),
        (report(), "mailer-daemon@example.org", "discarded"),
        (b"From: zoe@example.org\r\nSubject: Re: a post\r\n\r\nThanks\r\n", "zoe@example.org", "discarded"),
        (b"", "", "sorted"),
        (b"\xff\xfe\x00garbage", "", "sorted"),
        (report("delivered", "2.0.0", "ok"), "", "sorted"),
        (report("bewitched", "9.9.9", "what"), "", "sorted"),
    ],
)  # fmt: skip
def test_what_is_no_failure_changes_nothing(
    sqlite: tuple[Database, Context, Group], raw: bytes, mail_from: str, state: str
) -> None:
    db, context, group = sqlite
    zoe = db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    assert settle(db, context, group, raw, signed(context, group, zoe.id), mail_from).state == state
    assert counted(db, context, zoe) == []


def test_a_bounce_of_nobody_is_kept(db: Database, context: Context, group: Group) -> None:
    settled = settle(db, context, group, report(), signed(context, group, 0))
    assert settled == Settled("sorted", "bounce of content 12: no member's")


def test_one_mail_counts_once_and_by_its_worst(db: Database, context: Context, group: Group, zoe: Member) -> None:
    for raw in (report("delayed", "4.4.1", "timeout"), report(), report("delayed", "4.4.1", "timeout")):
        come_back(db, context, group, zoe, 12, raw)
    assert counted(db, context, zoe) == [(12, "hard")]


def test_refusals_of_content_never_count(db: Database, context: Context, group: Group, zoe: Member) -> None:
    for day in range(30):
        raw = report("failed", "5.7.1", "554 5.7.1 rejected as spam")
        come_back(db, context.at(context.now + day * DAY), group, zoe, 12 + day, raw)
    assert {kind for _, kind in counted(db, context, zoe)} == {"content"}
    assert outbox(db) == []


# ---------------------------------------------------------------------------------------------------------- case 37


def test_three_days_a_probe_a_suspension_and_the_way_back(
    db: Database, context: Context, group: Group, zoe: Member, jia: Member
) -> None:
    """Case 37, told to its end: the member answers from another address, and gets mail again."""
    db.write_now(own_addresses.add, context, zoe, "zoe@other.example", "zoe@example.org")
    later = context
    for day in range(3):
        assert letters(db, "zoe@example.org") == []
        later = context.at(context.now + day * DAY)
        come_back(db, later, group, zoe, 20 + day)
    (probe,) = letters(db, "zoe@example.org")
    assert probe.message["Subject"] == "CG-AISEC: does mail reach you?"
    assert "550 5.1.1 no such user" in probe.text
    assert state(db, zoe) == "active"
    assert letters(db, "jia@example.org") == []

    come_back(db, later, group, zoe, 29)
    assert len(letters(db, "zoe@example.org")) == 1, "one probe at a time"
    detail = probe.return_path.partition("+")[2].partition("@")[0]
    last = context.at(later.now + timedelta(hours=1))
    settle(db, last, group, report(), detail)
    assert state(db, zoe) == "suspended"
    assert db.read_now(members.active_members, group.id) == (db.read_now(members.get_member, jia.id),)
    (told,) = letters(db, "jia@example.org")
    assert told.message["Subject"] == "CG-AISEC: zoe@example.org gets no mail any more"
    assert "resume zoe@example.org" in told.text
    settle(db, last, group, report(), detail)
    assert len(letters(db, "jia@example.org")) == 1, "told once"

    (elsewhere,) = letters(db, "zoe@other.example")
    assert "answer this mail" in elsewhere.text
    assert len(letters(db, "zoe@example.org")) == 1, "nothing more to the address in question"
    answer(db, last, group, token_of(elsewhere))
    assert state(db, zoe) == "active"
    assert letters(db, "zoe@other.example")[-1].message["Subject"] == "CG-AISEC: you get mail again"
    found = db.read_now(suspensions.newest, zoe.id)
    assert found is not None
    assert (found.state, found.ended_by) == ("ended", "zoe@example.org")
    come_back(db, context.at(last.now + DAY), group, zoe, 40)
    assert len(letters(db, "zoe@example.org")) == 2, "what came back before counts no more"


def answer(db: Database, context: Context, group: Group, token: str) -> Settled:
    found = db.read_now(tokens.look, token, context.now)
    assert found is not None
    one = errand(context, group, "confirm", "yes", detail=token)
    return db.write_now(reactivation.ANSWERS[found.purpose], context, one, found)


def test_a_probe_that_does_not_come_back_ends_the_question(
    db: Database, context: Context, group: Group, zoe: Member, jia: Member
) -> None:
    later = context
    for day in range(3):
        later = context.at(context.now + day * DAY)
        come_back(db, later, group, zoe, 20 + day)
    over = context.at(later.now + reactivation.WAIT)
    assert db.write_now(ledger.tick, context.at(over.now - timedelta(minutes=1)), reactivation.KINDS) == ()
    db.write_now(ledger.tick, over, reactivation.KINDS)
    assert db.read_now(suspensions.open_of, zoe.id) is None
    for day in range(2):
        come_back(db, context.at(over.now + (1 + day) * DAY), group, zoe, 30 + day)
    assert len(letters(db, "zoe@example.org")) == 1, "two days are not enough"
    (probe,) = letters(db, "zoe@example.org")
    settle(db, over, group, report(), probe.return_path.partition("+")[2].partition("@")[0])
    assert state(db, zoe) == "suspended", "a probe may come back late, from a queue of five days"


def test_a_full_mailbox_is_asked_after_eighteen_days(sqlite: tuple[Database, Context, Group]) -> None:
    db, context, group = sqlite
    zoe = db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    for day in range(18):
        assert letters(db, "zoe@example.org") == []
        raw = report("failed", "5.2.2", "552 5.2.2 mailbox full")
        come_back(db, context.at(context.now + day * DAY), group, zoe, 20 + day, raw)
    assert len(letters(db, "zoe@example.org")) == 1


def test_a_suspended_member_is_reminded_three_times(sqlite: tuple[Database, Context, Group]) -> None:
    db, context, group = sqlite
    zoe = db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    db.write_now(bounces.suspend, context, zoe)
    for day in range(140):
        db.write_now(ledger.tick, context.at(context.now + day * DAY), reactivation.KINDS)
    reminders = letters(db, "zoe@example.org")
    assert [one.message["Subject"] for one in reminders] == ["CG-AISEC: you get no mail at zoe@example.org"] * 3
    answer(db, context.at(context.now + 70 * DAY), group, token_of(reminders[1]))
    assert state(db, zoe) == "active"


def test_a_post_of_the_member_brings_mail_back_unless_a_convener_stopped_it(
    sqlite: tuple[Database, Context, Group],
) -> None:
    db, context, group = sqlite
    zoe = db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    db.write_now(bounces.suspend, context, zoe)
    assert db.write_now(reactivation.heard_from, context, group.id, "zoe@example.org")
    assert state(db, zoe) == "active"
    db.write_now(members.change, context, zoe, {"state": "suspended"}, "jia@example.org")
    assert not db.write_now(reactivation.heard_from, context, group.id, "zoe@example.org")
    found = db.read_now(suspensions.open_of, zoe.id)
    assert found is not None
    assert found.cause == "operator"


def test_what_waits_for_a_suspended_member_is_not_sent(sqlite: tuple[Database, Context, Group]) -> None:
    db, context, group = sqlite
    everybody = joined(db, context, group, 2)
    sent_to(db, context, group, everybody)
    db.write_now(lambda tx: tx.execute(sa.update(deliveries).values(state="deferred")))
    db.write_now(bounces.suspend, context, everybody[0])
    wanted = sa.select(deliveries.c.recipient, deliveries.c.state).where(deliveries.c.content_id == 1)
    rows = db.read_now(lambda tx: tx.execute(wanted).all())
    assert {tuple(row) for row in rows} == {("m0@example.org", "suppressed"), ("m1@example.org", "deferred")}


def test_another_address_leaves_the_old_ones_bounces_behind(sqlite: tuple[Database, Context, Group]) -> None:
    db, context, group = sqlite
    zoe = db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    db.write_now(bounces.suspend, context, zoe)
    suspended = db.read_now(members.require, group.id, "zoe@example.org")
    after = db.write_now(members.change, context, suspended, {"address": "zoe@new.example"}, "zoe@new.example")
    assert (after.address, after.state) == ("zoe@new.example", "active")
    assert db.read_now(suspensions.open_of, zoe.id) is None


# ------------------------------------------------------------------------------ refused by the next server, by most


def sent_to(db: Database, context: Context, group: Group, people_: list[Member]) -> int:
    """A mail to these members, which has gone out."""

    def write(tx: Tx) -> int:
        frozen = Frozen.from_json(b"Subject: a post\r\n\r\nText\r\n", [])
        content_id = queue.add_content(tx, Mail("post", "post 7", group.id, "m@example.org", frozen), context.now)
        copies = [Copy(one.address, one.id, "", {}) for one in people_]
        queue.add_copies(tx, content_id, copies, Timing(context.now, context.now + 5 * DAY))
        tx.execute(sa.update(deliveries).values(state="sent"))
        return content_id

    return db.write_now(write)


def joined(db: Database, context: Context, group: Group, count: int) -> list[Member]:
    return [
        db.write_now(members.add, context, group.id, NewMember(f"m{number}@example.org")) for number in range(count)
    ]


def test_a_post_that_most_refuse_is_blamed_itself(db: Database, context: Context, group: Group, jia: Member) -> None:
    everybody = joined(db, context, group, 9)
    content_id = sent_to(db, context, group, everybody)
    for member in everybody[:6]:
        come_back(db, context, group, member, content_id)
    assert {kind for one in everybody[:6] for _, kind in counted(db, context, one)} == {"content"}
    (told,) = letters(db, "jia@example.org")
    assert told.message["Subject"] == "CG-AISEC: most servers refused post 7"
    assert "5 of the 9 members" in told.text
    assert "550 5.1.1 no such user" in told.text


def test_what_fewer_refuse_counts(db: Database, context: Context, group: Group, jia: Member) -> None:
    everybody = joined(db, context, group, 10)
    content_id = sent_to(db, context, group, everybody)
    for member in everybody[:5]:
        come_back(db, context, group, member, content_id)
    assert counted(db, context, everybody[0]) == [(content_id, "hard")]
    assert letters(db, "jia@example.org") == []


def refused(db: Database, context: Context, content_id: int, people_: list[Member], reply: str) -> None:
    failed = [Failure(one.id, content_id, one.address, one.id, reply) for one in people_]
    db.write_now(bounces.take_refusals, context, failed, people.responsible)


def test_what_the_relay_refuses_counts_and_is_told_once(
    db: Database, context: Context, group: Group, jia: Member
) -> None:
    everybody = joined(db, context, group, 10)
    later = context
    for day in range(3):
        later = context.at(context.now + day * DAY)
        content_id = sent_to(db, later, group, everybody)
        refused(db, later, content_id, everybody[:2], "550 5.1.1 no such user")
        refused(db, later, content_id, everybody[:2], "550 5.1.1 no such user")
    assert [kind for _, kind in counted(db, later, everybody[0])] == ["hard"] * 3
    assert (
        len([one for one in letters(db, "jia@example.org") if "could not be delivered" in one.message["Subject"]]) == 2
    )
    asked = [one for one in letters(db, "m0@example.org") if one.text.startswith("Mail of CG-AISEC")]
    assert len(asked) == 1
    probe_id = db.read_now(lambda tx: suspensions.open_of(tx, everybody[0].id))
    assert probe_id is not None
    refused(db, later, probe_id.probe_id or 0, everybody[:1], "550 5.1.1 no such user")
    assert state(db, everybody[0]) == "suspended"
    assert state(db, everybody[1]) == "active"


def test_what_nobody_has_answered_is_no_refusal(sqlite: tuple[Database, Context, Group]) -> None:
    db, context, group = sqlite
    db.write_now(members.add, context, group.id, NewMember("jia@example.org", role="convener"))
    everybody = joined(db, context, group, 3)
    content_id = sent_to(db, context, group, everybody)
    refused(db, context, content_id, everybody, "")
    assert counted(db, context, everybody[0]) == []
    assert len(letters(db, "jia@example.org")) == 1


# ---------------------------------------------------------------------------------------------------------- complaints


def test_a_complaint_by_the_return_path_stops_mail(
    db: Database, context: Context, group: Group, zoe: Member, jia: Member
) -> None:
    settled = settle(db, context, group, feedback(), signed(context, group, zoe.id), "abusedesk@example.com")
    assert settled == Settled("sorted", "complaint (abuse) of zoe@example.org: no more mail")
    assert state(db, zoe) == "suspended"
    (told,) = outbox(db)
    assert (told.recipient, "is not wanted" in told.text) == ("jia@example.org", True)
    for day in range(100):
        db.write_now(ledger.tick, context.at(context.now + day * DAY), reactivation.KINDS)
    assert len(outbox(db)) == 1, "who complained is not written to"


@pytest.mark.parametrize("field", ["Return-Path", "List-Unsubscribe"])
def test_a_complaint_to_people_counts_by_what_it_quotes(sqlite: tuple[Database, Context, Group], field: str) -> None:
    db, context, group = sqlite
    zoe = db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    path = verp.return_path(context.keys, group.name, "lists.example.org", 12, zoe.id)
    link = f"https://cg.example.org/leave/{group.name}/{verp.member_token(context.keys, 'leave', group.name, zoe.id)}"
    quoted = f"{field}: <{path if field == 'Return-Path' else link}>\r\n"
    one = errand_of(context, group, feedback(quoted=quoted), purpose="owner", mail_from="abusedesk@example.com")
    assert db.write_now(owner.PURPOSES["owner"], context, one).reason.endswith("no more mail")
    assert state(db, zoe) == "suspended"


@pytest.mark.parametrize(
    ("kind", "quoted"), [("abuse", ""), ("abuse", "Return-Path: <cg-aisec-bounces+c.1.aaaaaaaaaaaaaaaa@x>\r\n")]
)
def test_a_forged_complaint_stops_nobodys_mail(sqlite: tuple[Database, Context, Group], kind: str, quoted: str) -> None:
    """Whom a report names, anybody could have written."""
    db, context, group = sqlite
    zoe = db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    one = errand_of(context, group, feedback("abuse", quoted), purpose="owner", mail_from="abusedesk@example.com")
    db.write_now(owner.PURPOSES["owner"], context, one)
    assert state(db, zoe) == "active"
    assert [letter.recipient for letter in outbox(db)] == ["operator@example.org"], "people judge it"


@pytest.mark.parametrize("kind", ["auth-failure", "not-spam", "virus", ""])
def test_other_feedback_is_no_complaint(sqlite: tuple[Database, Context, Group], kind: str) -> None:
    db, context, group = sqlite
    zoe = db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    assert settle(db, context, group, feedback(kind), signed(context, group, zoe.id)).state == "sorted"
    assert state(db, zoe) == "active"


def test_evidence_keeps_the_servers_words_short(db: Database, context: Context, group: Group, zoe: Member) -> None:
    come_back(db, context, group, zoe, 12, report(diagnostic="550 " + "x" * 5000))
    (one,) = db.read_now(of_members, [zoe.id], context.now)[zoe.id]
    assert isinstance(one, Bounce)
    assert len(one.diagnostic) == 500
