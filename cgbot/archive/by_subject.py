"""
Threads by subject, in groups whose charter wants them (records; RFC 5256 section 3, REFERENCES, step 5).

Some mail programs do not say what their mail answers. In such a group a reply that names nobody who is here joins the
newest thread of its subject; so does a post that begins a matter, if replies to it came first. Two posts that begin a
matter under one subject, such as each month's agenda, stay apart: the RFC would put them together.

A thread knows the subject under which it can be found as it knows Message-IDs: as a name, a hash in place of the words
so that an erased subject leaves nothing behind.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select

from cgbot.archive import thread_edits
from cgbot.mail import subjects
from cgbot.store.tables import groups, thread_ids, threads

# Asked for each post that begins a thread: building it costs more than running it.
_WANTED = select(groups.c.threads_by_subject).where(groups.c.id == bindparam("group_id"))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a thread is found by; `thread_id` is the thread that a post joins, None where it begins one."""

    name: str
    thread_id: int | None
    is_reply: bool


def is_wanted(tx: Connection, group_id: int) -> bool:
    """Say whether posts of this group find their threads by their subjects too."""
    return bool(tx.execute(_WANTED, {"group_id": group_id}).scalar())


def find(tx: Connection, group_id: int, message_id: str, subject: str) -> Subject | None:
    """
    The subject of a post that names no ancestor who is here; the newest that begins a matter takes the name over.

    None where subjects do not count: in other groups, without a subject, and after a convener has placed the post.
    """
    if not is_wanted(tx, group_id):
        return None
    base = subjects.base(subject)
    if not base.text or thread_edits.find(tx, group_id, [message_id]):
        return None
    name = _name(base.text)
    mine = (thread_ids.c.group_id == group_id) & (thread_ids.c.message_id == name)
    joined = thread_ids.join(threads, threads.c.id == thread_ids.c.thread_id)
    found = tx.execute(select(threads.c.id, threads.c.subject).select_from(joined).where(mine)).first()
    if found is None:
        return Subject(name, None, base.is_reply)
    if not base.is_reply and not subjects.base(found.subject).is_reply:
        tx.execute(delete(thread_ids).where(mine))
        return Subject(name, None, base.is_reply)
    return Subject(name, found.id, base.is_reply)


def _name(base: str) -> str:
    """What no Message-ID can be: they have no spaces (RFC 5322 section 3.6.4)."""
    return f"subject {hashlib.sha256(base.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
