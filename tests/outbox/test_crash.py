"""`kill -9` at each durable step: nobody misses a mail, and at most one copy a connection comes twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from cgbot.context import Context
from cgbot.mail.frozen import Frozen
from cgbot.outbox import queue
from cgbot.outbox.queue import Copy, Mail, Timing
from cgbot.store.db import Database, Tx
from tests.outbox.relays import Script, relay

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
PEOPLE = [f"m{number}@x.org" for number in range(120)]
CONNECTIONS = 3

# One run of the outbox in a process of its own; it ends when nothing is left to do.
CHILD = """
import asyncio, sys
from dataclasses import replace
from datetime import datetime, timezone
from cgbot.context import Context
from cgbot.keys import Keys
from cgbot.outbox.delivery import Delivery
from cgbot.settings import Settings
from cgbot.store import service
from cgbot.store.db import Database

url, port, connections = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
base = Settings()
settings = replace(base, relay=replace(base.relay, host="127.0.0.1", port=port, connections=connections))
now = lambda: datetime.now(timezone.utc)
context = Context(now(), settings, None, None, Keys((b"k",)), {})

def is_open(tx):
    query = "SELECT 1 FROM deliveries WHERE state IN ('queued', 'leased', 'deferred') LIMIT 1"
    return tx.exec_driver_sql(query).first() is not None

async def main():
    db = Database.open(url)
    epoch = await db.write(service.begin_epoch, now())
    delivery = Delivery(db, lambda: context.at(now()), epoch=epoch)
    running = asyncio.create_task(delivery.run())
    while await db.read(is_open):
        await asyncio.sleep(0.02)
    await delivery.stop()
    await running
    db.close()

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def child(url: str, port: int, failpoint: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, str(port), str(CONNECTIONS),
        env={**os.environ, "PYTHONPATH": str(ROOT), "CGBOT_FAILPOINT": failpoint},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ended(url: str, port: int, failpoint: str = "") -> int:
    async with child(url, port, failpoint) as process, asyncio.timeout(60):
        return await process.wait()


def owe(tx: Tx, context: Context) -> None:
    content_id = queue.add_content(
        tx, Mail("post", "post 1", None, "a@b", Frozen(b"Subject: x\r\n\r\nx\r\n")), context.now
    )
    copies = [Copy(one, None, "b@lists.example.org", {}) for one in PEOPLE]
    queue.add_copies(tx, content_id, copies, Timing(context.now, context.now + timedelta(days=9999)))


@pytest.mark.parametrize(
    "failpoint",
    [
        "outbox.claimed:1:kill",
        "outbox.composed:40:kill",
        "outbox.before-dot:40:kill",
        "outbox.after-send:40:kill",
        "outbox.recorded:40:kill",
    ],
)
async def test_nobody_misses_a_mail(sqlite_url: str, context: Context, failpoint: str) -> None:
    past = context.at(context.now.replace(year=2020))
    db = Database.open(sqlite_url)
    db.write_now(owe, past)
    db.close()
    script = Script()
    async with relay(script) as port:
        assert await ended(sqlite_url, port, failpoint) == -signal.SIGKILL
        assert await ended(sqlite_url, port) == 0
    counts = Counter(one.recipients[0] for one in script.taken)
    assert sorted(counts) == sorted(PEOPLE)
    assert sum(counts.values()) - len(PEOPLE) <= CONNECTIONS
    assert len({one.data for one in script.taken}) == 1


@pytest.mark.parametrize(
    "failpoint",
    ["outbox.claimed:1", "outbox.composed:5", "outbox.before-dot:5", "outbox.after-send:5", "outbox.recorded:5"],
)
async def test_an_error_anywhere_ends_no_worker(sqlite_url: str, context: Context, failpoint: str) -> None:
    """All but the one copy that it struck are sent in the same run."""
    db = Database.open(sqlite_url)
    db.write_now(owe, context.at(context.now.replace(year=2020)))
    db.close()
    script = Script()
    async with relay(script) as port, child(sqlite_url, port, f"{failpoint}:raise"), asyncio.timeout(30):
        while len({one.recipients[0] for one in script.taken}) < len(PEOPLE) - 1:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    assert len(script.taken) <= len(PEOPLE)
