"""
The commands but DATA (edge: RFC 5321 section 4.1, 1870, 2034, 3207, 6152, 6531).

Each is answered from memory. Nothing is said about who exists beyond RCPT (VRFY is 252, EXPN and AUTH are not
implemented), and what a client said in clear before STARTTLS counts for nothing after it.
"""

from __future__ import annotations

import ssl
from typing import Final

from cgbot.posts.gate import Recipient
from cgbot.smtp import path, reply
from cgbot.smtp.dialogue import Dialogue, Gone
from cgbot.smtp.limits import Limits

_OVERSHOOT: Final = 1000
_SIZE_DIGITS: Final = 20  # RFC 1870 section 4


class Commands(Dialogue):
    """The envelope, step by step; aiosmtpd finds each command by its method's name."""

    # ruff: noqa: N802

    async def smtp_HELO(self, name: str) -> None:
        """RFC 5321 section 4.1.1.1."""
        self._hello(name, extended=False)

    async def smtp_EHLO(self, name: str) -> None:
        """RFC 5321 section 4.1.1.1."""
        self._hello(name, extended=True)

    def _hello(self, name: str, *, extended: bool) -> None:
        if not name:
            self._refuse(reply.HELLO_ARGUMENT)
            return
        self._set_rset_state()
        self.session.host_name = reply.clean(name)[:255]
        self.session.extended_smtp = extended
        lines = [self.hostname, *(self._extensions() if extended else ())]
        for line in lines[:-1]:
            self._say(f"250-{line}")
        self._say(f"250 {lines[-1]}")

    def _extensions(self) -> tuple[str, ...]:
        size = f"SIZE {self._edge.limits.message_size}"
        offered = ("PIPELINING", size, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
        return (*offered, "STARTTLS") if self._edge.tls is not None and self.session.ssl is None else offered

    async def smtp_MAIL(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.2."""
        if not self.session.host_name:
            self._refuse(reply.HELLO_FIRST)
        elif self.envelope.mail_from is not None:
            self._refuse(reply.NESTED_MAIL)
        else:
            self._mail(argument)

    def _mail(self, argument: str) -> None:
        given = path.parse(argument or "", "FROM:", self._full_parser)
        if given is None or (given.parameters and not self.session.extended_smtp):
            self._refuse(reply.SENDER_ADDRESS if given is None and "@" in argument else reply.MAIL_SYNTAX)
            return
        if problem := _problem_of(given, self._edge.limits):
            self._refuse(problem)
            return
        guard = self._edge.guard
        if guard.disk_is_low:
            self._say(reply.DISK_FULL)
            return
        self.envelope.mail_from = given.address
        self.envelope.smtp_utf8 = "SMTPUTF8" in given.parameters
        self._say(reply.SENDER_OK)

    async def smtp_RCPT(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.3."""
        if self.envelope.mail_from is None:
            self._refuse(reply.MAIL_FIRST)
        elif len(self.envelope.recipients) >= self._edge.limits.recipients:
            self._one_too_many()
        else:
            self._recipient(argument)

    def _one_too_many(self) -> None:
        """The sender tries the rest again; a thousand more of them are a flood."""
        self.envelope.too_many += 1
        answer = reply.too_many_recipients(self._edge.limits.recipients)
        if self.envelope.too_many > _OVERSHOOT:
            self._refuse(answer)
        else:
            self._say(answer)

    def _recipient(self, argument: str) -> None:
        given = path.parse(argument or "", "TO:", self._full_parser)
        if given is None or not given.address:
            self._refuse(reply.RECIPIENT_ADDRESS if "@" in argument else reply.RECIPIENT_SYNTAX)
        elif given.parameters:
            self._refuse(reply.BAD_PARAMETER)
        elif not self.envelope.smtp_utf8 and not given.address.isascii():
            self._refuse(reply.NEEDS_UTF8)
        else:
            found = self._edge.reception.recipient(given.address)
            if isinstance(found, Recipient):
                self.envelope.recipients.append(found)
                self._say(reply.RECIPIENT_OK)
            elif self.may_refuse:
                self._refuse(found)
            else:
                self._say(found)  # our own front server asks for many clients: no error of its own

    def _full_parser(self, text: str) -> tuple[str | None, str | None]:
        try:
            address, rest = self._getaddr(text)
        except Exception:  # noqa: BLE001 - the email package raises anything on hostile addresses
            return None, None
        return address, rest

    async def smtp_RSET(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.5."""
        if argument:
            self._refuse(reply.NO_ARGUMENT)
            return
        self._set_rset_state()
        self._say(reply.OK)

    async def smtp_NOOP(self, _argument: str) -> None:
        """RFC 5321 section 4.1.1.9."""
        self._say(reply.OK)

    async def smtp_VRFY(self, _argument: str) -> None:
        """RFC 5321 section 3.5.3: says nothing about who exists."""
        self._say(reply.VERIFY)

    async def smtp_HELP(self, _argument: str) -> None:
        """RFC 5321 section 4.1.1.8."""
        self._say(reply.HELP)

    async def smtp_EXPN(self, _argument: str) -> None:
        """RFC 5321 section 3.5.3."""
        self._refuse(reply.NOT_IMPLEMENTED)

    async def smtp_AUTH(self, _argument: str) -> None:
        """Nobody signs in here."""
        self._refuse(reply.NOT_IMPLEMENTED)

    async def smtp_QUIT(self, _argument: str) -> None:
        """RFC 5321 section 4.1.1.10."""
        self._say(reply.BYE)
        raise Gone

    async def smtp_STARTTLS(self, argument: str) -> None:
        """RFC 3207; what was said in clear before TLS counts for nothing after it."""
        if argument or self._edge.tls is None or self.session.ssl is not None:
            refusals = (reply.NO_ARGUMENT, reply.NO_TLS, reply.TLS_ALREADY)
            self._refuse(refusals[0 if argument else 1 if self._edge.tls is None else 2])
            return
        if self._reader._buffer:
            self._say(reply.TLS_INJECTION)
            raise Gone
        self._say(reply.START_TLS)
        await self._flush()
        if self._reader._buffer:
            raise Gone
        await self._upgrade(self._edge.tls)

    async def _upgrade(self, context: ssl.SSLContext) -> None:
        """From here on every octet goes through TLS first: what the client says at once is kept, and is private."""
        try:
            secured = await self.loop.start_tls(
                self.transport, self, context, server_side=True, ssl_handshake_timeout=self._edge.limits.idle_seconds
            )
        except (OSError, ssl.SSLError):
            raise Gone from None
        if secured is None:
            raise Gone
        self.transport = self._reader._transport = self._writer._transport = secured  # type: ignore[attr-defined]  # as asyncio's own start_tls does
        self._over_ssl = True
        self._set_rset_state()
        self.session = self._create_session()
        self.session.ssl = {"cipher": secured.get_extra_info("cipher")}


def _problem_of(given: path.Path, limits: Limits) -> str:
    """Give the reply that refuses the parameters of MAIL, or ""."""
    parameters = given.parameters
    if parameters.keys() - {"SIZE", "BODY", "SMTPUTF8"}:
        return reply.BAD_PARAMETER
    size = parameters.get("SIZE", "0")
    if not (size.isascii() and size.isdigit() and len(size) <= _SIZE_DIGITS) or parameters.get("SMTPUTF8"):
        return reply.MAIL_SYNTAX
    if int(size) > limits.message_size:
        return reply.too_large(limits.message_size)
    if parameters.get("BODY", "7BIT").upper() not in {"7BIT", "8BITMIME"}:
        return reply.BODY_KINDS
    return "" if given.address.isascii() or "SMTPUTF8" in parameters else reply.NEEDS_UTF8
