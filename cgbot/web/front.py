"""
A group's front page, the months of its archive, and who has written to it (edge).

The front page says what is new, what is coming, and who is active. Somebody's posts are found by the link of one of
them, so that no address stands in a link.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.archive import overview, records
from cgbot.archive.overview import Author, Month
from cgbot.archive.records import Thread
from cgbot.groups import succession
from cgbot.groups.charter import Charter
from cgbot.groups.moments import in_words
from cgbot.meetings import records as meetings
from cgbot.meetings import wording
from cgbot.meetings.records import Meeting
from cgbot.papers import records as papers
from cgbot.papers.records import Call
from cgbot.store.db import Tx
from cgbot.web import mailboxes, reading
from cgbot.web.access import masked
from cgbot.web.reading import Eyes
from cgbot.web.services import entered, services

_THREADS: Final = 50
_AHEAD: Final = 3
_ACTIVE: Final = 10
_ACTIVE_FOR: Final = timedelta(days=30)
_YEAR: Final = timedelta(days=366)
_AUTHORS: Final = 500
_POSTS: Final = 50
_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_PLACE: Final = re.compile(r"([0-9]{1,11}\.[0-9]{6})-([0-9]{1,18})")
_PAGE: Final = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class _News:
    """What the front page is made of, beside the newest threads."""

    meetings: tuple[Meeting, ...]
    calls: tuple[Call, ...]
    active: tuple[Author, ...]


async def archive(request: Request) -> Response:
    """The front page; with `before`, the threads that are older than that place. A search, by POST."""
    if request.method == "POST":
        return await mailboxes.found_mbox(request)
    here = services(request)
    group, charter = entered(request)
    before = _place(request.query_params.get("before", ""))
    found = await here.db.read(records.list_threads, group.id, _THREADS + 1, before)
    show = reading.eyes(request)
    context = here.context()
    facts = {
        "rows": rows(found[:_THREADS], show),
        "older": _written(found[_THREADS - 1]) if len(found) > _THREADS else "",
        "newer": before is not None,
        "list_address": charter.posting_address(context.settings.service.domain),
        **await here.db.read(succession.shown, context, group.id),
    }
    if before is None:
        news = await here.db.read(_news, group.id, context.now)
        facts |= _said(news, charter, show)
        facts |= _recent(await here.lately(overview.months, group.id), context.now)
    return await here.page(request, "archive.html", facts)


def _news(tx: Tx, group_id: int, now: datetime) -> _News:
    ahead = [one for one in meetings.of_group(tx, group_id, now) if one.state != "cancelled"]
    calls = [one for one in papers.list_calls(tx, group_id, only_open=True) if one.closes_at > now]
    active = overview.authors(tx, group_id, _ACTIVE, now - _ACTIVE_FOR)
    return _News(tuple(ahead[:_AHEAD]), tuple(calls), active)


def _recent(every: Sequence[Month], now: datetime) -> dict[str, Any]:
    return {"months": [one for one in every if one.ends > now - _YEAR][:12], "has_more_months": bool(every)}


def _said(news: _News, charter: Charter, show: Eyes) -> dict[str, Any]:
    return {
        "ahead": [{"meeting": one, "when": wording.when(one, charter)} for one in news.meetings],
        "calls": [{"call": one, "closes": in_words(one.closes_at, charter)} for one in news.calls],
        "active": people(news.active, show),
    }


def rows(found: Sequence[Thread], show: Eyes) -> list[dict[str, Any]]:
    """Threads as their list shows them."""
    return [{"thread": one, "subject": show.line(one.subject), "author": show.author(one)} for one in found]


def people(found: Sequence[Author], show: Eyes) -> list[dict[str, Any]]:
    """Authors as their list shows them: nobody's whole address where addresses are masked."""
    return [
        {"one": one, "name": show.line(one.name) or (masked(one.address) if show.mask else one.address) or "unknown"}
        for one in found
    ]


async def months(request: Request) -> Response:
    """Every month in which something was posted."""
    here = services(request)
    group, _ = entered(request)
    years: dict[int, list[Month]] = {}
    for one in await here.lately(overview.months, group.id):
        years.setdefault(one.year, []).append(one)
    return await here.page(request, "months.html", {"years": years})


async def month(request: Request) -> Response:
    """The threads of one month."""
    here = services(request)
    group, _ = entered(request)
    match = _MONTH.fullmatch(str(request.path_params["month"]))
    if not match or match[1] == "0000":
        raise HTTPException(404)
    wanted = Month(min(int(match[1]), 9998), int(match[2]), 0)
    found = await here.db.read(records.threads_between, group.id, wanted.begins, wanted.ends)
    every = await here.lately(overview.months, group.id)
    place = (wanted.year, wanted.number)
    facts = {
        "month": wanted,
        "rows": rows(found, reading.eyes(request)),
        "newer": next((one for one in reversed(every) if (one.year, one.number) > place), None),
        "older": next((one for one in every if (one.year, one.number) < place), None),
    }
    return await here.page(request, "month.html", facts)


async def authors(request: Request) -> Response:
    """Who has written, those with most posts first."""
    here = services(request)
    group, _ = entered(request)
    found = await here.lately(_authors, group.id)
    count = await here.lately(overview.count_authors, group.id) if len(found) == _AUTHORS else len(found)
    return await here.page(request, "authors.html", {"people": people(found, reading.eyes(request)), "count": count})


def _authors(tx: Tx, group_id: int) -> tuple[Author, ...]:
    return overview.authors(tx, group_id, _AUTHORS)


async def author(request: Request) -> Response:
    """What somebody has posted, by the link of one of their posts."""
    here = services(request)
    group, _ = entered(request)
    link = str(request.path_params["permalink"]).replace("\0", "")
    typed = request.query_params.get("page", "")
    number = int(typed) if _PAGE.fullmatch(typed) else 1
    found, count = await here.db.read(_of_author, group.id, link, number)
    show = reading.eyes(request)
    facts = {
        "author": show.author(found[0]) if found else "",
        "address": found[0].author_address if found and not show.mask else "",
        "rows": [{"post": one, "subject": show.line(one.subject)} for one in found],
        "count": count,
        "page": number,
        "more": number * _POSTS < count,
        "link": link,
    }
    return await here.page(request, "author.html", facts)


def _of_author(tx: Tx, group_id: int, link: str, number: int) -> tuple[tuple[records.Post, ...], int]:
    named = records.of_permalink(tx, group_id, link)
    if not named:
        raise HTTPException(404)
    found, count = overview.of_author(tx, named[0], _POSTS, (number - 1) * _POSTS)
    if not found:
        raise HTTPException(404)
    return found, count


def _written(last: Thread) -> str:
    return f"{last.last_at.timestamp():.6f}-{last.id}"


def _place(given: str) -> tuple[datetime, int] | None:
    match = _PLACE.fullmatch(given)
    return (datetime.fromtimestamp(float(match[1]), UTC), int(match[2])) if match else None


HANDLERS: Final = {
    "archive": archive, "months": months, "month": month, "authors": authors, "author": author,
}  # fmt: skip
