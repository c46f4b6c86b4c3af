"""`cgbot members invite`, `invites`, `requests`, `admit`, `turn-away`, `addresses`, and a member's own settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Installation, installed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Installation:
    return installed(tmp_path / "here", "", monkeypatch, capsys)


def test_inviting(here: Installation) -> None:
    assert here.ok("members", "invites", "cg-aisec") == "cg-aisec has invited nobody\n"
    said = here.ok("members", "invite", "cg-aisec", "hu@example.org", "li@example.org")
    assert said == "2 invited to cg-aisec\n"
    again = here.run("members", "invite", "cg-aisec", "hu@example.org", "zoe@example.org", "nobody")
    assert (again.status, again.out) == (1, "1 invited to cg-aisec\n")
    assert again.err.splitlines()[0] == "hu@example.org is invited already"
    listed = here.json("members", "invites", "cg-aisec")
    assert [(one["state"], one["invited_by"]) for one in listed] == [("sent", "operator")] * 3
    assert [one["about"] for one in here.json("outbox", "list")] == [
        "invite hu@example.org", "invite li@example.org", "invite zoe@example.org",
    ]  # fmt: skip


def test_nobody_waits(here: Installation) -> None:
    assert here.ok("members", "requests", "cg-aisec") == "nobody waits to join cg-aisec\n"
    for command in ("admit", "turn-away"):
        refused = here.run("members", command, "cg-aisec", "zoe@example.org")
        assert (refused.status, "zoe@example.org does not wait to join cg-aisec" in refused.err) == (1, True)


def test_addresses_of_one_person(here: Installation) -> None:
    here.ok("members", "add", "cg-aisec", "a@example.org")
    said = here.ok("members", "addresses", "cg-aisec", "a@example.org", "--add", "a@home.example")
    assert said == "a@example.org  (mail goes here)\na@home.example\n"
    here.ok("members", "set", "cg-aisec", "a@home.example", "--address", "a@home.example")
    said = here.ok("members", "addresses", "cg-aisec", "a@example.org", "--remove", "a@example.org")
    assert said == "a@home.example  (mail goes here)\n"
    refused = here.run("members", "addresses", "cg-aisec", "a@home.example", "--remove", "a@home.example")
    assert "the mail of cg-aisec goes to a@home.example" in refused.err
    assert here.run("members", "addresses", "cg-aisec", "a@home.example", "--add", "b").status == 1
    assert here.run("members", "addresses", "cg-aisec", "a@home.example", "--add", "b", "--remove", "c").status == 1


def test_what_a_member_sets_too(here: Installation) -> None:
    here.ok("members", "add", "cg-aisec", "a@example.org", "--zone", "Asia/Seoul")
    said = here.ok(
        "members", "set", "cg-aisec", "a@example.org", "--attachments", "link", "--digest", "plain",
        "--away-until", "2027-06-01",
    )  # fmt: skip
    assert said == (
        "a@example.org: attachments 'full' -> 'link', digest_format 'mime' -> 'plain', "
        "away_until None -> '2027-05-31T15:00:00+00:00'\n"
    )
    (member,) = here.json("members", "list", "cg-aisec")
    assert member["away_until"] == "2027-05-31T15:00:00+00:00"
    here.ok("members", "set", "cg-aisec", "a@example.org", "--away-until", "")
    assert here.json("members", "list", "cg-aisec")[0]["away_until"] is None
