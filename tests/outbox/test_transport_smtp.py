"""One transaction a recipient over real sockets (RFC 5321, 2920, 1870, 6152, 6531)."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from cgbot.outbox.retry import Outcome
from cgbot.outbox.transport_smtp import Deadlines, NotConnected, Outgoing, SmtpConnection, dotted
from cgbot.settings import Settings
from tests.outbox.relays import Script, relay

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")]
BODY = b"Subject: hello\r\n\r\nDear all,\r\n.a line that begins with a dot\r\n..\r\n.\r\nend\r\n"
PLAIN = ("SIZE 1000000",)
USUAL = Deadlines()
SHORT = Deadlines(connect=0.3, commands=0.3, dot=0.3)


def connection(settings: Settings, port: int, deadlines: Deadlines = USUAL, **changes: Any) -> SmtpConnection:
    chosen = replace(settings, relay=replace(settings.relay, host="127.0.0.1", port=port, **changes))
    return SmtpConnection(chosen, lambda _settings: "secret", deadlines)


def to(recipient: str, raw: bytes = BODY, return_path: str = "b+1@lists.example.org") -> Outgoing:
    return Outgoing(return_path, recipient, raw)


async def outcomes(settings: Settings, script: Script, *copies: Outgoing, **changes: Any) -> list[Outcome]:
    async with relay(script) as port:
        client = connection(settings, port, **changes)
        try:
            return [await client.send(one) for one in copies]
        finally:
            await client.close()


@pytest.mark.parametrize("extensions", [("PIPELINING", *PLAIN), PLAIN])
async def test_each_recipient_has_an_envelope_of_its_own(settings: Settings, extensions: tuple[str, ...]) -> None:
    script = Script(extensions)
    sent = await outcomes(settings, script, to("a@x.org"), to("b@x.org", return_path=""))
    assert sent == [Outcome("sent", "250 2.0.0 taken")] * 2
    assert [(one.mail, one.recipients) for one in script.taken] == [
        ("b+1@lists.example.org", ["a@x.org"]),
        ("", ["b@x.org"]),
    ]
    assert script.taken[0].data == BODY
    assert script.connections == 1
    assert f"MAIL FROM:<> SIZE={len(BODY)}" in script.commands


@pytest.mark.parametrize("extensions", [("PIPELINING", *PLAIN), PLAIN])
@pytest.mark.parametrize("data_reply", ["503 5.5.1 no recipients", "354 go on"])
async def test_one_refusal_touches_nobody_else(
    settings: Settings, extensions: tuple[str, ...], data_reply: str
) -> None:
    script = Script(
        extensions,
        rcpt=lambda one: "550 5.1.1 no such user" if one.startswith("bad") else "250 ok",
        data_without_recipient=data_reply,
    )
    sent = await outcomes(settings, script, to("a@x.org"), to("bad@x.org"), to("b@x.org"))
    assert [one.kind for one in sent] == ["sent", "failed", "sent"]
    assert sent[1].reply == "550 5.1.1 no such user"
    assert [one.recipients for one in script.taken] == [["a@x.org"], ["b@x.org"]]
    assert script.connections == 1


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("450 4.2.1 busy", Outcome("deferred", "450 4.2.1 busy")),
        ("452 4.3.1 full", Outcome("deferred", "452 4.3.1 full", retry_now=True)),
        ("452 4.2.2 mailbox full", Outcome("deferred", "452 4.2.2 mailbox full")),
        ("452 4.5.3 too many recipients", Outcome("deferred", "452 4.5.3 too many recipients", retry_now=True)),
        ("421 4.7.0 not now", Outcome("deferred", "421 4.7.0 not now", retry_now=True)),
        ("252 cannot verify", Outcome("sent", "250 2.0.0 taken")),
        ("553 5.1.3 bad\x07 syntax", Outcome("failed", "553 5.1.3 bad  syntax")),
    ],
)
async def test_what_a_reply_means(settings: Settings, reply: str, outcome: Outcome) -> None:
    (sent,) = await outcomes(settings, Script(rcpt=lambda _one: reply), to("a@x.org"))
    assert (sent.kind, sent.retry_now) == (outcome.kind, outcome.retry_now)
    assert sent.reply.split() == outcome.reply.split()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("451 4.3.0 later", "deferred"),
        ("554 5.6.0 no", "failed"),
        ("drop-after", "in-doubt"),
        ("250-a\r\n250 b", "sent"),
    ],
)
async def test_what_an_answer_after_the_dot_means(settings: Settings, answer: str, kind: str) -> None:
    (sent,) = await outcomes(settings, Script(after_dot=lambda _taken: answer), to("a@x.org"))
    assert sent.kind == kind


async def test_silence_after_the_dot_is_in_doubt(settings: Settings) -> None:
    script = Script(after_dot=lambda _taken: "silence")
    (sent,) = await outcomes(settings, script, to("a@x.org"), deadlines=SHORT)
    assert sent == Outcome("in-doubt", "no answer after the message was sent: the relay did not answer in time")


async def test_silence_before_it_is_deferred(settings: Settings) -> None:
    (sent,) = await outcomes(settings, Script(rcpt=lambda _one: "silence"), to("a@x.org"), deadlines=SHORT)
    assert sent == Outcome("deferred", "the relay did not answer in time")


@pytest.mark.parametrize("answer", ["421 4.7.0 enough", "drop"])
async def test_a_used_connection_that_ends_costs_no_attempt(settings: Settings, answer: str) -> None:
    """Relays end a connection after some number of mails; the next mail gets a new one at once."""
    script = Script()
    script.mail = lambda number, _sender: answer if len(script.taken) == 2 and number == 1 else "250 ok"
    sent = await outcomes(settings, script, *(to(f"m{number}@x.org") for number in range(4)))
    assert [one.kind for one in sent] == ["sent"] * 4
    assert script.connections == 2
    assert len(script.taken) == 4


async def test_a_used_connection_that_is_ended_after_the_dot_costs_no_attempt(settings: Settings) -> None:
    """421 is a refusal that was heard, so nothing is in doubt."""
    script = Script()
    script.after_dot = lambda taken: "421 4.7.0 enough" if taken.connection == 1 and script.taken else "250 2.0.0 taken"
    sent = await outcomes(settings, script, *(to(f"m{number}@x.org") for number in range(3)))
    assert [one.kind for one in sent] == ["sent"] * 3
    assert [one.connection for one in script.taken] == [1, 2, 2]


@pytest.mark.parametrize("answer", ["421 4.7.0 not now", "drop"])
async def test_a_fresh_connection_that_ends_is_deferred(settings: Settings, answer: str) -> None:
    script = Script(mail=lambda _number, _sender: answer)
    (sent,) = await outcomes(settings, script, to("a@x.org"))
    assert sent.kind == "deferred"
    assert script.connections == 1


async def test_a_large_mail_arrives_whole(settings: Settings) -> None:
    raw = b"Subject: large\r\n\r\n" + b"0123456789" * 5_000 + b"\r\n" + b".dots\r\n" * 50_000
    script = Script()
    await outcomes(settings, script, to("a@x.org", raw))
    assert script.taken[0].data == raw


async def test_what_the_relay_can_never_take_is_not_tried(settings: Settings) -> None:
    script = Script(("PIPELINING", "SIZE 50"))
    sent = await outcomes(
        settings, script, to("a@x.org", b"x" * 51), to("a@x>\r\nRCPT TO:<evil@x"), to("josé@x.org", b"short")
    )
    assert [one.kind for one in sent] == ["failed"] * 3
    assert [one.reply[:3] for one in sent] == ["552", "not", "550"]
    assert [one for one in script.commands if one.startswith("MAIL")] == []


async def test_what_a_mail_needs_is_said(settings: Settings) -> None:
    script = Script()
    await outcomes(settings, script, to("a@x.org", "é\r\n".encode()), to("josé@x.org", b"plain\r\n"))
    asked = [one for one in script.commands if one.startswith("MAIL")]
    assert [one.partition("> ")[2] for one in asked] == ["SIZE=4 BODY=8BITMIME", "SIZE=7 SMTPUTF8"]


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        ("421 4.3.2 too many connections", "421 4.3.2 too many connections"),
        ("554 go away", "554 go away"),
        ("drop", "127.0.0.1"),
    ],
)
async def test_a_relay_that_does_not_greet(settings: Settings, greeting: str, said: str) -> None:
    with pytest.raises(NotConnected, match=said):
        await outcomes(settings, Script(greeting=lambda _number: greeting), to("a@x.org"))


async def test_no_relay_at_all(settings: Settings) -> None:
    async with relay(Script()) as port:
        pass
    with pytest.raises(NotConnected, match=f"127.0.0.1.*{port}"):
        await connection(settings, port).send(to("a@x.org"))


async def test_starttls_is_a_demand(settings: Settings) -> None:
    script = Script()
    with pytest.raises(NotConnected, match="STARTTLS"):
        await outcomes(settings, script, to("a@x.org"), tls="starttls")
    assert not any(one.startswith("MAIL") for one in script.commands)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    chain, key = tmp_path / "relay.pem", tmp_path / "relay.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=relay.test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", chain],
        check=True, capture_output=True,
    )  # fmt: skip
    return chain, key


class _Kept:
    """What a TLS relay with a login has taken."""

    def __init__(self) -> None:
        self.taken: list[tuple[bool, bool, str, bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        secure = server.transport.get_extra_info("sslcontext") is not None
        self.taken.append((secure, session.authenticated, envelope.rcpt_tos[0], envelope.content))
        return "250 2.0.0 taken"


def _secret(*given: Any) -> AuthResult:
    return AuthResult(success=given[-1] == LoginPassword(b"cgbot", b"secret"))


async def sent_over_tls(settings: Settings, tls: str, chain: Path, key: Path) -> tuple[list[Outcome], _Kept]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    kept = _Kept()
    opened: list[SMTP] = []

    def accept() -> SMTP:
        starttls = {"tls_context": context, "require_starttls": True} if tls == "starttls" else {}
        opened.append(
            SMTP(kept, authenticator=_secret, auth_required=True, auth_require_tls=tls == "starttls", **starttls)
        )
        return opened[-1]

    server = await asyncio.get_running_loop().create_server(
        accept, "127.0.0.1", 0, ssl=context if tls == "implicit" else None
    )
    client = connection(settings, server.sockets[0].getsockname()[1], tls=tls, user="cgbot")
    try:
        return [await client.send(to("a@x.org")), await client.send(to("b@x.org"))], kept
    finally:
        await client.close()
        server.close()
        await server.wait_closed()
        async with asyncio.timeout(5):
            while any(one.transport is not None and not one.transport.is_closing() for one in opened):  # noqa: ASYNC110 - aiosmtpd tells no end
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_with_tls_and_a_login(
    settings: Settings, tls: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    sent, kept = await sent_over_tls(settings, tls, *certificate)
    assert [one.kind for one in sent] == ["sent", "sent"]
    assert kept.taken == [(True, True, "a@x.org", BODY), (True, True, "b@x.org", BODY)]


async def test_a_certificate_that_nobody_vouches_for(settings: Settings, certificate: tuple[Path, Path]) -> None:
    with pytest.raises(NotConnected, match="certificate"):
        await sent_over_tls(settings, "implicit", *certificate)


async def test_a_login_that_is_not_possible(settings: Settings) -> None:
    with pytest.raises(NotConnected):
        await outcomes(settings, Script(), to("a@x.org"), user="cgbot")


async def test_a_refusal_stands_although_the_server_closes_after_it(settings: Settings) -> None:
    script = Script(rcpt=lambda _recipient: "550 5.1.1 no such user\r\n421 4.3.0 and goodbye")
    (outcome,) = await outcomes(settings, script, to("a@x.org"))
    assert outcome.kind == "failed"
    assert outcome.reply == "550 5.1.1 no such user"


async def test_what_nobody_asked_for_answers_no_command(settings: Settings) -> None:
    stray = "250 2.0.0 taken\r\n550 5.7.1 stray"
    script = Script(after_dot=lambda taken: stray if taken.recipients == ["a@x.org"] else "250 2.0.0 taken")
    first, second = await outcomes(settings, script, to("a@x.org"), to("b@x.org"))
    assert (first.kind, second.kind) == ("sent", "sent")
    assert script.connections == 2


async def test_a_relay_that_wants_a_login_fails_nobody(settings: Settings) -> None:
    wanted = "530 5.7.0 Authentication required"
    script = Script(mail=lambda _connection, _sender: wanted, rcpt=lambda _recipient: "503 5.5.1 MAIL first")
    (outcome,) = await outcomes(settings, script, to("a@x.org"))
    assert outcome.kind == "deferred"


async def test_a_server_that_talks_too_much_is_left(settings: Settings) -> None:
    (sent,) = await outcomes(settings, Script(rcpt=lambda _one: "250-" + "x" * 40_000), to("a@x.org"), deadlines=SHORT)
    assert sent.kind == "deferred"


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b".a\r\n.\r\nb.\r\n", b"..a\r\n..\r\nb.\r\n"),
        (b"a\nb\rc", b"a\r\nb\r\nc\r\n"),
        (b"a\r\n\n.\r", b"a\r\n\r\n..\r\n"),
        (b"", b"\r\n"),
    ],
)
def test_lines_as_they_are_sent(raw: bytes, sent: bytes) -> None:
    """RFC 5321 sections 2.3.8 and 4.5.2."""
    assert dotted(raw) == sent


@pytest.mark.parametrize("pipelining", [(), ("PIPELINING",)])
async def test_mail_beyond_ascii_is_never_sent_to_a_relay_without_8bitmime(
    settings: Settings, pipelining: tuple[str, ...]
) -> None:
    script = Script((*pipelining, *PLAIN))
    sent = await outcomes(settings, script, to("a@x.org", "Subject: x\r\n\r\ncafé\r\n".encode()), to("b@x.org"))
    assert [one.kind for one in sent] == ["failed", "sent"]
    assert "8BITMIME" in sent[0].reply
    assert [one.recipients for one in script.taken] == [["b@x.org"]]
    assert script.connections == 1


async def test_a_large_mail_that_shares_its_body(settings: Settings) -> None:
    body = b"Subject: x\r\n\r\n" + b".a line of many\r\n" * 20_000
    copy = Outgoing("b@lists.example.org", "a@x.org", b"List-Id: <x>\r\n", body, 0)
    script = Script()
    (sent,) = await outcomes(settings, script, copy)
    assert sent.kind == "sent"
    assert script.taken[0].data == b"List-Id: <x>\r\n" + body
