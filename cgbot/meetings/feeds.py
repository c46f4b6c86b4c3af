"""
The calendar of a group to subscribe to (use case).

Bytes, ETag and the time when the bytes last changed; that time is kept, so that it never goes back when a meeting is
removed or grows old. Holds what ended up to 90 days ago and everything ahead; a cancelled meeting stays as cancelled.
The public feed names no person and no join link.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update

from cgbot.context import Context
from cgbot.groups.charter import Charter
from cgbot.groups.records import Group
from cgbot.ical import feed
from cgbot.meetings import invitations, records
from cgbot.store.db import Tx
from cgbot.store.tables import feeds
from cgbot.store.upsert import insert_new

_PAST: Final = timedelta(days=90)
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class CalendarFeed:
    """A feed as it is served; `changed_at` is for Last-Modified, in whole seconds; `is_new`: not served so far."""

    content: bytes
    etag: str
    changed_at: datetime
    is_new: bool


def render(tx: Tx, context: Context, group: Group) -> CalendarFeed:
    """The feed as it is now; reads only."""
    charter = context.charters[group.name]
    since = (context.now - _PAST).replace(hour=0, minute=0, second=0, microsecond=0)
    meetings = records.of_group(tx, group.id, since=since)[-_MOST:]
    changed_at = max((one.revised_at for one in meetings), default=group.created_at)
    events = [invitations.event(one, charter, context.settings.service.public_url, join_link=False) for one in meetings]
    described = feed.Feed(charter.acronym, charter.title, _source(context, charter), changed_at)
    content = feed.render(described, events)
    etag = feed.etag(content)
    kept = tx.execute(select(feeds).where(feeds.c.group_id == group.id)).one_or_none()
    if kept is not None and kept.etag == etag:
        return CalendarFeed(content, etag, kept.changed_at, is_new=False)
    return CalendarFeed(content, etag, context.now.replace(microsecond=0), is_new=True)


def remember(tx: Tx, group_id: int, served: CalendarFeed) -> None:
    """Keep when these bytes were first served; an unchanged feed writes nothing."""
    values = {"etag": served.etag, "changed_at": served.changed_at}
    tx.execute(insert_new(tx, feeds).values(group_id=group_id, **values))
    tx.execute(update(feeds).where(feeds.c.group_id == group_id, feeds.c.etag != served.etag).values(values))


def _source(context: Context, charter: Charter) -> str:
    return f"{context.settings.service.public_url}/{charter.name}/calendar.ics"
