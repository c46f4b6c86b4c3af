"""
A time that somebody who is invited proposes instead (use cases; `answers`): RFC 5546 sections 3.2.7 and 3.2.8.

Nothing changes by itself: each convener is shown what was proposed, and answers "accept", which orders the move with
the usual time to undo it, or "decline", which sends DECLINECOUNTER to the one who asked. The first answer wins and the
others are told. A time that is over, that is the moment of sending, or the meeting's own, is no proposal: some
calendars put it into every answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import consent, members, ordering, orders, request_form, roles, tokens
from cgbot.groups import records as groups
from cgbot.groups.commands import Actor, Request
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.groups.orders import Commands
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.ical import incoming
from cgbot.mail.headers import clean_text
from cgbot.meetings import invitations, records, wording
from cgbot.meetings.records import Meeting
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import people
from cgbot.store.db import Tx

PURPOSE: Final = "meeting-counter"
_ACCEPT: Final = frozenset({"accept", "accepted", "yes", "ok", "move"})
_DECLINE: Final = frozenset({"decline", "declined", "no", "keep", "reject"})
_LONGEST: Final = timedelta(days=60)
_NOW: Final = timedelta(minutes=15)  # a time so near to the moment of sending is what a program put in
_A_DAY: Final = timedelta(days=1)
_MOST_A_DAY: Final = 3  # proposals of one member that the conveners are told of
_WORDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Time:
    """A proposed time as `wording` shows it."""

    zone: str
    starts_at: datetime
    ends_at: datetime
    whole_days: bool = False


@dataclass(frozen=True, slots=True)
class Counter:
    """Who proposes something for which meeting, whether that is proven, and the number of the reply."""

    meeting: Meeting
    member: Member
    proven: bool
    comment: str
    reply_id: int


def proposed(errand: Errand, meeting: Meeting) -> Time | None:
    """The time that a COUNTER proposes for this meeting; None where it proposes none that can be meant."""
    for content in errand.message.calendars:
        offered = incoming.read(content)
        if offered is None or offered.uid != meeting.uid or offered.method != "COUNTER" or meeting.whole_days:
            continue
        if offered.starts_at is None or not isinstance(offered.end, datetime):
            return None
        end = offered.end.replace(tzinfo=ZoneInfo(offered.zone))
        return _meant(errand, meeting, Time(meeting.zone, offered.starts_at, end.astimezone(offered.starts_at.tzinfo)))
    return None


def _meant(errand: Errand, meeting: Meeting, time: Time) -> Time | None:
    length = time.ends_at - time.starts_at
    if (time.starts_at, time.ends_at) == (meeting.starts_at, meeting.ends_at) or not timedelta() < length <= _LONGEST:
        return None
    return time if time.starts_at > errand.received_at + _NOW else None


def tell(tx: Tx, context: Context, errand: Errand, counter: Counter) -> None:
    """Show a proposal to each convener, with an address for the answer; a newer one takes the place of an older."""
    meeting, member, time = counter.meeting, counter.member, proposed(errand, counter.meeting)
    records.replace_proposals(tx, meeting.id, member.id, counter.reply_id)
    told = people.responsible(tx, context, meeting.group_id)
    key = f"{meeting.id} {member.id}"
    limit = _MOST_A_DAY * max(1, len(told))
    if time is None or tokens.made_since(tx, PURPOSE, ("key", key), context.now - _A_DAY) >= limit:
        return
    facts = {
        "key": key, "group": str(meeting.group_id), "meeting": meeting.id, "sequence": meeting.sequence,
        "reply": counter.reply_id, "member": member.id, "start": time.starts_at.isoformat(),
        "end": time.ends_at.isoformat(),
    }  # fmt: skip
    for one in told:
        lifetime = meeting.starts_at - context.now
        token = tokens.make(tx, context, PURPOSE, {**facts, "address": one.address}, lifetime)
        _show(tx, context, (counter, time), one, token)


def _show(tx: Tx, context: Context, what: tuple[Counter, Time], whom: Addressee, token: str) -> None:
    counter, time = what
    meeting, member = counter.meeting, counter.member
    charter = context.charters[groups.name_of(tx, meeting.group_id)]
    sender = f"{charter.name}-confirm+{token}"
    facts = {
        "acronym": charter.acronym,
        "title": meeting.title,
        "name": member.name or member.address,
        "address": member.address,
        "proven": counter.proven,
        "comment": counter.comment[:_WORDS],
        "when": wording.when(meeting, charter),
        "proposed": wording.when(time, charter),
        "minutes": context.settings.notices.undo_minutes,
        "until": in_words(meeting.starts_at, charter),
    }
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"proposal for meeting {meeting.id}",
            template="meeting-proposed",
            facts=facts,
            group=(meeting.group_id, charter.name),
            recipients=(whom,),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{context.settings.service.domain}",
            expires_at=meeting.starts_at,
            language=charter.language,
        ),
    )


# ------------------------------------------------------------------------------------------------------- the answer


def answers(commands: Commands) -> Mapping[str, Answer]:
    """What an answer to NAME-confirm+TOKEN@ means, by the purpose of its token."""
    return MappingProxyType({PURPOSE: partial(take_answer, commands)})


def take_answer(commands: Commands, tx: Tx, context: Context, errand: Errand, token: Token) -> Settled:
    """Order the move, or decline; say what became of it already."""
    actor = orders.actor_of(tx, int(token.facts["group"]), str(token.facts["address"]))
    if not actor.role or not roles.may(actor.role, "call meetings"):
        return Settled("discarded", f"{actor.address} may not decide this, or no longer")
    word, rest = _said(errand)
    if word not in _ACCEPT | _DECLINE or (word in _ACCEPT and consent.is_doubtful(errand.message.text)):
        if not tokens.use(tx, errand.detail, context.now):
            return Settled("discarded", "not understood again, or too late")
        return _say(tx, context, errand, actor, "Nothing was done: the first word must be accept or decline.")
    meeting = records.get(tx, int(token.facts["meeting"]))
    if gone := _gone(context, meeting, token):
        return _say(tx, context, errand, actor, f"Nothing was done: {gone}.")
    verb = "accepted" if word in _ACCEPT else "declined"
    before = records.settle_proposal(tx, int(token.facts["reply"]), f"{verb} by {actor.name or actor.address}")
    if before:
        return _say(tx, context, errand, actor, f"Nothing was done: the proposal was {before}.")
    if word in _ACCEPT:
        return _move(commands, tx, context, errand, (actor, meeting, token))
    return _decline(tx, context, errand, (actor, meeting, token), rest)


def _said(errand: Errand) -> tuple[str, str]:
    """The first word of the writer's own lines, and what they wrote behind it."""
    text = errand.message.text
    word = request_form.first_word(text)
    own = " ".join(" ".join(request_form.own_lines(text)).split())
    return word, clean_text(own[own.lower().find(word) + len(word) :].strip(" .,:;-"), _WORDS) if word else ""


def _gone(context: Context, meeting: Meeting, token: Token) -> str:
    if meeting.state not in {"tentative", "confirmed"} or meeting.starts_at <= context.now:
        return f"meeting {meeting.id} is {meeting.state if meeting.starts_at > context.now else 'over'}"
    if meeting.sequence != token.facts["sequence"]:
        return f"meeting {meeting.id} has been changed since it was proposed"
    return ""


def _move(commands: Commands, tx: Tx, context: Context, errand: Errand, what: tuple[Actor, Meeting, Token]) -> Settled:
    actor, meeting, token = what
    place = ZoneInfo(meeting.zone)
    start, end = (
        datetime.fromisoformat(str(token.facts[name])).astimezone(place).isoformat(timespec="minutes")
        for name in ("start", "end")
    )
    fields = {"start": start, "end": end, "zone": meeting.zone}
    request = Request(meeting.group_id, errand.group, actor, (str(meeting.id),), fields, errand)
    return ordering.order_at_once(commands, tx, context, "move", request)


def _decline(tx: Tx, context: Context, errand: Errand, what: tuple[Actor, Meeting, Token], words: str) -> Settled:
    actor, meeting, token = what
    member = members.get_member(tx, int(token.facts["member"]))
    if member is not None and member.state == "active":
        invitations.keep_time(tx, context, meeting, member, words)
    name = member.name or member.address if member else "the member"
    what_was = f"The time that {name} proposed for meeting {meeting.id}, {meeting.title}, is declined"
    for one in members.conveners(tx, meeting.group_id):
        if one.id != actor.member_id:
            other = Actor(one.address, one.id, one.name, one.role)
            _say(tx, context, errand, other, f"{what_was} by {actor.name or actor.address}.")
    return _say(tx, context, errand, actor, f"{what_was}; {name} is told.")


def _say(tx: Tx, context: Context, errand: Errand, whom: Actor, text: str) -> Settled:
    charter = context.charters[errand.group]
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about="a proposed time",
            template="listing",
            facts={"acronym": charter.acronym, "title": "The proposed time", "text": text},
            group=(errand.group_id or 0, errand.group),
            recipients=(Addressee(whom.address, whom.member_id, whom.name),),
            sender_local=f"{errand.group}-owner",
            sender_name=charter.acronym,
            in_reply_to=errand.message.message_id,
            language=charter.language,
        ),
    )
    return Settled("sorted", text)
