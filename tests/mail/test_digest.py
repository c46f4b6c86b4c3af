"""Several posts in one mail, as RFC 2046 section 5.1.5 and RFC 1153 have it."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail import digest
from cgbot.mail import message as messages
from cgbot.mail.digest import Entry

LINK = "https://cg.example.org/cg-aisec/AAAA/"


def entry(raw: bytes) -> Entry:
    return Entry(messages.parse(raw), LINK)


def parts(*entries: Entry) -> list[EmailMessage]:
    found = email.message_from_bytes(digest.mime(entries, "seed").body, policy=email.policy.default)
    assert found.get_content_type() == "multipart/digest"
    return [part.get_content() for part in found.iter_parts()]


def test_only_what_a_reader_wants_travels_and_the_body_untouched() -> None:
    raw = (
        b"Received: from a\r\nBcc: secret@x.org\r\nX-Spam: 1\r\nFrom: A <a@x.org>\r\nSubject: =?utf-8?q?Gr=C3=BC?=\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    )
    (one,) = parts(entry(raw))
    assert one.keys() == ["From", "Subject", "Content-Type", "Content-Transfer-Encoding"]
    assert (str(one["Subject"]), one.get_content()) == ("Grü", "Grüße\r\n")
    whole = digest.mime([entry(raw)], "seed").body
    assert whole.count(b"Content-Transfer-Encoding: 8bit") == 3  # declared outside too (RFC 2045 section 6.4)


def test_a_large_post_travels_as_its_text() -> None:
    attachment = "x" * digest.LARGEST
    raw = (
        "From: a@x.org\r\nSubject: Slides\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nSee the slides.\r\n--b\r\nContent-Type: application/pdf\r\n"
        f"Content-Disposition: attachment; filename=slides.pdf\r\n\r\n{attachment}\r\n--b--\r\n"
    ).encode()
    (one,) = parts(entry(raw))
    assert (one.get_content_type(), str(one["Subject"])) == ("text/plain", "Slides")
    assert one.get_content() == f"See the slides.\n\nWhole, with its attachments: {LINK}\n  slides.pdf\n"


@given(st.lists(st.text(max_size=80), max_size=12))
def test_no_post_can_end_a_digest(lines: list[str]) -> None:
    """The posts of a plain digest are told apart by lines of 30 hyphens, whatever is in them."""
    text = "\r\n".join([*lines, "-" * 30, f"  {'-' * 30} "])
    one = entry(b"From: a@x.org\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode("utf-8", "replace"))
    found = digest.plain([one, one], "X Digest", "End of X Digest").split("\n")
    assert found.count("-" * 70) >= 1
    assert found.count("-" * 30) == 2  # between the two, and before the end
