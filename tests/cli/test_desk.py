"""`cgbot status`, `backup`, `restore` and `resume`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.commands import Installation, installed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Installation:
    made = installed(tmp_path / "here", "", monkeypatch, capsys)
    made.ok("members", "add", "cg-aisec", "jia@example.org", "--role", "convener")
    return made


def test_the_status_has_the_fields_that_scripts_rely_on(here: Installation) -> None:
    status = here.json("status")
    assert {"domain", "groups", "errands", "deliveries", "oldest", "notices"} <= set(status)
    assert status["errands"]["received"] == status["deliveries"]["queued"] == 0
    assert status["domain"] == "lists.example.org"
    said = here.ok("status")
    assert "cg-aisec: 1 members, 1 conveners, 0 held, its term ended on 2024-12-31\n" in said


def test_a_backup_moves_to_a_new_machine(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cgbot.tar.zst"
    assert "The master keys are not in it" in here.ok("backup", str(file))
    assert here.run("backup", str(file)).status == 1
    there = installed(tmp_path / "there", "", monkeypatch, capsys)
    shutil.copytree(here.folder / "var" / "secrets", there.folder / "var" / "secrets")
    said = there.ok("restore", str(file))
    assert said.startswith("restored cg-aisec from the backup of ")
    assert "master keys" not in said
    assert [one["address"] for one in there.json("members", "list", "cg-aisec")] == ["jia@example.org"]
    assert "restored on" in there.json("status")["paused"]
    assert "PAUSED, nothing is sent" in there.ok("status")
    assert there.ok("resume").startswith("sending again (restored on")
    assert there.ok("resume") == "nothing was paused\n"


def test_a_restore_misses_keys_and_charters(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cgbot.tar.zst"
    here.ok("backup", str(file))
    there = installed(tmp_path / "there", "", monkeypatch, capsys)
    (there.folder / "groups" / "cg-aisec.toml").unlink()
    said = there.ok("restore", str(file))
    assert "The master keys of the backup are not in" in said
    assert "has no cg-aisec.toml; `--charters FOLDER` takes them out of the backup" in said
    assert not (there.folder / "var" / "secrets").exists()
    (there.folder / "var" / "cgbot.sqlite3").unlink()
    said = there.ok("restore", str(file), "--charters", str(there.folder / "groups"))
    assert "groups' files written: cg-aisec.toml" in said
    assert there.json("status")["groups"][0]["members"] == 1


def test_a_restore_refuses_a_full_installation(here: Installation, tmp_path: Path) -> None:
    file = tmp_path / "cgbot.tar.zst"
    here.ok("backup", str(file))
    answer = here.run("restore", str(file))
    assert (answer.status, "fills an empty installation: move it away first" in answer.err) == (1, True)
    assert here.json("status")["paused"] is None


def test_what_is_no_backup_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = installed(tmp_path / "there", "", monkeypatch, capsys)
    answer = there.run("restore", str(there.folder / "cgbot.toml"))
    assert (answer.status, "is not a backup of cgbot" in answer.err) == (1, True)
    assert not (there.folder / "var" / "cgbot.sqlite3").exists()
