"""One message, from the greeting to the reply after the dot."""

from __future__ import annotations

import asyncio

import pytest

from cgbot.errors import Deferred
from tests.smtp.conftest import GROUP, NOW, POST, Open, message

pytestmark = pytest.mark.anyio


async def test_a_message_is_taken_byte_for_byte(post_office: Open) -> None:
    post = await post_office()
    client = await post.connect()
    assert (await client.begin()).startswith("354 ")
    client.send(message("..a line with a dot", "Grüße"))
    assert await client.hear() == "250 2.0.0 1 taken"
    (arrival,) = post.shelf.arrivals
    assert arrival.raw.endswith("\r\n\r\n.a line with a dot\r\nGrüße\r\n".encode())
    assert arrival.raw.startswith(b"From: Ann")
    assert (arrival.mail_from, arrival.protocol, arrival.peer) == ("ann@example.org", "smtp", "127.0.0.1")
    assert (arrival.helo, arrival.tls, arrival.received_at) == ("client.example", False, NOW)
    (addressed,) = arrival.recipients
    assert (addressed.recipient, addressed.group_id, addressed.purpose) == (POST, GROUP.group_id, "post")
    assert arrival.trace == (
        b"Received: from client.example ([127.0.0.1])\r\n\tby mx.example.org with ESMTP\r\n"
        b"\tfor <cg-aisec@lists.example.org>;\r\n\tMon, 03 May 2027 08:00:00 +0000\r\n"
    )


async def test_the_extensions_are_those_that_are_true(post_office: Open) -> None:
    post = await post_office(message_size=12345)
    client = await post.connect()
    assert await client.hear() == "220 mx.example.org ESMTP ready"
    heard = (await client.say("EHLO x")).splitlines()
    assert [line[4:] for line in heard] == [
        "mx.example.org", "PIPELINING", "SIZE 12345", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES",
    ]  # fmt: skip


async def test_pipelined_commands_and_two_messages_on_one_connection(post_office: Open) -> None:
    post = await post_office()
    client = await post.connect()
    await client.hear()
    await client.say("EHLO x")
    envelope = f"MAIL FROM:<ann@example.org>\r\nRCPT TO:<{POST}>\r\nDATA\r\n".encode()
    client.send(envelope)
    assert [(await client.hear())[:3] for _ in range(3)] == ["250", "250", "354"]
    client.send(message("one") + envelope)
    assert [(await client.hear())[:3] for _ in range(4)] == ["250", "250", "250", "354"]
    client.send(message("two") + b"QUIT\r\n")
    assert [(await client.hear())[:3] for _ in range(2)] == ["250", "221"]
    assert await client.rest() == b""
    assert [arrival.raw[-7:-2] for arrival in post.shelf.arrivals] == [b"\r\none", b"\r\ntwo"]


async def test_the_null_sender_is_the_empty_string(post_office: Open) -> None:
    post = await post_office()
    client = await post.connect()
    await client.begin("cg-aisec-owner@lists.example.org", sender="")
    client.send(message("a report"))
    assert (await client.hear()).startswith("250 ")
    assert post.shelf.arrivals[0].mail_from == ""


async def test_a_line_of_5000_octets_in_a_real_mail_is_taken(post_office: Open) -> None:
    post = await post_office()
    client = await post.connect()
    await client.begin()
    client.send(message("x" * 5000))
    assert (await client.hear()).startswith("250 ")
    assert b"x" * 5000 in post.shelf.arrivals[0].raw


async def test_lmtp_answers_once_for_each_accepted_recipient(post_office: Open) -> None:
    """RFC 2033 section 4.2; three recipients, the second unknown."""
    post = await post_office()
    client = await post.connect(lmtp=True)
    assert (await client.hear()).startswith("220 ")
    await client.say("LHLO front.example.org")
    await client.say("MAIL FROM:<ann@example.org>")
    answers = [
        await client.say(f"RCPT TO:<{name}@lists.example.org>") for name in ("cg-aisec", "nobody", "cg-aisec-owner")
    ]
    assert [answer[:9] for answer in answers] == ["250 2.1.5", "550 5.1.1", "250 2.1.5"]
    await client.say("DATA")
    client.send(message("hello") + b"NOOP\r\n")
    assert [await client.hear() for _ in range(3)] == ["250 2.0.0 1 taken", "250 2.0.0 1 taken", "250 2.0.0 ok"]
    assert [a.purpose for a in post.shelf.arrivals[0].recipients] == ["post", "owner"]


async def test_lmtp_answers_a_recipient_named_twice_twice_but_takes_it_once(post_office: Open) -> None:
    post = await post_office()
    client = await post.connect(lmtp=True)
    await client.begin(POST, POST, hello="LHLO front")
    client.send(message("hello") + b"NOOP\r\n")
    assert [(await client.hear())[:9] for _ in range(3)] == ["250 2.0.0"] * 3
    assert len(post.shelf.arrivals[0].recipients) == 1


async def test_lmtp_repeats_a_refusal_for_each_recipient(post_office: Open) -> None:
    post = await post_office()
    client = await post.connect(lmtp=True)
    await client.begin(POST, "cg-aisec-owner@lists.example.org", hello="LHLO front")
    client.send(b"From: a@example.org\r\n\r\nbare\nline\r\n.\r\nNOOP\r\n")
    assert [(await client.hear())[:9] for _ in range(3)] == ["550 5.6.0", "550 5.6.0", "250 2.0.0"]


async def test_lmtp_turns_a_verdict_of_the_gate_into_a_note_on_the_errand(post_office: Open) -> None:
    post = await post_office()
    client = await post.connect(lmtp=True)
    await client.begin(POST, hello="LHLO front")
    client.send(b"Subject: nobody wrote this\r\n\r\nhello\r\n.\r\n")
    assert (await client.hear()).startswith("250 2.0.0 ")
    assert post.shelf.arrivals[0].recipients[0].gate == "hold:from"


async def test_smtp_says_the_verdict_of_the_gate(post_office: Open) -> None:
    post = await post_office()
    client = await post.connect()
    await client.begin(POST)
    client.send(b"Subject: nobody wrote this\r\n\r\nhello\r\n.\r\n")
    assert (await client.hear()).startswith("550 5.6.0 ")
    assert post.shelf.arrivals == []


@pytest.mark.parametrize("fault", [RuntimeError("secret detail"), Deferred("the disk is away"), MemoryError()])
async def test_our_own_fault_after_the_dot_is_temporary_and_says_nothing(post_office: Open, fault: Exception) -> None:
    post = await post_office()
    post.shelf.fault = fault
    client = await post.connect()
    await client.begin()
    client.send(message("hello"))
    answer = await client.hear()
    assert answer.startswith("451 4.3.0 ")
    assert "secret" not in answer
    post.shelf.fault = None
    assert (await client.say("MAIL FROM:<ann@example.org>", f"RCPT TO:<{POST}>", "DATA")).startswith("354")
    client.send(message("again"))
    assert (await client.hear()).startswith("250 ")


@pytest.mark.parametrize("place", ["recipient", "judge"])
async def test_a_fault_at_any_question_is_temporary(post_office: Open, place: str) -> None:
    post = await post_office()
    post.house.faults[place] = ZeroDivisionError("secret detail")
    client = await post.connect()
    await client.hear()
    await client.say("EHLO x", "MAIL FROM:<ann@example.org>")
    answer = await client.say(f"RCPT TO:<{POST}>")
    if place == "judge":
        await client.say("DATA")
        client.send(message("hello"))
        answer = await client.hear()
    assert answer.startswith("451 4.3.0 ")
    assert "secret" not in answer
    post.house.faults.clear()
    assert (await client.say("RSET")).startswith("250")
    assert (await client.say("MAIL FROM:<ann@example.org>", f"RCPT TO:<{POST}>", "DATA")).startswith("354")


@pytest.mark.parametrize("how", ["close", "half-close", "abort"])
async def test_a_client_that_leaves_after_the_dot_stops_nothing(post_office: Open, how: str) -> None:
    post = await post_office()
    post.shelf.gate = asyncio.Event()
    client = await post.connect()
    await client.begin()
    client.send(message("hello"))
    await asyncio.wait_for(post.shelf.asked.wait(), 5)
    if how == "half-close":
        client.writer.write_eof()
    elif how == "abort":
        client.writer.transport.abort()
    else:
        client.writer.close()
    watcher = await post.connect()
    await watcher.hear()
    await watcher.say("NOOP")
    post.shelf.gate.set()
    if how == "half-close":
        assert (await client.hear()).startswith("250 2.0.0 ")
    await watcher.say("NOOP")
    assert len(post.shelf.arrivals) == 1


async def test_closing_waits_for_the_message_that_is_on_its_way(post_office: Open) -> None:
    post = await post_office()
    post.shelf.gate = asyncio.Event()
    idle = await post.connect()
    await idle.hear()
    client = await post.connect()
    await client.begin()
    client.send(message("hello"))
    await asyncio.wait_for(post.shelf.asked.wait(), 5)
    closing = asyncio.create_task(post.server.close())
    assert (await idle.hear()).startswith("421 4.3.2 ")
    assert not closing.done()
    post.shelf.gate.set()
    assert (await client.hear()).startswith("250 2.0.0 ")
    await client.close()
    await asyncio.wait_for(closing, 5)
    assert len(post.shelf.arrivals) == 1
