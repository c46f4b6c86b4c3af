"""
Mail to the people behind an address (use cases; PURPOSES owner, postmaster).

What is written to NAME-owner@, and to postmaster@ and abuse@ of the service (RFC 5321 section 4.5.1, RFC 2142), goes
to the conveners or the operator as it came in. Our own Delivered-To field keeps it from going in a circle, and robots'
answers to our own mails stop here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled, UseCase
from cgbot.groups import complaints
from cgbot.mail import feedback, list_headers
from cgbot.mail.address import fold
from cgbot.posts import distribution, people
from cgbot.store.db import Tx


def take(tx: Tx, context: Context, errand: Errand) -> Settled:
    """Pass it on to those who are responsible; a provider's report that a member complained is taken here."""
    complaint = complaints.take(tx, context, errand)
    if complaint is not None:
        return complaint
    delivered = {fold(value) for value in errand.message.headers("Delivered-To")}
    if fold(errand.recipient) in delivered or list_headers.hops(errand.message) > list_headers.HOPS:
        return Settled("discarded", "a mail loop")
    is_feedback = feedback.read(errand.message) is not None  # one that proves nothing is for people to judge
    if not is_feedback and (not errand.mail_from or list_headers.is_automatic(errand.message)):
        return Settled("discarded", "from a robot: nobody needs to read it")
    told = people.responsible(tx, context, errand.group_id)
    if not told:
        return Settled("held", "there is neither a convener nor an operator to pass it on to")
    distribution.forward(tx, context, errand, "owner", [(one.address, one.member_id) for one in told])
    return Settled("sorted", f"passed on to {len(told)}")


PURPOSES: Final[Purposes] = MappingProxyType[str, UseCase]({"owner": take, "postmaster": take})
