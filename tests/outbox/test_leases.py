"""Who works on which copy, what a death leaves behind: on both databases."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from cgbot.context import Context
from cgbot.outbox import leases, queue
from cgbot.outbox.leases import Claim
from cgbot.store.db import Database
from cgbot.store.presence import Presence
from cgbot.store.tables import attempts
from tests.harness import wait_for
from tests.outbox.test_queue import DAY, ended, owed, rows, states, turned_deferred

MINUTE = timedelta(minutes=1)


@contextlib.contextmanager
def alive(url: str, epoch: int) -> Iterator[None]:
    """A run of this epoch, for a block."""
    presence = Presence(url, epoch)
    assert presence.show()
    try:
        yield
    finally:
        presence.end()


def test_claims_come_in_the_order_in_which_they_were_due(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "later@x.org", due=timedelta(minutes=-1))
    db.write_now(owed, context.now, "first@x.org", due=timedelta(minutes=-9))
    db.write_now(owed, context.now, "future@x.org", due=timedelta(minutes=1))
    db.write_now(turned_deferred, "later@x.org")
    db.write_now(owed, context.now, "middle@x.org", due=timedelta(minutes=-5))
    first = db.write_now(leases.claim, 1, context.now, 2)
    assert [one.recipient for one in first] == ["first@x.org", "middle@x.org"]
    assert [one.recipient for one in db.write_now(leases.claim, 1, context.now, 9)] == ["later@x.org"]
    assert db.write_now(leases.claim, 1, context.now, 9) == ()
    assert first[0].slots == {"to": "first@x.org"}
    assert (first[0].attempts, first[0].epoch) == (1, 1)
    assert first[0].return_path == "b+first@lists.example.org"


def test_two_that_claim_at_once_never_get_the_same(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, *(f"m{number}@x.org" for number in range(200)))
    got: list[Claim] = []

    def claim_all(epoch: int) -> None:
        while found := db.write_now(leases.claim, epoch, context.now, 7):
            got.extend(found)

    threads = [threading.Thread(target=claim_all, args=(epoch,)) for epoch in range(1, 5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one.id for one in got) == sorted({one.id for one in got})
    assert len(got) == 200


def test_what_was_not_begun_is_given_back(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org")
    claims = db.write_now(leases.claim, 1, context.now, 9)
    db.write_now(leases.begin, claims, context.now)
    db.write_now(leases.give_back, claims)
    found = db.read_now(rows)["a@x.org"]
    assert (found.state, found.attempts, found.in_doubt) == ("queued", 0, 0)
    assert (found.epoch, found.leased_at, found.begun_at) == (None, None, None)


# ------------------------------------------------------------------------------------------- a run that is gone


def test_only_what_had_begun_is_in_doubt(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org", "b@x.org", "c@x.org")
    claims = db.write_now(leases.claim, 1, context.now, 2)
    assert db.write_now(leases.begin, claims[:1], context.now + MINUTE) == {claims[0].id}
    released = db.write_now(leases.release_dead, 2, context.now + 2 * MINUTE)
    assert (released.unbegun, released.in_doubt, released.failed) == (1, 1, ())
    found = db.read_now(rows)
    assert [(one.state, one.attempts, one.in_doubt) for one in found.values()] == [
        ("queued", 1, 1),
        ("queued", 0, 0),
        ("queued", 0, 0),
    ]
    assert {(one.epoch, one.leased_at, one.begun_at) for one in found.values()} == {(None, None, None)}
    (tried,) = db.read_now(lambda tx: tx.execute(select(attempts)).all())
    assert (tried.delivery_id, tried.number, tried.outcome) == (claims[0].id, 1, "in-doubt")
    assert (tried.started_at, tried.ended_at) == (context.now + MINUTE, context.now + 2 * MINUTE)


def test_the_third_lost_answer_is_the_last(db: Database, context: Context) -> None:
    content_id = db.write_now(owed, context.now, "a@x.org", "b@x.org")
    for epoch, failed in ((1, ()), (2, ()), (3, (content_id,))):
        (claim, _other) = db.write_now(leases.claim, epoch, context.now, 9)
        db.write_now(leases.begin, [claim], context.now)
        assert db.write_now(leases.release_dead, epoch + 1, context.now).failed == failed
    found = db.read_now(rows)["a@x.org"]
    assert (found.state, found.in_doubt, found.done_at) == ("failed", 3, context.now)
    assert found.reply == "the answer was lost 3 times; it may have arrived"
    assert db.read_now(rows)["b@x.org"].attempts == 0


def test_a_run_that_lives_keeps_its_claims(db: Database, database_url: str, context: Context) -> None:
    """On SQLite there is one run, and it is the one that asks."""
    db.write_now(owed, context.now, "a@x.org")
    db.write_now(leases.claim, 1, context.now, 9)
    assert db.write_now(leases.release_dead, 1, context.now + DAY).unbegun == 0, "its own"
    others_live = db.dialect == "postgresql"
    with alive(database_url, 1):
        assert db.write_now(leases.release_dead, 2, context.now + 14 * MINUTE).unbegun == (0 if others_live else 1)
    if others_live:  # the server notices an end a moment later
        wait_for(lambda: db.write_now(leases.release_dead, 2, context.now + 14 * MINUTE).unbegun == 1)


def test_a_run_that_lives_but_stands_still_loses_its_claims(db: Database, database_url: str, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org")
    claims = db.write_now(leases.claim, 1, context.now, 9)
    with alive(database_url, 1):
        assert db.write_now(leases.release_dead, 2, context.now + 16 * MINUTE).unbegun == 1
        assert db.write_now(leases.begin, claims, context.now) == frozenset()


def test_a_lease_that_was_lost_is_not_begun(db: Database, context: Context) -> None:
    """Even where the next run works on the same copy, in an attempt of the same number."""
    db.write_now(owed, context.now, "a@x.org", "b@x.org")
    first = db.write_now(leases.claim, 1, context.now, 1)
    db.write_now(leases.release_dead, 2, context.now)
    again = db.write_now(leases.claim, 2, context.now, 1)
    assert [(one.id, one.attempts) for one in again] == [(one.id, one.attempts) for one in first]
    other = db.write_now(leases.claim, 1, context.now, 1)
    assert db.write_now(leases.begin, [*first, *other], context.now) == {other[0].id}
    assert db.write_now(leases.begin, again, context.now) == {again[0].id}


def test_an_outcome_that_comes_too_late_changes_nothing(db: Database, context: Context) -> None:
    db.write_now(owed, context.now, "a@x.org")
    (late,) = db.write_now(leases.claim, 1, context.now, 9)
    hour = context.now + timedelta(hours=1)
    assert db.write_now(leases.release_dead, 2, hour).unbegun == 1
    (second,) = db.write_now(leases.claim, 2, hour, 9)
    db.write_now(queue.record, [ended(late, hour, "failed")])
    assert db.read_now(states) == ["leased"]
    db.write_now(queue.record, [ended(second, hour)])
    assert db.read_now(states) == ["sent"]


@pytest.mark.parametrize("how", ["deferred", "given back", "dead", "in doubt"])
def test_what_was_on_its_way_when_it_was_replaced_is_not_tried_again(db: Database, context: Context, how: str) -> None:
    db.write_now(owed, context.now, "a@x.org", replaces="meeting 3")
    claims = db.write_now(leases.claim, 1, context.now, 9)
    db.write_now(owed, context.now, "a@x.org", replaces="meeting 3")
    if how == "deferred":
        db.write_now(queue.record, [ended(claims[0], context.now, "deferred")])
    elif how == "given back":
        db.write_now(leases.give_back, claims)
    else:
        db.write_now(leases.begin, claims if how == "in doubt" else (), context.now)
        db.write_now(leases.release_dead, 2, context.now + DAY)
    assert db.read_now(states) == ["suppressed", "queued"]
