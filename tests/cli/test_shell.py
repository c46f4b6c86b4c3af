"""The command line itself: its nouns, its errors, its listings."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cgbot.cli import shell
from tests.cli.commands import ROOT, Installation, installed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Installation:
    return installed(tmp_path / "here", "", monkeypatch, capsys)


def test_help_names_every_noun_and_imports_none() -> None:
    code = (
        "import sys\nfrom cgbot.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = ('sqlalchemy', 'starlette', 'aiosmtpd', 'cgbot.store')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(f"  {noun} " in done.stdout for noun in shell.NOUNS)


def test_the_version_is_that_of_the_package(here: Installation) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert here.ok("--version") == f"cgbot {declared}\n"


def test_an_unknown_noun_is_named(here: Installation) -> None:
    answer = here.run("memebrs")
    assert (answer.status, "No such command 'memebrs'" in answer.err) == (2, True)


def test_an_error_is_one_line_and_a_status(here: Installation) -> None:
    answer = here.run("members", "list", "cg-unknown")
    assert answer.status == 1
    assert answer.err == "cgbot: there is no group 'cg-unknown'; there is cg-aisec\n"


def test_a_wrong_charter_names_file_key_value_and_what_is_allowed(here: Installation) -> None:
    file = here.folder / "groups" / "cg-aisec.toml"
    file.write_text(file.read_text().replace('mode = "host"', 'mode = "hots"'))
    answer = here.run("status")
    assert answer.status == 2
    assert answer.err == f"cgbot: {file}: mode: 'hots' is not allowed: one of host, companion; did you mean 'host'?\n"


def test_a_wrong_charter_changes_nothing(here: Installation) -> None:
    file = here.folder / "groups" / "cg-aisec.toml"
    file.write_text("name = ")
    assert here.run("status").status == 2
    assert not (here.folder / "var" / "cgbot.sqlite3").exists() or here.run("status").status == 2


def test_a_listing_is_columns_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "A\x1b[31mB", "many": [1, 2], "yes": True, "none": None}, {"name": "longer name"}]
    shell.show(False, rows, ("name", "many", "yes", "none"))
    assert capsys.readouterr().out == "NAME         MANY  YES  NONE\nA [31mB      1, 2  yes\nlonger name\n"


def test_json_times_carry_an_offset() -> None:
    plain = shell.as_plain({"at": datetime(2027, 5, 3, 8, 0, tzinfo=UTC), "raw": b"\xff", "set": ("a",)})
    assert json.dumps(plain) == '{"at": "2027-05-03T08:00:00+00:00", "raw": "ff", "set": ["a"]}'
