"""A relay that is down as a whole (mail.md case 14): nothing is tried for nothing, and all flows when it is back."""

from __future__ import annotations

import asyncio
import contextlib
import email.policy
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.mail.frozen import fill
from cgbot.outbox import listing, queue, relay_state
from cgbot.outbox.delivery import Delivery, Hooks, Pace
from cgbot.outbox.silence import Silence, pause
from cgbot.store.db import Database, Tx
from cgbot.store.tables import attempts, deliveries
from tests.outbox.relays import Script, relay, serving_at
from tests.outbox.test_delivery import conveners, counts, owe, reach, settled, told, with_relay

pytestmark = pytest.mark.anyio
QUICK = Pace(first_pause=0.02, longest_pause=0.05, refused=0.05, grace=5, look=0.02)
NOW = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)
PEOPLE = [f"m{number}@x.org" for number in range(200)]


class Clock:
    """A context whose moment a test moves."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(self) -> Context:
        return self.context

    def move(self, by: timedelta) -> datetime:
        self.context = self.context.at(self.context.now + by)
        return self.context.now


@contextlib.asynccontextmanager
async def running(db: Database, context: Callable[[], Context], **given: Any) -> AsyncIterator[Delivery]:
    delivery = Delivery(db, context, **{"epoch": 1, "hooks": Hooks(pace=QUICK), **given})
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        await delivery.stop()
        await task


async def tries(db: Database, count: int) -> Silence:
    """Wait until the relay was tried so often in vain."""
    async with asyncio.timeout(30):
        while (found := await db.read(relay_state.find)) is None or found.tries < count:  # noqa: ASYNC110 - rows
            await asyncio.sleep(0.01)
    return found


def tried(tx: Tx) -> int:
    return tx.execute(select(func.count()).select_from(attempts)).scalar_one()


def most_attempts(tx: Tx) -> int:
    return tx.execute(select(func.max(deliveries.c.attempts)).where(deliveries.c.state == "queued")).scalar_one()


async def free_port() -> int:
    async with relay(Script()) as port:
        return port


def waits(tries: int, since: datetime = NOW) -> float:
    return pause(Silence("mx:25", since, tries, ""))


def test_the_pause_grows_from_15_seconds_to_five_minutes() -> None:
    plain = [15, 30, 60, 120, 240, 300, 300, 300]
    found = [waits(tries) for tries in range(1, 9)]
    assert all(0.8 * one <= given <= 1.2 * one for one, given in zip(plain, found, strict=True))
    assert len({round(given / one, 6) for one, given in zip(plain, found, strict=True)}) == 8
    assert waits(100_000) <= 360
    assert waits(3, NOW) != waits(3, NOW + timedelta(seconds=1))


async def test_a_relay_that_is_down_for_three_days(db: Database, context: Context) -> None:
    """All stays queued and untried; what is taken meanwhile waits with it; then everybody gets one."""
    port = await free_port()
    clock = Clock(with_relay(context, port, connections=4))
    await db.write(owe, clock.context, PEOPLE)
    script = Script()
    async with running(db, clock) as delivery:
        for day in range(3):
            silence = await tries(db, 3 * (day + 1))
            clock.move(timedelta(days=1))
            await db.write(owe, clock.context, [f"day{day}@x.org"])
        assert silence.in_words().startswith(f"the relay 127.0.0.1:{port} does not answer since 2027-05-03 08:00 UTC: ")
        assert db.read_now(tried) == 0
        async with serving_at(script, port):
            delivery.wake()
            assert await reach(db, settled) == {"sent": 203}
        assert db.read_now(relay_state.find) is None
    assert sorted(one.recipients[0] for one in script.taken) == sorted(
        [*PEOPLE, "day0@x.org", "day1@x.org", "day2@x.org"]
    )
    assert db.read_now(tried) == 203


async def test_what_is_too_old_expires_meanwhile(db: Database, context: Context, group: Group) -> None:
    port = await free_port()
    clock = Clock(with_relay(context, port))
    await db.write(owe, clock.context, ["a@x.org", "b@x.org"], group.id)
    async with running(db, clock, hooks=Hooks(owners=conveners, pace=QUICK)):
        await tries(db, 2)
    clock.move(timedelta(days=6))
    async with running(db, clock, epoch=2, hooks=Hooks(owners=conveners, pace=QUICK)):
        await reach(db, lambda found: found.get("expired") == 2)
        silence = await tries(db, 3)
    assert f"{silence.since:%Y-%m-%d %H:%M}" == "2027-05-03 08:00", "it outlives a run"
    (letter,) = db.read_now(told)
    raw = fill(db.read_now(queue.content, letter.id), {"to": "convener@example.org"})
    text = email.message_from_bytes(raw, policy=email.policy.default).get_content()
    assert "does not answer since 2027-05-03 08:00 UTC" in " ".join(text.split())


@pytest.mark.parametrize("greeting", ["421 4.3.2 shutting down", "554 5.3.2 no service", "drop"])
async def test_a_greeting_that_is_none(db: Database, context: Context, greeting: str) -> None:
    script = Script(greeting=lambda number: greeting if number < 12 else "220 ready")
    async with relay(script) as port:
        context = with_relay(context, port)
        await db.write(owe, context, PEOPLE)
        async with running(db, lambda: context):
            await tries(db, 2)
            assert db.read_now(most_attempts) <= 1, "only what is being tried at this moment"
            assert await reach(db, settled) == {"sent": 200}
    assert db.read_now(tried) == 200


async def test_a_relay_without_the_tls_that_is_asked_for(db: Database, context: Context) -> None:
    async with relay(Script()) as port:
        chosen = with_relay(context, port, tls="starttls")
        await db.write(owe, context, PEOPLE)
        async with running(db, lambda: chosen):
            assert "STARTTLS" in (await tries(db, 2)).reason
            assert (await db.read(counts))["queued"] >= 199
    assert db.read_now(counts) == {"queued": 200}
    assert db.read_now(tried) == 0


async def test_many_connections_that_are_refused_at_once_count_as_one(db: Database, context: Context) -> None:
    """And nothing is left in memory: whoever looks sees all of it queued."""
    context = with_relay(context, await free_port(), connections=10)
    await db.write(owe, context, PEOPLE)
    patient = Pace(first_pause=1000, longest_pause=1000, refused=0.05, grace=5, look=0.02)
    async with running(db, lambda: context, hooks=Hooks(pace=patient)):
        await tries(db, 1)
        assert await reach(db, lambda found: found == {"queued": 200})
        await asyncio.sleep(0.2)
        assert (await tries(db, 1)).tries == 1
        assert await db.read(counts) == {"queued": 200}
    assert db.read_now(most_attempts) == 0


async def test_flush_tries_at_once(db: Database, context: Context) -> None:
    port = await free_port()
    context = with_relay(context, port)
    await db.write(owe, context, ["a@x.org"])
    script = Script()
    patient = Pace(first_pause=1000, longest_pause=1000, refused=0.05, grace=5, look=0.02)
    async with running(db, lambda: context, hooks=Hooks(pace=patient)) as delivery:
        await tries(db, 1)
        async with serving_at(script, port):
            await db.write(listing.flush, context.now)
            delivery.wake()
            assert await reach(db, settled) == {"sent": 1}


async def test_a_restart_tries_at_once(db: Database, context: Context) -> None:
    port = await free_port()
    context = with_relay(context, port)
    await db.write(owe, context, ["a@x.org"])
    patient = Pace(first_pause=1000, longest_pause=1000, refused=0.05, grace=5, look=0.02)
    async with running(db, lambda: context, hooks=Hooks(pace=patient)):
        await tries(db, 1)
    async with serving_at(Script(), port), running(db, lambda: context, hooks=Hooks(pace=patient), epoch=2):
        assert await reach(db, settled) == {"sent": 1}
    assert db.read_now(relay_state.find) is None
