"""Wall times as conveners write them; nothing is guessed in a gap or a fold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.errors import Malformed
from cgbot.itu import wall


def test_the_first_meeting_of_the_group() -> None:
    """16 May 2024, 09:00-10:00 Geneva time, is 07:00-08:00 UTC (liaison statement of SG17, 2024)."""
    assert wall.parse_moment("2024-05-16 09:00").instant == datetime(2024, 5, 16, 7, tzinfo=UTC)
    assert wall.parse_moment("2024-05-16 10:00").instant == datetime(2024, 5, 16, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-03-30 09:00", "Europe/Zurich", "2026-03-30T07:00+00:00"),  # the day after the clocks went forward
        ("2026-04-09 13:00", "Geneva time", "2026-04-09T11:00+00:00"),
        ("2025-09-25 12:00", "CET", "2025-09-25T10:00+00:00"),  # whatever the label says, Geneva's clock is meant
        ("2025-07-09 09:00", "Asia/Seoul", "2025-07-09T00:00+00:00"),
        ("2027-05-20T09:00+02:00", "Europe/Zurich", "2027-05-20T07:00+00:00"),
        ("2027-05-20T09:00Z", "Europe/Zurich", "2027-05-20T09:00+00:00"),
        ("2026-10-25T02:30+01:00", "Europe/Zurich", "2026-10-25T01:30+00:00"),
        ("2026-10-25T02:30+0200", "Europe/Zurich", "2026-10-25T00:30+00:00"),
    ],
)
def test_instants(text: str, zone: str, instant: str) -> None:
    assert wall.parse_moment(text, wall.zone_named(zone)).instant == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2027-03-28 02:30", "does not exist"),
        ("2026-10-25 02:30", "2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00"),
        ("2026-02-30 09:00", "not a time"),
        ("20 May 2027", "is written"),
        ("2027-05-20", "is written"),
        ("", "is written"),
    ],
)
def test_what_is_refused_says_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(Malformed, match=says.replace("+", r"\+")):
        wall.parse_moment(text)


@pytest.mark.parametrize("zone", ["CEST time", "Mars/Olympus", "../etc/passwd", "", "Europe/Nowhere"])
def test_zones_that_are_none(zone: str) -> None:
    with pytest.raises(Malformed, match="is not a time zone"):
        wall.zone_named(zone)


@pytest.mark.parametrize(("text", "minutes"), [("60m", 60), ("2h", 120), ("1h30m", 90), ("90min", 90), ("1H", 60)])
def test_durations(text: str, minutes: int) -> None:
    assert wall.parse_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "0m", "an hour", "-5m", "5"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(Malformed, match="is not a duration"):
        wall.parse_duration(text)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001 - wall times
def test_a_wall_time_comes_back(naive: datetime) -> None:
    text = naive.replace(second=0, microsecond=0).isoformat(" ", "minutes")
    try:
        moment = wall.parse_moment(text)
    except Malformed:
        return
    assert moment.wall == text.replace(" ", "T")
    assert wall.parse_moment(moment.instant.isoformat()).wall == moment.wall


@pytest.mark.parametrize(
    "text", ["0001-01-01 00:00", "9999-12-31 23:59", "1 January 2200 09:00", "1989-12-31T09:00+02:00"]
)
def test_a_year_in_which_nobody_meets(text: str) -> None:
    with pytest.raises(Malformed, match="the years 1990 to 2199 are allowed"):
        wall.parse_moment(text)
    with pytest.raises(Malformed, match="the years 1990 to 2199 are allowed"):
        wall.parse_day("9999-12-31")
