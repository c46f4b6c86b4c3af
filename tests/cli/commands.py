"""Commands as an operator types them, run in this process on one installation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cgbot.cli import shell

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Installation:
    """A folder with a configuration and a group; `run` runs a command there."""

    folder: Path
    run: Callable[..., Answer]

    def ok(self, *arguments: str) -> str:
        """A command that must succeed; what it printed."""
        answer = self.run(*arguments)
        assert answer.status == 0, f"{arguments}: {answer}"
        return answer.out

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ok(*arguments, "--json"))


def installed(
    folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Installation:
    """Write a configuration into the folder and point the commands at it."""
    (folder / "groups").mkdir(parents=True)
    shutil.copy(ROOT / "config" / "groups" / "cg-aisec.toml", folder / "groups")
    (folder / "cgbot.toml").write_text(
        f'[service]\ndomain = "lists.example.org"\npublic_url = "https://cg.example.org"\n'
        f'data_dir = "{folder / "var"}"\n[database]\nurl = "{database_url}"\n'
    )
    monkeypatch.setenv("CGBOT_CONFIG", str(folder / "cgbot.toml"))

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            shell.main(arguments)
        said = capsys.readouterr()
        return Answer(int(ended.value.code or 0), said.out, said.err)

    return Installation(folder, run)
