"""
The indexes made again from the raw messages (use case).

Threads, posts' facts and words are derived; this throws them away and derives them anew, post by post, in slices that
leave the write lane to others in between; files wait to be read again (archive.file_texts). What is kept is which
message was accepted in which group, and when.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, delete, func, select, update

from cgbot.archive import keep
from cgbot.errors import CgbotError
from cgbot.mail import message as messages
from cgbot.store import raw, search
from cgbot.store.db import Database
from cgbot.store.tables import file_texts, posts, thread_ids, threads

log = structlog.get_logger(__name__)
_SLICE = 100


@dataclass(frozen=True, slots=True)
class _Kept:
    id: int
    group_id: int
    sha256: bytes
    received_at: datetime


def rebuild(db: Database, group_id: int | None = None) -> Iterator[int]:
    """
    Derive everything again; yields how many posts are done, after each slice.

    With a group, threads and facts of that one alone; the index of words, which all share, is made anew either way.
    """
    until = db.write_now(_throw_away, group_id)
    done, last = 0, 0
    while portion := db.read_now(_between, last, until):
        for one in portion:
            _again(db, one, whole=group_id in {None, one.group_id})
        last = portion[-1].id
        done += len(portion)
        yield done


def _again(db: Database, one: _Kept, *, whole: bool) -> None:
    """Derive one post; a damaged one keeps what it had, and takes no other down."""
    try:
        content = db.read_now(raw.get, one.sha256)
    except CgbotError as error:
        log.warning("a post could not be indexed again", post=one.id, reason=error.public)
        return
    db.write_now(_derive if whole else _index, one, keep.prepare(messages.parse(content)))


def count(tx: Connection) -> int:
    """How many posts there are."""
    return int(tx.execute(select(func.count()).select_from(posts)).scalar_one())


def _throw_away(tx: Connection, group_id: int | None) -> int:
    """Empty the indexes; the last post that was in them. What comes in later is indexed as it comes."""
    search.drop(tx)
    search.create(tx)
    tx.execute(delete(file_texts))
    gone = delete(thread_ids)
    tx.execute(gone if group_id is None else gone.where(thread_ids.c.group_id == group_id))
    return int(tx.execute(select(func.max(posts.c.id))).scalar_one() or 0)


def _between(tx: Connection, last: int, until: int) -> tuple[_Kept, ...]:
    columns = (posts.c[name] for name in _Kept.__dataclass_fields__)
    wanted = select(*columns).where(posts.c.id > last, posts.c.id <= until)
    rows = tx.execute(wanted.order_by(posts.c.id).limit(_SLICE))
    return tuple(_Kept(row.id, row.group_id, bytes(row.sha256), row.received_at) for row in rows)


def _derive(tx: Connection, kept: _Kept, facts: keep.PostFacts) -> None:
    """Give the post its thread, facts and words anew; an old thread that nobody is in any more goes."""
    before = tx.execute(select(posts.c.thread_id).where(posts.c.id == kept.id)).scalar()
    if before is None:
        return  # it was erased meanwhile
    facts = keep.placed(tx, kept.group_id, facts)
    values = keep.row(facts) | {"thread_id": keep.thread(tx, kept.group_id, kept.received_at, facts)}
    tx.execute(update(posts).where(posts.c.id == kept.id).values(values))
    _add_words(tx, kept, facts)
    left = select(posts.c.id).where(posts.c.thread_id == before).limit(1)
    if tx.execute(left).first() is None:
        tx.execute(delete(threads).where(threads.c.id == before))


def _index(tx: Connection, kept: _Kept, facts: keep.PostFacts) -> None:
    """Give the post its words anew."""
    if tx.execute(select(posts.c.id).where(posts.c.id == kept.id)).first() is not None:
        _add_words(tx, kept, facts)


def _add_words(tx: Connection, kept: _Kept, facts: keep.PostFacts) -> None:
    search.add(tx, [(kept.id, facts.terms)])
    if facts.has_text_files:
        keep.expect_files(tx, [kept.id])
