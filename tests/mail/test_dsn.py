"""Delivery reports: RFC 3464's own examples, and what servers send instead."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail.bounce_text import is_auto_reply
from cgbot.mail.dsn import Report, reports
from cgbot.mail.message import parse

# RFC 3464 appendix E.1
SIMPLE = b"""Reporting-MTA: dns; cs.utk.edu

Original-Recipient: rfc822;louisl@larry.slip.umd.edu
Final-Recipient: rfc822;louisl@larry.slip.umd.edu
Action: failed
Status: 4.0.0
Diagnostic-Code: smtp; 426 connection timed out
Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400
"""
# RFC 3464 appendix E.2
MULTIPLE = b"""Reporting-MTA: dns; cs.utk.edu

Original-Recipient: rfc822;arathib@vnet.ibm.com
Final-Recipient: rfc822;arathib@vnet.ibm.com
Action: failed
Status: 5.0.0 (permanent failure)
Diagnostic-Code: smtp;  550 'arathib@vnet.IBM.COM' is not a
 registered gateway user
Remote-MTA: dns; vnet.ibm.com

Original-Recipient: rfc822;johnh@hpnjld.njd.hp.com
Final-Recipient: rfc822;johnh@hpnjld.njd.hp.com
Action: delayed
Status: 4.0.0 (hpnjld.njd.jp.com: host name lookup failure)

Original-Recipient: rfc822;wsnell@sdcc13.ucsd.edu
Final-Recipient: rfc822;wsnell@sdcc13.ucsd.edu
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550 user unknown
Remote-MTA: dns; sdcc13.ucsd.edu
"""


def bounce(status: bytes, kind: str = "message/delivery-status") -> bytes:
    return (
        b"From: MAILER-DAEMON@example.org\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n'
        + f"Content-Type: {kind}\r\n\r\n".encode()
        + status.replace(b"\n", b"\r\n")
        + b"\r\n--b--\r\n"
    )


def test_a_simple_report() -> None:
    assert reports(parse(bounce(SIMPLE))) == (
        Report("louisl@larry.slip.umd.edu", "failed", "4.0.0", "426 connection timed out"),
    )


def test_one_report_for_each_recipient() -> None:
    found = reports(parse(bounce(MULTIPLE)))
    assert [(one.recipient, one.action, one.status, one.verdict) for one in found] == [
        ("arathib@vnet.ibm.com", "failed", "5.0.0", "hard"),
        ("johnh@hpnjld.njd.hp.com", "delayed", "4.0.0", "soft"),
        ("wsnell@sdcc13.ucsd.edu", "failed", "5.0.0", "hard"),
    ]
    assert found[0].diagnostic == "550 'arathib@vnet.IBM.COM' is not a registered gateway user"


def test_an_internationalised_report() -> None:
    """RFC 6533: the part has a type of its own and the address another one."""
    status = "Reporting-MTA: dns; x\n\nFinal-Recipient: utf-8; jörg@münchen.example\nAction: failed\nStatus: 5.1.1\n"
    (report,) = reports(parse(bounce(status.encode(), "message/global-delivery-status")))
    assert report == Report("jörg@münchen.example", "failed", "5.1.1", "")


@pytest.mark.parametrize(
    ("fields", "action", "status"),
    [
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.7.1 refused", "failed", "5.7.1"),
        ("Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.7.1 refused", "failed", "5.1.1"),
        ("Action: failed\nStatus: 4.0.0\nDiagnostic-Code: smtp; 550 5.7.1 refused", "failed", "4.0.0"),
        ("Action: failure\nStatus: 553 too large", "failed", "5.0.0"),
        ("Action: error\nStatus: 5.0.0", "failed", "5.0.0"),
        ("Action: expired", "failed", ""),
        ("Status: 5.3.0", "failed", "5.3.0"),
        ("Status: 4.4.1", "delayed", "4.4.1"),
        ("Action: DELIVERED (to mailbox)\nStatus: 2.1.5", "delivered", "2.1.5"),
        ("Action: relayed", "relayed", ""),
        ("Action: failed\nDiagnostic-Code: smtp; from 192.0.2.5.5.1.1.9 550 no", "failed", "5.0.0"),
    ],
)
def test_actions_and_codes_as_servers_write_them(fields: str, action: str, status: str) -> None:
    text = f"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.example\n{fields}\n"
    (report,) = reports(parse(bounce(text.encode())))
    assert (report.recipient, report.action, report.status) == ("a@b.example", action, status)


def test_fields_shown_as_text_and_exims_way_are_read() -> None:
    flat = b"From: x@y\r\n\r\nSorry.\r\n\r\n" + SIMPLE
    assert [one.recipient for one in reports(parse(flat))] == ["louisl@larry.slip.umd.edu"]
    exim = b"X-Failed-Recipients: a@b.example,\r\n c@d.example\r\n\r\n550 5.1.1 no such user\r\n"
    said = "550 5.1.1 no such user"
    assert reports(parse(exim)) == (
        Report("a@b.example", "failed", "5.1.1", said), Report("c@d.example", "failed", "5.1.1", said)
    )  # fmt: skip


@pytest.mark.parametrize(
    "raw", [b"", b"Subject: hello\r\n\r\nI am on holiday until 5.1.27\r\n", bounce(b""), bounce(b"\xff\x00")]
)
def test_what_is_no_report_says_nothing(raw: bytes) -> None:
    assert reports(parse(raw)) == ()


@given(st.binary(max_size=300))
def test_any_status_part_is_read(status: bytes) -> None:
    for report in reports(parse(bounce(b"Final-Recipient: rfc822;a@b\nAction: failed\n" + status))):
        assert report.diagnostic.isprintable() or report.diagnostic == ""


@pytest.mark.timeout(20)
def test_ten_thousand_recipients_are_bounded() -> None:
    block = b"Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n"
    assert len(reports(parse(bounce(block * 10_000)))) == 200


def test_every_case_of_flufl_bounce(corpora: Path) -> None:
    """The right people, and whether it may pass; what is no bounce says nothing."""
    folder = corpora / "03-bounces/flufl.bounce"
    wrong = []
    cases = json.loads((folder / "EXPECTED.share.json").read_text())["cases"]
    for case in cases:
        found = [one for one in reports(parse((folder / case["file"]).read_bytes())) if one.recipient]
        failed = {one.recipient.lower() for one in found if one.action == "failed"}
        delayed = {one.recipient.lower() for one in found if one.action == "delayed"}
        if failed != {one.lower() for one in case["permanent"]} or delayed != {
            one.lower() for one in case["temporary"]
        }:
            wrong.append((case["file"], failed, delayed))
    assert len(cases) >= 58
    assert wrong == []


def test_the_verdicts_of_sisimai(corpora: Path) -> None:
    """
    At least 97 % right; a verdict is right when so many recipients are hard and so many are not.

    Answers of programs, complaints and reports of success are no failures. The rest that differs is known: servers
    that say "user unknown" and are said to mean a filter, by rules for single operators.
    """
    folder = corpora / "03-bounces/sisimai"
    cases = json.loads((folder / "EXPECTED.share.json").read_text())["cases"]
    right = total = 0
    missed = []
    for case in cases:
        found = [one.verdict for one in reports(parse((folder / case["file"]).read_bytes()))]
        failed = Counter("hard" if one == "hard" else "soft" for one in found if one)
        wanted = Counter(_expected(one) for one in case["expected"])
        if not failed:
            failed["none"] = wanted["none"]
        if case["class"] in {"vacation", "feedback"}:
            assert not failed["hard"] + failed["soft"], case["file"]
        hits = sum((failed & wanted).values())
        right += hits
        total += sum(wanted.values())
        missed += [case["file"]] if hits < sum(wanted.values()) else []
    assert total >= 309
    assert right / total >= 0.97, missed


def _expected(one: Mapping[str, object]) -> str:
    if one["reason"] in {"vacation", "feedback", "delivered"}:
        return "none"
    return "hard" if one["hard"] else "soft"


def test_no_bounce_and_no_answer_of_a_program_raises(corpora: Path) -> None:
    """Every file of the corpora, also cut short and with bare CR; automatic answers and complaints are no bounces."""
    files = [one for one in (corpora / "03-bounces").rglob("*") if one.suffix in {".eml", ".txt"}]
    assert len(files) >= 500
    counted = []
    for file in files:
        raw = file.read_bytes()
        for some in (raw, raw[: len(raw) // 2]):
            found = reports(parse(some))
            if found and file.name.startswith(("rfc3834", "arf")):
                counted.append(file.name)
    assert counted == []


@pytest.mark.parametrize(
    "head",
    [
        b"Subject: Automatic reply: your post",
        b"Subject: Out of office",
        b"Subject: R\xc3\xa9ponse automatique : en cong\xc3\xa9",
        b"Subject: x\r\nX-Autoreply: yes",
        b"Subject: Re: x\r\nAuto-Submitted: auto-replied (vacation)",
        b"Subject: Please confirm your message",
    ],
)
def test_an_answer_of_a_program_is_no_bounce_whatever_it_says(head: bytes) -> None:
    raw = (
        b"From: zoe@example.org\r\n"
        + head
        + b"\r\n\r\nYour mail to zoe@example.org could not be delivered to me: 550\r\n"
    )
    assert is_auto_reply(parse(raw))
    assert reports(parse(raw)) == ()
