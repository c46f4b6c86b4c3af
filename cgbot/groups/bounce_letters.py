"""
What is written about mail that does not arrive (use cases: letters only).

To the member: the probe, at the address in question; that no more mail is sent, at their other addresses; a reminder a
month; that mail goes out again. To the conveners, never by the address in question: that a member gets no mail any
more, that most servers refused a post, that somebody complained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.groups import bounce_records, member_letters, members, own_addresses, records, tokens
from cgbot.groups.asking import Reply
from cgbot.groups.bounce_records import Bounce
from cgbot.groups.member_letters import Note, language_of
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.mail.address import fold
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter

REACTIVATE: Final = "reactivate"
OPEN: Final = timedelta(days=120)  # how long an answer to one of these mails brings the mail back
_SHOWN_SINCE: Final = timedelta(days=60)
_SHOWN: Final = 10
_WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class Told:
    """What the conveners read: the template with its facts, and what it is about."""

    template: str
    about: str
    facts: Mapping[str, object]


def evidence(tx: Connection, context: Context, member: Member, language: str = "en") -> list[dict[str, str]]:
    """What came back of a member's mail lately, the newest first: when, what the server said, what it means."""
    found = bounce_records.of_members(tx, [member.id], context.now - _SHOWN_SINCE).get(member.id, [])
    charter = context.charters[records.name_of(tx, member.group_id)]
    return [
        {
            "when": in_words(one.at, charter, language),
            "kind": one.kind,
            "said": _in_short(one),
            "about": bounce_records.about(tx, one.content_id),
        }
        for one in reversed(found[-_SHOWN:])
    ]


def probe(tx: Connection, context: Context, member: Member) -> int:
    """Ask the address itself; the id of the content."""
    group = records.name_of(tx, member.group_id)
    charter = context.charters[group]
    language = language_of(context, member, group)
    domain = context.settings.service.domain
    return letters.write(
        tx,
        context,
        Letter(
            kind="probe",
            about=f"probe of {member.address}",
            template="bounce-probe",
            facts={
                "acronym": charter.acronym,
                "address": member.address,
                "evidence": evidence(tx, context, member, language),
                "owner_address": charter.address(domain, "owner"),
            },
            group=(member.group_id, group),
            recipients=(Addressee(member.address, member.id, member.name),),
            sender_local=f"{group}-owner",
            sender_name=charter.acronym,
            language=language,
        ),
    )


def suspended(tx: Connection, context: Context, member: Member, *, remind: bool = False) -> None:
    """Tell the member, at their other proven addresses, how to get mail again; a reminder goes to all of them."""
    others = _others(tx, member)
    to = (member.address, *others) if remind else others
    if not to:
        return
    facts = {"group": str(member.group_id), "member": member.id}
    token = tokens.make(tx, context, REACTIVATE, facts, OPEN)
    group = records.name_of(tx, member.group_id)
    language = language_of(context, member, group)
    told = {
        "evidence": evidence(tx, context, member, language),
        "until": in_words(context.now + OPEN, context.charters[group], language),
        "reminder": remind,
    }
    template = "bounce-reminder" if remind else "bounce-suspended"
    member_letters.write(tx, context, member, Note(template, told, reply=Reply(token, OPEN), to=to))


def reactivated(tx: Connection, context: Context, member: Member) -> None:
    """Tell the member, at all of their proven addresses, that mail goes out again."""
    member_letters.write(tx, context, member, Note("bounce-over", {}, to=(member.address, *_others(tx, member))))


def _others(tx: Connection, member: Member) -> tuple[str, ...]:
    mine = own_addresses.of_person(tx, member.person_id)
    return tuple(one for one in mine if fold(one) != fold(member.address) and own_addresses.is_proven(tx, member, one))


def tell_conveners(tx: Connection, context: Context, group_id: int, told: Told, besides: Sequence[int] = ()) -> None:
    """Write to the conveners without these members; to the operator where nobody is left."""
    group = records.name_of(tx, group_id)
    charter = context.charters[group]
    found = [one for one in members.conveners(tx, group_id) if one.id not in besides]
    operator = context.settings.service.operator
    addressees = [Addressee(one.address, one.id, one.name) for one in found]
    addressees = addressees or ([Addressee(operator, None)] if operator else [])
    if not addressees:
        return
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=told.about,
            template=told.template,
            facts={
                "acronym": charter.acronym,
                "group": charter.name,
                "request_address": charter.address(context.settings.service.domain, "request"),
                **told.facts,
            },
            group=(group_id, group),
            recipients=tuple(addressees),
            sender_local=f"{group}-owner",
            sender_name=charter.acronym,
            language=charter.language,
        ),
    )


def told_suspended(tx: Connection, context: Context, member: Member, why: str) -> Told:
    """That a member gets no mail any more; `why` is "bounces" or "complaint"."""
    return Told(
        "bounce-told",
        f"no mail to {member.address}",
        {
            "address": member.address,
            "name": member.name,
            "why": why,
            "elsewhere": why == "bounces" and bool(_others(tx, member)),
            "evidence": evidence(tx, context, member),
        },
    )


def told_blamed(tx: Connection, content_id: int, refused: int, copies: int) -> Told:
    """That most servers refused one mail."""
    what = bounce_records.about(tx, content_id) or f"content {content_id}"
    return Told(
        "bounce-blamed",
        f"refusals of {what}",
        {"what": what, "refused": refused, "copies": copies, "said": _said(bounce_records.samples(tx, content_id, 5))},
    )


def _said(found: Sequence[Bounce]) -> list[str]:
    return list(dict.fromkeys(_in_short(one) for one in found))


def _in_short(one: Bounce) -> str:
    """The server's words on one line; they come from outside, and go to people who did not ask."""
    return " ".join((one.diagnostic or one.status or "no reason was given").split())[:_WORDS]
