"""Frozen mails: what is filled is what was put together, the same each time."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail.frozen import Encoded, Frozen, Slot, as_base64, cut_at_markers, fill, join, slot

VALUES = {"a": "alpha", "b": "", "c": "ç" * 40}
Piece = bytes | str | list[bytes | str]  # octets, the name of a slot, or an encoded stretch of both
FLAT = st.one_of(st.binary(max_size=90), st.sampled_from(sorted(VALUES)))
PIECES = st.lists(st.one_of(FLAT, st.lists(FLAT, max_size=5)), max_size=8)


def freeze(pieces: list[Piece]) -> Frozen:
    return join(
        slot(one) if isinstance(one, str) else one if isinstance(one, bytes) else as_base64(freeze(list(one)))
        for one in pieces
    )


def written(pieces: list[Piece]) -> bytes:
    """What the pieces must become, worked out another way."""
    out = b""
    for one in pieces:
        if isinstance(one, str):
            out += VALUES[one].encode()
        elif isinstance(one, bytes):
            out += one
        else:
            out += base64.encodebytes(written(list(one))).replace(b"\n", b"\r\n")
    return out


@given(PIECES)
def test_a_copy_is_its_pieces_with_the_slots_filled(pieces: list[Piece]) -> None:
    assert fill(freeze(pieces), VALUES) == written(pieces)


@given(PIECES, PIECES)
def test_joining_frozen_pieces_moves_their_marks(first: list[Piece], second: list[Piece]) -> None:
    assert fill(join([freeze(first), b"between", freeze(second)]), VALUES) == written([*first, b"between", *second])


@given(PIECES)
def test_marks_survive_json(pieces: list[Piece]) -> None:
    frozen = freeze(pieces)
    again = Frozen.from_json(frozen.body, json.loads(json.dumps(frozen.marks_as_json())))
    assert again == frozen
    assert fill(again, VALUES) == fill(frozen, VALUES)


def test_a_slot_at_the_edge_of_an_encoded_stretch_stays_on_its_side() -> None:
    inside = join([slot("a"), as_base64(join([slot("a"), b"x", slot("a")])), slot("a")])
    assert fill(inside, {"a": "1"}) == b"1" + base64.b64encode(b"1x1") + b"\r\n1"
    assert fill(join([as_base64(Frozen(b"")), slot("a")]), {"a": "1"}) == b"1"


def test_base64_lines_have_76_columns_and_crlf() -> None:
    lines = fill(as_base64(Frozen(b"x" * 100)), {}).split(b"\r\n")
    assert [len(line) for line in lines] == [76, 60, 0]


def test_a_value_is_needed_and_cannot_add_a_line() -> None:
    frozen = join([b"To: <", slot("to"), b">\r\n"])
    with pytest.raises(KeyError):
        fill(frozen, {})
    with pytest.raises(ValueError, match="more than one line"):
        fill(frozen, {"to": "a@b>\r\nBcc: <x@y"})


def test_an_encoded_stretch_may_take_whole_lines() -> None:
    frozen = as_base64(join([b"BEGIN\r\n", slot("line")]))
    assert base64.b64decode(fill(frozen, {"line": "X:1\r\nY:2\r\n"})) == b"BEGIN\r\nX:1\r\nY:2\r\n"


def test_nothing_is_encoded_twice() -> None:
    with pytest.raises(ValueError, match="another"):
        as_base64(as_base64(Frozen(b"x")))


def test_markers_become_slots_and_pieces() -> None:
    frozen = cut_at_markers(b"-A- and -B- and -A-", {"-A-": slot("a"), "-B-": join([b"<", slot("b"), b">"])})
    assert frozen.body == b" and <> and "
    assert fill(frozen, {"a": "1", "b": "2"}) == b"1 and <2> and 1"
    with pytest.raises(ValueError, match="not in the mail"):
        cut_at_markers(b"x", {"-A-": slot("a")})


def test_what_has_no_marks_is_itself() -> None:
    assert fill(Frozen(b"x"), {"unused": "y"}) == b"x"
    assert join([b"a", slot("n"), b"b"]).marks == (Slot(1, "n"),)
    assert as_base64(Frozen(b"abc")).marks == (Encoded(0, 3),)
