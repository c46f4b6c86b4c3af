"""
What is new in an archive, or what a search finds, as a feed (edge; RFC 4287).

A search is saved by subscribing to it. Addresses are masked for the anonymous as on the pages. The feed changes only
when a post comes in, and whoever has it is answered 304 (RFC 9110 section 13.1.2).
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from cgbot.archive import records
from cgbot.archive.records import Post
from cgbot.errors import CgbotError
from cgbot.mail.headers import clean_text
from cgbot.store import search
from cgbot.store.db import Tx
from cgbot.web import reading
from cgbot.web import text as texts
from cgbot.web.services import PERSONAL, Services, entered, entry_of, services

_ENTRIES: Final = 30
_GLANCE: Final = 200_000  # octets of a message from which its beginning is taken
_BEGINNING: Final = 2000  # characters
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


async def feed(request: Request) -> Response:
    """The newest posts, or those that `q` finds."""
    here = services(request)
    group, charter = entered(request)
    query = request.query_params.get("q", "")[:300].strip()
    found = await here.db.read(_newest, group.id, query)
    show = reading.eyes(request)
    mark = hashlib.sha256(repr((query, show.mask, [one.id for one in found])).encode()).hexdigest()[:32]
    headers = {
        "etag": f'"{mark}"',
        "cache-control": PERSONAL if entry_of(request).visitor else "public, max-age=300",
        "vary": "Cookie",
        "x-robots-tag": "noindex",
    }
    if f'"{mark}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    facts = {
        "group": group,
        "charter": charter,
        "query": _NO_XML.sub("", query),
        "url": here.context().settings.service.public_url,
        "entries": await here.slow(_entries, here, found, show),
        "updated": max((one.received_at for one in found), default=group.created_at),
    }
    content = await here.slow(lambda: here.templates.get_template("web/atom.xml").render(facts))
    return Response(content, media_type="application/atom+xml; charset=utf-8", headers=headers)


def _newest(tx: Tx, group_id: int, query: str) -> tuple[Post, ...]:
    if query:
        return records.of_ids(tx, search.find(tx, group_id, query, (_ENTRIES, 0)))
    return records.newest(tx, group_id, _ENTRIES)


def _entries(here: Services, found: tuple[Post, ...], show: reading.Eyes) -> list[dict[str, Any]]:
    return [
        {
            "post": one,
            "subject": _NO_XML.sub("", clean_text(show.line(one.subject), 500)),
            "author": _NO_XML.sub("", clean_text(show.author(one), 200)),
            "text": _beginning(here, one, show),
        }
        for one in found
    ]


def _beginning(here: Services, one: Post, show: reading.Eyes) -> str:
    """The first lines of a post, without what XML cannot say."""
    try:
        whole = here.reading(one.sha256, _GLANCE if one.size > _GLANCE else 0).text
    except CgbotError:
        return ""  # it is damaged: that it came is still told
    shown = texts.without_addresses(whole[:_BEGINNING]) if show.mask else whole[:_BEGINNING]
    lines = [_NO_XML.sub("", clean_text(line, _BEGINNING)) for line in shown.split("\n")]
    return "\n".join(lines) + (" […]" if len(whole) > _BEGINNING else "")


HANDLERS: Final = {"atom": feed}
