"""
Who wrote a mail, as a server that we trust has found out (pure rules: RFC 8601).

Only fields whose authserv-id is among the trusted ones count; what the author wrote is no evidence. A server must
take away forged fields with its own id (section 5), and some do not: above the first Received line only servers can
have written, so all trusted fields there count; below it, for each method the topmost trusted field alone.

An address is proved when a passing DKIM signature, SPF or DMARC result is aligned with its domain: the same domain,
or one is below the other. That is relaxed alignment without a list of public suffixes (RFC 9989), so a result for
`org` alone proves nothing, and one for a customer's name below a provider's domain proves the provider's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import authres

from cgbot.mail.address import domain_of
from cgbot.mail.message import Message

_FIELD_LIMIT: Final = 4000
# What each method's result is about (RFC 8601 section 2.7), the first that is there.
_ABOUT: Final = MappingProxyType(
    {
        "dkim": ("header.d", "header.i"),
        "spf": ("smtp.mailfrom", "smtp.mail", "smtp.helo"),
        "dmarc": ("header.from",),
    }
)


@dataclass(frozen=True, slots=True)
class Authentication:
    """The domains that passed, in lower case."""

    dkim: frozenset[str] = frozenset()
    spf: frozenset[str] = frozenset()
    dmarc: frozenset[str] = frozenset()

    def proves(self, address: str) -> bool:
        """Say whether this author address has proved itself."""
        domain = domain_of(address)
        return bool(domain) and any(aligned(domain, passed) for passed in self.dkim | self.spf | self.dmarc)

    def dkim_passed(self, domain: str) -> bool:
        """Say whether a signature of this domain, or of one below it, passed."""
        return any(passed == domain or passed.endswith(f".{domain}") for passed in self.dkim)


@dataclass(frozen=True, slots=True)
class _Result:
    method: str
    passed: bool
    domain: str


def results(message: Message, trusted: Collection[str]) -> Authentication:
    """Read the fields of trusted servers; what cannot be read proves nothing. Never raises."""
    ids = {one.lower() for one in trusted}
    passed: dict[str, set[str]] = {method: set() for method in _ABOUT}
    settled: set[str] = set()
    for is_on_top, found in _trusted_fields(message, ids) if ids else ():
        for one in found:
            if one.passed and (is_on_top or one.method not in settled):
                passed[one.method].add(one.domain)
        settled |= {one.method for one in found}
    return Authentication(frozenset(passed["dkim"]), frozenset(passed["spf"]), frozenset(passed["dmarc"]))


def _trusted_fields(message: Message, ids: set[str]) -> Iterator[tuple[bool, list[_Result]]]:
    """The results of each trusted field from the top, and whether it stands above the first Received line."""
    is_on_top = any(one.name.lower() == "received" for one in message.fields)
    for one in message.fields:
        name = one.name.lower()
        if name == "received":
            is_on_top = False
        elif name == "authentication-results":
            yield is_on_top, _read(one.value[:_FIELD_LIMIT], ids)


def _read(value: str, ids: set[str]) -> list[_Result]:
    try:
        field = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {value}")
    except Exception:  # noqa: BLE001 - hostile input: authres raises its own errors, IndexError and RecursionError
        return []
    if str(field.authserv_id or "").lower() not in ids:
        return []
    return [
        _Result(method, str(one.result).lower() == "pass" and bool(_domain(method, one)), _domain(method, one))
        for one in field.results
        if (method := str(one.method).lower()) in _ABOUT
    ]


def _domain(method: str, result: object) -> str:
    """The domain that a result is about, "" where it names none."""
    properties = {f"{one.type}.{one.name}".lower(): str(one.value or "") for one in getattr(result, "properties", ())}
    value = next((properties[name] for name in _ABOUT[method] if properties.get(name)), "")
    return (domain_of(value) or value).lower().strip('".')


def aligned(domain: str, passed: str) -> bool:
    """Say whether a result for `passed` counts for an address at `domain`: the same, or one below the other."""
    if "." not in domain or "." not in passed:
        return False
    return domain == passed or domain.endswith(f".{passed}") or passed.endswith(f".{domain}")
