"""
Records: who has asked for a mail to an address that has not proved itself, and how many of them go out.

A form or a forged mail can ask for a confirmation to anybody's address, thousands of times. So one address gets one a
day and three a week of a kind, and ten a day in all; one domain, one network and all of us together get so many an hour
(settings `limits`). "name+tag@" counts as "name@". Whoever has proved to be the author is only counted by address.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups import authentication
from cgbot.mail import address as addresses
from cgbot.settings import Settings
from cgbot.store.tables import knocks

_AN_HOUR: Final = timedelta(hours=1)
_A_DAY: Final = timedelta(hours=24)
_A_WEEK: Final = timedelta(days=7)
_MOST_A_WEEK: Final = 3
_MOST_A_DAY: Final = 10  # to one address, of every kind and group together
_KEPT: Final = timedelta(days=8)
_IPV4_PREFIX: Final = 24
_IPV6_PREFIX: Final = 48


@dataclass(frozen=True, slots=True)
class Knock:
    """Somebody asks for a mail of this kind ("join 3") to this address; `network` is "" where it says nothing."""

    kind: str
    address: str
    network: str = ""
    proven: bool = False


def of(errand: Errand, settings: Settings, kind: str, address: str) -> Knock:
    """The knock of a mail that claims to be from this address."""
    proven = authentication.of(errand, settings).proves(address)
    return Knock(f"{kind} {errand.group_id}", address, network_of(errand.peer, settings), proven)


def network_of(peer: str, settings: Settings) -> str:
    """The network of whoever connects to us (/24, /48); "" for our own front server, which brings everybody's mail."""
    if any(authentication.is_within(peer, one) for one in settings.authentication.trusted_peers):
        return ""
    try:
        found = ipaddress.ip_address(peer)
    except ValueError:
        return ""
    prefix = _IPV4_PREFIX if isinstance(found, ipaddress.IPv4Address) else _IPV6_PREFIX
    return str(ipaddress.ip_network(f"{found}/{prefix}", strict=False))


def counted_as(address: str) -> str:
    """The address as it is counted: folded, without what stands behind a plus sign."""
    local, _, domain = addresses.fold(address).rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def admit(tx: Connection, context: Context, knock: Knock) -> str:
    """Count a knock and give "", or say which limit is reached; then nothing may be sent."""
    tx.execute(delete(knocks).where(knocks.c.at < context.now - _KEPT))
    if reason := refusal(tx, context, knock):
        return reason
    everybody = "" if knock.proven else addresses.domain_of(knock.address)
    network = "" if knock.proven else knock.network
    row = {"at": context.now, "kind": knock.kind, "key": counted_as(knock.address), "domain": everybody,
           "network": network}  # fmt: skip
    tx.execute(insert(knocks).values(**row))
    return ""


def refusal(tx: Connection, context: Context, knock: Knock) -> str:
    """Why nothing may be sent to this address now, "" where it may. Reads only."""
    if addresses.domain_of(knock.address).startswith("["):
        return "no mail goes to the literal address of a machine"
    return _too_many(tx, context, knock)


def _too_many(tx: Connection, context: Context, knock: Knock) -> str:
    mine = knocks.c.key == counted_as(knock.address)
    same = mine & (knocks.c.kind == knock.kind)
    if _count(tx, same, context.now - _A_DAY):
        return "asked back within the last day already"
    if _count(tx, same, context.now - _A_WEEK) >= _MOST_A_WEEK:
        return f"asked back {_MOST_A_WEEK} times within a week already"
    if _count(tx, mine, context.now - _A_DAY) >= _MOST_A_DAY:
        return f"more than {_MOST_A_DAY} mails to this address within a day"
    if knock.proven:
        return ""
    limits = context.settings.limits
    domain = addresses.domain_of(knock.address)
    since = context.now - _AN_HOUR
    if _count(tx, knocks.c.domain != "", since) >= limits.asked_per_hour:
        return f"more than {limits.asked_per_hour} requests within an hour"
    if _count(tx, knocks.c.domain == domain, since) >= limits.asked_per_domain:
        return f"more than {limits.asked_per_domain} requests for {domain} within an hour"
    if knock.network and _count(tx, knocks.c.network == knock.network, since) >= limits.asked_per_network:
        return f"more than {limits.asked_per_network} requests from {knock.network} within an hour"
    return ""


def _count(tx: Connection, which: ColumnElement[bool], since: datetime) -> int:
    counted = select(func.count()).select_from(knocks).where(which, knocks.c.at > since)
    return int(tx.execute(counted).scalar_one())
