"""A new mail of ours: exact, 7-bit, the same each time."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbot.mail.compose import FROM, TO, Calendar, Enclosure, NewMail, compose, slot
from cgbot.mail.frozen import fill, join
from cgbot.mail.message import parse

MAIL = NewMail(
    from_name="CG-AISEC",
    from_address="cg-aisec-owner@lists.example.org",
    to=slot(TO),
    subject="Meeting on 16 May",
    text="Dear all,\nsee you there.\n",
    date=datetime(2027, 5, 3, 8, tzinfo=UTC),
    message_id="abc@lists.example.org",
)
VALUES = {TO: "ann@example.com", FROM: "cg-aisec-meetings+1-x@lists.example.org", "attendee": "ATTENDEE:ann\r\n"}
EVENT = join(
    [b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n", slot("attendee"), "SUMMARY:Réunion\r\nEND:VCALENDAR\r\n".encode()]
)
INVITATION = replace(MAIL, from_address=slot(FROM), html="<p>Dear all</p>", calendar=Calendar("REQUEST", EVENT))
WRITTEN_EVENT = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nATTENDEE:ann\r\nSUMMARY:Réunion\r\nEND:VCALENDAR\r\n".encode()


def read(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=policy.SMTP)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def well_formed(raw: bytes) -> None:
    assert raw.isascii()
    assert b"\x00" not in raw
    assert raw.replace(b"\r\n", b"").find(b"\n") == raw.replace(b"\r\n", b"").find(b"\r") == -1
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_a_mail_of_plain_text() -> None:
    raw = fill(compose(replace(MAIL, fields=(("Auto-Submitted", "auto-generated"),))), VALUES)
    well_formed(raw)
    assert raw == (
        b"From: CG-AISEC <cg-aisec-owner@lists.example.org>\r\n"
        b"To: <ann@example.com>\r\n"
        b"Subject: Meeting on 16 May\r\n"
        b"Date: Mon, 03 May 2027 08:00:00 +0000\r\n"
        b"Message-ID: <abc@lists.example.org>\r\n"
        b"Auto-Submitted: auto-generated\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Dear all,\r\nsee you there.\r\n"
    )


def test_an_invitation_has_the_tree_that_clients_show_with_buttons() -> None:
    raw = fill(compose(INVITATION), VALUES)
    well_formed(raw)
    found = read(raw)
    assert [one.get_content_type() for one in found.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics"
    ]  # fmt: skip
    calendar, attached = list(found.walk())[4:]
    assert b"\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST; component=VEVENT\r\n" in raw
    assert calendar["Content-Transfer-Encoding"] == attached["Content-Transfer-Encoding"] == "base64"
    assert calendar["Content-Disposition"] is None
    assert calendar["Content-ID"] is None
    assert calendar.get_filename() is None
    assert attached["Content-Disposition"] == 'attachment; filename="invite.ics"'
    assert calendar.get_payload(decode=True) == attached.get_payload(decode=True) == WRITTEN_EVENT
    assert found["From"] == f"CG-AISEC <{VALUES[FROM]}>"
    assert parse(raw).calendars == (WRITTEN_EVENT,)


def test_one_frozen_content_serves_every_recipient() -> None:
    frozen = compose(INVITATION)
    ann, bob = fill(frozen, VALUES), fill(frozen, VALUES | {TO: "bob@example.com", "attendee": "ATTENDEE:bob\r\n"})
    assert parse(bob).calendars == (WRITTEN_EVENT.replace(b"ann", b"bob"),)
    assert ann != bob
    assert fill(frozen, VALUES) == ann


def test_neither_clock_nor_chance_has_a_say(monkeypatch: pytest.MonkeyPatch) -> None:
    first = compose(INVITATION)

    def refuse(*_: Any) -> Any:
        raise AssertionError("a copy must be the same bytes for ever")

    for module, name in ((random, "randrange"), (random, "random"), (random, "getrandbits"), (time, "time")):
        monkeypatch.setattr(module, name, refuse)
    assert compose(INVITATION) == first


TEXTS = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "x" * 3000,
            "ü" * 3000,
            "From me\n.\n..\n",
            "a \n\tb\t\n",
            "--=_mixed_1\n",
            "\r\n\r",
            "\ud800",
            "x\x00\x1by",
            "",
            "=3D=\n",
        ]
    ),
)


@settings(max_examples=50)
@given(TEXTS, TEXTS, st.text(max_size=200), st.text(max_size=60))
def test_any_words_travel(text: str, html: str, subject: str, name: str) -> None:
    clean = subject.encode("utf-8", "ignore").decode()
    raw = fill(compose(replace(INVITATION, text=text, html=html, subject=clean, from_name=name)), VALUES)
    well_formed(raw)
    found = read(raw)
    kinds = [one.get_content_type() for one in found.walk()]
    assert kinds.count("text/calendar") == kinds.count("application/ics") == kinds.count("text/plain") == 1
    got = next(one for one in found.walk() if one.get_content_type() == "text/plain").get_content()
    assert shown(got) == shown(text)


def shown(text: str) -> str:
    """What a reader sees, whatever the line ends."""
    return "".join(char for char in text if char.isprintable() and not char.isspace())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<a@x> <b@y>", b"References: <a@x>\r\n <b@y>\r\n"),
        ("<a@x> <\u00fc@y> <c@z>", b"References: <a@x>\r\n <c@z>\r\n"),
        ("<evil\x00@x>", b""),
        ("nothing", b""),
        ("", b""),
    ],
)
def test_the_message_ids_of_others_cannot_break_a_mail(value: str, expected: bytes) -> None:
    raw = fill(compose(replace(MAIL, fields=(("References", value),))), VALUES)
    well_formed(raw)
    assert (expected in raw) if expected else (b"References" not in raw)


def test_many_references_are_folded() -> None:
    value = " ".join(f"<{number}-{'x' * 80}@example.org>" for number in range(60))
    well_formed(fill(compose(replace(MAIL, fields=(("References", value),))), VALUES))


def test_fields_of_the_caller_are_exact_or_refused() -> None:
    fields = (
        ("List-Id", "<cg-aisec.lists.example.org>"),
        ("List-Unsubscribe", "<https://x.example/" + "y" * 500 + ">"),
    )
    raw = fill(compose(replace(MAIL, fields=fields, extra=join([b"X: ", slot("x"), b"\r\n"]))), VALUES | {"x": "1"})
    assert raw.startswith(b"X: 1\r\nFrom: ")
    assert all(f"{name}: {value}\r\n".encode() in raw for name, value in fields)
    with pytest.raises(ValueError, match="cannot stand"):
        compose(replace(MAIL, fields=(("X", "a\r\nBcc: b@c"),)))


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    "filename", ["CG-AISEC report.docx", "Bericht für SG17.docx", 'a"b\r\nX: y\\.docx', "报告" * 40]
)
def test_a_file_goes_with_the_words(filename: str) -> None:
    content = bytes(range(256)) * 300
    mail = replace(MAIL, enclosures=(Enclosure(filename, DOCX, content),))
    raw = fill(compose(mail), VALUES)
    well_formed(raw)
    found = read(raw)
    assert found.get_content_type() == "multipart/mixed"
    body = found.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == ["Dear all,", "see you there."]
    (attached,) = found.iter_attachments()
    assert isinstance(attached, EmailMessage)
    assert (attached.get_content_type(), attached.get_content()) == (DOCX, content)
    assert attached.get_filename() == " ".join(filename.split())
    assert parse(raw).attachments[0].content == content
    assert "X" not in found


def test_a_file_goes_with_an_invitation() -> None:
    raw = fill(compose(replace(INVITATION, enclosures=(Enclosure("a.pdf", "application/pdf", b"%PDF"),))), VALUES)
    found = read(raw)
    assert [part.get_content_type() for part in found.iter_attachments()] == ["application/ics", "application/pdf"]
    assert parse(raw).calendars == (WRITTEN_EVENT,)
