"""Merkle trees: the reference tree of RFC 6962's implementation, and proofs over trees of every small size."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbot.archive import merkle

# The data and roots of certificate-transparency's merkle tree test, for 1 to 8 leaves.
DATA = [
    bytes.fromhex(one)
    for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [merkle.leaf_hash(one) for one in DATA]
# Leaf, size, proof: the reference implementation's own, whose test counts leaves from 1.
INCLUSIONS = [
    (0, 1, ""),
    (
        0,
        8,
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 "
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (
        5,
        8,
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b "
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 "
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
]
CONSISTENCIES = [
    (1, 1, ""),
    (
        1,
        8,
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 "
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (
        6,
        8,
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a "
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 "
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (
        2,
        5,
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
]


def of(text: str) -> list[bytes]:
    return [bytes.fromhex(one) for one in text.split()]


def parts(ranges: tuple[merkle.Range, ...], leaves: list[bytes]) -> list[bytes]:
    return [merkle.root(leaves[low:high]) for low, high in ranges]


def numbered(count: int) -> list[bytes]:
    return [merkle.leaf_hash(b"%d" % number) for number in range(count)]


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH as RFC 9162 section 2.1.1 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + by_definition(leaves[:k]) + by_definition(leaves[k:])).digest()


def test_roots_of_the_reference_tree() -> None:
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [merkle.root(LEAVES[:size]).hex() for size in range(1, 9)] == ROOTS


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_inclusion_proofs_of_the_reference_tree(index: int, size: int, proof: str) -> None:
    assert parts(merkle.inclusion_ranges(index, size), LEAVES) == of(proof)
    root = bytes.fromhex(ROOTS[size - 1])
    assert merkle.proves_inclusion(index, size, LEAVES[index], of(proof), root)
    for wrong in (
        (index, size, LEAVES[index], [*of(proof), root], root),
        (index, size, LEAVES[index], [bytes(32), *of(proof)], root),
        (index, size, LEAVES[-1 - index], of(proof), root),
        (index, size, LEAVES[index], of(proof), bytes(32)),
        (size, size, LEAVES[index], of(proof), root),
        (-1, size, LEAVES[index], of(proof), root),
    ):
        assert not merkle.proves_inclusion(*wrong)
    if proof:
        assert not merkle.proves_inclusion(index, size, LEAVES[index], of(proof)[:-1], root)
        assert not merkle.proves_inclusion(index ^ 1, size, LEAVES[index], of(proof), root)


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCIES)
def test_consistency_proofs_of_the_reference_tree(old: int, new: int, proof: str) -> None:
    assert parts(merkle.consistency_ranges(old, new), LEAVES) == of(proof)
    roots = (bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1]))
    assert merkle.proves_consistency((old, new), of(proof), roots)
    for wrong in (
        ((old, new), [*of(proof), roots[0]], roots),
        ((old, new), of(proof), (bytes(32), roots[1])),
        ((old, new), of(proof), (roots[0], bytes(32))),
        ((new, old - 1), of(proof), roots),
        ((-1, new), of(proof), roots),
    ):
        assert not merkle.proves_consistency(*wrong)
    if proof:
        assert not merkle.proves_consistency((old, new), [], roots)
        assert not merkle.proves_consistency((old, new), of(proof)[:-1], roots)
        assert not merkle.proves_consistency((old, new), of(proof)[::-1], roots)


def test_nothing_is_the_beginning_of_everything() -> None:
    empty = merkle.root([])
    assert merkle.consistency_ranges(0, 8) == ()
    assert merkle.proves_consistency((0, 8), [], (empty, bytes.fromhex(ROOTS[7])))
    assert not merkle.proves_consistency((0, 8), [], (bytes(32), bytes.fromhex(ROOTS[7])))
    assert merkle.proves_consistency((0, 0), [], (empty, empty))


def test_what_is_not_in_a_tree_has_no_proof() -> None:
    for index, size in ((0, 0), (3, 3), (-1, 3)):
        with pytest.raises(ValueError, match="has none of number"):
            merkle.inclusion_ranges(index, size)
    for old, new in ((4, 3), (-1, 3)):
        with pytest.raises(ValueError, match="no beginning"):
            merkle.consistency_ranges(old, new)


def test_every_proof_of_every_small_tree() -> None:
    leaves = numbered(33)
    roots = [merkle.root(leaves[:size]) for size in range(34)]
    assert roots == [by_definition(leaves[:size]) for size in range(34)]
    for size in range(1, 34):
        for number in range(size):
            proof = parts(merkle.inclusion_ranges(number, size), leaves)
            assert merkle.proves_inclusion(number, size, leaves[number], proof, roots[size])
        for old in range(size + 1):
            proof = parts(merkle.consistency_ranges(old, size), leaves)
            assert merkle.proves_consistency((old, size), proof, (roots[old], roots[size]))


@given(st.integers(1, 600), st.integers(0, 8))
@settings(deadline=None, max_examples=60)
def test_complete_subtrees_stand_for_their_leaves(count: int, height: int) -> None:
    """What makes it enough to keep the roots of every 256 leaves."""
    leaves, step = numbered(count), 1 << height
    assert merkle.root(merkle.root(leaves[at : at + step]) for at in range(0, count, step)) == merkle.root(leaves)


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_no_damaged_proof_is_taken(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    index = data.draw(st.integers(0, size - 1))
    leaves = numbered(size)
    root = merkle.root(leaves)
    proof = parts(merkle.inclusion_ranges(index, size), leaves)
    assert merkle.proves_inclusion(index, size, leaves[index], proof, root)
    at = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    proof[at] = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
    assert not merkle.proves_inclusion(index, size, leaves[index], proof, root)
    old = data.draw(st.integers(1, size - 1))
    steps = parts(merkle.consistency_ranges(old, size), leaves)
    roots = (merkle.root(leaves[:old]), root)
    assert merkle.proves_consistency((old, size), steps, roots)
    at = data.draw(st.integers(0, len(steps) - 1))
    steps[at] = (int.from_bytes(steps[at], "big") ^ 1 << bit).to_bytes(32, "big")
    assert not merkle.proves_consistency((old, size), steps, roots)
