"""
How mail to a suspended member begins again, and what is seen of it (use cases; COMMANDS, QUERIES, ANSWERS, KINDS).

The member answers one of our mails, or posts from a proven address; a convener orders it. A probe that has not come
back for three days ends the question, and the bounces before it count no more; a member who gets no mail is reminded
once a month, three times, unless they had complained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Conflict, Malformed, NotAllowed
from cgbot.groups import audit, bounce_letters, bounce_records, member_letters, members, records, suspensions, tokens
from cgbot.groups.asking import Answer
from cgbot.groups.audit import Entry
from cgbot.groups.bounce_letters import REACTIVATE
from cgbot.groups.commands import Command, Ordered, Proposal, Query, Request
from cgbot.groups.member_letters import Note
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.groups.roles import may
from cgbot.groups.suspensions import ARRIVED, Suspension
from cgbot.groups.tokens import Token
from cgbot.mail.address import parse_mailboxes
from cgbot.notices.kinds import Kind, Late, Occurrence, within

PROBE_OVER: Final = "probe-over"
REMINDER: Final = "bounce-reminder"
WAIT: Final = timedelta(days=3)
_MONTH: Final = timedelta(days=30)
_REMINDERS: Final = 3
_LISTED: Final = 50
_SINCE: Final = timedelta(days=60)


def reactivate(tx: Connection, context: Context, member: Member, actor: str) -> bool:
    """Send a member mail again and tell them; False when they get it already, or have left."""
    if member.state != "suspended":
        return False
    after = members.change(tx, context, member, {"state": "active"}, actor)
    bounce_letters.reactivated(tx, context, after)
    return True


def heard_from(tx: Connection, context: Context, group_id: int, address: str) -> bool:
    """Note that a member has posted from a proven address; what a convener has suspended stays so."""
    member = members.find_member(tx, group_id, address)
    if member is None or member.state != "suspended":
        return False
    found = suspensions.open_of(tx, member.id)
    return found is not None and found.cause != "operator" and reactivate(tx, context, member, member.address)


def _take_answer(tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """The member has answered a mail that said how mail begins again."""
    member = members.get_member(tx, int(token.facts["member"]))
    if member is None or member.state == "left" or not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "answered already, too late, or not a member any more")
    if reactivate(tx, context, member, member.address):
        return Settled("sorted", f"{member.address} gets mail again")
    return Settled("sorted", f"{member.address} gets mail already")


# ----------------------------------------------------------------------------------------------------------- the clock


def _plan_over(tx: Connection, _context: Context, until: datetime) -> list[Occurrence]:
    return [
        _occurrence(PROBE_OVER, f"probe {one.id}", group_id, one.probed_at + WAIT, one)
        for one, group_id in suspensions.all_open(tx, "probing")
        if one.probed_at and one.probed_at + WAIT <= until
    ]


def _is_over(tx: Connection, context: Context, occurrence: Occurrence) -> None:
    """The probe did not come back."""
    found = suspensions.get(tx, int(str(occurrence.facts["suspension"])))
    member = members.get_member(tx, found.member_id) if found and found.state == "probing" else None
    if member is not None:
        suspensions.end(tx, member.id, context.now, ARRIVED)
        audit.record(tx, context.now, member.group_id, Entry("clock", "probe arrived", member.address))


def _plan_reminders(tx: Connection, _context: Context, until: datetime) -> list[Occurrence]:
    return [
        _occurrence(
            REMINDER, f"suspension {one.id} reminder {number}", group_id, one.suspended_at + number * _MONTH, one
        )
        for one, group_id in suspensions.all_open(tx, "suspended")
        for number in range(1, _REMINDERS + 1)
        if one.cause == "bounces" and one.suspended_at and one.suspended_at + number * _MONTH <= until
    ]


def _occurrence(kind: str, about: str, group_id: int, due_at: datetime, one: Suspension) -> Occurrence:
    return Occurrence(
        kind=kind,
        about=about,
        group_id=group_id,
        due_at=due_at,
        audience="the member",
        summary="A member who gets no mail is reminded" if kind == REMINDER else "A probe counts as arrived",
        facts={"suspension": one.id},
    )


def _remind(tx: Connection, context: Context, occurrence: Occurrence) -> None:
    found = suspensions.get(tx, int(str(occurrence.facts["suspension"])))
    member = members.get_member(tx, found.member_id) if found and found.state == "suspended" else None
    if member is not None and member.state == "suspended":
        bounce_letters.suspended(tx, context, member, remind=True)


# ------------------------------------------------------------------------------------------------- orders and questions


def _named(tx: Connection, request: Request) -> Member:
    """The member behind the word. Raises Malformed and NoSuchAddress."""
    named = parse_mailboxes(",".join([*request.words, *request.fields.values()]))
    if not named:
        raise Malformed('whose mail? The address is missing, as in "resume zoe@example.org"')
    return members.require(tx, request.group_id, named[0].address)


def _propose(tx: Connection, context: Context, request: Request) -> Proposal:
    member = _named(tx, request)
    if member.state != "suspended":
        raise Conflict(f"{member.address} gets mail already")
    lines = [f"{member.address} would get mail again, and be told so.", "", *_evidence(tx, context, member)]
    return Proposal(
        about=f"mail to {member.address}",
        summary=f"send {member.address} mail again",
        preview="\n".join(lines),
        fields={},
        facts={"member": member.id},
        words=(member.address,),
    )


def _resume(tx: Connection, context: Context, ordered: Ordered) -> str:
    member = members.get_member(tx, int(str(ordered.facts["member"])))
    if member is None or not reactivate(tx, context, member, ordered.actor.address):
        return "Nothing was done: the member gets mail already, or has left."
    return f"{member.address} gets mail again."


def _bounces(tx: Connection, context: Context, request: Request) -> str:
    """Answer what came back: to a member of their own mail, to conveners of everybody's. Raises NotAllowed."""
    asker = members.require(tx, request.group_id, request.actor.address)
    sees_all = may(asker.role, "see the members")
    named = parse_mailboxes(",".join(request.words))
    member = members.require(tx, request.group_id, named[0].address) if named else asker
    if member.id != asker.id and not sees_all:
        raise NotAllowed("what came back of other members' mail is for the conveners")
    whole = sees_all and not named
    facts = {
        "about": "" if whole else member.address,
        "people": _people(tx, context, request.group_id) if whole else [],
        "lines": [] if whole else _evidence(tx, context, member),
    }
    answered = request.errand.message.message_id if request.errand else ""
    member_letters.write(tx, context, asker, Note("bounce-listing", facts, answered))
    return "told what came back"


def _people(tx: Connection, context: Context, group_id: int) -> list[Mapping[str, object]]:
    """Every member whose mail came back lately or who gets none, the newest first."""
    found = dict.fromkeys(one.member_id for one in bounce_records.of_group(tx, group_id, context.now - _SINCE))
    found |= dict.fromkeys(one.member_id for one, group in suspensions.all_open(tx, "suspended") if group == group_id)
    people = [members.get_member(tx, each) for each in list(found)[:_LISTED]]
    return [
        {"address": one.address, "lines": _evidence(tx, context, one)} for one in people if one and one.state != "left"
    ]


def _evidence(tx: Connection, context: Context, member: Member) -> list[str]:
    return standing(tx, context, member, "en")


def standing(tx: Connection, context: Context, member: Member, language: str = "en") -> list[str]:
    """What is in question about a member, and what came back, one line each; () for nobody in question."""
    charter = context.charters[records.name_of(tx, member.group_id)]
    lines = []
    found = suspensions.newest(tx, member.id)
    if found and found.ended_at:
        since = context.now - found.ended_at <= _SINCE
        lines += [f"in order since {in_words(found.ended_at, charter, language)} ({found.ended_by})"] if since else []
    elif found and found.state == "suspended" and found.suspended_at:
        lines.append(f"no mail since {in_words(found.suspended_at, charter, language)} ({found.cause})")
    elif found and found.probed_at:
        lines.append(f"a probe was sent on {in_words(found.probed_at, charter, language)}")
    kinds = {"hard": "refused for good", "soft": "may pass", "content": "not counted", "complaint": "complaint"}
    lines += [
        f"{one['when']}: {one['said']} ({kinds[one['kind']]}{', ' + one['about'] if one['about'] else ''})"
        for one in bounce_letters.evidence(tx, context, member, language)
    ]
    return lines or ["nothing came back in the last sixty days"]


ANSWERS: Final = MappingProxyType[str, Answer]({REACTIVATE: _take_answer})
KINDS: Final[Sequence[Kind]] = (
    Kind(PROBE_OVER, "members", announced=False, plan=_plan_over, send=_is_over, late=Late(None)),
    Kind(REMINDER, "members", announced=False, plan=_plan_reminders, send=_remind, late=within(timedelta(days=20))),
)
COMMANDS: Final[Sequence[Command]] = (
    Command("resume", "change members", "resume zoe@example.org",
            "Send mail again to a member who gets none since it came back.", _propose, _resume),
)  # fmt: skip
QUERIES: Final[Sequence[Query]] = (
    Query("bounces", "receive posts", "bounces\nbounces zoe@example.org",
          "What came back of mail to you; conveners: to the members.", _bounces),
)  # fmt: skip
