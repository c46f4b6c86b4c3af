"""
Use cases: somebody complained about our mail to their provider, which reports it (mail.feedback, RFC 5965).

The member gets no mail any more and the conveners are told; the member is not written to, since that is what they
complained about, and gets mail again by writing themselves. A report counts where it came to a return path that we
signed, or quotes a signed return path or one-click link of ours: whom a report names, anybody could have written.
"""

from __future__ import annotations

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import audit, bounce_letters, bounce_records, members, records, suspensions
from cgbot.groups.audit import Entry
from cgbot.groups.bounce_records import Bounce
from cgbot.groups.members import Member
from cgbot.mail import feedback, verp
from cgbot.mail.feedback import Feedback
from cgbot.outbox import listing


def take_from(tx: Connection, context: Context, errand: Errand, signed: tuple[Member, int]) -> Settled | None:
    """Take a report that came to a member's own return path; None when the mail is no such report."""
    found = feedback.read(errand.message)
    if found is None:
        return None
    member, content_id = signed
    return _settle(tx, context, found, member, content_id)


def take(tx: Connection, context: Context, errand: Errand) -> Settled | None:
    """Take a report that came to people (NAME-owner@, postmaster@, abuse@); None when it is for people to read."""
    found = feedback.read(errand.message)
    if found is None or not found.is_complaint:
        return None
    quoted = _quoted(tx, context, found)
    return _settle(tx, context, found, *quoted) if quoted else None


def _quoted(tx: Connection, context: Context, found: Feedback) -> tuple[Member, int] | None:
    """The member whose signed return path or link a report quotes, and the content (0 where unknown)."""
    for group, detail in found.paths:
        signed = verp.read_return_path(context.keys, group, detail)
        if signed and (member := _member(tx, group, signed[1])):
            return member, signed[0]
    for group, token in found.links:
        member_id = verp.read_member_token(context.keys, "leave", group, token)
        if member_id and (member := _member(tx, group, member_id)):
            return member, 0
    return None


def _member(tx: Connection, group: str, member_id: int) -> Member | None:
    found = records.find_group(tx, group)
    member = members.in_group(tx, member_id, found.id) if found else None
    return member if found and member and member.group_id == found.id and member.state != "left" else None


def _settle(tx: Connection, context: Context, found: Feedback, member: Member, content_id: int) -> Settled:
    if not found.is_complaint:
        return Settled("sorted", f"feedback on {member.address}: {found.kind or 'of no type'}, no complaint")
    said = f"complaint ({found.kind})"
    detail = {"kind": found.kind, "named": found.recipient[:200]}
    bounce_records.add_or_worsen(tx, Bounce(member.id, content_id, context.now, "complaint", "", said))
    audit.record(tx, context.now, member.group_id, Entry("mail", "complaint", member.address, detail))
    if member.state == "active":
        suspensions.suspend(tx, member.id, "complaint", context.now)
        after = members.change(tx, context, member, {"state": "suspended"}, "mail")
        listing.drop_member(tx, member.id, context.now)
        told = bounce_letters.told_suspended(tx, context, after, "complaint")
        bounce_letters.tell_conveners(tx, context, member.group_id, told, besides=[member.id])
    return Settled("sorted", f"{said} of {member.address}: no more mail")
