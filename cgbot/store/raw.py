"""
Raw messages: content under the SHA-256 of its bytes, compressed in a row (records).

`prepare` is the slow part and belongs outside a transaction; `put` stores what is not there yet. What `get` gives
back hashes to the name it was asked for, or it raises: an archive that has changed must say so.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import zstandard
from sqlalchemy import Connection, Integer, Row, bindparam, case, func, literal_column, select

from cgbot.errors import Deferred, NotFound
from cgbot.store import blobs
from cgbot.store.tables import raw_messages
from cgbot.store.upsert import insert_new

_LEVEL: Final = 1  # takes two thirds of the time of level 3, and a hundredth more room
_NAMED: Final = raw_messages.c.sha256.in_(bindparam("names", expanding=True))
_PLAIN: Final = (raw_messages.c.sha256, raw_messages.c.codec, raw_messages.c.size)
_GET: Final = select(*_PLAIN, raw_messages.c.body).where(_NAMED)
_SMALL: Final = case((func.length(raw_messages.c.body) > blobs.LARGE, None), else_=raw_messages.c.body).label("body")
_GET_SMALL: Final = select(*_PLAIN, _SMALL, literal_column("raw_messages.rowid").label("place")).where(_NAMED)
_PLACE: Final = select(literal_column("raw_messages.rowid", Integer)).where(raw_messages.c.sha256 == bindparam("name"))
_local = threading.local()  # a compressor serves one thread at a time


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready to be stored."""

    sha256: bytes
    size: int
    codec: str
    body: bytes


def prepare(raw: bytes) -> Prepared:
    """Hash and compress; bytes that do not shrink are kept as they are."""
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    packed = _local.compressor.compress(raw)
    codec, body = ("zstd", packed) if len(packed) < len(raw) else ("none", raw)
    return Prepared(hashlib.sha256(raw).digest(), len(raw), codec, body)


def put(tx: Connection, messages: Sequence[Prepared]) -> None:
    """Store the messages that are not there yet."""
    rows = [_row(m) for m in messages if not blobs.is_large(tx, len(m.body))]
    if rows:
        tx.execute(insert_new(tx, raw_messages), rows)
    for one in messages:
        if blobs.is_large(tx, len(one.body)):
            _put_large(tx, one)


def _row(message: Prepared) -> dict[str, Any]:
    return {"sha256": message.sha256, "size": message.size, "codec": message.codec, "body": message.body}


def _put_large(tx: Connection, message: Prepared) -> None:
    new = insert_new(tx, raw_messages).values({**_row(message), "body": blobs.place(tx, message.body)})
    if tx.execute(new).rowcount:
        place = tx.execute(_PLACE, {"name": message.sha256}).scalar_one()
        blobs.fill(tx, raw_messages.c.body, place, message.body)


def get(tx: Connection, sha256: bytes) -> bytes:
    """
    Give back the exact bytes.

    Raises NotFound for a name that is not stored, Deferred when the stored bytes do not hash to their name.
    """
    found = get_some(tx, [sha256]).get(sha256)
    if found is None:
        raise NotFound(f"no message {sha256.hex()} is stored")
    if isinstance(found, Exception):
        raise found
    return found


def get_some(tx: Connection, names: Sequence[bytes]) -> dict[bytes, bytes | Exception]:
    """Give back the exact bytes of each of these that is stored; a damaged one as the Deferred that says so."""
    rows = tx.execute(_GET_SMALL if tx.dialect.name == "sqlite" else _GET, {"names": list(names)}).all()
    return {bytes(row.sha256): _checked(bytes(row.sha256), row, _body(tx, row)) for row in rows}


def _body(tx: Connection, row: Row[Any]) -> bytes:
    return blobs.read(tx, raw_messages.c.body, row.place) if row.body is None else bytes(row.body)


def _checked(sha256: bytes, row: Row[Any], body: bytes) -> bytes | Exception:
    damaged = Deferred(f"the stored message {sha256.hex()} is damaged")
    try:
        raw = zstandard.ZstdDecompressor().decompress(body, max_output_size=row.size) if row.codec == "zstd" else body
    except zstandard.ZstdError:
        return damaged
    return raw if hashlib.sha256(raw).digest() == sha256 else damaged
