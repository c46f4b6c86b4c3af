"""
The text of the files of posts, so that they can be searched (records, and the use case that reads them).

A post with such files waits from the moment it is archived, in a row of its own: what stops the program loses nothing,
and the row goes when its post goes. Reading happens outside any transaction. The words of the files are words of the
post: it is taken out of the index as it was, and put in again with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import structlog
import zstandard
from sqlalchemy import Connection, func, select, update

from cgbot.archive import file_text, keep
from cgbot.errors import CgbotError
from cgbot.mail import message as messages
from cgbot.store import raw, search
from cgbot.store.db import Database
from cgbot.store.tables import file_texts, posts

log = structlog.get_logger(__name__)
_LARGEST: Final = 16 * 1024 * 1024  # octets of texts, unpacked
_LEVEL: Final = 6


@dataclass(frozen=True, slots=True)
class FileText:
    """What a file of a post says; `number` counts the files of the post from 1, as its page does."""

    number: int
    name: str
    text: str


def of_posts(tx: Connection, post_ids: Iterable[int]) -> dict[int, tuple[FileText, ...]]:
    """What the files of these posts say, as far as they have been read."""
    columns = file_texts.c["post_id", "texts"]
    wanted = select(*columns).where(file_texts.c.post_id.in_(list(post_ids)), file_texts.c.texts.is_not(None))
    return {int(row.post_id): _unpacked(bytes(row.texts)) for row in tx.execute(wanted)}


def texts(found: Iterable[FileText]) -> tuple[str, ...]:
    """What the index takes of them."""
    return tuple(one.text for one in found)


def work(db: Database) -> int:
    """Read the files of a post that waits; how many posts were done."""
    waiting = db.read_now(_waiting)
    if waiting is not None:
        _read(db, *waiting)
    return int(waiting is not None)


def count_waiting(tx: Connection) -> int:
    """How many posts wait."""
    wanted = select(func.count()).select_from(file_texts).where(file_texts.c.state == "waiting")
    return int(tx.execute(wanted).scalar_one())


def _waiting(tx: Connection) -> tuple[int, bytes] | None:
    """The newest: it is what is looked for."""
    wanted = (
        select(file_texts.c.post_id, posts.c.sha256)
        .join(posts, posts.c.id == file_texts.c.post_id)
        .where(file_texts.c.state == "waiting")
        .order_by(file_texts.c.post_id.desc())
        .limit(1)
    )
    row = tx.execute(wanted).first()
    return (int(row.post_id), bytes(row.sha256)) if row else None


def _read(db: Database, post_id: int, sha256: bytes) -> None:
    try:
        message = messages.parse(db.read_now(raw.get, sha256))
    except CgbotError as error:
        log.warning("the files of a post cannot be read", post=post_id, reason=error.public)
        db.write_now(_done, post_id, (), None)
        return
    readable = [(n, one) for n, one in enumerate(message.attachments, 1) if file_text.format_of(one)]
    read = ((n, one, file_text.read(one)) for n, one in readable[: file_text.MOST])
    found = tuple(FileText(n, one.filename, text) for n, one, text in read if text)
    change = (keep.prepare(message), keep.prepare(message, texts(found))) if found else None
    db.write_now(_done, post_id, found, change)


def _done(
    tx: Connection,
    post_id: int,
    found: tuple[FileText, ...],
    change: tuple[keep.PostFacts, keep.PostFacts] | None,
) -> None:
    """Keep what was found and index it, unless the post has gone, or somebody else was quicker."""
    mine = (file_texts.c.post_id == post_id) & (file_texts.c.state == "waiting")
    kept = update(file_texts).where(mine).values(state="read", texts=_packed(found) if found else None)
    if tx.execute(kept).rowcount and change is not None:
        before, after = change
        search.remove(tx, post_id, before.terms)
        search.add(tx, [(post_id, after.terms)])


def _packed(found: Iterable[FileText]) -> bytes:
    content = json.dumps([[one.number, one.name, one.text] for one in found], ensure_ascii=False)
    return zstandard.ZstdCompressor(level=_LEVEL).compress(content.encode("utf-8", "replace"))


def _unpacked(content: bytes) -> tuple[FileText, ...]:
    found = json.loads(zstandard.ZstdDecompressor().decompress(content, max_output_size=_LARGEST))
    return tuple(FileText(int(number), str(name), str(text)) for number, name, text in found)
