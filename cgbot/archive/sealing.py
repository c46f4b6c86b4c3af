"""
Signing what was archived (use case; beside the clock, in slices that leave the write lane to others).

Posts that have no leaf yet get one, in the order of their numbers; leaves get their places; a log that has grown gets a
signed head. A head that would not fit the one before it is never signed: somebody has changed the log, and `cgbot
archive verify` says where.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import Connection, insert, select, update

from cgbot.archive import log, note
from cgbot.archive.leaf import PostLeaf
from cgbot.archive.note import Checkpoint, Signer, Verifier
from cgbot.context import Context
from cgbot.errors import CgbotError, Deferred
from cgbot.groups import records
from cgbot.groups.records import Group
from cgbot.store.db import Database
from cgbot.store.tables import archive_logs, log_leaves, posts, tree_heads
from cgbot.store.upsert import insert_new

logger = structlog.get_logger(__name__)
_SLICE: Final = 1000


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The seeds that sign, the newest first, never printed; public keys that signed earlier heads."""

    seeds: tuple[bytes, ...] = field(repr=False)
    retired: tuple[bytes, ...] = ()

    def signers(self, origin: str) -> tuple[Signer, ...]:
        """What signs the heads of this log; a head carries a signature of each."""
        return tuple(Signer(origin, seed) for seed in self.seeds)

    def verifiers(self, origin: str) -> tuple[Verifier, ...]:
        """What has ever signed heads of this log."""
        current = (one.verifier for one in self.signers(origin))
        return (*current, *(Verifier(origin, public) for public in self.retired))


def seal(db: Database, context: Context, keys: LogKeys) -> int:
    """Bring every group's log up to date; how many heads were signed. A log that was changed holds up no other."""
    signed = 0
    for group in db.read_now(records.list_groups):
        try:
            signed += seal_group(db, context, keys, group)
        except CgbotError as error:
            logger.error("no head was signed", group=group.name, reason=error.public)  # noqa: TRY400 - it says it all
    return signed


def seal_group(db: Database, context: Context, keys: LogKeys, group: Group) -> bool:
    """Bring one group's log up to date; whether a head was signed. Raises Deferred for a log that was changed."""
    if not db.read_now(_is_behind, group.id):
        return False
    while db.write_now(_cover, context, group):
        pass
    while db.write_now(log.number, group.id, _SLICE) == _SLICE:
        pass
    return db.write_now(_sign, context, keys, group.id)


def _is_behind(tx: Connection, group_id: int) -> bool:
    """Whether there is anything to do; what is asked at every tick."""
    known, head = log.find(tx, group_id), log.newest_head(tx, group_id)
    covered = known.covered if known else 0
    newer = select(posts.c.id).where(posts.c.group_id == group_id, posts.c.id > covered).limit(1)
    waiting = select(log_leaves.c.id).where(log_leaves.c.group_id == group_id, log_leaves.c.number.is_(None)).limit(1)
    if tx.execute(waiting).first() is not None or tx.execute(newer).first() is not None:
        return True
    return log.size(tx, group_id) > (head.size if head else 0)


def _cover(tx: Connection, context: Context, group: Group) -> bool:
    """Give leaves to the next posts that have none; whether there may be more."""
    known = log.find(tx, group.id) or _begin(tx, context, group)
    next_ones = (
        select(posts.c.id, posts.c.sha256, posts.c.received_at, log_leaves.c.id.label("leaf"))
        .select_from(posts.outerjoin(log_leaves, (log_leaves.c.post_id == posts.c.id) & (log_leaves.c.kind == "post")))
        .where(posts.c.group_id == group.id, posts.c.id > known.covered)
    )
    rows = tx.execute(next_ones.order_by(posts.c.id).limit(_SLICE)).all()
    log.append(tx, [PostLeaf(group.id, row.id, bytes(row.sha256), row.received_at) for row in rows if row.leaf is None])
    if rows:
        tx.execute(update(archive_logs).where(archive_logs.c.group_id == group.id).values(covered=rows[-1].id))
    return len(rows) == _SLICE


def origin_of(tx: Connection, context: Context, group: Group) -> str:
    """The name that the heads of a group's log carry, also before the first."""
    known = log.find(tx, group.id)
    if known is not None:
        return known.origin
    origin = f"{context.settings.service.domain}/{group.name}"
    taken = tx.execute(select(archive_logs.c.group_id).where(archive_logs.c.origin == origin)).first()
    return f"{origin}/{group.id}" if taken else origin


def _begin(tx: Connection, context: Context, group: Group) -> log.Log:
    """Begin a group's log; its name stays when the group's changes, and no other group's log has it."""
    origin = origin_of(tx, context, group)
    tx.execute(insert(archive_logs).values(group_id=group.id, origin=origin, verifiers="", covered=0))
    return log.Log(origin, "", 0)


def _sign(tx: Connection, context: Context, keys: LogKeys, group_id: int) -> bool:
    known, before = log.find(tx, group_id), log.newest_head(tx, group_id)
    count = log.size(tx, group_id)
    if known is None or count == 0 or (before is not None and before.size >= count):
        return False
    if before is not None:
        _check(tx, group_id, before)
    signers = keys.signers(known.origin)
    text = Checkpoint(known.origin, count, log.root(tx, group_id, count)).text()
    head = {"group_id": group_id, "size": count, "signed_at": context.now, "note": note.sign(text, signers)}
    tx.execute(insert_new(tx, tree_heads), head)
    verifiers = "".join(f"{one.verifier}\n" for one in signers)
    tx.execute(update(archive_logs).where(archive_logs.c.group_id == group_id).values(verifiers=verifiers))
    return True


def _check(tx: Connection, group_id: int, before: log.Head) -> None:
    said = note.read(note.split(before.note)[0])
    if log.root(tx, group_id, said.size) != said.root:
        raise Deferred(
            f"the log of group {group_id} does not fit its last signed head: no further one is signed; "
            "`cgbot archive verify` names what has changed"
        )
