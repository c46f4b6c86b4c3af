"""Files of posts are read after archiving, found by what they say, and forgotten with their posts."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from cgbot.archive import file_texts, rebuild
from cgbot.context import Context
from cgbot.desk import erasing
from cgbot.errors import Conflict
from cgbot.groups.records import Group
from cgbot.store import search, tables
from cgbot.store.db import Database
from tests.archive import files
from tests.archive.posting import mail, put

MAIL = files.attached(
    "minutes", ("minutes.pdf", "application/pdf", files.pdf("quorum")), ("note.txt", "text/plain", b"zebra\r\n")
)


def found(db: Database, group: Group, typed: str) -> tuple[int, ...]:
    return db.read_now(search.find, group.id, typed)


def read_all(db: Database) -> int:
    return sum(iter(lambda: file_texts.work(db), 0))


def test_a_post_is_found_by_what_its_files_say(db: Database, group: Group) -> None:
    post_id = db.write_now(put, group.id, MAIL)
    db.write_now(put, group.id, mail("without"))
    assert found(db, group, "quorum") == ()
    assert read_all(db) == 1
    for typed in ("quorum", "zeb*", "attached quorum", "subject:minutes zebra", "minutes.pdf"):
        assert found(db, group, typed) == (post_id,)
    (said,) = db.read_now(file_texts.of_posts, [post_id]).values()
    assert [(one.number, one.name, one.text) for one in said] == [
        (1, "minutes.pdf", "quorum"),
        (2, "note.txt", "zebra"),
    ]


def test_a_rebuild_reads_them_again(db: Database, group: Group) -> None:
    post_id = db.write_now(put, group.id, MAIL)
    read_all(db)
    assert list(rebuild.rebuild(db)) == [1]
    assert found(db, group, "attached") == (post_id,)
    assert found(db, group, "quorum") == ()
    assert read_all(db) == 1
    assert found(db, group, "quorum") == (post_id,)


@pytest.mark.parametrize("read", [True, False])
def test_an_erased_post_is_not_found_by_its_files(db: Database, context: Context, group: Group, read: bool) -> None:
    db.write_now(put, group.id, mail("other", "quorum\n"))
    post_id = db.write_now(put, group.id, MAIL)
    if read:
        read_all(db)
    erasing.erase_post(db, context, post_id, "operator", "asked for")
    assert read_all(db) == 0
    assert len(found(db, group, "quorum")) == 1
    assert found(db, group, "zebra") == found(db, group, "attached") == ()
    assert db.read_now(lambda tx: tx.execute(sa.select(tables.file_texts)).all()) == []


def test_what_was_read_meanwhile_stops_an_erasure(db: Database, context: Context, group: Group) -> None:
    """The words of a post must be known to be taken out of the index."""
    post_id = db.write_now(put, group.id, MAIL)
    order = erasing.Order(context.now, "operator", "asked for")
    stale = erasing._Indexed(erasing._words(db, post_id, ()), ())
    read_all(db)
    with pytest.raises(Conflict, match="this very moment"):
        db.write_now(erasing._erase, context, post_id, order, stale)


def test_a_damaged_post_waits_no_longer(db: Database, group: Group) -> None:
    db.write_now(put, group.id, MAIL)
    db.write_now(lambda tx: tx.execute(sa.update(tables.raw_messages).values(body=b"x")))
    assert read_all(db) == 1
    assert file_texts.work(db) == 0
