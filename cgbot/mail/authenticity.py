"""
Who wrote a mail, found out by ourselves (pure rules: RFC 6376, 7208, 8617, 9989; DNS is asked through a function).

dkimpy verifies signatures and ARC chains, pyspf judges the client, dmarc reads policies; the policy's place is found
by the tree walk of RFC 9989 section 4.10. Only a signature over the From field and the whole body proves anything,
and only of a mail with one From field. Hostile mail makes results such as permerror and raises nothing; DNS that does
not answer makes temperror.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import dkim
import dmarc

from cgbot.mail import headers, signing
from cgbot.mail.address import domain_of, parse_mailboxes
from cgbot.mail.authentication_results import Authentication, aligned
from cgbot.mail.message import Message

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pyspf writes "\." in plain strings
    import spf

# (name, type) -> TXT as one text each, A, AAAA and PTR as they are written, MX as "10 host"; [] when there is none.
Lookup = Callable[[str, str], Sequence[str]]
_SIGNATURES: Final = 6
_SIGNED: Final = frozenset({b"dkim-signature", b"arc-seal", b"arc-message-signature", b"arc-authentication-results"})
_LONG: Final = 16_000  # octets of such a field
_RUN: Final = re.compile(rb"\s{100}")
_WORK: Final = 64 << 20  # octets that are hashed for one chain
_STEPS: Final = 8  # RFC 9989 section 4.10
_DOMAIN: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_SPF_RESULTS: Final = frozenset({"pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"})


class LookupFailed(Exception):
    """DNS did not answer, or not in time."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who brought the mail; `peer` "" where that says nothing, as behind a front server."""

    peer: str
    mail_from: str


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM signature; `whole`: over the From field and all of the body."""

    domain: str
    result: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found; `policy` is what the author's domain asks for mail that fails: none, quarantine, reject, ""."""

    author_domain: str = ""
    signatures: tuple[Signature, ...] = ()
    spf: str = "none"
    spf_domain: str = ""
    dmarc: str = "none"
    policy: str = ""
    arc: str = "none"
    keys: Mapping[str, bytes] = field(default_factory=dict)  # the TXT records of the signatures

    def proven(self) -> Authentication:
        """The domains that passed."""
        if not self.author_domain:
            return Authentication()
        return Authentication(
            dkim=frozenset(one.domain for one in self.signatures if one.result == "pass" and one.whole),
            spf=frozenset({self.spf_domain} if self.spf == "pass" and self.spf_domain else ()),
        )

    def results(self, authserv_id: str) -> bytes:
        """The Authentication-Results field (RFC 8601), folded, with its line end."""
        found = [f"dkim={one.result} header.d={one.domain}" for one in self.signatures] or ["dkim=none"]
        found.append(f"spf={self.spf} smtp.mailfrom={self.spf_domain}" if self.spf_domain else f"spf={self.spf}")
        found.append(f"dmarc={self.dmarc}" + (f" header.from={self.author_domain}" if self.author_domain else ""))
        found.append(f"arc={self.arc}")
        return ";\r\n\t".join([f"Authentication-Results: {authserv_id}", *found]).encode("ascii") + b"\r\n"


def check(message: Message, envelope: Envelope, ask: Lookup) -> Checked:
    """Verify everything; never raises for what the mail or DNS says."""
    keys: dict[str, bytes] = {}
    fetch = _key_lookup(ask, keys)
    author = _author_domain(message)
    signatures = _signatures(message.raw, fetch)
    result, domain = _spf(envelope, ask)
    base = Checked(author, signatures, result, domain, keys=keys)
    verdict, policy = _dmarc(base, ask) if author else ("permerror", "")
    return Checked(author, signatures, result, domain, verdict, policy, chain(message.raw, fetch), keys)


def unanswered(message: Message) -> Checked:
    """What is known when DNS did not answer in time."""
    return Checked(_author_domain(message), spf="temperror", dmarc="temperror", arc="none")


def survives(raw: bytes, checked: Checked) -> bool:
    """Say whether a signature of the author's domain verifies on these octets, with the keys that were found."""
    found = _signatures(raw, lambda name, timeout=5: checked.keys.get(_key_name(name)))  # noqa: ARG005 - dkimpy's form
    return any(one.result == "pass" and one.whole and aligned(checked.author_domain, one.domain) for one in found)


def chain(raw: bytes, fetch: Callable[..., bytes | None]) -> str:
    """Validate the ARC chain (RFC 8617 section 5.2): none, pass or fail."""
    if _is_odd(raw):
        return "fail" if b"arc-seal" in headers.split(raw)[0].lower() else "none"
    try:
        verdict, _, _ = dkim.ARC(raw, logger=signing.QUIET).verify(dnsfunc=fetch)
    except Exception:  # noqa: BLE001 - hostile input: dkimpy lets IndexError, UnicodeDecodeError and others out
        return "fail" if b"arc-seal" in raw.lower() else "none"
    return verdict.decode("ascii") if isinstance(verdict, bytes) else "fail"


def _author_domain(message: Message) -> str:
    """The domain of the one author in the one From field, "" for anything else."""
    values = message.headers("From")
    boxes = parse_mailboxes(values[0]) if len(values) == 1 else ()
    domain = domain_of(boxes[0].address).lower() if len(boxes) == 1 else ""
    return domain if _DOMAIN.fullmatch(domain) else ""


def _key_name(name: bytes | str) -> str:
    return (name.decode("ascii", "replace") if isinstance(name, bytes) else name).rstrip(".").lower()


def _key_lookup(ask: Lookup, keys: dict[str, bytes]) -> Callable[..., bytes | None]:
    def fetch(name: bytes | str, timeout: int = 5) -> bytes | None:  # noqa: ARG001 - dkimpy names it
        key = _key_name(name)
        if key not in keys:
            found = ask(key, "TXT")
            keys[key] = found[0].encode("utf-8", "replace") if found else b""
        return keys[key] or None

    return fetch


def _signatures(raw: bytes, fetch: Callable[..., bytes | None]) -> tuple[Signature, ...]:
    if _is_odd(raw):
        return ()
    try:
        verifier = dkim.DKIM(raw, logger=signing.QUIET, minkey=1024)
    except Exception:  # noqa: BLE001 - hostile input: a line without a colon
        return ()
    count = sum(1 for name, _ in verifier.headers if name.lower() == b"dkim-signature")
    found = [_signature(verifier, place, fetch) for place in range(min(count, _SIGNATURES))]
    return tuple(one for one in found if one is not None)


def _is_odd(raw: bytes) -> bool:
    """Say whether verifying would cost too much: dkimpy takes the square of a run of blanks, and each set the body."""
    found = [(name.lower(), piece) for name, piece in headers.cut(headers.split(raw)[0])]
    signatures = [piece for name, piece in found if name in _SIGNED]
    sets = sum(name == b"arc-message-signature" for name, _ in found)
    return sets * len(raw) > _WORK or any(len(one) > _LONG or _RUN.search(one) for one in signatures)


def _signature(verifier: Any, place: int, fetch: Callable[..., bytes | None]) -> Signature | None:
    """One signature; None for one that does not even name a domain."""
    verifier.signature_fields, verifier.include_headers = {}, ()
    try:
        result = "pass" if verifier.verify(place, dnsfunc=fetch) else "fail"
    except LookupFailed:
        result = "temperror"
    except dkim.ValidationError:
        result = "fail"
    except Exception:  # noqa: BLE001 - hostile input: dkimpy lets many errors out
        result = "permerror"
    tags = verifier.signature_fields
    domain = bytes(tags.get(b"d", b"")).decode("ascii", "replace").strip().lower()
    whole = b"l" not in tags and b"from" in tuple(verifier.include_headers)
    return Signature(domain, result, whole) if _DOMAIN.fullmatch(domain) else None


# -------------------------------------------------------------------------------------------------------- SPF

_ASK: ContextVar[Lookup] = ContextVar("ask")


def _spf_lookup(name: str, qtype: str, _tcp: bool = True, timeout: float = 0) -> list[Any]:  # noqa: ARG001 - pyspf's form
    try:
        found = _ASK.get()(name.rstrip("."), qtype)
    except LookupFailed as error:
        raise spf.TempError(f"DNS {error}") from error
    return [((name, qtype), _as_spf(qtype, text)) for text in found]


def _as_spf(qtype: str, text: str) -> object:
    if qtype in {"TXT", "SPF"}:
        return (text.encode("utf-8", "replace"),)
    if qtype == "MX":
        preference, _, host = text.partition(" ")
        return (int(preference), host.rstrip("."))
    return text.rstrip(".")


spf.DNSLookup = _spf_lookup  # the one place where pyspf asks


def _spf(envelope: Envelope, ask: Lookup) -> tuple[str, str]:
    """The result for the client and the domain of the return path."""
    domain = domain_of(envelope.mail_from).lower()
    if not envelope.peer or not _DOMAIN.fullmatch(domain):
        return "none", ""
    token = _ASK.set(ask)
    try:
        result, _ = spf.check2(i=envelope.peer, s=envelope.mail_from, h=domain)
    except Exception:  # noqa: BLE001 - hostile records
        result = "permerror"
    finally:
        _ASK.reset(token)
    return (result if result in _SPF_RESULTS else "permerror"), domain


# ------------------------------------------------------------------------------------------------------ DMARC


def _dmarc(checked: Checked, ask: Lookup) -> tuple[str, str]:
    """The result and the policy that the author's domain asks for."""
    try:
        policy = find_policy(checked.author_domain, ask)
    except LookupFailed:
        return "temperror", ""
    if policy is None:
        return "none", ""
    proven = checked.proven()
    judged = dmarc.DMARC().get_result(
        policy,
        auth_results=dmarc.AuthResults(
            spf=next((dmarc.SPF(one, dmarc.SPFResult.PASS) for one in proven.spf), None),
            dkim=[dmarc.DKIM(one, dmarc.DKIMResult.PASS) for one in sorted(proven.dkim)],
        ),
    )
    is_sub = bool(policy.org_domain) and policy.sp is not dmarc.DMARCDisposition.UNSPECIFIED
    wanted = (policy.sp if is_sub else policy.p).name.lower()
    if policy.t is dmarc.DMARCTesting.Y:
        wanted = {"reject": "quarantine"}.get(wanted, "none")
    return ("pass" if judged.result is dmarc.DMARCResult.PASS else "fail"), wanted


def find_policy(domain: str, ask: Lookup) -> dmarc.Policy | None:
    """Walk up from the domain (RFC 9989 section 4.10); the domain's own record, else that of its organization."""
    labels = domain.split(".")
    starts = [0, *range(max(1, len(labels) - _STEPS + 1), len(labels))]
    found: list[dmarc.Policy] = []
    for start in starts:
        name = ".".join(labels[start:])
        policy = _record(name, domain, ask)
        if policy is None:
            continue
        if name == domain:
            return policy
        found.append(policy)
    return found[-1] if found else None


def _record(name: str, domain: str, ask: Lookup) -> dmarc.Policy | None:
    texts = [text for text in ask(f"_dmarc.{name}", "TXT") if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)]
    if len(texts) != 1:
        return None
    try:
        return dmarc.DMARC().parse_record(texts[0], domain, None if name == domain else name, strict=False)
    except Exception:  # noqa: BLE001 - hostile records
        return None


def must_rewrite(raw: bytes, checked: Checked, refused_without: Collection[str]) -> bool:
    """
    Say whether these octets, as they are sent, would be refused in the author's name.

    That is: no signature of the author's domain survives, and its policy or its habit (`refused_without`) demands one.
    """
    strict = checked.policy in {"quarantine", "reject"} or checked.author_domain in refused_without
    return bool(checked.author_domain) and strict and not survives(raw, checked)
