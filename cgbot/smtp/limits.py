"""
What one client may cost us (pure rules: numbers and nothing else).

The numbers of `[limits]` in cgbot.toml plus a few that nobody needs to change. Each limit names itself in the reply
that enforces it; docs/smtp-replies.md lists them. Counting against them is the business of `smtp.guard`, `smtp.body`
and `smtp.connection`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cgbot.settings import Settings

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in octets, times in seconds, `data_rate` in octets a second; a line counts with its CRLF."""

    message_size: int = 25 * MIB
    line_length: int = 65536
    recipients: int = 100
    connections: int = 200
    connections_per_peer: int = 100
    errors: int = 10
    data_seconds: float = 600.0
    idle_seconds: float = 300.0
    data_rate: int = 256
    command_length: int = 2048
    idle_commands: int = 100  # NOOP, RSET, VRFY, HELP between two messages
    rate_after: float = 10.0  # the rate is looked at after this long
    greet_seconds: float = 0.01  # who talks before the greeting within this time is no mail server
    linger_seconds: float = 2.0  # how long a closed connection may take to read our last reply

    @property
    def receiving(self) -> int:
        """Octets of messages that may be in memory at once, over all connections."""
        return max(64 * MIB, 2 * self.message_size)

    @property
    def overrun(self) -> int:
        """Octets that are read and thrown away, beyond a limit, before the connection is closed."""
        return min(max(self.message_size, MIB), 32 * MIB)

    @property
    def disk_reserve(self) -> int:
        """Free octets on the disk below which no message is begun."""
        return self.message_size * 3 // 2

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Take the limits of the configuration."""
        given = settings.limits
        return cls(
            message_size=given.message_size,
            line_length=given.line_length,
            recipients=given.recipients,
            connections=given.connections,
            connections_per_peer=given.connections_per_peer,
            errors=given.errors,
            data_seconds=given.data_seconds,
            idle_seconds=given.idle_seconds,
            data_rate=given.data_rate,
        )
