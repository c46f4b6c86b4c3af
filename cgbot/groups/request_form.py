"""
Pure rules: a request as people write it into a mail, and as it is shown back to them.

The command stands in the subject or on the first line of the text; fields follow, one a line ("start: 2027-05-20
09:00"), in any order and case. A line that is no field continues the one above it, up to a blank line; what follows
`text:` runs to a line that is a single dot. Signatures, quoted originals and greetings are not looked at. An order that
is shown stands between two marks, and may come back corrected, quoted or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

FIRST_MARK: Final = "-------- the order --------"
LAST_MARK: Final = "-------- its end --------"
_MARKS: Final = (FIRST_MARK.strip("- "), LAST_MARK.strip("- "))
_MOST_LINES: Final = 1000
_LONGEST_LINE: Final = 4000
_LONGEST_KEY: Final = 24
_TEXT: Final = "text"
_PREFIX: Final = re.compile(r"^\s*(?:(?:re|fw|fwd|aw|tr|sv|wg)\s*(?:\[\d+\])?:\s*|\[[^\]]{1,40}\]\s*)+", re.IGNORECASE)
_FIELD: Final = re.compile(rf"\s*([a-z][a-z -]{{0,{_LONGEST_KEY}}}?)[ \t]*:(?!//)[ \t]*(.*)", re.IGNORECASE)
_QUOTED: Final = re.compile(r"^(?:\s?[>|])+ ?")
_ORIGINAL: Final = re.compile(
    r"\s*(?:-{2,}\s*(?:original message|forwarded message|message d'origine).*"
    r"|on .{4,200} wrote:|le .{4,200} a écrit\s?:)\s*",
    re.IGNORECASE,
)
_BLANK: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\t": " ", "\u200b": None, "\ufeff": None})


@dataclass(frozen=True, slots=True)
class Form:
    """A request: the words after the command's name, and the fields by their names in lower case."""

    command: str
    words: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)


def read(subject: str, text: str, names: Iterable[str]) -> Form | None:
    """The request in a mail; `names` are the commands' in lower case. None where it begins with none of them."""
    known = sorted(names, key=len, reverse=True)
    lines = own_lines(text)
    found = _match(_PREFIX.sub("", subject), known)
    if found is None:
        first = next((number for number, line in enumerate(lines) if line.strip()), None)
        found = _match(lines[first], known) if first is not None else None
        lines = lines[first + 1 :] if first is not None and found else lines
    elif (again := next((line for line in lines if line.strip()), "")) and _match(again, known) == found:
        lines.remove(again)
    if found is None:
        return None
    return Form(found[0], found[1], read_fields(lines))


def own_lines(text: str) -> list[str]:
    """What the writer wrote: without what they quoted, and nothing of what follows a signature or an original."""
    lines: list[str] = []
    for line in _lines(text):
        if line.rstrip("\r") in {"-- ", "--"} or _ORIGINAL.fullmatch(line[:300]):
            break
        if not _QUOTED.match(line):
            lines.append(line)
    return lines


def first_word(text: str) -> str:
    """The first word of an answer in lower case, "" where it has none."""
    first = next((line for line in own_lines(text) if line.strip()), "")
    found = re.match(r"\W*([a-z]+)", first.strip()[:200], re.IGNORECASE)
    return found[1].lower() if found else ""


def read_fields(lines: Sequence[str]) -> Mapping[str, str]:
    """The fields of these lines; the last one of a name counts."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    in_text = False
    for line in lines:
        if in_text:
            in_text = line.strip() != "."
            if in_text and current is not None:
                current.append(line.rstrip())
            continue
        match = _FIELD.fullmatch(line)
        if match:
            key = " ".join(match[1].lower().split())
            current = found[key] = [match[2].strip()]
            in_text = key == _TEXT
        elif not line.strip():
            current = None
        elif current is not None:
            current.append(line.strip())
    return MappingProxyType({key: "\n".join(value).strip() for key, value in found.items()})


def corrected(text: str, sent: Mapping[str, str]) -> Mapping[str, str] | None:
    """
    The fields as an answer has them, where they differ from what was sent; None where they do not.

    What the writer typed counts, and what stands between our marks, quoted or not; line breaks that a mail program put
    in make no difference.
    """
    between = _between_marks(text)
    typed = {key: value for key, value in read_fields(own_lines(text)).items() if key in sent or between is None}
    given = {**(read_fields(between[1:]) if between else {}), **typed}
    given = {key: value for key, value in given.items() if key in sent or between}
    changed = {key: value for key, value in given.items() if _plain(value) != _plain(sent.get(key, ""))}
    removed = {key for key in sent if between and key not in given and sent[key]}
    if not changed and not removed:
        return None
    return {**{key: value for key, value in sent.items() if key not in removed}, **changed}


def write(command: str, words: Sequence[str], fields: Mapping[str, str]) -> str:
    """An order between its marks, as `corrected` and `read_fields` read it; the text comes last."""
    lines = [FIRST_MARK, " ".join((command, *words))]
    lines += [f"{key}: {_indented(value)}" for key, value in fields.items() if key != _TEXT]
    if _TEXT in fields:
        lines += [f"{_TEXT}:", fields[_TEXT], "."]
    return "\n".join([*lines, LAST_MARK])


def _indented(value: str) -> str:
    return value.replace("\n", "\n  ")


def _between_marks(text: str) -> list[str] | None:
    """The lines of the order in an answer, without marks of quotation; None where it is not there whole."""
    lines = [_QUOTED.sub("", line) for line in _lines(text)]
    bare = [line.strip().strip("-").strip() for line in lines]
    if _MARKS[0] not in bare or _MARKS[1] not in bare[bare.index(_MARKS[0]) :]:
        return None
    first = bare.index(_MARKS[0])
    return [line for line in lines[first + 1 : bare.index(_MARKS[1], first)] if line.strip() or line == ""]


def _match(line: str, names: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """The command that a line begins with, the longest name first, and the words that follow it."""
    words = line.strip().strip("*_`\"'").split()[:40]
    lowered = [word.lower().strip(":,.!") for word in words]
    for name in names:
        own = name.split()
        if lowered[: len(own)] == own:
            return name, tuple(word.strip("<>,;:\"'") for word in words[len(own) :])
    return None


def _lines(text: str) -> list[str]:
    return [line[:_LONGEST_LINE] for line in text.translate(_BLANK).splitlines()[:_MOST_LINES]]


def _plain(value: str) -> str:
    return " ".join(value.split())
