"""
Merkle trees (pure rules; RFC 9162 section 2.1, which is RFC 6962's tree): roots, and proofs that need no log.

A leaf is SHA-256(0x00 || data), a node SHA-256(0x01 || left || right); the empty tree's root is the hash of nothing.
What a proof consists of is said as ranges of leaves: whoever has the leaves gives the root of each range. Checking
needs nothing but the proof, and no length or order of a hostile one costs more than its own hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

EMPTY: Final = hashlib.sha256(b"").digest()
Range = tuple[int, int]


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf of this data (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """
    A tree that grows at its end, known by the roots of its complete parts: as many as its size has binary ones.

    What is pushed may be leaves' hashes, or roots of complete subtrees that are all of the same size, with a smaller
    one last: the root is the same.
    """

    def __init__(self) -> None:
        self.size = 0
        self._parts: list[bytes] = []

    def push(self, hashed: bytes) -> None:
        """Append one."""
        count = self.size
        while count & 1:
            hashed = node_hash(self._parts.pop(), hashed)
            count >>= 1
        self._parts.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """The root of what was pushed so far."""
        if not self._parts:
            return EMPTY
        found = self._parts[-1]
        for part in reversed(self._parts[:-1]):
            found = node_hash(part, found)
        return found


def root(hashes: Iterable[bytes]) -> bytes:
    """The root over these hashes, in their order."""
    tree = Tree()
    for one in hashes:
        tree.push(one)
    return tree.root()


def inclusion_ranges(index: int, size: int) -> tuple[Range, ...]:
    """The ranges of leaves, each [from, to), whose roots prove leaf `index` in a tree of `size`, its sibling first."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has none of number {index}")
    found: list[Range] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            found.append((middle, high))
            high = middle
        else:
            found.append((low, middle))
            low = middle
    return tuple(reversed(found))


def consistency_ranges(old: int, new: int) -> tuple[Range, ...]:
    """The ranges of leaves whose roots prove that a tree of `old` leaves is the beginning of one of `new`."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves is no beginning of one of {new}")
    if old in {0, new}:
        return ()
    found: list[Range] = []
    low, high, is_first = 0, new, True
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            found.append((middle, high))
            high = middle
        else:
            found.append((low, middle))
            low, is_first = middle, False
    return tuple(reversed(found if is_first else [*found, (low, high)]))


def _split(count: int) -> int:
    """The largest power of two smaller than this."""
    return 1 << (count - 1).bit_length() - 1


def proves_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], wanted: bytes) -> bool:
    """Say whether the proof leads from the leaf's hash to the wanted root (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    inside, last, found = index, size - 1, leaf
    for one in proof:
        if last == 0:
            return False
        if inside & 1 or inside == last:
            found = node_hash(one, found)
            inside, last = _up_to_one(inside, last)
        else:
            found = node_hash(found, one)
        inside, last = inside >> 1, last >> 1
    return last == 0 and found == wanted


def proves_consistency(sizes: tuple[int, int], proof: Sequence[bytes], roots: tuple[bytes, bytes]) -> bool:
    """Say whether the proof shows the older tree to be the newer one's beginning (RFC 9162 section 2.1.4.2)."""
    old, new = sizes
    if not 0 <= old <= new:
        return False
    if old in {0, new}:
        return not proof and roots[0] == (EMPTY if old == 0 else roots[1])
    path = [roots[0], *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    inside, last = old - 1, new - 1
    while inside & 1:
        inside, last = inside >> 1, last >> 1
    before = after = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if inside & 1 or inside == last:
            before, after = node_hash(one, before), node_hash(one, after)
            inside, last = _up_to_one(inside, last)
        else:
            after = node_hash(after, one)
        inside, last = inside >> 1, last >> 1
    return last == 0 and (before, after) == roots


def _up_to_one(inside: int, last: int) -> tuple[int, int]:
    """Leave out the levels at which the way to the right edge has no sibling."""
    while inside and not inside & 1:
        inside, last = inside >> 1, last >> 1
    return inside, last
