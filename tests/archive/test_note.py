"""Signed notes and checkpoints: the keys and notes of golang.org/x/mod/sumdb/note and of C2SP's pages."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.archive import note
from cgbot.archive.note import Checkpoint, NotProven, Signer, Verifier
from cgbot.errors import Malformed

KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
SIGNED = f"{TEXT}\n{LINE}"
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
# tlog-checkpoint's example.
HEAD = (
    f"example.com/behind-the-sofa\n20852163\n{ROOT}\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)


def test_the_reference_key_signs_the_reference_note() -> None:
    signer = Signer("PeterNeumann", SEED)
    assert str(signer.verifier) == KEY
    assert note.verifier(KEY) == signer.verifier
    assert note.sign(TEXT, [signer]) == SIGNED
    assert note.opened(SIGNED, [note.verifier(KEY)]) == TEXT
    assert SEED.hex() not in repr(signer)
    assert repr(SEED) not in repr(signer)


def test_no_mangled_key_is_read() -> None:
    for start in range(len(KEY)):
        for end in range(start + 1, len(KEY) + 1):
            if (start, end) != (0, len(KEY)):
                with pytest.raises(Malformed):
                    note.verifier(KEY[start:end])
    for at in range(len(KEY)):
        with pytest.raises(Malformed):
            note.verifier(KEY[:at] + chr(ord(KEY[at]) + 1) + KEY[at + 1 :])
    for wrong in (
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "",
    ):
        with pytest.raises(Malformed):
            note.verifier(wrong)


def test_signatures_of_others_are_ignored_and_damaged_ones_refuse_the_note() -> None:
    peter, other = note.verifier(KEY), Signer("example.org/other", bytes(range(32)))
    both = note.sign(TEXT, [other, Signer("PeterNeumann", SEED)])
    assert note.opened(both, [peter]) == note.opened(both, [other.verifier]) == TEXT
    with pytest.raises(NotProven, match="none of the known keys"):
        note.opened(SIGNED, [other.verifier])
    with pytest.raises(NotProven, match="none of the known keys"):
        note.opened(SIGNED, [Verifier("PeterNeumann", other.verifier.public)])  # the same name, another number
    damaged = both.replace("cryptography", "Cryptography")
    for keys in ([peter], [other.verifier], [peter, other.verifier]):
        with pytest.raises(NotProven, match="does not fit"):
            note.opened(damaged, keys)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        LINE,
        SIGNED[:-1],
        SIGNED + "\n",
        SIGNED.replace("— P", "- P"),
        SIGNED.replace("— P", "—P"),
        SIGNED.replace("NeumannOM", "Neumann+OM").replace("PeterNeumann x", "PeterNeu+mann x"),
        SIGNED.replace("x08go", "x08\ngo"),
        SIGNED.replace("AM=\n", "AM\n"),
        SIGNED.replace("AM=\n", "AN=\n"),  # not the canonical form of what it says
        SIGNED.replace("If you", "If\tyou"),
        f"{TEXT}\n— PeterNeumann x08g\n",
        f"{TEXT}\n{LINE * 101}",
        f"{'a' * (1 << 20)}\n\n{LINE}",
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        note.opened(text, [note.verifier(KEY)])


def test_a_text_may_hold_empty_lines() -> None:
    signer = Signer("example.org/log", SEED)
    text = "one\n\ntwo\n\n— three\n"
    assert note.opened(note.sign(text, [signer]), [signer.verifier]) == text


def test_the_example_checkpoint() -> None:
    text, signatures = note.split(HEAD)
    found = note.read(text)
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20852163)
    assert found.text() == text
    assert [one.name for one in signatures] == [found.origin]


@pytest.mark.parametrize(
    "text",
    ["", "a\n1\n", f"a\n01\n{ROOT}\n", f"a\n-1\n{ROOT}\n", f"\n1\n{ROOT}\n", "a\n1\nAAAA\n", f"a\n1\n{ROOT}\n\nb\n"],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        note.read(text)


@given(st.integers(0, 10**18), st.binary(min_size=32, max_size=32))
def test_what_is_signed_is_read_again(size: int, root: bytes) -> None:
    signer = Signer("lists.example.org/cg-aisec", SEED)
    head = Checkpoint(signer.name, size, root)
    assert note.checkpoint(note.sign(head.text(), [signer]), [signer.verifier]) == head


def test_a_checkpoint_is_found_in_a_mail() -> None:
    assert note.find(f"Dear Carol,\r\n\r\n  Keep this.\r\n\r\n{HEAD}\r\nBye\r\n".replace("\n", "\r\n")) == HEAD
    assert note.find(HEAD) == HEAD
    for nothing in ("", SIGNED, HEAD.replace("— ", ""), "a\n" * 10_000):
        with pytest.raises(Malformed):
            note.find(nothing)
