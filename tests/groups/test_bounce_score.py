"""When bounces are enough: the table of docs/bounces.md."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cgbot.groups.bounce_score import score

NOW = datetime(2027, 5, 3, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bounces", "points", "enough"),
    [
        ([], 0.0, False),
        ([(0, "hard")], 1.0, False),
        ([(0, "hard")] * 50, 1.0, False),
        ([(0, "soft"), (0, "hard")], 1.0, False),
        ([(14, "hard")], 0.5, False),
        ([(0, "hard"), (1, "hard")], 1.952, False),
        ([(0, "hard"), (1, "hard"), (2, "hard")], 2.858, True),
        ([(0, "hard"), (28, "hard"), (56, "hard")], 1.312, True),
        ([(0, "hard"), (28, "hard"), (61, "hard")], 1.25, False),
        ([(day, "soft") for day in range(17)], 2.945, False),
        ([(day, "soft") for day in range(18)], 3.053, True),
        ([(day, "content") for day in range(60)], 0.0, False),
        ([(day, "complaint") for day in range(3)], 0.0, False),
    ],
)
def test_the_sum_of_days(bounces: list[tuple[int, str]], points: float, enough: bool) -> None:
    found = score([(NOW - timedelta(days=ago), kind) for ago, kind in bounces], NOW)
    assert found.points == pytest.approx(points, abs=0.01)
    assert found.is_enough == enough
