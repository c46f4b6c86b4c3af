"""
What conveners have changed of the threads: which message stands below which (records).

A change is about a Message-ID and counts instead of what the message says of its ancestors (RFC 5322 section 3.6.4),
now and for whatever comes later, is imported or rebuilt, until it is undone. What answers the message moves with it,
whoever its mail program says that it answers besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, insert, literal, select, update

from cgbot.store.tables import posts, thread_edits

_ACTIVE = thread_edits.c.undone_at.is_(None)
# Asked for each post: building it costs more than running it.
_ANY = select(literal(1)).where(exists().where(thread_edits.c.group_id == bindparam("group_id"), _ACTIVE))


@dataclass(frozen=True, slots=True)
class Edit:
    """A message that stands below `parent`; "" for one that begins a thread."""

    id: int
    message_id: str
    parent: str
    made_at: datetime


def are_there(tx: Connection, group_id: int) -> bool:
    """Say whether anything is changed in this group."""
    return tx.execute(_ANY, {"group_id": group_id}).first() is not None


def find(tx: Connection, group_id: int, message_ids: Sequence[str]) -> dict[str, Edit]:
    """What is changed of these messages."""
    columns = thread_edits.c["id", "message_id", "parent", "made_at"]
    mine = (thread_edits.c.group_id == group_id) & _ACTIVE & thread_edits.c.message_id.in_(message_ids)
    return {row.message_id: Edit(**row._mapping) for row in tx.execute(select(*columns).where(mine))}


def put(tx: Connection, group_id: int, message_id: str, parent: str, at: datetime) -> None:
    """Let a message stand below another, or begin a thread; what was changed of it before counts no more."""
    undo(tx, group_id, message_id, at)
    values = {"group_id": group_id, "message_id": message_id, "parent": parent, "made_at": at}
    tx.execute(insert(thread_edits).values(values))


def undo(tx: Connection, group_id: int, message_id: str, at: datetime) -> bool:
    """Let a message stand where it says itself; whether anything was changed of it."""
    mine = (thread_edits.c.group_id == group_id) & _ACTIVE & (thread_edits.c.message_id == message_id)
    return bool(tx.execute(update(thread_edits).where(mine).values(undone_at=at)).rowcount)


def effective(
    tx: Connection, group_id: int, message_id: str, references: tuple[str, ...], also: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ancestors of a message, oldest first, and what else it answers, as they count with all that was changed."""
    if not are_there(tx, group_id):
        return references, also
    chain = (*references, message_id)
    edits = find(tx, group_id, chain)
    at = max((number for number, one in enumerate(chain) if one in edits), default=None)
    if at is not None:
        return _without(message_id, (*_line_to(tx, group_id, edits[chain[at]].parent), *chain[at:-1])), ()
    if references and _is_changed(tx, group_id, references[-1]):  # it names ancestors from whom its thread was parted
        return _without(message_id, _line_to(tx, group_id, references[-1])), ()
    return references, also


def _without(message_id: str, chain: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in chain if one != message_id))


def _line_to(tx: Connection, group_id: int, message_id: str) -> tuple[str, ...]:
    """A message with its ancestors, itself last; nothing for none."""
    if not message_id:
        return ()
    mine = (posts.c.group_id == group_id) & (posts.c.message_id == message_id)
    above = tx.execute(select(posts.c.references).where(mine).order_by(posts.c.id).limit(1)).scalar()
    return (*(above or ()), message_id)


def _is_changed(tx: Connection, group_id: int, message_id: str) -> bool:
    """Say whether anything is changed in the thread in which this message is."""
    inside = (posts.c.group_id == group_id) & (posts.c.message_id == message_id)
    threads = select(posts.c.thread_id).where(inside).scalar_subquery()
    names = select(posts.c.message_id).where(posts.c.thread_id.in_(threads))
    mine = (thread_edits.c.group_id == group_id) & _ACTIVE & thread_edits.c.message_id.in_(names)
    return tx.execute(select(literal(1)).where(exists().where(mine))).first() is not None
