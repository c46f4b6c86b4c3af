"""
Records: who has proved to write mail that comes in a certain way.

An author is proven by a passing, aligned DKIM or SPF result (groups.authentication). Where nothing aligned passes, the
author may have said once "yes, that was me" to mail of the same source: the domains whose DKIM signatures verify, all
of them together, since a provider signs for many customers; without one the domains that SPF found; without either the
envelope sender's domain and the network that handed it over, since anybody can write that domain (G13). Behind a
server in front of us that is the network from which the front server had it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups import audit, authentication
from cgbot.groups.audit import Entry
from cgbot.mail.address import domain_of, fold
from cgbot.mail.authentication_results import Authentication
from cgbot.mail.message import Message
from cgbot.settings import Settings
from cgbot.store.tables import proofs
from cgbot.store.upsert import insert_new

_KNOWN: Final = select(proofs.c.id).where(
    proofs.c.address_key == bindparam("address"), proofs.c.domain == bindparam("domain")
)
TRUSTED: Final = "source trusted"  # in the audit trail
FORGOTTEN: Final = "sources forgotten"
_MOST_DOMAINS: Final = 10
_MOST_HOPS: Final = 5
_LONGEST: Final = 500
_CLIENT: Final = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]", re.IGNORECASE)  # RFC 5321 section 4.4
_NETWORK_BITS: Final = {4: 24, 6: 48}  # what one provider's servers usually share


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whether the author is proven, and by which source the mail came."""

    proven: bool
    source: str


def evidence(tx: Connection, context: Context, errand: Errand, author: str) -> Evidence:
    """Weigh an errand's mail in the name of this author; "" is nobody and proves nothing."""
    found = authentication.of(errand, context.settings)
    source = source_of(errand, found, context.settings)
    proven = bool(author) and (found.proves(author) or knows(tx, author, source))
    return Evidence(proven, source)


def source_of(errand: Errand, found: Authentication, settings: Settings) -> str:
    """Name the way by which a mail came, as above; "" where even the envelope names no domain."""
    verified = sorted(found.dkim) or sorted(found.spf)
    if verified:
        return " ".join(verified[:_MOST_DOMAINS])
    domain = domain_of(errand.mail_from)
    client = _client(errand.message) if authentication.is_from_front(errand, settings) else ""
    return f"{domain} from {_network(client or errand.peer)}" if domain else ""


def _client(message: Message) -> str:
    """From where the front server had it, as its own Received line says; what passed within the machine is skipped."""
    for value in message.headers("Received")[:_MOST_HOPS]:
        match = _CLIENT.search(value.partition(" by ")[0][:_LONGEST])
        try:
            if match is None or not ipaddress.ip_address(match[1]).is_loopback:
                return match[1] if match else ""
        except ValueError:
            return ""
    return ""


def _network(peer: str) -> str:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer  # a Unix socket of this machine
    return str(ipaddress.ip_network((address, _NETWORK_BITS[address.version]), strict=False))


def knows(tx: Connection, address: str, source: str) -> bool:
    """Say whether somebody has said yes to mail of this address from this source."""
    given = {"address": fold(address), "domain": source}
    return bool(source) and tx.execute(_KNOWN, given).first() is not None


def remember(tx: Connection, context: Context, group_id: int, author: tuple[str, str], actor: str) -> None:
    """Let mail of this (address, source) pass from now on; the audit trail keeps who has said so."""
    address, source = author
    if not source:
        return
    values = {"address_key": fold(address), "domain": source, "proven_at": context.now}
    if tx.execute(insert_new(tx, proofs).values(values).returning(proofs.c.id)).scalar_one_or_none() is not None:
        audit.record(tx, context.now, group_id, Entry(actor, TRUSTED, fold(address), {"source": source}))


def forget(tx: Connection, context: Context, group_id: int, address: str, actor: str) -> bool:
    """Let nothing in this name pass any more because of an earlier word; False where there was none."""
    gone = tx.execute(delete(proofs).where(proofs.c.address_key == fold(address))).rowcount
    if gone:
        audit.record(tx, context.now, group_id, Entry(actor, FORGOTTEN, fold(address)))
    return gone > 0
