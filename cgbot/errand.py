"""
An errand: one recipient of an arrival, with the parsed message, and what a use case says when it has settled it.

Pure types, shared by every room that mail can reach. The sorter builds an Errand, finds the use case of its purpose
and stores what comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cgbot.archive.keep import PostFacts
    from cgbot.context import Context
    from cgbot.mail.authenticity import Checked
    from cgbot.mail.message import Message


@dataclass(frozen=True, slots=True)
class Errand:
    """What one recipient address was asked to do; `group` is the group's current name, "" for the service itself."""

    id: int
    arrival_id: int
    group_id: int | None
    group: str
    recipient: str
    purpose: str
    detail: str
    gate: str
    attempts: int
    mail_from: str
    received_at: datetime
    protocol: str
    peer: str
    sha256: bytes
    message: Message
    facts: PostFacts | None = None  # of a post: what the archive needs, prepared outside the transaction
    checked: Checked | None = None  # what our own check of DKIM, SPF and DMARC has found, where it is on
    prepared: object | None = None  # what the preparer of its purpose has made of the message, outside it too

    @property
    def addressed(self) -> str:
        """The group's name as the address was written, perhaps an older one: what is signed there was signed so."""
        base = self.recipient.rpartition("@")[0].lower().partition("+")[0]
        return base if self.purpose == "post" else base.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class Settled:
    """The end of an errand, with a reason in words for whoever looks it up."""

    state: Literal["sorted", "held", "discarded"]
    reason: str = ""


UseCase = Callable[["Connection", "Context", Errand], Settled]
Purposes = Mapping[str, UseCase]
Preparers = Mapping[str, Callable[["Message"], object]]  # the slow part of a purpose; must not raise for hostile mail
