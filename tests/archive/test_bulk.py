"""Many old messages at once are what the same messages one by one would be, on both databases and in any order."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta

import sqlalchemy as sa

from cgbot.archive import bulk, importing
from cgbot.archive.bulk import Old
from cgbot.archive.importing import Given
from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.store.db import Database, Tx
from cgbot.store.tables import posts, thread_ids, threads
from tests.archive.posting import START, mail, put_all, threads_of

# Two trees that a late message links, one that answers two, a circle, a stranger, and ghosts.
MAILS = [
    mail("a"), mail("b", answers="a"), mail("c", answers="ghost b"), mail("d", answers="lost"), mail("e", answers="d"),
    mail("link", answers="c e"), mail("stranger"), mail("x", answers="y"), mail("y", answers="x"),
    mail("two", In_Reply_To="<m@example.org> <n@example.org>"), mail("m"), mail("n"), mail("late", answers="lost"),
]  # fmt: skip
EXPECTED = {frozenset({"a", "b", "c", "d", "e", "link", "late"}), frozenset({"stranger"}), frozenset({"x", "y"}),
            frozenset({"two", "m", "n"})}  # fmt: skip


def old(content: bytes, minutes: int) -> Old:
    found = importing.prepare(Given(content, START + timedelta(minutes=minutes), "x", certain=True), START)
    assert found.old is not None
    return found.old


def state(tx: Tx) -> tuple[set[frozenset[str]], set[tuple[object, ...]], int]:
    """The threads, what is told of each, and how many Message-IDs lead to one that is not there."""
    told = sa.select(threads.c.posts, threads.c.started_at, threads.c.last_at, threads.c.subject)
    lost = sa.select(sa.func.count()).where(thread_ids.c.thread_id.not_in(sa.select(threads.c.id)))
    return threads_of(tx), {tuple(row) for row in tx.execute(told)}, int(tx.execute(lost).scalar_one())


def test_any_order_in_any_portions_gives_the_same_threads(db: Database, context: Context, group: Group) -> None:
    def empty(tx: Tx) -> None:
        for table in (posts, thread_ids, threads):
            tx.execute(sa.delete(table))

    seen = []
    for seed, size in itertools.product(range(3), (1, 4, 50)):
        mails = list(enumerate(MAILS))
        random.Random(seed).shuffle(mails)
        every = [old(content, minutes) for minutes, content in mails]
        for at in range(0, len(every), size):
            verdicts = db.write_now(bulk.take, context.keys, group.id, every[at : at + size])
            assert set(verdicts) == {"taken"}
        assert set(db.write_now(bulk.take, context.keys, group.id, every)) == {"there"}
        found, told, lost = db.read_now(state)
        assert (found, lost) == (EXPECTED, 0)
        seen.append({one[:3] for one in told})
        db.write_now(lambda tx: (tx.exec_driver_sql("DELETE FROM log_leaves"), empty(tx)))
    assert all(one == seen[0] for one in seen)
    assert (7, START, START + timedelta(minutes=12)) in seen[0]


def test_the_same_as_one_by_one(db: Database, context: Context, group: Group) -> None:
    db.write_now(put_all, group.id, MAILS[:6])
    taken = db.write_now(bulk.take, context.keys, group.id, [old(one, n) for n, one in enumerate(MAILS)])
    assert taken == ["there"] * 6 + ["taken"] * 7
    assert db.read_now(state)[0] == EXPECTED
    other = [old(MAILS[0].replace(b"Dear all", b"Dear both"), 0), old(MAILS[0], 99)]
    assert db.write_now(bulk.take, context.keys, group.id, other) == ["other-content", "there"]


def test_a_thread_gets_the_subject_of_the_message_that_began_it(db: Database, context: Context, group: Group) -> None:
    answer, first = mail("re", answers="first", Subject="Re: Scope"), mail("first", Subject="Scope")
    db.write_now(bulk.take, context.keys, group.id, [old(answer, 5)])
    db.write_now(bulk.take, context.keys, group.id, [old(first, 0)])
    assert db.read_now(state)[1] == {(2, START, START + timedelta(minutes=5), "Scope")}
