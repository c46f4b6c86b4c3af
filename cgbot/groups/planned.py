"""
Use cases: what the clock will send to the list, shown to the conveners first, and stopped by them.

One daily mail lists what is due until a day after the next daily mail, so that everything is seen at least a day
before. What is planned later than that, and due before the next daily mail, is shown at once in a mail of its own.
Each convener's mail has its own reply address; answering "stop 12" stops notice 12, as `cgbot notices stop 12` does.
`kind` is that mail as a kind of notice, built over the kinds that it must show: hand it to the ledger after them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import NotAllowed, Refused
from cgbot.groups import audit, members, own_words, records, tokens
from cgbot.groups.audit import Entry
from cgbot.groups.charter import Charter
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.groups.records import Group
from cgbot.groups.roles import may
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.notices import ledger
from cgbot.notices.kinds import Kind, Late, Occurrence, at_wall_time
from cgbot.notices.ledger import Notice
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.store.tables import notices

NAME: Final = "planned-notices"
_DAY: Final = timedelta(days=1)
_STOP: Final = re.compile(r"\W*stop\b((?:[\s,;#]*(?:and\s+)?\d{1,9})+)\W*", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d{1,9}")
_MOST_STOPS: Final = 50


def kind(kinds: Sequence[Kind]) -> Kind:
    """The daily mail as a kind, over the kinds that are announced."""
    shown = tuple(one for one in kinds if one.announced)
    return Kind(
        NAME, "conveners", announced=False, plan=partial(_plan, shown), send=partial(_send, shown), late=Late(None)
    )


def stop_notice(tx: Connection, context: Context, actor: str, notice_id: int) -> Notice:
    """Stop a notice. Raises NotFound, and Conflict when it has gone out or been stopped already."""
    notice = ledger.stop(tx, notice_id, f"stopped by {actor}", context.now)
    entry = Entry(actor, "notice stopped", f"notice {notice_id}", {"summary": notice.occurrence.summary})
    audit.record(tx, context.now, notice.occurrence.group_id, entry)
    return notice


# ------------------------------------------------------------------------------------------------ what is shown


def _plan(kinds: Sequence[Kind], tx: Connection, context: Context, until: datetime) -> list[Occurrence]:
    groups = [one for one in records.list_groups(tx) if not one.closed_at and one.name in context.charters]
    found: list[Occurrence] = []
    for group in groups if kinds else ():
        ahead = _unseen(tx, context, kinds, group, until + ledger.HORIZON)
        days = Counter(_shown_on(context, one.occurrence.due_at) for one in ahead)
        found.extend(_daily(context, group, day, days[day]) for day in sorted(days) if _time_of(context, day) <= until)
        found.extend(_at_once(tx, context, group, ahead))
    return found


def _newest(context: Context) -> date:
    """The day of the newest daily mail whose time has come."""
    today = context.now.astimezone(ZoneInfo(context.settings.notices.zone)).date()
    return today if _time_of(context, today) <= context.now else today - _DAY


def _shown_on(context: Context, due_at: datetime) -> date:
    """The day of the daily mail that shows what is due then: the last one that is at least a day before."""
    day = due_at.astimezone(ZoneInfo(context.settings.notices.zone)).date() - 3 * _DAY
    while _end(context, day) < due_at:
        day += _DAY
    return max(day, _newest(context))


def _time_of(context: Context, day: date) -> datetime:
    return at_wall_time(day, context.settings.notices.daily_at, context.settings.notices.zone)


def _end(context: Context, day: date) -> datetime:
    """Until when what the daily mail of this day shows is due: a day after the next one."""
    return _time_of(context, day + _DAY) + _DAY


def _unseen(tx: Connection, context: Context, kinds: Sequence[Kind], group: Group, until: datetime) -> list[Notice]:
    """What has not been shown yet and is due by then."""
    planned = ledger.preview(tx, context, kinds, until)
    return [one for one in planned if one.occurrence.group_id == group.id and one.state == "planned"]


def _daily(context: Context, group: Group, day: date, count: int) -> Occurrence:
    return Occurrence(
        kind=NAME,
        about=f"day {day}",
        group_id=group.id,
        due_at=_time_of(context, day),
        audience="conveners",
        summary=f"The conveners are shown {count} planned mail{'s' if count != 1 else ''} to the list",
    )


def _at_once(tx: Connection, context: Context, group: Group, ahead: Sequence[Notice]) -> list[Occurrence]:
    """A mail of its own for what came after today's mail and is due before the next."""
    today = _newest(context)
    mine = (notices.c.group_id == group.id) & (notices.c.kind == NAME) & (notices.c.about == f"day {today}")
    urgent = [one.occurrence for one in ahead if one.occurrence.due_at <= _time_of(context, today + _DAY)]
    if not urgent or not ledger.find(tx, mine & (notices.c.state == "queued")):
        return []
    return [
        Occurrence(
            kind=NAME,
            about=f"before {urgent[0].kind} {urgent[0].about}",
            group_id=group.id,
            due_at=context.now,
            audience="conveners",
            summary="The conveners are shown what was planned at short notice",
        )
    ]


# ------------------------------------------------------------------------------------------------- the daily mail


def _send(kinds: Sequence[Kind], tx: Connection, context: Context, occurrence: Occurrence) -> None:
    """Show the conveners what is planned; the operator where there is no convener, nobody where there is neither."""
    group = next(one for one in records.list_groups(tx) if one.id == occurrence.group_id)
    end = _end(context, _newest(context))
    planned = [one for one in _unseen(tx, context, kinds, group, end) if one.id]
    if not planned:
        return
    ledger.announce(tx, [one.id for one in planned], context.now)
    told = [Addressee(one.address, one.id, one.name) for one in members.conveners(tx, group.id)]
    if not told and context.settings.service.operator:
        told = [Addressee(context.settings.service.operator, None, "")]
    for addressee in told:
        _write(tx, context, occurrence, planned, addressee)


def _write(
    tx: Connection, context: Context, occurrence: Occurrence, planned: Sequence[Notice], addressee: Addressee
) -> None:
    charter = _charter(tx, context, occurrence.group_id)
    last = max(one.occurrence.due_at for one in planned)
    lifetime = max(last - context.now, timedelta()) + 2 * _DAY
    facts = {"group": str(occurrence.group_id), "address": addressee.address}
    token = tokens.make(tx, context, NAME, facts, lifetime)
    sender = f"{charter.name}-confirm+{token}"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"planned notices, {occurrence.about}",
            template="planned-notices",
            facts={"acronym": charter.acronym, "notices": [_line(one, charter) for one in planned]},
            group=(occurrence.group_id, charter.name),
            recipients=(addressee,),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{context.settings.service.domain}",
            expires_at=context.now + lifetime,
            language=charter.language,
        ),
    )


def _line(notice: Notice, charter: Charter) -> Mapping[str, object]:
    occurrence = notice.occurrence
    return {
        "id": notice.id,
        "due": in_words(occurrence.due_at, charter),
        "summary": occurrence.summary,
        "audience": occurrence.audience,
    }


def _charter(tx: Connection, context: Context, group_id: int) -> Charter:
    return context.charters[next(one.name for one in records.list_groups(tx) if one.id == group_id)]


# ------------------------------------------------------------------------------------------------- stopped by mail


def take_answer(tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """Stop what a convener's answer to the daily mail names, and say what was done."""
    if token.expired:
        return Settled("discarded", "the daily mail that this answers has run out")
    actor = str(token.facts["address"])
    member = members.find_member(tx, errand.group_id or 0, actor)
    if not _still_may(context, actor, member):
        return Settled("discarded", f"{actor} is not a convener any more")
    wanted = stops(errand.message.text)
    if not wanted and not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "not understood again, and answered before")
    outcomes = [_stop_one(tx, context, errand, actor, number) for number in wanted]
    charter = context.charters[errand.group]
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about="answer to planned notices",
            template="planned-stopped",
            facts={"acronym": charter.acronym, "outcomes": outcomes},
            group=(errand.group_id or 0, charter.name),
            recipients=(Addressee(actor, member.id if member else None, member.name if member else ""),),
            sender_local=f"{charter.name}-owner",
            sender_name=charter.acronym,
            in_reply_to=errand.message.message_id,
            language=charter.language,
        ),
    )
    return Settled("sorted", "; ".join(outcomes) or "not understood, and told so once")


def _still_may(context: Context, actor: str, member: Member | None) -> bool:
    if member is not None and member.state != "left":
        return may(member.role, "stop notices")
    return actor == context.settings.service.operator


def stops(text: str) -> tuple[int, ...]:
    """Read the numbers off the lines "stop 12" or "stop 12, 13" with which an answer begins."""
    numbers: dict[int, None] = {}
    lines = own_words.own_lines(text)
    for line in filter(str.strip, lines[own_words.first(lines) or 0 :]):
        match = _STOP.fullmatch(line)
        if match is None:
            break
        numbers.update(dict.fromkeys(map(int, _NUMBER.findall(match[1]))))
    return tuple(numbers)[:_MOST_STOPS]


def _stop_one(tx: Connection, context: Context, errand: Errand, actor: str, number: int) -> str:
    try:
        notice = ledger.get(tx, number)
        if notice.occurrence.group_id != errand.group_id:
            raise NotAllowed(f"there is no notice {number} in this group")
        stop_notice(tx, context, actor, number)
    except Refused as error:
        return f"{number}: {error.public}"
    return f"{number}: stopped: {notice.occurrence.summary}"


ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType({NAME: take_answer})
