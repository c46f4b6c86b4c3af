"""
How ITU-T writes dates and places (pure rules).

A range within a month is "16–17 October 2025" (en dash, no spaces), across months "30 March – 2 April 2026" (spaced en
dash), across years with both years. Study periods are a table, since they are no arithmetic: 2022-2024 had three years.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# WTSA-20 met in March 2022 only; until then the study period that had ended in 2020 went on.
STUDY_PERIODS: Final = (
    (date(2013, 1, 1), "2013-2016"),
    (date(2017, 1, 1), "2017-2020"),
    (date(2022, 3, 10), "2022-2024"),
    (date(2025, 1, 1), "2025-2028"),
)
_LAST_YEAR: Final = 2028
_STUDY_GROUP: Final = re.compile(r"(?:ITU-[TRD]\s*)?SG\s*(\d{1,2})(?:/\w+)?", re.IGNORECASE)


def day(value: date) -> str:
    """`1 May 2026`."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def weekday(value: date) -> str:
    """`Friday 1 May 2026`."""
    return f"{WEEKDAYS[value.weekday()]} {day(value)}"


def date_range(first: date, last: date) -> str:
    """Write the days from first to last, both included. Raises ValueError when they are in the wrong order."""
    if last < first:
        raise ValueError(f"{last} is before {first}")
    if first == last:
        return day(first)
    if first.year != last.year:
        return f"{day(first)} – {day(last)}"
    if first.month != last.month:
        return f"{first.day} {MONTHS[first.month - 1]} – {day(last)}"
    return f"{first.day}–{day(last)}"


def place_and_date(place: str, first: date, last: date) -> str:
    """The meeting in a document's header, `Geneva, 1–10 June 2026`; without a place its days alone."""
    days = date_range(first, last)
    return f"{place}, {days}" if place else days


def study_period(value: date) -> str:
    """The study period of a day, `2025-2028`; "" for a day that the table does not know."""
    if value.year > _LAST_YEAR:
        return ""
    return next((name for start, name in reversed(STUDY_PERIODS) if start <= value), "")


def study_group(parent: str) -> str:
    """The number of a study group as a charter names it, "17" for "SG17"; "" for another body."""
    found = _STUDY_GROUP.fullmatch(parent.strip())
    return found[1] if found else ""
