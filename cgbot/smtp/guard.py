"""
Who is connected and how much of their mail is in memory: the counters that all connections share (edge).

Answers whether one more connection, or one more octet, is still within the limits. It counts; it closes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from cgbot.smtp import reply
from cgbot.smtp.limits import Limits

# Above this share of all connections the silent ones are ended sooner, so that a busy hour serves those who talk.
_CROWDED: Final = 0.8
_CROWDED_IDLE_SECONDS: Final = 10.0


class Guard:
    """The counters of one server; `free_disk` gives the free octets where messages are kept."""

    def __init__(self, limits: Limits, free_disk: Callable[[], int] | None = None) -> None:
        self._limits = limits
        self._free_disk = free_disk
        self._peers: Counter[str] = Counter()
        self.connections = 0
        self.receiving = 0
        self.disk_is_low = False

    def enter(self, peer: str, *, is_front: bool = False) -> str:
        """
        Count a connection in; the reply for one too many, or "".

        `is_front` exempts our own front server, which stands for all its clients, from the limit by peer.
        """
        self.connections += 1
        self._peers[peer] += 1
        if self.connections > self._limits.connections:
            return reply.too_many_connections(self._limits.connections, "in all")
        if not is_front and self._peers[peer] > self._limits.connections_per_peer:
            return reply.too_many_connections(self._limits.connections_per_peer, "from your address")
        return ""

    def leave(self, peer: str) -> None:
        """Count a connection out, also one that was refused."""
        self.connections -= 1
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]

    def hold(self, octets: int) -> bool:
        """Count octets in; False when there are more in memory than allowed."""
        self.receiving += octets
        return self.receiving <= self._limits.receiving

    def release(self, octets: int) -> None:
        """Count octets out."""
        self.receiving -= octets

    @property
    def idle_seconds(self) -> float:
        """How long a client may be silent now."""
        if self.connections > self._limits.connections * _CROWDED:
            return min(self._limits.idle_seconds, _CROWDED_IDLE_SECONDS)
        return self._limits.idle_seconds

    def look_at_disk(self) -> None:
        """Learn whether there is room for messages; called now and then, since asking at each message is a waste."""
        if self._free_disk is None:
            return
        try:
            self.disk_is_low = self._free_disk() < self._limits.disk_reserve
        except OSError:
            self.disk_is_low = True
