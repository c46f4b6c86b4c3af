"""Every index of the archive can be thrown away and derived again from the raw messages."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cgbot.archive import rebuild, records
from cgbot.groups.records import Group
from cgbot.store import search
from cgbot.store.db import Database, Tx
from cgbot.store.tables import groups, posts, raw_messages, thread_ids, threads
from tests.archive.posting import START, mail, put, put_all, threads_of

CONTENTS = [
    mail("c", "the third\n", answers="a b"),
    mail("a", "the first\n"),
    mail("x", "another matter\n"),
    mail("b", "the second\n", answers="a"),
    mail("y", answers="ghost"),
]


def state(tx: Tx) -> dict[str, Any]:
    """What is derived, without the numbers of threads."""
    kept = [column for column in posts.c if column.name != "thread_id"]
    return {
        "posts": tx.execute(sa.select(*kept).order_by(posts.c.id)).all(),
        "threads": threads_of(tx),
        "counts": sorted(tx.execute(sa.select(threads.c.posts, threads.c.last_at, threads.c.subject)).all()),
        "ids": sorted(tx.execute(sa.select(thread_ids.c.message_id)).scalars()),
        "found": {query: search.find(tx, 1, query) for query in ("the", "third", "matter", '"about x"', "alice")},
    }


def test_rebuilding_gives_the_same(db: Database, group: Group) -> None:
    db.write_now(put_all, group.id, CONTENTS)
    before = db.read_now(state)
    assert list(rebuild.rebuild(db)) == [5]
    assert db.read_now(state) == before
    assert list(rebuild.rebuild(db)) == [5]
    assert db.read_now(state) == before


def test_what_was_damaged_comes_back(db: Database, group: Group) -> None:
    db.write_now(put_all, group.id, CONTENTS)
    before = db.read_now(state)

    def damage(tx: Tx) -> None:
        tx.execute(sa.update(posts).values(subject="?", permalink="?", references=[]))
        tx.execute(sa.delete(thread_ids))
        search.drop(tx)

    db.write_now(damage)
    list(rebuild.rebuild(db))
    assert db.read_now(state) == before


def test_posts_come_in_meanwhile(db: Database, group: Group) -> None:
    """A rebuild works beside a running service, in slices."""
    early = [mail(f"m{n}", "old\n", answers=f"m{n - 1}" if n % 50 else "") for n in range(250)]
    db.write_now(put_all, group.id, early)
    going = rebuild.rebuild(db)
    assert next(going) == 100
    db.write_now(put, group.id, mail("late", "old\n", answers="m120"), 999)  # m120 has no thread at this moment
    db.write_now(put, group.id, mail("later", "old\n", answers="m30"), 1000)
    assert list(going) == [200, 250]
    found = db.read_now(threads_of)
    assert len(found) == 5
    assert {len(one) for one in found} == {50, 51}
    assert len(db.read_now(search.find, group.id, "old", (999, 0))) == 252
    assert [one.posts for one in db.read_now(records.list_threads, group.id, 9)] == [51, 51, 50, 50, 50]
    assert db.read_now(rebuild.count) == 252


def test_a_damaged_or_erased_post_takes_no_other_down(db: Database, group: Group) -> None:
    ids = db.write_now(put_all, group.id, CONTENTS)
    of_second = sa.select(posts.c.sha256).where(posts.c.id == ids[1]).scalar_subquery()
    damage = sa.update(raw_messages).where(raw_messages.c.sha256 == of_second).values(body=b"?")
    db.write_now(lambda tx: tx.execute(damage))
    assert list(rebuild.rebuild(db)) == [5]
    assert db.read_now(search.find, group.id, "the") == (4, 1)
    assert db.read_now(rebuild.count) == 5


def test_one_group_alone(db: Database, group: Group) -> None:
    """Its threads and facts; the words of every group."""
    add = sa.insert(groups).values(id=2, name="other", created_at=START)
    db.write_now(lambda tx: tx.execute(add))
    db.write_now(put_all, group.id, CONTENTS)
    db.write_now(put_all, 2, [mail("z", "the last\n")])
    before = db.read_now(state)
    db.write_now(lambda tx: tx.execute(sa.update(posts).values(subject="?")))
    assert list(rebuild.rebuild(db, group.id)) == [6]
    shown = db.read_now(lambda tx: tx.execute(sa.select(posts.c.subject).order_by(posts.c.id)).scalars().all())
    assert shown == ["About c", "About a", "About x", "About b", "About y", "?"]
    assert db.read_now(search.find, 2, "last") == (6,)
    list(rebuild.rebuild(db, 2))
    assert db.read_now(state) == before
