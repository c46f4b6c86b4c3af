"""When a study group's deadlines fall: published dates (TSB collective letters), and CG-AISEC's worked out."""

from __future__ import annotations

from datetime import date, time

import pytest

from cgbot.itu import deadlines

# Published by the secretariat: start of the meeting, one month before, contributions.
PUBLISHED = [
    ("2017-08-29", "2017-07-29", "2017-08-16"),  # SG17, collective letter 2/17; the first is a Saturday
    ("2017-11-06", "2017-10-06", "2017-10-24"),  # SG13
    ("2018-04-09", "2018-03-09", "2018-03-27"),  # SG3
]
# Start of an SG17 meeting, report, contributions D-13 and D-12.
CG_AISEC = [
    ("2024-09-02", "2024-08-02", "2024-08-20", "2024-08-21"),
    ("2025-04-08", "2025-03-08", "2025-03-26", "2025-03-27"),  # the report is due on a Saturday
    ("2025-12-03", "2025-11-03", "2025-11-20", "2025-11-21"),
    ("2026-04-09", "2026-03-09", "2026-03-27", "2026-03-28"),
    ("2026-06-01", "2026-05-01", "2026-05-19", "2026-05-20"),
    ("2026-06-02", "2026-05-02", "2026-05-20", "2026-05-21"),  # the announced start that was superseded
]


@pytest.mark.parametrize(("start", "month", "contributions"), PUBLISHED)
def test_what_the_secretariat_has_published(start: str, month: str, contributions: str) -> None:
    first = date.fromisoformat(start)
    assert deadlines.report_due(first, 1) == date.fromisoformat(month)
    assert deadlines.contributions_due(first) == date.fromisoformat(contributions)


def test_two_months_before() -> None:
    assert deadlines.report_due(date(2017, 8, 29), 2) == date(2017, 6, 29)
    assert deadlines.report_due(date(2018, 4, 9), 2) == date(2018, 2, 9)


def test_tsag_published_the_latest_reading() -> None:
    assert deadlines.contributions_latest(date(2018, 2, 26)) == date(2018, 2, 14)


@pytest.mark.parametrize(("start", "report", "due", "latest"), CG_AISEC)
def test_cg_aisec(start: str, report: str, due: str, latest: str) -> None:
    first = date.fromisoformat(start)
    assert deadlines.report_due(first, 1) == date.fromisoformat(report)
    assert deadlines.contributions_due(first) == date.fromisoformat(due)
    assert deadlines.contributions_latest(first) == date.fromisoformat(latest)


@pytest.mark.parametrize(
    ("start", "months", "due"),
    [
        ("2026-03-31", 1, "2026-02-28"),
        ("2028-03-31", 1, "2028-02-29"),
        ("2026-03-30", 1, "2026-02-28"),
        ("2026-07-31", 1, "2026-06-30"),
        ("2026-01-15", 1, "2025-12-15"),
        ("2026-01-31", 2, "2025-11-30"),
        ("2026-02-28", 14, "2024-12-28"),
    ],
)
def test_a_shorter_month_ends_earlier(start: str, months: int, due: str) -> None:
    assert deadlines.report_due(date.fromisoformat(start), months) == date.fromisoformat(due)


def test_twelve_full_days_lie_between() -> None:
    start = date(2026, 6, 1)
    between = (start - deadlines.contributions_due(start)).days - 1
    assert between == deadlines.FULL_DAYS == 12


def test_the_groups_own_meetings() -> None:
    assert deadlines.own_contributions_due(date(2027, 5, 20)) == date(2027, 5, 13)
    assert time(23, 59) == deadlines.LAST_MINUTE
