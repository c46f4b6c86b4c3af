"""The list in the From field: where the author goes, and what stays."""

from __future__ import annotations

import pytest

from cgbot.mail.from_field import rewrite
from cgbot.mail.frozen import Frozen, fill, join, slot
from cgbot.mail.message import parse

LIST = "cg-aisec@lists.example.org"


def rewritten(fields: str) -> bytes:
    top = join([b"List-Unsubscribe: <", slot("one_click"), b">\r\n"])
    rest = fields.replace("\n", "\r\n").encode() + b"\r\nBody with From: in it\r\n"
    return fill(rewrite(join([top, rest]), LIST, "CG-AISEC"), {"one_click": "https://x"})


@pytest.mark.parametrize(
    ("fields", "name", "reply_to", "cc"),
    [
        ("From: Ann Lee <ann@example.com>\n", "Ann Lee via CG-AISEC", "Ann Lee <ann@example.com>", ""),
        ("From: ann@example.com\n", "ann via CG-AISEC", "ann@example.com", ""),
        ("From: ann@example.com\nReply-To: b@example.net\n", "ann via CG-AISEC", "b@example.net", "ann@example.com"),
        (
            "Cc: c@example.net\nFrom: ann@example.com\nReply-To: b@example.net\n",
            "ann via CG-AISEC",
            "b@example.net",
            "c@example.net, ann@example.com",
        ),
        ("From: ann@example.com\nReply-To: Ann@example.com\n", "ann via CG-AISEC", "Ann@example.com", ""),
    ],
)
def test_where_the_author_goes(fields: str, name: str, reply_to: str, cc: str) -> None:
    message = parse(rewritten(fields))
    assert message.header("From") == f"{name} <{LIST}>"
    assert (message.header("Reply-To"), message.header("Cc")) == (reply_to, cc)
    assert message.header("X-Original-From") in fields
    assert len(message.headers("From")) == 1


def test_dead_signatures_go_and_the_rest_stays() -> None:
    raw = rewritten("Received: by x\nDKIM-Signature: v=1;\n b=x\nFrom: a@example.com\nX-Y:  odd \n")
    assert b"DKIM-Signature" not in raw
    assert raw.startswith(b"List-Unsubscribe: <https://x>\r\nReceived: by x\r\nFrom: ")
    assert raw.endswith(b"X-Y:  odd \r\n\r\nBody with From: in it\r\n")


def test_a_name_in_other_letters_cannot_make_a_line() -> None:
    raw = rewritten("From: =?utf-8?q?=E5=BC=A0=0D=0ABcc:_x?= <a@example.com>\n")
    message = parse(raw)
    assert "via CG-AISEC" in message.header("From")
    assert not message.headers("Bcc")


def test_without_marks() -> None:
    raw = rewrite(Frozen(b"From: a@example.com\r\n\r\nx"), LIST, "CG").body
    assert parse(raw).authors[0].address == LIST
