"""
A frozen mail: bytes with marks that each recipient's copy fills (pure rules).

A slot is a place where a copy's own value stands; an encoded span is a stretch that is turned into base64 after its
slots are filled (RFC 2045 section 6.8). Marks are offsets, so nothing in a mail can be mistaken for one. Filling the
same frozen mail with the same values gives the same bytes for ever: a retry is byte-identical.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

_COLUMNS: Final = 76  # RFC 2045 section 6.8


@dataclass(frozen=True, slots=True)
class Slot:
    """The value `name` of a copy is inserted at `offset`."""

    offset: int
    name: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """The octets from `start` to `end`, with the `slots` slots that follow it among the marks, become base64."""

    start: int
    end: int
    slots: int = 0


Mark = Slot | Encoded


@dataclass(frozen=True, slots=True)
class Frozen:
    """One mail for many recipients; marks in the order of their places, spans do not overlap."""

    body: bytes
    marks: tuple[Mark, ...] = ()

    def marks_as_json(self) -> list[list[Any]]:
        """The marks as JSON can hold them."""
        return [[m.offset, m.name] if isinstance(m, Slot) else [m.start, m.end, m.slots] for m in self.marks]

    @classmethod
    def from_json(cls, body: bytes, marks: Iterable[list[Any]]) -> Frozen:
        """Read what `marks_as_json` made."""
        return cls(body, tuple(Slot(one[0], one[1]) if isinstance(one[1], str) else Encoded(*one) for one in marks))


def join(pieces: Iterable[bytes | memoryview | Slot | Frozen]) -> Frozen:
    """Put pieces together; a Slot's own offset is ignored, it stands where it is given."""
    parts: list[bytes | memoryview] = []
    length = 0
    marks: list[Mark] = []
    for piece in pieces:
        if isinstance(piece, Slot):
            marks.append(Slot(length, piece.name))
            continue
        if isinstance(piece, Frozen):
            marks += [_moved(mark, length) for mark in piece.marks]
        parts.append(piece.body if isinstance(piece, Frozen) else piece)
        length += len(parts[-1])
    return Frozen(b"".join(parts), tuple(marks))


def slot(name: str) -> Slot:
    """A slot to be placed by `join`."""
    return Slot(0, name)


def as_base64(inner: Frozen) -> Frozen:
    """The same piece, to be written as base64 once its slots are filled; raises ValueError if part of it is already."""
    if any(isinstance(mark, Encoded) for mark in inner.marks):
        raise ValueError("an encoded span cannot hold another one")
    return Frozen(inner.body, (Encoded(0, len(inner.body), len(inner.marks)), *inner.marks))


def cut_at_markers(body: bytes, markers: Mapping[str, Slot | Frozen]) -> Frozen:
    """
    Replace unique marker texts by slots or frozen pieces.

    The caller makes markers that cannot occur otherwise; one that is missing raises ValueError.
    """
    places: list[tuple[int, str]] = []
    for marker in markers:
        found = body.find(marker.encode())
        if found < 0:
            raise ValueError(f"the marker {marker!r} is not in the mail")
        while found >= 0:
            places.append((found, marker))
            found = body.find(marker.encode(), found + 1)
    pieces: list[bytes | Slot | Frozen] = []
    last = 0
    for place, marker in sorted(places):
        pieces += [body[last:place], markers[marker]]
        last = place + len(marker.encode())
    return join([*pieces, body[last:]])


def fill(frozen: Frozen, values: Mapping[str, str]) -> bytes:
    """
    Write one copy; values are written as UTF-8.

    A slot without a value raises KeyError; a value that would begin a line outside an encoded span, ValueError.
    """
    head, rest = fill_head(frozen, values)
    return head + frozen.body[rest:]


def fill_head(frozen: Frozen, values: Mapping[str, str]) -> tuple[bytes, int]:
    """
    Write one copy as far as it has marks, and say from where on the body follows as it is; raises as `fill`.

    So many copies of a large mail share its octets.
    """
    out = bytearray()
    at = 0
    marks = iter(frozen.marks)
    for mark in marks:
        if isinstance(mark, Slot):
            out += frozen.body[at : mark.offset]
            out += _of_one_line(mark.name, values[mark.name])
            at = mark.offset
        else:
            out += frozen.body[at : mark.start]
            out += _base64(_filled(frozen.body, mark, tuple(islice(marks, mark.slots)), values))
            at = mark.end
    return bytes(out), at


def _filled(body: bytes, span: Encoded, inside: Iterable[Mark], values: Mapping[str, str]) -> bytes:
    pieces: list[bytes] = []
    at = span.start
    for mark in inside:
        if isinstance(mark, Slot):  # as_base64 lets nothing else in
            pieces += [body[at : mark.offset], values[mark.name].encode()]
            at = mark.offset
    return b"".join((*pieces, body[at : span.end]))


def _of_one_line(name: str, value: str) -> bytes:
    if "\r" in value or "\n" in value:
        raise ValueError(f"the value of {name!r} has more than one line")
    return value.encode()


def _base64(content: bytes) -> bytes:
    """Lines of 76 columns, each with its CRLF."""
    text = base64.b64encode(content)
    return b"".join(text[at : at + _COLUMNS] + b"\r\n" for at in range(0, len(text), _COLUMNS))


def _moved(mark: Mark, by: int) -> Mark:
    if isinstance(mark, Slot):
        return Slot(mark.offset + by, mark.name)
    return Encoded(mark.start + by, mark.end + by, mark.slots)
