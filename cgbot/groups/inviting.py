"""
Use cases: conveners invite people to join, and keep track of them (ANSWERS, KINDS).

Each gets one mail, of whose words none are the convener's; answering it makes them a member, "no" declines. Who has not
answered is reminded once after a week, and the invitation expires after three. What an invited person posts before that
is a stranger's post.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import CgbotError, Conflict, Malformed
from cgbot.groups import (
    admission,
    asking,
    consent,
    invites,
    members,
    records,
    request_form,
    senders,
    subscriptions,
    tokens,
)
from cgbot.groups.asking import Answer, Asker, Hook, Reply, Words
from cgbot.groups.invites import Invite
from cgbot.groups.members import NewMember
from cgbot.groups.tokens import Token
from cgbot.mail.address import fold
from cgbot.notices.kinds import Kind, Late, Occurrence

PURPOSE: Final = "invite"
REMINDER: Final = "invite-reminder"
MOST: Final = 50  # addresses of one order
_MOST_A_DAY: Final = 300  # of one group
_A_DAY: Final = timedelta(hours=24)
_NO: Final = frozenset({"no", "non", "decline", "declined", "refuse", "stop", "unsubscribe", "nein"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom an invitation would reach, and who is left out for which reason."""

    invited: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def check(tx: Connection, context: Context, group_id: int, addresses: Sequence[str]) -> Wanted:
    """Sort the addresses. Raises Malformed for too many or none, Conflict where the group has invited enough today."""
    first: dict[str, str] = {}
    for one in addresses:
        first.setdefault(fold(one), one.strip())
    unique = tuple(first.values())
    if not 0 < len(unique) <= MOST:
        raise Malformed(f"addresses: 1 to {MOST} at a time, not {len(unique)}")
    if invites.sent_since(tx, group_id, context.now - _A_DAY) + len(unique) > _MOST_A_DAY:
        raise Conflict(f"a group invites at most {_MOST_A_DAY} people within a day")
    reasons = {one: _obstacle(tx, context, group_id, one) for one in unique}
    return Wanted(
        tuple(one for one, reason in reasons.items() if not reason),
        tuple((one, reason) for one, reason in reasons.items() if reason),
    )


def _obstacle(tx: Connection, context: Context, group_id: int, address: str) -> str:
    """Why this address is not invited, "" where it is."""
    try:
        members.checked(tx, context, NewMember(address))
    except CgbotError as error:
        return error.public
    known = members.find_member(tx, group_id, address)
    if known and known.state != "left":
        return "is a member already"
    if senders.verdict(tx, group_id, address) == "ban":
        return "is banned"
    before = invites.find(tx, group_id, address)
    if before is not None and invites.is_open(before, context.now):
        return "is invited already"
    return "has declined" if before is not None and before.state == "declined" else ""


def invite(tx: Connection, context: Context, group_id: int, addresses: Sequence[str], actor: str) -> Wanted:
    """Write to those who can be invited; what `check` raises."""
    wanted = check(tx, context, group_id, addresses)
    for address in wanted.invited:
        _write(tx, context, invites.put(tx, context, group_id, address, actor), invites.LIFETIME, reminds=False)
    return wanted


def _write(tx: Connection, context: Context, one: Invite, lifetime: timedelta, *, reminds: bool) -> None:
    group = records.name_of(tx, one.group_id)
    asker = Asker(PURPOSE, one.group_id, group, one.address, one.name)
    token = tokens.make(tx, context, PURPOSE, {**asking.facts_of(asker), "invite": one.id}, lifetime)
    inviter = members.find_member(tx, one.group_id, one.invited_by)
    also = {"inviter": (inviter.name or inviter.address) if inviter else "", "reminds": reminds}
    asking.write(tx, context, asker, Words("join-invitation", Reply(token, lifetime), also=also))


# ----------------------------------------------------------------------------------------------------------- answers


def answers(hooks: Sequence[Hook]) -> Mapping[str, Answer]:
    """What an answer to an invitation means, by the purpose of its token."""
    return MappingProxyType({PURPOSE: partial(_take_answer, hooks)})


def _take_answer(hooks: Sequence[Hook], tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """Join, or decline; an invitation that was answered or has expired does nothing."""
    one = invites.get(tx, int(token.facts["invite"]))
    if not invites.is_open(one, context.now) or one is None or token.expired:
        return Settled("discarded", "the invitation was answered before, or has expired")
    text = errand.message.text
    if consent.is_no(text) or request_form.first_word(text) in _NO:
        invites.answer(tx, context, one, "declined")
        return Settled("sorted", f"{one.address} has declined")
    if not consent.is_yes(text) and not consent.is_blank(text):
        return subscriptions.ask_again(tx, context, errand, token)
    authors = errand.message.authors
    is_theirs = len(authors) == 1 and fold(authors[0].address) == fold(one.address)
    name = asking.display_name(authors[0].name) if is_theirs else ""
    asker = Asker("join", one.group_id, errand.group, one.address, name, errand.message.message_id)
    return admission.admit(tx, context, asker, hooks)


# --------------------------------------------------------------------------------------------------------- the clock


def _plan(tx: Connection, context: Context, until: datetime) -> list[Occurrence]:
    waiting = invites.unreminded(tx, until, context.now)
    names = {one.id: one.name for one in records.list_groups(tx) if one.closed_at is None} if waiting else {}
    return [
        Occurrence(
            kind=REMINDER,
            about=f"invite {one.id} of {one.invited_at:%Y-%m-%dT%H:%M:%S}",
            group_id=one.group_id,
            due_at=one.invited_at + invites.REMIND_AFTER,
            audience=one.address,
            summary=f"Reminder: the invitation of {one.address}",
            facts={"invite": one.id},
        )
        for one in waiting
        if names.get(one.group_id) in context.charters
    ]


def _send(tx: Connection, context: Context, occurrence: Occurrence) -> None:
    one = invites.get(tx, int(str(occurrence.facts["invite"])))
    if one is None or not invites.is_open(one, context.now):
        return
    _write(tx, context, one, one.invited_at + invites.LIFETIME - context.now, reminds=True)
    invites.remind(tx, context, one.id)


KINDS: Final[Sequence[Kind]] = (
    Kind(REMINDER, "who was invited", announced=False, plan=_plan, send=_send, late=Late(None)),
)


def state_of(one: Invite, now: datetime) -> str:
    """The state as it is now: who has not answered for three weeks does not any more."""
    return "expired" if one.state == "sent" and not invites.is_open(one, now) else one.state


def counted(found: Collection[Invite], now: datetime) -> str:
    """How many invitations are in which state, in words."""
    states = [state_of(one, now) for one in found]
    words = [
        f"{states.count(state)} {state}" for state in ("accepted", "sent", "declined", "expired") if state in states
    ]
    return ", ".join(words) or "nobody was invited"
