"""The outbox at work: real sockets, both databases."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.mail.frozen import fill, join, slot
from cgbot.outbox import leases, queue
from cgbot.outbox.delivery import Delivery, Hooks, Pace
from cgbot.outbox.letters import Addressee
from cgbot.outbox.queue import Copy, Mail, Timing
from cgbot.store import service
from cgbot.store.db import Database, Tx
from cgbot.store.tables import attempts, contents, deliveries
from tests.outbox.relays import Script, Taken, relay

pytestmark = pytest.mark.anyio
FROZEN = join([b"Subject: hello\r\nTo: <", slot("to"), b">\r\n\r\nDear all.\r\n"])


def owe(tx: Tx, context: Context, recipients: list[str], group_id: int | None = None) -> int:
    content_id = queue.add_content(tx, Mail("post", "post 1", group_id, "a@b", FROZEN), context.now)
    copies = [Copy(one, None, f"b+{content_id}@lists.example.org", {"to": one}) for one in recipients]
    queue.add_copies(tx, content_id, copies, Timing(context.now, context.now + timedelta(days=5)))
    return content_id


def counts(tx: Tx) -> dict[str, int]:
    return {row[0]: row[1] for row in tx.execute(select(deliveries.c.state, func.count()).group_by(deliveries.c.state))}


def with_relay(context: Context, port: int, connections: int = 3, **given: Any) -> Context:
    settings = context.settings
    chosen = replace(settings.relay, host="127.0.0.1", port=port, connections=connections, **given)
    return replace(context, settings=replace(settings, relay=chosen))


@contextlib.asynccontextmanager
async def running(db: Database, context: Context, **given: Any) -> AsyncIterator[Delivery]:
    delivery = Delivery(db, lambda: context, **{"epoch": 1, **given})
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        await delivery.stop()
        await task


async def reach(db: Database, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    """Wait for a state of the deliveries."""
    async with asyncio.timeout(30):
        while not condition(found := await db.read(counts)):  # noqa: ASYNC110 - rows of a database tell no events
            await asyncio.sleep(0.01)
    return found


def settled(found: dict[str, int]) -> bool:
    return bool(found) and not found.get("queued") and not found.get("leased")


async def test_everybody_gets_one_copy_and_one_refusal_stops_nobody(db: Database, context: Context) -> None:
    script = Script(
        rcpt=lambda one: {"m7@x.org": "550 5.1.1 gone", "m9@x.org": "451 4.7.1 greylisted"}.get(one, "250 ok")
    )
    people = [f"m{number}@x.org" for number in range(100)]
    async with relay(script) as port:
        context = with_relay(context, port)
        await db.write(owe, context, people)
        async with running(db, context) as delivery:
            delivery.wake()
            assert await reach(db, settled) == {"sent": 98, "failed": 1, "deferred": 1}
    assert sorted(one.recipients[0] for one in script.taken) == sorted(set(people) - {"m7@x.org", "m9@x.org"})
    by_recipient = {one.recipients[0]: one.data for one in script.taken}
    assert by_recipient["m3@x.org"] == fill(FROZEN, {"to": "m3@x.org"})
    assert script.connections == 3
    assert script.open == 0
    assert db.read_now(lambda tx: tx.execute(select(func.count()).select_from(attempts)).scalar_one()) == 100


async def test_nothing_is_sent_while_paused(db: Database, context: Context) -> None:
    script = Script()
    async with relay(script) as port:
        context = with_relay(context, port)
        await db.write(owe, context, ["a@x.org"])
        await db.write(service.pause, "restored from a backup")
        async with running(db, context) as delivery:
            delivery.wake()
            await asyncio.sleep(0.2)
            assert script.connections == 0
            await db.write(service.resume)
            delivery.wake()
            await reach(db, settled)
    assert len(script.taken) == 1


async def test_what_has_not_begun_is_given_back_at_the_end(db: Database, context: Context) -> None:
    begun = asyncio.Event()
    script = Script()

    def slow(_taken: Taken) -> str:
        begun.set()
        return "250 ok"

    script.after_dot = slow
    async with relay(script) as port:
        context = with_relay(context, port, connections=1)
        await db.write(owe, context, [f"m{number}@x.org" for number in range(500)])
        async with running(db, context):
            await begun.wait()
    found = db.read_now(counts)
    assert found["sent"] == len(script.taken)
    assert found["sent"] + found.get("queued", 0) == 500
    query = select(func.max(deliveries.c.attempts)).where(deliveries.c.state == "queued")
    tried = db.read_now(lambda tx: tx.execute(query).scalar_one())
    assert tried == 0
    assert found["sent"] < 500


async def test_a_run_that_died_is_made_good(db: Database, context: Context) -> None:
    script = Script()
    async with relay(script) as port:
        past = with_relay(context, port).at(context.now - timedelta(hours=1))
        await db.write(owe, past, ["a@x.org", "b@x.org"])
        claims = await db.write(leases.claim, 1, past.now, 1)
        await db.write(leases.begin, claims, past.now)
        async with running(db, with_relay(context, port), epoch=2):
            assert await reach(db, settled) == {"sent": 2}
    assert sorted(one.recipients[0] for one in script.taken) == ["a@x.org", "b@x.org"]


async def test_no_more_than_one_copy_a_connection_has_begun(db: Database, context: Context) -> None:
    """And it is on the disk before the relay hears of it."""

    def begun(tx: Tx) -> set[str]:
        query = select(deliveries.c.recipient).where(deliveries.c.state == "leased", deliveries.c.begun_at.is_not(None))
        return set(tx.execute(query).scalars())

    seen: list[set[str]] = []

    def look(recipient: str) -> str:
        found = db.read_now(begun)
        assert recipient in found
        seen.append(found)
        return "250 ok"

    async with relay(Script(rcpt=look)) as port:
        context = with_relay(context, port, connections=3)
        await db.write(owe, context, [f"m{number}@x.org" for number in range(60)])
        async with running(db, context):
            assert await reach(db, settled) == {"sent": 60}
    assert len(seen) == 60
    assert max(map(len, seen)) <= 3


async def test_a_third_crash_in_the_middle_ends_a_copy_and_the_owner_is_told(
    db: Database, context: Context, group: Group
) -> None:
    hooks = Hooks(owners=conveners)
    await db.write(owe, context, ["a@x.org"], group.id)
    async with relay(Script()) as port:
        context = with_relay(context, port)
        for epoch in (1, 2, 3):
            claims = await db.write(leases.claim, epoch, context.now, 9)
            await db.write(leases.begin, claims, context.now)
            if epoch < 3:
                await db.write(leases.release_dead, epoch + 1, context.now)
        async with running(db, context, epoch=4, hooks=hooks):
            assert await reach(db, lambda found: found.get("sent") == 1) == {"failed": 1, "sent": 1}
    (letter,) = db.read_now(told)
    text = fill(db.read_now(queue.content, letter.id), {"to": "convener@example.org"}).decode()
    assert "the answer was lost 3 times; it may have arrived" in text


async def test_no_answer_after_the_dot_is_sent_once_more(db: Database, context: Context) -> None:
    script = Script(after_dot=lambda _taken: "drop-after")
    async with relay(script) as port:
        context = with_relay(context, port)
        await db.write(owe, context, ["a@x.org"])
        async with running(db, context):
            assert await reach(db, settled) == {"deferred": 1}
        async with running(db, context.at(context.now + timedelta(minutes=2))):
            assert await reach(db, lambda found: "deferred" not in found and settled(found)) == {"failed": 1}
    assert len(script.taken) == 2
    assert script.taken[0].data == script.taken[1].data


async def test_a_relay_that_takes_only_one_connection(db: Database, context: Context) -> None:
    """The worker that is refused marks nothing as tried; the one that has a connection does it all."""
    script = Script(greeting=lambda _number: "421 4.7.0 too many" if script.open > 1 else "220 hello")
    async with relay(script) as port:
        context = with_relay(context, port, connections=4)
        await db.write(owe, context, ["first@x.org"])
        async with running(db, context) as delivery:
            await reach(db, settled)
            await db.write(owe, context, [f"m{number}@x.org" for number in range(50)])
            delivery.wake()
            assert await reach(db, settled) == {"sent": 51}
    assert db.read_now(lambda tx: tx.execute(select(func.count()).select_from(attempts)).scalar_one()) == 51


async def test_without_a_relay_mail_goes_into_maildirs(db: Database, context: Context) -> None:
    await db.write(owe, context, ["a@x.org", "b@x.org"])
    async with running(db, context):
        assert await reach(db, settled) == {"sent": 2}
    (file,) = (context.settings.service.data_dir / "maildir" / "a@x.org" / "new").iterdir()
    assert file.read_bytes().endswith(fill(FROZEN, {"to": "a@x.org"}))


async def test_a_mail_that_cannot_be_written_stops_nobody(db: Database, context: Context) -> None:
    def odd(tx: Tx) -> None:
        content_id = owe(tx, context, ["a@x.org"])
        timing = Timing(context.now, context.now + timedelta(days=5))
        queue.add_copies(tx, content_id, [Copy("b@x.org", None, "", {})], timing)

    await db.write(odd)
    async with running(db, context):
        assert await reach(db, settled) == {"sent": 1, "failed": 1}


# ----------------------------------------------------------------------------------------------- who is told


def told(tx: Tx) -> list[Any]:
    return list(
        tx.execute(
            select(contents.c.id, contents.c.about, deliveries.c.recipient)
            .join_from(contents, deliveries, deliveries.c.content_id == contents.c.id)
            .where(contents.c.kind == "delivery-failed")
            .order_by(deliveries.c.id)
        )
    )


def conveners(_tx: Tx, _context: Context, group_id: int | None) -> tuple[Addressee, ...]:
    return (Addressee("convener@example.org", None, "A Convener"),) if group_id else ()


async def test_the_conveners_get_one_letter_a_mail(db: Database, context: Context, group: Group) -> None:
    script = Script(rcpt=lambda one: "550 5.1.1 gone" if one.startswith("bad") else "250 ok")
    people = [f"{'bad' if number % 10 == 0 else 'm'}{number}@x.org" for number in range(60)]
    async with relay(script) as port:
        context = with_relay(context, port)
        content_id = await db.write(owe, context, people, group.id)
        async with running(db, context, hooks=Hooks(owners=conveners)) as delivery:
            await reach(db, lambda found: found.get("sent") == 55 and settled(found))
            delivery.wake()
    letters = db.read_now(told)
    assert [(one.about, one.recipient) for one in letters] == [(f"content {content_id}", "convener@example.org")]
    text = fill(db.read_now(queue.content, letters[0].id), {"to": "convener@example.org"}).decode()
    assert "6 copies of post 1 could not be delivered" in text
    assert all(f"bad{number}@x.org\r\n    550 5.1.1 gone" in text for number in range(0, 60, 10))


async def test_a_letter_about_failures_that_fails_tells_nobody(db: Database, context: Context, group: Group) -> None:
    async with relay(Script(rcpt=lambda _one: "550 5.1.1 gone")) as port:
        context = with_relay(context, port)
        await db.write(owe, context, ["a@x.org"], group.id)
        async with running(db, context, hooks=Hooks(owners=conveners)):
            assert await reach(db, lambda found: found.get("failed") == 2) == {"failed": 2}
    assert len(db.read_now(told)) == 1


async def test_what_expires_later_is_told_in_a_second_letter(db: Database, context: Context, group: Group) -> None:
    answers = {"bad@x.org": "550 5.1.1 gone", "full@x.org": "452 4.2.2 full"}
    hooks = Hooks(owners=conveners)
    async with relay(Script(rcpt=lambda one: answers.get(one, "250 ok"))) as port:
        context = with_relay(context, port)
        await db.write(owe, context, ["bad@x.org", "full@x.org"], group.id)
        async with running(db, context, hooks=hooks):
            await reach(db, lambda found: found.get("sent") == 1 and settled(found))
        async with running(db, context.at(context.now + timedelta(days=6)), epoch=2, hooks=hooks):
            await reach(db, lambda found: found.get("sent") == 2 and settled(found))
    letters = db.read_now(told)
    assert len(letters) == 2
    second = fill(db.read_now(queue.content, letters[1].id), {"to": "convener@example.org"}).decode()
    assert "full@x.org" in second
    assert "bad@x.org" not in second


async def test_a_fault_in_telling_does_not_undo_an_outcome(db: Database, context: Context) -> None:
    def broken(*_: object) -> None:
        raise LookupError("no such group")

    async with relay(Script(rcpt=lambda _one: "550 5.1.1 gone")) as port:
        context = with_relay(context, port)
        await db.write(owe, context, ["a@x.org"])
        async with running(db, context, hooks=Hooks(on_failed=broken)):
            assert await reach(db, settled) == {"failed": 1}


# ------------------------------------------------------------------------------------------ asked to end meanwhile

HASTY = Hooks(pace=Pace(grace=0.2))


async def test_a_relay_that_hangs_does_not_keep_the_end_waiting(db: Database, context: Context) -> None:
    """What waits for its last answer is in doubt; what hangs before it, and all the rest, is queued at once."""
    heard: set[str] = set()

    def rcpt(recipient: str) -> str:
        heard.add(recipient)
        return "silence" if recipient == "hangs@x.org" else "250 ok"

    async with relay(Script(rcpt=rcpt, after_dot=lambda _taken: "silence")) as port:
        context = with_relay(context, port, connections=2)
        await db.write(owe, context, ["hangs@x.org", "dot@x.org", *(f"m{number}@x.org" for number in range(100))])
        async with asyncio.timeout(8), running(db, context, hooks=HASTY):
            while len(heard) < 2:  # noqa: ASYNC110 - a relay tells no events
                await asyncio.sleep(0.01)
    rows = db.read_now(lambda tx: {row.recipient: row for row in tx.execute(select(deliveries))})
    dot = rows.pop("dot@x.org")
    assert (dot.state, dot.in_doubt, dot.attempts) == ("deferred", 1, 1)
    assert {(one.state, one.in_doubt, one.attempts, one.begun_at) for one in rows.values()} == {("queued", 0, 0, None)}


async def test_a_relay_that_never_greets_does_not_keep_the_end_waiting(db: Database, context: Context) -> None:
    script = Script(greeting=lambda _number: "silence")
    async with relay(script) as port:
        context = with_relay(context, port)
        await db.write(owe, context, ["a@x.org", "b@x.org"])
        async with asyncio.timeout(8), running(db, context, hooks=HASTY):
            while not script.connections:  # noqa: ASYNC110 - a relay tells no events
                await asyncio.sleep(0.01)
    assert db.read_now(counts) == {"queued": 2}
    assert db.read_now(lambda tx: tx.execute(select(func.max(deliveries.c.attempts))).scalar_one()) == 0


async def test_a_slow_answer_within_the_grace_counts(db: Database, context: Context) -> None:
    begun = asyncio.Event()
    script = Script(after_dot=lambda _taken: begun.set() or "250 2.0.0 taken", delay=0.3)
    async with relay(script) as port:
        context = with_relay(context, port)
        await db.write(owe, context, ["a@x.org"])
        async with running(db, context, hooks=Hooks(pace=Pace(grace=5))):
            await begun.wait()
    assert db.read_now(counts) == {"sent": 1}
