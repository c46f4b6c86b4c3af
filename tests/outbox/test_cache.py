"""The contents in memory: right, bounded, read once however many ask at once."""

from __future__ import annotations

import asyncio

import pytest

from cgbot.context import Context
from cgbot.mail.frozen import Frozen
from cgbot.outbox import queue
from cgbot.outbox.cache import ContentCache
from cgbot.outbox.queue import Mail
from cgbot.store.db import Database

pytestmark = pytest.mark.anyio


async def test_contents_are_right_and_bounded(db: Database, context: Context) -> None:
    bodies = [str(number).encode() * 1000 for number in range(8)]
    ids = [
        await db.write(queue.add_content, Mail("post", "", None, "a@b", Frozen(body)), context.now) for body in bodies
    ]
    cache = ContentCache(db, limit=3000)
    for _ in range(2):
        assert [(await cache.get(one)).body for one in ids] == bodies
    assert cache.octets <= 3000


async def test_many_that_ask_at_once_share_one_reading(db: Database, context: Context) -> None:
    content_id = await db.write(queue.add_content, Mail("post", "", None, "a@b", Frozen(b"hello")), context.now)
    cache = ContentCache(db)
    found = await asyncio.gather(*(cache.get(content_id) for _ in range(20)))
    assert all(one is found[0] for one in found)
