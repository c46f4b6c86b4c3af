"""What we sign and seal verifies with dkimpy as it comes, and stays the same octets on a retry."""

from __future__ import annotations

import dkim
import pytest

from cgbot.mail import sealing, signing
from cgbot.mail.headers import split
from cgbot.mail.signing import Stamp
from tests.mail.keys_for_tests import signing_keys

KEYS = signing_keys()
US = "lists.example.org"
RECORDS = {name: text.encode() for name, text in KEYS.records()}
OURS = b"Authentication-Results: lists.example.org;\r\n\tdkim=none;\r\n\tspf=none;\r\n\tdmarc=none;\r\n\tarc=none\r\n"
MAIL = (
    b"List-Id: <cg-aisec.lists.example.org>\r\nList-Unsubscribe: <mailto:x@lists.example.org>, <https://x/1>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFrom: Ann <ann@example.com>\r\nTo: x@lists.example.org\r\n"
    b"Subject: Two  words\r\n and a fold\r\nDate: Mon, 3 May 2027 08:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
    b"MIME-Version: 1.0\r\n\r\nDear all, \r\n.\r\n\r\n\r\n"
)


def fetch(name: bytes, timeout: int = 5) -> bytes | None:
    return RECORDS.get(name.decode().rstrip("."))


def signed(raw: bytes) -> bytes:
    block, body = split(raw)
    return signing.sign(block, Stamp(signing.body_hash(body), 1_700_000_000), KEYS) + raw


def verdicts(raw: bytes) -> list[bool]:
    return [dkim.DKIM(raw).verify(place, dnsfunc=fetch) for place in (0, 1)]


def test_both_signatures_verify_and_are_the_same_again() -> None:
    assert verdicts(signed(MAIL)) == [True, True]
    assert signed(MAIL) == signed(MAIL)
    assert b"a=rsa-sha256" in signed(MAIL)
    assert b"a=ed25519-sha256" in signed(MAIL)


@pytest.mark.parametrize(
    "change",
    [
        (b"https://x/1", b"https://x/2"),
        (b"List-Unsubscribe=One-Click", b"x=y"),
        (b"Two  words", b"Three words"),
        (b"Mon, 3 May", b"Tue, 4 May"),
        (b"<1@example.com>", b"<2@example.com>"),
        (b"ann@example.com", b"eve@example.com"),
        (b"From: Ann", b"From: Eve <eve@example.com>\r\nFrom: Ann"),
        (b"To: x@", b"To: y@"),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.1"),
        (b"Dear all", b"Dear none"),
    ],
)
def test_what_is_covered(change: tuple[bytes, bytes]) -> None:
    raw = signed(MAIL)
    changed = raw.replace(*change)
    assert changed != raw
    results = []
    for place in (0, 1):
        try:
            results.append(dkim.DKIM(changed).verify(place, dnsfunc=fetch))
        except dkim.ValidationError:
            results.append(False)
    assert results == [False, False]


def test_what_a_relay_may_do() -> None:
    """Fields on top, blanks at the end of lines, folds elsewhere."""
    raw = b"Received: by relay\r\n" + signed(MAIL).replace(b"Two  words\r\n and", b"Two words and")
    assert verdicts(raw) == [True, True]


def seal(raw: bytes) -> bytes:
    return sealing.seal(raw, KEYS, US, 1_700_000_000)


def test_a_sealed_and_signed_mail_verifies() -> None:
    raw = OURS + MAIL
    whole = seal(raw) + signed(raw)
    assert dkim.arc_verify(whole, dnsfunc=fetch)[0] == b"pass"
    assert verdicts(whole) == [True, True]
    other = whole.replace(b"https://x/1", b"https://x/2")  # the seal is the same for every copy
    assert dkim.arc_verify(other, dnsfunc=fetch)[0] == b"pass"
    assert dkim.arc_verify(whole.replace(b"Dear all", b"Dear none"), dnsfunc=fetch)[0] == b"fail"


def test_a_chain_goes_on() -> None:
    first = seal(OURS + MAIL) + OURS + MAIL
    again = first.replace(OURS, OURS.replace(b"arc=none", b"arc=pass"))
    second = seal(again) + again
    assert b"ARC-Seal: i=2; cv=pass" in second
    assert dkim.arc_verify(second, dnsfunc=fetch)[0] == b"pass"


@pytest.mark.parametrize(
    "raw",
    [
        MAIL,  # no results of ours
        OURS.replace(b"lists.", b"lost.") + MAIL,
        b"Authentication-Results: \xe9\xff\r\n" + OURS + MAIL,
        b"no colon\r\n" + OURS + MAIL,
        OURS + b"Authentication-Results: " + b"(" * 5000 + b"\r\n" + MAIL,
        seal(OURS + MAIL) + OURS.replace(b"arc=none", b"x=y") + MAIL,
        b"ARC-Seal: i=1; cv=fail; a=rsa-sha256; b=x\r\n" + OURS.replace(b"arc=none", b"arc=fail") + MAIL,
    ],
)
def test_no_seal_where_there_can_be_none(raw: bytes) -> None:
    """Sent unsealed, and nothing raised."""
    assert seal(raw) == b""


def test_keys_are_never_shown() -> None:
    assert "PRIVATE" not in repr(KEYS)


@pytest.mark.parametrize("body", [b" " * 2_000_000 + b"x", b"\r\n" * 200_000 + b"x", b" \t\r\n " * 200_000 + b"x"])
def test_a_hostile_body_takes_no_longer_than_another(body: bytes) -> None:
    """With the square of two million this would not end."""
    assert signing.body_hash(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # RFC 6376 section 3.4.5
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b"a", b"a\r\n"),
        (b"a\t \t\r\n\tb  c\r\n", b"a\r\n b c\r\n"),
    ],
)
def test_a_relaxed_body(body: bytes, expected: bytes) -> None:
    assert signing.relaxed_body(body) == expected
