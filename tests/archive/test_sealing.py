"""Signed heads: one for what was archived since the last, old posts first, none that would not fit the one before."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from cgbot.archive import log, merkle, note, sealing
from cgbot.archive.sealing import LogKeys
from cgbot.context import Context
from cgbot.errors import Deferred
from cgbot.groups.records import Group
from cgbot.store.db import Database, Tx
from cgbot.store.tables import archive_logs, groups, log_leaves, tree_heads
from tests.archive.posting import mail, put, put_all

KEYS = LogKeys((bytes(range(32)),))
ORIGIN = "lists.example.org/cg-aisec"


def head(db: Database, group: Group) -> log.Head:
    found = db.read_now(log.newest_head, group.id)
    assert found is not None
    return found


def leaves(tx: Tx) -> list[tuple[int, bytes]]:
    rows = tx.execute(sa.select(log_leaves.c.post_id, log_leaves.c.hash).order_by(log_leaves.c.number))
    return [(row.post_id, bytes(row.hash)) for row in rows]


def test_a_head_for_what_came_in(db: Database, context: Context, group: Group) -> None:
    assert sealing.seal(db, context, KEYS) == 0
    assert db.read_now(log.newest_head, group.id) is None
    db.write_now(put_all, group.id, [mail("a"), mail("b")])
    assert sealing.seal(db, context, KEYS) == 1
    first = head(db, group)
    assert (first.size, first.signed_at) == (2, context.now)
    found = note.checkpoint(first.note, KEYS.verifiers(ORIGIN))
    assert (found.origin, found.size) == (ORIGIN, 2)
    assert found.root == merkle.root(one for _, one in db.read_now(leaves))
    assert sealing.seal(db, context, KEYS) == 0
    db.write_now(put, group.id, mail("c"), 9)
    later = context.at(context.now + timedelta(minutes=1))
    assert sealing.seal(db, later, KEYS) == 1
    assert head(db, group).size == 3
    assert [one.size for one in db.read_now(log.heads_after, group.id, 0, 9)] == [2, 3]
    known = db.read_now(log.find, group.id)
    assert known is not None
    assert known.verifiers == f"{KEYS.verifiers(ORIGIN)[0]}\n"


def test_posts_from_before_the_log_come_first_and_in_order(
    db: Database, context: Context, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_SLICE", 3)
    db.write_now(put_all, group.id, [mail(f"old{n}") for n in range(7)])
    db.write_now(lambda tx: tx.execute(sa.delete(log_leaves)))
    assert sealing.seal(db, context, KEYS) == 1
    assert [post for post, _ in db.read_now(leaves)] == list(range(1, 8))
    db.write_now(put, group.id, mail("new"), 9)
    assert sealing.seal(db, context, KEYS) == 1
    assert [post for post, _ in db.read_now(leaves)] == list(range(1, 9))


def test_a_log_keeps_its_name(db: Database, context: Context, group: Group) -> None:
    db.write_now(put, group.id, mail("a"))
    sealing.seal(db, context, KEYS)

    def rename(tx: Tx) -> None:
        tx.execute(sa.update(groups).values(name="cg-renamed"))
        values = {name: getattr(group, name) for name in ("created_at",)}
        tx.execute(sa.insert(groups).values(name="cg-aisec", **values))

    db.write_now(rename)
    other = db.read_now(lambda tx: tx.execute(sa.select(sa.func.max(groups.c.id))).scalar_one())
    db.write_now(put_all, group.id, [mail("b")])
    db.write_now(put_all, other, [mail("c")])
    assert sealing.seal(db, context, KEYS) == 2
    names = db.read_now(lambda tx: dict(tx.execute(sa.select(archive_logs.c.group_id, archive_logs.c.origin)).all()))
    assert names == {group.id: ORIGIN, other: f"{ORIGIN}/{other}"}


def test_every_key_signs_and_an_old_one_still_checks(db: Database, context: Context, group: Group) -> None:
    db.write_now(put, group.id, mail("a"))
    sealing.seal(db, context, KEYS)
    both = LogKeys((bytes(32), *KEYS.seeds))
    db.write_now(put, group.id, mail("b"))
    sealing.seal(db, context, both)
    text = head(db, group).note
    assert note.checkpoint(text, KEYS.verifiers(ORIGIN)) == note.checkpoint(
        text, LogKeys((bytes(32),)).verifiers(ORIGIN)
    )
    public = KEYS.verifiers(ORIGIN)[0].public
    retired = LogKeys((bytes(32),), (public,))
    (first,) = db.read_now(log.heads_after, group.id, 0, 1)
    assert note.checkpoint(first.note, retired.verifiers(ORIGIN)).size == 1
    assert str(KEYS.seeds) not in repr(both)


def test_a_changed_log_gets_no_further_head(db: Database, context: Context, group: Group) -> None:
    db.write_now(put_all, group.id, [mail("a"), mail("b")])
    sealing.seal(db, context, KEYS)
    db.write_now(lambda tx: tx.execute(sa.update(log_leaves).values(hash=bytes(32))))
    db.write_now(put, group.id, mail("c"))
    with pytest.raises(Deferred, match="does not fit its last signed head"):
        sealing.seal_group(db, context, KEYS, group)
    assert sealing.seal(db, context, KEYS) == 0
    assert head(db, group).size == 2


def test_two_that_sign_at_once_sign_one_head(db: Database, context: Context, group: Group) -> None:
    failures: list[Exception] = []

    def work() -> None:
        try:
            sealing.seal_group(db, context, KEYS, group)
        except Exception as error:  # noqa: BLE001 - whatever it was is shown by the test
            failures.append(error)

    for turn in range(4):
        db.write_now(put_all, group.id, [mail(f"{turn}-{n}") for n in range(5)])
        workers = [threading.Thread(target=work) for _ in range(3)]
        for one in workers:
            one.start()
        for one in workers:
            one.join()
    assert failures == []
    sealing.seal(db, context, KEYS)
    sizes = [one.size for one in db.read_now(log.heads_after, group.id, 0, 99)]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == 20
    for signed in db.read_now(log.heads_after, group.id, 0, 99):
        found = note.checkpoint(signed.note, KEYS.verifiers(ORIGIN))
        assert found.root == db.read_now(log.root, group.id, signed.size)
    assert db.read_now(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(tree_heads)).scalar()) == len(sizes)
