"""Mail to and from the use cases of a group: errands as the sorter builds them, letters as the outbox holds them."""

from __future__ import annotations

import email
import email.policy
import itertools
from dataclasses import dataclass
from email.message import EmailMessage

import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups.records import Group
from cgbot.mail import frozen as freezing
from cgbot.mail import message as messages
from cgbot.outbox import queue
from cgbot.store.db import Database, Tx
from cgbot.store.tables import deliveries

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Sent:
    """One letter in the outbox."""

    recipient: str
    return_path: str
    message: EmailMessage

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())


def outbox(db: Database) -> list[Sent]:
    """Every letter, oldest first, as its recipient gets it."""

    def read(tx: Tx) -> list[Sent]:
        rows = tx.execute(sa.select(deliveries).order_by(deliveries.c.id)).all()
        return [Sent(row.recipient, row.return_path, _read(tx, row.content_id, row.slots)) for row in rows]

    return db.read_now(read)


def _read(tx: Tx, content_id: int, slots: dict[str, str]) -> EmailMessage:
    raw = freezing.fill(queue.content(tx, content_id), slots)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def errand(
    context: Context,
    group: Group,
    purpose: str,
    text: str = "",
    *,
    sender: str = "Zoë <zoe@example.org>",
    detail: str = "",
    mail_from: str | None = None,
    peer: str = "192.0.2.1",
    **fields: str,
) -> Errand:
    """A mail to NAME-PURPOSE@ that has just come in."""
    number = next(_numbers)
    head = {"From": sender, "Subject": "a mail", "Message-ID": f"<{number}@example.org>", **fields}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in head.items())
    return errand_of(
        context,
        group,
        f"{lines}\r\n{text}\r\n".encode(),
        purpose=purpose,
        detail=detail,
        mail_from="zoe@example.org" if mail_from is None else mail_from,
        peer=peer,
    )


def errand_of(
    context: Context,
    group: Group,
    raw: bytes,
    *,
    purpose: str,
    detail: str = "",
    mail_from: str = "",
    peer: str = "192.0.2.1",
) -> Errand:
    """A mail as bytes."""
    return Errand(
        id=1,
        arrival_id=1,
        group_id=group.id,
        group=group.name,
        recipient=f"{group.name}-{purpose}@lists.example.org",
        purpose=purpose,
        detail=detail,
        gate="",
        attempts=1,
        mail_from=mail_from,
        received_at=context.now,
        protocol="smtp",
        peer=peer,
        sha256=bytes(32),
        message=messages.parse(raw),
    )


def token_of(letter: Sent) -> str:
    """What stands behind the plus of the address that an answer goes to."""
    reply_to = str(letter.message["Reply-To"])
    return reply_to.partition("+")[2].partition("@")[0]
