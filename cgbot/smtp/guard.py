"""
Who is connected and how much of their mail is in memory: the counters that all connections share (edge).

Answers whether one more connection, or one more octet, is still within the limits. It counts; it closes nothing. No
client alone, and not all of them together, can take what our own front server needs: it has a reserve of both.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from typing import Final

from cgbot.smtp import reply
from cgbot.smtp.limits import Limits

# Above this share of all connections the silent ones are ended sooner, so that a busy hour serves those who talk.
_CROWDED: Final = 0.8
_CROWDED_IDLE_SECONDS: Final = 10.0
_RESERVED: Final = 10  # one connection in ten is for our front server alone
_MEMORY_FOR_CLIENTS: Final = 0.75
_A_MEBIBYTE: Final = 1 << 20
_IPV6_NETWORK: Final = 64  # what one customer has: an address costs nothing there


class Guard:
    """The counters of one server; `free_disk` gives the free octets where messages are kept."""

    def __init__(self, limits: Limits, free_disk: Callable[[], int] | None = None) -> None:
        self._limits = limits
        self._free_disk = free_disk
        self._peers: Counter[str] = Counter()
        self._held: Counter[str] = Counter()
        self.connections = 0
        self.receiving = 0
        self.disk_is_low = False

    def enter(self, peer: str, *, is_front: bool = False) -> str:
        """
        Count a connection in; the reply for one too many, or "".

        `is_front` exempts our own front server, which stands for all its clients, from the limit by peer.
        """
        self.connections += 1
        peer = _network(peer)
        self._peers[peer] += 1
        most = self._limits.connections - (0 if is_front else self._limits.connections // _RESERVED)
        if self.connections > most:
            return reply.too_many_connections(most, "in all")
        if not is_front and self._peers[peer] > self._limits.connections_per_peer:
            return reply.too_many_connections(self._limits.connections_per_peer, "from your address")
        return ""

    def leave(self, peer: str) -> None:
        """Count a connection out, also one that was refused."""
        self.connections -= 1
        peer = _network(peer)
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]

    def hold(self, octets: int, peer: str = "", *, is_front: bool = False) -> bool:
        """Count octets of a peer in; False when there are more in memory than it may have, or all together."""
        self.receiving += octets
        self._held[_network(peer)] += octets
        if is_front:
            return self.receiving <= self._limits.receiving
        share = max(self._limits.receiving // 2, self._limits.message_size + _A_MEBIBYTE)
        within = self.receiving <= self._limits.receiving * _MEMORY_FOR_CLIENTS
        return within and self._held[_network(peer)] <= share

    def release(self, octets: int, peer: str = "") -> None:
        """Count octets of a peer out."""
        peer = _network(peer)
        self.receiving -= octets
        self._held[peer] -= octets
        if self._held[peer] <= 0:
            del self._held[peer]

    @property
    def data_idle_seconds(self) -> float:
        """How long a client may be silent within a message now: not long while others need the memory."""
        if self.receiving > self._limits.receiving // 2:
            return min(self._limits.idle_seconds, _CROWDED_IDLE_SECONDS)
        return self._limits.idle_seconds

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


def _network(peer: str) -> str:
    """Who counts as one client: an IPv4 address, an IPv6 network, a Unix socket."""
    if ":" not in peer:
        return peer
    try:
        return str(ipaddress.ip_network((peer, _IPV6_NETWORK), strict=False))
    except ValueError:
        return peer
