"""
The relay does not answer: how long nothing is tried (pure rules).

A relay that is down as a whole (refused, no greeting in time, 421 instead of one, no TLS, no login) says nothing about
a copy. So all of them stay queued, untried, and one connection is tried after 15, 30, 60, 120, 240 seconds and then
every five minutes, each time a fifth more or less, until it is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cgbot.outbox.retry import jitter

FIRST_SECONDS: Final = 15.0
LONGEST_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Silence:
    """Since when nobody has answered, how often that was tried, and what the last attempt met."""

    relay: str
    since: datetime
    tries: int
    reason: str

    def again(self, reason: str) -> Silence:
        """Nobody has answered once more."""
        return Silence(self.relay, self.since, self.tries + 1, reason)

    def in_words(self) -> str:
        """One line for the log, `cgbot status` and the owner of what has expired meanwhile."""
        return f"the relay {self.relay} does not answer since {self.since:%Y-%m-%d %H:%M} UTC: {self.reason}"


def pause(silence: Silence, first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> float:
    """Seconds until the next attempt; runs that began to wait at different moments do not come back together."""
    plain = min(longest, first * 2.0 ** min(silence.tries - 1, 16))
    return plain * jitter(int(silence.since.timestamp()), silence.tries)
