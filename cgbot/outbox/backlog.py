"""
Copies that are leased and wait in memory for a connection (use case; the event loop's side of the outbox).

The feeder puts them in, a worker takes one at a time; what nobody takes goes back to the database. No more than
`limit` copies to one domain are under way at once, so that a domain whose mail is slow leaves connections to the
others. A domain that has all it may have, and much waiting besides, is crowded: the feeder looks past it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cgbot.outbox.leases import Claim

_MOST: Final = 8  # times the capacity, whatever many crowded domains there are


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim, the domain of its recipient, and when it was made, on the loop's clock."""

    claim: Claim
    domain: str
    since: float


class Backlog:
    """About `capacity` claims in the order in which they were due; `limit` None is none for a domain."""

    def __init__(self, capacity: int, limit: int | None = None) -> None:
        self.capacity = capacity
        self.some = asyncio.Event()  # there may be something to take
        self.wanted = asyncio.Event()  # the feeder should look
        self._limit = limit
        self._held: deque[_Held] = deque()
        self._waiting: Counter[str] = Counter()  # by domain
        self._under_way: dict[int, str] = {}  # delivery: domain
        self._busy: Counter[str] = Counter()  # domains by what is under way

    def __len__(self) -> int:
        return len(self._held)

    @property
    def crowded(self) -> tuple[str, ...]:
        """The domains of which no more is wanted now."""
        if self._limit is None:
            return ()
        return tuple(one for one, count in self._busy.items() if count >= self._limit and self._is_long(one))

    @property
    def room(self) -> int:
        """How many more are wanted, beside what waits for crowded domains; none while there is still enough."""
        ready = len(self._held) - sum(self._waiting[one] for one in self.crowded)
        if ready > self.capacity // 2:
            return 0
        return min(self.capacity - ready, _MOST * self.capacity - len(self._held))

    def put(self, claims: Iterable[Claim]) -> None:
        """Add what was just claimed."""
        since = asyncio.get_running_loop().time()
        for one in claims:
            held = _Held(one, _domain(one), since)
            self._held.append(held)
            self._waiting[held.domain] += 1
        if self._held:
            self.some.set()

    def take(self, after: Claim | None = None) -> Claim | None:
        """The next one that may go now, None when there is none; `after` is the one that the taker has done."""
        freed = None if after is None else self._free(after)
        found = self._first()
        if freed is not None and self._waiting[freed] and (found is None or found.domain != freed):
            self.some.set()  # somebody else may go on with that domain
        if found is None:
            if freed is None:
                self.some.clear()
            return None
        self._leave(found)
        self._under_way[found.claim.id] = found.domain
        self._busy[found.domain] += 1
        if not self._is_long(found.domain) and self.room:
            self.wanted.set()
        return found.claim

    def done(self, claim: Claim) -> None:
        """It is not under way any more; once is enough."""
        freed = self._free(claim)
        if freed is not None and self._waiting[freed]:
            self.some.set()

    def drain(self, older_than: float = 0.0) -> list[Claim]:
        """Take out everything that has waited for more than so many seconds."""
        until = asyncio.get_running_loop().time() - older_than
        taken = [one for one in self._held if one.since <= until]
        if taken:
            self._held = deque(one for one in self._held if one.since > until)
            self._waiting = Counter(one.domain for one in self._held)
        return [one.claim for one in taken]

    # ------------------------------------------------------------------------------------------------- inside

    def _is_long(self, domain: str) -> bool:
        """Whether so much waits for a domain that it would fill the backlog."""
        return self._limit is not None and self._waiting[domain] > self.capacity // 2

    def _first(self) -> _Held | None:
        if self._limit is None:
            return self._held[0] if self._held else None
        return next((one for one in self._held if self._busy[one.domain] < self._limit), None)

    def _leave(self, held: _Held) -> None:
        if self._held[0] is held:
            self._held.popleft()
        else:
            self._held.remove(held)
        self._waiting[held.domain] -= 1
        if not self._waiting[held.domain]:
            del self._waiting[held.domain]

    def _free(self, claim: Claim) -> str | None:
        domain = self._under_way.pop(claim.id, None)
        if domain is not None:
            self._busy[domain] -= 1
            if not self._busy[domain]:
                del self._busy[domain]
        return domain


def _domain(claim: Claim) -> str:
    return claim.recipient.rpartition("@")[2].lower()
