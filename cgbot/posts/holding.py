"""
A message is held, and its conveners decide (use cases).

Each convener gets one notice with a reply address of their own, which proves who answers: the first line "approve",
"allow" (and the author from now on), "reject" (with words for the author behind it), "discard" or "ban" decides, as a
button on the desk, an order or `cgbot held` does. The first decision wins: the other conveners are told of it, and a
later one gets to know whose it was. What waits for its author alone (posts.authorship) is on the desk and in the
reminders, without a notice of its own; so is what comes in a flood. The author of a rejected message is written to
only where the address has proved itself.
"""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Conflict, Refused
from cgbot.groups import members, own_words, senders, tokens
from cgbot.groups.roles import CONVENERS, may
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.mail import identity
from cgbot.posts import authorship, hold_letters, holds, people, proofs, words
from cgbot.posts.holds import Decision, Hold, NewHold
from cgbot.posts.moderation import Action, Judgement, Verdict
from cgbot.store.db import Tx

MOST_AN_HOUR: Final = 30  # held messages of a group that are told one by one
_AN_HOUR: Final = timedelta(hours=1)
_NOTE: Final = 2000  # characters
# What people write when they mean it.
WORDS: Final = MappingProxyType(
    {"approve": "approve", "approved": "approve", "accept": "approve", "yes": "approve", "ok": "approve",
     "allow": "allow", "always": "allow", "trust": "allow",
     "reject": "reject", "rejected": "reject", "refuse": "reject", "no": "reject",
     "discard": "discard", "delete": "discard", "spam": "discard", "ban": "ban", "block": "ban"}
)  # fmt: skip


def hold(tx: Tx, context: Context, errand: Errand, judgement: Judgement) -> Settled:
    """Keep a post, ask its author where that is enough, else tell each convener; once for each content."""
    return _keep(tx, context, errand, judgement.hits)


def keep_for_conveners(tx: Tx, context: Context, errand: Errand, reasons: tuple[str, ...]) -> Settled:
    """Keep any errand's message for the conveners; approving it sends the errand to its use case again."""
    return _keep(tx, context, errand, tuple(Verdict(Action.HOLD, errand.purpose, reason) for reason in reasons))


def _keep(tx: Tx, context: Context, errand: Errand, hits: tuple[Verdict, ...]) -> Settled:
    content_hash = errand.facts.content_hash if errand.facts else identity.content_hash(errand.message.raw)
    before = holds.find_content(tx, errand.group_id, content_hash)
    if before is not None:
        return Settled("discarded", f"a further copy of held message {before.id}")
    author = errand.message.authors[0].address if len(errand.message.authors) == 1 else ""
    found = proofs.evidence(tx, context, errand, author)
    new = NewHold(content_hash, hits, found.proven, author, errand.message.subject, found.source)
    held = holds.get(tx, holds.add(tx, context, errand, new))
    if not authorship.ask(tx, context, errand, held):
        _tell(tx, context, errand, held)
    return Settled("held", hits[0].reason)


def _tell(tx: Tx, context: Context, errand: Errand, held: Hold) -> None:
    """Tell each convener, with a reply address of their own; what is more than so many an hour is only listed."""
    lately = holds.held_since(tx, held.group_id, context.now - _AN_HOUR)
    if lately > MOST_AN_HOUR:
        return
    for addressee in people.responsible(tx, context, errand.group_id):
        hold_letters.notify(tx, context, held, errand, (addressee, lately == MOST_AN_HOUR))


# ------------------------------------------------------------------------------------------------- the decision


def take_answer(tx: Tx, context: Context, errand: Errand, token: Token) -> Settled:
    """Decide as the answer to a notice says, and tell the convener what was done."""
    actor = str(token.facts["address"])
    if token.expired or not may_decide(tx, context, errand.group_id or 0, actor):
        return Settled("discarded", f"{actor} may not decide this, or no longer")
    word, rest = words.answer(errand.message)
    if word not in WORDS and not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "not understood again, and answered before")
    hold_id = int(token.facts["hold"])
    outcome = "Nothing was done: the first line must be approve, allow, reject, discard or ban."
    if word in WORDS:
        decision = Decision(WORDS[word], actor, _note(errand, rest))
        outcome = try_to_decide(tx, context, (errand.group_id or 0, hold_id), decision)
    hold_letters.answer(tx, context, errand, actor, ("held-decided", {"outcome": outcome, "hold": hold_id}))
    return Settled("sorted", outcome)


def _note(errand: Errand, rest: str) -> str:
    """The convener's own words behind the decision, on its line and below it, without a signature."""
    lines = own_words.own_lines(errand.message.text)
    below = lines[(own_words.first(lines) or 0) + 1 :]
    return "\n".join([rest, *map(str.rstrip, below)]).strip()[:_NOTE]


def may_decide(tx: Tx, context: Context, group_id: int, actor: str) -> bool:
    """Say whether this address still belongs to somebody who decides here: a convener, or the operator."""
    member = members.find_member(tx, group_id, actor)
    allowed = may(member.role, "decide what is held") if member and member.state != "left" else False
    return allowed or actor == context.settings.service.operator


def try_to_decide(tx: Tx, context: Context, which: tuple[int, int], decision: Decision) -> str:
    """Decide about (group, hold); what became of it, in a sentence."""
    group_id, hold_id = which
    found = holds.find(tx, hold_id)
    if found is None or found.group_id != group_id:
        return f"Nothing was done: there is no held message {hold_id} in this group."
    try:
        held = decide(tx, context, hold_id, decision)
    except Refused as error:
        return f"Nothing was done: {error.public}."
    return outcome(held, decision.word)


def outcome(held: Hold, word: str) -> str:
    """What was done, in a sentence or two."""
    author = held.author or "an unreadable address"
    return f"The message of {author} was {held.state}. {consequence(held, word)}".strip()


def consequence(held: Hold, word: str) -> str:
    """What else a decision means, for people; "" for nothing."""
    more = {"allow": f"{held.author} posts without waiting from now on.",
            "ban": f"What comes in the name of {held.author} is discarded from now on."}  # fmt: skip
    return more.get(word, "")


def decide(tx: Tx, context: Context, hold_id: int, decision: Decision) -> Hold:
    """Decide, and tell the other conveners. Raises as `conclude`."""
    held = conclude(tx, context, hold_id, decision)
    hold_letters.tell_others(tx, context, held, consequence(held, decision.word))
    return held


def conclude(tx: Tx, context: Context, hold_id: int, decision: Decision) -> Hold:
    """
    As `decide`, telling nobody but a rejected author whose address is proven: an order tells the others itself.

    Raises as holds.decide, and Conflict for an author who cannot be allowed or banned.
    """
    check(tx, hold_id, decision.word)
    held = holds.decide(tx, context, hold_id, decision)
    if decision.word in {"allow", "ban"}:
        _from_now_on(tx, context, held, decision)
    if decision.word == "reject" and held.proven:
        hold_letters.rejected(tx, context, held, decision.note)
    return held


def check(tx: Tx, hold_id: int, word: str) -> None:
    """Raise NotFound, or Conflict where the author of this hold cannot be allowed or banned."""
    held = holds.get(tx, hold_id)
    if word not in {"allow", "ban"}:
        return
    if not held.author:
        raise Conflict("it does not name one author: approve or discard it")
    if word == "allow" and held.purpose != "post":
        raise Conflict("it was not sent to the list: approve it, or reject it")
    member = members.find_member(tx, held.group_id, held.author)
    if word == "ban" and member is not None and member.state != "left":
        if member.role in CONVENERS:
            raise Conflict(f"{held.author} is {member.role} of the group: discard it instead")
        if not held.proven:
            raise Conflict(f"nothing proves that {held.author}, a member, wrote it: discard it instead")


def _from_now_on(tx: Tx, context: Context, held: Hold, decision: Decision) -> None:
    """What the decision says about the author's posts to come."""
    member = members.find_member(tx, held.group_id, held.author)
    is_member = member is not None and member.state != "left"
    if decision.word == "ban":
        senders.decide(tx, context, held.group_id, (held.author, "ban", decision.note), decision.actor)
        return
    if member is not None and is_member:
        members.change(tx, context, member, {"posting": "free"}, decision.actor)
    elif not held.proven:  # a stranger cannot be asked: the convener vouches for what comes this way
        proofs.remember(tx, context, held.group_id, (held.author, held.source), decision.actor)
    if not is_member or senders.verdict(tx, held.group_id, held.author):
        senders.decide(tx, context, held.group_id, (held.author, "allow", decision.note), decision.actor)


ANSWERS: Final = MappingProxyType[str, Answer]({hold_letters.PURPOSE: take_answer})
