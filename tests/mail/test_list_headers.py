"""What a list adds to a post, what it leaves alone, and whom it must not answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail import headers, identity
from cgbot.mail.frozen import fill
from cgbot.mail.list_headers import (
    HOPS,
    ONE_CLICK,
    ListHeaders,
    forward,
    hops,
    is_automatic,
    list_ids,
    may_be_answered,
    redistribute,
    seen_here,
)
from cgbot.mail.message import parse

LIST = ListHeaders(
    group="cg-aisec",
    domain="lists.example.org",
    list_id="cg-aisec.lists.example.org",
    title="Correspondence Group on AI Security",
    archive_url="https://cg.example.org/cg-aisec/",
)
LINK = "https://cg.example.org/cg-aisec/ABC/"
VALUES = {ONE_CLICK: "https://cg.example.org/leave/cg-aisec/1-abc"}
ADDED = (
    b'List-Id: "Correspondence Group on AI Security" <cg-aisec.lists.example.org>\r\n'
    b"List-Post: <mailto:cg-aisec@lists.example.org>\r\n"
    b"List-Help: <mailto:cg-aisec-request@lists.example.org?subject=help>\r\n"
    b"List-Subscribe: <mailto:cg-aisec-join@lists.example.org>\r\n"
    b"List-Owner: <mailto:cg-aisec-owner@lists.example.org>\r\n"
    b"List-Archive: <https://cg.example.org/cg-aisec/>\r\n"
    b"Precedence: list\r\n"
    b"Archived-At: <https://cg.example.org/cg-aisec/ABC/>\r\n"
    b"List-Unsubscribe: <mailto:cg-aisec-leave@lists.example.org>, <https://cg.example.org/leave/cg-aisec/1-abc>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
)
FIELDS = (
    b"From: Ann <a@example.com>\r\nSubject: =?utf-8?q?x?=\r\n  folded \r\nMessage-ID: <1@example.com>\r\n"
    b"DKIM-Signature: v=1;\r\n b=x\r\n"
)
BODY = b"Hello\r\n-- \r\nAnn\t \r\n\xff\r\n"


def copy(raw: bytes, **kwargs: tuple[str, ...]) -> bytes:
    return fill(redistribute(raw, LIST, LINK, **kwargs), VALUES)


def test_a_post_goes_out_as_it_came_in_with_the_lists_fields_on_top() -> None:
    raw = FIELDS + b"\r\n" + BODY
    assert copy(raw) == ADDED + raw


def test_what_must_not_travel_is_left_out_and_nothing_else() -> None:
    stay = (
        b"Return-Path: <a@example.com>\r\n", b"delivered-to: x@y\r\n", b"BCC: s@example.com,\r\n o@example.com\r\n",
        b"Disposition-Notification-To: a@example.com\r\n", b"Return-Receipt-To: a@example.com\r\n", b"X-PMRQC: 1\r\n",
        b"X-Confirm-Reading-To: a@example.com\r\n", b"Approved: password\r\n", b"Approve: password\r\n",
        b"X-Approve: password\r\n", b"Urgent: password\r\n", b"List-Id: <other.example.net>\r\n",
        b"List-Unsubscribe: <mailto:x@y>\r\n", b"List-Software: x\r\n", b"Precedence: bulk\r\n", b"Archived-At: <https://x>\r\n",
    )  # fmt: skip
    travel = (
        b"Received: from a by b\r\n",
        b"Sender: s@example.com\r\n",
        b"Reply-To: r@example.com\r\n",
        b"X-Odd : y\n",
    )
    mixed = b"".join(one + other for one, other in zip(stay, travel * 4, strict=True))
    assert copy(mixed + FIELDS + b"\r\n" + BODY) == ADDED + b"".join(travel * 4) + FIELDS + b"\r\n" + BODY


def test_results_of_our_own_servers_stay_here() -> None:
    ours = b"Authentication-Results: mx.example.org;\r\n dmarc=pass header.from=example.com\r\n"
    others = b"Authentication-Results: mx.example.net; none\r\n"
    raw = ours + others + FIELDS + b"\r\n" + BODY
    assert copy(raw, ours=("MX.example.org",)) == ADDED + others + FIELDS + b"\r\n" + BODY
    assert copy(raw) == ADDED + raw


def test_a_post_without_an_id_goes_out_with_the_one_of_the_archive() -> None:
    raw = b"From: a@example.com\r\n\r\nx\r\n"
    made = identity.made_up(identity.content_hash(raw))
    assert parse(copy(raw)).message_id == made


@pytest.mark.parametrize(
    "start", [b"From ann Mon May  3 08:00:00 2027\r\n", b"garbage\r\n", b"  leading blank\r\n", b">From x\r\n more\r\n"]
)
def test_a_line_that_is_no_field_does_not_end_the_header(start: bytes) -> None:
    assert copy(start + FIELDS + b"\r\n" + BODY) == ADDED + FIELDS + b"\r\n" + BODY


@pytest.mark.parametrize(
    "raw", [b"\r\nonly a body", b"", b"Subject: only", b"Bcc: x\r\n\r\nbody", b"Bcc: x\r\n", b"junk"]
)
def test_odd_messages_still_have_a_header_and_a_body(raw: bytes) -> None:
    block, body = headers.split(copy(raw))
    assert body == headers.split(raw)[1]
    assert block.startswith(ADDED)
    assert all(name for name, piece in headers.cut(block) if piece.strip())


@given(st.binary(max_size=200))
def test_the_body_of_anything_stays_byte_for_byte(raw: bytes) -> None:
    assert copy(raw).endswith(headers.split(raw)[1])


def test_a_title_in_any_script_gives_a_plain_identifier() -> None:
    for title in ("Groupe «IA»\r\nBcc: x", "安全", "", "x" * 2000):
        field = headers.fields(fill(replace(LIST, title=title).fields(), VALUES))[0]
        assert field.raw.isascii()
        assert len(field.raw) < 998
        assert list_ids(parse(field.raw + b"\r\n")) == ("cg-aisec.lists.example.org",)


def test_a_copy_of_ours_that_comes_back_is_known() -> None:
    back = parse(b"Received: x\r\n" + copy(FIELDS + b"\r\n" + BODY))
    assert seen_here(back, "CG-AISEC.lists.example.org")
    assert not seen_here(back, "other.lists.example.org")
    assert not seen_here(parse(FIELDS + b"\r\n"), "cg-aisec.lists.example.org")


def test_too_many_hops_are_a_loop() -> None:
    at_most = parse(b"Received: x\r\n" * HOPS + FIELDS + b"\r\n")
    assert hops(at_most) == 50
    assert not seen_here(at_most, "cg-aisec.lists.example.org")
    assert seen_here(parse(b"received: x\r\n" * (HOPS + 1) + FIELDS + b"\r\n"), "cg-aisec.lists.example.org")


def test_what_is_forwarded_to_people_is_whole() -> None:
    raw = b"Return-Path: <a@example.com>\r\n" + FIELDS + b"\r\n" + BODY
    frozen = forward(raw, "cg-aisec-owner@lists.example.org")
    assert frozen.body == b"Delivered-To: cg-aisec-owner@lists.example.org\r\n" + FIELDS + b"\r\n" + BODY


@pytest.mark.parametrize(
    ("field", "automatic", "answered"),
    [
        ("X-Mailer: x", False, True),
        ("Auto-Submitted: no", False, True),
        ("Auto-Submitted: auto-replied", True, False),
        ("Auto-Submitted: auto-generated; owner-email=x@y", True, False),
        ("auto-submitted: Auto-Notified", True, False),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=b", True, False),
        ("X-Autoreply: yes", True, False),
        ("Precedence: bulk", False, False),
        ("Precedence: Junk", False, False),
        ("List-Id: x <x.example.org>", False, False),
        ("X-Auto-Response-Suppress: DR, OOF, AutoReply", False, False),
        ("X-Auto-Response-Suppress: DR", False, True),
    ],
)
def test_a_robots_mail_is_known(field: str, automatic: bool, answered: bool) -> None:
    message = parse(field.encode() + b"\r\n" + FIELDS + b"\r\n")
    assert is_automatic(message) is automatic
    assert may_be_answered(message, "a@example.com") is answered


@pytest.mark.parametrize(
    "mail_from",
    [
        "",
        "MAILER-DAEMON@x.example",
        "noreply@x.example",
        "x-request@x.example",
        "x-owner@x.example",
        "x-bounces@x.example",
    ],
)
def test_nothing_is_answered_to_a_robots_address(mail_from: str) -> None:
    assert not may_be_answered(parse(FIELDS + b"\r\n"), mail_from)


def test_vacation_vectors(corpora: Path) -> None:
    """Pigeonhole's cases; who answers has the addresses that each names, and knows its own when it sees one."""
    vectors = json.loads((corpora / "09-lists/pigeonhole-vacation/vacation_reply_cases.share.json").read_text())
    cases = vectors["cases"]
    assert len(cases) >= 9
    for case in cases:
        own = _own(case)
        mail_from = case["envelope_from"].strip("<>")
        answered = mail_from not in own and may_be_answered(
            parse(case["message"].encode()), mail_from, None if _is_unchecked(case) else own.__contains__
        )
        assert answered == case["expect_auto_reply"], case["name"]


def _own(case: Mapping[str, Any]) -> set[str]:
    """The address that the mail came to, or the user's, and those of `:addresses`."""
    named = set(re.findall(r'"([^" ]+@[^" ]+)"', case["vacation_args"]))
    return named | {case["config"].get("sieve_user_email", case["envelope_to"])}


def _is_unchecked(case: Mapping[str, Any]) -> bool:
    """Whether the vector takes any recipient; of the original one the conversion to JSON has kept nothing."""
    config: Mapping[str, str] = case["config"]
    uses_original = config.get("sieve_vacation_use_original_recipient") == "yes"
    return uses_original or config.get("sieve_vacation_check_recipient") == "no"
