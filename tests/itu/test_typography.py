"""Dates, places, study periods: the expected words are ITU-T's own."""

from __future__ import annotations

from datetime import date

import pytest

from cgbot.itu import typography

RANGES = [
    (date(2025, 10, 16), date(2025, 10, 17), "16–17 October 2025"),
    (date(2026, 3, 30), date(2026, 4, 2), "30 March – 2 April 2026"),
    (date(2024, 2, 20), date(2024, 3, 1), "20 February – 1 March 2024"),
    (date(2025, 4, 8), date(2025, 4, 17), "8–17 April 2025"),
    (date(2026, 6, 1), date(2026, 6, 10), "1–10 June 2026"),
    (date(2026, 4, 9), date(2026, 4, 9), "9 April 2026"),
    (date(2026, 12, 30), date(2027, 1, 2), "30 December 2026 – 2 January 2027"),
]


@pytest.mark.parametrize(("first", "last", "words"), RANGES)
def test_a_range_of_days(first: date, last: date, words: str) -> None:
    assert typography.date_range(first, last) == words
    assert typography.place_and_date("Geneva", first, last) == f"Geneva, {words}"
    assert typography.place_and_date("", first, last) == words


def test_a_range_that_ends_before_it_begins() -> None:
    with pytest.raises(ValueError, match="is before"):
        typography.date_range(date(2026, 6, 10), date(2026, 6, 1))


def test_a_day_with_its_weekday() -> None:
    """Domain.md 1.5: 8 March 2025 was a Saturday, 1 May 2026 is a Friday."""
    assert typography.weekday(date(2025, 3, 8)) == "Saturday 8 March 2025"
    assert typography.weekday(date(2026, 5, 1)) == "Friday 1 May 2026"


@pytest.mark.parametrize(
    ("value", "period"),
    [
        (date(2017, 8, 29), "2017-2020"),
        (date(2021, 4, 20), "2017-2020"),
        (date(2024, 2, 20), "2022-2024"),
        (date(2024, 9, 2), "2022-2024"),
        (date(2025, 4, 8), "2025-2028"),
        (date(2028, 12, 31), "2025-2028"),
        (date(2029, 1, 1), ""),
        (date(2012, 2, 20), ""),
    ],
)
def test_the_study_period_of_a_day(value: date, period: str) -> None:
    assert typography.study_period(value) == period


@pytest.mark.parametrize(
    ("parent", "number"),
    [("SG17", "17"), ("sg 5", "5"), ("ITU-T SG17", "17"), ("SG17/P", "17"), ("TSAG", ""), ("MSG17", ""), ("", "")],
)
def test_the_number_of_a_study_group(parent: str, number: str) -> None:
    assert typography.study_group(parent) == number
