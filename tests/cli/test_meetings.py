"""`cgbot meetings`: the exact forms that scripts rely on, what goes wrong, and the JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Installation, installed

FORM = (
    "meetings", "schedule", "cg-aisec", "--title", "Second meeting", "--start", "2031-05-20 09:00", "--duration", "60m",
)  # fmt: skip


@pytest.fixture
def here(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Installation:
    found = installed(tmp_path / "here", database_url, monkeypatch, capsys)
    for address, name in (("a@example.org", "Ann"), ("b@example.org", "Ben")):
        found.ok("members", "add", "cg-aisec", address, "--name", name)
    return found


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Installation:
    """For what does not depend on the database."""
    return installed(tmp_path / "here", "", monkeypatch, capsys)


def test_calling_invites_and_says_when_in_words(here: Installation) -> None:
    assert here.ok(*FORM) == (
        "meeting 1: Second meeting, Tuesday 20 May 2031, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)\n"
        "2 invitations are on their way\n"
    )
    (meeting,) = here.json("meetings", "list", "cg-aisec")
    names = ("id", "kind", "title", "state", "sequence", "zone")
    assert [meeting[name] for name in names] == [1, "group", "Second meeting", "confirmed", 0, "Europe/Zurich"]
    assert (meeting["starts_at"], meeting["ends_at"]) == ("2031-05-20T07:00:00+00:00", "2031-05-20T08:00:00+00:00")
    replies = here.json("meetings", "replies", "1")
    assert [(one["address"], one["partstat"]) for one in replies] == [
        ("a@example.org", "NEEDS-ACTION"),
        ("b@example.org", "NEEDS-ACTION"),
    ]
    queued = here.json("outbox", "list")
    assert sorted(one["recipient"] for one in queued) == ["a@example.org", "b@example.org"]


@pytest.mark.parametrize(
    ("more", "starts_at", "ends_at"),
    [
        (("--end", "2031-05-20 10:30"), "2031-05-20T07:00:00+00:00", "2031-05-20T08:30:00+00:00"),
        (("--duration", "1h30m"), "2031-05-20T07:00:00+00:00", "2031-05-20T08:30:00+00:00"),
        (("--duration", "60m", "--tz", "Asia/Seoul"), "2031-05-20T00:00:00+00:00", "2031-05-20T01:00:00+00:00"),
    ],
)
def test_the_ways_to_say_how_long(small: Installation, more: tuple[str, ...], starts_at: str, ends_at: str) -> None:
    found = small.json(
        "meetings", "schedule", "cg-aisec", "--title", "T", "--start", "2031-05-20 09:00", *more, "--location",
        "Geneva", "--join-url", "https://meet.example.org/x", "--tentative",
    )  # fmt: skip
    assert (found["starts_at"], found["ends_at"], found["state"]) == (starts_at, ends_at, "tentative")
    assert (found["location"], found["join_url"], found["invited"]) == ("Geneva", "https://meet.example.org/x", 0)


@pytest.mark.parametrize(("flags", "takes"), [((), True), (("--report",), True), (("--no-report",), False)])
def test_a_parent_meeting_of_whole_days(small: Installation, flags: tuple[str, ...], takes: bool) -> None:
    """The end of whole days is exclusive in the database and inclusive for people."""
    found = small.json(
        "meetings", "schedule", "cg-aisec", "--title", "SG17", "--start", "2031-12-01", "--days", "8", "--kind",
        "parent", *flags,
    )  # fmt: skip
    assert (found["kind"], found["whole_days"], found["takes_report"]) == ("parent", True, takes)
    assert (found["wall_start"], found["wall_end"]) == ("2031-12-01", "2031-12-09")
    assert "Monday 1 December 2031 to Monday 8 December 2031" in small.ok("meetings", "show", "1")


def test_the_first_meeting_of_the_group_is_recorded_afterwards(small: Installation) -> None:
    """Seed 000: "virtually on 16 May 2024, 09:00-10:00 Geneva time"."""
    form = ("--title", "First meeting", "--start", "2024-05-16 09:00", "--end", "2024-05-16 10:00")
    refused = small.run("meetings", "schedule", "cg-aisec", *form)
    assert (refused.status, "is in the past; --past records it" in refused.err) == (1, True)
    said = small.ok("meetings", "schedule", "cg-aisec", *form, "--past")
    assert "Thursday 16 May 2024, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)" in said
    assert "nobody is invited" in said
    assert small.json("meetings", "list", "cg-aisec") == []
    (held,) = small.json("meetings", "list", "cg-aisec", "--all")
    assert (held["state"], held["starts_at"]) == ("held", "2024-05-16T07:00:00+00:00")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--start", "2031-05-20 09:00"), "needs either an end or a duration"),
        (("--start", "2031-05-20 09:00", "--end", "2031-05-20 08:00"), "would end before it starts"),
        (("--start", "2031-05-20 09:00", "--end", "2031-05-20 10:00", "--duration", "1h"), "either an end or"),
        (("--start", "2031-03-30 02:30", "--duration", "1h"), "does not exist: the clocks go forward"),
        (("--start", "2031-10-26 02:30", "--duration", "1h"), "write 2031-10-26T02:30+02:00 or 2031-10-26T02:30+01:00"),
        (("--start", "soon", "--duration", "1h"), "'soon' is not a time"),
        (("--start", "2031-05-20 09:00", "--duration", "an hour"), "it is written 60m, 2h or 1h30m"),
        (("--start", "2031-05-20 09:00", "--duration", "1h", "--tz", "CEST5"), "is not a time zone"),
        (("--start", "2031-05-20 09:00", "--duration", "1h", "--tz", "localtime"), "is not a time zone"),
        (("--start", "2031-05-20 09:00", "--duration", "1h", "--kind", "party"), "group, parent, rgm, workshop"),
        (("--start", "2031-05-20 09:00", "--duration", "1h", "--join-url", "x"), "'x' is not a link"),
        (("--start", "2031-05-20",), "either a last day or a number of days"),
        (("--start", "2031-05-20", "--days", "61"), "60 are allowed"),
    ],
)  # fmt: skip
def test_each_mistake_names_what_is_wrong_and_changes_nothing(
    small: Installation, arguments: tuple[str, ...], reason: str
) -> None:
    answer = small.run("meetings", "schedule", "cg-aisec", "--title", "T", *arguments)
    assert answer.status == 1
    assert answer.err.startswith("cgbot: ")
    assert reason in answer.err
    assert small.json("meetings", "list", "--all") == []


def test_an_unknown_group_and_a_missing_option(small: Installation) -> None:
    unknown = small.run(
        "meetings", "schedule", "cg-x", "--title", "T", "--start", "2031-05-20 09:00", "--duration", "1h"
    )
    assert (unknown.status, "no group 'cg-x'" in unknown.err) == (1, True)
    assert small.run("meetings", "schedule", "cg-aisec", "--start", "2031-05-20 09:00").status == 2


def test_moving_counts_up_and_keeps_the_length(here: Installation) -> None:
    here.ok(*FORM)
    said = here.ok("meetings", "move", "1", "--start", "2031-05-21 14:00")
    assert (
        "Wednesday 21 May 2031, 14:00-15:00 Geneva time (CEST, 12:00-13:00 UTC); those who are invited are told" in said
    )
    moved = here.json("meetings", "show", "1")
    assert (moved["sequence"], moved["revision"]) == (1, 2)
    assert "nothing is different" in here.ok("meetings", "move", "1", "--start", "2031-05-21 14:00")
    titled = here.json("meetings", "move", "1", "--title", "Second e-meeting")
    assert (titled["title"], titled["sequence"], titled["revision"]) == ("Second e-meeting", 1, 3)


def test_what_cannot_be_moved(small: Installation) -> None:
    small.ok(*FORM)
    for arguments, reason in (
        (("1", "--end", "2031-05-20 11:00"), "needs --start too"),
        (("1", "--tz", "Asia/Seoul"), "needs --start too"),
        (("1", "--start", "2024-05-16 09:00"), "in the past"),
        (("2", "--title", "x"), "there is no meeting 2; `cgbot meetings list GROUP` shows them"),
    ):
        answer = small.run("meetings", "move", *arguments)
        assert (answer.status, reason in answer.err) == (1, True), answer
    assert small.json("meetings", "show", "1")["revision"] == 1


def test_confirming_a_tentative_one(small: Installation) -> None:
    small.ok(*FORM, "--tentative")
    assert small.json("meetings", "move", "1", "--confirm")["state"] == "confirmed"


def test_cancelling_once(here: Installation) -> None:
    here.ok(*FORM)
    assert here.ok("meetings", "cancel", "1") == (
        "meeting 1: Second meeting is cancelled; those who were invited are told\n"
    )
    again = here.run("meetings", "cancel", "1")
    assert (again.status, "meeting 1 is cancelled" in again.err) == (1, True)
    assert here.run("meetings", "cancel", "7").status == 1


def test_the_table_and_one_meeting_as_people_read_them(small: Installation) -> None:
    small.ok(*FORM, "--join-url", "https://meet.example.org/x")
    head, row = small.ok("meetings", "list").splitlines()
    assert head.split() == ["ID", "KIND", "TITLE", "WALL", "START", "ZONE", "STATE", "SEQUENCE"]
    assert row.split() == ["1", "group", "Second", "meeting", "2031-05-20T09:00", "Europe/Zurich", "confirmed", "0"]
    shown = small.ok("meetings", "show", "1")
    assert "join:  https://meet.example.org/x" in shown
    assert "revision 1, SEQUENCE 0" in shown
    assert small.ok("meetings", "replies", "1") == "nobody is invited\n"
