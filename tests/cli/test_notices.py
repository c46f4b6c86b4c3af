"""`cgbot notices`: looking ahead, playing the clock, stopping."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cgbot import app
from cgbot.cli.times import instant
from cgbot.errors import Malformed
from cgbot.groups import records
from cgbot.meetings import schedule
from tests.cli.commands import Installation, installed


@pytest.fixture
def here(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Installation:
    """A group with a convener and a meeting on Friday 16 May 2031, 09:00 Geneva time (07:00 UTC)."""
    made = installed(tmp_path / "here", database_url, monkeypatch, capsys)
    made.ok("members", "add", "cg-aisec", "jia@example.org", "--role", "convener")
    with app.open_house() as house:
        group = house.db.read_now(records.get_group, "cg-aisec")
        when = schedule.read_when("2031-05-16 09:00", "2031-05-16 10:00")
        house.db.write_now(schedule.schedule, house.context(), group, schedule.Order("First meeting", when))
    return made


def others(found: Any) -> list[dict[str, Any]]:
    """All but the convener's weekly digests."""
    return [one for one in found if one["kind"] != "convener-digest"]


def test_looking_ahead(here: Installation) -> None:
    assert others(here.json("notices", "list", "--until", "2030-01-01")) == []
    found = others(here.json("notices", "list", "--until", "2031-05-16"))
    assert [(one["kind"], one["due"], one["state"], one["id"]) for one in found] == [
        ("planned-notices", "2031-05-01T06:00:00+00:00", "planned", None),
        ("meeting-reminder", "2031-05-02T07:00:00+00:00", "planned", None),
        ("planned-notices", "2031-05-14T06:00:00+00:00", "planned", None),
        ("meeting-reminder", "2031-05-15T07:00:00+00:00", "planned", None),
    ]
    assert {"kind", "about", "due", "audience", "state"} <= set(found[0])


def test_playing_leaves_nothing_behind(here: Installation) -> None:
    before = here.json("status")["deliveries"]
    (shown,) = others(here.json("notices", "run", "--now", "2031-05-01 08:00"))
    assert (shown["kind"], shown["state"]) == ("planned-notices", "queued")
    assert "(played only" in here.ok("notices", "run", "--now", "2031-05-01 08:00")
    assert here.json("status")["deliveries"] == before
    assert here.json("notices", "list", "--past") == []


def test_sending_by_hand_sends_once(here: Installation) -> None:
    queued = here.json("status")["deliveries"]["queued"]
    here.ok("notices", "run", "--now", "2031-05-01 08:00", "--send")
    assert here.json("status")["deliveries"]["queued"] == queued + 1
    assert here.ok("notices", "run", "--now", "2031-05-01 08:00", "--send") == "nothing is due\n"
    (reminder,) = others(here.json("notices", "run", "--now", "2031-05-02 09:00", "--send"))
    assert (reminder["kind"], reminder["state"], reminder["due"]) == (
        "meeting-reminder",
        "queued",
        "2031-05-02T07:00:00+00:00",
    )
    assert here.json("status")["deliveries"]["queued"] == queued + 2
    assert len(others(here.json("notices", "list", "--past"))) == 2


def test_stopping(here: Installation) -> None:
    here.ok("notices", "run", "--now", "2031-05-01 08:00", "--send")
    found = here.json("notices", "list", "--until", "2031-05-03")
    (reminder,) = [one for one in found if one["kind"] == "meeting-reminder"]
    assert "state: announced" in here.ok("notices", "show", str(reminder["id"]))
    assert here.json("notices", "show", str(reminder["id"]))["facts"]["before"] == "14 days"
    assert here.ok("notices", "stop", str(reminder["id"])).startswith(f"notice {reminder['id']} is stopped: Reminder")
    again = here.run("notices", "stop", str(reminder["id"]))
    assert (again.status, "cannot be stopped: it is stopped" in again.err) == (1, True)
    assert here.ok("notices", "run", "--now", "2031-05-02 09:00", "--send") == "nothing is due\n"
    assert here.run("notices", "show", "999").status == 1


@pytest.mark.parametrize(
    ("text", "end_of_day", "found"),
    [
        ("2027-05-20 09:00", False, datetime(2027, 5, 20, 7, 0, tzinfo=UTC)),
        ("2027-05-20T09:00+00:00", False, datetime(2027, 5, 20, 9, 0, tzinfo=UTC)),
        ("2027-05-20", False, datetime(2027, 5, 19, 22, 0, tzinfo=UTC)),
        ("2027-05-20", True, datetime(2027, 5, 20, 21, 59, 59, 999999, tzinfo=UTC)),
        ("2027-03-28 02:30", False, datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
    ],
)
def test_times_without_an_offset_are_geneva_time(text: str, end_of_day: bool, found: datetime) -> None:
    assert instant(text, "Europe/Zurich", end_of_day=end_of_day) == found


@pytest.mark.parametrize("text", ["tomorrow", "", "20.5.2027", "2027-02-30"])
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(Malformed, match="is not allowed: a date such as 2027-05-20"):
        instant(text, "Europe/Zurich")
