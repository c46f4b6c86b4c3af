"""
A thread as it stands on a page (edge; runs in a thread of its own, outside any transaction).

Of a long thread the lines around the wanted post are shown, and of fewer the text; what a page reads is bounded in
posts and in octets, and only one message at a time is in memory. A message that is damaged takes no other down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog
from markupsafe import Markup

from cgbot.archive import threads
from cgbot.archive.records import Post, Thread
from cgbot.archive.threads import Place
from cgbot.errors import CgbotError
from cgbot.groups.roles import may
from cgbot.mail import message as messages
from cgbot.store import raw
from cgbot.store.db import Database
from cgbot.web import text as texts
from cgbot.web.access import masked
from cgbot.web.files import File

log = structlog.get_logger(__name__)
_LINES: Final = 300
_TEXTS: Final = 60
_OCTETS: Final = 24 * 1024 * 1024  # of messages that one page reads; the wanted post is always read
_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class Eyes:
    """How somebody of this role sees what was written: addresses are masked for whoever is no member."""

    role: str

    @property
    def mask(self) -> bool:
        """Say whether addresses are masked."""
        return not may(self.role, "read the members' archive")

    def line(self, text: str) -> str:
        """A subject, or a file's name."""
        return texts.without_addresses(text) if self.mask else text

    def author(self, one: Post | Thread) -> str:
        """The author's name, else their address."""
        address = masked(one.author_address) if self.mask else one.author_address
        return self.line(one.author_name) or address or "an unknown author"


@dataclass(frozen=True, slots=True)
class Shown:
    """
    A post of a thread; `post` is None for one that never came, `text` where only its line is shown.

    `address` is the author's, for members.
    """

    post: Post | None
    depth: int
    author: str = ""
    subject: str = ""
    address: str = ""
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


def page(db: Database, thread: Sequence[Post], wanted: frozenset[int], show: Eyes) -> Page:
    """Put a thread in reading order and show the part around the wanted posts."""
    by_id = {one.id: one for one in thread}
    places = threads.tree(one.said() for one in thread)
    at = next((number for number, place in enumerate(places) if place.post_id in wanted), 0)
    lines, texts = _window(at, _LINES, len(places)), _window(at, _TEXTS, len(places))
    readable = _readable(_posts(places[texts.start : texts.stop], by_id), wanted)
    earlier, later = _posts(places[: lines.start], by_id), _posts(places[lines.stop :], by_id)
    return Page(
        shown=tuple(
            _shown(db, _listed(by_id.get(places[n].post_id or 0), places[n].depth, show), readable, show) for n in lines
        ),
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


def _listed(one: Post | None, depth: int, show: Eyes) -> Shown:
    depth = min(depth, _DEPTH)
    if one is None:
        return Shown(None, depth)
    return Shown(one, depth, show.author(one), show.line(one.subject), "" if show.mask else one.author_address)


def _shown(db: Database, listed: Shown, readable: frozenset[int], show: Eyes) -> Shown:
    one = listed.post
    if one is None or one.id not in readable:
        return listed
    try:
        message = messages.parse(db.read_now(raw.get, one.sha256))
    except CgbotError:
        log.exception("a stored message cannot be read", post=one.id)
        return replace(listed, text=Markup("This message cannot be shown at the moment."))
    files = tuple(File(show.line(part.filename), part.content_type, part.size) for part in message.attachments)
    return replace(listed, text=texts.as_html(message.text, mask=show.mask), files=files)
