"""The log of a group: leaves with their posts, places in the order of writing, proofs over stored parts of the tree."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from cgbot.archive import log, merkle
from cgbot.archive.leaf import PostLeaf
from cgbot.errors import Deferred
from cgbot.groups.records import Group
from cgbot.store import salts
from cgbot.store.db import Database, Tx
from cgbot.store.tables import log_leaves, log_tiles, posts
from tests.archive.posting import START, mail, put

AT = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)


def leaves(group_id: int, first: int, count: int) -> list[PostLeaf]:
    """Leaves of posts that are nowhere else."""
    return [PostLeaf(group_id, n, hashlib.sha256(b"%d" % n).digest(), AT) for n in range(first, first + count)]


def stored(tx: Tx) -> list[bytes]:
    return [bytes(one) for one in tx.execute(sa.select(log_leaves.c.hash).order_by(log_leaves.c.number)).scalars()]


def test_salts_differ(db: Database) -> None:
    drawn = db.read_now(salts.draw, 50)
    assert {len(one) for one in drawn} == {salts.OCTETS}
    assert len({*drawn, *db.read_now(salts.draw, 50)}) == 100
    assert db.read_now(salts.draw, 0) == []


def test_a_post_gets_its_leaf_in_its_transaction(db: Database, group: Group) -> None:
    content = mail("a")
    post_id = db.write_now(put, group.id, content, 7)
    found = db.read_now(log.leaf_of, post_id)
    assert found is not None
    assert (found.group_id, found.number, found.kind) == (group.id, None, "post")
    at = START.replace(minute=7)
    assert found.hash == PostLeaf(group.id, post_id, hashlib.sha256(content).digest(), at).hash(found.salt or b"")
    assert db.read_now(log.leaf_of, post_id, "erasure") is None

    def lost(tx: Tx) -> None:
        put(tx, group.id, mail("b"))
        raise LookupError

    with pytest.raises(LookupError):
        db.write_now(lost)
    assert len(db.read_now(stored)) == db.read_now(lambda tx: tx.execute(sa.select(sa.func.count(posts.c.id))).scalar())


def test_proofs_over_stored_parts(db: Database, group: Group) -> None:
    """Sizes around the ends of tiles; the stored parts give what all leaves would."""
    assert db.read_now(log.root, group.id, 0) == merkle.EMPTY
    assert db.write_now(log.number, group.id, 10) == 0
    at = 0
    for count in (1, 254, 1, 1, 600, 167):
        db.write_now(log.append, leaves(group.id, at, count))
        at += count
        while db.write_now(log.number, group.id, 400):
            pass
    assert at == db.read_now(log.size, group.id) == 1024
    assert db.read_now(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(log_tiles)).scalar()) == 4
    everything = db.read_now(stored)

    def check(tx: Tx) -> None:
        for count in (1, 2, 255, 256, 257, 511, 512, 513, 700, 1023, 1024):
            root = merkle.root(everything[:count])
            assert log.root(tx, group.id, count) == root
            for place in {0, count // 2, count - 1}:
                proof = log.inclusion(tx, group.id, place, count)
                assert merkle.proves_inclusion(place, count, everything[place], proof, root)
            for old in {1, 200, 256, 300, 512, count} & set(range(count + 1)):
                proof = log.consistency(tx, group.id, old, count)
                assert merkle.proves_consistency((old, count), proof, (merkle.root(everything[:old]), root))

    db.read_now(check)


def test_a_gap_is_said(db: Database, group: Group) -> None:
    db.write_now(log.append, leaves(group.id, 0, 300))
    db.write_now(log.number, group.id, 300)
    db.write_now(lambda tx: tx.execute(sa.delete(log_leaves).where(log_leaves.c.number == 280)))
    with pytest.raises(Deferred, match="verify"):
        db.read_now(log.root, group.id, 300)
    assert db.read_now(log.root, group.id, 256)
    db.write_now(lambda tx: tx.execute(sa.delete(log_tiles)))
    with pytest.raises(Deferred, match="verify"):
        db.read_now(log.root, group.id, 256)


def test_many_write_at_once_and_each_place_is_given_once(db: Database, group: Group) -> None:
    """Writers do not wait for each other's places; those who number race."""
    failures: list[Exception] = []

    def work(worker: int) -> None:
        try:
            for turn in range(8):
                db.write_now(log.append, leaves(group.id, worker * 1000 + turn * 20, 20))
                db.write_now(log.number, group.id, 50)
        except Exception as error:  # noqa: BLE001 - whatever it was is shown by the test
            failures.append(error)

    workers = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    while db.write_now(log.number, group.id, 1000):
        pass
    assert failures == []
    places = db.read_now(lambda tx: tx.execute(sa.select(log_leaves.c.number)).scalars().all())
    assert sorted(places) == list(range(640))
    assert db.read_now(log.root, group.id, 640) == merkle.root(db.read_now(stored))
