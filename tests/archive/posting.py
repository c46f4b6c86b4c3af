"""Posts for tests: raw bytes stored, and kept as the sorter keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from cgbot.archive import keep
from cgbot.mail import message as messages
from cgbot.store import raw
from cgbot.store.db import Tx
from cgbot.store.tables import posts

START = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)


def mail(name: str, text: str = "Dear all,\n\nplease see below.\n", **fields: str) -> bytes:
    """The message <NAME@example.org>; `answers="a b"` gives its References, a field set to "" is left out."""
    references = " ".join(f"<{one}@example.org>" for one in fields.pop("answers", "").split())
    given = {
        "From": "Alice Example <alice@example.org>",
        "To": "cg-aisec@lists.example.org",
        "Subject": f"About {name}",
        "Date": "Mon, 03 May 2027 10:00:00 +0200",
        "Message-ID": f"<{name}@example.org>",
        "References": references,
        **{key.replace("_", "-"): value for key, value in fields.items()},
    }
    head = "".join(f"{key}: {value}\r\n" for key, value in given.items() if value)
    return (head + "\r\n" + text.replace("\n", "\r\n")).encode()


def put(tx: Tx, group_id: int, content: bytes, minutes: float = 0) -> int:
    """Store and archive a message that came in so many minutes after START; the post's id."""
    prepared = raw.prepare(content)
    raw.put(tx, [prepared])
    facts = keep.prepare(messages.parse(content))
    return keep.index(tx, group_id, prepared.sha256, START + timedelta(minutes=minutes), facts)


def put_all(tx: Tx, group_id: int, contents: list[bytes]) -> list[int]:
    """Archive messages that came in a minute after each other."""
    return [put(tx, group_id, content, minutes) for minutes, content in enumerate(contents)]


def threads_of(tx: Tx) -> set[frozenset[str]]:
    """The threads, each as the names of its posts."""
    together: dict[int, set[str]] = {}
    for row in tx.execute(sa.select(posts.c.thread_id, posts.c.message_id)):
        together.setdefault(row.thread_id, set()).add(row.message_id.removesuffix("@example.org"))
    return {frozenset(names) for names in together.values()}
