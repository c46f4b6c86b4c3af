"""
Records: how far each member's digests have come.

A mark is set when a member chooses digests, at the newest post, and moves with each digest. Somebody who goes back to
single posts is still owed what came in between: then `until_id` is the last of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from cgbot.store.tables import digest_marks, members, posts

MODES: Final = ("daily", "weekly")


@dataclass(frozen=True, slots=True)
class Mark:
    """Digests have covered the posts up to `post_id`; `until_id` ends what is still owed, None while they go on."""

    member_id: int
    post_id: int
    until_id: int | None
    at: datetime


def newest_post(tx: Connection, group_id: int, until: datetime | None = None) -> int:
    """The id of the newest post, of those that had come in by then; 0 before the first."""
    wanted = select(func.max(posts.c.id)).where(posts.c.group_id == group_id)
    if until is not None:
        wanted = wanted.where(posts.c.received_at <= until)
    return int(tx.execute(wanted).scalar_one() or 0)


def follow(tx: Connection, member_id: int, group_id: int, delivery: str, now: datetime) -> None:
    """A member's delivery mode is this from now on: begin, go on, leave something owed, or forget."""
    known = find(tx, (member_id,)).get(member_id)
    if delivery in MODES:
        if known is None or known.until_id is not None:
            put(tx, member_id, known.post_id if known else newest_post(tx, group_id), now)
    elif known is not None and known.until_id is None:
        newest = newest_post(tx, group_id)
        if delivery == "none" or newest <= known.post_id:
            forget(tx, member_id)
        else:
            values = {"until_id": newest, "at": now}
            tx.execute(update(digest_marks).where(digest_marks.c.member_id == member_id).values(**values))
    elif delivery == "none":
        forget(tx, member_id)


def find(tx: Connection, member_ids: tuple[int, ...]) -> Mapping[int, Mark]:
    """The marks of these members, by member."""
    rows = tx.execute(select(digest_marks).where(digest_marks.c.member_id.in_(member_ids)))
    return MappingProxyType({row.member_id: Mark(**row._mapping) for row in rows})


def owed(tx: Connection, group_id: int) -> tuple[Mark, ...]:
    """Those of a group who have gone back to single posts and are owed the last of their digests."""
    joined = digest_marks.join(members, digest_marks.c.member_id == members.c.id)
    wanted = (members.c.group_id == group_id) & (members.c.state == "active") & digest_marks.c.until_id.is_not(None)
    rows = tx.execute(select(digest_marks).select_from(joined).where(wanted).order_by(digest_marks.c.member_id))
    return tuple(Mark(**row._mapping) for row in rows)


def put(tx: Connection, member_id: int, post_id: int, now: datetime) -> None:
    """Digests have covered everything up to this post."""
    values = {"post_id": post_id, "until_id": None, "at": now}
    done = tx.execute(update(digest_marks).where(digest_marks.c.member_id == member_id).values(**values))
    if not done.rowcount:
        tx.execute(insert(digest_marks).values(member_id=member_id, **values))


def forget(tx: Connection, member_id: int) -> None:
    """Nothing is owed to a member any more."""
    tx.execute(delete(digest_marks).where(digest_marks.c.member_id == member_id))
