"""
Which values a setting allows: pure rules, each a test with the sentence that an error shows.

A rule takes the value after its type is right and gives it back in its normal form; it never looks outside.
"""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_NAME: Final = 253  # RFC 1035 section 2.3.4, as text
_ADDRESS: Final = re.compile(r"[^\s@<>\x00-\x1f\x7f]+@[^\s@<>\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """`normal` gives the value as it is stored, or raises ValueError; `text` tells what is allowed."""

    text: str
    normal: Callable[[Any], Any]


def _anything(value: Any) -> Any:
    return value


def between(least: int, most: int) -> Rule:
    """Allow whole numbers from `least` to `most`, both included."""

    def normal(value: int) -> int:
        if not least <= value <= most:
            raise ValueError(value)
        return value

    return Rule(f"a whole number from {least} to {most}", normal)


def _domain(value: str) -> str:
    name = value.strip().lower().encode("idna").decode()
    if len(name) > _LONGEST_NAME or not _HOSTNAME.fullmatch(name):
        raise ValueError(value)
    return name


def _host(value: str) -> str:
    if not value:
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return _domain(value)


def _url(value: str) -> str:
    parts = urllib.parse.urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(value)
    return value.rstrip("/")


def _address(value: str) -> str:
    if value and not _ADDRESS.fullmatch(value):
        raise ValueError(value)
    return value


def _database(value: str) -> str:
    if value and not re.match(r"(postgresql(\+psycopg)?://.|sqlite:///.)", value):
        raise ValueError(value)
    return value


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(value) from error
    return value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for one in value:
        ipaddress.ip_network(one, strict=False)
    return value


ANYTHING: Final = Rule("", _anything)
DOMAIN: Final = Rule("a domain name such as lists.example.org", _domain)
HOST: Final = Rule("an IP address, a host name or nothing", _host)
PORT: Final = between(0, 65_535)
USED_PORT: Final = between(1, 65_535)
URL: Final = Rule("an address that begins with http:// or https://, without a query", _url)
ADDRESS: Final = Rule("a mail address or nothing", _address)
DATABASE: Final = Rule("postgresql://USER@HOST/NAME, sqlite:///PATH or nothing", _database)
ZONE: Final = Rule("a time zone name such as Europe/Zurich", _zone)
NETWORKS: Final = Rule("a list of IP addresses or networks such as 10.0.0.0/8", _networks)
