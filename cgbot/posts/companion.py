"""
A companion group: the list lives elsewhere and one of our addresses is subscribed to it (use case).

A post counts only with the host's List-Id and from the host's authenticated server: its peer address, or a passing
result of a server that we trust for the host's domain. It is archived, our own announcements that come back included,
and never redistributed. Everything else (confirmations, digests, bounces of the host) goes to the conveners and is
never answered.
"""

from __future__ import annotations

from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import authentication
from cgbot.groups.charter import Companion
from cgbot.mail import list_headers
from cgbot.mail.address import domain_of
from cgbot.posts import again, distribution, people
from cgbot.store.db import Tx


def take(tx: Tx, context: Context, errand: Errand) -> Settled:
    """Archive what the host distributed; pass the rest on to the conveners."""
    companion = context.charters[errand.group].companion
    assert companion is not None  # noqa: S101 - the mode says so
    assert errand.facts is not None  # noqa: S101 - the sorter prepares a post
    assert errand.group_id is not None  # noqa: S101 - a post has a group
    if companion.list_id.lower() not in list_headers.list_ids(errand.message):
        return _host_notice(tx, context, errand, "not from the list")
    if not is_from_host(context, errand, companion):
        return _host_notice(tx, context, errand, "says it is from the list, but not from its server")
    known = keep.find(tx, errand.group_id, errand.facts)
    if settled := again.settle(tx, context, errand, known):
        return settled
    post_id = keep.add(tx, errand, errand.facts)
    return Settled("sorted", f"archived as post {post_id}")


def is_from_host(context: Context, errand: Errand, companion: Companion) -> bool:
    """Say whether the host's server brought it: by its address, or by a result that a trusted server wrote."""
    if companion.peer and authentication.is_within(errand.peer, companion.peer):
        return True
    found = authentication.of(errand, context.settings, [companion.authserv_id])
    return found.proves(f"list@{domain_of(companion.list_address)}")


def _host_notice(tx: Tx, context: Context, errand: Errand, reason: str) -> Settled:
    told = people.responsible(tx, context, errand.group_id)
    if not told:
        return Settled("held", f"{reason}; there is nobody to pass it on to")
    distribution.forward(tx, context, errand, "host-notice", [(one.address, one.member_id) for one in told])
    return Settled("sorted", f"{reason}: passed on to the conveners")
