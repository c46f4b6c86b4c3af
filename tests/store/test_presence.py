"""Which runs live: the lock of a session on PostgreSQL, nobody else on SQLite."""

from __future__ import annotations

import sqlalchemy as sa

from cgbot.store import presence
from cgbot.store.db import Database
from cgbot.store.presence import Presence
from cgbot.store.tables import deliveries


def test_an_embedded_database_has_one_run(sqlite_url: str) -> None:
    one = Presence(sqlite_url, 1)
    assert one.show()
    one.end()


def test_a_run_lives_from_show_to_end(postgresql_url: str) -> None:
    db = Database.open(postgresql_url)
    one, two = Presence(postgresql_url, 101), Presence(postgresql_url, 102)
    assert one.show()
    assert two.show()
    assert one.show(), "asked again"
    assert db.read_now(presence.living) >= {101, 102}
    one.end()
    assert 101 not in db.write_now(presence.living)
    two.end()
    db.close()


def test_an_epoch_has_one_run(postgresql_url: str) -> None:
    one, two = Presence(postgresql_url, 103), Presence(postgresql_url, 103)
    assert one.show()
    assert not two.show()
    one.end()
    assert two.show()
    two.end()


def test_a_session_that_was_lost_is_noticed_and_made_anew(postgresql_url: str) -> None:
    db = Database.open(postgresql_url)
    one = Presence(postgresql_url, 104)
    assert one.show()
    ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 104"
    db.write_now(lambda tx: tx.execute(sa.text(ended)).all())
    assert not one.show()
    assert one.show()
    one.end()
    db.close()


def test_a_server_that_cannot_be_reached_gives_no_lock() -> None:
    assert not Presence("postgresql://nobody@127.0.0.1:1/nothing", 1).show()


def test_only_what_has_an_epoch_is_left_behind(db: Database) -> None:
    text = str(db.write_now(presence.left_behind, deliveries.c.epoch, 7))
    assert "IS NOT NULL" in text
