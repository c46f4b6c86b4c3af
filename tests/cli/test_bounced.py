"""`cgbot members show`: one member, and what came back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import installed


def test_one_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    here = installed(tmp_path / "here", "", monkeypatch, capsys)
    here.ok("members", "add", "cg-aisec", "a@example.org", "--name", "A Delegate")
    said = here.ok("members", "show", "cg-aisec", "a@example.org").splitlines()
    assert "name: A Delegate" in said
    assert "mail: nothing came back in the last sixty days" in said
    here.ok("members", "set", "cg-aisec", "a@example.org", "--state", "suspended")
    told = here.json("members", "show", "cg-aisec", "a@example.org")
    assert told["state"] == "suspended"
    assert told["mail"][0].startswith("no mail since ")
    assert told["mail"][0].endswith("(operator)")
    assert here.run("members", "show", "cg-aisec", "b@example.org").status == 1
