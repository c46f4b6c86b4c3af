"""
Wall time in a zone, as a convener writes it, and the instant that it names (pure rules).

"2027-05-20 09:00" is Geneva time unless a zone is named; a day alone is a whole day. A time that the spring night
leaves out is refused, one that the autumn night has twice needs its offset: nothing is guessed. Instants are aware and
in UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cgbot.errors import Malformed

GENEVA: Final = "Europe/Zurich"
# What people write for a zone; each means the wall clock in Geneva, whatever offset the label would have.
_LABELS: Final = {"geneva": GENEVA, "geneva time": GENEVA, "gva": GENEVA, "cet": GENEVA, "cest": GENEVA, "mez": GENEVA}
_TIME: Final = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2})?)\s*(?P<offset>Z|[+-]\d{2}:?\d{2})?)?",
    re.IGNORECASE,
)
# As delegates write a time: "Thursday 20 May 2027, 09:00".
_WORDS: Final = re.compile(
    r"(?:(?P<weekday>[a-z]{3,9})\.?,?\s+)?(?P<d>\d{1,2})(?:\s+|-)(?P<month>[a-z]{3,9})\.?(?:\s+|-)(?P<y>\d{4})"
    r"(?:,?\s+(?:at\s+)?(?P<h>\d{1,2})[:.h](?P<min>\d{2}))?\s*(?P<offset>Z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_YEARS: Final = range(1990, 2200)  # of a meeting of anybody's; sums of what is beyond have no date
_DURATION: Final = re.compile(r"(?:(?P<h>\d{1,3})h)?\s*(?:(?P<m>\d{1,4})m(?:in)?)?", re.IGNORECASE)
_ALLOWED: Final = (
    'a time is written "2027-05-20 09:00" or "20 May 2027 09:00" (Geneva time), or "2027-05-20T09:00+02:00"'
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A wall time with its zone and instant; `wall` is local ISO time without offset."""

    wall: str
    zone: str
    instant: datetime


def zone_named(name: str) -> str:
    """The IANA name of a zone; Malformed for one that does not exist or is only an abbreviation."""
    known = _LABELS.get(name.strip().lower())
    if known:
        return known
    try:
        if "/" in name or name == "UTC":
            ZoneInfo(name)
            return name
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise Malformed(f"{name!r} is not a time zone; write an IANA name such as Europe/Zurich or Asia/Seoul, or UTC")


def parse_moment(text: str, zone: str = GENEVA) -> Moment:
    """
    Read a wall time in a zone, or a time with an offset.

    Raises Malformed: not a time, in a gap of the zone, or in a fold without the offset that tells which is meant.
    """
    match = _TIME.fullmatch(as_iso(text))
    if match is None or match["time"] is None:
        raise Malformed(f"{text!r} is not a time; {_ALLOWED}")
    try:
        naive = datetime.fromisoformat(f"{match['day']}T{match['time']}")
    except ValueError as error:
        raise Malformed(f"{text!r} is not a time: {error}; {_ALLOWED}") from error
    _check_year(text, naive)
    if match["offset"]:
        return _with_offset(naive, match["offset"], zone)
    return resolve(naive, zone)


def resolve(naive: datetime, zone: str) -> Moment:
    """Find the one instant of a wall time; Malformed in a gap or fold."""
    place = ZoneInfo(zone)
    first, second = naive.replace(tzinfo=place), naive.replace(tzinfo=place, fold=1)
    shown = f"{naive:%H:%M} on {naive.day} {naive:%B %Y} in {zone}"
    if first.astimezone(UTC).astimezone(place).replace(tzinfo=None) != naive:
        raise Malformed(f"{shown} does not exist: the clocks go forward over it; choose a time before or after")
    if first.utcoffset() != second.utcoffset():
        raise Malformed(f"{shown} is there twice: the clocks go back over it; write {_both(first, second)}")
    return Moment(naive.isoformat(timespec="minutes"), zone, first.astimezone(UTC))


def parse_day(text: str) -> date:
    """Read a day; Malformed says how one is written."""
    try:
        day = date.fromisoformat(as_iso(text))
    except ValueError as error:
        raise Malformed(f'{text!r} is not a day; a day is written "2027-05-20"') from error
    _check_year(text, day)
    return day


def _check_year(text: str, day: date) -> None:
    if day.year not in _YEARS:
        raise Malformed(f"{text!r}: the years {_YEARS[0]} to {_YEARS[-1]} are allowed")


def is_day(text: str) -> bool:
    """Say whether this is a day without a time."""
    match = _TIME.fullmatch(as_iso(text))
    return match is not None and match["time"] is None


def as_iso(text: str) -> str:
    """
    Turn "Thursday 20 May 2027, 09:00" into "2027-05-20 09:00"; anything else stays as it is.

    Raises Malformed where the weekday is not that day's: one of the two is wrong, and nobody knows which.
    """
    text = " ".join(text.split())
    match = _WORDS.fullmatch(text)
    if match is None or match["month"][:3].lower() not in _MONTHS:
        return text
    try:
        day = date(int(match["y"]), _MONTHS.index(match["month"][:3].lower()) + 1, int(match["d"]))
    except ValueError as error:
        raise Malformed(f"{text!r} is not a day: {error}") from error
    if match["weekday"] and match["weekday"][:3].lower() != _WEEKDAYS[day.weekday()]:
        raise Malformed(f"{text!r}: {day.day} {day:%B %Y} is a {day:%A}; which of the two is meant?")
    if match["h"] is None:
        return day.isoformat()
    return f"{day.isoformat()} {int(match['h']):02}:{match['min']}{match['offset'] or ''}"


def check_label(label: str, moment: Moment) -> None:
    """Refuse "CET" for a time at which Geneva is on CEST, and the other way round: the readings differ by an hour."""
    stated = label.strip().upper()
    real = moment.instant.astimezone(ZoneInfo(GENEVA)).tzname()
    if stated in {"CET", "CEST"} and moment.zone == GENEVA and stated != real:
        wall, offset = moment.wall.replace("T", " "), "+01:00" if stated == "CET" else "+02:00"
        raise Malformed(
            f"{wall} {stated}: Geneva is on {real} at that time; write zone Geneva if the clock in Geneva is meant, "
            f"or {moment.wall}{offset} if {stated} is"
        )


def parse_duration(text: str) -> timedelta:
    """Read `60m`, `2h` or `1h30m`; Malformed for anything else and for nothing."""
    match = _DURATION.fullmatch(text.strip())
    span = timedelta(hours=int(match["h"] or 0), minutes=int(match["m"] or 0)) if match else timedelta()
    if span <= timedelta():
        raise Malformed(f"{text!r} is not a duration; it is written 60m, 2h or 1h30m")
    return span


def start_of_day(day: date, zone: str) -> datetime:
    """The instant at which a day begins in a zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _with_offset(naive: datetime, offset: str, zone: str) -> Moment:
    text = "+00:00" if offset.upper() == "Z" else offset if ":" in offset else f"{offset[:3]}:{offset[3:]}"
    instant = datetime.fromisoformat(f"{naive.isoformat()}{text}").astimezone(UTC)
    local = instant.astimezone(ZoneInfo(zone))
    return Moment(local.replace(tzinfo=None).isoformat(timespec="minutes"), zone, instant)


def _both(first: datetime, second: datetime) -> str:
    return " or ".join(one.isoformat(timespec="minutes") for one in (first, second))
