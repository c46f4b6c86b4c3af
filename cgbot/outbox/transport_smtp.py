"""
Edge: one connection to the relay, one transaction a recipient (RFC 5321; RFC 2920, 6152, 6531, 1870 when offered).

aiosmtplib opens it: greeting, EHLO, TLS, AUTH. STARTTLS and certificates are required where the settings say so. From
then on each recipient has an envelope of its own, MAIL, RCPT and DATA in one packet where the server allows it, so
that one refusal touches nobody else. What the server said is given back as an Outcome; nothing is raised. No answer
after the final dot is "in doubt", everything before it "deferred". A connection is closed after anything unexpected.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiosmtplib

from cgbot import failpoints
from cgbot.errors import CgbotError
from cgbot.mail.headers import clean_text
from cgbot.outbox.dialogue import Dialogue, Lost, Reply, take_over
from cgbot.outbox.retry import Outcome
from cgbot.outbox.wire import SLICE, Offer, Outgoing, dotted, impossible, parameters, slices
from cgbot.settings import Settings

CONNECT_SECONDS: Final = 30.0
COMMAND_SECONDS: Final = 60.0
DOT_SECONDS: Final = 600.0  # RFC 5321 section 4.5.3.2.6
_SLOWEST: Final = 32_768  # octets a second that a large mail may be slow
_REPLY_LIMIT: Final = 500
_NO_ROOM: Final = 452
_CLOSING: Final = 421
_MAILBOX: Final = "4.2."  # enhanced codes that speak of one mailbox
_TOO_MANY: Final = "4.5.3"  # recipients, on this connection
_GO_ON: Final = 354
_WANTS_LOGIN: Final = frozenset({530, 534, 535, 538})
_PERMANENT: Final = 500
_CONSENT: Final = 2  # the first digit of a positive reply
_DATA: Final = 2  # the place of DATA among the three commands


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the relay may take, in seconds."""

    connect: float = CONNECT_SECONDS
    commands: float = COMMAND_SECONDS
    dot: float = DOT_SECONDS


class NotConnected(Exception):
    """The relay cannot be used now; the text says why."""


def read_password(settings: Settings) -> str:
    """Read the relay's password from its file; raises OSError when there is none."""
    path = settings.relay.password_file
    return path.read_text().strip("\r\n") if path else ""


class SmtpConnection:
    """A connection to the relay that is opened when it is needed and used for one recipient after the other."""

    def __init__(
        self, settings: Settings, password: Callable[[Settings], str], deadlines: Deadlines = Deadlines()
    ) -> None:
        self._settings = settings
        self._password = password
        self._deadlines = deadlines
        self._dialogue: Dialogue | None = None
        self._offer = Offer(pipelining=False, eight_bit=False, utf8=False, size=None)
        self._used = False
        self._ended_by_server = False
        self._is_cut = False
        self._limit: asyncio.Timeout | None = None  # of the last step

    @property
    def is_open(self) -> bool:
        """Whether the next recipient needs no new connection."""
        return self._dialogue is not None and self._dialogue.is_open

    async def send(self, copy: Outgoing) -> Outcome:
        """Try one recipient; raises NotConnected, before anything was tried, when the relay cannot be reached."""
        if self._dialogue is not None and self._dialogue.has_unread:
            self._dialogue.close()
        if self.is_open and self._used:
            outcome = await self._attempt(copy)
            # A server may end a connection that has idled, or that has done enough; that is nothing about this copy.
            if not self._ended_by_server or outcome.kind != "deferred":
                return outcome
        if not self.is_open:
            await self._connect()
        self._used = True
        return await self._attempt(copy)

    async def close(self) -> None:
        """Say goodbye."""
        if self._dialogue is not None:
            self._dialogue.close()
        self._dialogue = None

    def cut(self) -> None:
        """End what is on its way now, as if the relay had not answered in time; nothing is begun any more."""
        self._is_cut = True
        if self._limit is not None:
            with contextlib.suppress(RuntimeError):  # it is over already
                self._limit.reschedule(asyncio.get_running_loop().time())

    def _within(self, seconds: float) -> asyncio.Timeout:
        """Raise TimeoutError after so many seconds, or when it is cut."""
        self._limit = asyncio.timeout(0 if self._is_cut else seconds)
        return self._limit

    # ------------------------------------------------------------------------------------------------- opening

    async def _connect(self) -> None:
        relay = self._settings.relay
        try:
            async with self._within(self._deadlines.connect):
                client = await self._opened()
        except CgbotError as error:
            raise NotConnected(clean_text(error.public, _REPLY_LIMIT)) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise NotConnected(clean_text(_said(error, relay.host, relay.port), _REPLY_LIMIT)) from error
        self._take_over(client)

    async def _opened(self) -> aiosmtplib.SMTP:
        relay = self._settings.relay
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            local_hostname=self._settings.service.domain,
            username=relay.user or None,
            password=await asyncio.to_thread(self._password, self._settings) if relay.user else None,
            timeout=self._deadlines.connect,
            use_tls=relay.tls == "implicit",
            start_tls=relay.tls == "starttls",
            tls_context=ssl.create_default_context() if relay.tls != "none" else None,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except BaseException:
            client.close()
            raise
        return client

    def _take_over(self, client: aiosmtplib.SMTP) -> None:
        if client.transport is None:
            raise NotConnected("the relay closed the connection")
        extensions = client.esmtp_extensions
        size = extensions.get("size")
        self._offer = Offer(
            pipelining="pipelining" in extensions,
            eight_bit="8bitmime" in extensions,
            utf8="smtputf8" in extensions,
            size=None if size is None else int(size) if size.isdigit() else 0,
        )
        self._dialogue = take_over(client.transport)
        self._used = False

    # --------------------------------------------------------------------------------------------- one recipient

    async def _attempt(self, copy: Outgoing) -> Outcome:
        self._ended_by_server = False
        refusal = impossible(copy, self._offer)
        if refusal is not None:
            return refusal
        dialogue = self._dialogue
        assert dialogue is not None  # noqa: S101 - `send` has connected
        try:
            async with self._within(self._deadlines.commands):
                refused = await self._envelope(dialogue, copy)
                if refused is not None:
                    return refused
            last = await self._text(dialogue, copy)
            failpoints.reach("outbox.before-dot")
        except (OSError, TimeoutError) as error:
            self._ended_by_server = isinstance(error, Lost)
            dialogue.abort()
            return Outcome("deferred", _why(error))
        return await self._dot(dialogue, last)

    async def _text(self, dialogue: Dialogue, copy: Outgoing) -> bytes:
        """Write a large mail in slices, so that no more than one of them waits for the network; what is left."""
        if copy.size <= SLICE:
            return dotted(copy.raw)
        async with self._within(self._deadlines.commands + copy.size / _SLOWEST):
            for piece in slices(copy):
                dialogue.write(piece)
                await dialogue.drained()
        return b""

    async def _envelope(self, dialogue: Dialogue, copy: Outgoing) -> Outcome | None:
        """MAIL, RCPT and DATA; an Outcome when the server does not want the mail."""
        commands = [
            f"MAIL FROM:<{copy.return_path}>{parameters(copy, self._offer)}\r\n".encode(),
            f"RCPT TO:<{copy.recipient}>\r\n".encode(),
            b"DATA\r\n",
        ]
        if not self._offer.pipelining:
            return await self._one_by_one(dialogue, commands)
        dialogue.write(b"".join(commands))
        replies = await _replies(dialogue, len(commands))
        refused = _first_refusal(replies)
        if refused is None:
            return None
        with contextlib.suppress(Lost):  # the refusal was heard and stands, whatever becomes of the connection
            if replies[-1].code == _GO_ON:  # RFC 2920 section 3.1: end the mail that has no recipient
                dialogue.write(b".\r\n")
                await dialogue.reply()
            await self._reset(dialogue, refused)
        return _refused(refused)

    async def _one_by_one(self, dialogue: Dialogue, commands: list[bytes]) -> Outcome | None:
        replies: list[Reply] = []
        for command in commands:
            dialogue.write(command)
            replies.append(await dialogue.reply())
            refused = _first_refusal(replies)
            if refused is not None:
                with contextlib.suppress(Lost):
                    await self._reset(dialogue, refused)
                return _refused(refused)
        return None

    async def _reset(self, dialogue: Dialogue, refused: Reply) -> None:
        """Make the connection ready for the next recipient, or close it."""
        if refused.code == _CLOSING or (refused.code == _NO_ROOM and refused.text.startswith(_TOO_MANY)):
            self._ended_by_server = True
            dialogue.close()
            return
        dialogue.write(b"RSET\r\n")
        if (await dialogue.reply()).code // 100 != _CONSENT:
            dialogue.close()

    async def _dot(self, dialogue: Dialogue, rest: bytes) -> Outcome:
        """Send what is left and the final dot; from here on a lost answer is in doubt."""
        try:
            async with self._within(self._deadlines.dot):
                dialogue.write(rest + b".\r\n")
                reply = await dialogue.reply()
        except (OSError, TimeoutError) as error:
            dialogue.abort()
            return Outcome("in-doubt", f"no answer after the message was sent: {_why(error)}")
        if reply.code // 100 == _CONSENT:
            return Outcome("sent", _clean(reply))
        if reply.code == _CLOSING:
            self._ended_by_server = True
            dialogue.close()
        return _refused(reply)


async def _replies(dialogue: Dialogue, count: int) -> list[Reply]:
    """The replies to pipelined commands; a server that closes after a refusal has said what counts."""
    replies: list[Reply] = []
    try:
        while len(replies) < count:
            replies.append(await dialogue.reply())
    except Lost:
        if _first_refusal(replies) is None:
            raise
    return replies


def _first_refusal(replies: list[Reply]) -> Reply | None:
    """
    The reply that decides: MAIL and RCPT want 2xx, DATA (the third) wants 354.

    An odd 2xx such as 252 counts as consent (RFC 5321 section 4.2: the first digit decides): were it taken for a
    refusal, the dot that ends an unwanted DATA would send an empty mail.
    """
    for place, reply in enumerate(replies):
        agreed = reply.code == _GO_ON if place == _DATA else reply.code // 100 == _CONSENT
        if not agreed:
            return reply
    return None


def _refused(reply: Reply) -> Outcome:
    """
    Tell refusals apart: for good or for now, and whether the next minute may be better.

    A relay that wants a login (RFC 4954 section 6) speaks of our configuration, not of the recipient. 421 speaks of the
    connection; 452 of the server's room, unless its enhanced code (RFC 3463 section 3.3: X.2.2) says that the mailbox
    is full, which takes its owner longer.
    """
    permanent = reply.code >= _PERMANENT and reply.code not in _WANTS_LOGIN
    is_short = reply.code == _CLOSING or (reply.code == _NO_ROOM and not reply.text.startswith(_MAILBOX))
    return Outcome("failed" if permanent else "deferred", _clean(reply), retry_now=is_short)


def _clean(reply: Reply) -> str:
    return clean_text(str(reply), _REPLY_LIMIT)


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "the relay did not answer in time"
    return clean_text(str(error) or type(error).__name__, _REPLY_LIMIT)


def _said(error: BaseException, host: str, port: int) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    cause = error.__cause__
    text = _why(cause if isinstance(cause, OSError) else error)
    return text if host in text else f"{host}:{port}: {text}"


__all__ = ["Deadlines", "Lost", "NotConnected", "Offer", "Outgoing", "SmtpConnection", "dotted", "impossible"]
