"""What goes over the wire of one copy: RFC 5321 section 4.5.2, RFC 6152, RFC 6531, RFC 1870."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbot.outbox import wire
from cgbot.outbox.transport_maildir import MaildirTransport
from cgbot.outbox.wire import Offer, Outgoing, dotted, impossible, parameters, slices

PLAIN = Offer(pipelining=True, eight_bit=False, utf8=False, size=None)
FULL = Offer(pipelining=True, eight_bit=True, utf8=True, size=1000)
LINES = st.lists(st.sampled_from([b"", b".", b"..", b"text", b".text", b"a\nb", b"\r", b"x" * 50]), max_size=60)


@settings(max_examples=300)
@given(lines=LINES, end=st.sampled_from([b"", b"\r\n", b"\n"]), cut=st.integers(0, 400), step=st.integers(1, 80))
def test_slices_are_the_whole_however_it_is_cut(lines: list[bytes], end: bytes, cut: int, step: int) -> None:
    raw = b"Subject: x\r\n\r\n" + b"\r\n".join(lines) + end
    cut = min(cut, len(raw))
    was, wire.SLICE = wire.SLICE, step  # type: ignore[misc]  # short pieces
    try:
        shared = list(slices(Outgoing("", "a@x.org", b"Head: 1\r\n" + raw[:cut], raw, cut)))
        alone = list(slices(Outgoing("", "a@x.org", raw)))
    finally:
        wire.SLICE = was  # type: ignore[misc]
    assert b"".join(alone) == dotted(raw)
    assert b"".join(shared) == dotted(b"Head: 1\r\n" + raw)
    assert all(piece.endswith(b"\r\n") for piece in alone)


def test_mail_beyond_ascii_needs_8bitmime() -> None:
    """RFC 6152 section 3; the reply of RFC 3463 section 3.7: conversion required but not supported."""
    copy = Outgoing("b@x.org", "a@x.org", "Subject: x\r\n\r\ncafé\r\n".encode())
    refused = impossible(copy, PLAIN)
    assert refused is not None
    assert (refused.kind, refused.reply[:9]) == ("failed", "550 5.6.3")
    assert "8BITMIME" in refused.reply
    assert impossible(copy, FULL) is None
    assert parameters(copy, FULL) == " SIZE=21 BODY=8BITMIME"
    assert impossible(Outgoing("b@x.org", "a@x.org", b"Subject: x\r\n\r\ncafe\r\n"), PLAIN) is None


@pytest.mark.parametrize(("head", "body"), [("é", ""), ("", "é")])
def test_one_octet_beyond_ascii_is_enough(head: str, body: str) -> None:
    copy = Outgoing("b@x.org", "a@x.org", f"Subject: {head}\r\n".encode(), f"\r\n{body}\r\n".encode(), 0)
    assert not copy.is_ascii
    assert impossible(copy, PLAIN) is not None


def test_the_size_is_that_of_the_whole() -> None:
    copy = Outgoing("", "a@x.org", b"x" * 400, b"y" * 700, 100)
    assert copy.size == 1000
    assert impossible(copy, FULL) is None
    refused = impossible(Outgoing("", "a@x.org", b"x" * 401, b"y" * 700, 100), FULL)
    assert refused is not None
    assert refused.reply.startswith("552 5.3.4 1001 octets")


@pytest.mark.anyio
async def test_a_maildir_gets_the_whole(tmp_path: Path) -> None:
    copy = Outgoing("", "a@x.org", b"Subject: x\r\n", b"....\r\nbody\r\n", 4)
    assert (await MaildirTransport(tmp_path, "1.0").send(copy)).kind == "sent"
    (file,) = (tmp_path / "a@x.org" / "new").iterdir()
    assert file.read_bytes().endswith(b"Delivered-To: a@x.org\r\nSubject: x\r\n\r\nbody\r\n")
