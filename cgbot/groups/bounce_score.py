"""
When bounces are enough to ask whether mail reaches a member at all (pure rules).

A day counts once, by the worst that came back on it: a hard bounce 1, a soft one a quarter; a day counts half as much
each fourteen days later. A probe is sent when hard bounces came on three days within sixty, or the sum is 3: that is
eighteen days of a mailbox that is full. Days are those of UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final

WEIGHT: Final = MappingProxyType({"hard": 1.0, "soft": 0.25})
HALF_LIFE: Final = timedelta(days=14)
ENOUGH: Final = 3.0
DAYS: Final = 3
WITHIN: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Score:
    """What a member's bounces come to: their sum now, and on how many days they were hard."""

    points: float
    hard_days: int

    @property
    def is_enough(self) -> bool:
        """Whether to send a probe."""
        return self.hard_days >= DAYS or self.points >= ENOUGH


def score(bounces: Iterable[tuple[datetime, str]], now: datetime) -> Score:
    """Sum up bounces, each its time and kind; those of other kinds and older than WITHIN count nothing."""
    days: dict[date, tuple[float, datetime]] = {}
    for at, kind in bounces:
        weight = WEIGHT.get(kind, 0.0)
        if weight and now - at <= WITHIN:
            days[at.date()] = max(days.get(at.date(), (0.0, at)), (weight, at))
    points = sum(weight * 0.5 ** (max(now - at, timedelta()) / HALF_LIFE) for weight, at in days.values())
    return Score(round(points, 3), sum(1 for weight, _ in days.values() if weight == WEIGHT["hard"]))
