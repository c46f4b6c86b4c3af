"""
Calls for contributions: opened, moved with their meeting, closed (use cases).

A call for a meeting of the group closes seven days before it, one for a meeting of the parent leaves twelve full days
(itu.deadlines), at 23:59 in Geneva; a date that the secretariat has published always wins, and every mail says which
it is. The list gets one call and one reminder (papers.reminders).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups import audit
from cgbot.groups import records as groups
from cgbot.groups.charter import Charter
from cgbot.groups.moments import in_words
from cgbot.itu import deadlines, wall
from cgbot.mail.headers import clean_text
from cgbot.meetings import records as meetings_of
from cgbot.meetings import wording
from cgbot.meetings.records import Meeting
from cgbot.notices.kinds import at_wall_time
from cgbot.papers import records
from cgbot.papers.records import Call
from cgbot.posts import announcing
from cgbot.posts.announcing import Announcement
from cgbot.store.db import Tx

COMPUTED: Final = ("twelve-days", "seven-days")
_OPEN: Final = ("tentative", "confirmed")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; `closes` a day or a time as itu.wall reads it, "" for the rule of the meeting."""

    meeting_id: int | None = None
    closes: str = ""
    published: bool = False
    title: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """A call as it would be opened."""

    meeting: Meeting | None
    closes_at: datetime
    rule: str
    title: str
    text: str


def draft(tx: Tx, context: Context, group: tuple[int, str], wanted: Wanted) -> Opening:
    """
    Work a call out.

    Raises NotFound and Conflict for the meeting; Malformed for a closing date that cannot be read, is over, or comes
    after the meeting; Conflict when there is an open call for that meeting.
    """
    charter = context.charters[group[1]]
    meeting = _meeting(tx, context, group[0], wanted)
    if wanted.published and not wanted.closes:
        raise Malformed("a published date must be given: closes")
    if wanted.closes:
        closes_at, rule = _given(wanted.closes, charter, meeting), "published" if wanted.published else "given"
    elif meeting is not None:
        closes_at, rule = computed(meeting, charter)
    else:
        raise Malformed("no meeting of the group is planned: say when the call closes (closes), or for which meeting")
    if closes_at <= context.now:
        raise Malformed(f"the call would have closed on {in_words(closes_at, charter)}; give another date (closes)")
    if meeting is not None and closes_at > meeting.starts_at:
        raise Malformed(f"the call would close after the meeting begins ({wording.when(meeting, charter)})")
    same = [one for one in records.list_calls(tx, group[0], only_open=True) if meeting and one.meeting_id == meeting.id]
    if same and meeting:
        raise Conflict(f"call {same[0].id} for meeting {meeting.id} is open already")
    title = clean_text(wanted.title, 200).strip() or (meeting.title if meeting else "")
    if not title:
        raise Malformed("a call that is for no meeting needs a title")
    return Opening(meeting, closes_at, rule, title, wanted.text[:8000])


def _meeting(tx: Tx, context: Context, group_id: int, wanted: Wanted) -> Meeting | None:
    if wanted.meeting_id is None:
        ahead = meetings_of.of_group(tx, group_id, since=context.now)
        own = [one for one in ahead if one.kind == "group" and one.state in _OPEN and one.starts_at > context.now]
        return None if wanted.closes and wanted.title else next(iter(own), None)
    meeting = meetings_of.get(tx, wanted.meeting_id)
    if meeting.group_id != group_id:
        raise NotFound(f"there is no meeting {wanted.meeting_id} in this group")
    if meeting.state not in _OPEN:
        raise Conflict(f"meeting {meeting.id} is {meeting.state}")
    return meeting


def computed(meeting: Meeting, charter: Charter) -> tuple[datetime, str]:
    """When a call for this meeting closes by rule, and which rule it is."""
    first = meeting.starts_at.astimezone(ZoneInfo(meeting.zone)).date()
    if meeting.kind == "parent":
        return _end_of(deadlines.contributions_due(first), wall.GENEVA), "twelve-days"
    return _end_of(deadlines.own_contributions_due(first), charter.zone), "seven-days"


def _given(closes: str, charter: Charter, meeting: Meeting | None) -> datetime:
    zone = wall.GENEVA if meeting and meeting.kind == "parent" else charter.zone
    if wall.is_day(closes):
        return _end_of(wall.parse_day(closes), zone)
    return wall.parse_moment(closes, zone).instant


def _end_of(day: date, zone: str) -> datetime:
    return at_wall_time(day, deadlines.LAST_MINUTE, zone)


def why(rule: str, meeting: Meeting | None, parent: str) -> str:
    """Say whose date it is, as every mail about a call does."""
    if rule == "published":
        return "This is the date that the secretariat has published."
    if rule == "twelve-days" and meeting is not None:
        latest = deadlines.contributions_latest(meeting.starts_at.astimezone(ZoneInfo(meeting.zone)).date())
        day = wording.day(datetime(latest.year, latest.month, latest.day, tzinfo=ZoneInfo(meeting.zone)))
        return (
            f"Computed: 12 calendar days before the {parent} meeting (Rec. ITU-T A.1, clause 3), read as 12 full days; "
            f"{day} at the latest. A date that the secretariat publishes takes its place."
        )
    if rule == "seven-days":
        return "This is 7 calendar days before the meeting."
    return "The conveners have set this date."


def open_call(tx: Tx, context: Context, group: tuple[int, str], wanted: Wanted, actor: str) -> Call:
    """Open a call and write to the list. Raises as `draft`."""
    opening = draft(tx, context, group, wanted)
    values: dict[str, Any] = {
        "group_id": group[0],
        "meeting_id": opening.meeting.id if opening.meeting else None,
        "title": opening.title,
        "text": opening.text,
        "closes_at": opening.closes_at,
        "rule": opening.rule,
        "state": "open",
        "opened_at": context.now,
        "opened_by": actor,
    }
    call = records.add_call(tx, values)
    what = Announcement(f"call {call.id}", "call-opened", facts(tx, context, group[1], call))
    message_id = announcing.announce(tx, context, group, what)
    audit.record(tx, context.now, group[0], audit.Entry(actor, "call opened", f"call {call.id}", {"rule": call.rule}))
    return records.change_call(tx, call.id, {"message_id": message_id})


def close_call(tx: Tx, context: Context, call_id: int, actor: str, state: str = "closed") -> Call:
    """Close a call now, or withdraw it; nobody is told here. Raises NotFound and Conflict."""
    call = records.get_call(tx, call_id)
    if call.state != "open":
        raise Conflict(f"call {call_id} is {call.state} already")
    audit.record(tx, context.now, call.group_id, audit.Entry(actor, f"call {state}", f"call {call_id}", {}))
    return records.change_call(tx, call_id, {"state": state, "closed_at": context.now})


def follow(tx: Tx, context: Context, call: Call) -> Call:
    """Move a computed closing date with its meeting; withdraw a call whose meeting is cancelled."""
    changed = moved(tx, context, call)
    if changed is None:
        return close_call(tx, context, call.id, "clock", "withdrawn")
    audit.record(tx, context.now, call.group_id, audit.Entry("clock", "call moved", f"call {call.id}", {}))
    return records.change_call(tx, call.id, {"closes_at": changed})


def moved(tx: Tx, context: Context, call: Call) -> datetime | None:
    """When an open call closes now that its meeting may have moved; None when the meeting is cancelled."""
    if call.meeting_id is None:
        return call.closes_at
    meeting = meetings_of.get(tx, call.meeting_id)
    if meeting.state == "cancelled":
        return None
    return computed(meeting, charter_of(tx, context, call))[0] if call.rule in COMPUTED else call.closes_at


def ended_at(call: Call) -> datetime:
    """When a call closes, or has closed: a convener may close it before its day."""
    return min(call.closes_at, call.closed_at) if call.closed_at and call.state == "closed" else call.closes_at


def charter_of(tx: Tx, context: Context, call: Call) -> Charter:
    """The charter of a call's group."""
    return context.charters[groups.name_of(tx, call.group_id)]


def facts(tx: Tx, context: Context, group: str, call: Call) -> dict[str, object]:
    """What the templates about a call are told."""
    charter = context.charters[group]
    service = context.settings.service
    meeting = meetings_of.get(tx, call.meeting_id) if call.meeting_id else None
    return {
        "title": call.title,
        "text": call.text,
        "closes": in_words(call.closes_at, charter),
        "closes_short": short_day(call.closes_at, charter),
        "why": why(call.rule, meeting, charter.parent),
        "meeting": f"{meeting.title}, {wording.when(meeting, charter)}" if meeting else "",
        "for_parent": meeting is not None and meeting.kind == "parent",
        "parent": charter.parent,
        "contributions_address": charter.address(service.domain, "contributions"),
        "join_address": charter.address(service.domain, "join"),
        "page": f"{service.public_url}/{charter.name}/papers/",
        "companion": charter.companion is not None,
    }


def short_day(instant: datetime, charter: Charter) -> str:
    """`13 May 2027`, in the group's zone."""
    local = instant.astimezone(ZoneInfo(charter.zone))
    return wording.day(local).partition(" ")[2]
