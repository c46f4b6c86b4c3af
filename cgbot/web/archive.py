"""
Pages of the archive: a post in its thread, search, the raw form, attachments (edge).

The database is read in one go and parsing happens in a thread, outside any transaction. The raw form is the exact
bytes, shown as plain text that no browser runs; attachments come as downloads of a harmless type. The pages mask
addresses for whoever is no member, unless the charter shows them; the raw forms, of a message and of a thread, are for
those who see addresses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.archive import file_texts, records, thread_edits, tombstones
from cgbot.archive.file_texts import FileText
from cgbot.archive.records import Post
from cgbot.errors import CgbotError
from cgbot.mail import identity
from cgbot.store import raw, search, words
from cgbot.store.db import Tx
from cgbot.store.query import parse
from cgbot.web import files, reading, text
from cgbot.web.access import may_see
from cgbot.web.services import Services, entered, entry_of, services

_FOUND: Final = 30
_GLANCE: Final = 200_000  # octets of a message in which a search result's piece of text is looked for
_PERMALINK: Final = re.compile(r"[A-Z2-7]{32}", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


async def groups(request: Request) -> Response:
    """The groups that whoever asks may know of."""
    here = services(request)
    visitor = entry_of(request).visitor
    own = {one.group: one.member.role for one in visitor.memberships} if visitor else {}
    rows = [
        {"charter": one, "archive": may_see(one, "archive", role), "desk": may_see(one, "desk", role)}
        for name, one in here.context().charters.items()
        if (role := own.get(name, "")) or may_see(one, "archive") or may_see(one, "calendar")
    ]
    return await here.page(request, "groups.html", {"rows": rows})


async def post(request: Request) -> Response:
    """A post in its thread, by permalink or Message-ID."""
    here = services(request)
    group, charter = entered(request)
    named, show = str(request.path_params["post"]), reading.eyes(request)
    is_desk = may_see(charter, "desk", entry_of(request).role)

    def facts() -> dict[str, object]:
        found, thread = here.db.read_now(with_thread, group.id, named)
        moved = here.db.read_now(_moved, group.id, thread) if is_desk else frozenset()
        wanted = frozenset(one.id for one in found)
        page = reading.page(here.reading, thread, wanted, show)
        return {
            "wanted": wanted,
            "moved": moved,
            "renamed": reading.renamed(page, thread[0].subject),
            "page": page,
            "on_page": frozenset(one.post.id for one in page.shown if one.post is not None),
            "subject": show.line(thread[0].subject),
            "posts": len(thread),
            "start": thread[0],
        }

    return await here.page(request, "thread.html", facts)


async def find(here: Services, group_id: int, named: str) -> tuple[Post, ...]:
    """What a permalink or a Message-ID names, which may have been encoded twice; 410 if erased, 404 if nothing."""
    return await here.db.read(_named, group_id, named)


def with_thread(tx: Tx, group_id: int, named: str) -> tuple[tuple[Post, ...], tuple[Post, ...]]:
    """What is named, and the posts of its thread; 404 and 410 as `find`."""
    found = _named(tx, group_id, named)
    return found, records.of_thread(tx, found[0].thread_id)


def _moved(tx: Tx, group_id: int, thread: Sequence[Post]) -> frozenset[int]:
    """The posts of a thread that a convener has put where they stand."""
    edits = thread_edits.find(tx, group_id, [one.message_id for one in thread])
    return frozenset(one.id for one in thread if one.message_id in edits)


def _named(tx: Tx, group_id: int, named: str) -> tuple[Post, ...]:
    if _PERMALINK.fullmatch(named) and (found := records.of_permalink(tx, group_id, named)):
        return found
    for message_id in dict.fromkeys((named, unquote(named))):
        if found := records.of_message_id(tx, group_id, message_id.strip("<>").replace("\0", "")):
            return found
    links = (named, identity.permalink(unquote(named).strip("<>")))
    raise HTTPException(
        410 if any(tombstones.of_permalink(tx, group_id, one.replace("\0", "")) for one in links) else 404
    )


def chosen(request: Request, found: tuple[Post, ...]) -> Post:
    """The one of several contents under a permalink that `of` names, by its number; the first without it."""
    number = request.query_params.get("of", "")
    return next((one for one in found if str(one.id) == number), found[0])


async def search_page(request: Request) -> Response:
    """What holds all of the words, newest first."""
    here = services(request)
    group, _ = entered(request)
    query = request.query_params.get("q", "")[:300].strip()
    page = request.query_params.get("page", "")
    number = max(1, int(page)) if _NUMBER.fullmatch(page) else 1
    found = await here.db.read(_search, group.id, query, number) if query else ()
    said = await here.db.read(file_texts.of_posts, [one.id for one in found if one.attachments])
    results = await here.slow(_results, here, (found[:_FOUND], said), query, reading.eyes(request))
    problems = parse(query).problems
    facts = {"query": query, "results": results, "page": number, "more": len(found) > _FOUND, "problems": problems}
    return await here.page(request, "search.html", facts)


def _search(tx: Tx, group_id: int, query: str, page: int) -> tuple[Post, ...]:
    return records.of_ids(tx, search.find(tx, group_id, query, (_FOUND + 1, (page - 1) * _FOUND)))


def _results(
    here: Services, known: tuple[tuple[Post, ...], Mapping[int, tuple[FileText, ...]]], query: str, show: reading.Eyes
) -> list[dict[str, Any]]:
    found, said = known
    is_wanted = words.finder(parse(query).terms)
    return [
        {
            "post": one,
            "subject": show.line(one.subject),
            "author": show.author(one),
            "snippet": text.snippet(_glance(here, one), is_wanted, mask=show.mask),
            "files": [
                {
                    "number": file.number,
                    "name": show.line(file.name) or "a file",
                    "snippet": text.snippet(file.text, is_wanted, mask=show.mask),
                }
                for file in said.get(one.id, ())
                if text.holds(file.text, is_wanted)
            ],
        }
        for one in found
    ]


def _glance(here: Services, one: Post) -> str:
    """The text of a post, or of the beginning of a large one."""
    try:
        return here.reading(one.sha256, _GLANCE if one.size > _GLANCE else 0).text
    except CgbotError:
        return ""  # it is damaged: what was found is still named


async def raw_form(request: Request) -> Response:
    """The exact bytes of a message, by Message-ID or permalink."""
    here = services(request)
    group, _ = entered(request)
    found = await find(here, group.id, str(request.path_params["message_id"]))
    content = await here.db.read(raw.get, chosen(request, found).sha256)
    return files.as_it_came(await here.slow(lambda: here.forgotten().hide_octets(content)))


async def attachment(request: Request) -> Response:
    """One attachment, as a download that no browser runs."""
    here = services(request)
    group, _ = entered(request)
    found = await here.db.read(records.of_permalink, group.id, str(request.path_params["permalink"]).replace("\0", ""))
    if not found:
        raise HTTPException(404)
    number = str(request.path_params["number"])
    content = await here.db.read(raw.get, chosen(request, found).sha256)
    part = await here.slow(files.part, content, number)
    return files.download(part.filename or f"attachment-{number}", part.content_type, part.content)


HANDLERS: Final = {
    "groups": groups, "post": post, "search": search_page, "raw": raw_form, "attachment": attachment,
}  # fmt: skip
