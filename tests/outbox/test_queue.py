"""What is owed to whom, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from cgbot.context import Context
from cgbot.errors import Conflict, NotFound
from cgbot.mail.frozen import Frozen, as_base64, fill, join, slot
from cgbot.outbox import listing, queue
from cgbot.outbox.queue import Attempt, Claim, Copy, Mail, Timing
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


def test_claims_come_in_the_order_in_which_they_were_due(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "later@x.org", due=timedelta(minutes=-1))
    db.write_now(owed, context.now, "first@x.org", due=timedelta(minutes=-9))
    db.write_now(owed, context.now, "future@x.org", due=timedelta(minutes=1))
    db.write_now(turned_deferred, "later@x.org")
    db.write_now(owed, context.now, "middle@x.org", due=timedelta(minutes=-5))
    first = db.write_now(queue.claim, 1, context.now, 2)
    assert [one.recipient for one in first] == ["first@x.org", "middle@x.org"]
    assert [one.recipient for one in db.write_now(queue.claim, 1, context.now, 9)] == ["later@x.org"]
    assert db.write_now(queue.claim, 1, context.now, 9) == ()
    assert first[0].slots == {"to": "first@x.org"}
    assert first[0].attempts == 1
    assert first[0].return_path == "b+first@lists.example.org"


def test_two_that_claim_at_once_never_get_the_same(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, *(f"m{number}@x.org" for number in range(200)))
    got: list[Claim] = []

    def claim_all(epoch: int) -> None:
        while found := db.write_now(queue.claim, epoch, context.now, 7):
            got.extend(found)

    threads = [threading.Thread(target=claim_all, args=(epoch,)) for epoch in range(1, 5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one.id for one in got) == sorted({one.id for one in got})
    assert len(got) == 200


def test_an_outcome_ends_the_lease_and_leaves_an_attempt(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org", "b@x.org", "c@x.org")
    claims = db.write_now(queue.claim, 4, context.now, 9)
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


def test_an_outcome_that_comes_too_late_changes_nothing(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org")
    (late,) = db.write_now(queue.claim, 1, context.now, 9)
    hour = context.now + timedelta(hours=1)
    assert db.write_now(queue.release_dead, 2, hour) == 1
    (second,) = db.write_now(queue.claim, 2, hour, 9)
    db.write_now(queue.record, [ended(late, hour, "failed")])
    assert db.read_now(states) == ["leased"]
    db.write_now(queue.record, [ended(second, hour)])
    assert db.read_now(states) == ["sent"]


def test_a_dead_run_leaves_its_claims_in_doubt(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org", "b@x.org")
    db.write_now(queue.claim, 1, context.now, 1)
    assert db.write_now(queue.release_dead, 1, context.now + DAY) == 0, "its own run lives"
    soon = db.write_now(queue.release_dead, 2, context.now + timedelta(minutes=14))
    assert soon == (1 if db.dialect == "sqlite" else 0), "others may live on PostgreSQL"
    late = context.now + timedelta(minutes=16)
    db.write_now(queue.release_dead, 2, late)
    found = db.read_now(rows)
    assert [(one.state, one.in_doubt) for one in found.values()] == [("queued", 1), ("queued", 0)]
    assert {one.recipient for one in db.write_now(queue.claim, 2, late, 9)} == {"a@x.org", "b@x.org"}


def test_what_was_not_begun_is_given_back(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org")
    claims = db.write_now(queue.claim, 1, context.now, 9)
    db.write_now(queue.give_back, 1, claims)
    found = db.read_now(rows)["a@x.org"]
    assert (found.state, found.attempts, found.in_doubt) == ("queued", 0, 0)


def test_a_newer_mail_replaces_what_has_not_gone_out(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "sent@x.org", replaces="meeting 3")
    db.write_now(queue.record, [ended(one, context.now) for one in db.write_now(queue.claim, 1, context.now, 9)])
    db.write_now(owed, context.now, "a@x.org", "b@x.org", replaces="meeting 3")
    db.write_now(owed, context.now, "a@x.org", replaces="meeting 4")
    db.write_now(owed, context.now, "a@x.org", "sent@x.org", replaces="meeting 3")
    assert db.read_now(states) == ["sent", "suppressed", "queued", "queued", "queued", "queued"]
    reply = db.read_now(lambda tx: tx.execute(select(deliveries.c.reply).where(deliveries.c.id == 2)).scalar_one())
    assert reply == "replaced by a newer mail"


@pytest.mark.parametrize("how", ["deferred", "given back", "dead"])
def test_what_was_on_its_way_when_it_was_replaced_is_not_tried_again(db: Database, context: Context, how: str) -> None:
    db.write_now(owed, context.now, "a@x.org", replaces="meeting 3")
    claims = db.write_now(queue.claim, 1, context.now, 9)
    db.write_now(owed, context.now, "a@x.org", replaces="meeting 3")
    if how == "deferred":
        db.write_now(queue.record, [ended(claims[0], context.now, "deferred")])
    elif how == "given back":
        db.write_now(queue.give_back, 1, claims)
    else:
        db.write_now(queue.release_dead, 2, context.now + DAY)
    assert db.read_now(states) == ["suppressed", "queued"]


def test_what_is_too_old_expires_and_is_not_claimed(db: Database, context: Context) -> None:
    content_id = db.write_now(owed, context.now, "a@x.org")
    late = context.now + 5 * DAY
    assert db.write_now(queue.claim, 1, late, 9) == ()
    assert db.write_now(queue.expire, late - timedelta(seconds=1)) == ()
    assert db.write_now(queue.expire, late) == (content_id,)
    assert db.read_now(states) == ["expired"]
    (failed,) = db.read_now(queue.failures, content_id, None)
    assert failed.recipient == "a@x.org"
    assert db.read_now(queue.failures, content_id, late) == ()


# ------------------------------------------------------------------------------------------------ stepping in


def tried(db: Database, now: datetime, outcome: str) -> Sequence[Claim]:
    claims = db.write_now(queue.claim, 1, now, 9)
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
    assert db.write_now(queue.claim, 1, context.now, 9) == ()
    assert db.write_now(listing.flush, context.now) == 1
    assert len(db.write_now(queue.claim, 1, context.now, 9)) == 1


def test_a_failed_one_can_be_tried_again_even_after_its_end(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org")
    (one,) = tried(db, context.now, "failed")
    assert db.write_now(listing.retry_all, context.now) == 1
    tried(db, context.now, "failed")
    late = context.now + 30 * DAY
    assert db.write_now(listing.retry_all, late) == 0
    db.write_now(listing.retry, one.id, late)
    (again,) = db.write_now(queue.claim, 1, late, 9)
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
