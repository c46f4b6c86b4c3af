"""
Use case: mail to the return path of something that we sent (PURPOSES bounces).

Only a return path that we signed counts (mail.verp): anything else is discarded, and the discarded errands are the
count. Nothing is ever answered. A failure is written to the audit trail with its status (RFC 3463), and the conveners
are told once a month of a member whom mail no longer reaches; what follows for the member is their decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled, UseCase
from cgbot.groups import audit, members
from cgbot.groups.audit import Entry
from cgbot.groups.members import Member
from cgbot.mail import dsn, verp
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter

_TOLD_AGAIN: Final = timedelta(days=30)
_WORST_FIRST: Final = {"failed": 0, "delayed": 1}


def take_bounce(tx: Connection, context: Context, errand: Errand) -> Settled:
    """Record what a delivery report says about one of our copies."""
    signed = verp.read_return_path(context.keys, errand.addressed, errand.detail)
    if signed is None or errand.group_id is None:
        return Settled("discarded", "bounce: the return path is not one that we signed")
    content_id, member_id = signed
    member = members.in_group(tx, member_id, errand.group_id) if member_id else None
    if member is None or member.group_id != errand.group_id:
        return Settled("sorted", f"bounce of content {content_id}: no member's")
    reports = dsn.reports(errand.message)
    if not reports:
        return Settled("sorted", f"bounce of {member.address}: no delivery report that can be understood")
    worst = min(reports, key=lambda report: _WORST_FIRST.get(report.action, 2))
    if worst.action not in _WORST_FIRST:
        return Settled("sorted", f"report on {member.address}: {worst.action}")
    detail: Mapping[str, object] = {
        "content": content_id,
        "action": worst.action,
        "status": worst.status,
        "diagnostic": worst.diagnostic[:500],
    }
    audit.record(tx, context.now, errand.group_id, Entry("mail", "bounce", member.address, detail))
    if worst.is_permanent:
        _tell_conveners(tx, context, errand, member, worst)
    return Settled("sorted", f"bounce of {member.address}: {worst.action} {worst.status}".rstrip())


def _tell_conveners(tx: Connection, context: Context, errand: Errand, member: Member, report: dsn.Report) -> None:
    """Tell the conveners, once in a while for each member, and never by the address that fails."""
    earlier = audit.find(tx, member.group_id, "bounce told", member.address)
    told = [one for one in members.conveners(tx, member.group_id) if one.id != member.id]
    if not told or any(at > context.now - _TOLD_AGAIN for at, _ in earlier):
        return
    audit.record(tx, context.now, member.group_id, Entry("mail", "bounce told", member.address))
    charter = context.charters[errand.group]
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"bounce of {member.address}",
            template="bounce-told",
            facts={
                "acronym": charter.acronym,
                "group": charter.name,
                "address": member.address,
                "name": member.name,
                "status": report.status,
                "diagnostic": report.diagnostic[:500],
            },
            group=(member.group_id, charter.name),
            recipients=tuple(Addressee(one.address, one.id, one.name) for one in told),
            sender_local=f"{charter.name}-owner",
            sender_name=charter.acronym,
            language=charter.language,
        ),
    )


PURPOSES: Final[Purposes] = MappingProxyType[str, UseCase]({"bounces": take_bounce})
