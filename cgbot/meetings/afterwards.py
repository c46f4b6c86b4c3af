"""
Was it held? The question to the conveners on the morning after a meeting (use cases; KINDS, `answers`).

Nothing is assumed of a meeting whose time is over: each convener is asked once, and answers "held" with who was there,
one person a line, or "not held". "held" is an order like the command (meetings.orders): it can be undone, the first one
wins and the others are told. Lines that look like more than a list of people are shown for a yes first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import partial
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import ordering, orders, request_form, roles, tokens
from cgbot.groups import records as groups
from cgbot.groups.charter import Charter
from cgbot.groups.commands import Actor, Request
from cgbot.groups.moments import in_words
from cgbot.groups.orders import Commands
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.mail.address import is_valid
from cgbot.meetings import attendance, records, wording
from cgbot.meetings.records import Meeting
from cgbot.notices.kinds import Kind, Occurrence, at_wall_time, within
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import people
from cgbot.store.db import Tx

NAME: Final = "meeting-held"
LIFETIME: Final = timedelta(days=30)
_MORNING: Final = time(9, 0)
_STILL_ASKED: Final = timedelta(days=14)
_DAY: Final = timedelta(days=1)
_HELD: Final = frozenset({"held", "yes"})
_NOT_HELD: Final = frozenset({"not", "no"})
_FIRST: Final = re.compile(r"\W*[a-z]+[\s:.,;!-]*", re.IGNORECASE)
_PRESENT: Final = re.compile(r"\s*present\s*:\s*", re.IGNORECASE)


def plan(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    """The question about every meeting of a group that is over and of which nobody has said what became of it."""
    found: list[Occurrence] = []
    for meeting in records.of_group(tx, since=context.now - _STILL_ASKED - _DAY):
        charter = context.charters.get(groups.name_of(tx, meeting.group_id))
        if charter is None or meeting.kind != "group" or meeting.state not in {"tentative", "confirmed"}:
            continue
        due = _morning_after(meeting, charter)
        if due <= until:
            about = f"meeting {meeting.id}, ended {meeting.ends_at:%Y-%m-%d %H:%M}"
            summary = f"Was it held? {meeting.title}, {wording.short(meeting, charter)}"
            found.append(Occurrence(NAME, about, meeting.group_id, due, "conveners", summary, {"meeting": meeting.id}))
    return found


def _morning_after(meeting: Meeting, charter: Charter) -> datetime:
    ends = meeting.ends_at.astimezone(ZoneInfo(charter.zone)).date()
    # The end of whole days is exclusive: it is the morning after already.
    return at_wall_time(ends if meeting.whole_days else ends + _DAY, _MORNING, charter.zone)


def send(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    """Ask each convener, with an address for the answer."""
    meeting = records.get(tx, int(str(occurrence.facts["meeting"])))
    for one in people.responsible(tx, context, meeting.group_id):
        facts = {"group": str(meeting.group_id), "address": one.address, "meeting": meeting.id}
        _ask(tx, context, meeting, one, tokens.make(tx, context, NAME, facts, LIFETIME))


def _ask(tx: Tx, context: Context, meeting: Meeting, whom: Addressee, token: str) -> None:
    charter = context.charters[groups.name_of(tx, meeting.group_id)]
    invited = records.invited(tx, meeting.id)
    service = context.settings.service
    facts = {
        "acronym": charter.acronym,
        "number": meeting.id,
        "title": meeting.title,
        "when": wording.when(meeting, charter),
        "when_short": wording.short(meeting, charter),
        "said_yes": [one.name or one.address for one in invited if one.partstat == "ACCEPTED"],
        "invited": len(invited),
        "request_address": charter.address(service.domain, "request"),
        "minutes": context.settings.notices.undo_minutes,
        "until": in_words(context.now + LIFETIME, charter),
    }
    _write(tx, context, (meeting.group_id, charter), whom, ("meeting-held-asked", facts, token))


def _write(
    tx: Tx,
    context: Context,
    group: tuple[int, Charter],
    whom: Addressee,
    what: tuple[str, Mapping[str, object], str],
) -> None:
    group_id, charter = group
    template, facts, token = what
    sender = f"{charter.name}-confirm+{token}" if token else f"{charter.name}-owner"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about="was a meeting held",
            template=template,
            facts=facts,
            group=(group_id, charter.name),
            recipients=(whom,),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{context.settings.service.domain}" if token else "",
            language=charter.language,
        ),
    )


# ------------------------------------------------------------------------------------------------------- the answer


def answers(commands: Commands) -> Mapping[str, Answer]:
    """What an answer to NAME-confirm+TOKEN@ means, by the purpose of its token."""
    return MappingProxyType({NAME: partial(take_answer, commands)})


def take_answer(commands: Commands, tx: Tx, context: Context, errand: Errand, token: Token) -> Settled:
    """Order that the meeting is noted as held, or leave it as it is; say so."""
    actor = orders.actor_of(tx, int(token.facts["group"]), str(token.facts["address"]))
    if token.expired or not actor.role or not roles.may(actor.role, "call meetings"):
        return Settled("discarded", f"{actor.address} may not say this, or the question has run out")
    meeting = records.get(tx, int(token.facts["meeting"]))
    word = request_form.first_word(errand.message.text)
    if word not in _HELD:
        if not tokens.use(tx, errand.detail, context.now):
            return Settled("discarded", "answered before")
        return _say(tx, context, errand, actor, _left_as_it_is(context, errand, meeting, word))
    present = said_present(errand.message.text)
    if meeting.state == "held" and not present:
        return _say(tx, context, errand, actor, f"Meeting {meeting.id}, {meeting.title}, is noted as held already.")
    request = Request(meeting.group_id, errand.group, actor, (str(meeting.id),), {"present": present}, errand)
    if all(_is_a_person(line) for line in present.splitlines()):
        return ordering.order_at_once(commands, tx, context, "held", request)
    return ordering.ask(tx, context, commands["held"], request)


def said_present(text: str) -> str:
    """The lines behind the word with which an answer begins, up to a signature or what is quoted."""
    own = [line.strip() for line in request_form.own_lines(text)]
    own = own[next((place for place, line in enumerate(own) if line), 0) :]
    lines = [_FIRST.sub("", own[0], count=1), *own[1:]] if own else []
    return "\n".join(filter(None, (_PRESENT.sub("", line) for line in lines)))


def _is_a_person(line: str) -> bool:
    """Say whether a line can only be meant as somebody who was there."""
    return "," in line or is_valid(line.strip("<>")) or line.lower() == attendance.EVERYBODY


def _left_as_it_is(context: Context, errand: Errand, meeting: Meeting, word: str) -> str:
    address = context.charters[errand.group].address(context.settings.service.domain, "request")
    if word in _NOT_HELD:
        return (
            f"Meeting {meeting.id}, {meeting.title}, is not noted as held; you are not asked again. To take it out of "
            f'the calendars, send "cancel {meeting.id}" to {address}.'
        )
    return (
        f'Nothing was done: the first word must be held or not. To say it later, send "held {meeting.id}" to {address}.'
    )


def _say(tx: Tx, context: Context, errand: Errand, whom: Actor, text: str) -> Settled:
    charter = context.charters[errand.group]
    facts = {"acronym": charter.acronym, "title": "Was it held?", "text": text}
    addressee = Addressee(whom.address, whom.member_id, whom.name)
    _write(tx, context, (errand.group_id or 0, charter), addressee, ("listing", facts, ""))
    return Settled("sorted", text)


KINDS: Final[Sequence[Kind]] = (
    Kind(NAME, audience="conveners", announced=False, plan=plan, send=send, late=within(_STILL_ASKED)),
)
