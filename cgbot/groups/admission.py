"""
Use cases: who becomes a member once their address has answered, by the policy of the group's charter.

open: at once. approval: the conveners are asked by a mail that they answer with "approve" or "reject"; the first answer
counts, the others are told. invitation: only who was invited. closed: nobody. Whoever is turned away is told so, and
only then: before the address has answered, every group asks back in the same words. ANSWERS is what an answer of a
convener means, COMMANDS the same as an order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Refused
from cgbot.groups import (
    asking,
    invites,
    join_requests,
    members,
    own_addresses,
    own_words,
    records,
    roles,
    senders,
    tokens,
)
from cgbot.groups.asking import Answer, Asker, Hook, Words
from cgbot.groups.join_requests import JoinRequest
from cgbot.groups.members import Member, NewMember
from cgbot.groups.moments import in_words
from cgbot.groups.tokens import Token
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter

PURPOSE: Final = "join-asked"
LIFETIME: Final = timedelta(days=14)
MOST_A_DAY: Final = 20  # requests that the conveners get mails about; the desk and their digest list the others too
_A_DAY: Final = timedelta(hours=24)
DECIDE: Final[roles.Action] = "change members"
_WORDS: Final = MappingProxyType(
    {"approve": "approved", "approved": "approved", "accept": "approved", "admit": "approved", "yes": "approved",
     "ok": "approved", "oui": "approved", "reject": "rejected", "rejected": "rejected", "refuse": "rejected",
     "no": "rejected", "non": "rejected"}
)  # fmt: skip
_FIRST_WORD: Final = re.compile(r"\W*([a-z-]+)\W*(.*)", re.IGNORECASE | re.DOTALL)
_NOTE: Final = 500


def answers(hooks: Sequence[Hook]) -> Mapping[str, Answer]:
    """What a convener's answer to NAME-confirm+TOKEN@ means, by the purpose of its token."""
    return MappingProxyType({PURPOSE: partial(_take_answer, hooks)})


def admit(tx: Connection, context: Context, asker: Asker, hooks: Sequence[Hook]) -> Settled:
    """Let somebody in whose address has answered, let them wait, or turn them away, as the policy says."""
    known = members.find_member(tx, asker.group_id, asker.address)
    if known and known.state != "left":
        return _welcome_back(tx, context, asker, known, hooks)
    if senders.verdict(tx, asker.group_id, asker.address) == "ban":
        return turn_away(tx, context, asker, "closed")
    invite = invites.find(tx, asker.group_id, asker.address)
    policy = context.charters[asker.group].joining
    if invite is not None and invites.is_open(invite, context.now):
        invites.answer(tx, context, invite, "accepted")
    elif policy == "approval":
        return _let_wait(tx, context, asker)
    elif policy != "open":
        return turn_away(tx, context, asker, policy)
    enter(tx, context, asker, hooks)
    asking.tell_conveners(tx, context, asker, "join-told", {})
    return Settled("sorted", f"{asker.address} has joined")


def enter(tx: Connection, context: Context, asker: Asker, hooks: Sequence[Hook], actor: str = "") -> Member:
    """Make somebody a member whose address has answered, and welcome them."""
    delivery = "none" if context.charters[asker.group].mode == "companion" else "each"
    language = "" if own_addresses.is_known(tx, asker.address) else asker.language
    new = NewMember(asker.address, name=asker.name, delivery=delivery, language=language, verified=True)
    member = members.add(tx, context, asker.group_id, new, actor or asker.address)
    asking.write(tx, context, asker, Words("join-welcome"))
    for hook in hooks:
        hook(tx, context, member)
    return member


def _welcome_back(tx: Connection, context: Context, asker: Asker, known: Member, hooks: Sequence[Hook]) -> Settled:
    """Somebody who is a member already is welcomed in the same words; mail reaches them again."""
    asking.write(tx, context, asker, Words("join-welcome"))
    members.verify(tx, asker.address, context.now)
    if known.state == "active":
        return Settled("sorted", f"{asker.address} is a member already")
    member = members.change(tx, context, known, {"state": "active"}, asker.address)
    for hook in hooks:
        hook(tx, context, member)
    return Settled("sorted", f"{asker.address} has joined")


def turn_away(tx: Connection, context: Context, asker: Asker, why: str) -> Settled:
    """Tell somebody whose address has answered that they cannot join: closed or invitation."""
    asking.write(tx, context, asker, Words("join-turned-away", why=why))
    return Settled("sorted", f"{asker.address} cannot join: {why}")


# --------------------------------------------------------------------------------------------------------- approval


def _let_wait(tx: Connection, context: Context, asker: Asker) -> Settled:
    """Write the request down, tell the asker that it waits, and ask each convener."""
    asking.write(tx, context, asker, Words("join-waiting"))
    request = join_requests.add(tx, context, asker)
    if request is None:
        return Settled("sorted", f"{asker.address} waits for the conveners already")
    if join_requests.asked_since(tx, asker.group_id, context.now - _A_DAY) > MOST_A_DAY:
        return Settled("sorted", f"{asker.address} waits; the conveners got {MOST_A_DAY} such mails today already")
    for addressee in asking.deciders(tx, context, asker.group_id):
        _ask_convener(tx, context, (request, asker.group), addressee)
    return Settled("sorted", f"{asker.address} waits for the conveners")


def _ask_convener(tx: Connection, context: Context, asked: tuple[JoinRequest, str], addressee: Addressee) -> None:
    request, group = asked
    charter = context.charters[group]
    facts = {"group": str(request.group_id), "request": request.id, "address": addressee.address}
    sender = f"{group}-confirm+{tokens.make(tx, context, PURPOSE, facts, LIFETIME)}"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"request to join of {request.address}",
            template="join-asked",
            facts={
                "acronym": charter.acronym,
                "address": request.address,
                "name": request.name,
                "asked": in_words(request.asked_at, charter),
                "until": in_words(context.now + LIFETIME, charter),
                "request_address": charter.address(context.settings.service.domain, "request"),
            },
            group=(request.group_id, group),
            recipients=(addressee,),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{context.settings.service.domain}",
            expires_at=context.now + LIFETIME,
            language=charter.language,
        ),
    )


def _take_answer(hooks: Sequence[Hook], tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """Decide as the answer to the mail says."""
    actor = str(token.facts["address"])
    member = members.find_member(tx, errand.group_id or 0, actor)
    allowed = member is not None and member.state != "left" and roles.may(member.role, DECIDE)
    request = join_requests.get(tx, int(token.facts["request"]))
    if request is None or token.expired or not (allowed or actor == context.settings.service.operator):
        return Settled("discarded", f"{actor} may not decide this, or no longer")
    state, note = _said(errand)
    if not state:
        return _answer_back(tx, context, (errand, request), Addressee(actor, member.id if member else None), "")
    try:
        with tx.begin_nested():
            decide(tx, context, request, (state, actor, note), hooks)
    except Refused as error:
        whom = Addressee(actor, member.id if member else None)
        return _answer_back(tx, context, (errand, request), whom, error.public)
    return Settled("sorted", f"{request.address} was {state}")


def _said(errand: Errand) -> tuple[str, str]:
    """What an answer decides, "" where it says neither, and the words behind it."""
    lines = own_words.own_lines(errand.message.text)
    first = own_words.first(lines)
    found = _FIRST_WORD.fullmatch(lines[first].strip()) if first is not None else None
    return (_WORDS.get(found[1].lower(), ""), found[2].strip()[:_NOTE]) if found else ("", "")


def decide(
    tx: Connection, context: Context, request: JoinRequest, said: tuple[str, str, str], hooks: Sequence[Hook]
) -> None:
    """
    Approve or reject, tell the asker and the conveners; `said`: "approved" or "rejected", who, and words for the asker.

    Raises Conflict naming who was first.
    """
    state, actor, note = said
    join_requests.decide(tx, context, request, state, actor)
    group = records.name_of(tx, request.group_id)
    asker = Asker("join", request.group_id, group, request.address, request.name, language=request.language)
    known = members.find_member(tx, request.group_id, request.address)
    if state == "rejected":
        asking.write(tx, context, asker, Words("join-turned-away", note=note, why="rejected"))
    elif known is None or known.state == "left":
        enter(tx, context, asker, hooks, actor)
    decider = members.find_member(tx, request.group_id, actor)
    facts = {"actor": (decider.name if decider else "") or actor, "state": state, "note": note}
    asking.tell_conveners(tx, context, asker, "join-decided", facts)


def _answer_back(
    tx: Connection, context: Context, about: tuple[Errand, JoinRequest], to: Addressee, problem: str
) -> Settled:
    """Say to one convener why nothing was done; no problem: the answer was not understood, which is said once."""
    errand, request = about
    if not problem and not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "not understood again, and answered before")
    charter = context.charters[errand.group]
    sender = f"{errand.group}-owner" if problem else f"{errand.group}-confirm+{errand.detail}"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"answer about {request.address}",
            template="join-undecided",
            facts={"acronym": charter.acronym, "address": request.address, "problem": problem},
            group=(request.group_id, errand.group),
            recipients=(to,),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to="" if problem else f"{sender}@{context.settings.service.domain}",
            in_reply_to=errand.message.message_id,
            language=charter.language,
        ),
    )
    return Settled("sorted", problem or "not understood, and told so once")
