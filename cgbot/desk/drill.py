"""
Use cases: the clock played by hand, at any moment: dry, or really sending.

Dry, the transaction is undone and only the answer stays. Sending, what was queued goes out at once, whatever moment
was played; the occurrences are used up, as if the clock had come to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from cgbot.context import Context
from cgbot.notices import ledger
from cgbot.notices.kinds import Kind
from cgbot.notices.ledger import Done
from cgbot.store.tables import deliveries


def play(tx: Connection, context: Context, kinds: Sequence[Kind]) -> tuple[Done, ...]:
    """What a tick at `context.now` would do; leaves nothing behind."""
    undone = tx.begin_nested()
    try:
        return ledger.tick(tx, context, kinds)
    finally:
        undone.rollback()


def send(tx: Connection, context: Context, kinds: Sequence[Kind], really_now: datetime) -> tuple[Done, ...]:
    """Tick at `context.now`, and let what was queued go out now."""
    newest = tx.execute(select(func.coalesce(func.max(deliveries.c.id), 0))).scalar_one()
    done = ledger.tick(tx, context, kinds)
    tx.execute(
        update(deliveries)
        .where(deliveries.c.id > newest, deliveries.c.state == "queued", deliveries.c.due_at > really_now)
        .values(due_at=really_now)
    )
    return done
