"""
When to try again (pure rules): RFC 5321 sections 4.2.1 and 4.5.4.1, with the pace of common mail servers.

A temporary refusal or a lost connection is tried again after 5, 10, 20 and 40 minutes, then every 55 minutes until the
copy's own end. Each waiting time differs by up to a fifth (so none is over 4,000 seconds), from a hash of the delivery
and the attempt, so that copies that failed together do not come back together. A permanent refusal is final. A lost
answer after the final dot is in doubt: the next server may have the mail, so it is sent once more and no further. A run
of the program that ended in the middle of a copy says less, since the dot may never have gone out: there the third loss
is the last.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Kind = Literal["sent", "deferred", "failed", "in-doubt"]
State = Literal["sent", "deferred", "failed", "expired"]
_WAITS: Final = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 20, 40))
_LATER: Final = timedelta(minutes=55)
_SOON: Final = timedelta(minutes=1)
_SOON_ATTEMPTS: Final = 10  # a server that is full for longer is asked as seldom as any other
_JITTER: Final = 0.2
LOST_BY_CRASHES: Final = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to; `retry_now` when the server was only short of room for a moment (421, 452)."""

    kind: Kind
    reply: str
    retry_now: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """The copy that was tried: `attempts` with this one, `in_doubt` without it."""

    delivery_id: int
    attempts: int
    in_doubt: int
    expires_at: datetime


def decide(outcome: Outcome, tried: Tried, now: datetime) -> tuple[State, datetime]:
    """Say what the copy is now, and for a deferred one when it is due."""
    if outcome.kind in {"sent", "failed"}:
        return ("sent" if outcome.kind == "sent" else "failed"), now
    if outcome.kind == "in-doubt" and tried.in_doubt:
        return "failed", now
    if tried.expires_at <= now:
        return "expired", now
    due_at = now + _wait(outcome, tried)
    last = tried.expires_at - _SOON
    # The last attempt comes just before the end, however long the waiting times have become.
    return "deferred", last if now + _SOON < last < due_at else due_at


def lost(times: int) -> str:
    """Say why a copy is given up whose answer nobody has seen."""
    return f"the answer was lost {times} times; it may have arrived"


def _wait(outcome: Outcome, tried: Tried) -> timedelta:
    if outcome.kind == "in-doubt" or (outcome.retry_now and tried.attempts <= _SOON_ATTEMPTS):
        return _SOON
    plain = _WAITS[tried.attempts - 1] if 0 < tried.attempts <= len(_WAITS) else _LATER
    return plain * jitter(tried.delivery_id, tried.attempts)


def jitter(delivery_id: int, attempt: int) -> float:
    """Give the factor between 0.8 and 1.2 of this attempt, always the same."""
    digest = hashlib.sha256(f"{delivery_id} {attempt}".encode()).digest()
    return 1 - _JITTER + 2 * _JITTER * int.from_bytes(digest[:4]) / 0xFFFF_FFFF
