"""A mail of the group to one of its members, in the member's language (use case)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.groups import records
from cgbot.groups.asking import Reply
from cgbot.groups.members import Member
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter


@dataclass(frozen=True, slots=True)
class Note:
    """
    What to say: the template and its facts, the Message-ID that it answers, where an answer goes.

    `to` are the addresses, those of the member where there are none.
    """

    template: str
    facts: Mapping[str, object]
    in_reply_to: str = ""
    reply: Reply | None = None
    to: tuple[str, ...] = ()


def language_of(context: Context, member: Member, group: str) -> str:
    """The member's language, else the group's."""
    return member.language or context.charters[group].language


def write(tx: Connection, context: Context, member: Member, note: Note) -> None:
    """Queue it; every template of this kind knows the group's acronym and addresses, the member's address and page."""
    group = records.name_of(tx, member.group_id)
    charter = context.charters[group]
    domain = context.settings.service.domain
    sender = f"{group}-confirm+{note.reply.token}" if note.reply else f"{group}-owner"
    facts = {
        "acronym": charter.acronym,
        "address": member.address,
        "me": f"{context.settings.service.public_url.rstrip('/')}/me/",
        **{f"{one}_address": charter.address(domain, one) for one in ("request", "owner", "leave")},
        **note.facts,
    }
    to = note.to or (member.address,)
    letters.write(
        tx,
        context,
        Letter(
            kind="confirmation" if note.reply else "notice",
            about=f"{note.template} {member.address}",
            template=note.template,
            facts=facts,
            group=(member.group_id, group),
            recipients=tuple(Addressee(one, member.id if one == member.address else None, member.name) for one in to),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{domain}" if note.reply else "",
            in_reply_to=note.in_reply_to,
            expires_at=context.now + note.reply.lifetime if note.reply else None,
            language=language_of(context, member, group),
        ),
    )
