"""
Octets as text (pure rules): declared charsets (RFC 2046 section 4.1.2), and a guess where the label is wrong.

Only charsets of text are looked up: Python knows codecs that are none (rot13, zlib, hex), and a mail may name them.
Labels are read as mail programs mean them, by the superset in use (the WHATWG encoding standard): ISO-8859-1 is
windows-1252, GB2312 is GB18030. No text that leaves this module holds a lone surrogate.
"""

from __future__ import annotations

import codecs
import re
from types import MappingProxyType
from typing import Final

import charset_normalizer

_GUESS_OCTETS: Final = 20_000
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_PLAIN: Final = frozenset({"us-ascii", "ascii", "ansi-x3.4-1968", "646", "utf-8", "utf8", "unicode-1-1-utf-8"})
# What a label means in mail; tried in this order.
_MEANT: Final = MappingProxyType(
    {
        **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1", "latin-1", "ansi"), ("cp1252", "latin-1")),
        **dict.fromkeys(("windows-1252", "cp1252", "x-cp1252"), ("cp1252", "latin-1")),
        **dict.fromkeys(("iso-8859-9", "latin5"), ("cp1254", "iso8859-9")),
        **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e", "iso-8859-8"), ("iso8859-8", "cp1255")),
        **dict.fromkeys(("iso-8859-11", "tis-620"), ("cp874",)),
        **dict.fromkeys(("gb2312", "gb-2312-80", "euc-cn", "gbk", "x-gbk", "cp936", "gb18030"), ("gb18030",)),
        **dict.fromkeys(("big5", "x-x-big5", "big5-hkscs"), ("big5hkscs", "cp950")),
        **dict.fromkeys(("ks-c-5601-1987", "ks-c-5601-1989", "ks-c-5601", "euc-kr", "ksc5601"), ("cp949",)),
        **dict.fromkeys(("shift-jis", "x-sjis", "sjis", "ms-kanji", "windows-31j", "cp932"), ("cp932",)),
        **dict.fromkeys(("iso-2022-jp", "iso-2022-jp-ms"), ("iso2022-jp", "iso2022-jp-ext", "iso2022-jp-2004")),
        **dict.fromkeys(("macintosh", "x-mac-roman", "mac"), ("mac-roman",)),
        "x-mac-cyrillic": ("mac-cyrillic",),
        "unicode-1-1-utf-7": ("utf-7",),
        "koi8-ru": ("koi8-u",),
    }
)
# Every other label must begin like a charset.
_LIKE_A_CHARSET: Final = re.compile(
    r"(utf-?(7|16|32)|iso-?8859|latin|windows-?\d|cp-?\d|ibm-?\d|koi8|mac|gb|big5|euc|shift|sjis|iso-?2022|hz|tis|johab)"
)


def is_text(charset: str) -> bool:
    """Say whether a label names a charset that we know."""
    label = _label(charset)
    return label in _PLAIN or bool(_codecs(label))


def decode(content: bytes, charset: str) -> str | None:
    """Decode with a declared charset; None when it is no charset, unknown, or does not fit."""
    label = _label(charset)
    for codec in ("utf-8",) if label in _PLAIN else _codecs(label):
        try:
            text = codecs.decode(content, codec)
        except (UnicodeError, ValueError):
            continue
        return _SURROGATES.sub("\ufffd", text) if codec == "utf-7" else text
    return None


def decode_lossy(content: bytes, charset: str) -> str:
    """Decode a short text with its declared charset, a replacement character for what does not fit."""
    text = decode(content, charset)
    if text is not None:
        return text
    found = _codecs(_label(charset))
    return content.decode(found[0], "replace") if found and found[0] != "utf-7" else octets(content)


def octets(content: bytes) -> str:
    """Decode a short text without a label: UTF-8 (RFC 6532), else windows-1252 as the most likely."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return decode(content, "windows-1252") or ""


def guess(content: bytes) -> str:
    """Decode a part whose declared charset is missing or does not fit; never raises."""
    if b"\x1b$" in content and (japanese := decode(content, "iso-2022-jp")) is not None:
        return japanese
    utf8 = decode(content, "utf-8")
    if utf8 is not None:
        return utf8
    best = charset_normalizer.from_bytes(content[:_GUESS_OCTETS]).best()
    found = decode(content, best.encoding.replace("_", "-")) if best else None
    return found if found is not None else octets(content)


def _label(charset: str) -> str:
    return charset[:40].strip(" \t\"'").lower().replace("_", "-")


def _codecs(label: str) -> tuple[str, ...]:
    """The codecs of Python that a label stands for; () for what is no charset."""
    meant = _MEANT.get(label)
    if meant is not None:
        return meant
    if not _LIKE_A_CHARSET.match(label):
        return ()
    try:
        return (codecs.lookup(label).name,)
    except (LookupError, ValueError):
        return ()
