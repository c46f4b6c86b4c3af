"""Wall times on the nights when the clocks change, and lateness."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.notices.kinds import COVERING, SKIP, Late, at_wall_time, is_too_late, within

NOON = datetime(2027, 5, 3, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "wall", "zone", "instant"),
    [
        (date(2027, 5, 3), time(8, 0), "Europe/Zurich", datetime(2027, 5, 3, 6, 0, tzinfo=UTC)),
        (date(2027, 1, 4), time(8, 0), "Europe/Zurich", datetime(2027, 1, 4, 7, 0, tzinfo=UTC)),
        # 28 March 2027: 02:00 CET is followed by 03:00 CEST; 02:30 is not there, the first time after it is 03:00.
        (date(2027, 3, 28), time(2, 30), "Europe/Zurich", datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        (date(2027, 3, 28), time(1, 59), "Europe/Zurich", datetime(2027, 3, 28, 0, 59, tzinfo=UTC)),
        (date(2027, 3, 28), time(3, 0), "Europe/Zurich", datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        # 31 October 2027: 02:30 is there twice; the first one is CEST.
        (date(2027, 10, 31), time(2, 30), "Europe/Zurich", datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        # Half an hour only: Lord Howe, 3 October 2027, 02:00 is followed by 02:30.
        (date(2027, 10, 3), time(2, 15), "Australia/Lord_Howe", datetime(2027, 10, 2, 15, 30, tzinfo=UTC)),
        # A whole day: Samoa left out 30 December 2011.
        (date(2011, 12, 30), time(8, 0), "Pacific/Apia", datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
    ],
)
def test_a_wall_time_is_one_instant(day: date, wall: time, zone: str, instant: datetime) -> None:
    assert at_wall_time(day, wall, zone) == instant


@given(st.dates(date(2020, 1, 1), date(2035, 12, 31)), st.times(), st.sampled_from(["Europe/Zurich", "Asia/Seoul"]))
def test_a_wall_time_is_never_far_from_itself(day: date, wall: time, zone: str) -> None:
    naive = datetime.combine(day, wall, UTC)
    assert abs(at_wall_time(day, wall, zone) - naive) <= timedelta(hours=10)


@pytest.mark.parametrize(
    ("late", "by", "too_late"),
    [
        (SKIP, timedelta(minutes=1), False),
        (SKIP, timedelta(hours=1), True),
        (within(timedelta(days=3)), timedelta(days=3), False),
        (within(timedelta(days=3)), timedelta(days=3, seconds=1), True),
        (COVERING, timedelta(days=30), False),
        (SKIP, timedelta(hours=-2), False),
    ],
)
def test_lateness(late: Late, by: timedelta, too_late: bool) -> None:
    assert is_too_late(late, NOON, NOON + by) is too_late
