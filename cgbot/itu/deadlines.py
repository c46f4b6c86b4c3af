"""
When a study group's deadlines fall (pure rules).

Days in Geneva, counted from the first day of a meeting: the activity report a number of months before (terms of
reference), contributions 12 calendar days before (Rec. ITU-T A.1 clauses 3.1 and 3.2). No rule is shifted off a
weekend. A published date always wins over a computed one; the caller says which it is.
"""

from __future__ import annotations

import calendar
from datetime import date, time, timedelta
from typing import Final

# The secretariat's published dates leave 12 full days between the deadline and the meeting, with few exceptions.
FULL_DAYS: Final = 12
# Before the group's own meetings.
OWN_DAYS: Final = 7
LAST_MINUTE: Final = time(23, 59)  # of the day, on the clock in Geneva


def report_due(start: date, months: int) -> date:
    """The same day of the month, so many months before; the last day of a shorter month, never off a weekend."""
    month = start.month - 1 - months
    year, month = start.year + month // 12, month % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def contributions_due(start: date) -> date:
    """The day by which contributions to a parent meeting are in: 12 full days lie between (D-13)."""
    return start - timedelta(days=FULL_DAYS + 1)


def contributions_latest(start: date) -> date:
    """The latest reading of "12 calendar days before" (D-12), which the secretariat has published too."""
    return start - timedelta(days=FULL_DAYS)


def own_contributions_due(start: date) -> date:
    """The day by which papers for a meeting of the group itself are in."""
    return start - timedelta(days=OWN_DAYS)
