"""
Pure rules: a roster of members as CSV, read strictly and written so that it can be read again.

The first line names the columns; only `address` is needed. Comma, semicolon and tab are understood, and a byte order
mark. Each bad row is a problem with its line, and nobody decides here what becomes of the good ones. A cell that a
spreadsheet would take for a formula is written with an apostrophe before it, which is taken off when read.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cgbot.errors import Malformed
from cgbot.groups import profile
from cgbot.mail import address

if TYPE_CHECKING:
    from cgbot.groups.members import Member

COLUMNS: Final = (
    "address", "name", "role", "delivery", "invitations", "organization", "country", "zone", "language", "state",
    "posting", "attachments", "digest_format", "away_until",
)  # fmt: skip
_OTHER_NAMES: Final = {
    "email": "address", "e-mail": "address", "mail": "address", "organisation": "organization",
    "affiliation": "organization", "company": "organization", "timezone": "zone", "time zone": "zone",
    "digest": "digest_format", "away until": "away_until",
}  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_MOST_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Row:
    """One person of the roster: the line, the address, and what else the file tells (empty cells tell nothing)."""

    line: int
    address: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in which line."""

    line: int
    text: str

    def __str__(self) -> str:
        """Say it as the report does."""
        return f"line {self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Roster:
    """What could be read, and what could not."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """How far the reading is: the rows by folded address."""

    columns: tuple[str, ...]
    rows: dict[str, Row]
    problems: list[Problem]


def parse(data: bytes) -> Roster:
    """Read a roster. Raises Malformed when not even its head can be read."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Malformed(f"line {line}: the file is not UTF-8; save it as 'CSV UTF-8'") from error
    head, _, _ = text.partition("\n")
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text.replace("\0", "\ufffd"), newline=""), delimiter=delimiter, strict=True)
    columns = _columns(_next(lines))
    reading = _Reading(columns, {}, [])
    for line, cells in _numbered(lines, reading.problems):
        if any(cell.strip() for cell in cells):
            _read_row(reading, line, cells)
    return Roster(tuple(reading.rows.values()), tuple(reading.problems))


def write(members: Iterable[Member]) -> str:
    """Write a roster that `parse` reads again."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    for member in members:
        lines.writerow([_cell(getattr(member, column)) for column in COLUMNS])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    text = ("yes" if value else "no") if isinstance(value, bool) else "" if value is None else str(value)
    return f"'{text}" if text.startswith((*_FORMULA, "'")) else text


def _next(lines: Iterator[list[str]]) -> list[str]:
    try:
        return next(lines, [])
    except csv.Error as error:
        raise Malformed(f"line 1: is not CSV: {error}") from error


def _columns(head: list[str]) -> tuple[str, ...]:
    """The columns' names. Raises Malformed for an unknown, double or missing one."""
    names = [name.strip().lower() for name in head]
    columns = tuple(_OTHER_NAMES.get(name, name) for name in names)
    for name in columns:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(COLUMNS)}"
            raise Malformed(f"line 1: {name!r} is not a column of a roster; {hint}")
        if columns.count(name) > 1:
            raise Malformed(f"line 1: the column {name!r} is there twice")
    if "address" not in columns:
        raise Malformed(f"line 1: the column 'address' is missing; known: {', '.join(COLUMNS)}")
    return columns


def _numbered(lines: Iterator[list[str]], problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line on which it begins; reading ends at what is not CSV and at a file without end."""
    reader: object = lines
    for _ in range(_MOST_ROWS):
        line = int(getattr(reader, "line_num", 0)) + 1
        try:
            cells = next(lines, None)
        except csv.Error as error:
            problems.append(Problem(line, f"is not CSV: {error}; the rest of the file was not read"))
            return
        if cells is None:
            return
        yield line, cells
    problems.append(Problem(_MOST_ROWS + 2, f"more than {_MOST_ROWS:,} rows; the rest of the file was not read"))


def _read_row(reading: _Reading, line: int, cells: list[str]) -> None:
    columns = reading.columns
    if any(cell.strip() for cell in cells[len(columns) :]):
        reading.problems.append(Problem(line, f"{len(cells)} cells, but the first line names {len(columns)} columns"))
        return
    values: dict[str, object] = {}
    wrong = []
    for column, cell in zip(columns, cells, strict=False):
        text = cell.strip().removeprefix("'").strip()
        try:
            if text or column == "address":
                values[column] = profile.check(column, text)
        except Malformed as error:
            wrong.append(Problem(line, error.public))
    row = Row(line, str(values.pop("address", "")), values)
    earlier = reading.rows.get(address.fold(row.address))
    if earlier and not wrong:
        wrong.append(Problem(line, f"{row.address} stands in line {earlier.line} already"))
    reading.problems.extend(wrong)
    if not wrong:
        reading.rows[address.fold(row.address)] = row
