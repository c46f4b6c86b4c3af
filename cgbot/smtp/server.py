"""
The listeners for SMTP and LMTP (edge).

Opens the sockets in the running event loop, keeps the set of open connections and looks over them several times a
second: who is silent, who is too slow, who does not read our last reply, how full the disk is. Closing lets each
message that is on its way come to its reply. Files, certificates and addresses are given by the app.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from pathlib import Path
from typing import Final

from cgbot.smtp.connection import LmtpConnection, SmtpConnection
from cgbot.smtp.dialogue import Dialogue, Edge

log = logging.getLogger(__name__)

_SWEEP_SECONDS: Final = 0.5
_BACKLOG: Final = 512
_RECENT_SECONDS: Final = 0.005
_CLOSE_SECONDS: Final = 10.0


class Server:
    """All listeners of one process; they share the limits of `edge`."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._open: set[Dialogue] = set()
        self._listeners: list[asyncio.AbstractServer] = []
        self._sweeper: asyncio.Task[None] | None = None
        edge.reception.expect(self.more_is_coming)

    async def listen_smtp(self, host: str, port: int) -> tuple[str, int]:
        """Listen for SMTP; the host and port that were bound (port 0: any free one). OSError when it is in use."""
        return await self._listen(SmtpConnection, host, port)

    async def listen_lmtp(self, host: str, port: int) -> tuple[str, int]:
        """Listen for LMTP over TCP, as `listen_smtp`."""
        return await self._listen(LmtpConnection, host, port)

    async def listen_lmtp_socket(self, socket: Path) -> None:
        """Listen for LMTP on a Unix socket; who may reach it is decided by the folder it is in."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_unix_server(
            lambda: LmtpConnection(self._edge, self._open), str(socket), backlog=_BACKLOG
        )
        _open_to_all(socket)
        self._add(listener)

    def more_is_coming(self) -> bool:
        """Say whether a client has said something just now and has no message with the house."""
        recent = asyncio.get_running_loop().time() - _RECENT_SECONDS
        return any(dialogue.since > recent and dialogue.phase != "house" for dialogue in self._open)

    async def close(self, seconds: float = _CLOSE_SECONDS) -> None:
        """Accept nobody any more, wait for messages that are on their way (at most `seconds`), end the rest."""
        for listener in self._listeners:
            listener.close()
        for dialogue in tuple(self._open):
            dialogue.ask_to_leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(dialogue.ended for dialogue in tuple(self._open)))
        for dialogue in tuple(self._open):
            if dialogue.transport is not None:
                dialogue.transport.close()
        if self._sweeper is not None:
            self._sweeper.cancel()

    async def _listen(self, kind: type[SmtpConnection], host: str, port: int) -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: kind(self._edge, self._open), host, port, backlog=_BACKLOG)
        self._add(listener)
        bound = listener.sockets[0].getsockname()
        return str(bound[0]), int(bound[1])

    def _add(self, listener: asyncio.AbstractServer) -> None:
        self._listeners.append(listener)
        if self._sweeper is None:
            self._edge.guard.look_at_disk()
            self._sweeper = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        limits = self._edge.limits
        shortest = min(limits.idle_seconds, limits.data_seconds, limits.rate_after, limits.linger_seconds)
        pause = min(_SWEEP_SECONDS, shortest / 4)
        while True:
            await asyncio.sleep(pause)
            self._edge.guard.look_at_disk()
            now = asyncio.get_running_loop().time()
            for dialogue in tuple(self._open):
                self._look_at(dialogue, now)

    def _look_at(self, dialogue: Dialogue, now: float) -> None:
        if dialogue.phase == "closing":
            if now - dialogue.since > self._edge.limits.linger_seconds and dialogue.transport is not None:
                dialogue.transport.abort()
        elif last_words := dialogue.overdue(now):
            log.info("%s: %s", dialogue.peer, last_words)
            dialogue.dismiss(last_words)


def _open_to_all(socket: Path) -> None:
    socket.chmod(0o666)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Build the context for STARTTLS from PEM files (RFC 8996: TLS 1.2 at least); OSError or SSLError if unusable."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context
