"""Who works on which errand, and what a death leaves behind: on both databases."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from cgbot.context import Context
from cgbot.posts import errands
from cgbot.store.db import Database, Tx
from cgbot.store.presence import Presence
from cgbot.store.tables import arrivals, raw_messages
from cgbot.store.tables import errands as rows

MINUTE = timedelta(minutes=1)


def arrived(tx: Tx, context: Context, count: int) -> None:
    sha256 = b"\1" * 32
    tx.execute(sa.insert(raw_messages).values(sha256=sha256, size=1, codec="none", body=b"x"))
    for number in range(count):
        arrival = sa.insert(arrivals).values(
            sha256=sha256,
            mail_from="",
            received_at=context.now,
            protocol="smtp",
            peer="",
            helo="",
            tls=False,
            trace=b"",
        )
        arrival_id = tx.execute(arrival.returning(arrivals.c.id)).scalar_one()
        due_at = context.now - timedelta(seconds=count - number)
        tx.execute(
            sa.insert(rows).values(arrival_id=arrival_id, recipient=f"r{number}@x.org", purpose="post", due_at=due_at)
        )


def taken(db: Database, context: Context, epoch: int, limit: int = 9) -> list[str]:
    return [one.recipient for one in db.write_now(errands.claim, context.now, limit, epoch)]


def test_what_a_dead_run_had_claimed_is_free_at_once(db: Database, database_url: str, context: Context) -> None:
    db.write_now(arrived, context, 3)
    lives = Presence(database_url, 7)
    assert lives.show()
    assert taken(db, context, 7, 2) == ["r0@x.org", "r1@x.org"]
    if db.dialect == "postgresql":
        assert db.write_now(errands.release_dead, 8, context.now) == 0
    lives.end()
    assert db.write_now(errands.release_dead, 7, context.now) == 0, "its own"
    assert db.write_now(errands.release_dead, 8, context.now) == 2
    assert db.write_now(errands.release_dead, 8, context.now) == 0


def test_one_that_kills_takes_no_other_with_it(db: Database, context: Context) -> None:
    """After a death each is claimed alone, so that only the one that kills is counted again."""
    db.write_now(arrived, context, 4)
    assert len(taken(db, context, 1)) == 4
    for epoch in (2, 3, 4):
        db.write_now(errands.release_dead, epoch, context.now)
        (alone,) = taken(db, context, epoch)
    found = db.read_now(lambda tx: tx.execute(sa.select(rows.c.recipient, rows.c.attempts)).all())
    counted = sorted(one.attempts for one in found)
    assert counted == [1, 1, 1, 4]
    assert dict(tuple(one) for one in found)[alone] == 4


def test_fresh_ones_are_claimed_together_up_to_one_that_was_tried(db: Database, context: Context) -> None:
    db.write_now(arrived, context, 4)
    third = sa.update(rows).where(rows.c.recipient == "r2@x.org").values(attempts=1)
    db.write_now(lambda tx: tx.execute(third) and None)
    assert taken(db, context, 1) == ["r0@x.org", "r1@x.org"]
    assert taken(db, context, 1) == ["r2@x.org"]
    assert taken(db, context, 1) == ["r3@x.org"]


def test_what_is_put_off_is_not_the_runs_any_more(db: Database, context: Context) -> None:
    db.write_now(arrived, context, 1)
    (claimed,) = db.write_now(errands.claim, context.now, 9, 1)
    db.write_now(errands.postpone, claimed.id, "later", context.now + MINUTE)
    assert db.write_now(errands.release_dead, 2, context.now) == 0
    assert taken(db, context, 2) == []


def test_a_run_that_stands_still_loses_it_after_five_minutes(db: Database, database_url: str, context: Context) -> None:
    db.write_now(arrived, context, 1)
    lives = Presence(database_url, 7)
    assert lives.show()
    assert len(taken(db, context, 7)) == 1
    assert taken(db, context.at(context.now + 4 * MINUTE), 8) == []
    assert len(taken(db, context.at(context.now + 5 * MINUTE), 8)) == 1
    lives.end()
