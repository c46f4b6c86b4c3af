"""
Calendar objects of other programs before they are parsed (pure rules: RFC 5545 sections 3.1 and 3.6.5).

Mended where programs break them, unfolded, and parted from their VTIMEZONE blocks: icalendar keeps each block that it
has seen under its name for the life of the process, so that one object could tell the time in all later ones. A block
is asked for its offset here, for the yearly rules and single dates that programs write; anything else it says is not
understood. Every step is one pass; nothing is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from cgbot.ical.zone import weekday_of_month

_LONGEST_TIMED: Final = 500  # characters of a line that names a time zone
_MOST_RULES: Final = 300
_MOST_LINES: Final = 5000  # of an object: each costs icalendar some time, whatever is in it
_MOST_TIMED: Final = 200  # lines that name a zone, which is looked for on the disk
_UNREAD: Final = ("CATEGORIES", "RESOURCES")  # lists that nobody here reads
_DEEP_ZONE: Final = re.compile(r"TZID=[^:;]*(?:/[^:;/]*){4}", re.IGNORECASE)  # no zone has so many parts
_DAYS: Final = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_LOCAL: Final = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})")
_OFFSET: Final = re.compile(r"([+-])(\d{2})(\d{2})(?:\d{2})?")
_BYDAY: Final = re.compile(r"(-1|\+?[1-4])(SU|MO|TU|WE|TH|FR|SA)")
_MONTHS: Final = frozenset(f"{month}" for month in range(1, 13)) | {f"{month:02}" for month in range(1, 10)}
_KNOWN: Final = frozenset({"FREQ", "INTERVAL", "BYMONTH", "BYDAY", "UNTIL", "WKST"})


@dataclass(frozen=True, slots=True)
class _Rule:
    """One STANDARD or DAYLIGHT: when it begins, the offset from then on, and how it comes again each year."""

    onset: datetime
    to: timedelta
    month: int = 0
    place: int = 0
    day: int = 0
    until: datetime | None = None
    more: tuple[datetime, ...] = ()


def mended(content: bytes) -> str:
    """Mend what programs break: marks, line ends, leading junk, a missing end; unfolded, with LF."""
    text = content.decode("utf-8-sig", "replace")
    # One pass: a pattern that looks for the LF after a run of CRs takes minutes for half a megabyte of them.
    text = re.sub(r"\r+\n?", "\n", text).replace("\x00", "").replace("\n ", "").replace("\n\t", "")
    begin = re.search("BEGIN:VCALENDAR", text, re.IGNORECASE)
    text = text[begin.start() :] if begin else text
    for component in ("VEVENT", "VCALENDAR"):
        if f"BEGIN:{component}" in text.upper() and f"END:{component}" not in text.upper():
            text = f"{text.rstrip()}\nEND:{component}\n"
    return text


def parted(text: str) -> tuple[str, Mapping[str, Sequence[str]]]:
    """The object without its VTIMEZONE blocks, with CRLF; and the lines of each block by its TZID."""
    kept: list[str] = []
    blocks: dict[str, list[str]] = {}
    block: list[str] | None = None
    timed = 0
    for line in text.split("\n", _MOST_LINES)[:_MOST_LINES]:
        bare = line.strip().upper()
        if bare == "BEGIN:VTIMEZONE":
            block = []
        elif bare == "END:VTIMEZONE":
            blocks.setdefault(_named(block or ()), block or [])
            block = None
        elif block is not None:
            block.append(line.strip())
        elif bare.startswith(_UNREAD):
            continue
        elif "TZID=" not in line[:_LONGEST_TIMED].upper():
            kept.append(line)
        elif timed < _MOST_TIMED and len(line) <= _LONGEST_TIMED and not _DEEP_ZONE.search(line):
            timed += 1
            kept.append(line)
    return "\r\n".join(kept), MappingProxyType(blocks)


def _named(block: Sequence[str]) -> str:
    return next((_value(line).strip('"') for line in block if line.upper().startswith("TZID")), "")


def _value(line: str) -> str:
    return line.partition(":")[2].strip()


def offset(block: Sequence[str], wall: datetime) -> timedelta | None:
    """The offset from UTC that a VTIMEZONE gives at a wall time; None where it gives none that is understood."""
    newest: tuple[datetime, timedelta] | None = None
    for rule in _rules(block)[:_MOST_RULES]:
        if rule is None:
            return None
        for onset in _onsets(rule, wall):
            if onset <= wall and (newest is None or onset >= newest[0]):
                newest = (onset, rule.to)
    return newest[1] if newest else None


def _rules(block: Sequence[str]) -> list[_Rule | None]:
    found: list[_Rule | None] = []
    lines: list[str] | None = None
    for line in block:
        bare = line.upper()
        if bare in {"BEGIN:STANDARD", "BEGIN:DAYLIGHT"}:
            lines = []
        elif bare in {"END:STANDARD", "END:DAYLIGHT"} and lines is not None:
            found.append(_rule(lines))
            lines = None
        elif lines is not None:
            lines.append(line)
    return found


def _rule(lines: Sequence[str]) -> _Rule | None:
    values = {re.split("[;:]", line, maxsplit=1)[0].upper(): _value(line) for line in lines}
    onset, to = _moment(values.get("DTSTART", "")), _OFFSET.fullmatch(values.get("TZOFFSETTO", ""))
    if onset is None or to is None:
        return None
    span = timedelta(hours=int(to[2]), minutes=int(to[3])) * (-1 if to[1] == "-" else 1)
    more = tuple(one for text in values.get("RDATE", "").split(",")[:_MOST_RULES] if (one := _moment(text)))
    yearly = values.get("RRULE", "").upper()
    return _yearly(_Rule(onset, span, more=more), yearly) if yearly else _Rule(onset, span, more=more)


def _yearly(rule: _Rule, text: str) -> _Rule | None:
    """A rule that comes again on one weekday of one month; None for any other."""
    parts = dict(part.partition("=")[::2] for part in text.split(";") if part)
    day = _BYDAY.fullmatch(parts.get("BYDAY", ""))
    month = parts.get("BYMONTH", "")
    usual = parts.get("FREQ") == "YEARLY" and parts.get("INTERVAL", "1") == "1" and parts.keys() <= _KNOWN
    if not usual or day is None or month not in _MONTHS:
        return None
    until = _moment(f"{parts['UNTIL'].partition('T')[0]}T235959") if "UNTIL" in parts else None
    place = 5 if day[1] == "-1" else int(day[1])
    return _Rule(rule.onset, rule.to, int(month), place, _DAYS.index(day[2]), until, rule.more)


def _onsets(rule: _Rule, wall: datetime) -> list[datetime]:
    """When it has begun last, around a wall time."""
    found = [rule.onset, *rule.more]
    for year in (wall.year - 1, wall.year) if rule.month else ():
        day = weekday_of_month(year, rule.month, rule.place, rule.day)
        onset = rule.onset.replace(year=year, month=rule.month, day=day)
        if onset >= rule.onset and (rule.until is None or onset <= rule.until):
            found.append(onset)
    return found


def _moment(text: str) -> datetime | None:
    match = _LOCAL.match(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(one) for one in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).replace(tzinfo=None)
    except ValueError:
        return None
