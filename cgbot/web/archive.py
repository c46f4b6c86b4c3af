"""
Pages of the archive: threads, a post in its thread, search, the raw form, attachments (edge).

The database is read in one go and parsing happens in a thread, outside any transaction. The raw form is the exact
bytes, shown as plain text that no browser runs; attachments come as downloads of a harmless type. Both are open where
the group's archive is public; the pages mask addresses.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cgbot.archive import records, threads
from cgbot.archive.records import Post
from cgbot.mail import message as messages
from cgbot.mail.message import Attachment
from cgbot.store import raw, search
from cgbot.store.db import Tx
from cgbot.web import text
from cgbot.web.access import masked
from cgbot.web.services import Services, facts_of, services

_THREADS: Final = 50
_FOUND: Final = 30
_SHOWN: Final = 60  # posts of a thread whose text stands on one page
_PERMALINK: Final = re.compile(r"[A-Z2-7]{32}", re.IGNORECASE)
_HARMLESS: Final = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain", "text/calendar"}
)
_SEALED: Final = {"content-security-policy": "sandbox; default-src 'none'", "cache-control": "private, max-age=300"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A post of a thread as it stands on the page; `text` is None where only its line does."""

    post: Post | None
    depth: int
    author: str
    text: Markup | None
    attachments: tuple[Attachment, ...]


async def groups(request: Request) -> Response:
    """The groups that somebody anonymous may know of."""
    here = services(request)
    context = here.context()
    listed = [one for one in context.charters.values() if "public" in {one.archive, one.calendar}]
    if len(listed) == 1 and listed[0].archive == "public":
        return RedirectResponse(f"/{listed[0].name}/", 307)
    return here.page("groups.html", {"charters": listed})


async def archive(request: Request) -> Response:
    """Threads, those with the newest post first."""
    here = services(request)
    group, charter = await here.group(request, "archive")
    before = _place(request.query_params.get("before", ""))
    found = await here.db.read(records.list_threads, group.id, _THREADS + 1, before)
    older = _written(found[_THREADS - 1]) if len(found) > _THREADS else ""
    facts = facts_of(group, charter, threads=found[:_THREADS], older=older, newer=before is not None)
    return here.page("archive.html", facts)


async def post(request: Request) -> Response:
    """A post in its thread, by permalink or Message-ID."""
    here = services(request)
    group, charter = await here.group(request, "archive")
    named = unquote(str(request.path_params["post"]))
    found = await _find(here, group.id, named)
    if not found:
        raise HTTPException(404)
    thread = await here.db.read(records.of_thread, found[0].thread_id)
    shown = await asyncio.to_thread(_thread_as_shown, here, thread, found[0].id)
    facts = facts_of(
        group, charter, wanted={one.id for one in found}, shown=shown, subject=thread[0].subject, same=found
    )
    return here.page("thread.html", facts)


async def _find(here: Services, group_id: int, named: str) -> tuple[Post, ...]:
    if _PERMALINK.fullmatch(named):
        found = await here.db.read(records.of_permalink, group_id, named)
        if found:
            return found
        if named.isdecimal():
            return ()
    return await here.db.read(records.of_message_id, group_id, named.strip("<>"))


def _thread_as_shown(here: Services, thread: tuple[Post, ...], wanted: int) -> list[Shown]:
    """Put a thread in reading order; of a long one the text of the posts around the wanted one."""
    by_id = {one.id: one for one in thread}
    places = threads.tree(one.said() for one in thread)
    at = next((number for number, place in enumerate(places) if place.post_id == wanted), 0)
    window = range(max(0, at - _SHOWN // 2), max(0, at - _SHOWN // 2) + _SHOWN)
    shown = []
    for number, place in enumerate(places):
        one = by_id.get(place.post_id) if place.post_id is not None else None
        shown.append(_as_shown(here, one, min(place.depth, 8), with_text=number in window))
    return shown


def _as_shown(here: Services, one: Post | None, depth: int, *, with_text: bool) -> Shown:
    if one is None:
        return Shown(None, depth, "", None, ())
    author = one.author_name or masked(one.author_address) or "an unknown author"
    if not with_text:
        return Shown(one, depth, author, None, ())
    message = messages.parse(here.db.read_now(raw.get, one.sha256))
    return Shown(one, depth, author, text.as_html(message.text, mask=True), message.attachments)


async def search_page(request: Request) -> Response:
    """What holds all of the words, newest first."""
    here = services(request)
    group, charter = await here.group(request, "archive")
    query = request.query_params.get("q", "")[:300].strip()
    page = request.query_params.get("page", "1")
    number = int(page) if page.isdecimal() and 0 < len(page) < 5 else 1  # noqa: PLR2004 - up to page 9999
    found = await here.db.read(_search, group.id, query, number) if query else ()
    results = await asyncio.to_thread(_results, here, found[:_FOUND], query)
    facts = facts_of(group, charter, query=query, results=results, page=number, more=len(found) > _FOUND)
    return here.page("search.html", facts)


def _search(tx: Tx, group_id: int, query: str, page: int) -> tuple[Post, ...]:
    return records.of_ids(tx, search.find(tx, group_id, query, (_FOUND + 1, (page - 1) * _FOUND)))


def _results(here: Services, found: tuple[Post, ...], query: str) -> list[dict[str, Any]]:
    words = tuple(word.strip('"*') for word in query.split())
    return [
        {
            "post": one,
            "author": one.author_name or masked(one.author_address),
            "snippet": text.snippet(messages.parse(here.db.read_now(raw.get, one.sha256)).text, words),
        }
        for one in found
    ]


async def raw_form(request: Request) -> Response:
    """The exact bytes of a message, by Message-ID or permalink."""
    here = services(request)
    group, _ = await here.group(request, "archive")
    found = await _find(here, group.id, unquote(str(request.path_params["message_id"])))
    if not found:
        raise HTTPException(404)
    content = await here.db.read(raw.get, found[0].sha256)
    return Response(content, media_type="text/plain; charset=utf-8", headers=_SEALED)


async def attachment(request: Request) -> Response:
    """One attachment, as a download that no browser runs."""
    here = services(request)
    group, _ = await here.group(request, "archive")
    found = await here.db.read(records.of_permalink, group.id, str(request.path_params["permalink"]))
    number = int(request.path_params["number"])
    if not found:
        raise HTTPException(404)
    parts = await asyncio.to_thread(_attachments, here, found[0])
    if not 1 <= number <= len(parts):
        raise HTTPException(404)
    part = parts[number - 1]
    kind = part.content_type if part.content_type in _HARMLESS else "application/octet-stream"
    name = quote(part.filename or f"attachment-{number}", safe="")
    disposition = f"attachment; filename*=utf-8''{name}"
    return Response(part.content, media_type=kind, headers={**_SEALED, "content-disposition": disposition})


def _attachments(here: Services, one: Post) -> tuple[Attachment, ...]:
    return messages.parse(here.db.read_now(raw.get, one.sha256)).attachments


def _written(last: records.Thread) -> str:
    return f"{last.last_at.timestamp():.6f}-{last.id}"


def _place(given: str) -> tuple[datetime, int] | None:
    match = re.fullmatch(r"(\d{1,12}\.\d{6})-(\d{1,18})", given)
    return (datetime.fromtimestamp(float(match[1]), UTC), int(match[2])) if match else None


HANDLERS: Final = {
    "groups": groups, "archive": archive, "post": post, "search": search_page, "raw": raw_form,
    "attachment": attachment,
}  # fmt: skip
