"""
Use cases: leaving a group, and taking that back (ANSWERS).

A membership ends when its member has proved to want it: by a confirmed mail, by one click (RFC 8058), or on their own
page. One mail then says so to the address that the group's mail went to, since a link travels with every copy that is
forwarded: for 72 hours a yes to it, or the button behind its link, takes the leaving back, once, and the member is
there again with role and settings. What has changed since wins: a ban, another owner of the address, a new membership.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import asking, members, records, senders, suspensions, tokens
from cgbot.groups.asking import LIFETIME, Answer, Asker, Hook, Reply, Words
from cgbot.groups.members import Member
from cgbot.groups.tokens import Token

UNDO: Final = "undo-leave"


def answers(on_join: Sequence[Hook]) -> Mapping[str, Answer]:
    """What an answer to the mail about a leaving means."""
    return MappingProxyType({UNDO: partial(_take_answer, tuple(on_join))})


def leave(
    tx: Connection, context: Context, gone: Sequence[Member], hooks: Sequence[Hook], in_reply_to: str = ""
) -> None:
    """End these memberships of one person; the mail about it is of the last one's group."""
    kept = [[one.id, _state_after(tx, one)] for one in gone]
    for one in gone:
        members.remove(tx, context, one.group_id, one.address, one.address)
        for hook in hooks:
            hook(tx, context, one)
    told = gone[-1]
    group = records.name_of(tx, told.group_id)
    asker = Asker("leave", told.group_id, group, told.address, told.name, in_reply_to)
    facts = {**asking.facts_of(asker), "members": kept}
    tell(tx, context, asker, tokens.make(tx, context, UNDO, facts, LIFETIME))


def tell(tx: Connection, context: Context, asker: Asker, token: str = "") -> None:
    """Say that an address is no longer a member, and with a token how that is taken back."""
    undo = f"{context.settings.service.public_url.rstrip('/')}/rejoin/{token}" if token else ""
    asking.write(tx, context, asker, Words("left-done", Reply(token) if token else None, also={"undo": undo}))


def _state_after(tx: Connection, member: Member) -> str:
    """In which state somebody comes back: who reads the mail about it gets mail, unless a convener has stopped it."""
    found = suspensions.open_of(tx, member.id) if member.state == "suspended" else None
    return "suspended" if found and found.cause == "operator" else "active"


# -------------------------------------------------------------------------------------------------- taking it back


def asked_for(tx: Connection, context: Context, token: str) -> Member | None:
    """Whose leaving a link would take back; None for one that is used, over, or was never made. Reads only."""
    found = _open(tokens.look(tx, token, context.now))
    coming = _coming(tx, context, found) if found else ()
    return coming[-1][0] if coming else None


def undo(tx: Connection, context: Context, token: str, hooks: Sequence[Hook], in_reply_to: str = "") -> Member | None:
    """Take a leaving back and say so; None where `asked_for` gives None."""
    found = _open(tokens.look(tx, token, context.now))
    coming = _coming(tx, context, found) if found else ()
    if not coming or not tokens.use(tx, token, context.now):
        return None
    for member, state in coming:
        after = members.restore(tx, context, member, state)
        for hook in hooks if state == "active" else ():
            hook(tx, context, after)
    back = coming[-1][0]
    members.verify(tx, back.address, context.now)
    group = records.name_of(tx, back.group_id)
    asker = Asker("join", back.group_id, group, back.address, back.name, in_reply_to)
    asking.write(tx, context, asker, Words("left-undone"))
    return members.get_member(tx, back.id)


def _open(token: Token | None) -> Token | None:
    return token if token and token.purpose == UNDO and not (token.used or token.expired) else None


def _coming(tx: Connection, context: Context, token: Token) -> Sequence[tuple[Member, str]]:
    """Who comes back, in which state; nobody whose group has ended with its charter, or who is there again."""
    found = [(members.get_member(tx, int(one)), str(state)) for one, state in token.facts["members"]]
    return [(one, state) for one, state in found if one and _may_return(tx, context, one)]


def _may_return(tx: Connection, context: Context, member: Member) -> bool:
    owner = members.find_member(tx, member.group_id, member.address)
    is_theirs = owner is not None and owner.id == member.id and owner.state == "left"
    banned = senders.verdict(tx, member.group_id, member.address) == "ban"
    return is_theirs and not banned and records.name_of(tx, member.group_id) in context.charters


def _take_answer(on_join: Sequence[Hook], tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """A yes to the mail; one that comes too late is told how to join."""
    back = undo(tx, context, errand.detail, on_join, errand.message.message_id)
    if back is not None:
        return Settled("sorted", f"{back.address} is back")
    if token.used or not token.expired:
        return Settled("discarded", "taken back already, or no longer possible")
    tell(tx, context, asking.asker_of(errand, token))
    return Settled("sorted", "too late to take the leaving back: told how to join")
