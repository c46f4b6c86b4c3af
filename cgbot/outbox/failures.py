"""
A mail did not arrive: its owners are told once a content, with the addresses and what the servers said (use case).

The letter goes to the conveners of the group, for mail of the service itself to the operator. A letter that tells of
failures never causes another one, however its own delivery ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from cgbot.context import Context
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.outbox.queue import EXPIRED, Failure
from cgbot.store.db import Tx
from cgbot.store.tables import contents, groups

KIND: Final = "delivery-failed"
_SHOWN: Final = 50


def _about(content_id: int) -> str:
    return f"content {content_id}"


def last_told(tx: Tx, content_id: int) -> datetime | None:
    """When somebody was last told of failures of this content."""
    told: datetime | None = tx.execute(
        select(func.max(contents.c.created_at)).where(
            contents.c.kind == KIND, contents.c.about == _about(content_id), contents.c.id > content_id
        )
    ).scalar_one()
    return told


def tell(
    tx: Tx,
    context: Context,
    failed: Sequence[Failure],
    owners: Callable[[Tx, Context, int | None], tuple[Addressee, ...]],
) -> None:
    """Write one letter about these failed copies of one content; nothing when it was such a letter itself."""
    row = tx.execute(
        select(contents.c.id, contents.c.kind, contents.c.about, contents.c.group_id, groups.c.name)
        .outerjoin_from(contents, groups, groups.c.id == contents.c.group_id)
        .where(contents.c.id == failed[0].content_id)
    ).one()
    told = () if row.kind == KIND else owners(tx, context, row.group_id)
    if not told:
        return
    charter = context.charters.get(row.name or "")
    letters.write(
        tx,
        context,
        Letter(
            kind=KIND,
            about=_about(row.id),
            template="delivery-failed",
            facts={
                "acronym": charter.acronym if charter else "cgbot",
                "kind": row.kind,
                "about": row.about,
                "count": len(failed),
                "failures": [
                    {"address": one.recipient, "reply": one.reply or EXPIRED, "delivery": one.delivery_id}
                    for one in failed[:_SHOWN]
                ],
                "more": max(0, len(failed) - _SHOWN),
            },
            group=(row.group_id, row.name) if row.name else None,
            recipients=told,
            sender_local=f"{row.name}-owner" if row.name else "postmaster",
            sender_name=charter.acronym if charter else "cgbot",
            language=charter.language if charter else "en",
        ),
    )
