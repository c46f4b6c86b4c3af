"""
Proofs that anybody can keep and check without us (pure rules; C2SP tlog-proof v1 and tlog-witness).

An inclusion proof shows that a message stands in the log whose signed head it carries; its `extra` line holds the
leaf's lines. A consistency proof, in the form that witnesses are asked with, shows that an older head is the newer
one's beginning: that nothing was changed or taken away since.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cgbot.archive import leaf, merkle, note
from cgbot.archive.leaf import PostLeaf
from cgbot.archive.note import Checkpoint, NotProven, Verifier
from cgbot.errors import Malformed

_FIRST: Final = "c2sp.org/tlog-proof@v1"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_HASH_OCTETS: Final = 32
_MOST_HASHES: Final = 63


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Leaf `index` of the log whose checkpoint this is: its lines, and the hashes beside its way to the root."""

    data: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> str:
        """The proof as it is kept in a file."""
        extra = f"extra {note.encode(self.data)}\n" if self.data else ""
        return f"{_FIRST}\n{extra}index {self.index}\n{_lines(self.path)}\n{self.checkpoint}"


@dataclass(frozen=True, slots=True)
class Consistency:
    """The first `old` leaves of the log whose checkpoint this is are those of the older head of that size."""

    old: int
    path: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> str:
        """The proof as it is kept in a file, and as a witness is asked."""
        return f"old {self.old}\n{_lines(self.path)}\n{self.checkpoint}"


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof has shown."""

    leaf: PostLeaf
    index: int
    checkpoint: Checkpoint


def _lines(path: Sequence[bytes]) -> str:
    return "".join(f"{note.encode(one)}\n" for one in path)


def read_inclusion(text: str) -> Inclusion:
    """Read an inclusion proof. Raises Malformed."""
    head, _, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != _FIRST:
        raise Malformed(f"this is not an inclusion proof: it does not begin with {_FIRST}")
    has_extra = len(lines) > 1 and lines[1].startswith("extra ")
    data = note.decode(lines[1].removeprefix("extra ")) if has_extra else b""
    rest = lines[2:] if has_extra else lines[1:]
    return Inclusion(data, _number("index", rest), _path(rest[1:]), checkpoint)


def read_consistency(text: str) -> Consistency:
    """Read a consistency proof. Raises Malformed."""
    head, _, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    return Consistency(_number("old", lines), _path(lines[1:]), checkpoint)


def _number(name: str, lines: Sequence[str]) -> int:
    found, _, number = (lines[0] if lines else "").partition(" ")
    if found != name or not _NUMBER.fullmatch(number):
        raise Malformed(f"this proof lacks its line {name!r}")
    return int(number)


def _path(lines: Sequence[str]) -> tuple[bytes, ...]:
    found = tuple(note.decode(one) for one in lines)
    if len(found) > _MOST_HASHES or any(len(one) != _HASH_OCTETS for one in found):
        raise Malformed("this proof holds something other than SHA-256 hashes")
    return found


def check_inclusion(given: Inclusion, verifiers: Sequence[Verifier], raw: bytes) -> Proven:
    """
    What the proof shows of a message's exact bytes.

    Raises Malformed where it cannot be read, NotProven where signature, path or message do not fit.
    """
    head = note.checkpoint(given.checkpoint, verifiers)
    said = leaf.read_post(given.data)
    hashed = merkle.leaf_hash(given.data)
    if not merkle.proves_inclusion(given.index, head.size, hashed, given.path, head.root):
        raise NotProven("the proof does not lead to the checkpoint's root")
    if said.sha256 != hashlib.sha256(raw).digest():
        raise NotProven("the message is not the one that was archived: its SHA-256 is another")
    return Proven(said, given.index, head)


def check_consistency(given: Consistency, verifiers: Sequence[Verifier], older: str) -> tuple[Checkpoint, Checkpoint]:
    """The older and the newer head, of which the first is the beginning. Raises Malformed or NotProven."""
    before, after = note.checkpoint(older, verifiers), note.checkpoint(given.checkpoint, verifiers)
    same = before.origin == after.origin and before.size == given.old
    if not same:
        raise NotProven("the proof is not about this checkpoint")
    if not merkle.proves_consistency((before.size, after.size), given.path, (before.root, after.root)):
        raise NotProven(f"the log of {before.size} entries is not the beginning of the one of {after.size}")
    return before, after
