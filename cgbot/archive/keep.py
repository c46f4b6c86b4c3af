"""
Keeping a post: the archive's index of a message that was accepted (records, with a pure `prepare`).

`prepare` is the slow part and belongs outside the transaction. `find` tells whether the group has the same content
(then it is a copy) or another message under the same Message-ID; `add` writes the post, its thread and its words. A
thread knows every Message-ID that its posts refer to, so that a late parent, or an answer to one that never came,
finds its place, and two threads become one when a post links them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, bindparam, case, delete, insert, select, union, update

from cgbot.archive import by_subject, file_text, log, thread_edits
from cgbot.archive.by_subject import Subject
from cgbot.archive.leaf import PostLeaf
from cgbot.archive.threads import also_answered, references_of
from cgbot.errand import Errand
from cgbot.mail import identity
from cgbot.mail.message import Message
from cgbot.store import query, search, words
from cgbot.store.tables import file_texts, post_copies, posts, thread_ids, threads
from cgbot.store.upsert import insert_new
from cgbot.store.words import Terms

_FILES = 50  # names of files that can be looked for
_REFERENCES = 50  # the newest ones count; a longer chain is hostile or has forgotten to be cut

# The hot path: building a statement anew costs more than running it.
# Two questions in one: with an OR, SQLite would read every post of the group.
_OF_GROUP = select(posts.c.id, posts.c.content_hash).where(posts.c.group_id == bindparam("group_id"))
_FIND = union(
    _OF_GROUP.where(posts.c.content_hash == bindparam("content_hash")),
    _OF_GROUP.where(posts.c.message_id == bindparam("message_id")),
)
_FIND_THREADS = select(thread_ids.c.message_id, thread_ids.c.thread_id).where(
    thread_ids.c.group_id == bindparam("group_id"),
    thread_ids.c.message_id.in_(bindparam("mentioned", expanding=True)),
)
# No RETURNING: SQLite would open a savepoint for it, at which FTS5 writes out the words that it had gathered so far.
_ADD_POST = insert(posts)
_ADD_THREAD = insert(threads)
_ADD_WAITING = insert(file_texts)
_GROW = (
    update(threads)
    .where(threads.c.id == bindparam("thread"))
    .values(
        posts=threads.c.posts + bindparam("more"),
        started_at=case((threads.c.started_at > bindparam("first"), bindparam("first")), else_=threads.c.started_at),
        last_at=case((threads.c.last_at < bindparam("last"), bindparam("last")), else_=threads.c.last_at),
    )
)
_GONE = select(threads.c.posts, threads.c.started_at, threads.c.last_at).where(threads.c.id == bindparam("thread"))


@dataclass(frozen=True, slots=True)
class PostFacts:
    """What the archive needs of a message."""

    content_hash: bytes
    message_id: str
    permalink: str
    references: tuple[str, ...]
    also_answers: tuple[str, ...]  # Message-IDs of the same thread that are none of its ancestors
    subject: str
    author_name: str
    author_address: str
    sent_at: datetime | None
    size: int
    attachments: int
    files: str
    unlisted: bool  # the author wanted it in no archive
    has_text_files: bool  # files whose text is to be read
    terms: Terms


@dataclass(frozen=True, slots=True)
class Known:
    """What the group has already: the post of the same content, and whether the Message-ID names another content."""

    same_content: int | None
    same_id: bool


def prepare(message: Message, said_in_files: Sequence[str] = ()) -> PostFacts:
    """Work out everything that needs no database; with what its files say, these are words of the post too."""
    content_hash = identity.content_hash(message.raw)
    message_id = message.message_id or identity.made_up(content_hash)
    author = message.authors[0] if message.authors else None
    references = references_of(message.references, message.in_reply_to, message_id)
    names = [attachment.filename for attachment in message.attachments]
    text = "\n".join((message.text, *names, *said_in_files))
    return PostFacts(
        content_hash=content_hash,
        message_id=message_id,
        permalink=identity.permalink(message_id),
        references=references[-_REFERENCES:],
        also_answers=also_answered(references, message.in_reply_to, message_id)[:_REFERENCES],
        subject=message.subject[:500],
        author_name=author.name if author else "",
        author_address=author.address if author else "",
        sent_at=message.date,
        size=len(message.raw),
        attachments=len(message.attachments),
        unlisted=_wants_no_archive(message),
        has_text_files=any(map(file_text.format_of, message.attachments)),
        files="\n".join(filter(None, map(query.file_name, names[:_FILES]))),
        terms=words.terms(
            message.subject,
            f"{author.name} {author.address}" if author else "",
            text,
        ),
    )


def _wants_no_archive(message: Message) -> bool:
    """Whether the author asks that it be shown in no archive, as list programs read it: X-No-Archive, X-Archive: no."""
    fields = message.headers("X-No-Archive")
    asks = any(value.strip().lower() != "no" for value in fields)
    return asks or message.header("X-Archive").strip().lower() == "no"


def find(tx: Connection, group_id: int, facts: PostFacts) -> Known:
    """Look for the same content, and for the same Message-ID with other content."""
    given = {"group_id": group_id, "content_hash": facts.content_hash, "message_id": facts.message_id}
    rows = tx.execute(_FIND, given).all()
    same = next((int(row.id) for row in rows if bytes(row.content_hash) == facts.content_hash), None)
    return Known(same, same is None and bool(rows))


def add_copy(tx: Connection, errand: Errand, post_id: int) -> None:
    """Record that the same content has come in again."""
    copy = {"arrival_id": errand.arrival_id, "post_id": post_id, "received_at": errand.received_at}
    tx.execute(insert_new(tx, post_copies), copy)


def add(tx: Connection, errand: Errand, facts: PostFacts) -> int:
    """Archive the errand's message in its group; the post's id. The caller has asked `find`."""
    assert errand.group_id is not None  # noqa: S101 - a post has a group
    post_id = index(tx, errand.group_id, errand.sha256, errand.received_at, facts)
    add_copy(tx, errand, post_id)
    return post_id


def index(tx: Connection, group_id: int, sha256: bytes, received_at: datetime, facts: PostFacts) -> int:
    """Write a post with its thread, its leaf of the log and its words; its id."""
    facts = placed(tx, group_id, facts)
    values = row(facts) | {
        "group_id": group_id,
        "sha256": sha256,
        "received_at": received_at,
        "thread_id": thread(tx, group_id, received_at, facts),
    }
    post_id = _key(tx.execute(_ADD_POST, values))
    log.append(tx, [PostLeaf(group_id, post_id, sha256, received_at)])
    search.add(tx, [(post_id, facts.terms)])
    if facts.has_text_files:
        expect_files(tx, [post_id])
    return post_id


def expect_files(tx: Connection, post_ids: Sequence[int]) -> None:
    """Let these posts wait until their files are read (archive.file_texts)."""
    if post_ids:
        tx.execute(_ADD_WAITING, [{"post_id": one, "state": "waiting"} for one in post_ids])


def _key(result: CursorResult[Any]) -> int:
    """The id of the row just inserted."""
    (key,) = tuple(result.inserted_primary_key or ())
    return int(key)


def row(facts: PostFacts) -> dict[str, Any]:
    """The columns that are derived from the message alone."""
    return {
        "content_hash": facts.content_hash,
        "message_id": facts.message_id,
        "permalink": facts.permalink,
        "references": list(facts.references),
        "subject": facts.subject,
        "author_name": facts.author_name,
        "author_address": facts.author_address,
        "sent_at": facts.sent_at,
        "size": facts.size,
        "attachments": facts.attachments,
        "files": facts.files,
        "unlisted": facts.unlisted,
    }


def thread(tx: Connection, group_id: int, at: datetime, facts: PostFacts) -> int:
    """Find, make or join the thread of a post, and note the Message-IDs that it knows of."""
    mentioned = mentions(facts)
    known = {
        str(row.message_id): int(row.thread_id)
        for row in tx.execute(_FIND_THREADS, {"group_id": group_id, "mentioned": mentioned})
    }
    subject = None if known and facts.references else by_subject.find(tx, group_id, facts.message_id, facts.subject)
    if subject is not None:
        mentioned = (*mentioned, subject.name)
        known |= {subject.name: subject.thread_id} if subject.thread_id else {}
    if known:
        thread_id = join(tx, sorted(set(known.values())))
        grow(tx, thread_id, 1, at, at)
        if _begins(facts, known, subject):
            tx.execute(update(threads).where(threads.c.id == thread_id).values(subject=facts.subject))
    else:
        values = {"group_id": group_id, "subject": facts.subject, "started_at": at, "last_at": at, "posts": 1}
        thread_id = _key(tx.execute(_ADD_THREAD, values))
    new = [
        {"group_id": group_id, "message_id": one, "thread_id": thread_id}
        for one in sorted(set(mentioned) - known.keys())
    ]
    if new:
        tx.execute(insert_new(tx, thread_ids), new)
    return thread_id


def _begins(facts: PostFacts, known: Mapping[str, int], subject: Subject | None) -> bool:
    """Say whether a thread that is there already began with this post, which was answered before it came."""
    return not facts.references and (not subject.is_reply if subject else facts.message_id in known)


def grow(tx: Connection, thread_id: int, more: int, first: datetime, last: datetime) -> None:
    """Note that a thread has so many posts more, from the first to the last."""
    tx.execute(_GROW, {"thread": thread_id, "more": more, "first": first, "last": last})


def placed(tx: Connection, group_id: int, facts: PostFacts) -> PostFacts:
    """The facts of a message with the ancestors that a convener has given it, or those above it."""
    said = (facts.message_id, facts.references, facts.also_answers)
    references, also = thread_edits.effective(tx, group_id, *said)
    same = (references, also) == (facts.references, facts.also_answers)
    return facts if same else replace(facts, references=references, also_answers=also)


def mentions(facts: PostFacts) -> tuple[str, ...]:
    """Every Message-ID that a post names, its own last: all of them are of one thread."""
    return (*facts.also_answers, *facts.references, facts.message_id)


def join(tx: Connection, found: Sequence[int]) -> int:
    """Make threads one, the first of these; its id."""
    first = found[0]
    for other in found[1:]:
        gone = tx.execute(_GONE, {"thread": other}).one()
        tx.execute(update(posts).where(posts.c.thread_id == other).values(thread_id=first))
        tx.execute(update(thread_ids).where(thread_ids.c.thread_id == other).values(thread_id=first))
        tx.execute(delete(threads).where(threads.c.id == other))
        grow(tx, first, gone.posts, gone.started_at, gone.last_at)
    return first
