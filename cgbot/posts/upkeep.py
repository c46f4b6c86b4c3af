"""
What is finished and no longer needed goes (use case; settings `retention`).

Deliveries that ended, with their attempts and contents, after `deliveries_days`; messages that were discarded, with
their raw bytes, after `discarded_days`. What the archive, an open hold or another errand still refers to stays. Works
in small portions, so that the write lane is never held for long; `tidy` says whether there is more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, Table, delete, exists, select

from cgbot.context import Context
from cgbot.groups import invites, orders
from cgbot.store.tables import (
    arrivals,
    attempts,
    contents,
    deliveries,
    errands,
    holds,
    paper_files,
    post_copies,
    posts,
    raw_messages,
    replies,
    report_versions,
    reports,
)

_PORTION: Final = 200
_ENDED: Final = ("sent", "failed", "expired", "suppressed")


def tidy(tx: Connection, context: Context) -> bool:
    """Remove one portion; True when there may be more."""
    orders.lapse(tx, context.now)
    invites.expire(tx, context.now)
    return _deliveries(tx, context) + _discarded(tx, context) > 0


def _deliveries(tx: Connection, context: Context) -> int:
    before = context.now - timedelta(days=context.settings.retention.deliveries_days)
    old = select(deliveries.c.id, deliveries.c.content_id).where(
        deliveries.c.state.in_(_ENDED), deliveries.c.done_at < before
    )
    rows = tx.execute(old.order_by(deliveries.c.id).limit(_PORTION)).all()
    ids = [row.id for row in rows]
    _remove(tx, attempts, "delivery_id", ids)
    _remove(tx, deliveries, "id", ids)
    of_others = exists().where(deliveries.c.content_id == contents.c.id)
    submitted = exists().where(reports.c.content_id == contents.c.id)
    ended = {row.content_id for row in rows}
    tx.execute(delete(contents).where(contents.c.id.in_(ended), ~of_others, ~submitted))
    return len(ids)


def _discarded(tx: Connection, context: Context) -> int:
    before = context.now - timedelta(days=context.settings.retention.discarded_days)
    waiting = exists().where(holds.c.errand_id == errands.c.id, holds.c.state == "waiting")
    answered = exists().where(replies.c.errand_id == errands.c.id)
    old = select(errands.c.id, errands.c.arrival_id).where(
        errands.c.state == "discarded", errands.c.done_at < before, ~waiting, ~answered
    )
    rows = tx.execute(old.order_by(errands.c.id).limit(_PORTION)).all()
    ids = [row.id for row in rows]
    _remove(tx, holds, "errand_id", ids)
    _remove(tx, errands, "id", ids)
    remove_arrivals(tx, sorted({row.arrival_id for row in rows}))
    return len(ids)


def remove_arrivals(tx: Connection, ids: Sequence[int]) -> None:
    """Remove the arrivals that nothing refers to any more, and then the bytes that nothing refers to."""
    errand = exists().where(errands.c.arrival_id == arrivals.c.id)
    copy = exists().where(post_copies.c.arrival_id == arrivals.c.id)
    rows = tx.execute(select(arrivals.c.id, arrivals.c.sha256).where(arrivals.c.id.in_(ids), ~errand, ~copy)).all()
    _remove(tx, arrivals, "id", [row.id for row in rows])
    remove_bytes(tx, [row.sha256 for row in rows])


def remove_bytes(tx: Connection, names: Collection[bytes]) -> None:
    """Remove those of these raw bytes that nothing refers to any more."""
    other = exists().where(arrivals.c.sha256 == raw_messages.c.sha256)
    post = exists().where(posts.c.sha256 == raw_messages.c.sha256)
    file = exists().where(paper_files.c.sha256 == raw_messages.c.sha256)
    report = exists().where(report_versions.c.docx == raw_messages.c.sha256)
    mine = raw_messages.c.sha256.in_(names)
    tx.execute(delete(raw_messages).where(mine, ~other, ~post, ~file, ~report))


def _remove(tx: Connection, table: Table, column: str, ids: Sequence[int]) -> None:
    if ids:
        tx.execute(delete(table).where(table.c[column].in_(ids)))
