"""What a bench gives: a figure of ours, the peer's, and the ratio that was promised."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """`ours` and `theirs` in `unit`; `goal` is the ratio that was promised, 0 where none was."""

    what: str
    ours: float
    theirs: float
    peer: str
    goal: float
    unit: str = "/s"
    less_is_better: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs if self.theirs else float("inf")

    @property
    def reached(self) -> bool:
        return self.ratio <= self.goal if self.less_is_better else self.ratio >= self.goal


def show(row: Row) -> str:
    mark = "ok  " if row.reached else "MISS"
    sign = "<=" if row.less_is_better else ">="
    return (
        f"{mark} {row.what:48s} {row.ours:9.0f}{row.unit} {row.peer} {row.theirs:9.0f}{row.unit}"
        f"  ratio {row.ratio:6.2f} (goal {sign} {row.goal:g})"
    )


class Tools:
    """The peers' scripts and load generators, in a copy that may be written to."""

    def __init__(self, folder: Path, scratch: Path, repeats: int) -> None:
        self.repeats = repeats
        self.scratch = scratch
        self.folder = scratch / "tools"
        scratch.chmod(0o755)  # peers run as users of their own
        shutil.copytree(folder, self.folder, ignore=shutil.ignore_patterns("venv", "data", "results", "pf", "mm3var"))
        (self.folder / "results").mkdir(exist_ok=True)
        if (folder / "venv").exists():
            (self.folder / "venv").symlink_to(folder / "venv")

    def script(self, name: str, *arguments: str, check: bool = True) -> None:
        """Run a script; its daemons must not keep a pipe of ours open."""
        with (self.scratch / "scripts.log").open("a") as log:
            subprocess.run(
                ["bash", f"./{name}", *arguments],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=check, timeout=180,
            )  # fmt: skip

    def python(self, name: str, *arguments: str) -> None:
        """Run a Python script of the folder with the interpreter of the peers, where there is one."""
        subprocess.run(["python3", name, *arguments], cwd=self.folder, check=True, timeout=120)

    def fill_mailman(self, address: str, members: int) -> None:
        """Subscribe u00000@sink.test and so on, through Mailman's own model, without a welcome."""
        module = self.folder / "modules"
        module.mkdir(exist_ok=True)
        shutil.copy(self.folder / "mm3_members.py", module)
        command = (
            f"N={members} PYTHONPATH={module} {self.folder}/venv/mm3/bin/mailman -C {self.folder}/mm3var/mailman.cfg"
        )
        with (self.scratch / "scripts.log").open("a") as log:
            subprocess.run(
                ["runuser", "-u", "list", "--", "sh", "-c", f"HOME={self.folder}/mm3var {command} shell -l {address} "
                 "-r mm3_members.add"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=300,
            )  # fmt: skip

    def fanout(self, **options: Any) -> float:
        """One post to a whole list: recipients a second, from the 250 to the last copy at the sink on port 2600."""
        out = self.folder / "results" / f"{uuid.uuid4().hex}.jsonl"
        words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items() if value]
        subprocess.run(
            [sys.executable, "fanout.py", "--label=bench", "--repeats=1", f"--json={out}", *words],
            cwd=self.folder, check=True, stdout=subprocess.DEVNULL, timeout=300,
        )  # fmt: skip
        return float(json.loads(out.read_text())["rate"])

    def load(self, target: str, **options: Any) -> dict[str, Any]:
        """One run of the SMTP load generator; its row."""
        out = self.folder / "results" / f"{uuid.uuid4().hex}.jsonl"
        words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items() if value]
        subprocess.run(
            [sys.executable, "smtpload.py", target, "--repeats=1", "--tries=1", "--quiet=0", f"--json={out}", *words],
            cwd=self.folder, check=True, stdout=subprocess.DEVNULL, timeout=300,
        )  # fmt: skip
        row: dict[str, Any] = json.loads(out.read_text())
        return row
