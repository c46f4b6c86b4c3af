"""
The reception: what the SMTP and LMTP listeners ask of the house (edge).

A listener knows the dialogue, the reception knows addresses, the gate and the intake. `Reception` is what a listener
needs; `Door` is the real one. Recipients and the gate are asked synchronously, from memory: nothing waits for a
database before the message is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from cgbot.posts import gate
from cgbot.posts.gate import Directory, Recipient, Verdict
from cgbot.posts.intake import Arrival, Intake

_REMEMBERED = 1000


class Reception(Protocol):
    """The house behind a listener; whatever it raises is answered as a temporary failure."""

    def recipient(self, address: str) -> Recipient | str:
        """Find the recipient of this address, or the reply that refuses it."""
        ...

    def judge(self, mail_from: str, content: bytes, recipients: Sequence[Recipient]) -> tuple[Verdict | None, ...]:
        """Ask the gate, for each recipient; None lets the message in."""
        ...

    async def take(self, arrival: Arrival) -> int:
        """Make it durable; the id that the client is told."""
        ...

    def expect(self, more_is_coming: Callable[[], bool]) -> None:
        """Hear how to ask whether another message is about to be complete, and so could share a commit."""
        ...


class Door:
    """The real reception: a directory that the app replaces whenever groups change, the gate and the intake."""

    def __init__(self, directory: Directory, intake: Intake) -> None:
        self._intake = intake
        self._directory = directory
        self._known: dict[str, Recipient] = {}

    @property
    def directory(self) -> Directory:
        """The addresses that exist."""
        return self._directory

    @directory.setter
    def directory(self, directory: Directory) -> None:
        """Replace them all, whenever groups change."""
        self._directory = directory
        self._known = {}

    def recipient(self, address: str) -> Recipient | str:
        """Find the recipient of this address, or the reply that refuses it."""
        known = self._known.get(address)
        if known is not None:
            return known
        found = gate.find_recipient(address, self._directory)
        if isinstance(found, Recipient) and len(self._known) < _REMEMBERED:
            self._known[address] = found
        return found

    def judge(self, mail_from: str, content: bytes, recipients: Sequence[Recipient]) -> tuple[Verdict | None, ...]:
        """Ask the gate, for each recipient; None lets the message in."""
        head = gate.read_head(content, self._directory.header_size)
        return gate.pass_through(mail_from, head, len(content), recipients)

    async def take(self, arrival: Arrival) -> int:
        """Make it durable; the id that the client is told."""
        return await self._intake.take(arrival)

    def expect(self, more_is_coming: Callable[[], bool]) -> None:
        """Hear how to ask whether another message is about to be complete, and so could share a commit."""
        self._intake.more_is_coming = more_is_coming
