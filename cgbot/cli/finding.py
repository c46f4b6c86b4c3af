"""Pure types: what a check of the installation found, one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; only `failed` makes the check fail."""

    state: State
    subject: str
    text: str

    def __str__(self) -> str:
        """Write its line."""
        return f"{self.state:<8} {self.subject:<14} {self.text}"


def good(subject: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding("ok", subject, text)


def warn(subject: str, text: str) -> Finding:
    """It works, and somebody should know."""
    return Finding("warning", subject, text)


def fail(subject: str, text: str) -> Finding:
    """It does not work; the text says what to do."""
    return Finding("failed", subject, text)


def skip(subject: str, text: str) -> Finding:
    """It could not be looked at, and why."""
    return Finding("skipped", subject, text)
