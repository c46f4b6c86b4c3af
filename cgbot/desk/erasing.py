"""
A post is erased everywhere (use case): archive, raw bytes, what waits to be sent, what was sent.

What leaves a trace is the leaf's hash in the log, a tombstone and an entry of the audit trail, none of which says what
the post said. Bytes that another group's post, a contribution or an undecided message still needs stay, and the answer
says so. Copies in members' mailboxes, and what others have quoted, are out of reach. On SQLite what was freed
is overwritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, exists, select

from cgbot.archive import erase, file_texts, keep
from cgbot.archive.erase import Order, TakenOut
from cgbot.archive.file_texts import FileText
from cgbot.context import Context
from cgbot.errors import CgbotError, Conflict, Malformed
from cgbot.groups import audit
from cgbot.groups.audit import Entry
from cgbot.mail import message as messages
from cgbot.posts import digests, upkeep
from cgbot.store import raw, shredding
from cgbot.store.db import Database
from cgbot.store.tables import arrivals, attempts, contents, deliveries, errands, holds, posts, replies
from cgbot.store.words import Terms

_WAITING: Final = ("queued", "deferred", "leased")
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done: mails to members that were taken back before they went, and whether the bytes are still needed."""

    post_id: int
    not_sent: int
    bytes_stay: bool


@dataclass(frozen=True, slots=True)
class _Indexed:
    """The words of a post as they were indexed, and what its files said then."""

    terms: Terms | None
    said: tuple[FileText, ...]


def erase_post(db: Database, context: Context, post_id: int, by: str, reason: str) -> Erased:
    """
    Erase one post by the order of somebody, for a reason that everybody may read.

    Raises NotFound, Malformed for a reason that is none, Conflict while a copy is on its way this very moment.
    """
    done = erase_one(db, context, post_id, Order(context.now, by, reason))
    shredding.shred(db)
    return done


def erase_one(db: Database, context: Context, post_id: int, order: Order) -> Erased:
    """As `erase_post`, for one of several: whoever calls shreds when the last is gone."""
    clean = Order(order.at, _line(order.by, "name"), _line(order.reason, "reason"))
    said = db.read_now(file_texts.of_posts, [post_id]).get(post_id, ())
    return db.write_now(_erase, context, post_id, clean, _Indexed(_words(db, post_id, said), said))


def _line(text: str, what: str) -> str:
    found = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if not found or len(found) > _LONGEST:
        raise Malformed(f"a {what} of 1 to {_LONGEST} characters is needed")
    return found


def _words(db: Database, post_id: int, said: Sequence[FileText]) -> Terms | None:
    """The words of a post as they were indexed; outside the transaction, since a large mail takes its time."""
    found = db.read_now(lambda tx: tx.execute(select(posts.c.sha256).where(posts.c.id == post_id)).scalar())
    try:
        message = messages.parse(db.read_now(raw.get, bytes(found))) if found else None
        return keep.prepare(message, file_texts.texts(said)).terms if message else None
    except CgbotError:
        return None  # damaged: its words stay in the index until that is rebuilt


def _erase(tx: Connection, context: Context, post_id: int, order: Order, indexed: _Indexed) -> Erased:
    shredding.overwrite(tx)
    group_id = tx.execute(select(posts.c.group_id).where(posts.c.id == post_id)).scalar()
    if file_texts.of_posts(tx, [post_id]).get(post_id, ()) != indexed.said:
        raise Conflict(f"the files of post {post_id} have been read this very moment; try again")
    taken = erase.take_out(tx, context.keys, post_id, order, indexed.terms)
    not_sent = _mails(tx, group_id, f"post {post_id}", taken)
    bytes_stay = _bytes(tx, group_id, taken)
    detail = {"reason": order.reason, "by": order.by}
    audit.record(tx, context.now, group_id, Entry(order.by, "erase", f"post {post_id}", detail))
    return Erased(post_id, not_sent, bytes_stay)


def _mails(tx: Connection, group_id: int | None, about: str, taken: TakenOut) -> int:
    """Remove what was made of the post for members: its copies, and digests that have gone out since."""
    own = (contents.c.kind == "post") & (contents.c.about == about)
    waits = exists().where(deliveries.c.content_id == contents.c.id, deliveries.c.state.in_(_WAITING))
    listed = contents.c.kind.in_((digests.NAME, digests.OWED)) & (contents.c.created_at >= taken.received_at)
    mine = contents.c.group_id == group_id
    copies = tx.execute(select(contents.c.id).where(mine, own)).scalars().all()
    old = tx.execute(select(contents.c.id).where(mine, listed, ~waits)).scalars().all()
    of_copies = deliveries.c.content_id.in_(copies)
    states = tx.execute(select(deliveries.c.state).where(of_copies, deliveries.c.state.in_(_WAITING))).scalars().all()
    if "leased" in states:
        raise Conflict(f"{about} is being sent to members this very moment; try again in a minute")
    _remove_contents(tx, [*copies, *old])
    return len(states)


def _remove_contents(tx: Connection, ids: Sequence[int]) -> None:
    mine = select(deliveries.c.id).where(deliveries.c.content_id.in_(ids))
    tx.execute(delete(attempts).where(attempts.c.delivery_id.in_(mine)))
    tx.execute(delete(deliveries).where(deliveries.c.content_id.in_(ids)))
    tx.execute(delete(contents).where(contents.c.id.in_(ids)))


def _bytes(tx: Connection, group_id: int | None, taken: TakenOut) -> bool:
    """Remove the raw bytes of the post and of its further copies, with what brought them; whether some are needed."""
    of_copies = select(arrivals.c.id, arrivals.c.sha256).where(
        arrivals.c.id.in_(taken.arrivals) | (arrivals.c.sha256 == taken.sha256)
    )
    came = tx.execute(of_copies).all()
    names = {taken.sha256, *(bytes(row.sha256) for row in came)}
    _remove_errands(tx, (errands.c.group_id == group_id) & errands.c.arrival_id.in_([row.id for row in came]))
    upkeep.remove_arrivals(tx, [row.id for row in came])
    upkeep.remove_bytes(tx, names)
    return bool(raw.get_some(tx, sorted(names)))


def _remove_errands(tx: Connection, which: ColumnElement[bool]) -> None:
    """The errands of the post; one that waits for a decision, or that a meeting's reply names, stays."""
    waiting = exists().where(holds.c.errand_id == errands.c.id, holds.c.state == "waiting")
    named = exists().where(replies.c.errand_id == errands.c.id)
    of_post = select(errands.c.id).where(which, errands.c.purpose == "post", ~waiting, ~named)
    ids: Sequence[Any] = tx.execute(of_post).scalars().all()
    tx.execute(delete(holds).where(holds.c.errand_id.in_(ids)))
    tx.execute(delete(errands).where(errands.c.id.in_(ids)))
