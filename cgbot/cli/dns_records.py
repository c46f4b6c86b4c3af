"""
Edge: the DNS records that a mail domain should publish, and whether it does (RFC 5321 section 5, 7208, 6376, 7489).

`to_publish` writes the lines for a zone file; `look_up` asks the resolver, each question for three seconds at most.
Domains that no DNS serves (localhost, and the reserved ones of RFC 2606 and 6761) are skipped, and a resolver that
does not answer is a warning. The DKIM records are those of our keys; where the relay signs, only it knows which.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.resolver
import dns.reversename

from cgbot.cli.finding import Finding, fail, good, skip, warn

_SECONDS: Final = 3.0
_RESERVED: Final = (
    "localhost",
    "test",
    "example",
    "invalid",
    "local",
    "internal",
    "example.com",
    "example.net",
    "example.org",
)
_STRING: Final = 255
Lookup = Callable[[str, str], list[str]]
Check = Callable[[str, Lookup], Finding]


@dataclass(frozen=True, slots=True)
class MailDomain:
    """A domain, the host that takes its mail, and the relay that sends it ("" when we do not know one)."""

    domain: str
    mail_host: str
    relay: str = ""
    keys: tuple[tuple[str, str], ...] = ()  # names and texts of our DKIM records


def is_reserved(domain: str) -> bool:
    """Say whether no public DNS can know the domain."""
    return any(domain == name or domain.endswith(f".{name}") for name in _RESERVED)


def to_publish(mail: MailDomain) -> tuple[str, ...]:
    """Write the records for the domain's zone file, with what only its operator can know as comments."""
    if "." not in mail.domain or mail.domain.endswith(".localhost"):
        return (f"; {mail.domain} is not a public domain: there is nothing to publish",)
    own_relay = not mail.relay or _is_address(mail.relay) or "." not in mail.relay
    senders = "mx" if own_relay else f"mx a:{mail.relay}"
    return (
        f"; the host that takes mail for {mail.domain}, and its address",
        f"{mail.domain}.\tIN MX 10 {mail.mail_host}.",
        f"; {mail.mail_host}.\tIN A <its IPv4 address>   ; and AAAA; its PTR must name it again",
        "; who may send for it; a relay at a provider wants an include: of theirs instead",
        f'{mail.domain}.\tIN TXT "v=spf1 {senders} -all"',
        *_key_lines(mail),
        "; what others do with mail that fails both; after some weeks of good reports, p=quarantine, then p=reject",
        f'_dmarc.{mail.domain}.\tIN TXT "v=DMARC1; p=none; rua=mailto:postmaster@{mail.domain}"',
    )


def _key_lines(mail: MailDomain) -> tuple[str, ...]:
    if mail.keys:
        return ("; the keys of our signatures (DKIM)", *(zone_line(name, text) for name, text in mail.keys))
    return (
        "; the keys of our signatures (DKIM): the first start makes them, `cgbot check` then shows the two records",
        f'; cgbot._domainkey.{mail.domain}.\tIN TXT "v=DKIM1; k=rsa; p=<its public key>"',
        f'; cgbot-ed._domainkey.{mail.domain}.\tIN TXT "v=DKIM1; k=ed25519; p=<its public key>"',
    )


def zone_line(name: str, text: str) -> str:
    """A TXT record as a zone file has it, in strings of at most 255 octets (RFC 1035 section 3.3)."""
    pieces = " ".join(f'"{text[at : at + _STRING]}"' for at in range(0, len(text), _STRING))
    return f"{name}.\tIN TXT {pieces}"


def look_up(domain: str, ask: Lookup | None = None, keys: tuple[tuple[str, str], ...] = ()) -> Iterator[Finding]:
    """Check MX, the names of its hosts, SPF, DKIM and DMARC of a domain; `keys` are our DKIM records."""
    if is_reserved(domain):
        yield skip("dns", f"{domain} is not a public domain")
        return
    question = ask or _ask
    checks: list[Check] = [_mx, _ptr, _spf, *(_key(name, text) for name, text in keys)]
    for check in (*checks, _dmarc) if keys else (*checks, _dkim, _dmarc):
        try:
            yield check(domain, question)
        except dns.exception.Timeout:
            yield warn("dns", f"no answer about {domain} within {_SECONDS:.0f} seconds: its records were not tested")
            return
        except dns.exception.DNSException as error:
            yield warn("dns", f"{domain} cannot be looked up from here, its records were not tested: {error}")
            return


def _mx(domain: str, ask: Lookup) -> Finding:
    hosts = [answer.split()[-1].rstrip(".") for answer in ask(domain, "MX")]
    if not hosts:
        return fail(
            "dns mx",
            f"{domain} has no MX record, no mail will come from outside; publish: {domain}. IN MX 10 <our host>",
        )
    lost = [host for host in hosts if not ask(host, "A") and not ask(host, "AAAA")]
    if lost:
        return fail("dns mx", f"{', '.join(lost)} has no address")
    return good("dns mx", f"mail for {domain} goes to {', '.join(hosts)}")


def _ptr(domain: str, ask: Lookup) -> Finding:
    """Many servers refuse a client whose address has no name, or one that does not lead back (RFC 1912 section 2.1)."""
    hosts = [answer.split()[-1].rstrip(".") for answer in ask(domain, "MX")]
    found = [(host, one) for host in hosts for kind in ("A", "AAAA") for one in ask(host, kind)]
    for host, one in found:
        names = [name.rstrip(".").lower() for name in ask(dns.reversename.from_address(one).to_text(), "PTR")]
        if host.lower() not in names:
            told = f"its PTR says {', '.join(names)}" if names else "it has no PTR"
            return warn("dns ptr", f"{one} of {host}: {told}; if it also sends, others may refuse its mail")
    return good("dns ptr", ", ".join(f"{one} is {host}" for host, one in found) or "no address to test")


def _key(name: str, text: str) -> Check:
    def check(_domain: str, ask: Lookup) -> Finding:
        try:
            found = ask(name, "TXT")
        except dns.resolver.NXDOMAIN:
            found = []
        if "".join(text.split()) in ["".join(one.split()) for one in found]:
            return good("dns dkim", f"{name} has our key")
        told = "has another text, so nobody can verify our signatures" if found else "is not published"
        return fail("dns dkim", f"{name} {told}; publish: {zone_line(name, text)}")

    return check


def _spf(domain: str, ask: Lookup) -> Finding:
    found = [text for text in ask(domain, "TXT") if text.lower().split(" ")[0] == "v=spf1"]
    if not found:
        return fail("dns spf", f'{domain} has no SPF record, others will not trust its mail; publish: "v=spf1 mx -all"')
    if len(found) > 1:
        return fail("dns spf", f"{domain} has {len(found)} SPF records; more than one counts as an error (RFC 7208)")
    if found[0].rstrip().endswith("+all"):
        return fail("dns spf", f"{found[0]!r} lets everybody send for {domain}")
    return good("dns spf", found[0])


def _dkim(domain: str, ask: Lookup) -> Finding:
    """An empty _domainkey name answers NOERROR when any selector stands below it (RFC 8020)."""
    try:
        ask(f"_domainkey.{domain}", "TXT")
    except dns.resolver.NXDOMAIN:
        return warn("dns dkim", f"nothing below _domainkey.{domain}: publish the key of the relay that signs")
    return good("dns dkim", f"_domainkey.{domain} exists; which selector the relay uses is its own affair")


def _dmarc(domain: str, ask: Lookup) -> Finding:
    labels = domain.split(".")
    for name in (domain, ".".join(labels[-2:])):  # the organizational domain answers for those below (RFC 7489 6.6.3)
        try:
            found = [text for text in ask(f"_dmarc.{name}", "TXT") if text.startswith("v=DMARC1")]
        except dns.resolver.NXDOMAIN:
            continue
        if found:
            return good("dns dmarc", found[0])
    record = f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}"
    return fail("dns dmarc", f"{domain} has no DMARC record; publish: {zone_line(f'_dmarc.{domain}', record)}")


def _ask(name: str, kind: str) -> list[str]:
    """Ask the resolver; an empty list when the name exists without such a record. NXDOMAIN is raised."""
    try:
        answer = dns.resolver.resolve(name, kind, lifetime=_SECONDS, search=False)
    except dns.resolver.NoAnswer:
        return []
    except dns.resolver.NXDOMAIN:
        if "_d" in name:
            raise
        return []
    if kind == "TXT":
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    return [record.to_text() for record in answer]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
