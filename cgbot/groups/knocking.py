"""
Use case: joining from a page, where nobody has proved anything yet.

The address gets the same mail as one that has written to NAME-join@, under the same limits, with none of the asker's
words in it; what the page says does not depend on any of that. Only a group that lets anybody ask has such a page.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.groups import knocks, subscriptions
from cgbot.groups.asking import Asker
from cgbot.groups.charter import Charter
from cgbot.groups.knocks import Knock
from cgbot.groups.records import Group
from cgbot.mail import address as addresses


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody on a page: the address that they give, where they come from (an IP address), their language or ""."""

    address: str
    peer: str
    language: str = ""


def is_open(charter: Charter) -> bool:
    """Say whether anybody may ask to join."""
    return charter.joining in {"open", "approval"}


def would_ask(tx: Connection, context: Context, group: Group, visit: Visit) -> bool:
    """Say whether `ask` would send anything. Reads only."""
    if not is_open(context.charters[group.name]) or not addresses.is_valid(visit.address):
        return False
    is_ours = addresses.domain_of(visit.address) == context.settings.service.domain
    return not is_ours and not knocks.refusal(tx, context, _knock(context, group, visit))


def ask(tx: Connection, context: Context, group: Group, visit: Visit) -> Settled:
    """Mail the address a question; nothing where `would_ask` says so."""
    if not would_ask(tx, context, group, visit):
        return Settled("discarded", "not asked back")
    asker = Asker("join", group.id, group.name, visit.address, language=visit.language)
    return subscriptions.ask_back(tx, context, asker, _knock(context, group, visit))


def _knock(context: Context, group: Group, visit: Visit) -> Knock:
    return Knock(f"join {group.id}", visit.address, knocks.network_of(visit.peer, context.settings))
