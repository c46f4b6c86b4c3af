"""
The frozen mails that are being sent, kept in memory under a limit (records).

A content never changes once it is written, so what is kept can never be wrong.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

from cgbot.mail.frozen import Frozen
from cgbot.outbox import queue
from cgbot.store.db import Database

LIMIT: Final = 16 << 20


class ContentCache:
    """Gives contents by id; keeps those used last, at most `limit` octets of them."""

    def __init__(self, db: Database, limit: int = LIMIT) -> None:
        self._db = db
        self._limit = limit
        self._kept: OrderedDict[int, Frozen] = OrderedDict()
        self.octets = 0
        self._reading = asyncio.Lock()

    async def get(self, content_id: int) -> Frozen:
        """Read a content, from memory if it was used lately."""
        found = self._kept.get(content_id)
        if found is not None:
            self._kept.move_to_end(content_id)
            return found
        async with self._reading:  # the others wait for the first one and find what it has read
            if content_id in self._kept:
                return self._kept[content_id]
            found = await self._db.read(queue.content, content_id)
            self._keep(content_id, found)
        return found

    def _keep(self, content_id: int, found: Frozen) -> None:
        self._kept[content_id] = found
        self.octets += len(found.body)
        while self.octets > self._limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self.octets -= len(dropped.body)
