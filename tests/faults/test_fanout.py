"""`serve` is killed again and again in the middle of a large fan-out: nobody misses the post, few get it twice."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.test_kill import CONNECTIONS, LIMITED
from tests.harness import Program, Relay, mail, wait_for

MEMBERS = 300
SUBJECT = "To everybody"


def people(count: int) -> dict[str, str]:
    """The author and so many members; every fourth of another domain."""
    others = {f"member{number}@{'x' * (number % 4 == 0)}example.org": "member" for number in range(1, count)}
    return {"delegate@example.org": "member", **others}


def killed_in_the_middle(program: Program, relay: Relay, members: int, kills: list[float]) -> list[int]:
    """Post once, kill when these shares of the copies have come in, start again each time; repeats after each kill."""
    repeats: list[int] = []
    for share in kills:
        program.start()
        if not repeats:
            program.send(mail(SUBJECT, "Dear all,\n" + "a line of a post of four kilobytes\n" * 110))
        wait_for(lambda share=share: len(relay.sent) >= share * members, 60)  # type: ignore[misc]
        program.kill()
        repeats.append(len(relay.sent) - len(relay.counts(SUBJECT)))
    program.start()
    program.idle(120)
    return repeats


def in_doubt(program: Program) -> tuple[dict[str, int], int]:
    """The copies by state, and how many answers were lost altogether."""
    with closing(sqlite3.connect(program.folder / "var" / "cgbot.sqlite3")) as db:
        states = dict(db.execute("SELECT state, count(*) FROM deliveries GROUP BY state"))
        (lost,) = db.execute("SELECT sum(in_doubt) FROM deliveries").fetchone()
    return states, lost


@pytest.mark.parametrize("seed", [20240516])
def test_killed_at_random_moments(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    kills = sorted(moments.uniform(0.01, 0.9) for _ in range(2))
    with Relay() as relay:
        program = Program(tmp_path, relay=relay, **LIMITED).with_members(people(MEMBERS))
        killed_in_the_middle(program, relay, MEMBERS, kills)
        states, lost = in_doubt(program)
        program.stop()
    counts = relay.counts(SUBJECT)
    repeats = counts.total() - MEMBERS
    assert set(counts) == set(people(MEMBERS))
    assert states == {"sent": MEMBERS}
    assert repeats <= lost <= len(kills) * (CONNECTIONS + 2), "two more connections for the other domain"
    assert max(counts.values()) <= 2
    for recipient in (one for one, count in counts.items() if count > 1):
        assert len({one.data for one in relay.to(recipient)}) == 1
