"""The VTIMEZONE that Outlook and everybody else reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from dateutil.rrule import rrulestr

from cgbot.errors import Malformed
from cgbot.ical.zone import block

ZURICH = """\
BEGIN:VTIMEZONE
TZID:Europe/Zurich
BEGIN:DAYLIGHT
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""


LATER = datetime(2038, 1, 1)  # noqa: DTZ001 - onsets are local times


def test_the_block_of_geneva_byte_for_byte() -> None:
    assert block("Europe/Zurich", 2026) == ZURICH.replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    "zone", ["Europe/Zurich", "America/New_York", "Australia/Sydney", "Asia/Seoul", "Asia/Kathmandu"]
)
def test_every_hour_of_twelve_years(zone: str) -> None:
    written = block(zone, 2026)
    assert written is not None
    changes = []
    parsed = icalendar.Calendar.from_ical(
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + written + b"END:VCALENDAR\r\n"
    )
    for part in parsed.walk("VTIMEZONE")[0].subcomponents:
        before, after = part["TZOFFSETFROM"].td, part["TZOFFSETTO"].td
        start = part["DTSTART"].dt.replace(tzinfo=None)
        rule = part.get("RRULE")
        onsets = rrulestr(rule.to_ical().decode(), dtstart=start).between(start, LATER, inc=True) if rule else [start]
        changes += [((onset - before).replace(tzinfo=UTC), after) for onset in onsets]
    changes.sort()
    hour = datetime(2026, 1, 1, tzinfo=UTC)
    place = ZoneInfo(zone)
    at = 0
    while hour < datetime(2037, 12, 31, tzinfo=UTC):
        while at + 1 < len(changes) and changes[at + 1][0] <= hour:
            at += 1
        assert hour.astimezone(place).utcoffset() == changes[at][1], hour
        hour += timedelta(hours=1)


@pytest.mark.parametrize("zone", ["UTC", "Africa/Casablanca", "Asia/Jerusalem"])
def test_a_zone_that_cannot_be_written_so_has_none(zone: str) -> None:
    assert block(zone, 2026) is None


@pytest.mark.parametrize("name", ["localtime", "Mars/Olympus", "../../etc/passwd", "posixrules", "", "europe/zurich"])
def test_a_name_that_means_another_place_on_each_machine_is_refused(name: str) -> None:
    with pytest.raises(Malformed, match="not a time zone"):
        block(name, 2027)


def test_a_block_holds_for_all_years_that_are_asked_for() -> None:
    """Kazakhstan has had one time, five hours ahead, since 1 March 2024."""
    assert block("Asia/Almaty", 2027) is not None
    assert block("Asia/Almaty", 2023, 2027) is None
    assert block("Europe/Zurich", 2000, 2030) == block("Europe/Zurich", 2026)
