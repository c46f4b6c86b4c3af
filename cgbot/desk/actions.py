"""
Actions by mail, on the desk and by the clock (use cases; COMMANDS, QUERIES, ANSWERS, KINDS).

A convener notes an action, its owner is told once; the clock reminds the owner alone, at nine in the morning of their
zone: 7 days and 1 day before the day, then weekly while it is over, four times at most. All that somebody owes stands
in one mail; answering "done", or "done 4", ends it. What a reminder is about is the member and the day, so that
restarts send nothing twice; after a stop the newest covers the gap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.desk import action_words
from cgbot.errand import Errand, Settled
from cgbot.errors import NotAllowed, Refused
from cgbot.groups import actions, members, records, tokens
from cgbot.groups.actions import Action, NewAction
from cgbot.groups.charter import Charter
from cgbot.groups.commands import OPERATOR, Actor, Command, Ordered, Proposal, Query, Request
from cgbot.groups.members import Member
from cgbot.groups.own_words import own_lines
from cgbot.groups.roles import may
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.notices.kinds import Kind, Late, Occurrence, at_wall_time
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter

NAME: Final = "action-reminder"
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_BEFORE: Final = (7, 1)  # days
_OVERDUE: Final = 4  # weekly mails, the first one the day after
_MORNING: Final = time(9, 0)
_ANSWERED_WITHIN: Final = timedelta(days=30)
_DONE: Final = re.compile(r"\W*done\b((?:[\s,;#]*(?:and\s+)?\d{1,9})*)\W*", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d{1,9}")
_MOST: Final = 20
_FORM: Final = """action
who: hu@example.org
due: 2027-06-01
text: draft the liaison statement to TSAG"""


@dataclass(frozen=True, slots=True)
class _Post:
    """A mail to an owner; `answered` are the actions that an answer to it can end."""

    template: str
    said: Mapping[str, object]
    answered: Sequence[int] | None = None
    in_reply_to: str = ""


# ------------------------------------------------------------------------------------------------- noted by a convener


def _propose_new(tx: Connection, context: Context, request: Request) -> Proposal:
    new = action_words.read(tx, context, (request.group_id, request.group), request.fields)
    owner = members.get_member(tx, new.owner_id) if new.owner_id else None
    told = (
        f"{owner.name or owner.address} is told, and reminded 7 days and 1 day before the day."
        if owner and new.due_on
        else "Its owner is told; without a day nobody is reminded."
        if owner
        else "It has no owner, so nobody is told."
    )
    preview = f"This action would be noted:\n\n{action_words.card(new, owner)}\n\n{told}"
    fields = action_words.canonical(request.fields, new, owner)
    summary = f"action: {action_words.short(new.text)}"
    return Proposal(f"new {summary}"[:200], summary, preview, fields, {"words": [], "fields": dict(fields)})


def _note(tx: Connection, context: Context, ordered: Ordered) -> str:
    found = ordered.facts["fields"]
    fields = {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}
    group = (ordered.group_id, ordered.group)
    action = note(tx, context, group, action_words.read(tx, context, group, fields), ordered.actor.address)
    return f"Action {action.id} is noted: {action_words.line(action)}."


def note(tx: Connection, context: Context, group: tuple[int, str], new: NewAction, actor: str) -> Action:
    """Note an action and tell its owner, unless it is who notes it."""
    action = actions.add(tx, context, group[0], new, actor)
    owner = members.get_member(tx, new.owner_id) if new.owner_id else None
    if owner is not None and owner.address != actor and owner.state == "active":
        said = {"actor": "" if actor == OPERATOR else actor, "action": action_words.line(action), "number": action.id}
        _write(tx, context, group, owner, _Post("action-noted", said, [action.id]))
    return action


# ------------------------------------------------------------------------------------------------------ done, dropped


def _propose_done(tx: Connection, context: Context, request: Request) -> Proposal:
    return _propose_end(tx, request, "done", context)


def _propose_drop(tx: Connection, context: Context, request: Request) -> Proposal:
    return _propose_end(tx, request, "dropped", context)


def _propose_end(tx: Connection, request: Request, state: str, context: Context) -> Proposal:  # noqa: ARG001 - a command's shape
    action = action_words.named(tx, request)
    _check_may_end(action, request.actor)
    preview = (
        f"Action {action.id} would be {state}:\n\n  {action_words.line(action)}\n\nNobody is reminded of it again."
    )
    facts = {"words": [str(action.id)], "action": action.id}
    return Proposal(
        f"action {action.id}", f"action {action.id} {state}: {action_words.short(action.text)}", preview, {}, facts
    )


def _check_may_end(action: Action, actor: Actor) -> None:
    """Raise NotAllowed for somebody who is neither its owner nor a convener."""
    if action.owner_id is not None and action.owner_id == actor.member_id:
        return
    if actor.address != OPERATOR and not may(actor.role, "call meetings"):
        raise NotAllowed(f"action {action.id} is {action.owner or 'nobody'}'s; its owner or a convener can end it")


def _done(tx: Connection, context: Context, ordered: Ordered) -> str:
    return _end(tx, context, ordered, actions.end(tx, context, _number(ordered), "done", ordered.actor.address))


def _drop(tx: Connection, context: Context, ordered: Ordered) -> str:
    return _end(tx, context, ordered, actions.end(tx, context, _number(ordered), "dropped", ordered.actor.address))


def _end(tx: Connection, context: Context, ordered: Ordered, ended: Action) -> str:  # noqa: ARG001 - as its callers
    _check_may_end(ended, ordered.actor)
    return f"Action {ended.id} is {ended.state}: {action_words.short(ended.text)}."


def _number(ordered: Ordered) -> int:
    return int(str(ordered.facts["action"]))


# ------------------------------------------------------------------------------------------------------------- listed


def _list(tx: Connection, context: Context, request: Request) -> str:
    """Mail the open actions."""
    charter = context.charters[request.group]
    found = actions.of_group(tx, request.group_id)
    today = context.now.astimezone(ZoneInfo(charter.zone)).date()
    lines = [action_words.listed(one, today) for one in found]
    text = "\n".join(lines) or "There are no open actions."
    if found:
        text += f"\n\nTo end one of yours, write: done {found[0].id}"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about="actions",
            template="listing",
            facts={"acronym": charter.acronym, "title": "Open actions", "text": text},
            group=(request.group_id, request.group),
            recipients=(Addressee(request.actor.address, request.actor.member_id, request.actor.name),),
            sender_local=f"{request.group}-owner",
            sender_name=charter.acronym,
            in_reply_to=request.errand.message.message_id if request.errand else "",
            language=charter.language,
        ),
    )
    return f"{len(found)} actions listed"


# ----------------------------------------------------------------------------------------------------------- reminded


def _plan(tx: Connection, context: Context, until: datetime) -> list[Occurrence]:
    """For each owner the newest reminder whose time has come, and those to come."""
    groups = {one.id: one.name for one in records.list_groups(tx) if one.closed_at is None}
    groups = {number: name for number, name in groups.items() if name in context.charters}
    owed: dict[int, list[Action]] = {}
    for action in actions.with_days(tx, groups):
        owed.setdefault(action.owner_id or 0, []).append(action)
    found: list[Occurrence] = []
    for member_id, mine in owed.items():
        member = members.get_member(tx, member_id)
        if member is not None and member.state == "active":
            found.extend(_of_member(context, member, context.charters[groups[mine[0].group_id]], mine, until))
    return found


def _of_member(
    context: Context, member: Member, charter: Charter, owed: Sequence[Action], until: datetime
) -> list[Occurrence]:
    zone = member.zone or charter.zone
    days = {
        day: at_wall_time(day, _MORNING, zone)
        for action in owed
        for day in _days(date.fromisoformat(action.due_on))
        # A mail within the day after it was noted would only repeat that.
        if at_wall_time(day, _MORNING, zone) > action.created_at + _DAY
    }
    over = sorted(day for day, due in days.items() if due <= context.now)[-1:]
    ahead = sorted(day for day, due in days.items() if context.now < due <= until)
    return [
        Occurrence(
            kind=NAME,
            about=f"member {member.id}, {day}",
            group_id=member.group_id,
            due_at=days[day],
            audience=member.name or member.address,
            summary=f"Actions of {member.name or member.address}",
            facts={"member": member.id, "day": day.isoformat()},
        )
        for day in (*over, *ahead)
    ]


def _days(due: date) -> list[date]:
    """The days of the reminders of what is due on a day."""
    return [due - days * _DAY for days in _BEFORE] + [due + _DAY + week * _WEEK for week in range(_OVERDUE)]


def _send(tx: Connection, context: Context, occurrence: Occurrence) -> None:
    """Tell an owner what is due within a week or over."""
    member = members.get_member(tx, int(str(occurrence.facts["member"])))
    if member is None or member.state != "active":
        return
    group = records.name_of(tx, occurrence.group_id)
    today = context.now.astimezone(ZoneInfo(member.zone or context.charters[group].zone)).date()
    near = (today + _WEEK).isoformat()
    due = [one for one in actions.of_owner(tx, member.id) if one.due_on <= near]
    if not due:
        return
    shown = due[:_MOST]
    said = {
        "actions": [action_words.reminded(one, today) for one in shown],
        "left": len(due) - len(shown),
        "count": len(due),
        "overdue": sum(one.due_on < today.isoformat() for one in due),
        "number": due[0].id,
    }
    post = _Post(NAME, said, [one.id for one in due])
    _write(tx, context, (occurrence.group_id, group), member, post)


def take_answer(tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """End what the owner's answer names, and say what was done."""
    actor = str(token.facts["address"])
    member = members.find_member(tx, errand.group_id or 0, actor)
    if token.expired or member is None or member.state == "left":
        return Settled("discarded", "the mail that this answers has run out, or its owner has left")
    wanted = _named(errand.message.text, [int(one) for one in token.facts["actions"]])
    if not wanted and not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "not understood again, and answered before")
    asker = Actor(member.address, member.id, member.name, member.role)
    outcomes = [_end_one(tx, context, errand, asker, number) for number in wanted]
    said = {"outcomes": outcomes, "numbers": ", ".join(str(one) for one in token.facts["actions"])}
    post = _Post("action-answered", said, None, errand.message.message_id)
    _write(tx, context, (errand.group_id or 0, errand.group), member, post)
    return Settled("sorted", "; ".join(outcomes) or "not understood, and told so once")


def _named(text: str, of_mail: Sequence[int]) -> tuple[int, ...]:
    """The actions that the first lines of an answer call done; the only one of the mail needs no number."""
    numbers: dict[int, None] = {}
    for line in own_lines(text):
        if not line.strip():
            continue
        match = _DONE.fullmatch(line)
        if match is None:
            break
        said = [int(one) for one in _NUMBER.findall(match[1])]
        numbers.update(dict.fromkeys(said or (of_mail if len(of_mail) == 1 else ())))
    return tuple(numbers)[:_MOST]


def _end_one(tx: Connection, context: Context, errand: Errand, actor: Actor, number: int) -> str:
    try:
        action = actions.get(tx, number)
        if action.group_id != errand.group_id:
            raise NotAllowed(f"there is no action {number} in this group")
        _check_may_end(action, actor)
        ended = actions.end(tx, context, number, "done", actor.address)
    except Refused as error:
        return f"{number}: {error.public}"
    return f"{number}: done: {action_words.short(ended.text)}"


def _write(tx: Connection, context: Context, group: tuple[int, str], member: Member, post: _Post) -> None:
    """Write to an owner."""
    charter = context.charters[group[1]]
    domain = context.settings.service.domain
    sender = f"{group[1]}-owner"
    if post.answered is not None:
        facts = {"actions": list(post.answered), "group": str(group[0]), "address": member.address}
        sender = f"{group[1]}-confirm+{tokens.make(tx, context, NAME, facts, _ANSWERED_WITHIN)}"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"{post.template} of {member.address}",
            template=post.template,
            facts={"acronym": charter.acronym, "owner_address": charter.address(domain, "owner"), **post.said},
            group=group,
            recipients=(Addressee(member.address, member.id, member.name),),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{domain}" if post.answered is not None else "",
            in_reply_to=post.in_reply_to,
            language=charter.language,
        ),
    )


COMMANDS: Final[Sequence[Command]] = (
    Command("action", "call meetings", _FORM, "Note who does what until when. Also: meeting.",
            _propose_new, _note, ("new action", "add action")),
    Command("done", "be invited to meetings", "done 4", "Say that an action of yours is done.",
            _propose_done, _done, ("action done",)),
    Command("drop action", "call meetings", "drop action 4", "Let an action go.", _propose_drop, _drop),
)  # fmt: skip
QUERIES: Final[Sequence[Query]] = (
    Query("actions", "read the members' archive", "actions", "The open actions.", _list, ("list actions",)),
)
ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType({NAME: take_answer})
KINDS: Final[Sequence[Kind]] = (Kind(NAME, "owners", announced=False, plan=_plan, send=_send, late=Late(None)),)
