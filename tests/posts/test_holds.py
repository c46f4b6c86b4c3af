"""Held messages: one hold a content, and one decision however many conveners answer at once."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Conflict, NotFound
from cgbot.groups import members
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.posts import errands, holding, holds, post, words
from cgbot.posts.holds import Decision
from cgbot.posts.intake import Addressed, Arrival, Intake
from cgbot.store.db import Database
from cgbot.store.tables import audit, contents, posts
from cgbot.store.tables import errands as errand_rows

pytestmark = pytest.mark.anyio
RAW = (
    b"From: stranger@example.com\r\nTo: cg-aisec@lists.example.org\r\nSubject: Offer\r\n"
    b"Message-ID: <o@example.com>\r\n\r\nHi\r\n"
)


async def arrive(db: Database, context: Context, group: Group, raw: bytes = RAW) -> Errand:
    """Bring a message to the posting address, as the sorter hands it on."""
    address = "cg-aisec@lists.example.org"
    arrival = Arrival(
        raw, "s@example.com", context.now, "smtp", "127.0.0.1", "x", False, b"", (Addressed(address, group.id, "post"),)
    )
    number = await Intake(db).take(arrival)
    from cgbot.store import raw as raws

    message = messages.parse(raw)
    return Errand(number, number, group.id, group.name, address, "post", "", "", 1, "s@example.com", context.now,
                  "smtp", "127.0.0.1", raws.prepare(raw).sha256, message, keep.prepare(message))  # fmt: skip


def settle(db: Database, context: Context, errand: Errand) -> Settled:
    settled = db.write_now(post.take_post, context, errand)
    db.write_now(errands.settle, errand.id, settled, context.now)
    return settled


def count(db: Database, table: sa.Table) -> int:
    return int(db.read_now(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()))


async def test_of_two_approvals_one_wins(db: Database, context: Context, group: Group) -> None:
    for number in range(5):
        raw = RAW.replace(b"Offer", b"Offer %d" % number).replace(b"o@", b"o%d@" % number)
        assert settle(db, context, await arrive(db, context, group, raw)).state == "held"
        (held,) = db.read_now(holds.waiting)
        outcomes: list[str] = []

        def decide(word: str, hold_id: int = held.id, outcomes: list[str] = outcomes) -> None:
            try:
                db.write_now(holding.decide, context, hold_id, Decision(word, f"{word}@example.org"))
                outcomes.append(word)
            except Conflict:
                outcomes.append("too late")

        threads = [threading.Thread(target=decide, args=(word,)) for word in ("approve", "discard")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes.count("too late") == 1
    assert count(db, audit) - 1 == 5  # beside the making of the group


async def test_an_approved_message_goes_through_the_rules_again(db: Database, context: Context, group: Group) -> None:
    errand = await arrive(db, context, group)
    settle(db, context, errand)
    (held,) = db.read_now(holds.waiting)
    db.write_now(holding.decide, context, held.id, Decision("approve", "convener@example.org"))
    (claimed,) = db.write_now(errands.claim, context.now, 10)
    assert claimed.gate == "approved:convener@example.org"
    assert settle(db, context, replace(errand, gate=claimed.gate)).state == "sorted"
    assert count(db, posts) == 1


async def test_the_same_content_is_held_once(db: Database, context: Context, group: Group) -> None:
    settle(db, context, await arrive(db, context, group))
    again = settle(db, context, await arrive(db, context, group, b"Received: by a front server\r\n" + RAW))
    assert again.state == "discarded"
    assert len(db.read_now(holds.waiting)) == 1


async def test_the_same_content_is_one_post_and_other_content_under_its_id_is_held(
    db: Database, context: Context, group: Group
) -> None:
    db.write_now(members.add, context, group.id, NewMember("stranger@example.com"))
    assert settle(db, context, await arrive(db, context, group)).state == "sorted"
    sent = count(db, contents)
    copy = settle(db, context, await arrive(db, context, group, b"Received: by another server\r\n" + RAW))
    assert (copy.state, "further copy" in copy.reason) == ("sorted", True)
    assert count(db, contents) == sent
    other = settle(db, context, await arrive(db, context, group, RAW.replace(b"Hi", b"Other words")))
    assert (other.state, "Message-ID" in other.reason) == ("held", True)
    assert count(db, posts) == 1


async def test_an_unproven_author_is_never_written_to(db: Database, context: Context, group: Group) -> None:
    settle(db, context, await arrive(db, context, group))
    (held,) = db.read_now(holds.waiting)
    before = count(db, contents)
    db.write_now(holding.decide, context, held.id, Decision("reject", "convener@example.org", "off topic"))
    assert count(db, contents) == before
    assert db.read_now(lambda tx: tx.execute(sa.select(errand_rows.c.state)).scalar_one()) == "discarded"


def test_a_hold_that_is_not_there(db: Database) -> None:
    with pytest.raises(NotFound, match="no held message 7"):
        db.read_now(holds.get, 7)


@pytest.mark.parametrize(
    ("text", "word", "rest"),
    [
        ("approve\n", "approve", ""),
        ("Approve.\n\n> quoted\n", "approve", ""),
        ("\n  REJECT: off topic\n", "reject", "off topic"),
        ("> approve\n> reject\n", "", ""),
        ("> From: x\n\ndiscard\n", "discard", ""),
        ("Yes, please\n-- \nA convener\n", "yes", "please"),
        ("Hello,\n\napprove\n", "approve", ""),
        ("On 3 May 2027, CG-AISEC wrote:\n> approve\n\ndiscard\n", "discard", ""),
        (
            "reject: off topic\n\n________________\nFrom: CG\nSent: Monday\n\napprove the message\n",
            "reject",
            "off topic",
        ),
        ("", "", ""),
    ],
)
def test_the_first_word_of_an_answer(text: str, word: str, rest: str) -> None:
    raw = f"From: a@example.org\nSubject: Re: x\n\n{text}".replace("\n", "\r\n").encode()
    assert words.answer(messages.parse(raw)) == (word, rest)
