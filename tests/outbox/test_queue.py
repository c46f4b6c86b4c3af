"""What is owed to whom, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from cgbot.context import Context
from cgbot.errors import Conflict, NotFound
from cgbot.mail.frozen import Frozen, as_base64, fill, join, slot
from cgbot.outbox import leases, listing, queue
from cgbot.outbox.leases import Claim
from cgbot.outbox.queue import Attempt, Copy, Mail, Timing
from cgbot.store.db import Database, Tx
from cgbot.store.tables import attempts, deliveries

DAY = timedelta(days=1)


def copies(*recipients: str) -> list[Copy]:
    return [Copy(one, None, f"b+{one.partition('@')[0]}@lists.example.org", {"to": one}) for one in recipients]


def owed(tx: Tx, now: datetime, *recipients: str, replaces: str | None = None, due: timedelta = timedelta()) -> int:
    content_id = queue.add_content(tx, Mail("post", "post 1", None, "a@b", Frozen(b"hello\r\n")), now)
    queue.add_copies(tx, content_id, copies(*recipients), Timing(now + due, now + 5 * DAY), replaces)
    return content_id


def rows(tx: Tx) -> dict[str, Any]:
    return {row.recipient: row for row in tx.execute(select(deliveries).order_by(deliveries.c.id))}


def states(tx: Tx) -> list[str]:
    return [row.state for row in tx.execute(select(deliveries).order_by(deliveries.c.id))]


def turned_deferred(tx: Tx, recipient: str) -> None:
    tx.execute(update(deliveries).where(deliveries.c.recipient == recipient).values(state="deferred"))


def ended(one: Claim, now: datetime, outcome: str = "sent", state: str = "") -> Attempt:
    return Attempt(one, outcome, "250 ok", state or outcome, now + timedelta(minutes=5), now, now)


def test_a_content_comes_back_as_it_was(db: Database, context: Context) -> None:
    frozen = join([b"To: <", slot("to"), b">\r\n\r\n", as_base64(join([b"caf\xc3\xa9 ", slot("who"), b"."]))])
    mail = Mail("invitation", "meeting 3", None, "m@lists.example.org", frozen)
    content_id = db.write_now(queue.add_content, mail, context.now)
    again = db.read_now(queue.content, content_id)
    assert again == frozen
    assert fill(again, {"to": "a@b", "who": "you"}) == b"To: <a@b>\r\n\r\nY2Fmw6kgeW91Lg==\r\n"


def test_one_copy_a_recipient_however_it_is_written(db: Database, context: Context) -> None:
    content_id = db.write_now(owed, context.now, "a@example.org", "A@Example.org", "b@example.org")
    again = db.write_now(
        queue.add_copies, content_id, copies("a@EXAMPLE.org", "c@example.org"), Timing(context.now, context.now + DAY)
    )
    assert again == 1
    assert list(db.read_now(rows)) == ["a@example.org", "b@example.org", "c@example.org"]


def test_an_outcome_ends_the_lease_and_leaves_an_attempt(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org", "b@x.org", "c@x.org")
    claims = db.write_now(leases.claim, 4, context.now, 9)
    outcomes = [
        ended(claims[0], context.now),
        ended(claims[1], context.now, "deferred"),
        ended(claims[2], context.now, "in-doubt", "deferred"),
    ]
    db.write_now(queue.record, outcomes)
    found = db.read_now(rows)
    assert [one.state for one in found.values()] == ["sent", "deferred", "deferred"]
    assert [one.done_at for one in found.values()] == [context.now, None, None]
    assert [one.in_doubt for one in found.values()] == [0, 0, 1]
    assert [one.epoch for one in found.values()] == [None] * 3
    tried = db.read_now(
        lambda tx: tx.execute(select(attempts.c.outcome, attempts.c.number).order_by(attempts.c.id)).all()
    )
    assert [tuple(one) for one in tried] == [("sent", 1), ("deferred", 1), ("in-doubt", 1)]


def test_a_newer_mail_replaces_what_has_not_gone_out(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "sent@x.org", replaces="meeting 3")
    db.write_now(queue.record, [ended(one, context.now) for one in db.write_now(leases.claim, 1, context.now, 9)])
    db.write_now(owed, context.now, "a@x.org", "b@x.org", replaces="meeting 3")
    db.write_now(owed, context.now, "a@x.org", replaces="meeting 4")
    db.write_now(owed, context.now, "a@x.org", "sent@x.org", replaces="meeting 3")
    assert db.read_now(states) == ["sent", "suppressed", "queued", "queued", "queued", "queued"]
    reply = db.read_now(lambda tx: tx.execute(select(deliveries.c.reply).where(deliveries.c.id == 2)).scalar_one())
    assert reply == "replaced by a newer mail"


def test_what_is_too_old_expires_and_is_not_claimed(db: Database, context: Context) -> None:
    content_id = db.write_now(owed, context.now, "a@x.org")
    late = context.now + 5 * DAY
    assert db.write_now(leases.claim, 1, late, 9) == ()
    assert db.write_now(queue.expire, late - timedelta(seconds=1)) == ()
    assert db.write_now(queue.expire, late) == (content_id,)
    assert db.read_now(states) == ["expired"]
    (failed,) = db.read_now(queue.failures, content_id, None)
    assert failed.recipient == "a@x.org"
    assert db.read_now(queue.failures, content_id, late) == ()


def plan(db: Database, statement: Any) -> str:
    """How the database finds it, in its own words."""
    text = str(statement.compile(db._writing, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN QUERY PLAN" if db.dialect == "sqlite" else "EXPLAIN"
    return str(db.read_now(lambda tx: tx.exec_driver_sql(f"{explain} {text}").all()))


def test_whether_all_were_tried_is_found_by_the_index(db: Database, context: Context) -> None:
    """It is asked in each commit once a copy has failed: it must not read a row for each recipient."""
    people = [f"m{number}@x.org" for number in range(10_000)]
    content_id = db.write_now(owed, context.now, *people)
    assert not db.read_now(queue.all_tried, content_id)
    db.write_now(lambda tx: tx.execute(update(deliveries).where(deliveries.c.id > 10).values(state="sent")))
    db.write_now(lambda tx: tx.exec_driver_sql("ANALYZE deliveries"))  # PostgreSQL's plan depends on what it has seen
    found = plan(db, queue.untried(content_id))
    assert "ix_deliveries_content_id_state" in found or "ix_deliveries_state_due_at" in found


# ------------------------------------------------------------------------------------------------ stepping in


def tried(db: Database, now: datetime, outcome: str) -> Sequence[Claim]:
    claims = db.write_now(leases.claim, 1, now, 9)
    db.write_now(queue.record, [ended(one, now, outcome) for one in claims])
    return claims


def test_one_delivery_is_shown_with_its_attempts(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org")
    (one,) = tried(db, context.now, "deferred")
    found = db.read_now(listing.show, one.id)
    assert found.entry.about == "post 1"
    assert [(each.number, each.outcome, each.reply) for each in found.tries] == [(1, "deferred", "250 ok")]
    assert db.read_now(listing.waiting)[0].state == "deferred"
    with pytest.raises(NotFound):
        db.read_now(listing.show, 99)


def test_flush_makes_what_is_deferred_due(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org")
    tried(db, context.now, "deferred")
    assert db.write_now(leases.claim, 1, context.now, 9) == ()
    assert db.write_now(listing.flush, context.now) == 1
    assert len(db.write_now(leases.claim, 1, context.now, 9)) == 1


def test_a_failed_one_can_be_tried_again_even_after_its_end(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org")
    (one,) = tried(db, context.now, "failed")
    assert db.write_now(listing.retry_all, context.now) == 1
    tried(db, context.now, "failed")
    late = context.now + 30 * DAY
    assert db.write_now(listing.retry_all, late) == 0
    db.write_now(listing.retry, one.id, late)
    (again,) = db.write_now(leases.claim, 1, late, 9)
    assert again.attempts == 3
    with pytest.raises(Conflict):
        db.write_now(listing.retry, one.id, late)


def test_a_dropped_one_is_not_sent(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org")
    db.write_now(listing.drop, 1, context.now)
    assert db.read_now(states) == ["suppressed"]
    with pytest.raises(Conflict):
        db.write_now(listing.drop, 1, context.now)
    assert db.read_now(listing.waiting) == ()
    assert db.read_now(listing.waiting, "suppressed")[0].reply == "dropped by the operator"
