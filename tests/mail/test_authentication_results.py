"""Authentication-Results: whose word counts, and what it proves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail.authentication_results import Authentication, results
from cgbot.mail.message import parse

OURS = ("mx.example.org",)
RECEIVED = b"Received: from x by mx.example.org; Mon, 3 May 2027 08:00:00 +0000\r\n"


def field(text: str, server: str = "mx.example.org") -> bytes:
    return f"Authentication-Results: {server};\r\n {text}\r\n".encode()


def read(*fields: bytes) -> Authentication:
    return results(parse(b"".join(fields) + b"From: ann@example.com\r\n\r\n"), OURS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # RFC 8601 appendix B.3 and B.4
        (
            "auth=pass smtp.auth=sender@example.net; spf=pass smtp.mailfrom=example.net",
            Authentication(spf=frozenset({"example.net"})),
        ),
        (
            'dkim=pass reason="good signature" header.i=@mail-router.example.net; '
            'dkim=fail reason="bad signature" header.i=@newyork.example.com',
            Authentication(dkim=frozenset({"mail-router.example.net"})),
        ),
        (
            "dkim=pass (2048-bit key) header.d=Example.COM header.i=@Example.COM header.b=x; "
            "spf=pass smtp.mailfrom=ann@example.com; dmarc=pass (p=none dis=none) header.from=example.com",
            Authentication(frozenset({"example.com"}), frozenset({"example.com"}), frozenset({"example.com"})),
        ),
        (
            "spf=softfail smtp.mailfrom=example.com; dkim=neutral header.d=example.com; "
            "dmarc=none header.from=example.com",
            Authentication(),
        ),
        ("none", Authentication()),
        ("arc=pass header.d=example.com; iprev=pass policy.iprev=192.0.2.1", Authentication()),
        ("dkim=pass", Authentication()),
        ("dmarc=pass header.d=example.com", Authentication()),
    ],
)
def test_a_trusted_servers_results(text: str, expected: Authentication) -> None:
    assert read(field(text), RECEIVED) == expected
    assert read(RECEIVED, field(text)) == expected


PASS = field("dkim=pass header.d=example.com; spf=pass smtp.mailfrom=example.com; dmarc=pass header.from=example.com")
FAIL = field("dkim=fail header.d=example.com; spf=fail smtp.mailfrom=example.com; dmarc=fail header.from=example.com")


def test_another_servers_word_is_nothing() -> None:
    assert read(field("dmarc=pass header.from=example.com", "mx.evil.example"), RECEIVED) == Authentication()
    assert results(parse(PASS + b"\r\n"), ()) == Authentication()
    assert read(field("dmarc=pass header.from=example.com", "MX.Example.org"), RECEIVED).proves("ann@example.com")


@pytest.mark.parametrize(
    "order",
    [
        (RECEIVED, FAIL, PASS),  # our server's below its Received line, the forged one in the message as it was sent
        (FAIL, RECEIVED, PASS),
        (FAIL, RECEIVED, RECEIVED, PASS),
    ],
)
def test_a_forged_field_that_was_not_taken_away_is_not_believed(order: tuple[bytes, ...]) -> None:
    assert not read(*order).proves("ann@example.com")


def test_several_fields_of_one_server_count_where_only_servers_write() -> None:
    first, second = field("dkim=pass header.d=esp.example.net"), field("dkim=pass header.d=example.com")
    assert read(first, second, RECEIVED).dkim == {"esp.example.net", "example.com"}
    assert read(RECEIVED, first, second).dkim == {"esp.example.net"}
    apart = (field("dkim=pass header.d=example.com"), field("dmarc=pass header.from=example.com"))
    assert read(RECEIVED, *apart) == Authentication(dkim=frozenset({"example.com"}), dmarc=frozenset({"example.com"}))


@pytest.mark.parametrize(
    ("domain", "address", "expected"),
    [
        ("example.com", "ann@example.com", True),
        ("example.com", "Ann@EXAMPLE.com", True),
        ("mail.example.com", "ann@example.com", True),
        ("example.com", "ann@dept.example.com", True),
        ("example.com", "ann@notexample.com", False),
        ("notexample.com", "ann@example.com", False),
        ("example.com", "ann@example.com.evil.example", False),
        ("com", "ann@example.com", False),
        ("example.com", "ann@com", False),
        ("example.com", "ann", False),
        ("example.com", "", False),
    ],
)
def test_alignment_is_relaxed(domain: str, address: str, expected: bool) -> None:
    for found in (
        Authentication(dkim=frozenset({domain})),
        Authentication(spf=frozenset({domain})),
        Authentication(dmarc=frozenset({domain})),
    ):
        assert found.proves(address) is expected


def test_a_signature_of_a_list_host_is_asked_for_by_domain() -> None:
    found = read(field("dkim=pass header.d=lists.itu.int"), RECEIVED)
    assert found.dkim_passed("itu.int")
    assert found.dkim_passed("lists.itu.int")
    assert not found.dkim_passed("example.com")
    assert not found.dkim_passed("mx.lists.itu.int")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "junk",
    [
        "(" * 5000,
        "dkim=pass " * 2000,
        ";" * 5000,
        '"' * 5000,
        "=?utf-8?q?dmarc=3Dpass?=",
        "1 2 3",
        "dkim/9=pass header.d=example.com",
    ],
)
def test_junk_proves_nothing(junk: str) -> None:
    assert not read(field(junk), RECEIVED).dmarc


@given(st.text(max_size=120))
def test_any_field_is_read(text: str) -> None:
    results(parse(f"Authentication-Results: mx.example.org; {text}\r\n\r\n".encode("utf-8", "replace")), OURS)
