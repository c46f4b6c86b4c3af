"""Our own check: ARC chains, DKIM, SPF, DMARC, what they prove, and hostile mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import authres
import pytest

from cgbot.mail import authenticity, signing
from cgbot.mail.authenticity import Checked, Envelope, LookupFailed, Signature, check
from cgbot.mail.headers import split
from cgbot.mail.message import parse
from cgbot.mail.signing import Stamp
from tests.mail.keys_for_tests import published, signing_keys

Zone = Mapping[tuple[str, str], list[str]]
NOBODY = Envelope("", "")


class Dns:
    """Answers from a table; a name that stands there as "silent" is not answered."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def __call__(self, name: str, kind: str) -> list[str]:
        found = self.zone.get((name.lower(), kind), [])
        if found == ["silent"]:
            raise LookupFailed(name)
        return found


def arc_cases(path: Path) -> Iterator[tuple[str, bytes, str, dict[str, bytes]]]:
    """(name, message, cv, keys) of the suite; its YAML is so regular that a few lines read it."""
    for document in re.split(r"^---\s*$", path.read_text("utf-8"), flags=re.MULTILINE):
        tests, _, records = document.partition("\ntxt-records:")
        names = re.findall(r"^  (\S+): >-\n((?:    .*\n?)+)", records, flags=re.MULTILINE)
        keys = {name: " ".join(text.split()).encode() for name, text in names}
        for found in re.finditer(r"^  (\w+):\n((?:(?:    .*)?\n)+)", tests + "\n", flags=re.MULTILINE):
            message = re.search(r"^    message: *\|\n((?:(?:      .*)?\n)*)", found[2], flags=re.MULTILINE)
            verdict = re.search(r"^    cv: +(\w+)", found[2], flags=re.MULTILINE)
            assert message
            assert verdict or re.search(r"^    cv: +\|", found[2], flags=re.MULTILINE)  # ended by a failure before
            text = re.sub(r"^      ", "", message[1], flags=re.MULTILINE).rstrip("\n") + "\n"
            yield found[1], text.replace("\n", "\r\n").encode(), verdict[1].lower() if verdict else "fail", keys


def test_the_arc_suite(corpora: Path) -> None:
    wrong = []
    count = 0
    for name, raw, expected, keys in arc_cases(corpora / "08-auth/arc_test_suite/arc-draft-validation-tests.yml"):
        count += 1
        found = authenticity.chain(raw, lambda asked, timeout=5, keys=keys: keys.get(asked.decode().rstrip(".")))  # noqa: ARG005 - dkimpy's form
        if found != expected:
            wrong.append((name, expected, found))
    assert wrong == []
    assert count > 160


def test_arc_cases_are_read_as_they_stand(tmp_path: Path) -> None:
    """The reader of the suite, on a small one."""
    path = tmp_path / "suite.yml"
    path.write_text(
        "description: >-\n  X\ntests:\n  one:\n    spec:  1\n    message:   |\n      A: b\n\n      text\n"
        "    cv:   Pass\ntxt-records:\n  k._domainkey.example.org: >-\n    v=DKIM1;\n    p=x\n"
    )
    assert list(arc_cases(path)) == [
        ("one", b"A: b\r\n\r\ntext\r\n", "pass", {"k._domainkey.example.org": b"v=DKIM1; p=x"})
    ]


# -------------------------------------------------------------------------------------------------------- DKIM

PLAIN = b"From: Ann <ann@example.com>\r\nTo: list@lists.example.org\r\nSubject: Hello\r\n\r\nBody\r\n"


def signed(raw: bytes = PLAIN, domain: str = "example.com") -> bytes:
    block, body = split(raw)
    return signing.sign(block, Stamp(signing.body_hash(body), 1_700_000_000), signing_keys(domain)) + raw


def test_a_signature_proves_its_domain_and_those_below() -> None:
    found = check(parse(signed()), NOBODY, Dns(published(signing_keys("example.com"))))
    assert [(one.domain, one.result) for one in found.signatures] == [("example.com", "pass")] * 2
    assert found.proven().proves("ann@example.com")
    assert not found.proven().proves("ann@example.net")


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (lambda raw: raw.replace(b"Body", b"Another"), "fail"),
        (lambda raw: b"From: Mallory <m@example.com>\r\n" + raw, "fail"),
        (lambda raw: raw.replace(b"Subject: Hello", b"Subject: [list] Hello"), "fail"),
        (lambda raw: raw.replace(b"d=example.com", b"d=example.org", 2), "fail"),  # no key there
        (lambda raw: raw.replace(b"a=rsa-sha256", b"a=md5").replace(b"a=ed25519-sha256", b"a=md5"), "fail"),
    ],
)
def test_a_broken_signature_proves_nothing(change, result: str) -> None:  # type: ignore[no-untyped-def]  # a lambda
    found = check(parse(change(signed())), NOBODY, Dns(published(signing_keys("example.com"))))
    assert {one.result for one in found.signatures} == {result}
    assert not found.proven().proves("ann@example.com")


def test_part_of_the_body_or_no_from_proves_nothing() -> None:
    """`l=` lets anybody add to the body; a signature that leaves From out says nothing about the author."""
    for signature in (Signature("example.com", "pass", whole=False),):
        assert not Checked("example.com", (signature,)).proven().proves("ann@example.com")


def test_two_authors_prove_nothing() -> None:
    raw = signed(PLAIN.replace(b"From: Ann <ann@example.com>", b"From: ann@example.com, bob@example.com"))
    found = check(parse(raw), NOBODY, Dns(published(signing_keys("example.com"))))
    assert found.signatures[0].result == "pass"
    assert not found.proven().proves("ann@example.com")


def test_silent_dns_is_a_temporary_error() -> None:
    zone = {name: ["silent"] for name in published(signing_keys("example.com"))}
    zone |= {("_dmarc.example.com", "TXT"): ["silent"], ("example.com", "TXT"): ["silent"]}
    found = check(parse(signed()), Envelope("192.0.2.1", "ann@example.com"), Dns(zone))
    assert {one.result for one in found.signatures} == {found.spf, found.dmarc} == {"temperror"}
    assert not found.proven().proves("ann@example.com")


# --------------------------------------------------------------------------------------------------- SPF, DMARC

SPF = {("example.com", "TXT"): ["v=spf1 ip4:192.0.2.0/24 include:more.example.net mx -all"],
       ("more.example.net", "TXT"): ["v=spf1 ip6:2001:db8::/32 -all"],
       ("example.com", "MX"): ["10 mx.example.com."], ("mx.example.com", "A"): ["198.51.100.7"]}  # fmt: skip


@pytest.mark.parametrize(
    ("peer", "mail_from", "expected"),
    [
        ("192.0.2.7", "ann@example.com", "pass"),
        ("2001:db8::1", "ann@example.com", "pass"),
        ("198.51.100.7", "ann@example.com", "pass"),
        ("203.0.113.1", "ann@example.com", "fail"),
        ("203.0.113.1", "ann@example.net", "none"),
        ("192.0.2.7", "", "none"),
        ("", "ann@example.com", "none"),
    ],
)
def test_spf(peer: str, mail_from: str, expected: str) -> None:
    found = check(parse(PLAIN), Envelope(peer, mail_from), Dns(SPF))
    assert found.spf == expected
    assert found.proven().proves("ann@example.com") is (expected == "pass")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ({}, ("none", "")),
        ({"_dmarc.sub.example.com": "v=DMARC1; p=reject"}, ("fail", "reject")),
        ({"_dmarc.sub.example.com": "v=DMARC1;p=none"}, ("fail", "none")),
        ({"_dmarc.example.com": "v=DMARC1; p=reject; sp=quarantine"}, ("fail", "quarantine")),
        ({"_dmarc.example.com": "v=DMARC1; p=reject"}, ("fail", "reject")),
        ({"_dmarc.sub.example.com": "v=DMARC1; p=none", "_dmarc.example.com": "v=DMARC1; p=reject"}, ("fail", "none")),
        ({"_dmarc.example.com": "v=DMARC1; p=reject; t=y"}, ("fail", "quarantine")),
        ({"_dmarc.example.com": "v=DMARC1; p=quarantine; t=y"}, ("fail", "none")),
        ({"_dmarc.example.com": "something else"}, ("none", "")),
        ({"_dmarc.example.com": "v=DMARC1; p=\xff;;;=;"}, ("none", "")),
    ],
)
def test_the_policy_of_a_domain(records: dict[str, str], expected: tuple[str, str]) -> None:
    """RFC 9989 section 4.10: the domain's own record, else that of its organization."""
    zone = {(name, "TXT"): [text] for name, text in records.items()}
    found = check(parse(PLAIN.replace(b"@example.com", b"@sub.example.com")), NOBODY, Dns(zone))
    assert (found.dmarc, found.policy) in {expected, (expected[0], "unspecified" if not expected[1] else expected[1])}


def test_the_tree_walk_asks_eight_times_at_most() -> None:
    asked: list[str] = []

    def ask(name: str, _kind: str) -> list[str]:
        asked.append(name)
        return []

    assert authenticity.find_policy("a.b.c.d.e.f.g.h.i.j.mail.example.com", ask) is None
    assert asked[0] == "_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com"
    assert asked[1] == "_dmarc.g.h.i.j.mail.example.com"
    assert len(asked) == 8


def test_dmarc_passes_by_an_aligned_signature() -> None:
    zone = {**published(signing_keys("example.com")), ("_dmarc.example.com", "TXT"): ["v=DMARC1; p=reject"]}
    assert check(parse(signed()), NOBODY, Dns(zone)).dmarc == "pass"
    strict = zone | {("_dmarc.sub.example.com", "TXT"): ["v=DMARC1; p=reject; adkim=s"]}
    of_sub = signed(PLAIN.replace(b"@example.com", b"@sub.example.com"))
    assert check(parse(of_sub), NOBODY, Dns(strict)).dmarc == "fail"
    assert check(parse(of_sub), NOBODY, Dns(zone)).dmarc == "pass"


# ------------------------------------------------------------------------------------------------- the decision


@pytest.mark.parametrize(
    ("policy", "is_signed", "is_listed", "expected"),
    [
        ("reject", True, True, False),
        ("reject", False, False, True),
        ("quarantine", False, False, True),
        ("none", False, False, False),
        ("", False, False, False),
        ("none", False, True, True),
        ("", False, True, True),
        ("none", True, True, False),
    ],
)
def test_when_the_list_must_stand_in_from(policy: str, is_signed: bool, is_listed: bool, expected: bool) -> None:
    raw = signed() if is_signed else PLAIN
    zone = {**published(signing_keys("example.com")), ("_dmarc.example.com", "TXT"): [f"v=DMARC1; p={policy}"]}
    found = check(parse(raw), NOBODY, Dns(zone))
    assert authenticity.must_rewrite(raw, found, ("example.com",) if is_listed else ()) is expected


def test_it_is_decided_on_the_octets_that_go_out() -> None:
    zone = {**published(signing_keys("example.com")), ("_dmarc.example.com", "TXT"): ["v=DMARC1; p=reject"]}
    found = check(parse(signed()), NOBODY, Dns(zone))
    assert authenticity.survives(b"List-Id: <x>\r\n" + signed(), found)
    assert authenticity.must_rewrite(signed() + b"-- \r\nfooter\r\n", found, ())


# ------------------------------------------------------------------------------------------------- hostile mail


@pytest.mark.parametrize(
    "head",
    [
        b"a line without a colon\r\n",
        b"DKIM-Signature: \xff\xfe\x00;;;=\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=x; h=from; bh=!; b=!\r\n",
        b"DKIM-Signature: " + b"v=1; " * 20_000 + b"\r\n",
        b"ARC-Seal: i=1\r\n",
        b"ARC-Seal: i=99999999999999999999999; cv=pass\r\nARC-Message-Signature: \xff\r\n",
        b"Authentication-Results: \xe9\xff; dkim=pass\r\n",
        b"Authentication-Results: " + b"(" * 5000 + b"\r\n",
        b"From: \xff@\xff\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=x; h=from; bh=x; b=" + b"\r\n " * 20_000 + b"!\r\n",
    ],
)
def test_hostile_mail_raises_nothing(head: bytes) -> None:
    found = check(parse(head + PLAIN), Envelope("192.0.2.7", "x@\xff.example"), Dns(SPF))
    assert not found.proven().dkim
    field = found.results("lists.example.org").decode("ascii")
    assert authres.AuthenticationResultsHeader.parse(re.sub(r"\s+", " ", field)).authserv_id == "lists.example.org"
