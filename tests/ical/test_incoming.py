"""Somebody else's invitation: its time, whoever wrote its zone, and what is not certain."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.ical import incoming, zone
from cgbot.ical.incoming import Offered

GENEVA = "DTSTART;TZID=Europe/Zurich:20270520T090000"


def calendar(times: str, more: str = "", *, block: str = "") -> bytes:
    lines = f"BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\n{block}BEGIN:VEVENT\nUID:1@x\nSUMMARY:X\n{times}\n{more}"
    return f"{lines.rstrip()}\nEND:VEVENT\nEND:VCALENDAR\n".replace("\n", "\r\n").encode()


def read(times: str, more: str = "", *, block: str = "") -> Offered:
    found = incoming.read(calendar(times, more, block=block))
    assert found is not None
    return found


OUTLOOK = """BEGIN:VTIMEZONE
TZID:{}
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Europe/Zurich", "Europe/Zurich"),
        ("UTC", "UTC"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Korea Standard Time", "Asia/Seoul"),
        ("/softwarestudio.org/Olson_20011030_5/America/New_York", "America/New_York"),
        ("/freeassociation.sourceforge.net/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("localtime", ""),
        ("CET", ""),
        ("../../etc/passwd", ""),
        ("Customized Time Zone", ""),
        ("", ""),
    ],
)
def test_names_of_zones(label: str, name: str) -> None:
    """A bare "CET" is nobody's clock: it may be Geneva's, or an hour off in summer."""
    assert incoming.named(label) == name


def test_every_windows_name_is_a_zone_of_the_pinned_data_or_nothing() -> None:
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    found = {incoming.named(one) for one in WINDOWS_TO_OLSON}
    assert len(found - {""}) > 80
    assert found - {""} <= zone.names()


@pytest.mark.parametrize(
    ("times", "starts_at", "end"),
    [
        ("DTSTART:20270520T070000Z\nDTEND:20270520T080000Z", 7, datetime(2027, 5, 20, 8)),  # noqa: DTZ001
        ("DTSTART;TZID=Asia/Seoul:20270520T160000\nDURATION:PT90M", 7, datetime(2027, 5, 20, 17, 30)),  # noqa: DTZ001
        ("DTSTART;TZID=Europe/Zurich:20270520T090000\nDTEND:20270520T080000Z", 7, datetime(2027, 5, 20, 10)),  # noqa: DTZ001
        (f"{GENEVA}\nDTEND;TZID=Asia/Seoul:20270520T170000", 7, datetime(2027, 5, 20, 10)),  # noqa: DTZ001
        ("DTSTART;TZID=Europe/Zurich:20270520T090000", 7, None),
    ],
)  # fmt: skip
def test_starts_and_ends(times: str, starts_at: int, end: datetime | None) -> None:
    found = read(times)
    assert found.starts_at == datetime(2027, 5, 20, starts_at, tzinfo=UTC)
    assert (found.end, found.doubt) == (end, "")


def test_a_length_over_a_change_of_the_clocks_is_real_time() -> None:
    """RFC 5545 section 3.3.6: PT3H from 01:00 on the night to summer time ends at 05:00."""
    found = read("DTSTART;TZID=Europe/Zurich:20280326T010000\nDURATION:PT3H")
    assert found.end == datetime(2028, 3, 26, 5)  # noqa: DTZ001 - a wall time


def test_an_hour_that_comes_twice_is_the_first() -> None:
    """RFC 5545 section 3.3.5: the first of the two."""
    assert read("DTSTART;TZID=Europe/Zurich:20271031T023000").starts_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "block", "doubt"),
    [
        ("DTSTART:20270520T090000", "", "without a time zone"),
        ("DTSTART;TZID=Somewhere:20270520T090000", "", "'Somewhere'"),
        ("DTSTART;TZID=Asia/Seoul:20270520T090000", OUTLOOK.format("Asia/Seoul"), "its own block says +02:00"),
        ("DTSTART;TZID=Europe/Zurich:20280326T023000", "", "go forward over that time"),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_said(times: str, block: str, doubt: str) -> None:
    found = read(times, block=block)
    assert (found.starts_at, found.zone) == (None, "")
    assert doubt in found.doubt


def test_a_zone_that_only_the_object_knows_gives_the_instant() -> None:
    found = read("DTSTART;TZID=Our own:20270520T090000\nDURATION:PT1H", block=OUTLOOK.format("Our own"))
    assert (found.starts_at, found.zone, found.doubt) == (datetime(2027, 5, 20, 7, tzinfo=UTC), "UTC", "")


@pytest.mark.parametrize(
    ("times", "end"),
    [
        ("DTSTART;VALUE=DATE:20270520", date(2027, 5, 21)),
        ("DTSTART;VALUE=DATE:20270520\nDTEND;VALUE=DATE:20270522", date(2027, 5, 22)),
        ("DTSTART;VALUE=DATE:20270520\nDURATION:P2D", date(2027, 5, 22)),
    ],
)
def test_whole_days(times: str, end: date) -> None:
    found = read(times)
    assert (found.whole_days, found.start, found.end) == (True, date(2027, 5, 20), end)


def test_a_series_is_itself_before_its_exceptions() -> None:
    exception = (
        "END:VEVENT\nBEGIN:VEVENT\nUID:1@x\nSUMMARY:X\nDTSTART:20270520T070000Z\nRRULE:FREQ=WEEKLY\nDURATION:PT1H\n"
    )
    found = read("RECURRENCE-ID:20270527T070000Z\nDTSTART:20270527T090000Z", exception)
    assert (found.recurring, found.starts_at) == (True, datetime(2027, 5, 20, 7, tzinfo=UTC))


@pytest.mark.parametrize("times", ["", "DTSTART:nonsense", "DTSTART:00010101T000000Z", "DTSTART:99990101T000000Z"])
def test_what_has_no_start_of_ours_is_nothing(times: str) -> None:
    assert incoming.read(calendar(times)) is None


@given(st.binary(max_size=400))
def test_reading_never_raises(noise: bytes) -> None:
    whole = calendar("DTSTART;TZID=Europe/Zurich:20270520T090000")
    incoming.read(noise)
    incoming.read(whole[:90] + noise + whole[90:])


def test_nothing_of_other_programs_raises_or_takes_long(corpora: Path) -> None:
    found = 0
    for folder in ("04-ical", "05-imip"):
        for file in sorted((corpora / folder).rglob("*")):
            if file.is_file():
                started = time.process_time()
                found += incoming.read(file.read_bytes()) is not None
                assert time.process_time() - started < 2, file
    assert found > 100
