"""
An archive on its way out (records): which posts are wanted, and each with its exact bytes.

A slice is read at a time, so that a long archive is never in memory; visibility is the business of whoever asks.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from cgbot.archive import records
from cgbot.archive.records import Post
from cgbot.store import raw, search
from cgbot.store.db import Database
from cgbot.store.tables import posts

_SLICE = 100
_SLICE_OCTETS = 16 << 20
_EVERYTHING = 1 << 31


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which posts of a group: received in [since, until), both aware; of a thread; by an author; that a search finds.

    None and "" leave a condition out.
    """

    group_id: int
    since: datetime | None = None
    until: datetime | None = None
    thread_id: int | None = None
    author: str = ""
    query: str = ""


def find(tx: Connection, wanted: Wanted) -> tuple[int, ...]:
    """The numbers of the posts, those first that were received first."""
    conditions: list[ColumnElement[bool]] = [posts.c.group_id == wanted.group_id]
    if wanted.since is not None:
        conditions.append(posts.c.received_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(posts.c.received_at < wanted.until)
    if wanted.thread_id is not None:
        conditions.append(posts.c.thread_id == wanted.thread_id)
    if wanted.author:
        conditions.append(func.lower(posts.c.author_address) == wanted.author.lower())
    found = tx.execute(select(posts.c.id).where(*conditions).order_by(posts.c.received_at, posts.c.id)).scalars().all()
    if not wanted.query:
        return tuple(found)
    hits = set(search.find(tx, wanted.group_id, wanted.query, (_EVERYTHING, 0)))
    return tuple(one for one in found if one in hits)


def with_threads(tx: Connection, ids: Sequence[int]) -> tuple[int, ...]:
    """The numbers of all listed posts in the threads of these, a thread after the other."""
    threads: dict[int, None] = {}
    for at in range(0, len(ids), _SLICE):
        named = posts.c.id.in_(ids[at : at + _SLICE])
        threads |= dict.fromkeys(tx.execute(select(posts.c.thread_id).where(named)).scalars())
    found: list[int] = []
    for thread_id in threads:
        inside = select(posts.c.id).where(posts.c.thread_id == thread_id, records.LISTED)
        found += tx.execute(inside.order_by(posts.c.received_at, posts.c.id)).scalars()
    return tuple(found)


def each(db: Database, ids: Sequence[int]) -> Iterator[tuple[Post, bytes | None]]:
    """These posts with their exact bytes; None for one whose bytes are damaged."""
    for at in range(0, len(ids), _SLICE):
        found = db.read_now(records.of_ids, ids[at : at + _SLICE])
        for portion in _portions(found):
            bodies = db.read_now(raw.get_some, [one.sha256 for one in portion])
            for one in portion:
                body = bodies.get(one.sha256)
                yield one, body if isinstance(body, bytes) else None


def _portions(found: Sequence[Post]) -> Iterator[list[Post]]:
    """Cut so that no portion holds more than some megabytes in memory."""
    portion: list[Post] = []
    octets = 0
    for one in found:
        if portion and octets + one.size > _SLICE_OCTETS:
            yield portion
            portion, octets = [], 0
        portion.append(one)
        octets += one.size
    if portion:
        yield portion


def as_json(one: Post, content: bytes) -> str:
    """A post as one line of JSON: what is known of it, and its bytes in base64."""
    told = {
        "message_id": one.message_id,
        "permalink": one.permalink,
        "received_at": one.received_at.isoformat(),
        "sent_at": one.sent_at.isoformat() if one.sent_at else None,
        "author_name": one.author_name,
        "author_address": one.author_address,
        "subject": one.subject,
        "references": list(one.references),
        "raw": base64.b64encode(content).decode("ascii"),
    }
    return json.dumps(told, ensure_ascii=False)
