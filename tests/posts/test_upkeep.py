"""What is finished goes after its time; what anything still refers to stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.groups.records import Group
from cgbot.mail.frozen import Frozen
from cgbot.outbox import queue
from cgbot.outbox.queue import Copy, Mail, Timing
from cgbot.posts import errands, upkeep
from cgbot.posts.intake import Addressed, Arrival, Intake
from cgbot.store import tables
from cgbot.store.db import Database

DISCARDED = timedelta(days=30)
DELIVERIES = timedelta(days=180)


def count(db: Database, name: str) -> int:
    table = getattr(tables, name)
    return int(db.read_now(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()))


def arrive(db: Database, context: Context, group: Group, raw: bytes, purposes: tuple[str, ...]) -> None:
    recipients = tuple(Addressed(f"{one}@lists.example.org", group.id, one) for one in purposes)
    arrival = Arrival(raw, "a@example.org", context.now, "smtp", "127.0.0.1", "x", False, b"", recipients)

    async def take() -> None:
        await Intake(db).take(arrival)

    asyncio.run(take())


@pytest.mark.parametrize(("age", "left"), [(DISCARDED - timedelta(hours=1), 1), (DISCARDED + timedelta(hours=1), 0)])
def test_a_discarded_message_goes_with_its_bytes(
    db: Database, context: Context, group: Group, age: timedelta, left: int
) -> None:
    arrive(db, context, group, b"Subject: x\r\n\r\nx", ("post",))
    db.write_now(errands.settle, 1, Settled("discarded", "a robot"), context.now)
    db.write_now(upkeep.tidy, context.at(context.now + age))
    assert [count(db, name) for name in ("errands", "arrivals", "raw_messages")] == [left] * 3


def test_bytes_that_another_errand_needs_stay(db: Database, context: Context, group: Group) -> None:
    arrive(db, context, group, b"Subject: x\r\n\r\nx", ("post", "owner"))
    arrive(db, context, group, b"Subject: x\r\n\r\nx", ("post",))
    for errand in (1, 3):
        db.write_now(errands.settle, errand, Settled("discarded", "a robot"), context.now)
    assert db.write_now(upkeep.tidy, context.at(context.now + DISCARDED * 2))
    assert [count(db, name) for name in ("errands", "arrivals", "raw_messages")] == [1, 1, 1]
    assert not db.write_now(upkeep.tidy, context.at(context.now + DISCARDED * 2))


def test_finished_deliveries_go_and_open_ones_keep_their_content(db: Database, context: Context, group: Group) -> None:
    mail = Mail("post", "post 1", group.id, "x@example.org", Frozen(b"Subject: x\r\n\r\nx"))
    content_id = db.write_now(queue.add_content, mail, context.now)
    copies = [Copy(f"{name}@example.org", None, "", {}) for name in ("a", "b")]
    db.write_now(queue.add_copies, content_id, copies, Timing(context.now, context.now + timedelta(days=5)))
    sent = sa.update(tables.deliveries).values(state="sent", done_at=context.now)
    db.write_now(lambda tx: tx.execute(sent.where(tables.deliveries.c.recipient == "a@example.org")))
    later = context.at(context.now + DELIVERIES + timedelta(days=1))
    db.write_now(upkeep.tidy, later)
    assert (count(db, "deliveries"), count(db, "contents")) == (1, 1)
    db.write_now(lambda tx: tx.execute(sent))
    db.write_now(upkeep.tidy, later)
    assert (count(db, "deliveries"), count(db, "contents")) == (0, 0)
