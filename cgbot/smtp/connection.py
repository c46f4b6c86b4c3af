"""
A message after DATA, on SMTP and on LMTP (edge: RFC 5321 section 4.1.1.4, RFC 2033 section 4.2).

Reads it in blocks under every limit, asks the gate, builds our trace line and hands the arrival over. `250` means that
`Reception.take` has returned: the message is durable. Whatever else happens on our side is a 4xx.
"""

from __future__ import annotations

import logging
from typing import ClassVar

from cgbot.posts import gate
from cgbot.posts.gate import Recipient
from cgbot.posts.intake import Addressed, Arrival
from cgbot.smtp import reply
from cgbot.smtp.body import Body
from cgbot.smtp.commands import Commands
from cgbot.smtp.dialogue import BLOCK, Gone, Transaction
from cgbot.smtp.trace import Origin, received

log = logging.getLogger(__name__)


class SmtpConnection(Commands):
    """A client that speaks SMTP: the gate's refusal is said to it."""

    # ruff: noqa: N802

    async def smtp_DATA(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.4; RFC 2033 section 4.2 for the replies of LMTP."""
        if argument or self.envelope.mail_from is None or not self.envelope.recipients:
            first = reply.MAIL_FIRST if self.envelope.mail_from is None else reply.RECIPIENT_FIRST
            self._refuse(reply.NO_ARGUMENT if argument else first)
            return
        transaction = self.envelope
        self._say(reply.GO_AHEAD)
        await self._flush()
        body = self.body = Body(self._edge.limits)
        try:
            await self._receive(body)
            self.phase = "house"  # no timeout from here on: the client has said all it has to say
            answer = body.failure or await self._hand_over(transaction, body.take())
        finally:
            self._release()
            self.body = None
            self._set_post_data_state()
        self.phase = "command"
        self.since = self.loop.time()
        self._answer(answer, len(transaction.recipients))

    async def _receive(self, body: Body) -> None:
        """Read to the dot; a client that goes on far beyond a limit is answered and sent away."""
        self.phase = "data"
        self.since = self.started = self.loop.time()
        while not body.complete:
            block = await self._reader.read(BLOCK)
            if not block or self.is_dismissed:
                raise Gone
            self.since = self.loop.time()
            self._held += len(block)
            is_within = self._edge.guard.hold(len(block), self.peer, is_front=not self.may_refuse)
            if not is_within and not body.failure:
                body.fail(reply.MEMORY_FULL)
            body.feed(block)
            if body.failure:
                self._release()
            if body.hopeless:
                self._say(body.failure)
                raise Gone
        self._reader._buffer.extend(body.rest)

    async def _hand_over(self, transaction: Transaction, content: bytes) -> str:
        try:
            return await self._take(transaction, content)
        except Exception as error:  # an edge: our own fault is temporary and never silence
            log.exception("a message from %s was not taken", self.peer)
            return reply.for_error(error)

    async def _take(self, transaction: Transaction, content: bytes) -> str:
        reception, mail_from = self._edge.reception, transaction.mail_from or ""
        recipients = tuple({recipient.address: recipient for recipient in transaction.recipients}.values())
        verdicts = reception.judge(mail_from, content, recipients)
        if self.may_refuse and (refusal := gate.refusal(verdicts)):
            return refusal
        notes = tuple(verdict.note if verdict else "" for verdict in verdicts)
        return reply.taken(await reception.take(self._arrival(transaction, content, recipients, notes)))

    def _arrival(
        self, transaction: Transaction, content: bytes, recipients: tuple[Recipient, ...], notes: tuple[str, ...]
    ) -> Arrival:
        now = self._edge.now()
        origin = Origin(
            self.protocol,
            self.peer,
            self.session.host_name or "",
            self.session.ssl is not None,
            extended=self.session.extended_smtp,
            utf8=transaction.smtp_utf8,
        )
        return Arrival(
            raw=content,
            mail_from=transaction.mail_from or "",
            received_at=now,
            protocol=self.protocol,
            peer=origin.peer,
            helo=origin.helo,
            tls=origin.tls,
            trace=received(origin, self.hostname, tuple(r.address for r in recipients), now),
            recipients=tuple(_addressed(r, note) for r, note in zip(recipients, notes, strict=True)),
        )

    def _answer(self, answer: str, recipients: int) -> None:
        """One reply for all; counts what was wrong, and forgives after a message."""
        if answer.startswith("250"):
            self._errors = self._idle_commands = 0
        for _ in range(self._replies_to(recipients)):
            self._say(answer)
        if answer.startswith("5"):
            self._count_error()

    def _replies_to(self, _recipients: int) -> int:
        return 1


def _addressed(recipient: Recipient, note: str) -> Addressed:
    group_id = recipient.group.group_id if recipient.group else None
    return Addressed(recipient.address, group_id, recipient.purpose, recipient.detail, note)


class LmtpConnection(SmtpConnection):
    """Our own front server, which speaks LMTP: one reply per accepted recipient, and nothing is refused at the gate."""

    protocol: ClassVar[str] = "lmtp"
    may_refuse: ClassVar[bool] = False

    async def smtp_LHLO(self, name: str) -> None:
        """RFC 2033 section 4.1."""
        self._hello(name, extended=True)

    async def smtp_HELO(self, _name: str) -> None:
        """RFC 2033 section 4.1: not a command of LMTP."""
        self._refuse(reply.UNKNOWN_COMMAND)

    async def smtp_EHLO(self, _name: str) -> None:
        """RFC 2033 section 4.1: not a command of LMTP."""
        self._refuse(reply.UNKNOWN_COMMAND)

    def _replies_to(self, recipients: int) -> int:
        return recipients
