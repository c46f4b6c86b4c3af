"""Header fields: exact bytes, lenient text, nothing that could begin a second line."""

from __future__ import annotations

import email.header
from email.parser import BytesParser
from email.policy import compat32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail import headers

BLOCKS = st.lists(
    st.sampled_from(
        [b"Subject: x\r\n", b"To: a@b\n", b" folded\r\n", b"\tmore\n", b"garbage\r\n", b"From x y\n", b" \r\n",
         b"Bad : y\r\n", b"S\xfcb: z\r\n", b": none\r\n", b"\r", b"Last: no end"]
    )
).map(b"".join)  # fmt: skip


@given(st.one_of(st.binary(), BLOCKS))
def test_cutting_loses_no_byte(raw: bytes) -> None:
    block, body = headers.split(raw)
    assert block + body == raw
    assert b"".join(piece for _, piece in headers.cut(block)) == block


@given(BLOCKS)
def test_leaving_out_nothing_changes_nothing(block: bytes) -> None:
    assert headers.without(block, ["X-Not-There"]) == block


@given(BLOCKS)
def test_what_is_left_out_is_gone_with_its_folds(block: bytes) -> None:
    kept = headers.without(block, ["sUBJECT"])
    assert all(name.lower() != b"subject" for name, _ in headers.cut(kept))
    assert [one for one in headers.cut(block) if one[0] == b"To"] == [
        one for one in headers.cut(kept) if one[0] == b"To"
    ]


def test_a_garbage_line_or_a_space_before_the_colon_loses_no_field() -> None:
    """The standard library ends the header there: all fields vanish."""
    block = b"From nobody Mon\r\nreally?\r\nSubject : x\r\nTo: a@b.example\r\n\r\n"
    assert [(one.name, one.value) for one in headers.fields(block)] == [("Subject", "x"), ("To", "a@b.example")]


def test_a_field_keeps_its_exact_bytes() -> None:
    block = b"Subject:\t  a \r\n  b\t \r\nX: y\n\r\n"
    assert [one.raw for one in headers.fields(block)] == [b"Subject:\t  a \r\n  b\t \r\n", b"X: y\n"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Subject: x\r\n\r\nbody", (b"Subject: x\r\n\r\n", b"body")),
        (b"Subject: x\n\nbody", (b"Subject: x\n\n", b"body")),
        (b"Subject: x\n\r\nbody", (b"Subject: x\n\r\n", b"body")),
        (b"\r\nbody", (b"\r\n", b"body")),
        (b"Subject: x", (b"Subject: x", b"")),
        (b"", (b"", b"")),
    ],
)
def test_the_header_ends_at_the_first_blank_line(raw: bytes, expected: tuple[bytes, bytes]) -> None:
    assert headers.split(raw) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # RFC 2047 section 8
        (b"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        (b"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"),
        (
            b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n"
            b" =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example.",
        ),
        (b"(=?ISO-8859-1?Q?a?=)", "(a)"),
        (b"(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        (b"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
        (b"(=?ISO-8859-1?Q?a?=  \r\n  =?ISO-8859-1?Q?b?=)", "(ab)"),
        (b"(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        # RFC 2231 section 5: a language
        (b"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
        # from the wild
        (b"=?utf-8?q?J=C3?= =?utf-8?q?=BCrgen?=", "Jürgen"),
        (b"=?utf-8?B?SsO8cg?= x", "Jür x"),
        (b"=?iso-8859-1?q?Fr\xf6sche?=", "Frösche"),
        (b"=?utf-8?q?hello world?=", "hello world"),
        (b"=?iso-8859-1?q?caf=E9_=96_x?=", "café – x"),
        (b"=?gb2312?b?xOO6ww==?=", "你好"),
        (b"=?unknown-8bit?q?caf=C3=A9?=", "café"),
        (b"=?utf-8?q?ok?=tail", "oktail"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"=?utf-8?q?never closed", "=?utf-8?q?never closed"),
        # codecs that are no charsets
        (b"=?rot13?q?uryyb?=", "=?rot13?q?uryyb?="),
        (b"=?hex?q?6162?=", "=?hex?q?6162?="),
        (b"=?zlib?b?eJxLBAAAYgBi?=", "=?zlib?b?eJxLBAAAYgBi?="),
        (b"=?idna?q?a?=", "=?idna?q?a?="),
    ],
)
def test_words_are_decoded(value: bytes, expected: str) -> None:
    assert headers.decode(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        b"=?utf-8?q?hi=0D=0ABcc:_evil=40x.example?=",
        b"=?utf-8?q?hi=0ABcc:_evil?=",
        "a\u2028Bcc: x".encode(),
        "a\u0085Bcc: x".encode(),
        b"a\x0bBcc: x",
        b"a\rBcc: x",
        b"a\x00b\x1b[2J",
        "a\u202eb\u2066c\u061cd\ufeff".encode(),
        "a\U000e0041b".encode(),
    ],
)
def test_no_text_can_begin_a_second_line(value: bytes) -> None:
    """On Python 3.11.7 a parsed Subject would write a real Bcc line (CVE-2024-6923)."""
    text = headers.decode(value)
    assert text.isprintable()
    assert headers.encode("Subject", text).count(b"\n") == 1


@given(st.binary(max_size=300))
def test_any_value_becomes_one_clean_line(value: bytes) -> None:
    text = headers.decode(value)
    assert headers.clean_text(text, 20_000) == text
    assert len(f"x{text}x".splitlines()) == 1


@given(st.text())
def test_cleaning_is_done_once(text: str) -> None:
    clean = headers.clean_text(text)
    assert headers.clean_text(clean) == clean
    assert clean.encode("utf-8").decode() == clean


@given(st.text(max_size=400))
def test_a_written_field_is_read_back_and_fits_the_line(text: str) -> None:
    raw = headers.encode("Subject", text)
    assert all(len(line) <= 78 for line in raw.split(b"\r\n")) or " " not in text
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.endswith(b"\r\n")
    (field,) = headers.fields(raw)
    assert field.value.split() == headers.clean_text(text).split()


@given(st.text(alphabet=st.characters(min_codepoint=0x20), max_size=200))
def test_the_standard_library_reads_the_same(text: str) -> None:
    raw = headers.encode("Subject", text)
    value = BytesParser(policy=compat32).parsebytes(raw)["Subject"]
    assert (
        str(email.header.make_header(email.header.decode_header(value or ""))).split()
        == headers.clean_text(text).split()
    )


@pytest.mark.parametrize("text", ["=?utf-8?q?=0ABcc:_evil?=", "x" * 1500, "a =?x", "ü" * 900])
def test_what_a_reader_would_decode_again_or_a_line_cannot_hold_is_encoded(text: str) -> None:
    raw = headers.encode("Subject", text)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert headers.fields(raw)[0].value == text


def test_a_name_that_looks_like_an_encoded_word_stays_what_it_is() -> None:
    assert "=?utf-8?b?" in headers.mailbox("=?utf-8?q?boss?=", "a@b.example")
    long = headers.mailbox("Ж" * 200, "a@b.example")
    assert max(map(len, long.split("\r\n"))) <= 200


def test_a_plain_field_is_exact_or_refused() -> None:
    assert headers.plain("List-Id", "<a.b>") == b"List-Id: <a.b>\r\n"
    for value in ("a\r\nBcc: x", "a\n", "ü", "x" * 1000, "\x00"):
        with pytest.raises(ValueError, match="cannot stand"):
            headers.plain("List-Id", value)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "block",
    [
        b"Subject: x\r\n" + b" y\r\n" * 500_000,
        b"A: b\r\n" * 300_000,
        b"Subject: x\n" + b" \n" * 500_000,
        b"Subject: " + b"=?a?q?" * 100_000,
        b"Subject: " + b"=?utf-8?q?a?= " * 50_000,
        b"Subject: " + b"\r\n ?= " * 100_000,
        b"x" * 3_000_000,
        b"x" + b" " * 3_000_000,
        b"\n" * 1_000_000,
    ],
    ids=range(9),
)
def test_a_hostile_header_costs_no_more_than_its_size(block: bytes) -> None:
    """Seen before: 58 seconds for 2 MB of folds."""
    assert b"".join(piece for _, piece in headers.cut(block)) == block
    assert all(len(one.value) <= 20_000 for one in headers.fields(block))
