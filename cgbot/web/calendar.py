"""
Meetings, the calendar feed, and the terms of reference (edge).

The feed answers 304 to a client that has it (RFC 9110 section 13): the ETag counts, and only without one the time of
the last change. It is the same bytes until a meeting changes.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.context import Context
from cgbot.groups import members, succession
from cgbot.groups import records as records_of_groups
from cgbot.groups.charter import Charter
from cgbot.groups.members import Member
from cgbot.groups.records import Group
from cgbot.mail import verp
from cgbot.meetings import feeds, records, wording
from cgbot.meetings.feeds import CalendarFeed
from cgbot.store.db import Tx
from cgbot.web.access import may_see
from cgbot.web.services import PERSONAL, entered, entry_of, services

CALENDAR: Final = "calendar"  # what the mark in a member's own link is for
# What a member has answered, in words.
ANSWERS: Final = {
    "ACCEPTED": "yes", "DECLINED": "no", "TENTATIVE": "maybe", "DELEGATED": "delegated",
    "NEEDS-ACTION": "no answer yet",
}  # fmt: skip
_LONG_ENOUGH: Final = 1024  # octets below which compressing gains nothing
_GZIP: Final = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=(?:1|0\.0*[1-9])[0-9.]*\s*)?(?:,|$)", re.IGNORECASE)


async def calendar(request: Request) -> Response:
    """The feed to subscribe to."""
    return await _feed(request, *entered(request))


async def own_calendar(request: Request) -> Response:
    """The same for a calendar program of one member, which cannot sign in; it ends with the membership."""
    here = services(request)
    context = here.context()
    member, group = await here.db.read(_subscriber, context, str(request.path_params["token"]))
    charter = context.charters.get(group.name) if group else None
    if member is None or group is None or charter is None or not may_see(charter, "calendar", member.role):
        raise HTTPException(404)
    answer = await _feed(request, group, charter)
    answer.headers["cache-control"] = PERSONAL
    return answer


def _subscriber(tx: Tx, context: Context, token: str) -> tuple[Member | None, Group | None]:
    """Whose link this is; nobody's who has left."""
    member_id = verp.read_member_token(context.keys, CALENDAR, "", token)
    member = members.get_member(tx, member_id) if member_id is not None else None
    if member is None or member.state == "left":
        return None, None
    return member, records_of_groups.find_group(tx, records_of_groups.name_of(tx, member.group_id))


async def _feed(request: Request, group: Group, charter: Charter) -> Response:
    here = services(request)
    feed = await here.db.read(feeds.render, here.context(), group)
    if feed.is_new:
        await here.db.write(feeds.remember, group.id, feed)
    packed = len(feed.content) >= _LONG_ENOUGH and bool(_GZIP.search(request.headers.get("accept-encoding", "")))
    etag = feed.etag.replace('"', '"gz-', 1) if packed else feed.etag
    headers = {
        "etag": etag,
        "last-modified": format_datetime(feed.changed_at.astimezone(UTC), usegmt=True),
        "cache-control": "public, max-age=300" if charter.calendar == "public" else PERSONAL,
        "vary": "Accept-Encoding",
        "x-robots-tag": "noindex",
        "content-disposition": f'inline; filename="{group.name}.ics"',
    }
    if _has_it(request, feed):
        return Response(status_code=304, headers=headers)
    content = gzip.compress(feed.content, mtime=0) if packed else feed.content
    if packed:
        headers["content-encoding"] = "gzip"
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


def _has_it(request: Request, feed: CalendarFeed) -> bool:
    """If-None-Match wins over If-Modified-Since; a date that cannot be read is ignored."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = {tag.strip().removeprefix("W/").replace('"gz-', '"', 1) for tag in tags.split(",")}
        return "*" in known or feed.etag in known
    since = _date(request.headers.get("if-modified-since", ""))
    return since is not None and feed.changed_at <= since


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def meetings(request: Request) -> Response:
    """Meetings to come, and those that have been."""
    here = services(request)
    group, charter = entered(request)
    now = here.context().now
    found = await here.db.read(records.of_group, group.id)
    visitor = entry_of(request).visitor
    member = visitor.member(group.id) if visitor else None
    ahead = [one.id for one in found if one.ends_at > now]
    mine = await here.db.read(_invitations, ahead, member.id) if member else {}
    rows: list[dict[str, Any]] = [
        {"meeting": one, "when": wording.when(one, charter), "mine": mine.get(one.id)} for one in found
    ]
    facts = {
        "ahead": [row for row in rows if row["meeting"].ends_at > now],
        "past": [row for row in reversed(rows) if row["meeting"].ends_at <= now],
        "calendar_url": f"{here.context().settings.service.public_url}/{group.name}/calendar.ics",
        "join_address": charter.address(here.context().settings.service.domain, "join"),
    }
    return await here.page(request, "meetings.html", facts)


def _invitations(tx: Tx, meeting_ids: Sequence[int], member_id: int) -> dict[int, str]:
    """What this member has answered to each meeting that they are invited to."""
    states = ((one, records.find_attendee(tx, one, member_id)) for one in meeting_ids)
    return {meeting_id: ANSWERS.get(state.partstat, "") for meeting_id, state in states if state}


async def about(request: Request) -> Response:
    """The group's terms of reference."""
    here = services(request)
    group, charter = entered(request)
    domain = here.context().settings.service.domain
    linked = await here.db.read(succession.shown, here.context(), group.id)
    return await here.page(request, "about.html", {"list_address": charter.posting_address(domain), **linked})


HANDLERS: Final = {"calendar": calendar, "own_calendar": own_calendar, "meetings": meetings, "about": about}
