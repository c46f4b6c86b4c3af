"""
The mails about a held message: to its conveners, and to an author whose address is proven (use cases).

A notice shows the whole table of rules with what fired, and the beginning of the text, quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups import members, tokens
from cgbot.groups.moments import in_words
from cgbot.mail.message import Message
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import moderation
from cgbot.posts.holds import LIFETIME, Hold
from cgbot.store.db import Tx

PURPOSE: Final = "held"
_EXCERPT: Final = 1500  # characters of the text that a convener sees


@dataclass(frozen=True, slots=True)
class _Whom:
    """Who is written to, in which language."""

    addressees: tuple[Addressee, ...]
    language: str


def notify(tx: Tx, context: Context, held: Hold, errand: Errand, whom: tuple[Addressee, bool]) -> None:
    """Tell one convener of a held message; the flag says that further ones of this hour are not told one by one."""
    addressee, is_last = whom
    charter = context.charters[held.group]
    facts = {"group": str(held.group_id), "hold": held.id, "address": addressee.address}
    sender = f"{held.group}-confirm+{tokens.make(tx, context, PURPOSE, facts, LIFETIME)}"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"held message {held.id}",
            template="held-message",
            facts={
                "acronym": charter.acronym,
                "hold": held.id,
                "author": name_of(held),
                "subject": held.subject or "(no subject)",
                "reasons": list(held.reasons),
                "received": in_words(errand.received_at, charter),
                "until": in_words(context.now + LIFETIME, charter),
                "proven": held.proven,
                "excerpt": excerpt(errand.message),
                "is_paper": held.purpose == "contributions",
                "rules": table(held) if held.purpose == "post" else [],
                "is_last": is_last,
                "url": f"{context.settings.service.public_url}/desk/{held.group}/held/{held.id}/",
            },
            group=(held.group_id, held.group),
            recipients=(addressee,),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{context.settings.service.domain}",
            expires_at=context.now + LIFETIME,
            language=charter.language,
        ),
    )


def name_of(held: Hold) -> str:
    """The author as mails and lists name them."""
    return held.author or "an unreadable address"


def table(held: Hold) -> list[str]:
    """The table as lines, the rules that fired with an asterisk and their reason; of what is no post only those."""
    return [
        f"{'*' if row.reason else ' '} {row.rule:15}{row.action:9}{row.reason or row.asks}"
        for row in moderation.table(held.hits)
        if row.reason or held.purpose == "post"
    ]


def excerpt(message: Message) -> str:
    """The beginning of a message's text, each line marked as quoted."""
    lines = message.text.strip()[:_EXCERPT].splitlines()
    return "\n".join(f"> {line}".rstrip() for line in lines) or "> (no text)"


def answer(tx: Tx, context: Context, errand: Errand, actor: str, said: tuple[str, Mapping[str, object]]) -> None:
    """Tell a convener what their answer has done; `said` is a template with its facts."""
    template, facts = said
    member = members.find_member(tx, errand.group_id or 0, actor)
    charter = context.charters[errand.group]
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about="answer to a held message",
            template=template,
            facts={"acronym": charter.acronym, **facts},
            group=(errand.group_id or 0, errand.group),
            recipients=(Addressee(actor, member.id if member else None, member.name if member else ""),),
            sender_local=f"{errand.group}-owner",
            sender_name=charter.acronym,
            in_reply_to=errand.message.message_id,
            language=charter.language,
        ),
    )


def tell_others(tx: Tx, context: Context, held: Hold, more: str) -> None:
    """Spare the other conveners the decision that they were asked for."""
    decider = members.find_member(tx, held.group_id, held.decided_by)
    others = [one for one in members.conveners(tx, held.group_id) if decider is None or one.id != decider.id]
    if not others:
        return
    facts = {
        "actor": (decider.name if decider else "") or held.decided_by,
        "state": held.state,
        "author": name_of(held),
        "subject": held.subject or "(no subject)",
        "hold": held.id,
        "note": held.note,
        "more": more,
    }
    told = tuple(Addressee(one.address, one.id, one.name) for one in others)
    _write(tx, context, held, ("held-told", facts), _Whom(told, context.charters[held.group].language))


def rejected(tx: Tx, context: Context, held: Hold, note: str) -> None:
    """Tell the author, whose address is proven, that it is not distributed."""
    facts = {"subject": held.subject, "note": note}
    _write(tx, context, held, ("held-rejected", facts), _author(tx, context, held))


def lapsed(tx: Tx, context: Context, held: Hold) -> None:
    """Tell the author, whose address is proven, that nobody has decided in all the time."""
    whom = _author(tx, context, held)
    received = in_words(held.held_at, context.charters[held.group], whom.language)
    _write(tx, context, held, ("held-lapsed", {"subject": held.subject or "(no subject)", "received": received}), whom)


def _author(tx: Tx, context: Context, held: Hold) -> _Whom:
    member = members.find_member(tx, held.group_id, held.author)
    language = (member.language if member else "") or context.charters[held.group].language
    return _Whom((Addressee(held.author, member.id if member else None, ""),), language)


def _write(tx: Tx, context: Context, held: Hold, said: tuple[str, Mapping[str, object]], whom: _Whom) -> None:
    """Write about a held message, in the conveners' name."""
    template, facts = said
    charter = context.charters[held.group]
    common = {"acronym": charter.acronym, "owner_address": charter.address(context.settings.service.domain, "owner")}
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"held message {held.id}: {template}",
            template=template,
            facts={**common, **facts},
            group=(held.group_id, held.group),
            recipients=whom.addressees,
            sender_local=f"{held.group}-owner",
            sender_name=charter.acronym,
            language=whom.language,
        ),
    )
