"""
What was answered 250 is never lost, whatever is killed when; nobody gets more than one repeat a connection.

Each case runs the real program with a relay behind it, kills it with SIGKILL at a named place, starts it again, and
lets the sending server try again what was not answered, as every mail server does.
"""

from __future__ import annotations

import random
import smtplib
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Program, Relay, mail, wait_for

MEMBERS = {f"member{number:02}@example.org": "member" for number in range(12)} | {"delegate@example.org": "member"}
CONNECTIONS = 8  # fewer than members, all of one domain, so that a repeat for each of them would be seen
LIMITED = {"CGBOT__RELAY__CONNECTIONS": "10", "CGBOT__RELAY__PER_DOMAIN": str(CONNECTIONS)}

PLACES = (
    "intake.received",
    "intake.before-commit",
    "intake.after-commit",
    "sorter.claimed",
    "sorter.deciding",
    "sorter.before-commit",
    "outbox.claimed",
    "outbox.composed",
    "outbox.before-dot",
    "outbox.after-send",
    "outbox.recorded",
)


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay() as running:
        yield running


@pytest.fixture
def program(tmp_path: Path, relay: Relay) -> Iterator[Program]:
    running = Program(tmp_path, relay=relay, **LIMITED).with_members(MEMBERS)
    yield running
    if running.running:
        running.stop()


def archived(program: Program) -> Counter[str]:
    """How often each subject is in the archive, read off the database itself."""
    with sqlite3.connect(program.folder / "var" / "cgbot.sqlite3") as db:
        found = Counter(subject for (subject,) in db.execute("SELECT subject FROM posts"))
    db.close()
    return found


def answered(program: Program, raw: bytes) -> bool:
    """Send once; True when it was answered 250."""
    try:
        program.send(raw)
    except (smtplib.SMTPException, OSError):
        return False
    return True


@pytest.mark.parametrize("place", PLACES)
def test_killed_at(place: str, program: Program, relay: Relay) -> None:
    subject = f"Killed at {place}"
    program.start(CGBOT_FAILPOINT=f"{place}:kill")
    taken = answered(program, mail(subject))
    assert program.wait_dead() == -9
    assert taken or place.startswith("intake.")
    program.start()
    if not taken:
        assert answered(program, mail(subject))
    program.idle()
    assert archived(program) == {subject: 1}
    counts = relay.counts(subject)
    assert set(counts) == set(MEMBERS)
    assert sum(counts.values()) - len(MEMBERS) <= CONNECTIONS
    assert max(counts.values()) <= 2
    for recipient in MEMBERS:  # a repeat is byte for byte the same
        assert len({one.data for one in relay.to(recipient)}) == 1


def test_killed_at_ten_random_moments_under_load(program: Program, relay: Relay) -> None:
    moments = random.Random(20240516)
    promised: list[str] = []
    refused: list[str] = []
    for kill in range(10):
        program.start()
        ended = threading.Event()

        def load(round_number: int = kill, ended: threading.Event = ended) -> None:
            for number in range(25):
                if ended.is_set():
                    return
                subject = f"Post {round_number}-{number}"
                (promised if answered(program, mail(subject)) else refused).append(subject)

        sender = threading.Thread(target=load)
        sender.start()
        ended.wait(moments.uniform(0.05, 0.8))
        program.kill()
        ended.set()
        sender.join()
    program.start()
    for subject in refused:
        assert answered(program, mail(subject))
    program.idle(120)
    sent = [*promised, *refused]
    assert len(sent) > 20
    assert archived(program) == Counter(sent)
    repeats = 0
    found = relay.by_subject()
    for subject in sent:
        counts = found[subject]
        assert set(counts) == set(MEMBERS), subject
        repeats += sum(counts.values()) - len(MEMBERS)
    assert repeats <= 10 * CONNECTIONS


def test_a_message_that_kills_the_sorter_is_shelved_and_the_next_flows(program: Program, relay: Relay) -> None:
    program.start(CGBOT_FAILPOINT="sorter.deciding:kill")
    assert answered(program, mail("Poison"))
    assert program.wait_dead() == -9
    for _ in range(2):
        program.start(CGBOT_FAILPOINT="sorter.deciding:kill")
        assert program.wait_dead() == -9
    program.start()
    assert answered(program, mail("Healthy"))
    wait_for(lambda: len(relay.counts("Healthy")) == len(MEMBERS))
    program.idle()
    assert archived(program) == {"Healthy": 1}
    (shelved,) = program.json("held", "list", "--shelved")
    assert "died" in shelved["reason"]
    program.cgbot("held", "retry", str(shelved["id"]))
    wait_for(lambda: len(relay.counts("Poison")) == len(MEMBERS))
