"""
The archive as it is read: threads, posts, what a permalink names (records).

Pages go by key, newest first, so that a long archive costs no more than a short one. What its author wanted in no
archive is not listed and not found, save by `with_unlisted`. Who may see the group is the business of whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, func, or_, select

from cgbot.archive.threads import Said
from cgbot.store.tables import posts, threads


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread; `posts` counts those that are here, permalink and author are its first post's."""

    id: int
    subject: str
    started_at: datetime
    last_at: datetime
    posts: int
    permalink: str
    author_name: str
    author_address: str


@dataclass(frozen=True, slots=True)
class Post:
    """One post as it is listed; `sent_at` is the author's Date where it can be read."""

    id: int
    group_id: int
    sha256: bytes
    message_id: str
    permalink: str
    thread_id: int
    references: tuple[str, ...]
    subject: str
    author_name: str
    author_address: str
    sent_at: datetime | None
    received_at: datetime
    size: int
    attachments: int
    unlisted: bool = False

    def said(self) -> Said:
        """What a tree needs of it."""
        return Said(self.id, self.message_id, self.references, self.received_at, self.subject)


_OF_FIRST = ("permalink", "author_name", "author_address")
_COLUMNS = tuple(posts.c[name] for name in Post.__dataclass_fields__)
# Built once: every page asks one of them, and building it costs as much as running it.
LISTED = posts.c.unlisted.is_(False)
_OF_THREAD = (
    select(*_COLUMNS).where(posts.c.thread_id == bindparam("thread"), LISTED).order_by(posts.c.received_at, posts.c.id)
)
_EVERY = select(*_COLUMNS).where(posts.c.group_id == bindparam("group")).order_by(posts.c.id)
_OF_GROUP = _EVERY.where(LISTED)
_OF_PERMALINK = _OF_GROUP.where(posts.c.permalink == bindparam("name"))
_OF_MESSAGE_ID = _OF_GROUP.where(posts.c.message_id == bindparam("name"))


def list_threads(
    tx: Connection, group_id: int, limit: int, before: tuple[datetime, int] | None = None
) -> tuple[Thread, ...]:
    """Threads by their last post, newest first, after the place `before` = (last_at, id) of the page above."""
    wanted = _threads().where(threads.c.group_id == group_id)
    if before is not None:
        at, thread_id = before
        wanted = wanted.where(or_(threads.c.last_at < at, and_(threads.c.last_at == at, threads.c.id < thread_id)))
    rows = tx.execute(wanted.order_by(threads.c.last_at.desc(), threads.c.id.desc()).limit(limit))
    return tuple(Thread(**row._mapping) for row in rows)


def _threads() -> Select[Any]:
    """Threads as `Thread` says them, with what their first post here says; those of nothing listed are none."""
    inner = posts.alias("inside")
    mine = inner.c.thread_id == threads.c.id
    first = (
        select(inner.c.id).where(mine, inner.c.unlisted.is_(False)).order_by(inner.c.received_at, inner.c.id).limit(1)
    )
    hidden = select(func.count()).where(mine, inner.c.unlisted).correlate(threads).scalar_subquery()
    return (
        select(
            *threads.c["id", "started_at", "last_at"],
            case((hidden > 0, posts.c.subject), else_=threads.c.subject).label("subject"),
            (threads.c.posts - hidden).label("posts"),
            *posts.c[_OF_FIRST],
        )
        .select_from(threads)
        .join(posts, posts.c.id == first.correlate(threads).scalar_subquery())
    )


def threads_between(tx: Connection, group_id: int, since: datetime, until: datetime) -> tuple[Thread, ...]:
    """Threads in which something was posted from `since` to before `until`, by their beginning."""
    mine = select(posts.c.thread_id).where(
        posts.c.group_id == group_id, posts.c.received_at >= since, posts.c.received_at < until
    )
    wanted = _threads().where(threads.c.id.in_(mine.scalar_subquery()))
    return tuple(Thread(**row._mapping) for row in tx.execute(wanted.order_by(threads.c.started_at, threads.c.id)))


def of_thread(tx: Connection, thread_id: int) -> tuple[Post, ...]:
    """The posts of a thread as they came in."""
    return _posts(tx, _OF_THREAD, {"thread": thread_id})


def of_permalink(tx: Connection, group_id: int, permalink: str) -> tuple[Post, ...]:
    """Every content under this permalink; more than one where a Message-ID was used twice."""
    return _posts(tx, _OF_PERMALINK, {"group": group_id, "name": permalink.upper()})


def of_message_id(tx: Connection, group_id: int, message_id: str) -> tuple[Post, ...]:
    """Every content under this Message-ID."""
    return _posts(tx, _OF_MESSAGE_ID, {"group": group_id, "name": message_id})


def with_unlisted(tx: Connection, group_id: int, named: str) -> tuple[Post, ...]:
    """Every content under this permalink or Message-ID, also what is not listed: for those who run the group."""
    names = or_(posts.c.permalink == named.upper(), posts.c.message_id == named.strip("<>"))
    return _posts(tx, _EVERY.where(names), {"group": group_id})


def of_ids(tx: Connection, ids: Sequence[int]) -> tuple[Post, ...]:
    """These posts, in this order."""
    found = {one.id: one for one in _posts(tx, select(*_COLUMNS).where(posts.c.id.in_(ids)))}
    return tuple(found[one] for one in ids if one in found)


def newest(tx: Connection, group_id: int, limit: int) -> tuple[Post, ...]:
    """The last posts, newest first."""
    wanted = select(*_COLUMNS).where(posts.c.group_id == group_id, LISTED)
    return _posts(tx, wanted.order_by(posts.c.received_at.desc(), posts.c.id.desc()).limit(limit))


def between(tx: Connection, group_id: int, after: int, until: int) -> tuple[Post, ...]:
    """The posts with ids after one and up to another, as they came in; what was imported is no news."""
    wanted = select(*_COLUMNS).where(posts.c.group_id == group_id, posts.c.id > after, posts.c.id <= until)
    return _posts(tx, wanted.where(posts.c.imported.is_(False)).order_by(posts.c.received_at, posts.c.id))


def _posts(
    tx: Connection, wanted: Select[tuple[object, ...]], given: Mapping[str, object] | None = None
) -> tuple[Post, ...]:
    return tuple(_post(*row) for row in tx.execute(wanted, given or {}))


def _post(*fields: Any) -> Post:
    """A row as a post; what JSON and the drivers give becomes what it says."""
    post_id, group_id, sha256, message_id, permalink, thread_id, references, *rest = fields
    return Post(post_id, group_id, bytes(sha256), message_id, permalink, thread_id, tuple(references), *rest)
