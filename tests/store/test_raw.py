"""What came in is what comes out, byte for byte."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgbot.errors import Deferred, NotFound
from cgbot.store import raw
from cgbot.store.db import Database
from cgbot.store.tables import raw_messages


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2_000))
def test_exact_bytes(db: Database, content: bytes) -> None:
    prepared = raw.prepare(content)
    db.write_now(raw.put, [prepared])
    assert prepared.sha256 == hashlib.sha256(content).digest()
    assert db.read_now(raw.get, prepared.sha256) == content


def test_the_same_bytes_are_stored_once(db: Database) -> None:
    prepared = raw.prepare(b"Subject: twice\r\n\r\n" + b"a" * 5_000)
    for _ in range(2):
        db.write_now(raw.put, [prepared])
    assert db.read_now(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(raw_messages)).scalar_one()) == 1
    assert prepared.codec == "zstd"
    assert len(prepared.body) < 200


def test_a_changed_byte_is_found(db: Database) -> None:
    prepared = raw.prepare(b"short")
    db.write_now(raw.put, [prepared])
    db.write_now(lambda tx: tx.execute(sa.update(raw_messages).values(body=b"shorT")))
    with pytest.raises(Deferred, match="damaged"):
        db.read_now(raw.get, prepared.sha256)


def test_an_unknown_name(db: Database) -> None:
    with pytest.raises(NotFound):
        db.read_now(raw.get, b"\0" * 32)
