"""
A meeting in somebody else's calendar object (pure rules: RFC 5545; Windows zone names as CLDR maps them).

What came by mail is mended (foreign) and read by icalendar; the time is found from the TZID by the pinned data, by its
Windows name, or else by the VTIMEZONE that came with it. What is not certain is said, never guessed: a time without a
zone, a zone that nobody knows, a zone block that contradicts its own name, no end. Never raises; nothing is expanded.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import icalendar
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from cgbot.ical import foreign
from cgbot.ical import zone as zones
from cgbot.ical.itip import OCTETS, address_of
from cgbot.mail.headers import clean_text

_YEARS: Final = range(1990, 2200)
_TEXT: Final = 8000
_LINKS: Final = ("CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "URL")
_MOST_EVENTS: Final = 50
Blocks = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Offered:
    """
    One meeting.

    `start` and `end` are wall times in `zone` without offset, or dates with `whole_days` (the end exclusive, None where
    the object has none); `starts_at` is the instant, None for a time whose zone is not known: then `zone` is "".
    `doubt` says in words what is not certain. `links` are the URIs of its properties.
    """

    method: str
    uid: str
    summary: str
    start: datetime | date
    end: datetime | date | None
    zone: str
    starts_at: datetime | None
    whole_days: bool
    recurring: bool
    tentative: bool = False
    location: str = ""
    description: str = ""
    organizer: str = ""
    links: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class _Time:
    """A DATE or DATE-TIME: its wall time, its zone where one is known, its instant."""

    wall: datetime | date
    zone: str = ""
    instant: datetime | None = None
    doubt: str = ""


def read(content: bytes) -> Offered | None:
    """The first meeting of an object that came by mail; None where there is none with a start."""
    if len(content) > OCTETS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what icalendar guesses about zones is decided here
            return _first(*foreign.parted(foreign.mended(content)))
    except Exception:  # noqa: BLE001 - hostile input: icalendar raises ValueError, KeyError, AttributeError, RecursionError
        return None


def _first(text: str, blocks: Blocks) -> Offered | None:
    for calendar in icalendar.Calendar.from_ical(text, multiple=True):
        events = [one for one in calendar.subcomponents if one.name == "VEVENT"][:_MOST_EVENTS]
        # The series itself stands before what is different about one of its days.
        for event in sorted(events, key=lambda one: "RECURRENCE-ID" in one):
            if (found := _offered(calendar, event, blocks)) is not None:
                return found
    return None


def _offered(calendar: Any, event: Any, blocks: Blocks) -> Offered | None:
    start = _time(blocks, event.get("DTSTART"))
    if start is None:
        return None
    end = _end(blocks, event, start)
    return Offered(
        method=str(calendar.get("METHOD", "")).strip().upper()[:40],
        uid=clean_text(_text(event, "UID"), 500),
        summary=clean_text(_text(event, "SUMMARY"), 300),
        start=start.wall,
        end=end,
        zone=start.zone,
        starts_at=start.instant,
        whole_days=not isinstance(start.wall, datetime),
        recurring="RRULE" in event or "RDATE" in event,
        tentative=_text(event, "STATUS").strip().upper() == "TENTATIVE",
        location=clean_text(_text(event, "LOCATION"), 300),
        description=_text(event, "DESCRIPTION")[:_TEXT],
        organizer=address_of(_text(event, "ORGANIZER")),
        links=tuple(filter(None, (clean_text(_text(event, name), 2000) for name in _LINKS))),
        doubt=start.doubt,
    )


def _text(event: Any, name: str) -> str:
    value = event.get(name)
    return str(value[0] if isinstance(value, list) else value) if value else ""


def _end(blocks: Blocks, event: Any, start: _Time) -> datetime | date | None:
    """The end in the zone of the start (RFC 5545 section 3.6.1: a DATE without an end is one day)."""
    ends = _time(blocks, event.get("DTEND"))
    length = getattr(event.get("DURATION"), "dt", None)
    if ends is None:
        whole = not isinstance(start.wall, datetime)
        span = length if isinstance(length, timedelta) else timedelta(days=1) if whole else None
        return _after(start, span) if span else None
    if isinstance(ends.wall, datetime) != isinstance(start.wall, datetime):
        return None
    if ends.instant and start.instant and start.zone:
        return ends.instant.astimezone(ZoneInfo(start.zone)).replace(tzinfo=None)
    return ends.wall


def _after(start: _Time, span: timedelta) -> datetime | date:
    """The wall time a span later; over a change of the clocks an hour is an hour (RFC 5545 section 3.3.6)."""
    if start.instant is None:
        return start.wall + span
    return (start.instant + span).astimezone(ZoneInfo(start.zone)).replace(tzinfo=None)


# --------------------------------------------------------------------------------------------------------- its time


def _time(blocks: Blocks, value: Any) -> _Time | None:
    value = value[0] if isinstance(value, list) else value
    found = getattr(value, "dt", None)
    if not isinstance(found, date) or found.year not in _YEARS:
        return None
    if not isinstance(found, datetime):
        return _Time(found)
    wall = found.replace(tzinfo=None, microsecond=0)
    label = clean_text(str(value.params.get("TZID", "")), 200).strip().strip('"')
    if not label:
        return _of_no_label(found, wall)
    name, block = named(label), blocks.get(label)
    given = foreign.offset(block, wall) if block else None
    return _of_zone(name, wall, given) if name else _of_unknown(label, wall, given)


def _of_no_label(found: datetime, wall: datetime) -> _Time:
    """UTC (form 2 of RFC 5545 section 3.3.5), or a floating time (form 1)."""
    if found.tzinfo is not None:
        return _Time(wall, "UTC", wall.replace(tzinfo=UTC))
    return _Time(wall, doubt="the invitation gives its time without a time zone")


def _of_zone(name: str, wall: datetime, given: timedelta | None) -> _Time:
    local = wall.replace(tzinfo=ZoneInfo(name))
    if given is not None and given not in {local.utcoffset(), local.replace(fold=1).utcoffset()}:
        shown = f"{name} is {_shown(local.utcoffset())} at that time, and its own block says {_shown(given)}"
        return _Time(wall, doubt=f"the invitation contradicts itself: {shown} from UTC")
    instant = local.astimezone(UTC)
    if instant.astimezone(ZoneInfo(name)).replace(tzinfo=None) != wall:
        return _Time(wall, doubt=f"the clocks of {name} go forward over that time")
    return _Time(wall, name, instant)


def _of_unknown(label: str, wall: datetime, given: timedelta | None) -> _Time:
    """A zone that only the object itself knows: its block tells the instant, which is then given in UTC."""
    if given is None:
        return _Time(wall, doubt=f"nobody knows the time zone {label!r} of the invitation")
    instant = (wall - given).replace(tzinfo=UTC)
    return _Time(instant.replace(tzinfo=None), "UTC", instant)


def named(label: str) -> str:
    """The IANA name that a TZID stands for: itself, a path that ends with it, or a Windows name; "" for none."""
    parts = label.split("/")
    for start in range(len(parts)):
        tail = "/".join(parts[start:])
        if tail in zones.names() and ("/" in tail or tail == "UTC"):
            return tail
    found = WINDOWS_TO_OLSON.get(re.sub(r"\s+", " ", label).strip(), "")
    return found if found in zones.names() else ""


def _shown(offset: timedelta | None) -> str:
    minutes = int((offset or timedelta()).total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
