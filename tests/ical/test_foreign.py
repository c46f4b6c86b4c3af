"""Zone blocks of other programs: what they say is read here, and stays with the object that brought them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.ical import foreign, incoming, zone


def at(text: str) -> datetime:
    """A wall time, which belongs to no zone."""
    return datetime.fromisoformat(text)


# RFC 5545 section 3.6.5, the last example: New York since 2007.
NEW_YORK = """BEGIN:STANDARD
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
TZNAME:EST
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
TZNAME:EDT
END:DAYLIGHT"""
# The first one there: a rule with an end, and the single date after which nothing changes any more.
ENDED = """BEGIN:DAYLIGHT
DTSTART:19870405T020000
RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU;UNTIL=19980404T070000Z
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19871025T020000
RDATE:19881030T020000,19891029T020000
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD"""
INVITATION = """BEGIN:VCALENDAR
BEGIN:VTIMEZONE
TZID:The office
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:{offset}
TZOFFSETTO:{offset}
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1@example.org
DTSTART;TZID=The office:20270520T090000
DTEND;TZID=The office:20270520T100000
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(
    ("block", "wall", "hours"),
    [
        (NEW_YORK, at("2027-03-14T01:59"), -5),
        (NEW_YORK, at("2027-03-14T03:00"), -4),
        (NEW_YORK, at("2027-11-07T00:59"), -4),
        (NEW_YORK, at("2027-11-07T02:00"), -5),
        (NEW_YORK, at("2028-01-01"), -5),
        (ENDED, at("1990-05-01"), -4),
        (ENDED, at("1989-12-01"), -5),
        (ENDED, at("1997-05-01"), -4),
    ],
)
def test_the_examples_of_the_standard(block: str, wall: datetime, hours: int) -> None:
    assert foreign.offset(block.splitlines(), wall) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=1SU", "FREQ=MONTHLY;BYDAY=1SU"),
        ("BYDAY=1SU", "BYDAY=SU"),
        ("BYMONTH=11", "BYMONTH=13"),
        ("BYMONTH=11", "BYMONTH=" + "9" * 5000),
        ("BYMONTH=11", "BYMONTH=\u0663"),
        ("TZOFFSETTO:-0500", "TZOFFSETTO:five hours"),
        ("DTSTART:20071104T020000", "DTSTART:20071399T990000"),
        ("DTSTART:20071104T020000", ""),
        (NEW_YORK, ""),
    ],
)
def test_what_is_not_understood_gives_no_offset(old: str, new: str) -> None:
    assert foreign.offset(NEW_YORK.replace(old, new, 1).splitlines(), at("2027-03-14")) is None


@given(st.lists(st.text(max_size=60), max_size=20), st.datetimes(at("1990-01-01"), at("2199-01-01")))
def test_any_block_is_read(lines: list[str], wall: datetime) -> None:
    foreign.offset(["BEGIN:STANDARD", *lines, "END:STANDARD"], wall)


@pytest.mark.parametrize("name", ["Europe/Zurich", "America/New_York", "Asia/Tokyo", "Australia/Sydney"])
@given(wall=st.datetimes(at("2026-01-01"), at("2036-01-01")))
def test_our_own_blocks_say_what_the_pinned_data_says(name: str, wall: datetime) -> None:
    block = zone.block(name, 2026, 2036)
    assert block is not None
    _, blocks = foreign.parted(block.decode().replace("\r\n", "\n"))
    local = wall.replace(tzinfo=ZoneInfo(name))
    assert foreign.offset(blocks[name], wall) in {local.utcoffset(), local.replace(fold=1).utcoffset()}


def test_a_block_stays_with_its_own_object() -> None:
    """Two people call their zones the same and mean another one: neither tells the time of the other's meeting."""
    for offset, hour in (("+0200", 7), ("-0500", 14), ("+0200", 7)):
        found = incoming.read(INVITATION.format(offset=offset).encode())
        assert found is not None
        assert found.starts_at is not None
        assert found.starts_at.hour == hour


def test_zones_that_cannot_be_are_not_looked_for() -> None:
    """A zone with 200 parts is looked for in 200 places on the disk, on each of a thousand lines."""
    deep = f"DTEND;TZID={'/'.join('a' * 200)}:20270101T000000"
    text = "\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *[deep] * 1000, "CATEGORIES:" + "," * 100_000, "UID:1"])
    kept, _ = foreign.parted(text)
    assert kept.split("\r\n") == ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:1"]
    kept, _ = foreign.parted("\n".join(["DTSTART;TZID=America/Argentina/Buenos_Aires:20270101T000000"] * 1000))
    assert kept.count("TZID") == 200
    kept, _ = foreign.parted("A:\n" * 120_000)
    assert kept.count("A:") == 5000
