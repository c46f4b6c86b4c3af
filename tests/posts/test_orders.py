"""Held posts and planned mails, decided by a mail from scratch or by answering; and what can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.errors import NotFound
from cgbot.groups import members, ordering, subscriptions
from cgbot.groups.commands import Actor, Proposal, Request
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.notices import ledger
from cgbot.notices.kinds import Kind, Occurrence, within
from cgbot.posts import holding, holds, post, request
from cgbot.posts import orders as post_orders
from cgbot.posts.holds import Decision
from cgbot.posts.intake import Addressed, Arrival, Intake
from cgbot.store.db import Database, Tx
from tests.groups.mailbag import Sent, errand, errand_of, outbox, token_of

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)
COMMANDS = {one.name: one for one in post_orders.COMMANDS}
OFFER = (
    b"From: Zoe <zoe@example.com>\r\nTo: cg-aisec@lists.example.org\r\nSubject: Offer\r\n"
    b"Message-ID: <offer@example.com>\r\n\r\nHi\r\n"
)


class Office:
    """Mail to NAME-request@ and NAME-confirm+TOKEN@ of a group with two conveners and one reminder to come."""

    def __init__(self, db: Database, context: Context, group: Group) -> None:
        self.db, self.context, self.group = db, context, group
        self.due: Sequence[Occurrence] = (
            Occurrence("reminder", "meeting 1", group.id, context.now + DAY, "25 members", "Reminder of A"),
        )
        self.kind = Kind("reminder", "members", announced=True, plan=self._plan, send=self._send, late=within(DAY))
        queries = {one.name: one for one in post_orders.queries((self.kind,))}
        self.request = request.purposes(COMMANDS, queries)["request"]
        answers = {**holding.ANSWERS, **ordering.answers(COMMANDS)}
        self.confirm = subscriptions.purposes(answers=answers)["confirm"]

    def _plan(self, _tx: Tx, _context: Context, _until: object) -> Sequence[Occurrence]:
        return self.due

    def _send(self, _tx: Tx, _context: Context, _sent: Occurrence) -> None:
        raise AssertionError("not to be sent in these stories")

    async def arrive(self, raw: bytes = OFFER, *, proven: bool = False) -> int:
        """A stranger's post, held; its number."""
        address = "cg-aisec@lists.example.org"
        addressed = (Addressed(address, self.group.id, "post"),)
        arrival = Arrival(raw, "zoe@example.com", self.context.now, "smtp", "127.0.0.1", "x", False, b"", addressed)
        number = await Intake(self.db).take(arrival)
        made = errand_of(self.context, self.group, raw, purpose="post", mail_from="zoe@example.com")
        held = replace(made, id=number, arrival_id=number, facts=keep.prepare(messages.parse(raw)))
        assert self.db.write_now(post.take_post, self.context, held).state == "held"
        if proven:
            self.db.write_now(
                lambda tx: tx.execute(sa.text("UPDATE holds SET reasons = :reasons"), {
                    "reasons": '{"reasons": ["the author is not a member of the group"], "proven": true}'})
            )  # fmt: skip
        return self.db.read_now(holds.waiting)[-1].id

    def write(self, subject: str, text: str = "", sender: str = "jia@example.org") -> Settled:
        mail = errand(self.context, self.group, "request", text, sender=sender, Subject=subject)
        return self.db.write_now(self.request, self.context, mail)

    def answer(self, letter: Sent, text: str) -> Settled:
        mail = errand(self.context, self.group, "confirm", text, detail=token_of(letter), sender=letter.recipient)
        return self.db.write_now(self.confirm, self.context, mail)

    def order(self, subject: str, text: str = "", sender: str = "jia@example.org") -> Sent:
        """Write, say yes, and let ten minutes pass; the preview."""
        self.write(subject, text, sender)
        preview = self.mails[-1]
        self.answer(preview, "yes")
        self.context = self.context.at(self.context.now + timedelta(minutes=10))
        self.db.write_now(ledger.tick, self.context, (ordering.kind(COMMANDS),))
        return preview

    def states(self) -> list[str]:
        return [one.state for one in map(self._hold, range(1, 9)) if one]

    def _hold(self, number: int) -> holds.Hold | None:
        try:
            return self.db.read_now(holds.get, number)
        except NotFound:
            return None

    @property
    def mails(self) -> list[Sent]:
        return outbox(self.db)


@pytest.fixture
def office(db: Database, context: Context, group: Group) -> Office:
    office = Office(db, context, group)
    for name, role in (("jia", "convener"), ("bob", "vice-convener"), ("mia", "member")):
        db.write_now(members.add, context, group.id, NewMember(f"{name}@example.org", name=name.title(), role=role))
    return office


def words(letter: Sent) -> str:
    return " ".join(letter.text.split())


def subject(letter: Sent) -> str:
    return str(letter.message["Subject"])


# ------------------------------------------------------------------------------------------------------ held posts


@pytest.mark.parametrize(
    ("word", "state", "told"),
    [("approve", "approved", "archived and sent to the list"), ("reject", "rejected", "nobody would be told, since"),
     ("discard", "discarded", "nobody would be told.")],
)  # fmt: skip
async def test_a_held_post_is_decided_from_scratch(office: Office, word: str, state: str, told: str) -> None:
    number = await office.arrive()
    preview = office.order(f"{word} {number}")
    assert subject(preview) == f"[CG-AISEC] Please confirm: {word} the message of zoe@example.com: Offer"
    assert told in words(preview)
    assert "Monday 3 May 2027, 10:00 Geneva time (CEST, 08:00 UTC)" in words(preview)
    assert "Why: the author is not a member of the group" in words(preview)
    assert office.states() == [state]
    held = office.db.read_now(holds.get, number)
    assert held.decided_by == "jia@example.org"
    done, others = office.mails[-2:]
    assert f'The message of zoe@example.com, "Offer", is {state}.' in words(done)
    assert others.recipient == "bob@example.org"
    assert subject(others).startswith("[CG-AISEC] Done by Jia: ")


async def test_a_proven_author_gets_the_corrected_words(office: Office) -> None:
    number = await office.arrive(proven=True)
    office.write(f"reject {number}: off topic, sorry")
    preview = office.mails[-1]
    assert "zoe@example.com would be told" in words(preview)
    assert f"reject {number}\r\nnote: off topic, sorry\r\n" in preview.text
    office.answer(preview, preview.text.replace("off topic, sorry", "Please write to SG13."))
    office.answer(office.mails[-1], "yes")
    office.context = office.context.at(office.context.now + timedelta(minutes=10))
    office.db.write_now(ledger.tick, office.context, (ordering.kind(COMMANDS),))
    rejected = next(one for one in office.mails if one.recipient == "zoe@example.com")
    assert "The convener's words: Please write to SG13." in words(rejected)
    assert office.db.read_now(holds.get, number).note == "Please write to SG13."


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("approve", "the number is missing"),
        ("approve all", "the number is missing"),
        ("approve 99999999999", "the number is missing"),
        ("approve 77", 'there is no held message 77 in this group; a mail with the word "awaiting" lists them'),
        ("reject 1 because: spam", "because: not known here; allowed is note"),
        ("stop 4711", "there is no planned mail 4711 in this group"),
        ("stop", "the number is missing"),
    ],
)
async def test_what_cannot_be_decided(office: Office, asked: str, reason: str) -> None:
    await office.arrive()
    office.write(asked)
    assert f"Nothing has been done: {reason}" in words(office.mails[-1])


async def test_decided_meanwhile_by_an_answer(office: Office) -> None:
    """The order waits ten minutes; the other convener's answer to the notice decides at once, and is first."""
    number = await office.arrive()
    his = next(one for one in office.mails if one.recipient == "bob@example.org")
    office.write(f"approve {number}")
    office.answer(office.mails[-1], "yes")
    office.answer(his, "discard")
    office.context = office.context.at(office.context.now + timedelta(minutes=10))
    office.db.write_now(ledger.tick, office.context, (ordering.kind(COMMANDS),))
    assert office.states() == ["discarded"]
    assert f"This could not be done: held message {number} was discarded by bob@example.org" in words(office.mails[-1])
    office.write(f"approve {number}")
    assert f"held message {number} was discarded by bob@example.org on Monday 3 May 2027, 10:00" in words(
        office.mails[-1]
    )


async def test_an_answer_to_the_notice_decides_at_once_and_the_others_are_told(office: Office) -> None:
    await office.arrive()
    hers, his = (next(one for one in office.mails if one.recipient.startswith(name)) for name in ("jia", "bob"))
    office.answer(hers, "reject off topic")
    assert office.states() == ["rejected"]
    told = [one for one in office.mails[2:] if one.recipient == "bob@example.org"]
    assert [subject(one) for one in told] == ["[CG-AISEC] Rejected by Jia: Offer"]
    assert "Jia has rejected the message of zoe@example.com that awaited approval" in words(told[0])
    assert "With the words: off topic" in words(told[0])
    count = len(office.mails)
    office.answer(his, "approve")
    assert office.states() == ["rejected"]
    (late,) = office.mails[count:]
    assert (late.recipient, "rejected by jia@example.org" in words(late)) == ("bob@example.org", True)


async def test_the_operators_decision_is_told_to_every_convener(office: Office) -> None:
    number = await office.arrive()
    count = len(office.mails)
    office.db.write_now(holding.decide, office.context, number, Decision("approve", "operator"))
    assert {one.recipient for one in office.mails[count:]} == {"jia@example.org", "bob@example.org"}
    assert subject(office.mails[-1]) == "[CG-AISEC] Approved by operator: Offer"


async def test_a_convener_alone_tells_nobody(office: Office) -> None:
    office.db.write_now(members.remove, office.context, office.group.id, "bob@example.org")
    number = await office.arrive()
    count = len(office.mails)
    office.db.write_now(holding.decide, office.context, number, Decision("approve", "jia@example.org"))
    assert len(office.mails) == count


async def test_another_groups_hold_is_not_there(office: Office) -> None:
    number = await office.arrive()
    asked = Request(office.group.id + 1, office.group.name, Actor("x@example.org", role="convener"), (str(number),))

    def propose(tx: Tx) -> Proposal:
        return COMMANDS["approve"].propose(tx, office.context, asked)

    with pytest.raises(NotFound, match="no held message 1 in this group"):
        office.db.read_now(propose)


# ---------------------------------------------------------------------------------------------------- planned mails


def test_a_planned_mail_is_stopped(office: Office) -> None:
    office.db.write_now(ledger.plan, office.context, (office.kind,))
    preview = office.order("stop 1")
    assert "This mail would not go out: Reminder of A Tuesday 4 May 2027, 10:00 Geneva time" in words(preview)
    notice = office.db.read_now(ledger.get, 1)
    assert (notice.state, notice.reason) == ("stopped", "stopped by jia@example.org")
    assert "Mail 1 does not go out: Reminder of A." in words(office.mails[-2])
    office.write("stop 1")
    assert "mail 1 cannot be stopped: it is stopped" in words(office.mails[-1])


async def test_the_mails_of_orders_themselves_cannot_be_stopped(office: Office) -> None:
    """An order is undone by its author, and by nobody as a notice."""
    await office.arrive()
    office.write("discard 1")
    office.answer(office.mails[-1], "yes")
    later = office.context.at(office.context.now + timedelta(minutes=10))
    office.db.write_now(ledger.plan, later, (ordering.kind(COMMANDS),))
    assert office.db.read_now(ledger.get, 1).occurrence.about == "order 1"
    office.write("stop 1")
    assert "there is no planned mail 1 in this group" in words(office.mails[-1])


# -------------------------------------------------------------------------------------------------------- questions


async def test_what_awaits_approval(office: Office) -> None:
    office.write("awaiting")
    assert words(office.mails[-1]) == "No post awaits approval."
    number = await office.arrive()
    office.write("held posts")
    assert f"{number}: Offer from zoe@example.com, Monday 3 May 2027, 10:00" in words(office.mails[-1])


def test_what_goes_out_by_itself(office: Office) -> None:
    office.write("notices")
    assert "-: Reminder of A Tuesday 4 May 2027, 10:00 Geneva time (CEST, 08:00 UTC) to 25 members" in words(
        office.mails[-1]
    )
    office.db.write_now(ledger.plan, office.context, (office.kind,))
    office.write("planned mails")
    assert words(office.mails[-1]).startswith("1: Reminder of A")
    office.due = ()
    office.write("notices")
    assert words(office.mails[-1]) == "Nothing is planned."


async def test_which_orders_wait(office: Office) -> None:
    await office.arrive()
    office.write("orders")
    assert words(office.mails[-1]) == "Nothing waits."
    office.write("discard 1")
    office.answer(office.mails[-1], "yes")
    office.write("approve 1", sender="bob@example.org")
    office.write("pending")
    assert (
        "discard the message of zoe@example.com: Offer by jia@example.org, done on Monday 3 May 2027, 10:10"
        in words(office.mails[-1])
    )
    assert "by bob@example.org, waits for a yes" in words(office.mails[-1])
