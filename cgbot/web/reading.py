"""
A thread as it stands on a page (edge; runs in a thread of its own, outside any transaction).

Of a long thread the lines around the wanted post are shown, and of fewer the text; what a page reads is bounded in
posts, in octets and in characters, and only one message at a time is in memory. A message that is damaged takes no
other down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog
from markupsafe import Markup
from starlette.requests import Request

from cgbot.archive import threads
from cgbot.archive.records import Post, Thread
from cgbot.archive.threads import Place
from cgbot.errors import CgbotError
from cgbot.mail import subjects
from cgbot.web import text as texts
from cgbot.web.access import masked, sees_addresses
from cgbot.web.files import File
from cgbot.web.readings import Reading
from cgbot.web.services import entered, entry_of

log = structlog.get_logger(__name__)
_LINES: Final = 300
_TEXTS: Final = 60
_OCTETS: Final = 24 * 1024 * 1024  # of messages that one page reads; the wanted post is always read
_CHARACTERS: Final = 2_000_000  # of text, on one page; the wanted post is always shown
_DEPTH: Final = 8

# What a message says, by its hash.
Read = Callable[[bytes], Reading]


@dataclass(frozen=True, slots=True)
class Eyes:
    """How somebody sees what was written: with addresses masked, or as it is."""

    mask: bool

    def line(self, text: str) -> str:
        """A subject, or a file's name."""
        return texts.without_addresses(text) if self.mask else text

    def author(self, one: Post | Thread) -> str:
        """The author's name, else their address."""
        address = masked(one.author_address) if self.mask else one.author_address
        return self.line(one.author_name) or address or "an unknown author"


def eyes(request: Request) -> Eyes:
    """How whoever asks sees what was written in the group whose page it is."""
    _, charter = entered(request)
    return Eyes(mask=not sees_addresses(charter, entry_of(request).role))


@dataclass(frozen=True, slots=True)
class Answered:
    """A post that another answers."""

    post: Post
    author: str


@dataclass(frozen=True, slots=True)
class Shown:
    """
    A post of a thread; `post` is None for one that never came, `text` where only its line is shown.

    `address` is the author's, for members; `above` is the post that it answers, where that is here.
    """

    post: Post | None
    depth: int
    author: str = ""
    subject: str = ""
    address: str = ""
    above: Answered | None = None
    text: Markup | None = None
    files: tuple[File, ...] = ()
    has_html: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a thread; `earlier` and `later` count the posts beyond it, `before` and `after` are the next ones."""

    shown: tuple[Shown, ...]
    earlier: int
    later: int
    before: Post | None
    after: Post | None


def page(read: Read, thread: Sequence[Post], wanted: frozenset[int], show: Eyes) -> Page:
    """Put a thread in reading order and show the part around the wanted posts."""
    by_id = {one.id: one for one in thread}
    places = threads.tree(one.said() for one in thread)
    at = next((number for number, place in enumerate(places) if place.post_id in wanted), 0)
    lines, texts = _window(at, _LINES, len(places)), _window(at, _TEXTS, len(places))
    readable = _readable(_posts(places[texts.start : texts.stop], by_id), wanted)
    earlier, later = _posts(places[: lines.start], by_id), _posts(places[lines.stop :], by_id)
    above = _above(places, by_id, show)
    listed = [_listed(by_id.get(places[n].post_id or 0), places[n], above, show) for n in lines]
    return Page(
        shown=tuple(_shown(read, listed, (readable, wanted), show)),
        earlier=len(earlier),
        later=len(later),
        before=earlier[-1] if earlier else None,
        after=later[0] if later else None,
    )


def renamed(page: Page, begun: str) -> frozenset[int]:
    """The posts on a page that are called otherwise than the thread, prefixes and tags aside."""
    matter = subjects.base(begun).text
    posts = (one.post for one in page.shown if one.post is not None)
    other = (one for one in posts if one.subject not in (begun, f"Re: {begun}"))
    return frozenset(one.id for one in other if subjects.base(one.subject).text != matter)


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


def _above(places: Sequence[Place], by_id: dict[int, Post], show: Eyes) -> dict[str, Answered]:
    """The posts that are answered, by their Message-IDs."""
    answered = {place.parent for place in places}
    here = (by_id[place.post_id] for place in places if place.post_id is not None and place.message_id in answered)
    return {one.message_id: Answered(one, show.author(one)) for one in here}


def _listed(one: Post | None, place: Place, above: dict[str, Answered], show: Eyes) -> Shown:
    depth = min(place.depth, _DEPTH)
    if one is None:
        return Shown(None, depth)
    address = "" if show.mask else one.author_address
    return Shown(one, depth, show.author(one), show.line(one.subject), address, above.get(place.parent))


def _shown(
    read: Read, listed: Sequence[Shown], which: tuple[frozenset[int], frozenset[int]], show: Eyes
) -> Iterator[Shown]:
    """The posts with their texts, as far as these may be read and are not too long together."""
    readable, wanted = which
    left = _CHARACTERS
    for one in listed:
        if one.post is None or one.post.id not in readable or (left <= 0 and one.post.id not in wanted):
            yield one
            continue
        found = _with_text(read, one, one.post, show)
        left -= len(found.text or "")
        yield found


def _with_text(read: Read, listed: Shown, post: Post, show: Eyes) -> Shown:
    try:
        found = read(post.sha256)
    except CgbotError:
        log.exception("a stored message cannot be read", post=post.id)
        return replace(listed, text=Markup("This message cannot be shown at the moment."))
    files = tuple(replace(one, name=show.line(one.name)) for one in found.files)
    return replace(listed, text=found.as_html(mask=show.mask), files=files, has_html=found.has_html)
