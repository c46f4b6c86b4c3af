"""
What conveners order about meetings by mail and on the desk (use cases; `commands`, QUERIES).

Each command reads its fields with the rules of the command line, so that every error is the same everywhere; an order
keeps the fields as they were written and reads them again when its time has come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from cgbot.context import Context
from cgbot.errors import Malformed, NotFound
from cgbot.groups import members
from cgbot.groups import records as groups
from cgbot.groups.charter import Charter
from cgbot.groups.commands import Command, Ordered, Proposal, Query, Request
from cgbot.meetings import attendance, form, records, schedule, wording
from cgbot.meetings.attendance import Hook
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Changes, Order
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.store.db import Tx

_MOST_DIGITS: Final = 9
_SCHEDULE_FORM: Final = """schedule
title: Second meeting
start: 20 May 2027 09:00
duration: 60m
link: https://…"""
_MOVE_FORM: Final = """move 12
start: 21 May 2027 09:00"""
_HELD_FORM: Final = """held 12
present: Alice Example, Example Org, Switzerland
  bob@example.org
  all who said yes"""


def commands(on_held: Sequence[Hook] = ()) -> tuple[Command, ...]:
    """The commands; the hooks are called in the transaction in which a meeting was said to be held."""
    return (
        Command("schedule", "call meetings", _SCHEDULE_FORM,
                "Call a meeting. Also: end or days, zone, location, kind (group, parent, rgm, workshop), "
                "tentative: yes, past: yes (only recorded), report: no, "
                "text.", _propose_new, _schedule, ("schedule meeting", "call meeting")),
        Command("move", "call meetings", _MOVE_FORM,
                "Change a meeting: its time, title, location, link, text; confirm: yes for a tentative one.",
                _propose_move, _move, ("move meeting", "change")),
        Command("cancel", "call meetings", "cancel 12", "Cancel a meeting and tell those who were invited.",
                _propose_cancel, _cancel, ("cancel meeting",)),
        Command("link", "call meetings", "link 12 https://…",
                "Give a meeting its link to join; only those invited see it.",
                _propose_link, _move, ("join link",)),
        Command("held", "call meetings", _HELD_FORM, "Say that a meeting was held, and who took part.",
                _propose_held, partial(_held, tuple(on_held)), ("held meeting",)),
    )  # fmt: skip


# -------------------------------------------------------------------------------------------------- a new meeting


def _propose_new(tx: Tx, context: Context, request: Request) -> Proposal:
    order = form.order_of(request.fields, request.actor.address)
    schedule.check(order, context.now)
    charter = context.charters[request.group]
    when = wording.when(order.when, charter)
    fields = {**dict(request.fields), "title": order.title}
    verb = "recorded as held" if order.past else "called"
    who = "Nobody is invited." if order.past else _who(tx, request.group_id, charter, order.kind)
    preview = f"This meeting would be {verb}:\n\n{_card(order, when)}\n\n{who}"
    return Proposal(
        about=f"new meeting {order.when.wall_start} {order.title}"[:200],
        summary=f"meeting {order.title}, {wording.short(order.when, charter)}",
        preview=preview,
        fields=form.canonical(fields, order.when),
        facts={"fields": dict(request.fields)},
        words=(),
    )


def _schedule(tx: Tx, context: Context, ordered: Ordered) -> str:
    order = form.order_of(_fields(ordered), ordered.actor.address)
    meeting = schedule.schedule(tx, context, groups.get_group(tx, ordered.group), order)
    invited = len(records.invited(tx, meeting.id))
    when = wording.when(meeting, context.charters[ordered.group])
    told = (
        f"{invited} invitation{'s are' if invited != 1 else ' is'} on the way" if invited else "nobody is invited here"
    )
    verb = "recorded as held on" if order.past else "called for"
    return f"Meeting {meeting.id}, {meeting.title}, is {verb} {when}; {told}."


def _card(order: Order, when: str) -> str:
    lines = [f"  {order.title}", f"  {when}"]
    lines += [f"  {value}" for value in (order.location, order.join_url) if value]
    lines += ["  (tentative)"] if order.tentative else []
    lines += ["", *(f"  {line}" for line in order.description.splitlines())] if order.description else []
    return "\n".join(lines)


def _who(tx: Tx, group_id: int, charter: Charter, kind: str) -> str:
    """Who would get a mail."""
    if kind != "group":
        return "It is noted for deadlines and in the calendar; nobody is invited."
    count = sum(one.invitations for one in members.active_members(tx, group_id))
    invited = f"{count} {'people get' if count != 1 else 'person gets'} a personal invitation"
    if charter.companion:
        return f"The list {charter.companion.list_address} gets an announcement; {invited}."
    return f"{invited[0].upper()}{invited[1:]}."


# ---------------------------------------------------------------------------------------------- a change, an end


def _propose_move(tx: Tx, context: Context, request: Request) -> Proposal:
    meeting = _meeting(tx, request)
    changes = form.changes_of(request.fields, meeting, request.actor.address)
    before, values = schedule.differences(tx, context, meeting.id, changes)
    if not values:
        raise Malformed(
            f"nothing would be different: meeting {meeting.id} is {wording.when(before, _charter(context, request))}"
        )
    charter = _charter(context, request)
    after = wording.when(changes.when, charter) if changes.when else wording.when(before, charter)
    lines = [f"Meeting {meeting.id}, {before.title}, would change:", "", f"  WAS  {wording.when(before, charter)}",
             f"  NOW  {after}", ""]  # fmt: skip
    lines += [f"  {name}: {values[key]}" for key, name in _SHOWN.items() if key in values]
    asked = "and are asked again" if {"starts_at", "ends_at", "state"} & values.keys() else "and need not answer again"
    lines += ["", f"Those who are invited are told, {asked}."]
    fields = form.canonical(request.fields, changes.when) if changes.when else dict(request.fields)
    return _about(meeting, f"{_verb(changes)} meeting {meeting.id}: {before.title}", "\n".join(lines), fields)


_SHOWN: Final = {"title": "title", "location": "location", "join_url": "link", "description": "text", "state": "state"}


def _verb(changes: Changes) -> str:
    return "move" if changes.when else "change"


def _move(tx: Tx, context: Context, ordered: Ordered) -> str:
    if not ordered.facts["meeting"]:
        raise Malformed('which meeting is meant? The line "meeting: 12" says it')
    meeting = records.get(tx, int(str(ordered.facts["meeting"])))
    after = schedule.move(tx, context, meeting.id, form.changes_of(_fields(ordered), meeting, ordered.actor.address))
    when = wording.when(after, context.charters[ordered.group])
    return f"Meeting {after.id}, {after.title}: {when}; those who are invited are told."


def _propose_link(tx: Tx, context: Context, request: Request) -> Proposal:
    meeting = _meeting(tx, request)
    url = request.fields.get("link") or next((one for one in request.words if one.lower().startswith("http")), "")
    if not url:
        raise Malformed("the link is missing: write it behind the number, beginning with https://")
    schedule.differences(tx, context, meeting.id, Changes(join_url=url))
    count = len(records.invited(tx, meeting.id))
    preview = (
        f"Meeting {meeting.id}, {meeting.title}, {wording.when(meeting, _charter(context, request))}, would get this "
        f"link to join:\n\n  {url}\n\nThe {count} who are invited get it, and need not answer again."
    )
    return _about(meeting, f"link of meeting {meeting.id}: {meeting.title}", preview, {"link": url})


def _propose_cancel(tx: Tx, context: Context, request: Request) -> Proposal:
    meeting = schedule.open_meeting(tx, _meeting(tx, request).id)
    count = len(records.invited(tx, meeting.id))
    preview = (
        f"Meeting {meeting.id}, {meeting.title}, {wording.when(meeting, _charter(context, request))}, would be "
        f"cancelled.\n\nThe {count} who were invited are told, and it disappears from their calendars."
    )
    return _about(meeting, f"cancel meeting {meeting.id}: {meeting.title}", preview, {})


def _cancel(tx: Tx, context: Context, ordered: Ordered) -> str:
    meeting = schedule.cancel(tx, context, int(str(ordered.facts["meeting"])), ordered.actor.address)
    return f"Meeting {meeting.id}, {meeting.title}, is cancelled; those who were invited are told."


def _propose_held(tx: Tx, context: Context, request: Request) -> Proposal:
    form.only(request.fields, ("present",))
    meeting = attendance.check(tx, context, _meeting(tx, request).id)
    people = attendance.read(tx, meeting, request.fields.get("present", ""))
    listed = "\n".join("  " + ", ".join(filter(None, (one.name, one.organization, one.country))) for one in people)
    preview = (
        f"Meeting {meeting.id}, {meeting.title}, {wording.when(meeting, _charter(context, request))}, would be noted "
        f"as held, with {len(people)} present:\n\n{listed or '  (nobody is named)'}\n\nNobody gets a mail."
    )
    fields = {"present": request.fields.get("present", "")}
    return _about(meeting, f"meeting {meeting.id} was held: {meeting.title}", preview, fields)


def _held(on_held: tuple[Hook, ...], tx: Tx, context: Context, ordered: Ordered) -> str:
    meeting = records.get(tx, int(str(ordered.facts["meeting"])))
    people = attendance.read(tx, meeting, _fields(ordered).get("present", ""))
    held = attendance.hold(tx, context, meeting.id, people, ordered.actor.address)
    for hook in on_held:
        hook(tx, context, held)
    return f"Meeting {held.id}, {held.title}, is noted as held, with {len(people)} present."


def _about(meeting: Meeting, summary: str, preview: str, fields: Mapping[str, str]) -> Proposal:
    facts = {"fields": dict(fields), "meeting": meeting.id}
    return Proposal(f"meeting {meeting.id}", summary, preview, fields, facts, (str(meeting.id),))


# ------------------------------------------------------------------------------------------------------ questions


def _list(tx: Tx, context: Context, request: Request) -> str:
    """Mail the meetings to come."""
    charter = context.charters[request.group]
    found = records.of_group(tx, request.group_id, since=context.now)
    lines = [f"{one.id}: {one.title} ({one.state})\n    {wording.when(one, charter)}" for one in found]
    _mail(tx, context, request, "Meetings to come", "\n\n".join(lines) or "No meeting is planned.")
    return f"{len(found)} meetings listed"


def _replies(tx: Tx, context: Context, request: Request) -> str:
    """Mail who answered what."""
    meeting = _meeting(tx, request)
    rows = [
        f"{_ANSWERS.get(one.partstat, one.partstat.lower()):12}{one.name or one.address}"
        + (f", {one.organization}" if one.organization else "")
        + (f": {one.comment}" if one.comment else "")
        for one in sorted(records.invited(tx, meeting.id), key=lambda one: (one.partstat, one.name))
    ]
    text = f"{meeting.title}, {wording.when(meeting, _charter(context, request))}\n\n" + "\n".join(
        rows or ["Nobody is invited."]
    )
    _mail(tx, context, request, f"Answers to meeting {meeting.id}", text)
    return f"answers to meeting {meeting.id}"


_ANSWERS: Final = {
    "ACCEPTED": "yes", "DECLINED": "no", "TENTATIVE": "maybe", "NEEDS-ACTION": "no answer", "DELEGATED": "delegated",
}  # fmt: skip

QUERIES: Final = (
    Query("meetings", "be invited to meetings", "meetings", "The meetings to come.", _list, ("list meetings",)),
    Query("replies", "call meetings", "replies 12", "Who answered what to an invitation.", _replies),
)


def _mail(tx: Tx, context: Context, request: Request, title: str, text: str) -> None:
    charter = context.charters[request.group]
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=title,
            template="listing",
            facts={"acronym": charter.acronym, "title": title, "text": text},
            group=(request.group_id, request.group),
            recipients=(Addressee(request.actor.address, request.actor.member_id, request.actor.name),),
            sender_local=f"{request.group}-owner",
            sender_name=charter.acronym,
            in_reply_to=request.errand.message.message_id if request.errand else "",
            language=charter.language,
        ),
    )


# ------------------------------------------------------------------------------------------------------- reading


def _meeting(tx: Tx, request: Request) -> Meeting:
    """The group's meeting that the words name. Raises Malformed and NotFound."""
    named = (*request.words, request.fields.get("meeting", ""))
    number = next((one.lstrip("#") for one in named if one.lstrip("#").isdigit() and one.isascii()), "")
    if not number or len(number) > _MOST_DIGITS:
        raise Malformed('the number of the meeting is missing; a mail with the word "meetings" lists them')
    meeting = next((one for one in records.of_group(tx, request.group_id) if one.id == int(number)), None)
    if meeting is None:
        raise NotFound(f'there is no meeting {number} in this group; a mail with the word "meetings" lists them')
    return meeting


def _charter(context: Context, request: Request) -> Charter:
    return context.charters[request.group]


def _fields(ordered: Ordered) -> Mapping[str, str]:
    found = ordered.facts["fields"]
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}
