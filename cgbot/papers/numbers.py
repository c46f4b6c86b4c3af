"""
The numbers of papers (pure rules): CG-AISEC-C-0007, its revisions CG-AISEC-C-0007R1, R2 and so on.

A number is never given twice. In a mail people write it with or without the group: "C-0007", "rev of C-0007". A
document of the parent ("SG17-C141", "T25-SG17-C-0141") is not one of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_REVISION: Final = r"(?:[\s_]?[-.]?\s?R(?:ev\.?\s?)?(?P<revision>[0-9]{1,3}))?"
_NUMBER: Final = re.compile(rf"(?<![A-Za-z0-9])C-(?P<number>[0-9]{{1,6}}){_REVISION}(?![A-Za-z0-9])", re.IGNORECASE)
_BEFORE: Final = re.compile(r"[A-Za-z0-9.-]*\Z")  # an underscore parts the words of a file's name
_LOOKED_AT: Final = 1000  # characters of a text
_LONGEST_GROUP: Final = 80


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
    text = text[:_LOOKED_AT]
    for match in _NUMBER.finditer(text):
        before = _BEFORE.search(text[max(0, match.start() - _LONGEST_GROUP) : match.start()])
        group = before[0].rstrip("-").upper() if before else ""
        if group in {"", acronym.upper()} and int(match["number"]):
            return Reference(int(match["number"]), int(match["revision"]) if match["revision"] else None)
    return None


def without(text: str, acronym: str) -> str:
    """A title without the number in front of it and the words that tie it to one."""
    text = text[:_LOOKED_AT]
    found = find(text, acronym)
    if found is None:
        return text
    name = rf"(?:{re.escape(acronym)}-)?C-0*{found.number}{_REVISION}(?![A-Za-z0-9])"
    cut = re.sub(
        rf"\(?(?:\b(?:rev(?:ision|ised)?|new version)\b\.?(?:\s+of)?\s+)?{name}\s*\)?[\s:,–-]*",
        " ",
        text,
        flags=re.IGNORECASE,
    )
    return " ".join(cut.split())
