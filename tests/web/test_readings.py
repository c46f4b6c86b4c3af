"""Readings of messages: each made once, and not too many of them kept."""

from __future__ import annotations

from typing import Any

import pytest

from cgbot.archive.forgotten import Forgotten
from cgbot.errors import NotFound
from cgbot.store import raw
from cgbot.store.db import Database
from cgbot.web.readings import Readings

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _stored(db: Database, text: str) -> bytes:
    prepared = raw.prepare(b"Subject: x\r\n\r\n" + text.encode())
    db.write_now(raw.put, [prepared])
    return prepared.sha256


def _gone(db: Database, sha256: bytes) -> None:
    """What is not in the database any more can only come from what was kept."""

    def forget(tx: Any) -> None:
        tx.exec_driver_sql("DELETE FROM raw_messages WHERE sha256 = ?", (sha256,))

    db.write_now(forget)


def test_what_was_read_is_kept(db: Database) -> None:
    readings, one = Readings(), _stored(db, "Dear all")
    first = readings.of(db, Forgotten(), one)
    _gone(db, one)
    assert readings.of(db, Forgotten(), one) is first
    assert first.text == "Dear all"
    assert first.as_html(mask=True) is first.as_html(mask=True)


def test_the_longest_unused_goes_when_there_is_too_much(db: Database) -> None:
    readings = Readings(2000)  # each is counted for its text and twice as it is shown
    a, b, c = (_stored(db, letter * 250) for letter in "abc")
    for one in (a, b, a, c):
        readings.of(db, Forgotten(), one)
    for one in (a, b, c):
        _gone(db, one)
    assert (readings.of(db, Forgotten(), a).text[0], readings.of(db, Forgotten(), c).text[0]) == ("a", "c")
    with pytest.raises(NotFound, match="is stored"):
        readings.of(db, Forgotten(), b)


def test_a_beginning_is_no_whole(db: Database) -> None:
    readings, one = Readings(), _stored(db, "abcdefgh")
    assert readings.of(db, Forgotten(), one, 18).text == "abcd"
    assert readings.of(db, Forgotten(), one).text == "abcdefgh"
