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
from typing import Any, Final, cast

_COLUMNS: Final = 57  # octets that become a line of 76 characters


@dataclass(frozen=True, slots=True)
class Slot:
    """The value `name` of a copy is inserted at `offset`."""

    offset: int
    name: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """The octets from `start` to `end`, with the slots between, are written as base64."""

    start: int
    end: int


Mark = Slot | Encoded


@dataclass(frozen=True, slots=True)
class Frozen:
    """One mail for many recipients; marks in the order of their places, spans do not overlap."""

    body: bytes
    marks: tuple[Mark, ...] = ()

    def marks_as_json(self) -> list[list[Any]]:
        """The marks as JSON can hold them."""
        return [[m.offset, m.name] if isinstance(m, Slot) else [m.start, m.end] for m in self.marks]

    @classmethod
    def from_json(cls, body: bytes, marks: Iterable[list[Any]]) -> Frozen:
        """Read what `marks_as_json` made."""
        return cls(
            body,
            tuple(
                Slot(int(first), second) if isinstance(second, str) else Encoded(int(first), int(cast("int", second)))
                for first, second in marks
            ),
        )


def join(pieces: Iterable[bytes | Slot | Frozen]) -> Frozen:
    """Put pieces together; a Slot's own offset is ignored, it stands where it is given."""
    body = bytearray()
    marks: list[Mark] = []
    for piece in pieces:
        if isinstance(piece, Slot):
            marks.append(Slot(len(body), piece.name))
        elif isinstance(piece, Frozen):
            marks += [_moved(mark, len(body)) for mark in piece.marks]
            body += piece.body
        else:
            body += piece
    return Frozen(bytes(body), tuple(marks))


def slot(name: str) -> Slot:
    """A slot to be placed by `join`."""
    return Slot(0, name)


def as_base64(inner: Frozen) -> Frozen:
    """The same piece, to be written as base64 once its slots are filled."""
    return Frozen(inner.body, (Encoded(0, len(inner.body)), *inner.marks))


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
    """Write one copy; a slot without a value raises KeyError, a value is written as UTF-8."""
    if not frozen.marks:
        return frozen.body
    spans = [mark for mark in frozen.marks if isinstance(mark, Encoded)]
    slots = [mark for mark in frozen.marks if isinstance(mark, Slot)]
    out = bytearray()
    at = 0
    for span in spans:
        out += _between(frozen.body, (at, span.start), slots, values)
        out += _base64(_between(frozen.body, (span.start, span.end), slots, values))
        at = span.end
    return bytes(out + _between(frozen.body, (at, len(frozen.body) + 1), slots, values))


def _between(body: bytes, place: tuple[int, int], slots: list[Slot], values: Mapping[str, str]) -> bytes:
    """The octets from start to end; slots at the end belong to what follows."""
    start, end = place
    pieces: list[bytes] = []
    at = start
    for mark in slots:
        if start <= mark.offset < end:
            pieces += [body[at : mark.offset], values[mark.name].encode()]
            at = mark.offset
    pieces.append(body[at:end])
    return b"".join(pieces)


def _base64(content: bytes) -> bytes:
    lines = [base64.b64encode(content[at : at + _COLUMNS]) for at in range(0, len(content), _COLUMNS)]
    return b"\r\n".join(lines) + b"\r\n" if lines else b""


def _moved(mark: Mark, by: int) -> Mark:
    if isinstance(mark, Slot):
        return Slot(mark.offset + by, mark.name)
    return Encoded(mark.start + by, mark.end + by)
