"""
The fields of an order about a meeting, as a person types them (pure rules).

`schedule.read_when` reads times and says what is wrong with one; here the ways to say it in fewer fields are taken
apart: "20 May 2027, 09:00-10:00 CET" is a start, an end and a zone. Two fields that contradict each other are asked
about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from cgbot.errors import Malformed
from cgbot.itu import wall
from cgbot.meetings import schedule
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Changes, Order, When

_TIME: Final = ("start", "end", "duration", "days", "zone")
_NEW: Final = ("title", *_TIME, "location", "link", "kind", "tentative", "past", "report", "text")
_CHANGED: Final = ("title", *_TIME, "location", "link", "confirm", "text")
# "09:00-10:00" is from when to when. Only behind the T of ISO 8601 is what follows the hyphen an offset from UTC.
_FROM_TO: Final = re.compile(
    r"(?P<start>(?!\d{4}-\d{2}-\d{2}T).*\d[:.h]\d{2})\s*(?:-|\u2013|\u2014|to)\s*(?P<end>\d{1,2}[:.h]\d{2})(?P<rest>\D.*)?"
)
_LABEL: Final = re.compile(
    r"(?P<time>.*\d[:.h]\d{2})[\s,(]+(?P<label>geneva(?:\s+time)?|gva|cet|cest|mez|utc|[a-z]+/[a-z_/]+)\s*\)?",
    re.IGNORECASE,
)
_YES: Final = frozenset({"yes", "true", "y", "1"})
_NO: Final = frozenset({"no", "false", "n", "0", ""})


def order_of(fields: Mapping[str, str], actor: str) -> Order:
    """A new meeting. Raises Malformed for a field that is unknown, missing or not understood."""
    only(fields, _NEW)
    if not fields.get("start"):
        raise Malformed("start is missing: when does the meeting begin?")
    return Order(
        title=" ".join(fields.get("title", "").split()),
        when=_when(fields, wall.GENEVA),
        kind=fields.get("kind", "group").lower() or "group",
        location=fields.get("location", ""),
        join_url=fields.get("link", ""),
        description=fields.get("text", ""),
        tentative=_is_yes(fields, "tentative"),
        past=_is_yes(fields, "past"),
        takes_report=_is_yes(fields, "report") if "report" in fields else None,
        actor=actor,
    )


def _when(given: Mapping[str, str], zone: str) -> When:
    """Read the time fields; raises Malformed for what `schedule.read_when` refuses, and for two zones or two ends."""
    fields = _parted(given)
    days = fields.get("days", "")
    if days and not (days.isascii() and days.isdigit()):
        raise Malformed(f"days: {days!r} is not a number of days")
    start, end = fields.get("start", ""), fields.get("end", "")
    if end and not wall.is_day(start) and len(end) <= len("09:00"):  # only a time: the same day
        end = f"{wall.as_iso(start)[: len('2027-05-20')]} {end:0>5}"
    return schedule.read_when(
        start, end, duration=fields.get("duration", ""), days=int(days or 0), zone=fields.get("zone", "") or zone
    )


def _parted(fields: Mapping[str, str]) -> Mapping[str, str]:
    """The same fields, with the end and the zone that stand behind the start in fields of their own."""
    start, more = " ".join(fields.get("start", "").split()), dict[str, str]()
    if match := _FROM_TO.fullmatch(start):
        more["end"], start = match["end"].replace("h", ":").replace(".", ":"), match["start"] + (match["rest"] or "")
    if match := _LABEL.fullmatch(start):
        label = match["label"]
        more["zone"], start = label.upper() if label.lower() == "utc" else label, match["time"]
    for name, value in more.items():
        other = "duration" if name == "end" and fields.get("duration") else name
        if fields.get(other) and not _is_same(name, fields[other], value):
            raise Malformed(f"start says {value!r} and {other} says {fields[other]!r}; which of the two is meant?")
    return {**fields, **more, "start": start}


def _is_same(name: str, one: str, other: str) -> bool:
    return wall.zone_named(one) == wall.zone_named(other) if name == "zone" else one == other


def canonical(given: Mapping[str, str], when: When) -> Mapping[str, str]:
    """The fields as they may be corrected: one start and one end, whatever way they were given."""
    fields = _parted(given)
    kept = {key: value for key, value in fields.items() if key not in _TIME}
    if when.whole_days:
        last = wall.parse_day(when.wall_end).toordinal() - 1
        times = {"start": when.wall_start, "end": wall.parse_day(when.wall_end).fromordinal(last).isoformat()}
    elif fields.get("start", "")[-6:-5] in {"+", "-"} or fields.get("start", "").endswith("Z"):
        times = {key: fields[key] for key in ("start", "end", "duration") if key in fields}
    else:
        times = {"start": when.wall_start.replace("T", " "), "end": when.wall_end.replace("T", " ")}
    title = {"title": kept.pop("title")} if "title" in kept else {}
    text = {"text": kept.pop("text")} if "text" in kept else {}
    return {**title, **times, "zone": when.zone, **kept, **text}


def changes_of(fields: Mapping[str, str], meeting: Meeting, actor: str) -> Changes:
    """What is to be different about a meeting; its length stays where only a start is given. Raises as `order_of`."""
    only(fields, _CHANGED)
    when = None
    if _names_time(fields, meeting):
        when = _when(schedule.with_length(dict(_parted(fields)), meeting), meeting.zone)
    return Changes(
        when=when,
        title=fields.get("title"),
        location=fields.get("location"),
        join_url=fields.get("link"),
        description=fields.get("text"),
        confirm=_is_yes(fields, "confirm"),
        actor=actor,
    )


def _names_time(fields: Mapping[str, str], meeting: Meeting) -> bool:
    if fields.get("start"):
        return True
    if any(fields.get(name) for name in _TIME if name != "zone") or fields.get("zone", meeting.zone) != meeting.zone:
        raise Malformed("a new end, duration or zone needs start too")
    return False


def only(fields: Mapping[str, str], allowed: Sequence[str]) -> None:
    """Raise Malformed for a field that is not allowed."""
    unknown = [key for key in fields if key not in allowed]
    if unknown:
        raise Malformed(f"{', '.join(unknown)}: not known here; allowed are {', '.join(allowed)}")


def _is_yes(fields: Mapping[str, str], name: str) -> bool:
    said = fields.get(name, "").strip().lower()
    if said not in _YES | _NO:
        raise Malformed(f"{name}: {said!r} is neither yes nor no")
    return said in _YES
