"""
Durable accept: messages a second that are answered 250 and are on the disk, all limits on, sorter running.

Postfix and cgbot take turns within the same minute and the median of each counts. The second figure is the time until
everything that came in is sorted, archived and searchable; the third is the memory of `serve` at its highest.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.bench.rows import Row, Tools
from tests.harness import LIST, Program, serving, wait_for

COUNTS = {4096: 3000, 61440: 1500}
CONNECTIONS = (10, 50)
GOALS = {4096: 2.0, 61440: 1.2}
MAILMAN_GOAL = 12.0
SORTED_GOAL = 2.0
MEMORY_MB = 150
AUTHOR = "delegate@example.org"
POSTFIX = "127.0.0.1:2501"
MAILMAN = "127.0.0.1:8024"
MAILMAN_REST = ("127.0.0.1", 8001)
MAILMAN_LIST = "test@mm3.test"


@dataclass(frozen=True)
class Peer:
    name: str
    target: str
    options: dict[str, Any]


def run(tools: Tools) -> Iterator[Row]:
    program = Program(tools.scratch / "cgbot")
    _let_flood(program)
    program.cgbot("members", "add", "cg-aisec", AUTHOR, "--delivery", "none")
    with _postfix(tools) as postfix, _mailman(tools) as mailman, serving(program):
        ours = Peer("cgbot", program.addresses["smtp"], {"rcpt": LIST, "mailfrom": AUTHOR})
        for size in COUNTS:
            for connections in CONNECTIONS:
                yield from _accept(tools, program, [ours, *filter(None, (postfix, mailman))], (size, connections))
        yield from _until_archived(tools, program, ours, mailman)
        yield Row("peak memory of serve", peak_mb(program), MEMORY_MB, "limit", 1, " MB", less_is_better=True)


def _let_flood(program: Program) -> None:
    """One author writes thousands of posts in one thread here, which a list would hold."""
    charter = program.folder / "config" / "groups" / "cg-aisec.toml"
    charter.write_text(
        charter.read_text("utf-8").replace("[posts]\n", "[posts]\nmost_an_hour = 0\nthread_most_an_hour = 0\n", 1),
        "utf-8",
    )


def _accept(tools: Tools, program: Program, peers: list[Peer], load: tuple[int, int]) -> Iterator[Row]:
    size, connections = load
    rates: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for _ in range(tools.repeats):
        for peer in peers:
            count = COUNTS[size] // (8 if peer.name == "Mailman" else 1)
            row = tools.load(peer.target, size=size, conc=connections, count=count, warmup=100, **peer.options)
            assert not row["errors"], f"{peer.name} refused {row['errors']} messages"
            rates[peer.name].append(row["rate"])
            if peer.name == "cgbot":
                _wait_sorted(program)
    ours = statistics.median(rates["cgbot"])
    what = f"accept {size} octets, {connections} connections"
    if "Postfix" in rates:
        yield Row(what, ours, statistics.median(rates["Postfix"]), "Postfix", GOALS[size])
    if "Mailman" in rates:
        yield Row(
            what, ours, statistics.median(rates["Mailman"]), "Mailman", MAILMAN_GOAL if size == min(COUNTS) else 1
        )


def _until_archived(tools: Tools, program: Program, ours: Peer, mailman: Peer | None) -> Iterator[Row]:
    count = 3000
    start = time.monotonic()
    tools.load(ours.target, size=4096, conc=10, count=count, **ours.options)
    _wait_sorted(program)
    rate = count / (time.monotonic() - start)
    peer = tools.load(mailman.target, size=4096, conc=10, count=300, **mailman.options)["rate"] if mailman else 235.0
    name = "Mailman" if mailman else "Mailman (as measured elsewhere)"
    yield Row("until sorted, archived and searchable", rate, peer, name, SORTED_GOAL)


def _wait_sorted(program: Program, seconds: float = 300) -> None:
    """Look into the database itself: a command a look would take the processor from what is measured."""
    db = sqlite3.connect(program.folder / "var" / "cgbot.sqlite3")
    until = time.monotonic() + seconds
    with contextlib.closing(db):
        while db.execute("SELECT count(*) FROM errands WHERE state = 'received'").fetchone()[0]:
            assert time.monotonic() < until, "the errands are not sorted in time"
            time.sleep(0.05)


def peak_mb(program: Program) -> float:
    process = program._process
    assert process is not None
    with open(f"/proc/{process.pid}/status") as status:
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return kilobytes / 1024


@contextmanager
def _postfix(tools: Tools) -> Iterator[Peer | None]:
    if shutil.which("postfix") is None:
        sys.stderr.write("Postfix is not installed: not compared\n")
        yield None
        return
    tools.script("postfix_up.sh", "start")
    try:
        yield Peer("Postfix", POSTFIX, {})
    finally:
        tools.script("postfix_up.sh", "stop", check=False)


@contextmanager
def _mailman(tools: Tools) -> Iterator[Peer | None]:
    if not (tools.folder / "venv" / "mm3" / "bin" / "mailman").exists():
        sys.stderr.write("Mailman is not set up in CGBOT_BENCH (setup.sh): not compared\n")
        yield None
        return
    try:
        tools.script("mm3_up.sh", "start", "full")
        wait_for(lambda: answers(*MAILMAN_REST), 60)
        tools.python("mm3_rest.py", "create", MAILMAN_LIST)
        tools.script("mm3_up.sh", "stop")
        wait_for(lambda: not answers(*MAILMAN_REST), 60)
        time.sleep(3)  # its master removes its files after its runners have gone
        tools.script("mm3_up.sh", "start", "lmtponly", check=False)
        wait_for(lambda: answers("127.0.0.1", int(MAILMAN.rpartition(":")[2])), 60)
        yield Peer("Mailman", MAILMAN, {"lmtp": True, "rcpt": MAILMAN_LIST, "mailfrom": "user00001@sink.test"})
    finally:
        tools.script("mm3_up.sh", "stop", check=False)


def answers(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False
