"""
Use cases: mail that comes back, and what follows for the member (PURPOSES bounces; `take_refusals` for the outbox).

Only a return path that we signed counts (mail.verp), and only mail from the null sender; nothing is ever answered. What
a server refuses when we hand the mail over counts in the same way. A mail that more than half of at least five members'
servers refuse is blamed itself, and so is every refusal of content: neither counts against anybody. When a member's
bounces are enough (groups.bounce_score), a probe goes to the address; when that comes back too, the member gets no mail
any more and everybody concerned is told. docs/bounces.md is this in words for conveners.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled, UseCase
from cgbot.groups import audit, bounce_letters, bounce_records, complaints, members, suspensions
from cgbot.groups.audit import Entry
from cgbot.groups.bounce_records import Bounce
from cgbot.groups.bounce_score import WITHIN, score
from cgbot.groups.members import Member
from cgbot.mail import bounce_text, dsn, refusals, verp
from cgbot.mail.address import fold
from cgbot.mail.refusals import Report
from cgbot.outbox import failures, listing
from cgbot.outbox.letters import Addressee
from cgbot.outbox.queue import Failure

_WORST_FIRST: Final = {"hard": 0, "soft": 1, "content": 2}
_LEAST: Final = 5  # members' servers that must have refused a mail before it can be the mail's fault
_MOST_PROBES: Final = 100  # in one transaction; whoever is left is asked after their next bounce
_REFUSED: Final = re.compile(r"[45]\d\d\b")
_TOLD: Final = timedelta(days=30)
_BLAMED: Final = "post blamed"


def take_bounce(tx: Connection, context: Context, errand: Errand) -> Settled:
    """Record what a delivery report says about one of our copies, and what follows."""
    signed = verp.read_return_path(context.keys, errand.addressed, errand.detail)
    if signed is None or errand.group_id is None:
        return Settled("discarded", "bounce: the return path is not one that we signed")
    content_id, member_id = signed
    member = members.in_group(tx, member_id, errand.group_id) if member_id else None
    if member is None or member.group_id != errand.group_id:
        return Settled("sorted", f"bounce of content {content_id}: no member's")
    complaint = complaints.take_from(tx, context, errand, (member, content_id))
    if complaint is not None:
        return complaint
    if errand.mail_from or bounce_text.is_auto_reply(errand.message):
        return Settled("discarded", f"from {member.address}, but no delivery report: never counted")
    report = _about(member, dsn.reports(errand.message))
    if report is None or report.verdict is None:
        return Settled("sorted", f"report on {member.address}: nothing in it has failed")
    _take(tx, context, member, _bounce(context, member.id, content_id, report), failed=report.action == "failed")
    return Settled("sorted", f"bounce of {member.address}: {report.verdict}, {report.action} {report.status}".rstrip())


def _about(member: Member, found: Sequence[Report]) -> Report | None:
    """The report on the member's own address, or the worst where it was forwarded from there."""
    failed = [one for one in found if one.verdict is not None]
    own = [one for one in failed if fold(one.recipient) == fold(member.address)]
    return min(own or failed, key=lambda one: _WORST_FIRST[one.verdict or "content"], default=None)


def _bounce(context: Context, member_id: int, content_id: int, report: Report) -> Bounce:
    said = report.diagnostic or report.notice
    return Bounce(member_id, content_id, context.now, report.verdict or "soft", report.status, said)


def _take(tx: Connection, context: Context, member: Member, bounce: Bounce, *, failed: bool) -> None:
    detail: Mapping[str, object] = {
        "content": bounce.content_id, "kind": bounce.kind, "status": bounce.status,
        "diagnostic": bounce.diagnostic[:500],
    }  # fmt: skip
    audit.record(tx, context.now, member.group_id, Entry("mail", "bounce", member.address, detail))
    bounce_records.add_or_worsen(tx, bounce)
    if failed and bounce.kind != "content" and suspensions.of_probe(tx, member.id, bounce.content_id):
        suspend(tx, context, member)
    elif not _blame(tx, context, member.group_id, bounce.content_id):
        _consider(tx, context, [member])


# ------------------------------------------------------------------------------------------ refused by the next server


def take_refusals(
    tx: Connection,
    context: Context,
    failed: Sequence[Failure],
    owners: Callable[[Connection, Context, int | None], tuple[Addressee, ...]],
) -> None:
    """Count what the next server refused of one mail, and tell the owners of what they do not know yet."""
    refused = {one.member_id: one for one in failed if one.member_id is not None and _REFUSED.match(one.reply)}
    content_id = failed[0].content_id
    known = _known(tx, context, list(refused), content_id)
    bounce_records.add(tx, [_refusal(context, one) for one in refused.values()])
    group_id = bounce_records.group_of(tx, content_id)
    if refused and group_id is not None and not _blame(tx, context, group_id, content_id):
        people = [one for one in (members.get_member(tx, each) for each in refused) if one and one.state != "left"]
        probed = {one.id for one in people if suspensions.of_probe(tx, one.id, content_id)}
        for member in people:
            if member.id in probed:
                suspend(tx, context, member)
        _consider(tx, context, [one for one in people if one.id not in probed])
    told = [one for one in failed if one.member_id not in known]
    if told:
        failures.tell(tx, context, told, owners)


def _known(tx: Connection, context: Context, member_ids: Sequence[int], content_id: int) -> set[int]:
    """Those of whom the conveners have heard lately, by a notice or since they get no mail: the digest goes on."""
    earlier = bounce_records.of_members(tx, member_ids, context.now - _TOLD)
    told = {member_id for member_id, found in earlier.items() if any(one.content_id != content_id for one in found)}
    return told | suspensions.in_question(tx, member_ids)


def _refusal(context: Context, failure: Failure) -> Bounce:
    status = refusals.status_of("", failure.reply)
    report = Report(failure.recipient, "failed", status, failure.reply)
    return _bounce(context, failure.member_id or 0, failure.content_id, report)


# ------------------------------------------------------------------------------------------------------- what follows


def _blame(tx: Connection, context: Context, group_id: int, content_id: int) -> bool:
    """Say whether a mail was refused by most, so that it counts against nobody; the conveners are told once."""
    refused, copies = bounce_records.refusals(tx, content_id)
    if refused < _LEAST or refused * 2 <= copies:
        return False
    bounce_records.blame_content(tx, content_id)
    subject = f"content {content_id}"
    if not audit.find(tx, group_id, _BLAMED, subject):
        audit.record(tx, context.now, group_id, Entry("mail", _BLAMED, subject, {"refused": refused, "of": copies}))
        told = bounce_letters.told_blamed(tx, content_id, refused, copies)
        bounce_letters.tell_conveners(tx, context, group_id, told)
    return True


def _consider(tx: Connection, context: Context, people: Sequence[Member]) -> None:
    """Send a probe to those whose bounces are enough; never to the same one twice."""
    asked = {one.id: one for one in people if one.state == "active"}
    busy = suspensions.in_question(tx, list(asked))
    cleared = suspensions.last_ended(tx, list(asked))
    found = bounce_records.of_members(tx, list(asked), context.now - WITHIN)
    probed = 0
    for member_id, rows in found.items():
        since = cleared.get(member_id)
        counted = [(one.at, one.kind) for one in rows if since is None or one.at > since]
        if member_id in busy or probed >= _MOST_PROBES or not score(counted, context.now).is_enough:
            continue
        _probe(tx, context, asked[member_id])
        probed += 1


def _probe(tx: Connection, context: Context, member: Member) -> None:
    content_id = bounce_letters.probe(tx, context, member)
    suspensions.probe(tx, member.id, content_id, context.now)
    audit.record(tx, context.now, member.group_id, Entry("mail", "probed", member.address, {"content": content_id}))


def suspend(tx: Connection, context: Context, member: Member) -> None:
    """Send a member no more mail, since the probe came back too, and tell who must know; once."""
    if member.state != "active":
        return
    suspensions.suspend(tx, member.id, "bounces", context.now)
    after = members.change(tx, context, member, {"state": "suspended"}, "mail")
    listing.drop_member(tx, member.id, context.now)
    bounce_letters.suspended(tx, context, after)
    told = bounce_letters.told_suspended(tx, context, after, "bounces")
    bounce_letters.tell_conveners(tx, context, member.group_id, told, besides=[member.id])


PURPOSES: Final[Purposes] = MappingProxyType[str, UseCase]({"bounces": take_bounce})
