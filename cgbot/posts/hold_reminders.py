"""
Held messages remind: one mail a day to each convener, and one to an author who has waited in vain (use cases; KINDS).

A message that waits reminds 1, 3 and 7 days after it was held. What falls on one day of the group's zone goes into one
mail that lists all that waits, at the first of these moments; a stop of the service is covered by the newest. Each
convener's mail has its own reply address, good for fourteen days: "approve 12", "reject 13 off topic", one a line.
After fourteen days nobody is reminded any more: the message stays on the desk and in every list, and its author is told
so, once and only if the address is proven.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import own_words, records, tokens
from cgbot.groups.charter import Charter
from cgbot.groups.moments import in_words
from cgbot.groups.records import Group
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.notices.kinds import COVERING, Kind, Occurrence, within
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import emergency, hold_letters, holding, holds, people
from cgbot.posts.holds import LIFETIME, Decision, Hold
from cgbot.store.db import Tx

NAME: Final = "held-reminder"
LAPSED: Final = "held-lapsed"
_AFTER: Final = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
_LATEST: Final = timedelta(days=30)
_MOST_LISTED: Final = 100
_MOST_DECISIONS: Final = 50
_LONGEST_LINE: Final = 2000
# A word and one number with a note behind it; several numbers where nothing, or a colon and the note, follows them.
_ONE: Final = re.compile(r"\W*([a-z]+)\W+(\d{1,9})\b(.*)", re.IGNORECASE)
_SEVERAL: Final = re.compile(
    r"\W*([a-z]+)\W+(\d{1,9}(?:(?:\s*[,;]\s*|\s+)(?:and\s+)?#?\d{1,9})*)\s*(?:[.!]?|:(.*))", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"\d+")


# ------------------------------------------------------------------------------------------------------- reminders


def _plan(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    """For each day on which a waiting message reminds, the first moment of it; past days are given too."""
    times: dict[int, list[datetime]] = {}
    for group_id, held_at in holds.waiting_times(tx):
        times.setdefault(group_id, []).append(held_at)
    return [one for group in _groups(tx, context) for one in _of_group(context, group, times.get(group.id, []), until)]


def _groups(tx: Tx, context: Context) -> list[Group]:
    return [one for one in records.list_groups(tx) if not one.closed_at and one.name in context.charters]


def _of_group(context: Context, group: Group, times: Sequence[datetime], until: datetime) -> list[Occurrence]:
    zone = ZoneInfo(context.charters[group.name].zone)
    days: dict[str, datetime] = {}
    for moment in sorted(held_at + after for held_at in times for after in _AFTER):
        if moment <= until:
            days.setdefault(moment.astimezone(zone).date().isoformat(), moment)
    return [_reminder(group, day, moment, len(times)) for day, moment in days.items()]


def _reminder(group: Group, day: str, moment: datetime, count: int) -> Occurrence:
    return Occurrence(
        kind=NAME,
        about=f"day {day}",
        group_id=group.id,
        due_at=moment,
        audience="conveners",
        summary=f"The conveners are reminded of {count} held message{'' if count == 1 else 's'}",
    )


def _send(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    """List all that waits, to each convener."""
    waiting = holds.waiting(tx, occurrence.group_id)
    name = records.name_of(tx, occurrence.group_id)
    for addressee in people.responsible(tx, context, occurrence.group_id) if waiting else ():
        _remind(tx, context, (occurrence.group_id, name), waiting, addressee)


def _remind(tx: Tx, context: Context, group: tuple[int, str], waiting: Sequence[Hold], addressee: Addressee) -> None:
    charter = context.charters[group[1]]
    facts = {"group": str(group[0]), "address": addressee.address}
    sender = f"{group[1]}-confirm+{tokens.make(tx, context, NAME, facts, LIFETIME)}"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"{len(waiting)} held messages",
            template="held-reminder",
            facts={
                "acronym": charter.acronym,
                "held": [_listed(one, charter, context.now) for one in waiting[:_MOST_LISTED]],
                "count": len(waiting),
                "emergency": emergency.reason(tx, charter, group[0]),
                "until": in_words(context.now + LIFETIME, charter),
                "number": waiting[0].id,
                "url": f"{context.settings.service.public_url}/desk/{group[1]}/",
            },
            group=group,
            recipients=(addressee,),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{context.settings.service.domain}",
            expires_at=context.now + LIFETIME,
            language=charter.language,
        ),
    )


def _listed(held: Hold, charter: Charter, now: datetime) -> dict[str, object]:
    return {
        "id": held.id,
        "author": hold_letters.name_of(held),
        "proven": held.proven,
        "subject": held.subject or "(no subject)",
        "when": in_words(held.held_at, charter),
        "reasons": "; ".join(held.reasons),
        "waits_for_author": held.waits_for_author,
        "expired": now - held.held_at >= LIFETIME,
    }


def take_answer(tx: Tx, context: Context, errand: Errand, token: Token) -> Settled:
    """Decide about what the first lines of a convener's answer name, and say what was done."""
    actor = str(token.facts["address"])
    group_id = errand.group_id or 0
    if token.expired or not holding.may_decide(tx, context, group_id, actor):
        return Settled("discarded", f"{actor} may not decide this, or no longer")
    wanted = decisions(errand.message.text)
    if not wanted and not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "not understood again, and answered before")
    outcomes = [
        f"{number}: {holding.try_to_decide(tx, context, (group_id, number), Decision(word, actor, note))}"
        for word, number, note in wanted
    ]
    said = outcomes or ['Nothing was done: each line must be a word and a number, as in "approve 12".']
    hold_letters.answer(tx, context, errand, actor, ("held-answered", {"outcomes": said}))
    return Settled("sorted", "; ".join(said))


def decisions(text: str) -> tuple[tuple[str, int, str], ...]:
    """Read (word, number, note) off the first lines of an answer: "approve 12, 13", "reject 14 off topic"."""
    found: list[tuple[str, int, str]] = []
    lines = own_words.own_lines(text)
    for line in filter(str.strip, lines[own_words.first(lines) or 0 :]):
        said = line.strip()[:_LONGEST_LINE]
        match = _SEVERAL.fullmatch(said) or _ONE.fullmatch(said)
        word = holding.WORDS.get(match[1].lower(), "") if match else ""
        if match is None or not word:
            break
        numbers = dict.fromkeys(map(int, _NUMBER.findall(match[2])))
        found.extend((word, number, (match[3] or "").strip(" \t.,;:-")) for number in numbers)
    return tuple(found[:_MOST_DECISIONS])


# ---------------------------------------------------------------------------------------- nobody has decided at all


def _plan_lapsed(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    """Each proven author whose message has waited for fourteen days; who was not told within a month is not told."""
    groups = {one.id for one in _groups(tx, context)}
    return [
        Occurrence(
            kind=LAPSED,
            about=f"held message {held.id}",
            group_id=held.group_id,
            due_at=held.held_at + LIFETIME,
            audience=held.author,
            summary=f"The author of held message {held.id} is told that it still waits",
            facts={"hold": held.id},
        )
        for held in holds.expired(tx, context.now - _LATEST, until)
        if held.proven and held.group_id in groups
    ]


def _tell_author(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    held = holds.get(tx, int(str(occurrence.facts["hold"])))
    if held.state == "waiting" and held.proven:
        hold_letters.lapsed(tx, context, held)


KINDS: Final[Sequence[Kind]] = (
    Kind(NAME, "conveners", announced=False, plan=_plan, send=_send, late=COVERING),
    Kind(LAPSED, "authors", announced=False, plan=_plan_lapsed, send=_tell_author, late=within(_LATEST)),
)
ANSWERS: Final = MappingProxyType[str, Answer]({NAME: take_answer})
