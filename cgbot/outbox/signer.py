"""
Signs each copy that goes out: DKIM on our own mails and on posts, an ARC set above posts (use case).

What is the same for all copies of a content (the hash of its body, the ARC set) is computed once and kept for the
contents that are being sent. The second of a signature is when the content was made, so a retry is byte-identical. A
mail that is passed on as it is, as to the owners, goes unsigned.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiosmtplib.protocol import normalize_message_line_endings
from sqlalchemy import select

from cgbot.mail import headers, list_headers, sealing, signing
from cgbot.mail.address import domain_of, parse_mailboxes
from cgbot.mail.frozen import Encoded, Frozen, Slot, fill
from cgbot.mail.signing import SigningKeys, Stamp
from cgbot.outbox.wire import Outgoing
from cgbot.store.db import Database, Tx
from cgbot.store.tables import contents

_KEPT: Final = 64
_HEAD: Final = 262_144  # more than a header block that we have taken or made


@dataclass(frozen=True, slots=True)
class _Common:
    """What the copies of a content share; `body_hash` b"" where each body is its own."""

    wanted: bool
    body_hash: bytes
    second: int
    arc: bytes


class Signer:
    """Signs with these keys in the name of the mail domain."""

    def __init__(self, db: Database, keys: SigningKeys, domain: str) -> None:
        self._db = db
        self._keys = keys
        self._domain = domain.lower()
        self._kept: OrderedDict[int, _Common] = OrderedDict()

    async def sign(self, content_id: int, frozen: Frozen, copy: Outgoing) -> Outgoing:
        """The copy with its signatures on top; unchanged where it is not ours to sign."""
        common = self._kept.get(content_id)
        if common is None:
            made_at = await self._db.read(_made_at, content_id)
            common = await asyncio.to_thread(self._common, frozen, int(made_at.timestamp()))
            self._kept[content_id] = common
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        if not common.wanted:
            return copy
        prefix = common.arc + self._signatures(common, copy)
        return Outgoing(copy.return_path, copy.recipient, prefix + copy.raw, copy.body, copy.start)

    def _signatures(self, common: _Common, copy: Outgoing) -> bytes:
        start = copy.raw if not copy.body else copy.raw + copy.body[copy.start : copy.start + _HEAD]
        block, body = headers.split(start)
        digest = common.body_hash or signing.body_hash(_regular(bytes(body)))
        return signing.sign(_regular(block), Stamp(digest, common.second), self._keys)

    def _common(self, frozen: Frozen, second: int) -> _Common:
        slots = {mark.name: f"x@{self._domain}" for mark in frozen.marks if isinstance(mark, Slot)}
        raw = _regular(fill(frozen, slots))
        block, body = headers.split(raw)
        # What we write has slots. Mail that is passed on as it is has none, whatever its author put into it: a mail
        # to the owners that claims to be ours must not become ours.
        is_copy = list_headers.ONE_CLICK in slots
        wanted = is_copy or (bool(slots) and self._is_ours(block))
        is_post = is_copy and sealing.carries_results(block, self._domain)
        varies = any(isinstance(mark, Encoded) for mark in frozen.marks)
        digest = b"" if varies or not wanted else signing.body_hash(body)
        arc = sealing.seal(raw, self._keys, self._domain, second) if is_post else b""
        return _Common(wanted, digest, second, arc)

    def _is_ours(self, block: bytes) -> bool:
        values = [piece.partition(b":")[2] for name, piece in headers.cut(block) if name.lower() == b"from"]
        boxes = parse_mailboxes(headers.decode(values[0])) if len(values) == 1 else ()
        return len(boxes) == 1 and domain_of(boxes[0].address).lower() == self._domain


def _made_at(tx: Tx, content_id: int) -> datetime:
    made_at: datetime = tx.execute(select(contents.c.created_at).where(contents.c.id == content_id)).scalar_one()
    return made_at


def _regular(raw: bytes) -> bytes:
    """With the line ends that are sent (outbox.wire)."""
    pairs = raw.count(b"\r\n")
    return raw if raw.count(b"\n") == pairs == raw.count(b"\r") else normalize_message_line_endings(raw)
