"""`cgbot members migrate`: what another list program has is shown first, and only --yes brings it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import Installation, installed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Installation:
    return installed(tmp_path / "here", "", monkeypatch, capsys)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """What the commands of Mailman 2 have written, in a folder."""
    folder = tmp_path / "old"
    (folder / "attachments").mkdir(parents=True)
    files = {
        "regular.txt": "Mia <mia@example.org>\nhu@example.org\nli@example.org\n",
        "digest-plain.txt": "zoe@example.org\n",
        "nomail-byuser.txt": "hu@example.org\n",
        "nomail-bybounce.txt": "li@example.org\n",
        "moderated.txt": "mia@example.org\n",
        "config.txt": "owner = ['jia@example.org']\nmoderator = ['hu@example.org']\nban_list = ['spam@example.net']\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_the_preview_tells_all_of_it_and_changes_nothing(here: Installation, old: Path) -> None:
    lines = here.ok("members", "migrate", "cg-aisec", "--from", "mailman2", str(old)).splitlines()
    assert lines == [
        "+ zoe@example.org delivery 'daily' digest_format 'plain'",
        "+ mia@example.org name 'Mia' delivery 'each' posting 'held'",
        "+ hu@example.org delivery 'none'",
        "+ li@example.org delivery 'each' state 'suspended'",
        "owner there: jia@example.org",
        "moderator there: hu@example.org",
        "ban: spam@example.net",
        "note: only people are carried over, not the settings of the list: those are in the group's file: config.txt",
        "note: their mail had bounced: suspended: nomail-bybounce.txt line 1 (li@example.org)",
        "not read: attachments",
        "would be: 4 added, 0 changed, 0 unchanged, 1 senders decided about, 0 further addresses; nothing was changed: "
        "--yes does it",
    ]
    assert here.json("members", "list", "cg-aisec") == []


def test_yes_brings_them_without_a_mail_and_the_second_time_nothing_is_left(here: Installation, old: Path) -> None:
    said = here.ok("members", "migrate", "cg-aisec", "--from", "mailman2", str(old), "--yes")
    assert said.splitlines()[-1].startswith("4 added, 0 changed, 0 unchanged, 1 senders decided about")
    found = {one["address"]: one for one in here.json("members", "list", "cg-aisec")}
    assert (found["hu@example.org"]["delivery"], found["hu@example.org"]["role"]) == ("none", "member")
    assert (found["li@example.org"]["state"], found["mia@example.org"]["posting"]) == ("suspended", "held")
    assert "bounces" in here.ok("members", "show", "cg-aisec", "li@example.org")
    assert here.json("outbox", "list") == []
    said = here.ok("members", "migrate", "cg-aisec", "--from", "mailman2", str(old), "--yes")
    assert said.splitlines()[-1].startswith("0 added, 0 changed, 4 unchanged, 0 senders decided about")


def test_who_ran_the_list_gets_an_office_only_by_a_flag(here: Installation, old: Path) -> None:
    offices = ("--owners-as", "convener", "--moderators-as", "secretary")
    here.ok("members", "migrate", "cg-aisec", "--from", "mailman2", str(old), *offices, "--yes")
    found = {one["address"]: (one["role"], one["delivery"]) for one in here.json("members", "list", "cg-aisec")}
    assert found["jia@example.org"] == ("convener", "none")
    assert found["hu@example.org"] == ("secretary", "none")
    wrong = here.run("members", "migrate", "cg-aisec", "--from", "mailman2", str(old), "--owners-as", "member")
    assert (wrong.status, "'member' is not allowed: one of convener" in wrong.err) == (1, True)


def test_a_bad_line_stops_it_unless_it_is_passed_over(here: Installation, old: Path) -> None:
    with (old / "regular.txt").open("a") as file:
        file.write("nobody\ncg-aisec@lists.example.org\n")
    answer = here.run("members", "migrate", "cg-aisec", "--from", "mailman2", str(old), "--yes")
    assert answer.status == 1
    assert [line.partition(":")[0] for line in answer.err.splitlines()] == ["regular.txt line 4", "regular.txt line 5"]
    assert "nothing was changed: --skip-bad passes over the 2 bad lines" in answer.out
    assert here.json("members", "list", "cg-aisec") == []
    here.ok("members", "migrate", "cg-aisec", "--from", "mailman2", str(old), "--yes", "--skip-bad")
    assert len(here.json("members", "list", "cg-aisec")) == 4


def test_further_addresses_are_the_persons(here: Installation, tmp_path: Path) -> None:
    user = "http://localhost:8001/3.1/users/1"
    member = {"role": "member", "user": user}
    file = tmp_path / "member.json"
    file.write_text(json.dumps([{"email": "mia@example.org", **member}, {"email": "mia@example.com", **member}]))
    here.ok("members", "migrate", "cg-aisec", "--from", "mailman3", str(file), "--yes")
    assert here.ok("members", "addresses", "cg-aisec", "mia@example.org").splitlines() == [
        "mia@example.com",
        "mia@example.org  (mail goes here)",
    ]
    told = here.json("members", "migrate", "cg-aisec", "--from", "mailman3", str(file))
    assert (told["unchanged"], told["addresses"], told["done"]) == (1, [], False)


def test_the_folder_of_mlmmj_is_read_where_people_are(here: Installation, tmp_path: Path) -> None:
    for name, text in {"subscribers.d/m": "mia@example.org\n", "control/owner": "jia@example.org\n",
                       "archive/1": "From: x@example.org\n", "index": "12\n"}.items():  # fmt: skip
        (tmp_path / "cg" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cg" / name).write_text(text)
    told = here.json("members", "migrate", "cg-aisec", "--from", "mlmmj", str(tmp_path / "cg"), "--yes")
    assert [one["address"] for one in told["added"]] == ["mia@example.org"]
    assert (told["not_read"], told["remarks"][0]["place"]) == (["archive"], "index")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "majordomo", "."), "'majordomo' is not allowed"),
        (("--from", "sympa", "none"), "there is no such file"),
    ],
)
def test_what_cannot_be_read_is_said(here: Installation, arguments: tuple[str, ...], words: str) -> None:
    answer = here.run("members", "migrate", "cg-aisec", *arguments)
    assert (answer.status, words in answer.err) == (1, True)
