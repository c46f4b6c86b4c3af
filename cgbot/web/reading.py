"""
A thread as it stands on a page (edge; runs in a thread of its own, outside any transaction).

Of a long thread the lines around the wanted post are shown, and of fewer the text; what a page reads is bounded in
posts and in octets, and only one message at a time is in memory. A message that is damaged takes no other down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from markupsafe import Markup

from cgbot.archive import threads
from cgbot.archive.records import Post, Thread
from cgbot.archive.threads import Place
from cgbot.errors import CgbotError
from cgbot.mail import message as messages
from cgbot.store import raw
from cgbot.store.db import Database
from cgbot.web import text
from cgbot.web.access import masked

log = structlog.get_logger(__name__)
_LINES: Final = 300
_TEXTS: Final = 60
_OCTETS: Final = 24 * 1024 * 1024  # of messages that one page reads; the wanted post is always read
_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class File:
    """An attachment; `size` in octets."""

    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A post of a thread; `post` is None for one that never came, `text` where only its line is shown."""

    post: Post | None
    depth: int
    author: str = ""
    subject: str = ""
    text: Markup | None = None
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a thread; `earlier` and `later` count the posts beyond it, `before` and `after` are the next ones."""

    shown: tuple[Shown, ...]
    earlier: int
    later: int
    before: Post | None
    after: Post | None


def page(db: Database, thread: Sequence[Post], wanted: frozenset[int]) -> Page:
    """Put a thread in reading order and show the part around the wanted posts."""
    by_id = {one.id: one for one in thread}
    places = threads.tree(one.said() for one in thread)
    at = next((number for number, place in enumerate(places) if place.post_id in wanted), 0)
    lines, texts = _window(at, _LINES, len(places)), _window(at, _TEXTS, len(places))
    readable = _readable(_posts(places[texts.start : texts.stop], by_id), wanted)
    earlier, later = _posts(places[: lines.start], by_id), _posts(places[lines.stop :], by_id)
    return Page(
        shown=tuple(_shown(db, by_id.get(places[n].post_id or 0), places[n].depth, readable) for n in lines),
        earlier=len(earlier),
        later=len(later),
        before=earlier[-1] if earlier else None,
        after=later[0] if later else None,
    )


def _window(at: int, size: int, total: int) -> range:
    """Numbers around `at`, as many as there are up to `size`."""
    start = max(0, min(at - size // 2, total - size))
    return range(start, min(total, start + size))


def _readable(around: Sequence[Post], wanted: frozenset[int]) -> frozenset[int]:
    """The ids of the posts whose text is shown."""
    left = _OCTETS
    found = set(wanted)
    for one in around:
        if one.id not in found and one.size <= left:
            left -= one.size
            found.add(one.id)
    return frozenset(found)


def _posts(places: Sequence[Place], by_id: dict[int, Post]) -> list[Post]:
    return [by_id[place.post_id] for place in places if place.post_id is not None]


def _shown(db: Database, one: Post | None, depth: int, readable: frozenset[int]) -> Shown:
    depth = min(depth, _DEPTH)
    if one is None:
        return Shown(None, depth)
    listed = Shown(one, depth, author(one), text.without_addresses(one.subject))
    if one.id not in readable:
        return listed
    try:
        message = messages.parse(db.read_now(raw.get, one.sha256))
    except CgbotError:
        log.exception("a stored message cannot be read", post=one.id)
        return Shown(one, depth, listed.author, listed.subject, Markup("This message cannot be shown at the moment."))
    files = tuple(
        File(text.without_addresses(part.filename), part.content_type, part.size) for part in message.attachments
    )
    return Shown(one, depth, listed.author, listed.subject, text.as_html(message.text, mask=True), files)


def author(one: Post | Thread) -> str:
    """The author as the anonymous see them."""
    return text.without_addresses(one.author_name) or masked(one.author_address) or "an unknown author"
