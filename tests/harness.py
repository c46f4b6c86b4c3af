"""A real `cgbot serve` in a folder of its own, a relay that can be told to misbehave, and a mail client."""

from __future__ import annotations

import contextlib
import email
import json
import os
import re
import select
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

ROOT = Path(__file__).parent.parent
DOMAIN = "lists.example.org"
LIST = f"cg-aisec@{DOMAIN}"
FAKED_CLOCK = ROOT / "tests" / "faked_clock"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), Path("libfaketimeMT.so.1"))


@dataclass
class Sent:
    """One message that the relay took."""

    mail_from: str
    recipient: str
    data: bytes

    @property
    def message(self) -> Message:
        return email.message_from_bytes(self.data)


@dataclass
class Relay:
    """An SMTP server that keeps what it takes; `answer` may refuse or delay by recipient."""

    sent: list[Sent] = field(default_factory=list)
    answer: Callable[[str], str] = lambda _recipient: "250 2.1.5 ok"
    after_data: Callable[[Sent], str] = lambda _sent: "250 2.0.0 taken"

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port(), server_hostname="relay.test")

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        reply = self.answer(address)
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        for recipient in envelope.rcpt_tos:
            one = Sent(envelope.mail_from, recipient, envelope.content)
            reply = self.after_data(one)
            if not reply.startswith("2"):
                return reply
            with self._lock:
                self.sent.append(one)
        return "250 2.0.0 taken"

    @property
    def port(self) -> int:
        return int(self._controller.server.sockets[0].getsockname()[1])

    def to(self, recipient: str) -> list[Sent]:
        with self._lock:
            return [one for one in self.sent if one.recipient == recipient]

    def by_subject(self) -> dict[str, Counter[str]]:
        """How often each recipient got each subject."""
        found: dict[str, Counter[str]] = {}
        with self._lock:
            for one in self.sent:
                subject = re.search(rb"^Subject: (.*?)\r$", one.data, re.MULTILINE)
                found.setdefault(subject[1].decode() if subject else "", Counter())[one.recipient] += 1
        return found

    def counts(self, subject: str) -> Counter[str]:
        return self.by_subject().get(subject, Counter())

    def __enter__(self) -> Relay:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# Data folders on SQLite that have these members and nothing else: a command takes a second each time.
_FURNISHED: dict[tuple[object, ...], Path] = {}


class Program:
    """One installation: its configuration in `folder/config`, its data in `folder/var`."""

    def __init__(self, folder: Path, *, relay: Relay | None = None, database_url: str = "", **env: str) -> None:
        self.folder = folder
        self.relay = relay
        self.env = {
            **os.environ,
            "CGBOT_CONFIG": str(folder / "config" / "cgbot.toml"),
            "PYTHONWARNINGS": "error",
            **env,
        }
        self._process: subprocess.Popen[str] | None = None
        self._write_configuration(database_url)
        self.addresses: dict[str, str] = {}
        self.prefix: list[str] = []  # what `serve` is run under

    def travel(self, moment: str) -> None:
        """
        Set the clock of this installation, its commands and its `serve`, to this moment ("2027-05-03 08:00:00", UTC).

        A running `serve` sees the jump at once, as after a sleep of the machine: `ticked` waits until its clock has
        looked at what is due.
        """
        clock = self.folder / "clock"
        new = clock.with_suffix(".new")
        new.write_text(f"@{moment}\n")
        new.rename(clock)
        self.env |= {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # what is late or silent is measured by this one
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else each wait of Python for its lock returns at once, and spins
            "PYTHONPATH": os.pathsep.join(filter(None, (str(FAKED_CLOCK), os.environ.get("PYTHONPATH")))),
            "TZ": "UTC",
        }

    def ticked(self, moment: float) -> None:
        """Wait until the clock of `serve` has looked at what is due at this moment (a POSIX timestamp) or later."""

        def has() -> bool:
            found = re.search(rb"cgbot_clock_last_tick_timestamp_seconds ([0-9.]+)", self.get("/metrics")[2])
            return found is not None and float(found[1]) >= moment

        wait_for(has)

    def _write_configuration(self, database_url: str) -> None:
        (self.folder / "config" / "groups").mkdir(parents=True, exist_ok=True)
        relay = f'[relay]\nhost = "127.0.0.1"\nport = {self.relay.port}\n' if self.relay else ""
        (self.folder / "config" / "cgbot.toml").write_text(
            f'[service]\ndomain = "{DOMAIN}"\npublic_url = "https://cg.example.org"\n'
            f'data_dir = "{self.folder / "var"}"\noperator = "operator@example.org"\n'
            f'[database]\nurl = "{database_url}"\n[smtp]\nport = 0\n[lmtp]\nport = 0\n[web]\nport = 0\n'
            f"[notices]\ntick_seconds = 1\n{relay}"
        )
        charter = (ROOT / "config" / "groups" / "cg-aisec.toml").read_text("utf-8")
        open_to_all = charter.replace('archive = "public" ', 'addresses = "shown"\narchive = "public" ', 1)
        (self.folder / "config" / "groups" / "cg-aisec.toml").write_text(open_to_all, "utf-8")

    def with_members(self, members: dict[str, str]) -> Program:
        """Import these (address, role) without a mail to anybody."""
        key = (tuple(members.items()), (self.folder / "config" / "groups" / "cg-aisec.toml").read_bytes())
        is_new = not (self.folder / "var").exists() and 'url = ""' in self._settings() and "LD_PRELOAD" not in self.env
        if is_new and key in _FURNISHED:
            shutil.copytree(_FURNISHED[key], self.folder / "var")
            return self
        rows = "".join(
            f"{address},{address.partition('@')[0].capitalize()},{role}\n" for address, role in members.items()
        )
        roster = self.folder / "roster.csv"
        roster.write_text(f"address,name,role\n{rows}")
        self.cgbot("members", "import", "cg-aisec", str(roster))
        if is_new:
            _FURNISHED[key] = Path(tempfile.mkdtemp(dir=self.folder)) / "var"
            shutil.copytree(self.folder / "var", _FURNISHED[key])
        return self

    def _settings(self) -> str:
        return (self.folder / "config" / "cgbot.toml").read_text()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cgbot", *arguments]

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """A command as an operator types it."""
        return subprocess.run(
            self.command(*arguments), env={**self.env, **env}, capture_output=True, text=True, timeout=60, check=False
        )

    def cgbot(self, *arguments: str) -> str:
        """A command that must succeed; what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.cgbot(*arguments, "--json"))

    def start(self, **env: str) -> Program:
        log = (self.folder / "serve.log").open("a")
        self._process = subprocess.Popen(
            [*self.prefix, *self.command("serve")],
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        line = self._ready_line()
        self.addresses = dict(re.findall(r"(smtp|lmtp|web)=(\S+)", line))
        return self

    def _ready_line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], 30)
        line = self._process.stdout.readline() if readable else ""
        assert line.startswith("ready "), f"no ready line: {line!r}\n{self.log()}"
        return line

    def log(self) -> str:
        return (self.folder / "serve.log").read_text()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        os.kill(int(children[0]) if self.prefix and children else self._process.pid, signal.SIGTERM)
        return self._end()

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._end()

    def wait_dead(self) -> int:
        """Wait until a failpoint has killed it."""
        return self._end()

    def _end(self) -> int:
        assert self._process is not None
        status = self._process.wait(30)
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None
        return status

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def address(self, name: str) -> tuple[str, int]:
        host, _, port = self.addresses[name].rpartition(":")
        return host, int(port)

    def send(self, raw: bytes, *recipients: str, sender: str = "delegate@example.org", lmtp: bool = False) -> None:
        """One transaction; raises smtplib's exceptions for refusals."""
        host, port = self.address("lmtp" if lmtp else "smtp")
        kind = smtplib.LMTP if lmtp else smtplib.SMTP
        with kind(host, port, local_hostname="client.test", timeout=30) as client:
            client.sendmail(sender, list(recipients) or [LIST], raw)

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        url = self.addresses["web"].rstrip("/") + path
        request = urllib.request.Request(url, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    def counts(self) -> dict[str, dict[str, int]]:
        """Errands and deliveries by state, as /metrics has them."""
        _, _, body = self.get("/metrics")
        found: dict[str, dict[str, int]] = {"errands": {}, "deliveries": {}}
        for table, state, number in re.findall(r'cgbot_(\w+){state="(\w+)"} (\d+)', body.decode()):
            found[table][state] = int(number)
        return found

    def idle(self, seconds: float = 60) -> dict[str, dict[str, int]]:
        """Wait until nothing is received, queued, deferred or leased; the counts then."""
        waiting = ("queued", "leased", "deferred")

        def done() -> bool:
            now = self.counts()
            return not now["errands"].get("received") and not any(now["deliveries"].get(s) for s in waiting)

        wait_for(done, seconds)
        return self.counts()

    def maildir(self, recipient: str) -> list[Message]:
        folders = [p for p in (self.folder / "var" / "maildir").glob("*") if p.name.lower() == recipient.lower()]
        files = sorted(file for folder in folders for file in folder.glob("new/*"))
        return [email.message_from_bytes(file.read_bytes()) for file in files]


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Poll a condition of another process; its end, not a time, is what a test waits for."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@contextlib.contextmanager
def serving(program: Program, **env: str) -> Iterator[Program]:
    """Run it for a block; end it however the block ends."""
    program.start(**env)
    try:
        yield program
    finally:
        if program.running:
            program.stop()


def mail(subject: str, text: str = "Dear all,\n\nplease see below.\n", **fields: str) -> bytes:
    """A plain message by a member."""
    given = {
        "From": "A Delegate <delegate@example.org>",
        "To": LIST,
        "Subject": subject,
        "Date": "Mon, 03 May 2027 10:00:00 +0200",
        "Message-ID": f"<{re.sub('[^a-z0-9]+', '-', subject.lower())}@example.org>",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return (head + "\r\n" + text.replace("\n", "\r\n")).encode()
