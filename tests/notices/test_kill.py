"""A process that is killed while it sends leaves nothing half done; the next one sends once."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from cgbot import app, configuration
from cgbot.store.tables import deliveries
from tests.harness import Program

PLAY = ("notices", "run", "--now", "2031-05-01 08:00", "--send")
KILLED = -9


@pytest.mark.parametrize("place", ["notices.claimed", "notices.before-commit"])
def test_killed_between_the_claim_and_the_commit(database_url: str, tmp_path: Path, place: str) -> None:
    url = "" if database_url.startswith("sqlite") else database_url
    program = Program(tmp_path / "here", database_url=url)
    program.cgbot("members", "add", "cg-aisec", "convener@example.org", "--role", "convener")
    program.cgbot(
        "meetings", "schedule", "cg-aisec", "--title", "T", "--start", "2031-05-16 09:00", "--duration", "60m"
    )
    before = queued(program)
    assert program.run(*PLAY, CGBOT_FAILPOINT=f"{place}:kill").returncode == KILLED
    assert queued(program) == before
    program.cgbot(*PLAY)
    assert queued(program) == before + 1
    assert program.cgbot(*PLAY) == "nothing is due\n"


def queued(program: Program) -> int:
    """How many copies wait, as another process sees it."""
    house = app.open_house(configuration.load(program.env, Path(program.env["CGBOT_CONFIG"])))
    try:
        waiting = sa.select(sa.func.count()).select_from(deliveries).where(deliveries.c.state == "queued")
        return int(house.db.read_now(lambda tx: tx.execute(waiting).scalar_one()))
    finally:
        house.close()
