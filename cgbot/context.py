"""
What a use case may know that is not in the database: the time, the renderer, fresh tokens, settings, keys, charters.

A use case takes `(tx, context, …)` and reaches for nothing else, so that a test can play any moment and any
configuration. `now` is always aware and in UTC.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cgbot.groups.charter import Charter
    from cgbot.keys import Keys
    from cgbot.settings import Settings


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's words: one line of subject, plain text with LF line ends, and HTML where the template has it."""

    subject: str
    text: str
    html: str | None = None


class Renderer(Protocol):
    """Fill the mail template `name` with facts; an unknown name in it raises Deferred with the template's line."""

    def __call__(self, name: str, facts: Mapping[str, object], language: str = "en") -> Rendered:
        """Fill it."""
        ...


class TokenMaker(Protocol):
    """Make a fresh random token of 128 bits, lower-case letters and digits only."""

    def __call__(self) -> str:
        """Make one."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """One moment and one configuration."""

    now: datetime
    settings: Settings
    render: Renderer
    new_token: TokenMaker
    keys: Keys
    charters: Mapping[str, Charter]

    def at(self, now: datetime) -> Context:
        """The same configuration at another moment."""
        return dataclasses.replace(self, now=now)
