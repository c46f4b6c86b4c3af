"""
A message that could not be handled: those responsible are told, once (use case).

The errand is shelved with its reason and its bytes stay stored; `cgbot held retry` sends it through the sorter again.
"""

from __future__ import annotations

from cgbot.context import Context
from cgbot.groups.moments import in_words
from cgbot.outbox import letters
from cgbot.outbox.letters import Letter
from cgbot.posts import people
from cgbot.posts.errands import Claimed
from cgbot.store.db import Tx


def tell(tx: Tx, context: Context, item: Claimed, reason: str) -> None:
    """Write to the conveners of the errand's group, or to the operator."""
    told = people.responsible(tx, context, item.group_id)
    charter = context.charters.get(item.group)
    if not told:
        return
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"errand {item.id} shelved",
            template="message-shelved",
            facts={
                "recipient": item.recipient,
                "sender": item.mail_from or "(the null sender)",
                "received": in_words(item.received_at, charter)
                if charter
                else f"{item.received_at:%d %B %Y %H:%M} UTC",
                "reason": reason,
                "errand": item.id,
            },
            group=(item.group_id, item.group) if item.group_id else None,
            recipients=told,
            sender_local=f"{item.group}-owner" if item.group else "postmaster",
            sender_name=charter.acronym if charter else "cgbot",
        ),
    )
