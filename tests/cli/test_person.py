"""`cgbot person`: one file with all of it, and all of it erased."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from cgbot import app
from cgbot.groups import records
from tests.archive.posting import mail, put_all
from tests.cli.commands import installed


def test_export_and_erase(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = installed(tmp_path / "here", sqlite_url, monkeypatch, capsys)
    here.ok("members", "add", "cg-aisec", "alice@example.org", "--name", "Alice")
    first = mail("first")
    with app.open_house() as house:
        group = house.db.read_now(records.get_group, "cg-aisec")
        house.db.write_now(put_all, group.id, [first, mail("bobs", From="bob@example.org")])
    out = tmp_path / "alice.zip"
    assert "and 1 posts are in" in here.ok("person", "export", "alice@example.org", "--out", str(out))
    with zipfile.ZipFile(out) as found:
        assert sorted(found.namelist()) == ["messages/1.eml", "person.json"]
        assert found.read("messages/1.eml") == first
        assert json.loads(found.read("person.json"))["people"][0]["name"] == "Alice"
    assert here.run("person", "export", "alice@example.org", "--out", str(out)).status == 1
    said = here.ok("person", "erase", "alice@example.org", "--reason", "asked for it", "--yes")
    assert said.startswith("1 posts are erased, 1 memberships ended")
    assert here.run("person", "export", "alice@example.org", "--out", str(tmp_path / "again.zip")).status == 1
    here.ok("archive", "seal")
    assert "everything fits: 1 messages" in here.ok("archive", "verify")
