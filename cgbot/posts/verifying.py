"""
Our own check of incoming mail, before its transaction (edge: DNS, threads).

A portion of mails is checked side by side, and has ten seconds in all: what DNS has not answered by then is
"temperror", proves nothing, and is held where an unproven post is held; no mail is lost and none waits longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

import dns.exception
import dns.resolver
import structlog

from cgbot.groups import authentication
from cgbot.mail import authenticity
from cgbot.mail.authenticity import Checked, Envelope, Lookup, LookupFailed
from cgbot.mail.message import Message
from cgbot.posts.errands import Claimed
from cgbot.settings import Settings

SECONDS: Final = 10.0
_A_QUESTION: Final = 4.0
_SIDE_BY_SIDE: Final = 16
log = structlog.get_logger(__name__)


def dns_lookup() -> Lookup:
    """Ask the system's resolver; answers are remembered as long as they are valid."""
    resolver = dns.resolver.Resolver()
    resolver.cache = dns.resolver.LRUCache(5000)

    def ask(name: str, kind: str) -> list[str]:
        try:
            answer = resolver.resolve(name, kind, lifetime=_A_QUESTION, search=False)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return []
        except (dns.exception.DNSException, UnicodeError, OSError) as error:
            raise LookupFailed(str(error)) from error
        if kind in {"TXT", "SPF"}:
            return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
        return [record.to_text() for record in answer]

    return ask


class Verifier:
    """Checks mails with a lookup that may be slow."""

    def __init__(self, settings: Callable[[], Settings], ask: Lookup, seconds: float = SECONDS) -> None:
        self._settings = settings
        self._ask = ask
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="dns")

    def check(self, mails: Sequence[tuple[Claimed, Message]]) -> list[Checked | None]:
        """Check these; None for each where the settings want no check of our own. Takes ten seconds at most."""
        settings = self._settings()
        if settings.authentication.check != "own":
            return [None] * len(mails)
        tasks = [
            self._pool.submit(authenticity.check, message, envelope(item, settings), self._ask)
            for item, message in mails
        ]
        done, late = wait(tasks, self._seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("DNS does not answer in time", mails=len(late))
        return [
            task.result() if task in done and task.exception() is None else authenticity.unanswered(message)
            for task, (_, message) in zip(tasks, mails, strict=True)
        ]

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def envelope(item: Claimed, settings: Settings) -> Envelope:
    """The client, unless it is a server in front of us, whose address says nothing about the author."""
    fronts = settings.authentication.trusted_peers
    is_front = item.peer == "local" or any(authentication.is_within(item.peer, one) for one in fronts)
    return Envelope("" if is_front or "lmtp" in item.protocol.lower() else item.peer, item.mail_from)
