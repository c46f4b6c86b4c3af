"""
Pure rules: a report as text that a convener may correct, and what becomes of corrections when the facts change.

A report is sections, each under a line "=== 3 Meetings ===". A section is known by its title without the number, so
that it is found again after it was edited. `merge` puts a corrected text and newly made facts together, section by
section: what was not corrected follows the facts, what was corrected stays, and facts that are new since are added
under a mark. Nothing of either is lost. What mail programs do to a text on its way (other line ends, quoting, lines
broken elsewhere) is no correction.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

NEW: Final = "(new since your edit)"
GONE: Final = "(no longer in the records since your edit)"
BEGIN: Final = "----- the report begins below this line -----"
END: Final = "----- the report ends above this line -----"
ABSTRACT: Final = "abstract"
HEADER: Final = "header"
ABSTRACT_WORDS: Final = 200  # Rec. ITU-T A.2 I.1.2: an abstract has under 200 words

_TITLE: Final = re.compile(r"={3,}\s*(\S.*?)\s*={3,}")
_NUMBER: Final = re.compile(r"^(?:annex\s+[a-z]\b|\d+(?:\.\d+)*(?:bis|ter)?)[.:)]?\s+", re.IGNORECASE)
_QUOTE: Final = re.compile(r"^(?:[ \t]*>)+ ?")
_LONGEST: Final = 400_000  # characters
MOST_SECTIONS: Final = 1000
_BULLETS: Final = frozenset({"*", "•", "·", "-", "–"})
# "https://x/ <https://x/>", "a@b.example <mailto:a@b.example>": what mail programs make of a link.
_LINKED: Final = re.compile(r"(?<![^\s<>(])([^\s<>]{3,300})\s{0,3}<(?:mailto:)?\1/?>")


@dataclass(frozen=True, slots=True)
class Section:
    """A title as it is written ("3 Meetings", "" for what stands before the first), and the lines below it."""

    title: str
    body: str

    @property
    def key(self) -> str:
        """What the section is known by: its title without number or case."""
        return _NUMBER.sub("", self.title).strip().casefold()


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a bullet (its mark taken off), or a row of a table as cells."""

    kind: Literal["paragraph", "bullet", "row"]
    text: str
    cells: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------------- sections


def sections(text: str) -> tuple[Section, ...]:
    """Cut a report at its titles."""
    found: list[Section] = []
    title = ""
    lines: list[str] = []
    for line in _clean(text).split("\n"):
        mark = _TITLE.fullmatch(line.strip())
        if mark is None:
            lines.append(line.rstrip())
            continue
        found.append(Section(title, "\n".join(lines).strip("\n")))
        title, lines = mark[1], []
    found.append(Section(title, "\n".join(lines).strip("\n")))
    return tuple(one for one in found if one.title or one.body)


def written(parts: Sequence[Section]) -> str:
    """Put sections together again."""
    return "\n\n".join(f"=== {one.title} ===\n\n{one.body}".rstrip() if one.title else one.body for one in parts) + "\n"


def section(text: str, key: str) -> str:
    """The body of the section of this key, "" where there is none."""
    return next((one.body for one in sections(text) if one.key == key), "")


def readable(text: str) -> str:
    """The report for people who only read it: titles underlined, without the marks of sections."""
    parts = [
        one.body if one.key in {"", HEADER} else f"{one.title}\n{'-' * len(one.title)}\n\n{one.body}"
        for one in sections(text)
    ]
    return "\n\n\n".join(part.rstrip() for part in parts)


def _clean(text: str) -> str:
    return text[:_LONGEST].replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").replace("\f", "\n")


def blocks(body: str) -> tuple[Block, ...]:
    """
    Read the lines of a section: "- " begins a bullet, "|" a row, a blank line ends either; other lines go on.

    A row that a mail program has broken is put together again: rows have as many cells as the first of their table.
    """
    found: list[Block] = []
    for run in _runs(body):
        cells = 0  # of the first row of the table that goes on
        for lines in _pieces(run):
            block = _block(" ".join(lines))
            row = block.kind == "row"
            if row and cells and found and len(found[-1].cells) < cells:
                found[-1] = _block(f"{found[-1].text} {block.text}")
                continue
            found.append(block)
            cells = (cells or len(block.cells)) if row else 0
    return tuple(found)


def _runs(body: str) -> Iterator[list[str]]:
    """The lines between blank ones."""
    run: list[str] = []
    for line in (one.strip() for one in body.split("\n")):
        if line:
            run.append(line)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _pieces(run: Sequence[str]) -> Iterator[list[str]]:
    """The lines of each block of a run: a new one begins with a bullet or a bar, not after a row that has no end."""
    piece: list[str] = []
    for line in run:
        in_row = bool(piece) and piece[0].startswith("|")
        begins = _is_bullet(line) or (line.startswith("|") and not (in_row and not piece[-1].endswith("|")))
        if piece and begins:
            yield piece
            piece = []
        piece.append(line)
    if piece:
        yield piece


def _is_bullet(line: str) -> bool:
    return line[:1] in _BULLETS and line[1:2] == " "


def _block(text: str) -> Block:
    if _is_bullet(text):
        return Block("bullet", text[2:].strip())
    if not text.startswith("|"):
        return Block("paragraph", text)
    return Block("row", text, tuple(cell.strip() for cell in text.strip("|").split("|")))


# -------------------------------------------------------------------------------------------------------- merging


def same(one: str, other: str) -> bool:
    """Say whether two texts differ in nothing but white space and the look of bullets."""
    return _words(one) == _words(other)


def _words(text: str) -> list[str]:
    return ["-" if word in _BULLETS else word for word in text.split()]


def merge(base: str, mine: str, fresh: str, mark: str = NEW) -> str:
    """
    Put a corrected text and new facts together.

    `base` is the text that was corrected into `mine`, `fresh` what the facts make of it now. A section that only one
    side has changed is that side's; one that both have changed is mine, with what is new in `fresh` under `mark`.
    """
    ours, theirs = _by_key(sections(base)), _by_key(sections(fresh))
    merged = {key: _merged(ours.get(key), one, theirs.get(key), mark) for key, one in _by_key(sections(mine)).items()}
    order = list(merged)
    place = 0
    for key, one in theirs.items():
        if key in merged:
            place = order.index(key) + 1
            continue
        again = _again(ours.get(key), one, mark)
        if again is not None:
            merged[key] = again
            order.insert(place, key)
            place += 1
    return written([kept for key in order if (kept := merged[key]) is not None])


Key = tuple[str, int]


def _by_key(parts: Sequence[Section]) -> dict[Key, Section]:
    """Sections by key; of several with the same title, by their number too."""
    counted: Counter[str] = Counter()
    found: dict[Key, Section] = {}
    for one in parts[:MOST_SECTIONS]:
        key = one.key
        found[key, counted[key]] = one
        counted[key] += 1
    return found


def _merged(base: Section | None, mine: Section, fresh: Section | None, mark: str) -> Section | None:
    if base is None and fresh is None:
        return mine  # a section of the convener's own
    if mine.key == HEADER and base is not None and fresh is not None:
        return Section(mine.title, _merged_header(base.body, mine.body, fresh.body, mark))
    if base is not None and same(base.body, mine.body):
        # Untouched: it follows the facts, also away where they have none for it any more; its title may be theirs.
        return Section(mine.title, fresh.body) if fresh is not None else None
    before, now = base.body if base else "", fresh.body if fresh else ""
    if same(before, now) or same(mine.body, now):
        return mine
    return Section(mine.title, _with_news(before, mine.body, now, mark))


def _again(base: Section | None, fresh: Section, mark: str) -> Section | None:
    """A section that the corrected text does not have: a new one, or one that was taken out and has new facts."""
    if base is None:
        return fresh
    if same(base.body, fresh.body):
        return None
    return Section(fresh.title, _with_news(base.body, "", fresh.body, mark))


def _with_news(before: str, mine: str, now: str, mark: str) -> str:
    """The corrected lines, and under marks what the facts have added and what they have taken away."""
    old = {_folded(one) for one in blocks(before)}
    new = {_folded(one) for one in blocks(now)}
    kept = {_folded(one) for one in blocks(mine)}
    known = old | kept
    added = [one for one in blocks(now) if _folded(one) not in known]
    gone = [one for one in blocks(before) if _folded(one) not in new and _folded(one) in kept]
    pieces = [mine] if mine else []
    if added:
        pieces += ([] if mark in mine else [mark]) + [_lines(added)]
    if gone:
        pieces += [GONE, _lines(gone)]
    return "\n\n".join(pieces)


def _folded(block: Block) -> str:
    return f"{block.kind} {' '.join(block.text.split())}"


def _lines(found: Sequence[Block]) -> str:
    """Blocks as lines again; a blank line between what is not of one list or table."""
    lines: list[str] = []
    for place, one in enumerate(found):
        if place and (one.kind == "paragraph" or found[place - 1].kind != one.kind):
            lines.append("")
        lines.append(f"- {one.text}" if one.kind == "bullet" else one.text)
    return "\n".join(lines)


# ----------------------------------------------------------------------------------------------------- in the mail


def between_marks(text: str) -> str | None:
    """
    The corrected report in an answer: what stands between the two marks, quoted or not.

    None when there is no beginning; "" when the end is missing, so that a cut text never counts as a correction.
    """
    lines = _clean(text).split("\n")
    begin = next((place for place, line in enumerate(lines) if _is_mark(line, BEGIN)), None)
    if begin is None:
        return None
    end = next((place for place in range(begin + 1, len(lines)) if _is_mark(lines[place], END)), None)
    if end is None:
        return ""
    depth = _depth(lines[begin])
    inside = "\n".join(_unquoted(line, depth) for line in lines[begin + 1 : end])
    return _LINKED.sub(r"\1", inside).strip("\n") + "\n"


def _is_mark(line: str, mark: str) -> bool:
    return _QUOTE.sub("", line).strip(" -–—*_").casefold() == mark.strip(" -").casefold()


def _depth(line: str) -> int:
    quote = _QUOTE.match(line)
    return quote[0].count(">") if quote else 0


def _unquoted(line: str, depth: int) -> str:
    """Take at most `depth` marks of quoting off; a line that was written between quoted ones has none."""
    for _ in range(depth):
        stripped = line.lstrip(" \t")
        if not stripped.startswith(">"):
            return line
        line = stripped[1:].removeprefix(" ")
    return line


# ---------------------------------------------------------------------------------------------------- the header


def header(text: str) -> Mapping[str, tuple[str, ...]]:
    """The fields of the header section, by name as in FIELDS: "Title: …", one a line; Contact may stand repeatedly."""
    return _fields(section(text, HEADER))[0]


FIELDS: Final = ("Document", "Question(s)", "Meeting", "Source", "Title", "Contact")
_NAMES: Final = {name.casefold(): name for name in FIELDS} | {"question": "Question(s)", "questions": "Question(s)"}


def _fields(body: str) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The fields, and the lines that are none; a line without a known name goes on with the field before it."""
    found: dict[str, list[str]] = {}
    others: list[str] = []
    last = ""
    for line in filter(None, (one.strip() for one in body.split("\n"))):
        name, colon, value = line.partition(":")
        known = _NAMES.get(name.strip().casefold(), "") if colon else ""
        if known:
            found.setdefault(known, []).append(value.strip())
            last = known
        elif last and not name.rstrip().endswith(")"):
            found[last][-1] = f"{found[last][-1]} {line}"
        else:  # "Meeting (new since your edit): …"
            others.append(line)
            last = ""
    return {name: tuple(values) for name, values in found.items()}, others


def _merged_header(base: str, mine: str, fresh: str, mark: str) -> str:
    """Each field by itself: who has changed it counts; where both have, mine, and the other beside it."""
    (old, _), (ours, others), (new, _) = _fields(base), _fields(mine), _fields(fresh)
    lines: list[str] = []
    for name in dict.fromkeys([*FIELDS, *ours]):
        untouched = ours.get(name) == old.get(name)
        lines += [f"{name}: {value}" for value in (new if untouched else ours).get(name, ())]
        if not untouched and new.get(name) not in {old.get(name), ours.get(name)}:
            others += [f"{name} {mark}: {value}" for value in new.get(name, ())]
    return "\n".join([*lines, *dict.fromkeys(others)])


def abstract_is_long(text: str) -> bool:
    """Say whether the abstract has more words than A.2 allows."""
    return len(section(text, ABSTRACT).split()) >= ABSTRACT_WORDS
