"""
When a study group's deadlines fall (pure rules).
"""

from __future__ import annotations

import calendar
from datetime import date


def report_due(start: date, months: int) -> date:
    """The same day of the month, so many months before; the last day of a shorter month, never off a weekend."""
    month = start.month - 1 - months
    year, month = start.year + month // 12, month % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))
