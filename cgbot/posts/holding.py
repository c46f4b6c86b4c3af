"""
A message is held, and its conveners decide by answering (use cases).

Each convener gets one notice with a reply address of their own, which proves who answers: the first line "approve",
"reject" (with words for the author behind it) or "discard" decides. The first decision wins: the other conveners are
told of it, and a later one gets to know whose it was.
The author of a rejected message is written to only where the address has proved itself.
"""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Refused
from cgbot.groups import authentication, members, tokens
from cgbot.groups.moments import in_words
from cgbot.groups.roles import may
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.mail import identity
from cgbot.mail.message import Message
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import holds, people, words
from cgbot.posts.holds import Decision, Hold, NewHold
from cgbot.posts.moderation import Judgement
from cgbot.store.db import Tx

PURPOSE: Final = "held"
LIFETIME: Final = timedelta(days=14)
_EXCERPT: Final = 1500  # characters of the text that a convener sees
# What people write when they mean it.
_WORDS: Final = MappingProxyType(
    {"approve": "approve", "approved": "approve", "accept": "approve", "yes": "approve", "ok": "approve",
     "reject": "reject", "rejected": "reject", "refuse": "reject", "no": "reject",
     "discard": "discard", "delete": "discard", "spam": "discard"}
)  # fmt: skip


def hold(tx: Tx, context: Context, errand: Errand, judgement: Judgement) -> Settled:
    """Keep a post for the conveners and tell each of them, once for each content."""
    return keep_for_conveners(tx, context, errand, tuple(hit.reason for hit in judgement.hits))


def keep_for_conveners(tx: Tx, context: Context, errand: Errand, reasons: tuple[str, ...]) -> Settled:
    """Keep any errand's message for the conveners; approving it sends the errand to its use case again."""
    content_hash = errand.facts.content_hash if errand.facts else identity.content_hash(errand.message.raw)
    before = holds.find_content(tx, errand.group_id, content_hash)
    if before is not None:
        return Settled("discarded", f"a further copy of held message {before.id}")
    author = errand.message.authors[0].address if len(errand.message.authors) == 1 else ""
    new = NewHold(
        content_hash=content_hash,
        reasons=reasons,
        proven=bool(author) and authentication.of(errand, context.settings).proves(author),
        author=author,
        subject=errand.message.subject,
    )
    hold_id = holds.add(tx, context, errand, new)
    for addressee in people.responsible(tx, context, errand.group_id):
        _notify(tx, context, errand, hold_id, addressee)
    return Settled("held", reasons[0])


def _notify(tx: Tx, context: Context, errand: Errand, hold_id: int, addressee: Addressee) -> None:
    held = holds.get(tx, hold_id)
    charter = context.charters[errand.group]
    facts = {"group": str(errand.group_id), "hold": hold_id, "address": addressee.address}
    token = tokens.make(tx, context, PURPOSE, facts, LIFETIME)
    sender = f"{errand.group}-confirm+{token}"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"held message {hold_id}",
            template="held-message",
            facts={
                "acronym": charter.acronym,
                "hold": hold_id,
                "author": held.author or "an unreadable address",
                "subject": held.subject or "(no subject)",
                "reasons": list(held.reasons),
                "received": in_words(errand.received_at, charter),
                "until": in_words(context.now + LIFETIME, charter),
                "proven": held.proven,
                "excerpt": excerpt(errand.message),
                "is_paper": errand.purpose == "contributions",
            },
            group=(held.group_id, errand.group),
            recipients=(addressee,),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{context.settings.service.domain}",
            expires_at=context.now + LIFETIME,
            language=charter.language,
        ),
    )


def excerpt(message: Message) -> str:
    """The beginning of a message's text, each line marked as quoted."""
    lines = message.text.strip()[:_EXCERPT].splitlines()
    return "\n".join(f"> {line}".rstrip() for line in lines) or "> (no text)"


def take_answer(tx: Tx, context: Context, errand: Errand, token: Token) -> Settled:
    """Decide as the answer to a notice says, and tell the convener what was done."""
    actor = str(token.facts["address"])
    member = members.find_member(tx, errand.group_id or 0, actor)
    allowed = may(member.role, "decide what is held") if member and member.state != "left" else False
    if token.expired or not (allowed or actor == context.settings.service.operator):
        return Settled("discarded", f"{actor} may not decide this, or no longer")
    word, rest = words.answer(errand.message)
    if word not in _WORDS and not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "not understood again, and answered before")
    outcome = _decide(tx, context, int(token.facts["hold"]), _WORDS.get(word, ""), (actor, rest))
    charter = context.charters[errand.group]
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about="answer to a held message",
            template="held-decided",
            facts={"acronym": charter.acronym, "outcome": outcome, "hold": int(token.facts["hold"])},
            group=(errand.group_id or 0, errand.group),
            recipients=(Addressee(actor, member.id if member else None, member.name if member else ""),),
            sender_local=f"{errand.group}-owner",
            sender_name=charter.acronym,
            in_reply_to=errand.message.message_id,
            language=charter.language,
        ),
    )
    return Settled("sorted", outcome)


def _decide(tx: Tx, context: Context, hold_id: int, word: str, said: tuple[str, str]) -> str:
    """What became of it, in a sentence."""
    actor, note = said
    if not word:
        return "Nothing was done: the first line must be approve, reject or discard."
    try:
        held = decide(tx, context, hold_id, Decision(word, actor, note))
    except Refused as error:
        return f"Nothing was done: {error.public}."
    return f"The message of {held.author or 'an unreadable address'} was {held.state}."


def decide(tx: Tx, context: Context, hold_id: int, decision: Decision) -> Hold:
    """Approve, reject or discard, and tell the other conveners. Raises as holds.decide."""
    held = conclude(tx, context, hold_id, decision)
    _tell_others(tx, context, held)
    return held


def _tell_others(tx: Tx, context: Context, held: Hold) -> None:
    """Spare the other conveners the decision that they were asked for."""
    decider = members.find_member(tx, held.group_id, held.decided_by)
    others = [one for one in members.conveners(tx, held.group_id) if decider is None or one.id != decider.id]
    if not others:
        return
    charter = context.charters[held.group]
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"held message {held.id} {held.state}",
            template="held-told",
            facts={
                "acronym": charter.acronym,
                "actor": (decider.name if decider else "") or held.decided_by,
                "state": held.state,
                "author": held.author or "an unreadable address",
                "subject": held.subject or "(no subject)",
                "hold": held.id,
                "note": held.note,
            },
            group=(held.group_id, held.group),
            recipients=tuple(Addressee(one.address, one.id, one.name) for one in others),
            sender_local=f"{held.group}-owner",
            sender_name=charter.acronym,
            language=charter.language,
        ),
    )


def conclude(tx: Tx, context: Context, hold_id: int, decision: Decision) -> Hold:
    """As `decide`, telling nobody but a rejected author whose address is proven: an order tells the others itself."""
    held = holds.decide(tx, context, hold_id, decision)
    if decision.word == "reject" and held.proven:
        charter = context.charters[held.group]
        letters.write(
            tx,
            context,
            Letter(
                kind="notice",
                about=f"held message {held.id} rejected",
                template="held-rejected",
                facts={"acronym": charter.acronym, "subject": held.subject, "note": decision.note,
                       "owner_address": charter.address(context.settings.service.domain, "owner")},
                group=(held.group_id, held.group),
                recipients=(Addressee(held.author, None, ""),),
                sender_local=f"{held.group}-owner",
                sender_name=charter.acronym,
                language=charter.language,
            ),
        )  # fmt: skip
    return held


ANSWERS: Final = MappingProxyType[str, Answer]({PURPOSE: take_answer})
