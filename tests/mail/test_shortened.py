"""Links in the place of large attachments."""

from __future__ import annotations

import email
import email.policy

import pytest

from cgbot.mail import shortened

PAGE = "https://cg.example.org/cg-aisec/AAAA/"


def message(*sizes: int, head: bytes = b"") -> bytes:
    parts = b"".join(
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        + b'Content-Disposition: attachment; filename="slides-%d.pdf"\r\n\r\n' % number
        + b"AAAA\r\n" * (size // 3)
        for number, size in enumerate(sizes)
    )
    return (
        b"From: a@x.org\r\nSubject: =?utf-8?q?Gr=C3=BC?=\r\nMIME-Version: 1.0\r\n" + head
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + "Grüße,\r\n.\r\nFrom me\r\n".encode() + parts + b"--b--\r\n"
    )  # fmt: skip


def test_only_parts_over_a_megabyte_are_replaced() -> None:
    found = shortened.shorten(message(600_000, 2_400_000), PAGE)
    assert found is not None
    assert len(found) < 1_300_000
    assert b"\n" not in found.replace(b"\r\n", b"")
    text, small, large = email.message_from_bytes(found, policy=email.policy.default).iter_parts()
    assert text.get_content() == "Grüße,\r\n.\r\nFrom me"
    assert (small.get_filename(), len(small.get_content())) == ("slides-0.pdf", 600_000)
    assert large.get_all("Content-Type") == ['text/plain; charset="utf-8"']
    assert large.get_content() == f"[slides-1.pdf, 2.4 MB, is in the archive: {PAGE}]\n"
    assert found.startswith(b"From: a@x.org\r\nSubject: =?utf-8?q?Gr=C3=BC?=\r\n")


@pytest.mark.parametrize(
    "raw",
    [
        message(),
        message(900_000, 900_000),  # large together, each of them small
        b"From: a@x.org\r\n\r\n" + b"x" * 2_000_000,  # a text is no attachment
        b"\xff" * 2_000_000,
        message(2_000_000).replace(b"boundary=b", b"boundary=\xff\xfe"),
        message(2_000_000).replace(b"multipart/mixed", b"multipart/signed"),
    ],
    ids=["small", "many", "text", "octets", "boundary", "signed"],
)
def test_what_stays_whole(raw: bytes) -> None:
    assert shortened.shorten(raw, PAGE) is None
