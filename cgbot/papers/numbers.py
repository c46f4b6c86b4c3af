"""
The numbers of papers (pure rules): CG-AISEC-C-0007, its revisions CG-AISEC-C-0007R1, R2 and so on.

A number is never given twice. In a mail people write it with or without the group: "C-0007", "rev of C-0007". A
document of the parent ("SG17-C141", "T25-SG17-C-0141") is not one of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = re.compile(
    r"(?P<before>[A-Za-z0-9._-]*?)(?<![A-Za-z0-9])C-(?P<number>\d{1,6})(?:\s?[-.]?\s?R(?:ev\.?\s?)?(?P<revision>\d{1,3}))?(?![\w])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A paper as somebody names it; `revision` None where they name none."""

    number: int
    revision: int | None = None


def label(acronym: str, number: int, revision: int = 0) -> str:
    """Write a number: `CG-AISEC-C-0007`, `CG-AISEC-C-0007R1`."""
    return f"{acronym}-C-{number:04}" + (f"R{revision}" if revision else "")


def find(text: str, acronym: str) -> Reference | None:
    """Find the first paper of the group that a text names."""
    for match in _NUMBER.finditer(text):
        before = match["before"].rstrip("-").upper()
        if before in {"", acronym.upper()} and int(match["number"]):
            return Reference(int(match["number"]), int(match["revision"]) if match["revision"] else None)
    return None


def without(text: str, acronym: str) -> str:
    """A title without the number in front of it and the words that tie it to one."""
    found = find(text, acronym)
    if found is None:
        return text
    name = rf"(?:{re.escape(acronym)}-)?C-0*{found.number}(?:\s?[-.]?\s?R(?:ev\.?\s?)?\d{{1,3}})?"
    cut = re.sub(
        rf"\(?\s*(?:(?:rev(?:ision|ised)?|new version)\.?(?:\s+of)?\s+)?{name}\s*\)?\s*[:,–-]*\s*",
        " ",
        text,
        flags=re.IGNORECASE,
    )
    return " ".join(cut.split())
