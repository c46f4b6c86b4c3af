"""`cgbot outbox`: what is on its way, and stepping in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cgbot import app
from cgbot.outbox import leases, letters, queue
from cgbot.outbox.letters import Addressee, Letter
from cgbot.outbox.queue import Attempt
from tests.cli.commands import Installation, installed


@pytest.fixture
def here(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Installation:
    """Two copies of one letter: the first was refused for good, the second for now."""
    made = installed(tmp_path / "here", database_url, monkeypatch, capsys)
    with app.open_house() as house:
        context = house.context()
        letter = Letter(
            kind="notice",
            about="held message 7",
            template="held-decided",
            facts={"acronym": "CG-AISEC", "outcome": "Released.", "hold": 7},
            group=None,
            recipients=(Addressee("gone@x.org", None), Addressee("busy@x.org", None)),
            sender_local="postmaster",
            sender_name="cgbot",
        )
        house.db.write_now(letters.write, context, letter)
        gone, busy = house.db.write_now(leases.claim, 1, context.now, 9)
        later = context.now + timedelta(hours=1)
        refused = Attempt(gone, "failed", "550 5.1.1 gone", "failed", context.now, context.now, context.now)
        deferred = Attempt(busy, "deferred", "451 4.3.0 later", "deferred", later, context.now, context.now)
        house.db.write_now(queue.record, [refused, deferred])
    return made


def test_what_waits_and_what_failed(here: Installation) -> None:
    waiting = here.json("outbox", "list")
    assert [(one["recipient"], one["state"], one["about"]) for one in waiting] == [
        ("busy@x.org", "deferred", "held message 7")
    ]
    failed = here.ok("outbox", "list", "--state", "failed")
    assert "gone@x.org" in failed
    assert "550 5.1.1 gone" in failed
    assert here.run("outbox", "list", "--state", "lost").status == 1


def test_one_with_its_attempts(here: Installation) -> None:
    text = here.ok("outbox", "show", "1")
    assert "return path: none" in text
    assert "550 5.1.1 gone" in text
    assert here.json("outbox", "show", "2")["tries"][0]["outcome"] == "deferred"
    missing = here.run("outbox", "show", "9")
    assert (missing.status, missing.err) == (1, "cgbot: there is no delivery 9\n")


def test_stepping_in(here: Installation) -> None:
    assert here.ok("outbox", "flush") == "1 delivery to be tried now\n"
    assert here.json("outbox", "retry", "--all") == {"count": 1}
    assert [one["state"] for one in here.json("outbox", "list")] == ["queued", "queued"]
    assert here.ok("outbox", "drop", "1") == "1 delivery dropped\n"
    assert here.run("outbox", "retry", "1").status == 1
    assert here.ok("outbox", "retry", "2") == "1 delivery to be tried again\n"
    assert here.run("outbox", "retry").status == 1
    assert [one["id"] for one in here.json("outbox", "list")] == [2]
