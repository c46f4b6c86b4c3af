"""Proofs as files: C2SP's example is read and written again; a message is proven, or not, without a database."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.archive import merkle, note, proof
from cgbot.archive.leaf import ErasureLeaf, PostLeaf, read_post
from cgbot.archive.note import Checkpoint, NotProven, Signer
from cgbot.archive.proof import Consistency, Inclusion
from cgbot.errors import Malformed

SIGNER = Signer("lists.example.org/cg-aisec", bytes(range(32)))
RAW = b"From: alice@example.org\r\n\r\nDear all\r\n"
SALT = bytes(range(16))
AT = datetime(2027, 5, 3, 8, 0, 0, 250000, tzinfo=UTC)
POST = PostLeaf(1, 17, hashlib.sha256(RAW).digest(), AT)
LEAVES = [POST.hash(SALT), *(merkle.leaf_hash(b"%d" % n) for n in range(1, 6))]
# The body of tlog-witness's example request.
REQUEST = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""  # noqa: E501 - as it stands there


def head(size: int) -> str:
    return note.sign(Checkpoint(SIGNER.name, size, merkle.root(LEAVES[:size])).text(), [SIGNER])


def inclusion(size: int = 6) -> Inclusion:
    path = tuple(merkle.root(LEAVES[low:high]) for low, high in merkle.inclusion_ranges(0, size))
    return Inclusion(POST.data(SALT), 0, path, head(size))


def consistency(old: int, new: int) -> Consistency:
    path = tuple(merkle.root(LEAVES[low:high]) for low, high in merkle.consistency_ranges(old, new))
    return Consistency(old, path, head(new))


def test_a_leaf_is_written_as_the_page_says() -> None:
    assert POST.data(SALT) == (
        b"cgbot post 1\ngroup 1\npost 17\n"
        b"sha256 " + hashlib.sha256(RAW).hexdigest().encode() + b"\n"
        b"received 2027-05-03T08:00:00.250000Z\nsalt 000102030405060708090a0b0c0d0e0f\n"
    )
    assert POST.hash(SALT) == hashlib.sha256(b"\0" + POST.data(SALT)).digest()
    assert read_post(POST.data(SALT)) == POST
    gone = ErasureLeaf(1, 17, POST.hash(SALT), AT, "carol@example.org", "asked by its author")
    assert gone.data(SALT) == (
        b"cgbot erasure 1\ngroup 1\npost 17\nleaf " + POST.hash(SALT).hex().encode() + b"\n"
        b"erased 2027-05-03T08:00:00.250000Z\nby carol@example.org\nreason asked by its author\n"
        b"salt 000102030405060708090a0b0c0d0e0f\n"
    )
    assert gone.hash(SALT) == merkle.leaf_hash(gone.data(SALT))


@pytest.mark.parametrize("data", [b"", b"\xff", POST.data(SALT)[:-1], POST.data(SALT).replace(b"-05-", b"-13-")])
def test_what_is_no_leaf_of_a_post_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_post(data)


def test_a_message_is_proven_without_a_database() -> None:
    text = inclusion().text()
    assert text.startswith("c2sp.org/tlog-proof@v1\nextra ")
    found = proof.check_inclusion(proof.read_inclusion(text), [SIGNER.verifier], RAW)
    assert (found.leaf, found.index, found.checkpoint.size) == (POST, 0, 6)
    assert proof.read_inclusion(text) == inclusion()
    alone = inclusion(1)
    assert proof.check_inclusion(proof.read_inclusion(alone.text()), [SIGNER.verifier], RAW).checkpoint.size == 1


def test_what_does_not_fit_is_not_proven() -> None:
    given, keys = inclusion(), [SIGNER.verifier]
    with pytest.raises(NotProven, match="not the one that was archived"):
        proof.check_inclusion(given, keys, RAW + b"x")
    other = PostLeaf(1, 18, POST.sha256, AT)
    for wrong in (
        Inclusion(other.data(SALT), 0, given.path, given.checkpoint),
        Inclusion(given.data, 1, given.path, given.checkpoint),
        Inclusion(given.data, 0, given.path[1:], given.checkpoint),
        Inclusion(given.data, 0, given.path, head(5)),
    ):
        with pytest.raises(NotProven, match="does not lead"):
            proof.check_inclusion(wrong, keys, RAW)
    with pytest.raises(NotProven, match="none of the known keys"):
        proof.check_inclusion(given, [Signer(SIGNER.name, bytes(32)).verifier], RAW)
    with pytest.raises(NotProven, match="does not fit"):
        proof.check_inclusion(
            Inclusion(given.data, 0, given.path, given.checkpoint.replace("\n6\n", "\n7\n")), keys, RAW
        )


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_no_octet_of_a_proof_can_change(place: int, octet: int) -> None:
    text = inclusion().text().encode()
    place %= len(text)
    changed = (text[:place] + bytes([octet]) + text[place + 1 :]).decode("utf-8", "replace")
    if changed == text.decode():
        return
    with pytest.raises((Malformed, NotProven)):
        proof.check_inclusion(proof.read_inclusion(changed), [SIGNER.verifier], RAW)


def test_a_log_that_only_grew_is_proven() -> None:
    for old in range(1, 6):
        text = consistency(old, 6).text()
        before, after = proof.check_consistency(proof.read_consistency(text), [SIGNER.verifier], head(old))
        assert (before.size, after.size) == (old, 6)


def test_a_log_that_changed_is_not() -> None:
    given, keys = consistency(3, 6), [SIGNER.verifier]
    with pytest.raises(NotProven, match="not about this checkpoint"):
        proof.check_consistency(given, keys, head(4))
    forged = note.sign(Checkpoint(SIGNER.name, 3, bytes(32)).text(), [SIGNER])
    with pytest.raises(NotProven, match="is not the beginning"):
        proof.check_consistency(given, keys, forged)
    elsewhere = Signer("lists.example.org/other", bytes(range(32)))
    foreign = note.sign(Checkpoint(elsewhere.name, 3, merkle.root(LEAVES[:3])).text(), [elsewhere])
    with pytest.raises(NotProven, match="not about this checkpoint"):
        proof.check_consistency(given, [*keys, elsewhere.verifier], foreign)


def test_the_example_request_is_read_and_written_again() -> None:
    found = proof.read_consistency(REQUEST)
    assert found.old == 20852014
    assert len(found.path) == 4
    assert found.text() == REQUEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\n\n",
        "c2sp.org/tlog-proof@v1\nindex 00\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n",
        "c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + 64 * "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n" + "\n",
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        proof.read_inclusion(text)
    with pytest.raises(Malformed):
        proof.read_consistency(text)
