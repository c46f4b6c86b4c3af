"""A message as facts, whatever came in."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail.address import Mailbox
from cgbot.mail.message import Caps, Message, parse, parse_date, safe_name

HEAD = b"From: a@b.example\r\nMessage-ID: <x@y>\r\nSubject: s\r\nMIME-Version: 1.0\r\n"


def multipart(subtype: str, boundary: str, *parts: bytes) -> bytes:
    between = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    kind = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'
    return kind.encode() + between + f"--{boundary}--\r\n".encode()


def part(content_type: str, content: bytes = b"", *fields: str) -> bytes:
    lines = "\r\n".join((f"Content-Type: {content_type}", *fields))
    return lines.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + content


PLAIN = part("text/plain; charset=utf-8", b"plain words")
PAGE = part("text/html; charset=utf-8", b"<p>page words</p>")
ICS = b"BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nEND:VCALENDAR\r\n"


def test_the_facts_of_a_plain_message() -> None:
    message = parse(
        b"From: =?utf-8?q?J=C3=BCrgen?= <j@b.example>\r\nTo: CG <cg@x.example>, b@x.example\r\nCc: c@x.example\r\n"
        b"Reply-To: r@x.example\r\nSender: s@x.example\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
        b"Date: Thu, 16 May 2024 09:00:00 +0200\r\nMessage-ID: <1@b.example>\r\nIn-Reply-To: <0@b.example>\r\n"
        b"References: <r@b.example>\r\n <0@b.example>\r\n\r\nHello\r\nworld\r\n"
    )
    assert message.authors == (Mailbox("Jürgen", "j@b.example"),)
    assert message.to == (Mailbox("CG", "cg@x.example"), Mailbox("", "b@x.example"))
    assert [one.address for one in (*message.cc, *message.reply_to, *message.sender)] == [
        "c@x.example", "r@x.example", "s@x.example"
    ]  # fmt: skip
    assert message.subject == "Grüße"
    assert message.date == datetime(2024, 5, 16, 7, tzinfo=UTC)
    assert message.message_id == "1@b.example"
    assert message.in_reply_to == ("0@b.example",)
    assert message.references == ("r@b.example", "0@b.example")
    assert message.text == "Hello\nworld\n"
    assert (message.html, message.attachments, message.calendars, message.defects) == ("", (), (), ())
    assert message.header("subject") == "Grüße"
    assert message.headers("X-None") == ()


def test_a_long_thread_keeps_its_newest_reference() -> None:
    ids = b"\r\n ".join(b"<%d-%s@b.example>" % (number, b"x" * 60) for number in range(800))
    message = parse(b"References: " + ids + b"\r\n\r\nx")
    assert len(message.references) == 800
    assert message.references[-1].startswith("799-")


def test_a_name_that_decodes_to_an_address_is_only_a_name() -> None:
    message = parse(b"From: =?utf-8?q?boss=40example.org?= <evil@x.example>\r\n\r\n")
    assert message.authors == (Mailbox("boss@example.org", "evil@x.example"),)


def test_every_author_field_is_seen() -> None:
    """Which of two From fields a program shows differs: whoever decides must see both."""
    message = parse(b"From: a@x.example\r\nFrom: b@x.example\r\n\r\n")
    assert [one.address for one in message.authors] == ["a@x.example", "b@x.example"]


@pytest.mark.parametrize(
    ("tree", "text", "html"),
    [
        (multipart("alternative", "b", PLAIN, PAGE), "plain words", "<p>page words</p>"),
        (multipart("alternative", "b", PAGE), "page words", "<p>page words</p>"),
        (multipart("mixed", "b", PAGE, part("text/plain", b"footer")), "page words\nfooter", "<p>page words</p>"),
        (
            multipart("mixed", "m", multipart("alternative", "b", PLAIN, multipart("related", "r", PAGE))),
            "plain words",
            "<p>page words</p>",
        ),
        (multipart("mixed", "m", PLAIN, part("text/plain", b"more")), "plain words\nmore", ""),
        (part('text/plain; name="body.txt"', b"named"), "named", ""),
        (part("text/plain; charset=iso-8859-1", b"caf\xe9"), "café", ""),
        (part("text/plain", b"caf\xc3\xa9"), "café", ""),
        (part("text/plain; charset=rot13", b"hello"), "hello", ""),
        (part("text/plain; charset=utf-8", b"=C3=A9=\r\nx", "Content-Transfer-Encoding: quoted-printable"), "éx", ""),
        (part("text/plain", b"!!! not base64", "Content-Transfer-Encoding: base64"), None, ""),
        (part("multipart/mixed", b"no boundary"), "no boundary", ""),
        (part("nonsense", b"words"), "words", ""),
    ],
    ids=range(13),
)  # fmt: skip
def test_the_words_of_a_message(tree: bytes, text: str | None, html: str) -> None:
    message = parse(HEAD + tree)
    assert message.html.strip() == html
    assert text is None or message.text.strip() == text


def test_attachments_keep_name_type_and_content() -> None:
    pdf = base64.encodebytes(b"%PDF-\x00\xff")
    tree = multipart(
        "mixed", "b", PLAIN,
        part("application/pdf", pdf, 'Content-Disposition: attachment; filename="../../etc/C-12.pdf"',
             "Content-Transfer-Encoding: base64", "Content-ID: <i@x>"),
        part("text/plain; name=notes.txt", b"notes", "Content-Disposition: inline"),
        part("image/png", b"x", "Content-Disposition: attachment; filename*=utf-8''%2e%2e%2fetc%2fp%C3%A9.png"),
        part("image/png", b"x", 'Content-Disposition: attachment; filename="=?utf-8?q?p=C3=A9.png?="'),
        part("text/plain", b"x", "Content-Disposition: attachment"),
    )  # fmt: skip
    message = parse(HEAD + tree)
    assert [one.filename for one in message.attachments] == ["C-12.pdf", "notes.txt", "pé.png", "pé.png", ""]
    first = message.attachments[0]
    assert (first.content_type, first.content_id, first.content, first.size) == (
        "application/pdf", "i@x", b"%PDF-\x00\xff", 7
    )  # fmt: skip
    assert message.text.strip() == "plain words"


def test_an_attached_message_is_one_attachment_and_keeps_its_words_to_itself() -> None:
    inner = b"Subject: inner\r\n" + multipart("mixed", "i", part("text/plain", b"inner"), part("text/calendar", ICS))
    message = parse(HEAD + multipart("mixed", "b", PLAIN, part("message/rfc822", inner)))
    assert message.text.strip() == "plain words"
    assert [one.content_type for one in message.attachments] == ["message/rfc822"]
    assert message.attachments[0].content.startswith(b"Subject: inner")
    assert message.calendars == ()


def test_calendar_objects_are_found_at_any_depth_once_each_in_utf_8() -> None:
    latin = ICS.replace(b"REPLY", b"REPLY\r\nX:caf\xe9")
    reply = part("text/calendar; method=REPLY; charset=iso-8859-1", latin)
    deep = multipart("mixed", "a", multipart("related", "b", multipart("alternative", "c", PLAIN, reply)))
    assert parse(HEAD + deep).calendars == (latin.decode("latin-1").encode(),)
    both = multipart(
        "mixed", "m", multipart("alternative", "c", PLAIN, part("text/calendar; method=REQUEST", ICS)),
        part('application/ics; name="invite.ics"', base64.encodebytes(ICS), "Content-Transfer-Encoding: base64"),
    )  # fmt: skip
    message = parse(HEAD + both)
    assert [one.strip() for one in message.calendars] == [ICS.strip()] * len(message.calendars)
    assert [one.filename for one in message.attachments] == ["invite.ics"]
    assert parse(HEAD + part("text/calendar; method=REPLY", ICS)).calendars == (ICS,)


def test_raw_octets_in_a_file_name_are_read_by_the_lenient_parser() -> None:
    raw = multipart(
        "mixed", "b", PLAIN, part("image/png", b"x", 'Content-Disposition: attachment; filename="p\udce9.png"')
    )
    assert [one.filename for one in parse(HEAD + raw).attachments] == ["pé.png"]


def test_a_delivery_report_survives_the_lenient_parser() -> None:
    status = b"Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    broken = part("image/png", b"!x", "Content-Transfer-Encoding: base64")
    message = parse(HEAD + multipart("report", "b", PLAIN, part("message/delivery-status", status), broken))
    (report,) = (one for one in message.attachments if one.content_type == "message/delivery-status")
    assert b"Final-Recipient: rfc822; a@b.example" in report.content


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thu, 16 May 2024 09:00:00 +0200", datetime(2024, 5, 16, 7, tzinfo=UTC)),
        ("16 May 2024 09:00 GMT (a (nested) comment)", datetime(2024, 5, 16, 9, tzinfo=UTC)),
        ("Fri, 21 Nov 97 09:55:06 -0600", datetime(1997, 11, 21, 15, 55, 6, tzinfo=UTC)),
        ("Thu, 16 May 2024 09:00:00 -0000", datetime(2024, 5, 16, 9, tzinfo=UTC)),
        ("Mon, 1 Jan 99999999999 00:00:00 +0000", None),
        ("Mon, 30 Feb 2024 00:00:00 +0000", None),
        ("Mon, 1 Jan 2024 24:00:00 +0000", None),
        ("Mon, 1 Jan 2024 00:00:00 +9999", None),
        ("Thu, 1 Jan 1969 00:00:00 +0000", None),
        ("yesterday", None),
        ("", None),
        ("\x00", None),
    ],
)
def test_dates(text: str, expected: datetime | None) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\docs\\C-12.docx", "C-12.docx"),
        ("a\r\nb\u202etxt.exe", "a b txt.exe"),
        ("..", ""),
        ("x" * 500, "x" * 150),
        ("", ""),
    ],
)
def test_file_names_are_safe(name: str, expected: str) -> None:
    assert safe_name(name) == expected


@given(st.binary(max_size=500))
def test_any_octets_are_a_message(raw: bytes) -> None:
    message = parse(raw)
    assert message.raw == raw
    storable(message)


PIECES = st.lists(
    st.sampled_from(
        [
            HEAD, PLAIN, PAGE, ICS, b"\r\n", b"\n", b"--b\r\n", b"--b--\r\n", b"--c\r\n", b"\x00\xff",
            b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n',
            b"Content-Type: multipart/alternative; boundary=c\r\n\r\n",
            b"Content-Type: message/rfc822\r\n\r\n",
            b"Content-Type: message/delivery-status\r\n\r\n",
            b"Content-Type: text/calendar; charset=hex\r\n\r\n",
            b"Content-Transfer-Encoding: base64\r\n\r\n!",
            # each of these raises in the standard library's newer interface
            b"Content-Type: text/plain; name*\r\n", b"To: (c):\r\n", b'To: "\r\n', b"Message-ID: <@>\r\n",
            b"Message-ID: <[hex@microsoft.com]>\r\n", b"From: =?utf-8?q?x=0d=0aBcc..?= <e@x>\r\n",
        ]
    ),
    max_size=25,
).map(b"".join)  # fmt: skip


@given(PIECES)
def test_any_mixture_of_mime_is_a_message(raw: bytes) -> None:
    storable(parse(raw))


def storable(message: Message) -> None:
    """No text that a database or a page could choke on."""
    texts = (message.subject, message.message_id, *message.references, *(one.filename for one in message.attachments))
    assert all(text.isprintable() or "\x00" not in text for text in texts)
    for text in (*texts, message.text, message.html):
        text.encode("utf-8")


def deep(levels: int) -> bytes:
    return HEAD + b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(levels)
    )


WIDE = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 500_000


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "raw",
    [
        deep(300) + b"\r\nx",
        deep(5000) + b"\r\nx",
        deep(55) + b"Content-Transfer-Encoding: base64\r\n\r\n!x" + b"\r\n-- x" * 100_000,
        HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 3000,
        HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"content-type: message/rfc822\n" * 100_000,
        HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 500_000,
        HEAD + part("message/rfc822", base64.encodebytes(WIDE), "Content-Transfer-Encoding: base64"),
        HEAD + multipart("mixed", "b", b"Subject: " + b"=?utf-8?q?a?= " * 200_000 + b"\r\n\r\nx"),
        HEAD + part("text/plain", bytes(range(128, 256)) * 30_000),
        HEAD + part("text/plain; charset=punycode", b"a" * 500_000),
        HEAD + part("text/plain; charset=utf-16", b"\xd8\x00" * 500_000),
        HEAD + part("text/plain", b"!AAAA\r\n" * 300_000, "Content-Transfer-Encoding: base64"),
        b"Content-Type: text/plain; " + b"".join(b"name*%d=b; " % n for n in range(8000)) + b"\r\n\r\nx",
        b"To: " + b'"a\\' * 33_000 + b"\r\n\r\nx",
        b"A: b\r\n" * 300_000,
        b"\x00" * 1_000_000,
    ],
    ids=range(16),
)  # fmt: skip
def test_a_hostile_message_costs_no_more_than_its_size(raw: bytes) -> None:
    storable(parse(raw))


def test_a_text_full_of_dashes_is_read() -> None:
    """A patch or a file of SQL has more lines that begin with two dashes than any message has parts."""
    message = parse(HEAD + part("text/plain", b"-- comment\r\n" * 20_000 + b"last word\r\n"))
    assert message.text.endswith("last word\n")
    diff = multipart("mixed", "b", PLAIN, part("text/x-diff; name=a.diff", b"--- a/file\r\n" * 20_000))
    assert [one.filename for one in parse(HEAD + diff).attachments] == ["a.diff"]


def test_the_caps_hold_and_say_so() -> None:
    wide = HEAD + multipart("mixed", "b", *[PLAIN] * 50)
    assert parse(wide).text.count("plain") == 50
    capped = parse(wide, Caps(parts=10))
    assert capped.text.count("plain") == 10
    assert capped.defects
    nested = HEAD + multipart("mixed", "a", multipart("mixed", "b", multipart("mixed", "c", PLAIN)))
    assert parse(nested).text.strip() == "plain words"
    assert parse(nested, Caps(depth=1)).text == ""
    large = parse(b"X: " + b"x" * 2000 + b"\r\nSubject: y\r\n\r\nbody", Caps(header_size=1000))
    assert "1000" in large.defects[0]
    assert (large.text, large.subject) == ("", "")
