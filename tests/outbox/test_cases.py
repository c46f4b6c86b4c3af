"""
A relay that misbehaves, each case to its end; what must come of it was written down before.

| case | the relay | what becomes of the copies | who got it |
| --- | --- | --- | --- |
| 10 | we are killed after k of n (test_crash) | sent = k, queued = n - k | each once, one a connection twice |
| 11 | ends the connection after the dot | deferred, in doubt once; then sent | that one twice, counted |
| 12 | 250, 450, 550, garbage at RCPT | sent, deferred, failed, deferred | all others, unaffected |
| 13 | 421 at the second RCPT | tried again at once on a new connection | all, in the first round |
| 13 | 421 at every RCPT but the first | deferred one minute, the relay is not hammered | all in the end |
| 13 | 452 4.5.3 at the 101st | the rest goes on at once on a new connection | all, in the first round |
| 14 | down for three days (test_watch), or 451 for three days | deferred 4,000 s at most; then sent | each once |
| 15 | 451 for five days | expired, and one notice to the owner | the notice only |
| 16 | one octet now and then; no greeting | the attempt ends at its deadline; other connections go on | all others |
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from cgbot.context import Context
from cgbot.groups import records
from cgbot.mail.frozen import fill
from cgbot.outbox import queue
from cgbot.outbox.delivery import Delivery, Hooks, Pace
from cgbot.outbox.transport_smtp import Deadlines
from cgbot.store.db import Database, Tx
from cgbot.store.tables import attempts, deliveries
from tests.outbox.relays import Script, Taken, relay
from tests.outbox.test_delivery import conveners, owe, reach, settled, told, with_relay
from tests.outbox.test_watch import Clock

pytestmark = pytest.mark.anyio
PACE = Pace(first_pause=0.02, longest_pause=0.05, refused=0.05, grace=1, look=0.01)
LONGEST = timedelta(seconds=4000)


@pytest.fixture
def db(sqlite_url: str) -> Iterator[Database]:
    """One database is enough: what differs between the two is tried where it is written."""
    opened = Database.open(sqlite_url)
    yield opened
    opened.close()


@contextlib.asynccontextmanager
async def running(db: Database, context: Callable[[], Context], **given: Any) -> AsyncIterator[Delivery]:
    delivery = Delivery(db, context, epoch=1, hooks=Hooks(owners=conveners, pace=PACE, **given))
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        await delivery.stop()
        await task


def rows(tx: Tx) -> dict[str, Any]:
    return {row.recipient: row for row in tx.execute(select(deliveries).order_by(deliveries.c.id))}


def next_due(tx: Tx) -> datetime:
    """When the last of those that wait is due."""
    return tx.execute(select(func.max(deliveries.c.due_at)).where(deliveries.c.state == "deferred")).scalar_one()


def got(script: Script) -> Counter[str]:
    return Counter(one.recipients[0] for one in script.taken)


async def test_11_the_connection_ends_after_the_dot(db: Database, context: Context) -> None:
    script = Script()

    def answer(taken: Taken) -> str:
        return "drop-after" if taken.recipients == ["b@x.org"] and not got(script)["b@x.org"] else "250 ok"

    script.after_dot = answer
    async with relay(script) as port:
        clock = Clock(with_relay(context, port))
        await db.write(owe, clock.context, ["a@x.org", "b@x.org", "c@x.org"])
        async with running(db, clock) as delivery:
            assert await reach(db, settled) == {"sent": 2, "deferred": 1}
            found = db.read_now(rows)["b@x.org"]
            assert (found.in_doubt, found.due_at - context.now) == (1, timedelta(minutes=1))
            clock.move(timedelta(minutes=2))
            delivery.wake()
            assert await reach(db, lambda found: found == {"sent": 3})
    assert got(script) == {"a@x.org": 1, "b@x.org": 2, "c@x.org": 1}
    assert db.read_now(rows)["b@x.org"].in_doubt == 1
    assert len({one.data for one in script.taken if one.recipients == ["b@x.org"]}) == 1


async def test_12_a_mix_of_answers(db: Database, context: Context) -> None:
    answers = ["250 2.1.5 ok", "450 4.2.1 busy", "550 5.1.1 no such user", "what?"]
    people = [f"m{number}@x{number % 4}.org" for number in range(40)]
    script = Script(rcpt=lambda one: answers[int(one[-5])])
    async with relay(script) as port:
        context = with_relay(context, port)
        await db.write(owe, context, people)
        async with running(db, lambda: context):
            assert await reach(db, settled) == {"sent": 10, "deferred": 20, "failed": 10}
    found = db.read_now(rows)
    for person in people:
        row, wait = found[person], found[person].due_at - context.now
        kind = int(person[-5])
        assert row.state == ("sent", "deferred", "failed", "deferred")[kind]
        assert (
            row.reply
            == (
                "250 2.0.0 taken",
                answers[1],
                answers[2],
                "the server's answer is not an SMTP reply",
            )[kind]
        )
        assert row.attempts == 1
        if row.state == "deferred":
            assert timedelta(minutes=4) <= wait <= timedelta(minutes=6)
    assert got(script) == dict.fromkeys(people[::4], 1)


@pytest.mark.parametrize(
    ("answer", "at"), [("421 4.7.0 enough", 2), ("452 4.5.3 too many recipients", 101), ("drop", 2)]
)
async def test_13_a_connection_that_has_done_enough(db: Database, context: Context, answer: str, at: int) -> None:
    """Each connection takes so many recipients less one; nobody's attempt is counted for it."""
    people = [f"m{number}@x.org" for number in range(2 * at)]
    script = Script()
    seen: Counter[int] = Counter()

    def rcpt(_recipient: str) -> str:
        seen[script.connections] += 1
        return answer if seen[script.connections] == at else "250 ok"

    script.rcpt = rcpt
    async with relay(script) as port:
        context = with_relay(context, port, connections=1)
        await db.write(owe, context, people)
        async with running(db, lambda: context):
            assert await reach(db, settled) == {"sent": len(people)}
    assert got(script) == dict.fromkeys(people, 1)
    assert {row.attempts for row in db.read_now(rows).values()} == {1}
    assert script.connections == -(-len(people) // (at - 1))


async def test_13_a_connection_that_is_ended_at_its_first_recipient(db: Database, context: Context) -> None:
    """It says nothing about the recipient: a minute, not five; and a connection that is sent away rests."""
    is_busy = True
    script = Script(rcpt=lambda _one: "421 4.3.2 try later" if is_busy else "250 ok")
    people = [f"m{number}@x.org" for number in range(6)]
    async with relay(script) as port:
        clock = Clock(with_relay(context, port, connections=2))
        await db.write(owe, clock.context, people)
        began = asyncio.get_running_loop().time()
        async with running(db, clock) as delivery:
            assert await reach(db, settled) == {"deferred": 6}
            assert asyncio.get_running_loop().time() - began >= 2 * PACE.refused
            assert {row.due_at - context.now for row in db.read_now(rows).values()} == {timedelta(minutes=1)}
            is_busy = False
            clock.move(timedelta(minutes=1))
            delivery.wake()
            assert await reach(db, lambda found: found == {"sent": 6})
    assert got(script) == dict.fromkeys(people, 1)


async def test_14_refused_for_three_days(db: Database, context: Context) -> None:
    """The clock moves from one retry to the next: their number and their distances over three days."""
    is_back = False
    script = Script(rcpt=lambda _one: "250 ok" if is_back else "451 4.3.0 later")
    async with relay(script) as port:
        clock = Clock(with_relay(context, port))
        await db.write(owe, clock.context, ["a@x.org", "b@x.org"])
        async with running(db, clock) as delivery:
            tries = 0
            while clock.context.now < context.now + timedelta(days=3):
                tries += 1
                assert await reach(db, lambda found: found == {"deferred": 2})
                due_at = db.read_now(next_due)
                assert timedelta(minutes=4) <= due_at - clock.context.now <= LONGEST
                clock.move(due_at - clock.context.now)
                is_back = clock.context.now >= context.now + timedelta(days=3)
                delivery.wake()
                await _tried(db, 2 * tries + 2)
            assert await reach(db, settled) == {"sent": 2}
    assert 72 <= tries <= 99  # 4 sooner ones, then every 55 minutes, a fifth more or less
    assert got(script) == {"a@x.org": 1, "b@x.org": 1}


async def _tried(db: Database, count: int) -> None:
    query = select(func.count()).select_from(attempts)
    async with asyncio.timeout(10):
        while await db.read(lambda tx: tx.execute(query).scalar_one()) < count:  # noqa: ASYNC110 - rows tell no events
            await asyncio.sleep(0.002)


async def test_15_refused_for_five_days(db: Database, context: Context) -> None:
    script = Script(rcpt=lambda one: "250 ok" if one.startswith("convener") else "451 4.3.0 later")
    db.write_now(records.seed, context)
    group = db.read_now(records.get_group, "cg-aisec")
    async with relay(script) as port:
        clock = Clock(with_relay(context, port))
        await db.write(owe, clock.context, ["a@x.org", "b@x.org"], group.id)
        async with running(db, clock) as delivery:
            for _day in range(4):
                assert await reach(db, lambda found: found == {"deferred": 2})
                clock.move(timedelta(days=1))
                delivery.wake()
        clock.move(timedelta(days=1))
        async with running(db, clock):
            assert await reach(db, lambda found: found == {"expired": 2, "sent": 1})
    assert got(script) == {"convener@example.org": 1}
    (letter,) = db.read_now(told)
    text = fill(db.read_now(queue.content, letter.id), {"to": "convener@example.org"}).decode()
    assert text.count("451 4.3.0 later") == 2


HASTY = Deadlines(connect=0.4, commands=0.4, dot=0.4)


@pytest.mark.parametrize("what", ["drip", "no greeting", "drip from a recipient on"])
async def test_16_a_connection_that_never_gets_on(db: Database, context: Context, what: str) -> None:
    """The first connection gives one octet in a fiftieth second, with fifty times less time than usual."""
    people = [f"m{number}@x.org" for number in range(60)]
    script = Script()
    if what == "no greeting":
        script.greeting = lambda number: "silence" if number == 1 else "220 ready"
    else:
        from_the_start = what == "drip"
        script.drip = lambda number: 0.02 * (number == 1 and (from_the_start or len(script.commands) > 4))
    async with relay(script) as port:
        context = with_relay(context, port, connections=2)
        await db.write(owe, context, people)
        async with asyncio.timeout(8), running(db, lambda: context, deadlines=HASTY):
            found = await reach(db, settled)
    late = found.get("deferred", 0)
    assert late <= (what == "drip from a recipient on")
    assert found["sent"] == 60 - late
    assert max(got(script).values()) <= 1 + late
