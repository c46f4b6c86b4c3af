"""
Use cases: who asks by mail to join or leave, and the mails that are written to them, in their language.

Until an answer has come, the address is only claimed: nothing that the asker wrote stands in a mail that asks back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Malformed
from cgbot.groups import members, profile
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.groups.tokens import Token
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter

Hook = Callable[[Connection, Context, Member], None]
Answer = Callable[[Connection, Context, Errand, Token], Settled]

LIFETIME: Final = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for what; `language` is "" where nothing is known of it, `message_id` that of the mail that asks."""

    purpose: str
    group_id: int
    group: str
    address: str
    name: str = ""
    message_id: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An address that an answer goes to: the token behind NAME-confirm+, and how long it is open."""

    token: str
    lifetime: timedelta = LIFETIME


@dataclass(frozen=True, slots=True)
class Words:
    """
    A mail to an asker: its template, where an answer goes, a convener's note.

    `why` says why somebody is turned away: "closed", "invitation", "rejected"; `also` are facts of this mail alone.
    """

    template: str
    reply: Reply | None = None
    note: str = ""
    why: str = ""
    also: Mapping[str, object] = field(default_factory=dict)


def facts_of(asker: Asker) -> Mapping[str, object]:
    """What a token keeps of an asker."""
    return {
        "group": str(asker.group_id),
        "address": asker.address,
        "name": asker.name,
        "language": asker.language,
    }


def asker_of(errand: Errand, token: Token) -> Asker:
    """The asker whom a token was made for, as the mail that answers it comes in."""
    facts = token.facts
    return Asker(
        purpose=token.purpose,
        group_id=int(facts["group"]),
        group=errand.group,
        address=str(facts["address"]),
        name=str(facts.get("name", "")),
        message_id=errand.message.message_id,
        language=str(facts.get("language", "")),
    )


def display_name(text: str) -> str:
    """A stranger's display name where it can be a member's name, else nothing."""
    try:
        return str(profile.check("name", text))
    except Malformed:
        return ""


def language_for(tx: Connection, context: Context, asker: Asker) -> str:
    """A member's own language, else that of the mail that asks, else the group's."""
    member = members.find_member(tx, asker.group_id, asker.address)
    return (member.language if member else "") or asker.language or context.charters[asker.group].language


def write(tx: Connection, context: Context, asker: Asker, words: Words) -> None:
    """Queue a mail to the asker; one with a reply address comes from there."""
    reply = words.reply
    charter = context.charters[asker.group]
    domain = context.settings.service.domain
    language = language_for(tx, context, asker)
    lifetime = reply.lifetime if reply else LIFETIME
    facts: dict[str, object] = {
        "acronym": charter.acronym,
        "title": charter.title,
        "address": asker.address,
        "list_address": charter.posting_address(domain),
        "companion": charter.companion is not None,
        "url": f"{context.settings.service.public_url}/{charter.name}/",
        "me": f"{context.settings.service.public_url.rstrip('/')}/me/",
        "until": in_words(context.now + lifetime, charter, language),
        "note": words.note,
        "why": words.why,
        **{f"{one}_address": charter.address(domain, one) for one in ("join", "leave", "owner", "request")},
        **words.also,
    }
    sender = f"{asker.group}-confirm+{reply.token}" if reply else f"{asker.group}-owner"
    letters.write(
        tx,
        context,
        Letter(
            kind="confirmation" if reply else "notice",
            about=f"{asker.purpose} {asker.address}",
            template=words.template,
            facts=facts,
            group=(asker.group_id, asker.group),
            recipients=(Addressee(asker.address, None, asker.name),),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{domain}" if reply else "",
            in_reply_to=asker.message_id,
            expires_at=context.now + lifetime if reply else None,
            language=language,
        ),
    )


def deciders(tx: Connection, context: Context, group_id: int) -> Sequence[Addressee]:
    """Who is asked about a new member: the conveners, or the operator of a group that has none."""
    found = _conveners(tx, group_id)
    operator = context.settings.service.operator
    return found or ((Addressee(operator, None, ""),) if operator else ())


def _conveners(tx: Connection, group_id: int) -> tuple[Addressee, ...]:
    return tuple(Addressee(one.address, one.id, one.name) for one in members.conveners(tx, group_id))


def tell_conveners(tx: Connection, context: Context, asker: Asker, template: str, facts: Mapping[str, object]) -> None:
    """Tell the conveners what became of an asker, with these facts beside those of the asker."""
    told = _conveners(tx, asker.group_id)
    if not told:
        return
    charter = context.charters[asker.group]
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"{template} {asker.address}",
            template=template,
            facts={"acronym": charter.acronym, "address": asker.address, "name": asker.name, **facts},
            group=(asker.group_id, asker.group),
            recipients=told,
            sender_local=f"{asker.group}-owner",
            sender_name=charter.acronym,
            language=charter.language,
        ),
    )
