"""A relay in the test's own event loop that says what it is told to say (RFC 5321), PIPELINING included."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field


@dataclass
class Taken:
    """One mail that came in."""

    mail: str
    recipients: list[str]
    data: bytes
    connection: int


@dataclass
class Script:
    """What it says. An answer of "drop" closes the connection, one of "silence" is never given."""

    extensions: tuple[str, ...] = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8")
    greeting: Callable[[int], str] = lambda _number: "220 relay.test ready"
    mail: Callable[[int, str], str] = lambda _connection, _sender: "250 2.1.0 ok"
    rcpt: Callable[[str], str] = lambda _recipient: "250 2.1.5 ok"
    data_without_recipient: str = "503 5.5.1 no recipients"
    after_dot: Callable[[Taken], str] = lambda _taken: "250 2.0.0 taken"
    commands: list[str] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    delay: float = 0.0  # seconds before the answer after the dot
    drip: Callable[[int], float] = lambda _connection: 0.0  # seconds before each octet of an answer
    connections: int = 0
    open: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await _Conversation(self, reader, writer, self.connections).hold()
        finally:
            self.open -= 1
            writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


class _Drop(ConnectionError):
    pass


class _Conversation:
    def __init__(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.script, self.reader, self.writer, self.number = script, reader, writer, number
        self.sender = ""
        self.recipients: list[str] = []

    async def hold(self) -> None:
        await self.say(self.script.greeting(self.number))
        while line := (await self.reader.readline()).decode().rstrip("\r\n"):
            self.script.commands.append(line)
            if line == "QUIT":
                return
            await self.answer(line)

    async def say(self, reply: str) -> None:
        if reply == "drop":
            raise _Drop
        if reply == "silence":
            await self.reader.read()
            raise _Drop
        if pause := self.script.drip(self.number):
            for octet in reply.encode() + b"\r\n":
                await asyncio.sleep(pause)
                self.writer.write(bytes([octet]))
                await self.writer.drain()
            return
        self.writer.write(reply.encode() + b"\r\n")
        if reply.startswith("421"):
            raise _Drop

    async def answer(self, line: str) -> None:
        word = re.split("[: ]", line, maxsplit=1)[0].upper()
        inside = line.partition("<")[2].partition(">")[0]
        if word == "EHLO":
            await self.say(
                "\r\n".join(f"250-{one}" for one in ("relay.test", *self.script.extensions)) + "\r\n250 HELP"
            )
        elif word == "MAIL":
            self.sender = inside
            await self.say(self.script.mail(self.number, inside))
        elif word == "RCPT":
            reply = self.script.rcpt(inside)
            if reply.startswith("2"):
                self.recipients.append(inside)
            await self.say(reply)
        elif word == "DATA":
            await self.data()
        else:
            self.recipients = []
            await self.say("250 2.0.0 ok")

    async def data(self) -> None:
        if not self.recipients:
            await self.say(self.script.data_without_recipient)
            if not self.script.data_without_recipient.startswith("354"):
                return
            await self.reader.readuntil(b".\r\n")
            await self.say("554 5.5.1 no recipients")
            return
        await self.say("354 go on")
        text = await self.reader.readuntil(b"\r\n.\r\n")
        taken = Taken(
            self.sender, self.recipients, text.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."), self.number
        )
        self.recipients = []
        reply = self.script.after_dot(taken)
        if reply.startswith("2") or reply in {"drop-after", "silence"}:
            self.script.taken.append(taken)
        await asyncio.sleep(self.script.delay)
        await self.say("drop" if reply == "drop-after" else reply)


@contextlib.asynccontextmanager
async def relay(script: Script) -> AsyncIterator[int]:
    """Run it for a block; the port."""
    async with serving_at(script, 0, patience=10) as port:
        yield port


@contextlib.asynccontextmanager
async def serving_at(script: Script, port: int, patience: float = 0.1) -> AsyncIterator[int]:
    """Run it for a block at this port; after it conversations have so many seconds to end."""
    talks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(script.talk(reader, writer))
        talks.add(task)
        task.add_done_callback(talks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", port, limit=1 << 24)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        if talks:
            await asyncio.wait(talks, timeout=patience)
        for task in tuple(talks):
            task.cancel()
        await server.wait_closed()
