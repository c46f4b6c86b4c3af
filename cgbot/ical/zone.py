"""
VTIMEZONE blocks that every client reads (pure rules: RFC 5545 section 3.6.5).

Made from the rule with which the zone's data ends (the POSIX string in the TZif footer of the pinned tzdata package):
one STANDARD and one DAYLIGHT block, each with a yearly RRULE of one weekday, which is all that Outlook understands. A
block is checked against zoneinfo for every day of the years around the events; a zone that fails the check has no
block, and its meetings are written in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from cgbot.errors import Malformed

_DAYS: Final = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_NAME: Final = r"(?:<[^>]+>|[A-Za-z]+)"
_OFFSET: Final = r"[+-]?\d{1,3}(?::\d{2}){0,2}"
_RULE: Final = re.compile(
    rf"(?P<standard>{_NAME})(?P<offset>{_OFFSET})"
    rf"(?:(?P<summer>{_NAME})(?P<summer_offset>{_OFFSET})?,(?P<begin>M[^,]+),(?P<end>M[^,]+))?"
)
_DATE: Final = re.compile(r"M(\d{1,2})\.(\d)\.(\d)(?:/([+-]?\d{1,3}(?::\d{2}){0,2}))?")
_HOURS_OF_A_DAY: Final = 24
_LAST_WEEK: Final = 5
_FIRST_YEAR: Final = 1970


_YEARS_AFTER: Final = 10


@lru_cache(maxsize=64)
def block(zone: str, first: int, last: int | None = None) -> bytes | None:
    """
    The VTIMEZONE of a zone with CRLF line ends, right from the year before `first` to ten years after `last`.

    None for UTC, and for a zone whose rule cannot be written so in these years. Raises Malformed for a name that the
    pinned data does not have, such as "localtime", which means another place on each machine.
    """
    if zone not in names():
        raise Malformed(f"{zone!r} is not a time zone with a name that means the same everywhere")
    if zone == "UTC":
        return None
    match = _RULE.fullmatch(_footer(zone))
    written = _write(zone, match) if match else None
    if (
        match is None
        or written is None
        or not _holds(zone, match, range(first - 1, (last or first) + _YEARS_AFTER + 1))
    ):
        return None
    return written


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Every zone that the pinned data has."""
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def _footer(zone: str) -> str:
    """The POSIX rule at the end of the zone's data (RFC 8536 section 3.3)."""
    data = files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    return data.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii")


def _write(zone: str, match: re.Match[str]) -> bytes | None:
    standard = _offset(match["offset"])
    lines = ["BEGIN:VTIMEZONE", f"TZID:{zone}"]
    if match["summer"] is None:
        name = match["standard"].strip("<>")
        shown = _shown(standard)
        lines += ["BEGIN:STANDARD", f"TZNAME:{name}", f"TZOFFSETFROM:{shown}", f"TZOFFSETTO:{shown}"]
        lines += ["DTSTART:19700101T000000", "END:STANDARD"]
    else:
        summer = _offset(match["summer_offset"]) if match["summer_offset"] else standard + timedelta(hours=1)
        for kind, name, begin, before, after in (
            ("DAYLIGHT", match["summer"], match["begin"], standard, summer),
            ("STANDARD", match["standard"], match["end"], summer, standard),
        ):
            rule = _yearly(begin)
            if rule is None:
                return None
            lines += [f"BEGIN:{kind}", f"TZNAME:{name.strip('<>')}", f"TZOFFSETFROM:{_shown(before)}"]
            lines += [f"TZOFFSETTO:{_shown(after)}", *rule, f"END:{kind}"]
    return ("\r\n".join([*lines, "END:VTIMEZONE"]) + "\r\n").encode("ascii")


def _yearly(date: str) -> list[str] | None:
    """DTSTART and RRULE of a yearly change; None for a time that is not within its day."""
    match = _DATE.fullmatch(date)
    if match is None:
        return None
    month, week, day = int(match[1]), int(match[2]), int(match[3])
    time = _span(match[4] or "2")
    if not timedelta() <= time < timedelta(hours=_HOURS_OF_A_DAY):
        return None
    first = weekday_of_month(_FIRST_YEAR, month, week, day)
    clock = datetime(2000, 1, 1, tzinfo=UTC) + time
    place = -1 if week == _LAST_WEEK else week
    return [
        f"DTSTART:{_FIRST_YEAR}{month:02}{first:02}T{clock:%H%M%S}",
        f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={place}{_DAYS[day]}",
    ]


def weekday_of_month(year: int, month: int, week: int, day: int) -> int:
    """The day of the month of the week-th (5: last) weekday; 0 is Sunday."""
    first = datetime(year, month, 1, tzinfo=UTC)
    found = 1 + (day - (first.weekday() + 1)) % 7
    dates = [found + 7 * n for n in range(5) if (first + timedelta(days=found - 1 + 7 * n)).month == month]
    return dates[-1] if week == _LAST_WEEK else dates[week - 1]


def _holds(zone: str, match: re.Match[str], years: range) -> bool:
    """Compare the rule with zoneinfo, around each change and at noon of every day in between."""
    place = ZoneInfo(zone)
    changes = [one for year in years for one in _expected(match, year)]
    return all(instant.astimezone(place).utcoffset() == offset for instant, offset in changes + _noons(changes, years))


def _noons(changes: list[tuple[datetime, timedelta]], years: range) -> list[tuple[datetime, timedelta]]:
    """Noon of each day, from the first change on, with the offset that holds since the last one."""
    noon, end = datetime(years[0], 1, 1, 12, tzinfo=UTC), datetime(years[-1] + 1, 1, 1, tzinfo=UTC)
    ordered = sorted(changes)
    found, place, offset = [], 0, None
    while noon < end:
        while place < len(ordered) and ordered[place][0] <= noon:
            offset, place = ordered[place][1], place + 1
        if offset is not None:
            found.append((noon, offset))
        noon += timedelta(days=1)
    return found


def _expected(match: re.Match[str], year: int) -> list[tuple[datetime, timedelta]]:
    """The offsets that the rule gives in a year: a second before each change, and at it."""
    standard = _offset(match["offset"])
    if match["summer"] is None:
        return [(datetime(year, 1, 1, tzinfo=UTC), standard)]
    summer = _offset(match["summer_offset"]) if match["summer_offset"] else standard + timedelta(hours=1)
    begin = _instant(match["begin"], year, standard)
    end = _instant(match["end"], year, summer)
    second = timedelta(seconds=1)
    return [(begin - second, standard), (begin, summer), (end - second, summer), (end, standard)]


def _instant(date: str, year: int, offset: timedelta) -> datetime:
    match = _DATE.fullmatch(date)
    assert match is not None  # noqa: S101 - _yearly has read it before
    day = weekday_of_month(year, int(match[1]), int(match[2]), int(match[3]))
    return datetime(year, int(match[1]), day, tzinfo=UTC) + _span(match[4] or "2") - offset


def _offset(text: str) -> timedelta:
    """POSIX counts west of Greenwich; everybody else east."""
    return -_span(text)


def _span(text: str) -> timedelta:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")] + [0, 0]
    return sign * timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2])


def _shown(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
