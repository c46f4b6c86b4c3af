"""
Addresses and parameters of MAIL and RCPT (pure rules: RFC 5321 section 4.1.2, RFC 6531 section 3.3).

A plain `<address>` is recognised at once; only the rest (quoted local parts, source routes, comments, missing angle
brackets) goes through the email package's parser, and what comes out must pass the same grammar. The null path is "".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_LABEL = r"[A-Za-z0-9\u0080-\U0010ffff](?:[A-Za-z0-9\u0080-\U0010ffff_-]*[A-Za-z0-9\u0080-\U0010ffff])?"
_DOT_ATOM = rf"{_ATOM}(?:\.{_ATOM})*"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*\.?"
_QUOTED = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*"'
_LITERAL = r"\[[0-9A-Za-z:.]{1,64}\]"

_PLAIN: Final = re.compile(rf"<({_DOT_ATOM}@{_DOMAIN})>(?: +(.*))?")
_ADDRESS: Final = re.compile(rf"(?:{_DOT_ATOM}|{_QUOTED})@(?:{_DOMAIN}|{_LITERAL})")
_PARAMETER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e]+))?")

_LOCAL_PART_LENGTH: Final = 255  # RFC 5321 asks for 64 at least; VERP and signed addresses need more
_DOMAIN_LENGTH: Final = 255

Parser = Callable[[str], tuple[str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Path:
    """An address, "" for the null path, and the ESMTP parameters with upper-case keywords."""

    address: str
    parameters: dict[str, str]


def parse(text: str, keyword: str, full_parser: Parser) -> Path | None:
    """
    Read `FROM:<address> [parameters]` or `TO:…`; None when keyword, address or a parameter is malformed.

    `full_parser` gives (address, rest) for what is no plain address, or (None, None).
    """
    if text[: len(keyword)].upper() != keyword:
        return None
    rest = text[len(keyword) :].lstrip(" ")
    plain = _PLAIN.fullmatch(rest)
    if plain is not None:
        address, tail = plain[1], plain[2] or ""
    elif rest.startswith("<>"):
        address, tail = "", rest[2:]
    elif rest[:12].lower() == "<postmaster>":  # RFC 5321 section 4.5.1: valid without a domain
        address, tail = "postmaster", rest[12:]
    else:
        found, remainder = full_parser(rest)
        if not found or not _ADDRESS.fullmatch(found):
            return None
        address, tail = found, remainder or ""
    parameters = _parameters(tail)
    return None if parameters is None or _too_long(address) else Path(address, parameters)


def is_ascii(address: str) -> bool:
    """Say whether the address needs no SMTPUTF8."""
    return address.isascii()


def _too_long(address: str) -> bool:
    local_part, _, domain = address.rpartition("@")
    return len(local_part) > _LOCAL_PART_LENGTH or len(domain) > _DOMAIN_LENGTH


def _parameters(tail: str) -> dict[str, str] | None:
    if not tail:
        return {}
    found: dict[str, str] = {}
    for word in tail.split():
        match = _PARAMETER.fullmatch(word)
        if match is None:
            return None
        found[match[1].upper()] = match[2] or ""
    return found
