"""Our own fault is answered 4xx, and nothing is lost: the sender tries again and the message is there once."""

from __future__ import annotations

import base64
import contextlib
import random
import shutil
import smtplib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_kill import archived
from tests.harness import Program, mail, serving, wait_for

MEMBERS = {"delegate@example.org": "member", "convener@example.org": "convener"}


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path).with_members(MEMBERS)


def refusal(program: Program, subject: str, text: str = "Dear all\n") -> tuple[int, bytes]:
    """Send what must not be answered 250; the reply."""
    with pytest.raises((smtplib.SMTPResponseException, smtplib.SMTPSenderRefused)) as refused:
        program.send(mail(subject, text))
    return refused.value.smtp_code, refused.value.smtp_error


@pytest.mark.parametrize("place", ["intake.received", "intake.before-commit"])
def test_an_exception_while_it_is_taken(place: str, program: Program) -> None:
    with serving(program, CGBOT_FAILPOINT=f"{place}:raise"):
        code, text = refusal(program, "Hello")
        assert code == 451
        assert text.startswith(b"4.3.0")
        assert b"failpoint" not in text  # nothing of the exception gets out
        program.send(mail("Hello"))
        program.idle()
        assert archived(program) == {"Hello": 1}


@pytest.mark.parametrize("place", ["sorter.claimed", "sorter.deciding", "sorter.before-commit"])
def test_an_exception_while_it_is_sorted(place: str, program: Program) -> None:
    program.start(CGBOT_FAILPOINT=f"{place}:raise")
    program.send(mail("Hello"))
    wait_for(lambda: f"failpoint {place}" in program.log())
    program.stop()
    with serving(program):
        program.idle()
        assert archived(program) == {"Hello": 1}
        assert len(program.maildir("delegate@example.org")) == 1


@pytest.mark.parametrize("place", ["outbox.claimed", "outbox.composed", "outbox.after-send"])
def test_an_exception_while_it_is_sent(place: str, program: Program) -> None:
    program.start(CGBOT_FAILPOINT=f"{place}:raise")
    program.send(mail("Hello"))
    wait_for(lambda: f"failpoint {place}" in program.log())
    program.stop()
    with serving(program):
        program.cgbot("outbox", "flush")
        program.idle()
        for address in MEMBERS:
            assert 1 <= len(program.maildir(address)) <= 2


def test_a_locked_database(program: Program) -> None:
    with serving(program):
        lock = sqlite3.connect(program.folder / "var" / "cgbot.sqlite3", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        code, text = refusal(program, "While it is locked")
        assert (code, text[:5]) == (451, b"4.3.0")
        lock.execute("ROLLBACK")
        lock.close()
        program.send(mail("While it is locked"))
        program.idle()
        assert archived(program) == {"While it is locked": 1}


def test_a_full_disk(program: Program) -> None:
    """No file may grow: what the operating system answers to a write is an error, as on a full disk."""
    database = program.folder / "var" / "cgbot.sqlite3"
    with serving(program):
        program.send(mail("Before"))
        program.idle()
    limit = max(file.stat().st_size for file in database.parent.glob("cgbot.sqlite3*"))
    prefix = [sys.executable, "-c", _LIMITED, str(limit)]
    with _prefixed(program, prefix), serving(program):
        code, text = refusal(program, "While it is full", _incompressible(2 * limit))
        assert code in {451, 452}
        assert text[:5] in {b"4.3.0", b"4.3.1"}
    with serving(program):
        program.send(mail("After"))
        program.idle()
        assert archived(program) == {"Before": 1, "After": 1}


def _incompressible(octets: int) -> str:
    content = random.Random(1).randbytes(octets)
    return base64.encodebytes(content).decode()


_LIMITED = (
    "import os, resource, sys; size = int(sys.argv[1]); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)); os.execv(sys.argv[2], sys.argv[2:])"
)


@contextlib.contextmanager
def _prefixed(program: Program, prefix: list[str]) -> Iterator[None]:
    program.prefix = prefix
    yield
    program.prefix = []


def test_a_database_file_that_cannot_be_written(program: Program) -> None:
    with serving(program):
        program.send(mail("Before"))
        program.idle()
        database = program.folder / "var" / "cgbot.sqlite3"
        try:
            subprocess.run(["chattr", "+i", str(database)], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this file system has no immutable files")
        try:
            program.kill()
            done = program.run("serve")
            assert done.returncode == 75
            assert "try again" in done.stderr
        finally:
            subprocess.run(["chattr", "-i", str(database)], check=True)
        program.start()
        program.send(mail("After"))
        program.idle()
        assert archived(program) == {"Before": 1, "After": 1}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_sync_comes_before_the_250(program: Program) -> None:
    trace = program.folder / "trace"
    calls = "trace=fsync,fdatasync,sendto,sendmsg,write,recvfrom,recvmsg,read"
    with _prefixed(program, ["strace", "-f", "-qq", "-s", "200", "-e", calls, "-o", str(trace)]), serving(program):
        program.send(mail("Traced"))
    lines = trace.read_text(errors="replace").splitlines()
    dot = min(number for number, line in enumerate(lines) if "Subject: Traced" in line)
    reply = next(number for number, line in enumerate(lines) if number > dot and "250 2.0.0" in line)
    synced = [line for line in lines[dot:reply] if "fdatasync" in line or "fsync" in line]
    assert any(line.rstrip().endswith("= 0") for line in synced), lines[dot : reply + 1]
