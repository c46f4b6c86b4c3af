"""
One 4 KB post to many subscribers through real sockets: recipients per second, each with its own durable row.

Run it with the project's Python: `python tests/bench/bench_fanout.py [RECIPIENTS] [CONNECTIONS]`. It needs smtp-sink
from Postfix. Each recipient has an envelope, a return path, an attempt and a commit of its own before its connection
goes on.
"""

from __future__ import annotations

import asyncio
import cProfile
import itertools
import os
import pstats
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import uvloop  # noqa: E402 - the path comes first

from cgbot.context import Context, Rendered  # noqa: E402
from cgbot.keys import Keys  # noqa: E402
from cgbot.mail import verp  # noqa: E402
from cgbot.mail.frozen import join, slot  # noqa: E402
from cgbot.outbox import queue  # noqa: E402
from cgbot.outbox.delivery import Delivery  # noqa: E402
from cgbot.outbox.queue import Copy, Mail, Timing  # noqa: E402
from cgbot.settings import Settings  # noqa: E402
from cgbot.store import schema  # noqa: E402
from cgbot.store.db import Database, Tx  # noqa: E402
from tests.bench.bench_accept import MAILMAN_REST, MEMORY_MB, answers, peak_mb  # noqa: E402
from tests.bench.rows import Row, Tools  # noqa: E402
from tests.harness import LIST, Program, serving, wait_for  # noqa: E402

DOMAIN = "lists.example.org"
KEYS = Keys((b"a key for benches only",))


def rendered(_name: str, _facts: object, _language: str = "en") -> Rendered:
    return Rendered("nothing", "nothing\n")


def queued(tx: Tx, recipients: int) -> int:
    body = ("The quick brown fox jumps over the lazy dog, again and again.\r\n" * 60).encode()
    frozen = join([b"List-Unsubscribe: <", slot("leave"), b">\r\nSubject: bench\r\n\r\n", body])
    now = datetime.now(UTC)
    content_id = queue.add_content(tx, Mail("post", "post 1", None, f"bench@{DOMAIN}", frozen), now)
    copies = [
        Copy(
            f"member{number}@example.org",
            None,
            verp.return_path(KEYS, "cg-aisec", DOMAIN, content_id, number),
            {"leave": f"https://cg.example.org/leave/cg-aisec/{number}-abcdefghijklmnop"},
        )
        for number in range(1, recipients + 1)
    ]
    return queue.add_copies(tx, content_id, copies, Timing(now, now + timedelta(days=5)))


def states(tx: Tx) -> dict[str, int]:
    return {row[0]: row[1] for row in tx.exec_driver_sql("SELECT state, count(*) FROM deliveries GROUP BY state")}


def is_open(tx: Tx) -> bool:
    query = "SELECT 1 FROM deliveries WHERE state IN ('queued', 'leased', 'deferred') LIMIT 1"
    return tx.exec_driver_sql(query).first() is not None


async def fan_out(db: Database, context: Context, recipients: int) -> float:
    delivery = Delivery(db, lambda: context.at(datetime.now(UTC)), epoch=1)
    running = asyncio.create_task(delivery.run())
    began = time.perf_counter()
    await db.write(queued, recipients)
    wrote = time.perf_counter() - began
    delivery.wake()
    while await db.read(is_open):  # noqa: ASYNC110 - rows of a database tell no events
        await asyncio.sleep(0.02)
    took = time.perf_counter() - began
    await delivery.stop()
    await running
    sys.stdout.write(f"queued in {wrote:.2f} s; {db.read_now(states)}\n")
    return took


MEMBERS = 1000
GOAL = 10.0
MAILMAN = "l1000@mm3.test"


def run(tools: Tools) -> Iterator[Row]:
    """One 4 KB post to 1,000 subscribers: a real `serve`, unsigned and signed, and Mailman 3 with VERP take turns."""
    with mailman(tools, MAILMAN, MEMBERS) as is_there:
        for words, enabled in (("unsigned", "no"), ("signed with RSA-2048 and Ed25519", "yes")):
            yield from _beside(tools, (words, enabled), is_there=is_there)


def _beside(tools: Tools, signing: tuple[str, str], *, is_there: bool) -> Iterator[Row]:
    words, enabled = signing
    relay = SimpleNamespace(port=2600)
    folder = tools.scratch / f"fanout-{enabled}"
    program = Program(folder, relay=relay, CGBOT__SIGNING__ENABLED=enabled)  # type: ignore[arg-type]  # only its port
    everybody = {f"u{number:05d}@sink.test": "member" for number in range(MEMBERS)}
    with serving(program.with_members(everybody)):
        ours = {"post": program.addresses["smtp"], "rcpt": LIST, "mailfrom": "u00001@sink.test"}
        theirs = {"post": "127.0.0.1:8024", "lmtp": True, "rcpt": MAILMAN, "mailfrom": "u00001@sink.test"}
        shared = {"expect": MEMBERS, "subs": MEMBERS}
        rates: dict[str, list[float]] = {"cgbot": [], "Mailman": []}
        for _ in range(tools.repeats):
            rates["cgbot"].append(tools.fanout(**ours, **shared))
            if is_there:
                rates["Mailman"].append(tools.fanout(**theirs, **shared))
        peer = statistics.median(rates["Mailman"]) if is_there else 76.0
        name = "Mailman, VERP" if is_there else "Mailman, VERP (as measured elsewhere)"
        what = f"fan-out to {MEMBERS:,} subscribers, {words}"
        yield Row(what, statistics.median(rates["cgbot"]), peer, name, GOAL)
        yield Row("peak memory of serve, fan-out", peak_mb(program), MEMORY_MB, "limit", 1, " MB", less_is_better=True)


@contextmanager
def mailman(tools: Tools, address: str, members: int) -> Iterator[bool]:
    """A Mailman 3 that sends to the sink with VERP, with this list and so many members; False where there is none."""
    if not (tools.folder / "venv" / "mm3" / "bin" / "mailman").exists():
        sys.stderr.write("Mailman is not set up in CGBOT_BENCH (setup.sh): not compared\n")
        yield False
        return
    environment = {"MM_SMTP_PORT": "2600", "MM_EXTRA_MTA": "verp_delivery_interval: 1"}
    os.environ.update(environment)
    try:
        tools.script("mm3_up.sh", "start", "full")
        wait_for(lambda: answers(*MAILMAN_REST), 60)
        tools.python("mm3_rest.py", "create", address)
        tools.fill_mailman(address, members)
        yield True
    finally:
        tools.script("mm3_up.sh", "stop", check=False)
        for key in environment:
            os.environ.pop(key, None)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def main(recipients: int, connections: int) -> None:
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    sink = subprocess.Popen(
        [
            shutil.which("smtp-sink", path=f"{os.environ['PATH']}:/usr/sbin") or "smtp-sink",
            *(["-u", "nobody"] if os.geteuid() == 0 else []),
            f"127.0.0.1:{port}",
            "512",
        ]
    )
    try:
        base = Settings()
        settings = replace(
            base,
            service=replace(base.service, domain=DOMAIN, data_dir=folder),
            relay=replace(base.relay, host="127.0.0.1", port=port, connections=connections),
        )
        count = itertools.count()
        context = Context(datetime.now(UTC), settings, rendered, lambda: str(next(count)), KEYS, {})
        db = Database.open(os.environ.get("BENCH_DATABASE") or f"sqlite:///{folder / 'bench.db'}")
        db.write_now(schema.create)
        time.sleep(0.3)
        took = uvloop.run(fan_out(db, context, recipients))
        db.close()
        sys.stdout.write(
            f"{recipients} recipients, {connections} connections: {took:.2f} s, {recipients / took:.0f} recipients/s\n"
        )
    finally:
        sink.terminate()
        sink.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    arguments = [int(one) for one in sys.argv[1:]] + [2000, 8][len(sys.argv) - 1 :]
    if os.environ.get("BENCH_PROFILE"):
        with cProfile.Profile() as profile:
            main(*arguments)
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)
    else:
        main(*arguments)
