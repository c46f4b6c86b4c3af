"""What ends a message, what is a command, and TLS."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from cgbot.smtp.server import tls_context
from tests.smtp.conftest import POST, Open, message

pytestmark = pytest.mark.anyio

# reference: RFC 5321 section 4.1.1.4 and the variants that are known to split one message into two
ENDINGS = [
    b"\n.\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r", b"\r\n\0.\r\n",
    b"\r\n.\0\r\n", b"\r\n. \r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n",
]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
async def test_only_crlf_dot_crlf_ends_a_message(post_office: Open, ending: bytes) -> None:
    """The second message is inside the first: it never arrives as one of its own."""
    post = await post_office()
    client = await post.connect()
    await client.begin()
    second = f"MAIL FROM:<evil@example.net>\r\nRCPT TO:<{POST}>\r\nDATA\r\n".encode()
    client.send(message("first")[:-3] + b"text" + ending + second + message("second"))
    answer = await client.hear()
    client.send(b"QUIT\r\n")
    rest = await client.rest()
    assert len(post.shelf.arrivals) <= 1
    assert all(arrival.mail_from == "ann@example.org" for arrival in post.shelf.arrivals)
    assert answer[:3] in {"250", "550"}
    assert rest.startswith(b"221 ")


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"a\rb", "550 5.6.0 the message holds a bare CR or a bare LF; a line ends with CRLF"),
        (b"a\nb", "550 5.6.0 the message holds a bare CR or a bare LF; a line ends with CRLF"),
        (b"a\0b", "550 5.6.0 the message holds a NUL octet"),
    ],
)
async def test_a_refusal_names_the_rule(post_office: Open, octets: bytes, expected: str) -> None:
    post = await post_office()
    client = await post.connect()
    await client.begin()
    client.send(b"From: a@example.org\r\n\r\n" + octets + b"\r\n.\r\n")
    assert await client.hear() == expected
    assert (await client.say("NOOP")).startswith("250")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"NOOP\n", "500 5.5.2 a command ends with CRLF"),
        (b"NOOP\r\r\n", "500 5.5.2 a command ends with CRLF"),
        (b"NO\0OP\r\n", "500 5.5.2 a command ends with CRLF"),
        (b"\r\n", "500 5.5.2 an empty line"),
        (b"N\xd6\xd6P\r\n", "500 5.5.2 a command is ASCII"),
        (b"MAIL FROM:<\xff@example.org>\r\n", "500 5.5.2 a command is ASCII"),
        (b"NOOP " + b"x" * 3000 + b"\r\n", "500 5.5.2 a command is at most 2048 octets long"),
        (b"NOOP " + b"x" * 400_000 + b"\r\n", "500 5.5.2 a command is at most 2048 octets long"),
        (b"VRFY ann\r\n", "252 2.5.0"),
        (b"EXPN list\r\n", "502 5.5.1"),
        (b"AUTH PLAIN AGEAYg==\r\n", "502 5.5.1"),
        (b"auth\r\n", "502 5.5.1"),
        (b"STARTTLS\r\n", "454 4.7.0"),
        (b"DATA\r\n", "503 5.5.1"),
        (b"RCPT TO:<cg-aisec@lists.example.org>\r\n", "503 5.5.1"),
        (b"RSET x\r\n", "501 5.5.4"),
        (b"EHLO\r\n", "501 5.5.4"),
        (b"LHLO x\r\n", "500 5.5.2"),
        (b"MAIL FROM:<a@example.org>\r\n", "503 5.5.1 greet first"),
    ],
)
async def test_before_a_greeting(post_office: Open, line: bytes, expected: str) -> None:
    post = await post_office()
    client = await post.connect()
    await client.hear()
    client.send(line)
    assert (await client.hear()).startswith(expected)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<a@example.org>", "250 2.1.0"),
        ("from: <a@example.org> BODY=8BITMIME SIZE=100", "250 2.1.0"),
        ("FROM:<>", "250 2.1.0"),
        ("FROM:<> BODY=7BIT", "250 2.1.0"),
        ('FROM:<"a b"@example.org>', "250 2.1.0"),
        ("FROM:<@x.example,@y.example:a@example.org>", "250 2.1.0"),
        ("FROM:<a@[192.0.2.1]>", "250 2.1.0"),
        ("FROM:<grün@example.org> SMTPUTF8", "250 2.1.0"),
        ("FROM:<grün@example.org>", "553 5.6.7"),
        ("FROM:<.a@example.org>", "553 5.1.7"),
        ("FROM:<a..b@example.org>", "553 5.1.7"),
        ("FROM:<a@example.org\x01c>", "553 5.1.7"),
        ("FROM:<a@-example.org>", "553 5.1.7"),
        (f"FROM:<{'a' * 400}@example.org>", "553 5.1.7"),
        ("FROM:<a@example.org> BODY=BINARYMIME", "501 5.5.4"),
        ("FROM:<a@example.org> RET=HDRS", "555 5.5.4"),
        ("FROM:<a@example.org> AUTH=<>", "555 5.5.4"),
        ("FROM:<a@example.org> SIZE=", "553 5.1.7"),
        ("FROM:<a@example.org> SIZE=x", "501 5.5.4"),
        ("FROM:<a@example.org> SIZE=" + "9" * 30, "501 5.5.4"),
        ("TO:<a@example.org>", "553 5.1.7"),
        ("", "501 5.5.4"),
        ("FROM:" + "(" * 1500 + "@", "553 5.1.7"),
    ],
)
async def test_mail(post_office: Open, argument: str, expected: str) -> None:
    post = await post_office()
    client = await post.connect()
    await client.hear()
    await client.say("EHLO x")
    assert (await client.say(f"MAIL {argument}")).startswith(expected)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("TO:<cg-aisec@lists.example.org>", "250 2.1.5"),
        ("TO:<CG-AISEC@LISTS.example.org>", "250 2.1.5"),
        ("TO:<cg-aisec-owner@lists.example.org>", "250 2.1.5"),
        ("TO:<postmaster>", "250 2.1.5"),
        ("TO:<Postmaster@lists.example.org>", "250 2.1.5"),
        ("TO:<nobody@lists.example.org>", "550 5.1.1"),
        ("TO:<cg-aisec-liaisons@lists.example.org>", "550 5.1.1"),
        ("TO:<cg-aisec-bounces+1.2.aaaaaaaaaaaaaaaa@lists.example.org>", "550 5.1.1"),
        ("TO:<cg-aisec-bounces@lists.example.org>", "550 5.1.1"),
        ("TO:<someone@elsewhere.example>", "550 5.7.1"),
        ("TO:<>", "501 5.5.4"),
        ("TO:<cg-aisec@lists.example.org> NOTIFY=NEVER", "555 5.5.4"),
        ("TO:<grün@lists.example.org>", "553 5.6.7"),
        ('TO:<"<script>"@lists.example.org>', "550 5.1.1"),
    ],
)
async def test_rcpt(post_office: Open, argument: str, expected: str) -> None:
    post = await post_office()
    client = await post.connect()
    await client.hear()
    await client.say("EHLO x", "MAIL FROM:<a@example.org>")
    assert (await client.say(f"RCPT {argument}")).startswith(expected)


async def test_one_mail_at_a_time(post_office: Open) -> None:
    post = await post_office()
    client = await post.connect()
    await client.hear()
    await client.say("EHLO x", "MAIL FROM:<>")
    assert await client.say("MAIL FROM:<a@example.org>") == "503 5.5.1 one MAIL at a time"


# ---------------------------------------------------------------------------------------------------------- STARTTLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=mx.example.org",
         "-addext", "subjectAltName=DNS:mx.example.org"],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


async def test_starttls(post_office: Open, certificate: tuple[Path, Path]) -> None:
    post = await post_office(tls=tls_context(*certificate))
    client = await post.connect()
    await client.hear()
    assert "STARTTLS" in await client.say("EHLO x")
    assert (await client.say("STARTTLS")).startswith("220 ")
    await client.writer.start_tls(
        ssl.create_default_context(cafile=str(certificate[0])), server_hostname="mx.example.org"
    )
    assert (await client.say("MAIL FROM:<a@example.org>")).startswith("503 5.5.1 greet first")
    assert "STARTTLS" not in await client.say("EHLO y")
    assert (await client.say("STARTTLS")).startswith("503 ")
    await client.say("MAIL FROM:<a@example.org>", f"RCPT TO:<{POST}>", "DATA")
    client.send(message("private"))
    assert (await client.hear()).startswith("250 ")
    assert (await client.say("QUIT")).startswith("221 ")
    (arrival,) = post.shelf.arrivals
    assert arrival.tls
    assert b"with ESMTPS\r\n" in arrival.trace


async def test_what_is_said_in_clear_behind_starttls_is_no_command(
    post_office: Open, certificate: tuple[Path, Path]
) -> None:
    post = await post_office(tls=tls_context(*certificate))
    client = await post.connect()
    await client.hear()
    await client.say("EHLO x")
    client.send(f"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<{POST}>\r\nDATA\r\n".encode())
    heard = await client.rest()
    assert heard == b"554 5.5.1 nothing may follow STARTTLS before TLS is on\r\n"


async def test_a_failed_handshake_ends_the_connection_only(post_office: Open, certificate: tuple[Path, Path]) -> None:
    post = await post_office(tls=tls_context(*certificate))
    client = await post.connect()
    await client.hear()
    await client.say("EHLO x", "STARTTLS")
    client.send(b"this is not TLS\r\n" * 10)
    async with asyncio.timeout(5):
        await client.rest()
    other = await post.connect()
    assert (await other.hear()).startswith("220 ")
