"""Charsets as mail means them: by their supersets, without codecs that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail import charsets


@pytest.mark.parametrize(
    ("content", "charset", "expected"),
    [
        (b"caf\xe9 \x96 x", "ISO-8859-1", "café – x"),
        (b"\x81", "windows-1252", "\x81"),
        ("你好".encode("gb18030"), "gb2312", "你好"),
        ("한국어".encode("cp949"), "ks_c_5601-1987", "한국어"),
        ("①日本".encode("cp932"), "Shift_JIS", "①日本"),
        ("日本".encode("iso2022_jp"), "ISO-2022-JP", "日本"),
        ("Привет".encode("koi8-r"), "KOI8-R", "Привет"),
        ("שלום".encode("iso8859-8"), "iso-8859-8-i", "שלום"),
        ("กขค".encode("cp874"), "TIS-620", "กขค"),
        ("é".encode(), '"UTF-8"', "é"),
        (b"abc", "us-ascii", "abc"),
    ],
)
def test_a_declared_charset_is_read(content: bytes, charset: str, expected: str) -> None:
    assert charsets.decode(content, charset) == expected


@pytest.mark.parametrize(
    "charset",
    ["rot13", "hex", "zlib", "bz2", "base64", "uu", "quopri", "idna", "punycode", "unicode_escape", "undefined", "",
     "mbcs", "raw_unicode_escape", "utf-8\0", "x" * 1000, "../../etc/passwd"],
)  # fmt: skip
def test_what_is_no_charset_of_text_is_not_looked_up(charset: str) -> None:
    assert charsets.decode(b"abc", charset) is None
    assert not charsets.is_text(charset)


def test_what_does_not_fit_is_left_to_the_guess() -> None:
    assert charsets.decode(b"\xff\xfe\xfa", "utf-8") is None
    assert charsets.guess("Grüße aus Genf".encode("latin-1")) == "Grüße aus Genf"
    assert charsets.guess("日本語".encode("iso2022_jp")) == "日本語"
    russian = "Проект отчёта корреспондентской группы по безопасности искусственного интеллекта"
    assert charsets.guess(russian.encode("koi8-r")) == russian


@given(st.binary(max_size=200), st.sampled_from(["utf-7", "utf-8", "utf-16", "iso-2022-jp", "big5", "nonsense", "hz"]))
def test_any_octets_become_text_that_can_be_stored(content: bytes, charset: str) -> None:
    for text in (charsets.decode(content, charset), charsets.decode_lossy(content, charset), charsets.guess(content)):
        assert text is None or text.encode("utf-8").decode() == text


def test_surrogates_of_utf_7_do_not_survive() -> None:
    assert charsets.decode(b"+2AA-x", "utf-7") == "\ufffdx"
