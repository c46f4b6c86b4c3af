"""
An archive from above: its months, and who has written to it (records).

Somebody is who writes from one address, or under one name where there is none. What is not listed counts for nothing.
Times are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, Text, and_, case, cast, func, select

from cgbot.archive.records import LISTED, Post, of_ids
from cgbot.store.tables import posts

_WHO: Final = func.lower(case((posts.c.author_address != "", posts.c.author_address), else_=posts.c.author_name))


@dataclass(frozen=True, slots=True)
class Month:
    """A month, and how many posts came in it."""

    year: int
    number: int
    posts: int

    @property
    def begins(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def ends(self) -> datetime:
        """The first moment of the next one."""
        return datetime(self.year + self.number // 12, self.number % 12 + 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody who wrote: `name` as in the last post, `permalink` of the first."""

    name: str
    address: str
    permalink: str
    posts: int
    last_at: datetime


def months(tx: Connection, group_id: int) -> tuple[Month, ...]:
    """The months in which something came, the newest first."""
    counted = _by_month(tx, posts.c.group_id == group_id)
    hidden = _by_month(tx, and_(posts.c.group_id == group_id, posts.c.unlisted))
    left = ((one, count - hidden.get(one, 0)) for one, count in counted.items())
    return tuple(Month(int(one[:4]), int(one[5:]), count) for one, count in sorted(left, reverse=True) if count > 0)


def _by_month(tx: Connection, condition: ColumnElement[bool]) -> dict[str, int]:
    """How many posts by "2027-05": from the index of times alone."""
    if tx.dialect.name == "sqlite":
        month = func.substr(cast(posts.c.received_at, Text), 1, 7)
    else:
        month = func.to_char(func.timezone("UTC", posts.c.received_at), "YYYY-MM")
    rows = tx.execute(select(month.label("month"), func.count()).where(condition).group_by(month))
    return {str(name): int(count) for name, count in rows}


def authors(tx: Connection, group_id: int, limit: int, since: datetime | None = None) -> tuple[Author, ...]:
    """Who wrote to the group (since then), those with most posts first."""
    count = func.count().label("number")
    span = select(func.min(posts.c.id).label("first"), func.max(posts.c.id).label("last"), count)
    wanted = span.where(posts.c.group_id == group_id, LISTED)
    if since is not None:
        wanted = wanted.where(posts.c.received_at >= since)
    ranked = wanted.group_by(_WHO).order_by(count.desc(), func.max(posts.c.id).desc()).limit(limit).subquery()
    first, last = posts.alias("first_post"), posts.alias("last_post")
    rows = tx.execute(
        select(last.c.author_name, last.c.author_address, first.c.permalink, ranked.c.number, last.c.received_at)
        .join_from(ranked, first, first.c.id == ranked.c.first)
        .join(last, last.c.id == ranked.c.last)
        .order_by(ranked.c.number.desc(), last.c.id.desc())
    )
    return tuple(Author(*row) for row in rows)


def count_authors(tx: Connection, group_id: int) -> int:
    """How many have written."""
    wanted = select(func.count(func.distinct(_WHO))).where(posts.c.group_id == group_id, LISTED)
    return int(tx.execute(wanted).scalar_one())


def of_author(tx: Connection, one: Post, limit: int, after: int = 0) -> tuple[tuple[Post, ...], int]:
    """The posts of whoever wrote this one, newest first, so many after so many; and how many there are."""
    who = (one.author_address or one.author_name).lower()
    mine = and_(posts.c.group_id == one.group_id, LISTED, _WHO.in_((who,)))
    count = int(tx.execute(select(func.count()).where(mine)).scalar_one())
    newest = posts.c.received_at.desc(), posts.c.id.desc()
    ids = tx.execute(select(posts.c.id).where(mine).order_by(*newest).limit(limit).offset(after)).scalars().all()
    return of_ids(tx, ids), count
