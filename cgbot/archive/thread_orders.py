"""
What conveners order about threads (use cases; COMMANDS): split, join, restore.

A post is named by the link of its page, or by what stands at the end of that link.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import Connection

from cgbot.archive import records, rethreading, thread_edits
from cgbot.archive.records import Post
from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups import audit
from cgbot.groups.audit import Entry
from cgbot.groups.commands import Command, Ordered, Proposal, Request

_LINK: Final = re.compile(r"[A-Z2-7]{32}", re.IGNORECASE)


def _named(tx: Connection, group_id: int, given: str) -> Post:
    link = given.split("#", maxsplit=1)[0].rstrip("/").rpartition("/")[2]
    if not _LINK.fullmatch(link):
        raise Malformed(f"{given[:80]!r} is no link of a post; the title of a post in the archive is one")
    found = records.of_permalink(tx, group_id, link)
    if not found:
        raise NotFound(f"there is no post {link[:80]} in this group's archive")
    return found[0]


def _told(one: Post) -> str:
    return f"{one.subject or '(no subject)'!r} by {one.author_name or one.author_address}, {one.received_at:%-d %B %Y}"


def _proposal(word: str, post: Post, preview: str, parent: Post | None = None) -> Proposal:
    words = (post.permalink, *((parent.permalink,) if parent else ()))
    return Proposal(
        about=f"the place of {post.permalink}",
        summary=f"{word} {' '.join(words)}",
        preview=preview,
        fields={},
        facts={"post": post.permalink, "parent": parent.permalink if parent else ""},
        words=words,
    )


def _one(request: Request) -> str:
    if not request.words:
        raise Malformed("which post? The link of its page is missing")
    return request.words[0]


def propose_split(tx: Connection, _context: Context, request: Request) -> Proposal:
    """What a split would do."""
    post = _named(tx, request.group_id, _one(request))
    rethreading.check_split(tx, post)
    preview = f"{_told(post)} would begin a thread of its own, with all that answers it."
    return _proposal("split thread", post, preview)


def propose_join(tx: Connection, _context: Context, request: Request) -> Proposal:
    """What a join would do: the first post stands below the second."""
    words = [one for one in request.words if one.lower() not in {"to", "below"}]
    if len(words) < 2:  # noqa: PLR2004 - a post and the one above it
        raise Malformed("which posts? The links of two pages are needed: the post, and the one that it answers")
    post, parent = (_named(tx, request.group_id, one) for one in words[:2])
    rethreading.check_join(tx, post, parent)
    preview = f"{_told(post)} would stand below {_told(parent)}, with all that answers it."
    return _proposal("join thread", post, preview, parent)


def propose_restore(tx: Connection, _context: Context, request: Request) -> Proposal:
    """What undoing would do."""
    post = _named(tx, request.group_id, _one(request))
    if not thread_edits.find(tx, request.group_id, [post.message_id]):
        raise Conflict("this post stands where its author put it")
    return _proposal("restore thread", post, f"{_told(post)} would stand where its author put it again.")


def do_split(tx: Connection, context: Context, ordered: Ordered) -> str:
    """Split."""
    post = _named(tx, ordered.group_id, str(ordered.facts["post"]))
    rethreading.split(tx, context, post)
    return _note(tx, context, ordered, "thread split", f"{_told(post)} begins a thread.")


def do_join(tx: Connection, context: Context, ordered: Ordered) -> str:
    """Join."""
    post, parent = (_named(tx, ordered.group_id, str(ordered.facts[name])) for name in ("post", "parent"))
    rethreading.join(tx, context, post, parent)
    return _note(tx, context, ordered, "thread joined", f"{_told(post)} stands below {_told(parent)}.")


def do_restore(tx: Connection, context: Context, ordered: Ordered) -> str:
    """Undo what was changed of a post."""
    post = _named(tx, ordered.group_id, str(ordered.facts["post"]))
    rethreading.restore(tx, context, post)
    return _note(tx, context, ordered, "thread restored", f"{_told(post)} stands where its author put it.")


def _note(tx: Connection, context: Context, ordered: Ordered, act: str, said: str) -> str:
    subject = f"post {ordered.facts['post']}"
    entry = Entry(ordered.actor.address, act, subject, {"below": str(ordered.facts["parent"])})
    audit.record(tx, context.now, ordered.group_id, entry)
    return said


_EXAMPLE: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
COMMANDS: Final = (
    Command(
        "split thread",
        "put threads in order",
        f"split thread {_EXAMPLE}",
        "A post begins a thread of its own, with all that answers it.",
        propose_split,
        do_split,
        waits=False,
    ),
    Command(
        "join thread",
        "put threads in order",
        f"join thread {_EXAMPLE} below 234567ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "The first post, with all that answers it, stands below the second.",
        propose_join,
        do_join,
        waits=False,
    ),
    Command(
        "restore thread",
        "put threads in order",
        f"restore thread {_EXAMPLE}",
        "A post that was split or joined stands where its author put it again.",
        propose_restore,
        do_restore,
        waits=False,
    ),
)
