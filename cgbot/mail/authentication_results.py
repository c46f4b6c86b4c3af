"""
Who wrote a mail, as a server that we trust has found out (pure rules: RFC 8601).

Only fields whose authserv-id is among the trusted ones count; what the author wrote is no evidence. An address is
proved when a passing DKIM signature, SPF or DMARC result is aligned with its domain: the same domain, or one is below
the other. That is relaxed alignment without a list of public suffixes, so a result for `org` alone proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import authres

from cgbot.mail.address import domain_of
from cgbot.mail.message import Message

_FIELD_LIMIT = 4000


@dataclass(frozen=True, slots=True)
class Authentication:
    """The domains that passed, in lower case."""

    dkim: frozenset[str] = frozenset()
    spf: frozenset[str] = frozenset()
    dmarc: frozenset[str] = frozenset()

    def proves(self, address: str) -> bool:
        """Say whether this author address has proved itself."""
        domain = domain_of(address)
        return bool(domain) and any(_aligned(domain, passed) for passed in self.dkim | self.spf | self.dmarc)

    def dkim_passed(self, domain: str) -> bool:
        """Say whether a signature of this domain, or of one below it, passed."""
        return any(passed == domain or passed.endswith(f".{domain}") for passed in self.dkim)


def results(message: Message, trusted: Collection[str]) -> Authentication:
    """Read the fields of trusted servers; what cannot be read proves nothing. Never raises."""
    found: dict[str, set[str]] = {"dkim": set(), "spf": set(), "dmarc": set()}
    ids = {one.lower() for one in trusted}
    for value in message.headers("Authentication-Results") if ids else ():
        for method, domain in _passed(value[:_FIELD_LIMIT], ids):
            found.setdefault(method, set()).add(domain)
    return Authentication(frozenset(found["dkim"]), frozenset(found["spf"]), frozenset(found["dmarc"]))


def _passed(value: str, trusted: set[str]) -> list[tuple[str, str]]:
    try:
        field = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {value}")
    except Exception:  # noqa: BLE001 - hostile input: authres raises its own errors, IndexError and RecursionError
        return []
    if str(field.authserv_id or "").lower() not in trusted:
        return []
    return [
        (str(one.method).lower(), domain)
        for one in field.results
        if str(one.result).lower() == "pass" and (domain := _domain(one))
    ]


def _domain(result: object) -> str:
    """The domain that a result is about: header.d or the domain of header.i, smtp.mailfrom, header.from."""
    properties = {f"{one.type}.{one.name}".lower(): str(one.value or "") for one in getattr(result, "properties", ())}
    for name in ("header.d", "header.i", "smtp.mailfrom", "smtp.helo", "header.from"):
        if value := properties.get(name, ""):
            return (domain_of(value) or value).lower().strip('".')
    return ""


def _aligned(domain: str, passed: str) -> bool:
    if "." not in domain or "." not in passed:
        return False
    return domain == passed or domain.endswith(f".{passed}") or passed.endswith(f".{domain}")
