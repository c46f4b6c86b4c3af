"""
"Yes, that was me": the author of an unproven post is asked, and lets it through by answering (use cases).

The question goes to the member's own address, with a reply address that is good for fourteen days: at most one a day to
an address, so many an hour for a group, never on a robot's mail, and without a word of the message, which somebody else
may have written. "Yes" remembers the way by which it came (posts.proofs), so that the next post passes, and releases
what is held for want of this proof alone; "no" discards the one that was asked about. Whatever else holds a message, a
convener decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Conflict
from cgbot.groups import consent, members, own_words, subscriptions, tokens
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.mail.address import fold
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import emergency, holds, proofs, words
from cgbot.posts.holds import Decision, Hold
from cgbot.posts.moderation import Action, Verdict
from cgbot.store.db import Tx

PURPOSE: Final = "authorship"
MOST_AN_HOUR: Final = 60  # questions of one group
_A_DAY: Final = timedelta(hours=24)
_AN_HOUR: Final = timedelta(hours=1)
_NO: Final = frozenset({"no", "n", "non", "not", "reject", "discard"})


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What an answer has done, as the template asks for it, and why a convener must read the message first."""

    result: str
    reason: str = ""


_UNCLEAR: Final = _Outcome("not understood")


@dataclass(frozen=True, slots=True)
class _Post:
    """A mail to the author of a held message; with a token it asks for an answer."""

    held: Hold
    member: Member
    template: str
    facts: Mapping[str, object]
    token: str = ""


def ask(tx: Tx, context: Context, errand: Errand, held: Hold) -> bool:
    """Ask the author of a held message whether they wrote it; False where nobody may be asked, or not now."""
    member = members.find_member(tx, held.group_id, held.author)
    if not held.is_only_unproven or member is None or member.state != "active" or subscriptions.by_robot(errand):
        return False
    key, group = fold(held.author), str(held.group_id)
    if tokens.made_since(tx, PURPOSE, ("key", key), context.now - _A_DAY):
        return False
    if tokens.made_since(tx, PURPOSE, ("group", group), context.now - _AN_HOUR) >= MOST_AN_HOUR:
        return False
    facts = {"group": group, "hold": held.id, "key": key, "address": held.author, "source": held.source}
    token = tokens.make(tx, context, PURPOSE, facts, holds.LIFETIME)
    holds.note_asked(tx, held)
    charter = context.charters[held.group]
    language = member.language or charter.language
    said = {
        "received": in_words(errand.received_at, charter, language),
        "size": max(1, round(len(errand.message.raw) / 1024)),
        "until": in_words(context.now + holds.LIFETIME, charter, language),
    }
    _write(tx, context, _Post(held, member, "held-author", said, token), errand)
    return True


def take_answer(tx: Tx, context: Context, errand: Errand, token: Token) -> Settled:
    """Remember the author's yes and release what waited for it, or take the no."""
    held = holds.find(tx, int(token.facts["hold"]))
    address = str(token.facts["address"])
    member = members.find_member(tx, errand.group_id or 0, address)
    if token.expired or held is None or member is None or member.state == "left":
        return Settled("discarded", "the question that this answers has run out, or its author has left")
    answer = _answer(errand)
    if answer is None and not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "not understood again, and answered before")
    tokens.use(tx, errand.detail, context.now)
    outcome = _UNCLEAR
    if answer is not None:
        outcome = _yes(tx, context, held, token) if answer else _no(tx, context, held, address)
    if answer is None or held.state == "waiting":  # said before, or a convener was first: nobody waits for a word
        reply_to = errand.detail if answer is None else ""
        said = {"result": outcome.result, "reason": outcome.reason}
        _write(tx, context, _Post(held, member, "held-author-told", said, reply_to), errand)
    return Settled("sorted", outcome.result)


def _answer(errand: Errand) -> bool | None:
    """Yes, no, or neither; an answer without a word of its own is a yes, since the question asks for an answer."""
    word, _ = words.answer(errand.message)
    if not word:
        return None if own_words.first(own_words.own_lines(errand.message.text)) is not None else True
    return True if consent.is_yes(errand.message.text) else False if word in _NO else None


def _yes(tx: Tx, context: Context, held: Hold, token: Token) -> _Outcome:
    address, source = str(token.facts["address"]), str(token.facts["source"])
    proofs.remember(tx, context, held.group_id, (address, source), address)
    members.verify(tx, address, context.now)
    waiting = [one for one in holds.waiting_of(tx, held.group_id, fold(address)) if not one.proven]
    mine = [one for one in waiting if one.id == held.id or one.source == source]
    outcomes = {one.id: _release(tx, context, one, address) for one in mine}
    return outcomes.get(held.id, _Outcome("decided before"))


def _release(tx: Tx, context: Context, held: Hold, address: str) -> _Outcome:
    """Let a message of a proven author through, unless a convener must see it all the same."""
    why = emergency.reason(tx, context.charters[held.group], held.group_id)
    proven = holds.prove(tx, held, (Verdict(Action.HOLD, "emergency", why),) if why and held.is_only_unproven else ())
    if proven.hits:
        return _Outcome("waits for a convener", proven.hits[0].reason)
    _decide(tx, context, held, Decision("approve", address, "its author wrote it"))
    return _Outcome("released")


def _no(tx: Tx, context: Context, held: Hold, address: str) -> _Outcome:
    if held.state == "waiting":
        _decide(tx, context, held, Decision("discard", address, "its author did not write it"))
    return _Outcome("discarded")


def _decide(tx: Tx, context: Context, held: Hold, decision: Decision) -> None:
    try:
        holds.decide(tx, context, held.id, decision)
    except Conflict:  # a convener was first, in this very moment
        return


def _write(tx: Tx, context: Context, post: _Post, errand: Errand) -> None:
    """Write to the author, at the address that is to be proven."""
    held, charter = post.held, context.charters[post.held.group]
    domain = context.settings.service.domain
    sender = f"{held.group}-confirm+{post.token}" if post.token else f"{held.group}-owner"
    common = {"acronym": charter.acronym, "address": held.author, "owner_address": charter.address(domain, "owner")}
    letters.write(
        tx,
        context,
        Letter(
            kind="confirmation" if post.token else "notice",
            about=f"the author of held message {held.id}",
            template=post.template,
            facts={**common, **post.facts},
            group=(held.group_id, held.group),
            recipients=(Addressee(held.author, post.member.id, post.member.name),),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{domain}" if post.token else "",
            in_reply_to=errand.message.message_id,
            language=post.member.language or charter.language,
        ),
    )


ANSWERS: Final = MappingProxyType[str, Answer]({PURPOSE: take_answer})
