"""Feedback reports (RFC 5965): what they are about, and what they quote of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cgbot.mail.feedback import read
from cgbot.mail.message import parse


def test_the_reports_of_the_corpus(corpora: Path) -> None:
    folder = corpora / "03-bounces/mail-auth-arf/arf"
    files = sorted(folder.glob("*.eml"))
    assert len(files) >= 5
    for file in files:
        expected = json.loads(file.with_suffix(".json").read_text())
        found = read(parse(file.read_bytes()))
        assert found is not None, file.name
        kind = expected["feedback_type"].lower().replace("authfailure", "auth-failure")
        recipient = (expected["original_rcpt_to"] or "").strip("<>")
        assert (found.kind, found.recipient) == (kind, recipient), file.name
        assert found.is_complaint == (kind == "abuse"), file.name


@pytest.mark.parametrize("raw", [b"", b"\xff\x00", b"From: a@b\r\n\r\nFeedback-Type: abuse\r\n"])
def test_other_mail_is_no_report(raw: bytes) -> None:
    assert read(parse(raw)) is None


def test_what_a_report_quotes_is_found_also_folded() -> None:
    raw = (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: Abuse\r\n"
        b"Original-Mail-From: <cg-x-bounces+C.1.abcdefghijklmnop@lists.example.org>\r\n\r\n"
        b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nList-Unsubscribe: <mailto:a@b>,\r\n"
        b" <https://cg.example.org/leave/cg-x/1-abcdefghijklmnop>\r\n\r\n--b--\r\n"
    )
    found = read(parse(raw))
    assert found is not None
    assert found.paths == (("cg-x", "c.1.abcdefghijklmnop"),)
    assert found.links == (("cg-x", "1-abcdefghijklmnop"),)
