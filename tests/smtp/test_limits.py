"""Each limit holds, names itself in its reply, and costs little memory."""

from __future__ import annotations

import asyncio
import contextlib
import tracemalloc

import pytest

from tests.smtp.conftest import POST, Client, Open, message

pytestmark = pytest.mark.anyio


async def test_size_while_reading_and_declared(post_office: Open) -> None:
    post = await post_office(message_size=2000)
    client = await post.connect()
    await client.hear()
    await client.say("EHLO x")
    assert await client.say("MAIL FROM:<a@example.org> SIZE=2001") == "552 5.3.4 the message is larger than 2000 octets"
    await client.say("MAIL FROM:<a@example.org> SIZE=2000", f"RCPT TO:<{POST}>", "DATA")
    client.send(message("x" * 70, *["y" * 70] * 40))
    assert await client.hear() == "552 5.3.4 the message is larger than 2000 octets"
    assert post.shelf.arrivals == []
    assert post.edge.guard.receiving == 0


async def test_a_message_of_exactly_the_size_is_taken_and_one_octet_more_is_not(post_office: Open) -> None:
    post = await post_office(message_size=1000)
    for extra, expected in ((0, "250"), (1, "552")):
        client = await post.connect()
        await client.begin()
        head = b"From: a@example.org\r\n\r\n"
        client.send(head + b"x" * (1000 - len(head) - 2 + extra) + b"\r\n.\r\n")
        assert (await client.hear())[:3] == expected


async def test_a_line(post_office: Open) -> None:
    post = await post_office(line_length=1000)
    for length, expected in ((998, "250 2.0.0"), (999, "500 5.5.6")):
        client = await post.connect()
        await client.begin()
        client.send(message("short", "x" * length, "short"))
        answer = await client.hear()
        assert answer.startswith(expected)
    assert answer == "500 5.5.6 a line of the message is longer than 1000 octets"


async def test_recipients(post_office: Open) -> None:
    post = await post_office(recipients=3)
    client = await post.connect()
    await client.hear()
    await client.say("EHLO x", "MAIL FROM:<a@example.org>")
    answers = [await client.say(f"RCPT TO:<{POST}>") for _ in range(5)]
    assert [answer[:9] for answer in answers] == ["250 2.1.5"] * 3 + ["452 4.5.3"] * 2
    assert (await client.say("DATA")).startswith("354")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"connections": 2}, "421 4.7.0 at most 2 connections in all; try again later"),
        ({"connections_per_peer": 2}, "421 4.7.0 at most 2 connections from your address; try again later"),
    ],
)
async def test_connections(post_office: Open, limits: dict[str, int], expected: str) -> None:
    post = await post_office(**limits)
    clients = [await post.connect() for _ in range(2)]
    for client in clients:
        assert (await client.hear()).startswith("220 ")
    third = await post.connect()
    assert await third.hear() == expected
    assert await third.rest() == b""
    await clients[0].say("QUIT")
    await clients[0].rest()
    await clients[0].close()
    await third.close()
    await clients[1].say("NOOP")
    fourth = await post.connect()
    assert (await fourth.hear()).startswith("220 ")


async def test_our_front_server_is_one_peer_with_many_connections(post_office: Open) -> None:
    post = await post_office(connections_per_peer=1)
    for _ in range(3):
        client = await post.connect(lmtp=True)
        assert (await client.hear()).startswith("220 ")


async def test_errors(post_office: Open) -> None:
    post = await post_office(errors=3)
    client = await post.connect()
    await client.hear()
    assert [(await client.say("BOGUS"))[:9] for _ in range(3)] == ["500 5.5.2"] * 3
    assert await client.hear() == "421 4.7.0 3 errors are too many"
    assert await client.rest() == b""


@pytest.mark.parametrize("line", ["", "NOOP", "RSET", "VRFY x", "HELP", "EHLO x"])
async def test_a_flood_of_empty_lines_and_idle_commands_ends(post_office: Open, line: str) -> None:
    post = await post_office(idle_commands=20)
    client = await post.connect()
    await client.hear()
    with contextlib.suppress(ConnectionError):
        for _ in range(300):
            client.send(line.encode() + b"\r\n")
            await client.writer.drain()
    heard = await client.rest()
    assert b"\r\n421 4.7.0 " in heard
    assert heard.count(b"\r\n") < 130


@pytest.mark.parametrize(
    "command", ["GET / HTTP/1.1", "POST /x HTTP/1.1", "CONNECT a:1 HTTP/1.1", "OPTIONS * HTTP/1.0"]
)
async def test_http_is_dropped_with_all_that_follows(post_office: Open, command: str) -> None:
    post = await post_office()
    client = await post.connect()
    await client.hear()
    client.send(
        f"{command}\r\nHost: x\r\n\r\nEHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<{POST}>\r\nDATA\r\n".encode()
        + message("smuggled")
    )
    assert await client.rest() == b"554 5.5.1 this is a mail server\r\n"
    assert post.shelf.arrivals == []


async def test_talk_before_the_greeting_is_dropped(post_office: Open) -> None:
    post = await post_office(greet_seconds=0.05)
    client = await post.connect()
    client.send(b"EHLO x\r\n")
    assert await client.rest() == b"554 5.5.1 wait for the greeting before you talk\r\n"


async def test_a_silent_client_is_told_and_ended(post_office: Open) -> None:
    post = await post_office(idle_seconds=0.08)
    client = await post.connect()
    await client.hear()
    assert await client.hear() == "421 4.4.2 nothing heard for 0.08 seconds"
    assert await client.rest() == b""


async def test_a_drip_of_octets_without_a_command_is_silence(post_office: Open) -> None:
    post = await post_office(idle_seconds=0.08)
    client = await post.connect()
    await client.hear()
    with contextlib.suppress(ConnectionError):
        for _ in range(20):
            client.send(b"N")
            await asyncio.sleep(0.01)
    assert (await client.hear()).startswith("421 4.4.2 ")


async def test_silence_in_the_middle_of_a_message(post_office: Open) -> None:
    post = await post_office(idle_seconds=0.08)
    client = await post.connect()
    await client.begin()
    client.send(b"From: a@example.org\r\n")
    assert (await client.hear()).startswith("421 4.4.2 nothing heard")
    assert await client.rest() == b""
    assert post.edge.guard.receiving == 0


async def test_a_message_that_takes_too_long_although_it_never_stops(post_office: Open) -> None:
    post = await post_office(data_seconds=0.1)
    client = await post.connect()
    await client.begin()
    await _drip(client)
    assert await client.hear() == "421 4.4.2 a message may take at most 0.1 seconds"


async def test_a_message_that_comes_too_slowly(post_office: Open) -> None:
    post = await post_office(data_rate=100_000, rate_after=0.05)
    client = await post.connect()
    await client.begin()
    await _drip(client)
    assert await client.hear() == "421 4.4.2 slower than 100000 octets a second"


async def _drip(client: Client) -> None:
    with contextlib.suppress(ConnectionError):
        for _ in range(15):
            client.send(b"X-Drip: 1\r\n")
            await asyncio.sleep(0.01)


async def test_idle_clients_keep_nobody_waiting(post_office: Open) -> None:
    post = await post_office(connections=150, connections_per_peer=150)
    for _ in range(100):
        await post.connect()
    client = await post.connect()
    async with asyncio.timeout(5):
        await client.begin()
        client.send(message("hello"))
        assert (await client.hear()).startswith("250 ")


async def test_a_disk_that_is_nearly_full(post_office: Open) -> None:
    free = [14_999]
    post = await post_office(message_size=10_000, free_disk=lambda: free[0])
    client = await post.connect()
    await client.hear()
    await client.say("EHLO x")
    assert await client.say("MAIL FROM:<a@example.org>") == "452 4.3.1 the disk is nearly full; try again later"
    free[0] = 15_000
    post.edge.guard.look_at_disk()
    assert (await client.say("MAIL FROM:<a@example.org>")).startswith("250 ")


async def test_a_disk_that_fills_while_a_message_is_stored(post_office: Open) -> None:
    post = await post_office()
    post.shelf.fault = OSError(28, "No space left on device")
    client = await post.connect()
    await client.begin()
    client.send(message("hello"))
    assert (await client.hear()).startswith("452 4.3.1 ")


async def test_the_memory_of_all_messages_together(post_office: Open) -> None:
    """Half of the cap is held by a message that does not end; the next one that needs more gets 452."""
    post = await post_office(message_size=60 << 20)
    limit = post.edge.limits.receiving
    post.edge.guard.hold(limit - 1000)
    client = await post.connect()
    await client.begin()
    client.send(message("x" * 900, "y" * 900))
    assert await client.hear() == "452 4.3.1 too many messages are being received; try again later"
    assert post.edge.guard.receiving == limit - 1000


async def test_silent_clients_leave_room_for_our_front_server(post_office: Open) -> None:
    """Clients that fill memory, or take every connection, do not keep the front server's mail out."""
    post = await post_office(message_size=1 << 20, connections=20, connections_per_peer=20)
    guard, limit = post.edge.guard, post.edge.limits.receiving
    assert guard.hold(limit // 2, "192.0.2.1")
    assert not guard.hold(2 << 20, "192.0.2.1")  # more than one peer may have
    guard.release(2 << 20, "192.0.2.1")
    assert not guard.hold(limit // 3, "192.0.2.2")  # more than all of them may have
    guard.release(limit // 3, "192.0.2.2")
    assert guard.hold(limit // 4, "2001:db8::1")
    assert not guard.hold(limit // 4, "2001:db8::2")  # the same network
    guard.release(limit // 4, "2001:db8::2")
    assert guard.hold(limit // 4, "local", is_front=True)
    assert guard.data_idle_seconds == 10
    clients = [await post.connect() for _ in range(19)]
    assert (await clients[0].hear()).startswith("220 ")
    assert await clients[18].hear() == "421 4.7.0 at most 18 connections in all; try again later"
    front = await post.connect(lmtp=True)
    assert (await front.hear()).startswith("220 ")


async def test_a_quick_beginning_does_not_pay_for_dribbling(post_office: Open) -> None:
    post = await post_office(data_rate=100)
    client = await post.connect()
    await client.begin()
    client.send(b"x" * 100_000)
    await client.writer.drain()
    (dialogue,) = post.server._open
    while dialogue.body is None or dialogue.body.received < 100_000:  # noqa: ASYNC110 - the server tells no events
        await asyncio.sleep(0.001)
    began = dialogue.started
    said = []
    for second in range(0, 100, 10):
        dialogue.since = began + second  # an octet has just come
        said.append(dialogue.overdue(began + second))
    assert said[:3] == [""] * 3
    assert "421 4.4.2 slower than 100 octets a second" in said


async def test_memory_with_96_mib_without_a_line_end(post_office: Open) -> None:
    peak, answer = await _peak(post_office, b"x" * (1 << 20), 96)
    assert answer.startswith("500 5.5.6 a line of the message is longer than 65536 octets")
    assert peak < 8 << 20


async def test_memory_with_25_mib_of_empty_lines(post_office: Open) -> None:
    peak, answer = await _peak(post_office, b"\r\n" * (1 << 19), 24)
    assert answer.startswith("550 5.6.0 the message has no From field")
    assert peak < 64 << 20


async def _peak(post_office: Open, block: bytes, count: int) -> tuple[int, str]:
    post = await post_office(message_size=25 << 20)
    client = await post.connect()
    await client.begin()
    tracemalloc.start()
    try:
        with contextlib.suppress(ConnectionError):
            for _ in range(count):
                client.send(block)
                await client.writer.drain()
            client.send(b"\r\n.\r\n")
        answer = await client.hear()
        return tracemalloc.get_traced_memory()[1], answer
    finally:
        tracemalloc.stop()
