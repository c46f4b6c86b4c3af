"""Whatever is altered in the archive is found and named; what was erased still verifies."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from cgbot.archive import log, merkle, note, sealing, tombstones, verify
from cgbot.archive.sealing import LogKeys
from cgbot.context import Context
from cgbot.desk import erasing
from cgbot.groups.records import Group
from cgbot.store.db import Database, Tx
from cgbot.store.tables import (
    archive_logs,
    log_leaves,
    log_tiles,
    posts,
    raw_messages,
    tree_heads,
)
from cgbot.store.tables import tombstones as stones
from tests.archive.posting import mail, put_all

KEYS = LogKeys((bytes(range(32)),))
VERIFIERS = KEYS.verifiers("lists.example.org/cg-aisec")


def faults(db: Database, group: Group, *, indexes: bool = False) -> list[str]:
    return [one for step in verify.verify(db, group.id, VERIFIERS, indexes=indexes) for one in step.faults]


@pytest.fixture
def filled(db: Database, context: Context, group: Group, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Eight posts under three heads, the third post erased, one that waits for its place; tiles of four."""
    monkeypatch.setattr(verify, "_SLICE", 3)
    monkeypatch.setattr(log, "TILE", 4)
    db.write_now(put_all, group.id, [mail(f"m{n}", f"text {n}\n", answers="m0" if n else "") for n in range(4)])
    sealing.seal(db, context, KEYS)
    db.write_now(put_all, group.id, [mail(f"n{n}") for n in range(4)])
    sealing.seal(db, context, KEYS)
    erasing.erase_post(db, context, 3, "carol@example.org", "asked by its author")
    sealing.seal(db, context, KEYS)
    db.write_now(put_all, group.id, [mail("late")])
    return db


def test_an_archive_as_it_was_verifies(filled: Database, group: Group) -> None:
    steps = list(verify.verify(filled, group.id, VERIFIERS, indexes=True))
    assert [one for step in steps for one in step.faults] == []
    assert sum(step.entries for step in steps) == 10  # nine in their places, one that waits
    assert sum(step.messages for step in steps) == 8
    total = filled.read_now(lambda tx: tx.execute(sa.select(sa.func.sum(posts.c.size))).scalar())
    assert sum(step.octets for step in steps) == total
    assert [one.size for one in filled.read_now(log.heads_after, group.id, 0, 9)] == [4, 8, 9]


def test_an_empty_archive_verifies(db: Database, group: Group) -> None:
    assert faults(db, group) == []


def flipped(value: Any) -> Any:
    """The same with one bit of one octet turned."""
    if isinstance(value, bytes | memoryview):
        octets = bytes(value)
        return octets[:-1] + bytes([octets[-1] ^ 1])
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, str):
        return value[:-2] + chr(ord(value[-2]) ^ 1) + value[-1]
    return value.replace(microsecond=value.microsecond ^ 1)


# Table, column, which row, and what must be named.
ALTERED = [
    (raw_messages, "body", raw_messages.c.sha256 == sa.select(posts.c.sha256).where(posts.c.id == 2).scalar_subquery(),
     "post 2: its raw bytes are damaged"),
    (raw_messages, "size", raw_messages.c.sha256 == sa.select(posts.c.sha256).where(posts.c.id == 2).scalar_subquery(),
     "post 2"),
    (posts, "received_at", posts.c.id == 4, "post 4 does not fit entry 3"),
    (posts, "size", posts.c.id == 4, "post 4: its size"),
    (log_leaves, "hash", log_leaves.c.number == 5, "post 6 does not fit entry 5"),
    (log_leaves, "salt", log_leaves.c.number == 5, "post 6 does not fit entry 5"),
    (log_leaves, "hash", log_leaves.c.number == 2, "the signed head of 4 entries: the log has another root"),
    (log_leaves, "hash", log_leaves.c.number == 8, "the tombstone of post 3 does not fit entry 8"),
    (log_leaves, "salt", log_leaves.c.number == 8, "the tombstone of post 3 does not fit entry 8"),
    (log_leaves, "hash", log_leaves.c.number.is_(None), "post 9 does not fit an entry that waits"),
    (log_tiles, "hash", log_tiles.c.number == 1, "the root of entries 4 to 7"),
    (tree_heads, "note", tree_heads.c.size == 8, "the signed head of 8 entries"),
    (stones, "erased_by", stones.c.post_id == 3, "the tombstone of post 3 does not fit"),
    (stones, "reason", stones.c.post_id == 3, "the tombstone of post 3 does not fit"),
    (stones, "erased_at", stones.c.post_id == 3, "the tombstone of post 3 does not fit"),
    (archive_logs, "verifiers", sa.true(), "that pages show is none of ours"),
    (archive_logs, "origin", sa.true(), "the signed head of 4 entries says"),
]  # fmt: skip


def test_whatever_is_altered_is_found_and_named(filled: Database, group: Group) -> None:
    missed = []
    for table, column, which, named in ALTERED:
        before = filled.read_now(
            lambda tx, c, w: tx.execute(sa.select(c).where(w)).scalar_one(), table.c[column], which
        )
        change = sa.update(table).where(which)
        filled.write_now(lambda tx, s: tx.execute(s), change.values({column: flipped(before)}))
        found = faults(filled, group)
        if not any(named in one for one in found):
            missed.append((table.name, column, named, found))
        filled.write_now(lambda tx, s: tx.execute(s), change.values({column: before}))
    assert missed == []
    assert faults(filled, group) == []


def test_what_is_moved_or_taken_away_is_found(filled: Database, group: Group) -> None:
    """Each by itself, undone by what is raised."""

    class Undone(Exception):
        pass

    def tried(statement: Any, named: str) -> None:
        def change(tx: Tx) -> None:
            if tx.dialect.name == "sqlite":
                tx.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            tx.execute(statement)
            with pytest.MonkeyPatch.context() as here:
                here.setattr(filled, "read_now", lambda fn, *args: fn(tx, *args))
                found = faults(filled, group)
            assert any(named in one for one in found), (str(statement), found)
            raise Undone

        with pytest.raises(Undone):
            filled.write_now(change)

    tried(sa.update(posts).where(posts.c.id == 5).values(id=99), "post 5 (entry 4 of the log) is gone, and was not")
    tried(sa.delete(posts).where(posts.c.id == 8), "post 8 (entry 7 of the log) is gone, and was not erased")
    tried(sa.delete(log_leaves).where(log_leaves.c.number == 6), "entry 6 of the log is missing")
    tried(sa.delete(log_leaves).where(log_leaves.c.number == 6), "post 7 is not in the log")
    tried(sa.delete(log_leaves).where(log_leaves.c.number == 8), "the signed head of 9 entries: the log has only 8")
    tried(sa.delete(log_leaves).where(log_leaves.c.number == 8), "the tombstone of post 3 is not in the log")
    tried(sa.update(log_leaves).where(log_leaves.c.number == 6).values(number=10**15), "outside the log")
    tried(sa.update(log_leaves).where(log_leaves.c.number == 6).values(number=-7), "outside the log")
    tried(sa.delete(log_tiles), "the root of entries 0 to 3")
    tried(sa.delete(stones), "post 3 (entry 2 of the log) is gone, and was not erased")
    tried(sa.update(log_leaves).where(log_leaves.c.number == 2).values(salt=bytes(16)), "the salt of erased post 3")
    tried(sa.update(posts).where(posts.c.id == 9).values(id=3), "post 3 was erased, and is there again")


def test_a_head_that_another_key_signed_is_found(filled: Database, group: Group) -> None:
    (head,) = filled.read_now(log.heads_after, group.id, 8, 1)
    text = note.split(head.note)[0]
    forged = note.sign(text, LogKeys((bytes(32),)).signers("lists.example.org/cg-aisec"))
    filled.write_now(lambda tx: tx.execute(sa.update(tree_heads).where(tree_heads.c.size == 9).values(note=forged)))
    assert faults(filled, group) == ["the signed head of 9 entries: none of the known keys has signed this"]
    assert [one for step in verify.verify(filled, group.id, None) for one in step.faults] == []


def test_what_pages_show_is_compared_on_request(filled: Database, group: Group) -> None:
    filled.write_now(lambda tx: tx.execute(sa.update(posts).where(posts.c.id == 7).values(subject="Agreed")))
    assert faults(filled, group) == []
    assert faults(filled, group, indexes=True) == ["post 7: its subject is not what its bytes say"]


def test_an_erased_post_is_gone_and_its_leaf_proves_it_was_there(filled: Database, group: Group) -> None:
    leaf = filled.read_now(log.leaf_of, 3)
    assert leaf is not None
    assert (leaf.number, leaf.salt) == (2, None)
    proof = filled.read_now(log.inclusion, group.id, 2, 9)
    assert merkle.proves_inclusion(2, 9, leaf.hash, proof, filled.read_now(log.root, group.id, 9))
    stone = filled.read_now(tombstones.of_post, 3)
    assert stone is not None
    assert (stone.erased_by, stone.reason) == ("carol@example.org", "asked by its author")
