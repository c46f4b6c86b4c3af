"""Edge: the post that an operator names, by permalink or Message-ID."""

from __future__ import annotations

from cgbot.archive import records
from cgbot.archive.records import Post
from cgbot.errors import NotFound
from cgbot.store.db import Tx


def find_post(tx: Tx, group_id: int, named: str, number: int = 0) -> Post:
    """The post, of several under one Message-ID the one of this number, else the first. Raises NotFound."""
    found = records.with_unlisted(tx, group_id, named)
    chosen = [one for one in found if number in {0, one.id}]
    if not chosen:
        raise NotFound(f"there is no post {named!r} in this group")
    return chosen[0]
