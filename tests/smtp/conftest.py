"""A listener on a free port, a house of in-memory addresses behind it, and a client that speaks octets."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from cgbot.keys import Keys
from cgbot.posts.gate import Directory, GroupPolicy, Recipient, Verdict
from cgbot.posts.intake import Arrival
from cgbot.smtp.dialogue import Edge
from cgbot.smtp.guard import Guard
from cgbot.smtp.limits import Limits
from cgbot.smtp.reception import Door
from cgbot.smtp.server import Server

NOW = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)
GROUP = GroupPolicy(group_id=1, name="cg-aisec", list_id="cg-aisec.lists.example.org")
DIRECTORY = Directory(
    domain="lists.example.org",
    groups={"cg-aisec": GROUP},
    purposes=frozenset({"post", "join", "leave", "request", "owner", "bounces", "meetings", "postmaster"}),
    keys=Keys((b"a key for tests only",)),
)
POST = "cg-aisec@lists.example.org"


class Shelf:
    """Where arrivals go in these tests; `fault` is raised instead, `gate` is waited for first."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.fault: BaseException | None = None
        self.gate: asyncio.Event | None = None
        self.asked = asyncio.Event()
        self.more_is_coming: Callable[[], bool] = lambda: False

    async def take(self, arrival: Arrival) -> int:
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.arrivals.append(arrival)
        return len(self.arrivals)


class House(Door):
    """The real door with a fault that can be set at each question."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(DIRECTORY, shelf)  # type: ignore[arg-type]  # takes arrivals, as an intake does
        self.faults: dict[str, Exception] = {}

    def recipient(self, address: str) -> Recipient | str:
        if "recipient" in self.faults:
            raise self.faults["recipient"]
        return super().recipient(address)

    def judge(self, mail_from: str, content: bytes, recipients: Sequence[Recipient]) -> tuple[Verdict | None, ...]:
        if "judge" in self.faults:
            raise self.faults["judge"]
        return super().judge(mail_from, content, recipients)


@dataclass
class Client:
    """Says octets and hears replies."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def hear(self) -> str:
        """One reply, all its lines; "" when the connection is closed."""
        lines = []
        async with asyncio.timeout(10):
            while line := await self.reader.readline():
                lines.append(line.decode().rstrip("\r\n"))
                if line[3:4] != b"-":
                    break
        return "\n".join(lines)

    async def say(self, *lines: str | bytes) -> str:
        """Say lines at once; the last reply."""
        self.send(b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines))
        answer = ""
        for _ in lines:
            answer = await self.hear()
        return answer

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def begin(self, *recipients: str, sender: str = "ann@example.org", hello: str = "EHLO client.example") -> str:
        """Greet, name the envelope and say DATA; the reply to it."""
        await self.hear()
        await self.say(hello)
        await self.say(f"MAIL FROM:<{sender}>")
        for recipient in recipients or (POST,):
            await self.say(f"RCPT TO:<{recipient}>")
        return await self.say("DATA")

    async def rest(self) -> bytes:
        """Everything until the connection is closed."""
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
        return b""

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()


@dataclass
class Post:
    """One running server and its clients."""

    server: Server
    edge: Edge
    shelf: Shelf
    house: House
    smtp: tuple[str, int]
    lmtp: tuple[str, int]
    clients: list[Client] = field(default_factory=list)

    async def connect(self, *, lmtp: bool = False, limit: int = 1 << 20) -> Client:
        reader, writer = await asyncio.open_connection(*(self.lmtp if lmtp else self.smtp), limit=limit)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]


Open = Callable[..., Any]


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def post_office() -> AsyncIterator[Open]:
    """Open a server with these limits; `tls` is the context for STARTTLS, `free_disk` says how much is free."""
    opened: list[Post] = []

    async def start(
        tls: ssl.SSLContext | None = None, free_disk: Callable[[], int] | None = None, **limits: Any
    ) -> Post:
        given = Limits(**limits)
        shelf = Shelf()
        house = House(shelf)
        edge = Edge(house, given, Guard(given, free_disk), "mx.example.org", lambda: NOW, tls)
        server = Server(edge)
        smtp, lmtp = await server.listen_smtp("127.0.0.1", 0), await server.listen_lmtp("127.0.0.1", 0)
        opened.append(Post(server, edge, shelf, house, smtp, lmtp))
        return opened[-1]

    yield start
    for post in opened:
        for client in post.clients:
            await client.close()
        await post.server.close(1)


def message(*lines: str, author: str = "Ann <ann@example.org>", subject: str = "Agenda") -> bytes:
    """A small message with CRLF and the final dot."""
    head = f"From: {author}\r\nTo: {POST}\r\nSubject: {subject}\r\nMessage-ID: <1@example.org>\r\n\r\n"
    return (head + "\r\n".join(lines)).encode() + b"\r\n.\r\n"
