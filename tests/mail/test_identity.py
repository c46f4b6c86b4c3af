"""Content hash, Message-ID and permalink."""

from __future__ import annotations

import pytest

from cgbot.mail import identity

POST = b"From: a@example.org\r\nMessage-ID: <1@example.org>\r\nSubject: x\r\n\r\nbody\r\n"


def test_the_permalink_is_mailmans_message_id_hash() -> None:
    """The example of Mailman's own documentation (archivers/docs/common.rst)."""
    assert identity.permalink("87myycy5eh.fsf@uwakimon.sk.tsukuba.ac.jp") == "JJIGKPKB6CVDX6B2CUG4IHAJRIQIOUTP"


@pytest.mark.parametrize(
    "trace",
    [
        b"Received: from a by b\r\n\tfor <c@d>; Mon, 3 May 2027 08:00:00 +0000\r\n",
        b"Return-Path: <a@example.org>\r\n",
        b"Delivered-To: x@y\r\n",
        b"X-Original-To: x@y\r\n",
        b"authentication-results: mx; none\r\n",
        b"ARC-Seal: i=1\r\nARC-Message-Signature: i=1;\r\n b=x\r\n",
    ],
)
def test_trace_fields_do_not_change_the_content(trace: bytes) -> None:
    assert identity.content_hash(trace + POST) == identity.content_hash(POST)
    assert len(identity.content_hash(POST)) == 32


@pytest.mark.parametrize(
    "other", [POST.replace(b"x", b"y"), POST + b" ", POST.replace(b"Subject: ", b"Subject:"), b"X: y\r\n" + POST]
)
def test_everything_else_changes_it(other: bytes) -> None:
    assert identity.content_hash(other) != identity.content_hash(POST)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<1@a>", "1@a"),
        ("  <1@a> (comment)", "1@a"),
        ("< 1@a >", "1@a"),
        ("1@a", "1@a"),
        ("<[0a1b@microsoft.com]>", "[0a1b@microsoft.com]"),
        ("<@>", "@"),
        ("<>", ""),
        ("", ""),
        ("no id", ""),
        ("<" + "x" * 1000 + "@a>", ""),
    ],
)
def test_the_message_id_of_a_field(text: str, expected: str) -> None:
    assert identity.message_id(text) == expected


def test_references_are_in_order_and_once_each() -> None:
    assert identity.message_ids("<1@a>\t<2@a>,<1@a> junk <3@a>") == ("1@a", "2@a", "3@a")


def test_a_message_without_an_id_gets_one_from_its_content() -> None:
    made = identity.made_up(identity.content_hash(POST))
    assert identity.message_id(f"<{made}>") == made
    assert made.endswith(".invalid")
