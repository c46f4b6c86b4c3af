"""
Pure rules: a request as people write it into a mail, and as it is shown back to them.

The command stands in the subject or on the first line of the text, with its words ("move 12"); fields follow, one a
line ("start: 2027-05-20 09:00"), in any order and case, or behind the command with semicolons between. A line that is
no field continues the one above it, up to a blank line; what follows `text:` runs to a line that is a single dot.
Greetings, signatures and quoted originals are not looked at. An order that is shown stands between two marks, and may
come back corrected, quoted or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cgbot.groups import own_words
from cgbot.groups.own_words import all_lines, own_lines
from cgbot.mail.attribution import QUOTED

FIRST_MARK: Final = "-------- the order --------"
LAST_MARK: Final = "-------- its end --------"
_MARKS: Final = (FIRST_MARK.strip("- "), LAST_MARK.strip("- "))
_LONGEST_KEY: Final = 24
_MOST_WORDS: Final = 200
_UNBROKEN: Final = 60  # a word longer than this may have been broken by a mail program
_DEEPER: Final = 2  # blanks that mark the next line of a field between our marks
_TEXT: Final = "text"
_MARKS_OF_QUOTATION: Final = str.maketrans({">": " ", "|": " "})
_PREFIX: Final = re.compile(r"^\s*(?:(?:re|fw|fwd|aw|tr|sv|wg)\s*(?:\[\d+\])?:\s*|\[[^\]]{1,40}\]\s*)+", re.IGNORECASE)
_FIELD: Final = re.compile(rf"\s*([a-z][a-z -]{{0,{_LONGEST_KEY}}}?)[ ]*:(?!//)[ ]*(.*)", re.IGNORECASE)
_QUIET: Final = "quiet"  # before a command of LISTSERV
_COMMENT: Final = re.compile(r"\s{2,}\([^()]{1,80}\)\s*$")  # what an example says beside the command
_KEY: Final = re.compile(r"[a-z][a-z-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """A request: the words after the command's name, and the fields by their names in lower case."""

    command: str
    words: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Correction:
    """An order that came back changed: its first line, "" where that is as it was, and all of its fields."""

    line: str
    fields: Mapping[str, str]


def read(subject: str, text: str, names: Iterable[str]) -> Form | None:
    """The request in a mail; `names` are the commands' in lower case. None where it begins with none of them."""
    known = sorted(names, key=len, reverse=True)
    lines = own_lines(text)
    first = own_words.first(lines)
    below = None if first is None else _match(lines[first], known)
    found = _match(_PREFIX.sub("", subject), known)
    if below is not None and first is not None and (found is None or _rather(below, found)):
        found, lines = below, lines[first + 1 :]
    if found is None:
        return None
    return Form(found.command, found.words, MappingProxyType({**found.fields, **read_fields(lines)}))


def _rather(below: Form, subject: Form) -> bool:
    """Say whether the text's first line is the request, although the subject begins with a command too."""
    if below.command == subject.command:
        return len(below.words) >= len(subject.words)
    return any(not _has_digit(word) for word in subject.words)  # a sentence, not a command


def first_word(text: str) -> str:
    """The first word of an answer in lower case, "" where it has none."""
    lines = own_lines(text)
    first = own_words.first(lines)
    found = re.match(r"\W*([a-z]+)", lines[first][:200], re.IGNORECASE) if first is not None else None
    return found[1].lower() if found else ""


def read_fields(lines: Sequence[str], *, indented: bool = False) -> Mapping[str, str]:
    """
    The fields of these lines; the last one of a name counts.

    `indented`: the lines stand between our marks, where each that is deeper, or no field, continues the one above it.
    """
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    base = 0
    lines = list(lines)
    for number, line in enumerate(lines):
        match = _FIELD.fullmatch(line)
        depth = len(line) - len(line.lstrip())
        if match and not (indented and current is not None and depth >= base + _DEEPER):
            key = " ".join(match[1].lower().split())
            current, base = [match[2].strip()], depth
            found[key] = current
            if key == _TEXT:
                return MappingProxyType({**_joined(found), **_with_text(match[2], lines[number + 1 :], indented)})
        elif not line.strip():
            current = current if indented else None
        elif current is not None:
            current.append(line.strip())
    return MappingProxyType(_joined(found))


def _joined(found: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {key: "\n".join(value).strip() for key, value in found.items()}


def _with_text(beginning: str, lines: Sequence[str], indented: bool) -> Mapping[str, str]:
    """The long text up to its dot, and the fields that stand below it."""
    end = next((number for number, line in enumerate(lines) if line.strip() == "."), len(lines))
    text = "\n".join([beginning, *(line.rstrip() for line in lines[:end])]).strip()
    return {_TEXT: text, **read_fields(lines[end + 1 :], indented=indented)}


# ----------------------------------------------------------------------------------------- an order between its marks


def write(command: str, words: Sequence[str], fields: Mapping[str, str]) -> str:
    """An order between its marks, as `corrected` reads it; the text comes last."""
    lines = [FIRST_MARK, " ".join((command, *words))]
    lines += [f"{key}: {_indented(value)}" for key, value in fields.items() if key != _TEXT]
    if _TEXT in fields:
        lines += [f"{_TEXT}:", fields[_TEXT], "."]
    return "\n".join([*lines, LAST_MARK])


def _indented(value: str) -> str:
    return "\n  ".join(line for line in value.splitlines() if line.strip())


def corrected(text: str, sent: str) -> Correction | None:
    """
    The order in an answer, where it differs from the block that was sent; None where it does not.

    What the writer typed counts, and what stands between our marks, quoted or not; line breaks that a mail program put
    in make no difference.
    """
    line, original = _block(_between_marks(sent) or [])
    _, exact = _block(sent.splitlines()[1:-1])
    between = _between_marks(text)
    given_line, given = (line, dict(original)) if between is None else _block(between)
    given |= _typed(text, original)
    differ = {key: value for key, value in given.items() if not _same(value, original.get(key, ""))}
    removed = {key for key, value in original.items() if value and key not in given}
    changed_line = given_line if given_line and not _same(given_line, line) else ""
    if not differ and not removed and not changed_line:
        return None
    kept = {key: value for key, value in exact.items() if key not in removed}
    return Correction(changed_line, MappingProxyType({**kept, **differ}))


def _block(lines: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The command line, "" where there is none, and the fields."""
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return "", {}
    if _FIELD.fullmatch(lines[first]):
        return "", dict(read_fields(lines, indented=True))
    return lines[first].strip(), dict(read_fields(lines[first + 1 :], indented=True))


def _typed(text: str, sent: Mapping[str, str]) -> Mapping[str, str]:
    """The fields that the writer typed beside the marks: those that were sent, and new ones where the answer begins."""
    lines = own_lines(text)
    bare = [_bare(line) for line in lines]
    if _MARKS[0] in bare:
        start = bare.index(_MARKS[0])
        end = bare.index(_MARKS[1], start) + 1 if _MARKS[1] in bare[start:] else len(lines)
        lines = [*lines[:start], "", *lines[end:]]
    first = own_words.first(lines)
    if first is None:
        return {}
    end = next((number for number in range(first, len(lines)) if not lines[number].strip()), len(lines))
    leading = read_fields(lines[first:end]) if _FIELD.fullmatch(lines[first]) else {}
    return {key: value for key, value in read_fields(lines).items() if key in sent or key in leading}


def _between_marks(text: str) -> list[str] | None:
    """The lines of the order in an answer, without marks of quotation; None where it is not there whole."""
    lines = [QUOTED.sub("", line) for line in all_lines(text)]
    bare = [_bare(line) for line in lines]
    if _MARKS[0] not in bare:
        return None
    first = bare.index(_MARKS[0])
    return lines[first + 1 : bare.index(_MARKS[1], first)] if _MARKS[1] in bare[first:] else None


def _bare(line: str) -> str:
    return line.strip("-\u2010\u2011\u2012\u2013\u2014\u2015*_ >|")


def _same(one: str, other: str) -> bool:
    """Say whether two values differ only in how a mail program broke and quoted the lines."""
    one, other = one.translate(_MARKS_OF_QUOTATION), other.translate(_MARKS_OF_QUOTATION)
    if one.split() == other.split():
        return True
    longest = max((len(word) for word in (*one.split(), *other.split())), default=0)
    return longest > _UNBROKEN and "".join(one.split()) == "".join(other.split())


# --------------------------------------------------------------------------------------------------- a command line


def _match(line: str, names: Sequence[str]) -> Form | None:
    """The command that a line begins with, the longest name first, and what follows it."""
    words = _COMMENT.sub("", line).strip().strip("*_`\"'").split()[:_MOST_WORDS]
    words = words[1:] if words[:1] and words[0].lower() == _QUIET else words
    lowered = [word.lower().strip(":,.!") for word in words[:5]]
    for name in names:
        own = name.split()
        if lowered[: len(own)] == own:
            return _form(name, words[len(own) :])
    return None


def _form(name: str, words: Sequence[str]) -> Form:
    """The words behind a command; behind numbers, fields may follow with semicolons between them."""
    start = next((number for number, word in enumerate(words) if not _has_digit(word)), len(words))
    if start < len(words) and _KEY.fullmatch(words[start]):
        fields = read_fields([part.strip() for part in " ".join(words[start:]).split(";")])
        return Form(name, tuple(map(_clean, words[:start])), fields)
    return Form(name, tuple(filter(None, map(_clean, words))))


def _clean(word: str) -> str:
    """A number, address or link without the punctuation around it; any other word as it is."""
    if _has_digit(word) or "://" in word or "@" in word:
        return word.strip("<>,;:\"'()!#").rstrip(".")
    return word


def _has_digit(word: str) -> bool:
    return any(letter.isdigit() for letter in word)


__all__ = [
    "FIRST_MARK", "LAST_MARK", "Correction", "Form", "corrected", "first_word", "own_lines", "read", "read_fields",
    "write",
]  # fmt: skip
