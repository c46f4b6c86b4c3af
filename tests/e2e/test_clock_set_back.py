"""A wall clock that is set back: the program's own clock goes on looking at what is due."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from tests.harness import Program, serving, wait_for

BEFORE, AFTER = "2027-05-03 08:00:00", "2027-05-01 08:00:00"


def test_the_clock_ticks_on_after_it_was_set_back_by_two_days(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.travel(BEFORE)

    def last_tick() -> float:
        found = re.search(rb"last_tick_timestamp_seconds ([0-9.]+)", program.get("/metrics")[2])
        return float(found[1]) if found else 0.0

    with serving(program):
        wait_for(lambda: last_tick() >= datetime.fromisoformat(BEFORE).replace(tzinfo=UTC).timestamp())
        program.travel(AFTER)
        wait_for(lambda: 0 < last_tick() < datetime.fromisoformat(AFTER).replace(tzinfo=UTC).timestamp() + 3600)
        assert program.get("/healthz")[0] == 200
