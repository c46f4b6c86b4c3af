"""
How an action is written and read (rules, and whom a name means in the group).

A name is matched in any order and case of its words ("HU Zhiyuan" is "Zhiyuan HU"), a part of one if it is nobody
else's; an address always.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errors import Malformed, NotFound
from cgbot.groups import actions, members
from cgbot.groups.actions import Action, NewAction
from cgbot.groups.commands import Request
from cgbot.groups.members import Member
from cgbot.itu import typography, wall
from cgbot.meetings import records as meetings

_FIELDS: Final = ("who", "due", "meeting", "text")
_SHORT: Final = 60
_MOST_DIGITS: Final = 9


def read(tx: Connection, context: Context, group: tuple[int, str], fields: Mapping[str, str]) -> NewAction:
    """Read a new action. Raises Malformed for what cannot be read, NotFound for whom or what there is not."""
    unknown = [key for key in fields if key not in (*_FIELDS, "what", "owner")]
    if unknown:
        raise Malformed(f"{', '.join(unknown)}: not known here; allowed are {', '.join(_FIELDS)}")
    text = (fields.get("text") or fields.get("what", "")).strip()
    if not text:
        raise Malformed("what is to be done? The text is missing")
    if len(text) > actions.MOST_TEXT:
        raise Malformed(f"the text is longer than {actions.MOST_TEXT} characters")
    who = fields.get("who") or fields.get("owner", "")
    owner = whom(tx, group[0], who) if who else None
    return NewAction(
        text=text,
        owner_id=owner.id if owner else None,
        due_on=_day(context, group[1], fields.get("due", "")),
        meeting_id=_meeting(tx, group[0], fields.get("meeting", "")),
    )


def whom(tx: Connection, group_id: int, said: str) -> Member:
    """Find a member by address or name. Raises NotFound, and Malformed where it could be several."""
    if "@" in said:
        return members.require(tx, group_id, said.strip().strip("<>"))
    words = frozenset(said.casefold().replace(",", " ").split())
    here = members.list_members(tx, group_id)
    exact = [one for one in here if words and frozenset(one.name.casefold().split()) == words]
    found = exact or [one for one in here if words and words <= frozenset(one.name.casefold().split())]
    if not found:
        raise NotFound(f"who: no member is called {said!r}; give an address")
    if len(found) > 1:
        raise Malformed(f"who: {said!r} could be {', '.join(one.address for one in found[:5])}; give an address")
    return found[0]


def _day(context: Context, group: str, said: str) -> str:
    if not said:
        return ""
    text = wall.as_iso(said.strip())
    if not wall.is_day(text):
        raise Malformed(f'due: {said!r} is not a day; write "2027-06-01" or "1 June 2027"')
    day = wall.parse_day(text)
    if day < context.now.astimezone(ZoneInfo(context.charters[group].zone)).date():
        raise Malformed(f"due: {typography.weekday(day)} is over")
    return day.isoformat()


def _meeting(tx: Connection, group_id: int, said: str) -> int | None:
    number = said.strip().lstrip("#")
    if not number:
        return None
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        raise Malformed(f"meeting: {said!r} is not the number of a meeting")
    meeting = meetings.get(tx, int(number))
    if meeting.group_id != group_id:
        raise NotFound(f"there is no meeting {number} in this group")
    return meeting.id


def named(tx: Connection, request: Request) -> Action:
    """The group's action that a request names. Raises Malformed and NotFound."""
    said = next((one for one in request.words if one.isascii() and one.isdigit() and len(one) <= _MOST_DIGITS), "")
    if not said:
        raise Malformed('the number of the action is missing; a mail with the word "actions" lists them')
    action = actions.get(tx, int(said))
    if action.group_id != request.group_id:
        raise NotFound(f"there is no action {said} in this group")
    return action


def canonical(fields: Mapping[str, str], new: NewAction, owner: Member | None) -> Mapping[str, str]:
    """The request as it may be corrected."""
    found = {"who": owner.address if owner else "", "due": new.due_on, "meeting": fields.get("meeting", "")}
    return {**{key: value for key, value in found.items() if value}, "text": new.text}


def card(new: NewAction, owner: Member | None) -> str:
    """A new action, line by line."""
    lines = new.text.splitlines()
    lines += [f"who: {owner.name or owner.address} <{owner.address}>" if owner else "who: nobody"]
    lines += [f"due: {typography.weekday(date.fromisoformat(new.due_on))}" if new.due_on else "due: no day"]
    return "\n".join(f"  {one}" for one in lines)


def short(text: str) -> str:
    """An action's text on one line, cut at a word."""
    line_ = " ".join(text.split())
    return line_ if len(line_) <= _SHORT else line_[:_SHORT].rpartition(" ")[0] + " …"


def line(action: Action) -> str:
    """`draft the liaison (Zhiyuan HU, due Tuesday 1 June 2027)`."""
    due = f", due {typography.weekday(date.fromisoformat(action.due_on))}" if action.due_on else ""
    return f"{' '.join(action.text.split())} ({action.owner or 'nobody'}{due})"


def listed(action: Action, today: date) -> str:
    """An action in a listing, with its number."""
    over = "OVERDUE " if action.due_on and action.due_on < today.isoformat() else ""
    return f"{action.id}: {over}{line(action)}"


def reminded(action: Action, today: date) -> str:
    """An action as its owner is reminded of it."""
    due = date.fromisoformat(action.due_on)
    days = (due - today).days
    when = (
        f"due {typography.weekday(due)}"
        if days >= 0
        else f"was due {typography.weekday(due)}, {-days} day{'s' if days != -1 else ''} ago"
    )
    return f"{action.id}: {' '.join(action.text.split())}\n   {when}"
