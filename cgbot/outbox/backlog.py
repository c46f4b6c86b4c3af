"""
Copies that are leased and wait in memory for a connection (use case; the event loop's side of the outbox).

The feeder puts them in, a worker takes one at a time; what nobody takes goes back to the database.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from cgbot.outbox.leases import Claim


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim and when it was made, on the loop's clock."""

    claim: Claim
    since: float


class Backlog:
    """At most `capacity` claims in the order in which they were due."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.some = asyncio.Event()  # there is something to take
        self.wanted = asyncio.Event()  # the feeder should look
        self._held: deque[_Held] = deque()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_low(self) -> bool:
        """Whether it is time for more."""
        return len(self._held) <= self.capacity // 2

    def put(self, claims: Iterable[Claim]) -> None:
        """Add what was just claimed."""
        since = asyncio.get_running_loop().time()
        self._held.extend(_Held(one, since) for one in claims)
        if self._held:
            self.some.set()

    def take(self) -> Claim | None:
        """The next one, None when there is none now."""
        if not self._held:
            self.some.clear()
            return None
        claim = self._held.popleft().claim
        if self.is_low:
            self.wanted.set()
        return claim

    def drain(self, older_than: float = 0.0) -> list[Claim]:
        """Take out everything that has waited for more than so many seconds."""
        until = asyncio.get_running_loop().time() - older_than
        taken = [one.claim for one in self._held if one.since <= until]
        self._held = deque(one for one in self._held if one.since > until)
        return taken
