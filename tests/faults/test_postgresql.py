"""Several runs on one PostgreSQL: the work of one that was killed is free at once, and nobody gets much twice."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.faults.test_kill import CONNECTIONS, LIMITED, MEMBERS, answered
from tests.harness import Program, Relay, mail, wait_for

COUNT = itertools.count(1)


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay() as running:
        yield running


@pytest.fixture
def fresh_url(postgresql_url: str) -> str:
    """An empty database of its own."""
    name = f"killed{next(COUNT)}"
    engine = sa.create_engine(
        sa.make_url(postgresql_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return sa.make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def programs(tmp_path: Path, relay: Relay, fresh_url: str) -> Iterator[Callable[[str], Program]]:
    """Installations on the same database; one that still runs at the end is stopped."""
    made: list[Program] = []

    def make(name: str) -> Program:
        program = Program(tmp_path / name, relay=relay, database_url=fresh_url, **LIMITED)
        if made:
            shutil.copytree(made[0].folder / "var" / "secrets", program.folder / "var" / "secrets")
        made.append(program)
        return program

    yield make
    for program in made:
        if program.running:
            program.stop()


def counts(url: str, table: str) -> Counter[str]:
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as tx:
        found = Counter(
            {row[0]: row[1] for row in tx.exec_driver_sql(f"SELECT state, count(*) FROM {table} GROUP BY 1")}
        )
    engine.dispose()
    return found


@pytest.mark.parametrize("place", ["sorter.deciding", "outbox.claimed", "outbox.after-send"])
def test_a_restart_goes_on_at_once(
    place: str, programs: Callable[[str], Program], relay: Relay, fresh_url: str
) -> None:
    program = programs("one").with_members(MEMBERS)
    program.start(CGBOT_FAILPOINT=f"{place}:kill")
    assert answered(program, mail("Killed"))
    assert program.wait_dead() == -9
    program.start()
    began = time.monotonic()
    wait_for(lambda: set(relay.counts("Killed")) == set(MEMBERS))
    assert time.monotonic() - began < 20, "not the five or fifteen minutes of a lease"
    wait_for(lambda: counts(fresh_url, "deliveries") == {"sent": len(MEMBERS)})
    assert sum(relay.counts("Killed").values()) - len(MEMBERS) <= CONNECTIONS
    assert counts(fresh_url, "errands") == {"sorted": 1}


def signalled(program: Program, number: int) -> None:
    assert program._process is not None
    os.kill(program._process.pid, number)


@pytest.mark.parametrize("place", ["sorter.deciding", "outbox.after-send"])
def test_a_run_beside_it_takes_over(
    place: str, programs: Callable[[str], Program], relay: Relay, fresh_url: str
) -> None:
    dies = programs("one").with_members(MEMBERS)
    dies.start(CGBOT_FAILPOINT=f"{place}:kill")
    lives = programs("two").start()
    signalled(lives, signal.SIGSTOP)  # so that the other one surely has the work when it dies
    assert answered(dies, mail("Killed"))
    assert dies.wait_dead() == -9
    signalled(lives, signal.SIGCONT)
    wait_for(lambda: set(relay.counts("Killed")) == set(MEMBERS), 40)
    wait_for(lambda: counts(fresh_url, "deliveries") == {"sent": len(MEMBERS)})
    assert sum(relay.counts("Killed").values()) - len(MEMBERS) <= CONNECTIONS


def test_a_run_that_lives_is_left_alone(programs: Callable[[str], Program], relay: Relay) -> None:
    """Two at work on the same queue, one of them started in the middle: nobody gets anything twice."""
    one = programs("one").with_members(MEMBERS).start()
    for number in range(10):
        assert answered(one, mail(f"Post {number}"))
    two = programs("two").start()
    for number in range(10, 20):
        assert answered(two, mail(f"Post {number}"))
    wait_for(lambda: len(relay.sent) >= 20 * len(MEMBERS), 60)
    one.idle()
    found = relay.by_subject()
    assert found == {f"Post {number}": Counter(dict.fromkeys(MEMBERS, 1)) for number in range(20)}
