"""Large values are what they were, on both databases, and go with their transaction."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errors import Deferred
from cgbot.mail.frozen import Frozen, Slot
from cgbot.outbox import queue
from cgbot.outbox.queue import Mail
from cgbot.store import blobs, raw
from cgbot.store.db import Database, Tx
from cgbot.store.tables import raw_messages

LARGE = random.Random(7).randbytes(3 * blobs.LARGE + 17)


def stored(tx: Tx) -> int:
    return int(tx.execute(sa.select(sa.func.count()).select_from(raw_messages)).scalar_one())


@pytest.mark.parametrize("size", [blobs.LARGE - 1, blobs.LARGE, blobs.LARGE + 1, len(LARGE)])
def test_a_message_comes_back_as_it_was(db: Database, size: int) -> None:
    prepared = [raw.prepare(LARGE[:size]), raw.prepare(b"a small one")]
    for _ in range(2):
        db.write_now(raw.put, prepared)
    assert db.read_now(stored) == 2
    found = db.read_now(raw.get_some, [one.sha256 for one in prepared])
    assert list(found.values()).count(LARGE[:size]) == 1
    assert db.write_now(raw.get, prepared[0].sha256) == LARGE[:size]


def test_what_is_undone_leaves_nothing(db: Database) -> None:
    def put_and_fail(tx: Tx) -> None:
        raw.put(tx, [raw.prepare(LARGE)])
        raise LookupError

    with pytest.raises(LookupError):
        db.write_now(put_and_fail)
    assert db.read_now(stored) == 0


def test_a_changed_byte_of_a_large_one_is_found(db: Database) -> None:
    prepared = raw.prepare(LARGE)
    db.write_now(raw.put, [prepared])
    db.write_now(lambda tx: tx.execute(sa.update(raw_messages).values(body=LARGE[:-1] + b"?")) and None)
    with pytest.raises(Deferred, match="damaged"):
        db.read_now(raw.get, prepared.sha256)


def test_a_frozen_mail_comes_back_as_it_was(db: Database, context: Context) -> None:
    frozen = Frozen(LARGE, (Slot(5, "to"),))
    content_id = db.write_now(queue.add_content, Mail("post", "post 1", None, "a@b", frozen), context.now)
    assert db.read_now(queue.content, content_id) == frozen
