"""How many copies to one domain are under way: what waits for a slow one delays nobody else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from cgbot.context import Context
from cgbot.outbox.backlog import Backlog
from cgbot.outbox.delivery import Hooks, Pace
from cgbot.outbox.leases import Claim
from cgbot.store.db import Database
from tests.outbox.relays import Script, relay
from tests.outbox.test_delivery import counts, owe, running, with_relay

pytestmark = pytest.mark.anyio
NOW = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)


def claims(*recipients: str, start: int = 1) -> list[Claim]:
    return [Claim(start + place, 1, None, one, "", {}, 1, 0, NOW, NOW, 1) for place, one in enumerate(recipients)]


def named(claim: Claim | None) -> str | None:
    return claim.recipient if claim else None


async def test_a_domain_that_has_enough_under_way_is_passed_over() -> None:
    backlog = Backlog(8, 2)
    backlog.put(claims("1@Slow.org", "2@slow.org", "3@slow.org", "4@x.org", "5@slow.org"))
    first, second = backlog.take(), backlog.take()
    assert (named(first), named(second)) == ("1@Slow.org", "2@slow.org")
    assert named(backlog.take()) == "4@x.org"
    assert backlog.take() is None
    assert not backlog.some.is_set()
    assert first is not None
    assert second is not None
    assert named(backlog.take(first)) == "3@slow.org"
    backlog.done(second)
    backlog.done(second)
    assert backlog.some.is_set()
    assert named(backlog.take()) == "5@slow.org"
    assert backlog.take() is None


async def test_without_a_limit_they_come_as_they_were_due() -> None:
    backlog = Backlog(8)
    backlog.put(claims("1@x.org", "2@x.org", "3@x.org"))
    assert [named(backlog.take()) for _ in range(4)] == ["1@x.org", "2@x.org", "3@x.org", None]
    assert backlog.crowded == ()


async def test_what_waits_for_a_crowded_domain_takes_no_room() -> None:
    backlog = Backlog(8, 2)
    backlog.put(claims(*(f"{number}@slow.org" for number in range(8))))
    assert (backlog.crowded, backlog.room) == ((), 0)
    assert backlog.take()
    assert backlog.take()
    assert (backlog.crowded, backlog.room) == (("slow.org",), 8)
    backlog.put(claims(*(f"{number}@x.org" for number in range(6)), start=100))
    assert backlog.room == 0
    assert len(backlog.drain()) == 12
    assert (backlog.crowded, backlog.room) == ((), 8)


@pytest.mark.parametrize("slow", [3, 300])
async def test_a_domain_whose_mail_hangs_delays_nobody_else(db: Database, context: Context, slow: int) -> None:
    """Also when more waits for it than the memory of a run holds, and when it was due first."""
    script = Script(rcpt=lambda one: "silence" if one.endswith("@slow.org") else "250 ok")
    async with relay(script) as port:
        context = with_relay(context, port, connections=3, per_domain=2)
        await db.write(owe, context, [f"m{number}@slow.org" for number in range(slow)])
        await db.write(owe, context, [f"m{number}@x.org" for number in range(150)])
        async with asyncio.timeout(8), running(db, context, hooks=Hooks(pace=Pace(grace=0.1, look=0.02))):
            while (await db.read(counts)).get("sent") != 150:  # noqa: ASYNC110 - rows tell no events
                await asyncio.sleep(0.01)
            hanging = [one for one in script.commands if one.endswith("@slow.org>")]
            assert len(hanging) == 2
    found = db.read_now(counts)
    assert found == {"sent": 150, "queued": slow}
