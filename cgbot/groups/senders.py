"""
Records: what a group has decided about an address, or about everybody of a domain (`@example.org`) who is no member.

"allow" posts as a member does, "hold" waits for a convener whatever else, "ban" is discarded. The address itself goes
before its domain. Each decision is written to the audit trail in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BindParameter, Connection, ScalarSelect, bindparam, delete, select, update

from cgbot.context import Context
from cgbot.errors import Malformed
from cgbot.groups import audit
from cgbot.groups.audit import Entry
from cgbot.mail import address as addresses
from cgbot.store.tables import senders
from cgbot.store.upsert import insert_new

VERDICTS: Final = ("allow", "hold", "ban")
DONE: Final = {"allow": "sender allowed", "hold": "sender held", "ban": "sender banned"}


@dataclass(frozen=True, slots=True)
class Sender:
    """One decision; `key` is a folded address, or a domain behind an @."""

    key: str
    verdict: str
    added_at: datetime
    added_by: str
    note: str


def key_of(text: str) -> str:
    """The key of an address or of a domain (`@example.org`). Raises Malformed."""
    found = addresses.fold(text)
    if "@" not in text or not addresses.is_valid(f"x{found}" if found.startswith("@") else found):
        raise Malformed(f"{text!r} is neither a mail address nor a domain such as @example.org")
    return found


def of(key: BindParameter[str]) -> ScalarSelect[str]:
    """The verdict about one key, as part of a larger question; the group is its parameter `group_id`."""
    wanted = select(senders.c.verdict).where(senders.c.group_id == bindparam("group_id"), senders.c.key == key)
    return wanted.scalar_subquery()


def verdict(tx: Connection, group_id: int, address: str) -> str:
    """What was decided about this address, else about its domain; "" for nothing."""
    given = {"group_id": group_id, "address": addresses.fold(address), "domain": f"@{addresses.domain_of(address)}"}
    found = tx.execute(_VERDICT, given).one()
    return found.address or found.domain or ""


def decide(tx: Connection, context: Context, group_id: int, new: tuple[str, str, str], actor: str) -> Sender:
    """Write down (address or @domain, verdict, note) in place of what was decided before. Raises Malformed."""
    address, word, note = new
    if word not in VERDICTS:
        raise Malformed(f"{word!r} is not allowed: one of {', '.join(VERDICTS)}")
    key = key_of(address)
    values = {"verdict": word, "added_at": context.now, "added_by": actor, "note": note}
    tx.execute(insert_new(tx, senders).values(group_id=group_id, key=key, **values))
    tx.execute(update(senders).where(senders.c.group_id == group_id, senders.c.key == key).values(**values))
    audit.record(tx, context.now, group_id, Entry(actor, DONE[word], key, {"note": note} if note else {}))
    return Sender(key, word, context.now, actor, note)


def forget(tx: Connection, context: Context, group_id: int, address: str, actor: str) -> bool:
    """Take back what was decided about this very address or @domain; False where nothing was. Raises Malformed."""
    key = key_of(address)
    gone = tx.execute(delete(senders).where(senders.c.group_id == group_id, senders.c.key == key)).rowcount
    if gone:
        audit.record(tx, context.now, group_id, Entry(actor, "sender forgotten", key))
    return gone > 0


def list_senders(tx: Connection, group_id: int) -> tuple[Sender, ...]:
    """Every decision of a group, by verdict and key."""
    columns = (senders.c[name] for name in ("key", "verdict", "added_at", "added_by", "note"))
    rows = tx.execute(select(*columns).where(senders.c.group_id == group_id).order_by(senders.c.verdict, senders.c.key))
    return tuple(Sender(**row._mapping) for row in rows)


_VERDICT: Final = select(of(bindparam("address")).label("address"), of(bindparam("domain")).label("domain"))
