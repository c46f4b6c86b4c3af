"""One-time tokens: single use, an end, only hashes kept."""

from __future__ import annotations

import threading
from datetime import timedelta

import sqlalchemy as sa

from cgbot.context import Context
from cgbot.groups import tokens
from cgbot.store.db import Database
from cgbot.store.tables import tokens as rows

HOURS = timedelta(hours=72)


def test_a_token_is_used_once(db: Database, context: Context) -> None:
    token = db.write_now(tokens.make, context, "join", {"address": "a@example.org"}, HOURS)
    assert db.write_now(tokens.use, token.upper(), context.now)
    assert not db.write_now(tokens.use, token, context.now)
    found = db.read_now(tokens.look, token, context.now)
    assert found is not None
    assert (found.purpose, found.facts, found.used) == ("join", {"address": "a@example.org"}, True)


def test_a_token_ends(db: Database, context: Context) -> None:
    token = db.write_now(tokens.make, context, "join", {}, HOURS)
    assert not db.write_now(tokens.use, token, context.now + HOURS)
    found = db.read_now(tokens.look, token, context.now + HOURS)
    assert found is not None
    assert (found.expired, found.used) == (True, False)


def test_an_unknown_token_is_nothing(db: Database, context: Context) -> None:
    assert db.read_now(tokens.look, "guess", context.now) is None
    assert not db.write_now(tokens.use, "guess", context.now)


def test_the_token_itself_is_not_stored(db: Database, context: Context) -> None:
    token = db.write_now(tokens.make, context, "join", {}, HOURS)
    assert token not in str(db.read_now(lambda tx: tx.execute(sa.select(rows)).all()))


def test_old_tokens_are_thrown_away(db: Database, context: Context) -> None:
    token = db.write_now(tokens.make, context, "join", {}, HOURS)
    later = context.at(context.now + HOURS + timedelta(days=31))
    db.write_now(tokens.make, later, "join", {}, HOURS)
    assert db.read_now(tokens.look, token, later.now) is None


def test_requests_are_counted_by_a_fact(db: Database, context: Context) -> None:
    db.write_now(tokens.make, context, "join", {"key": "1 a@example.org"}, HOURS)
    before = context.now - timedelta(hours=1)
    assert db.read_now(tokens.made_since, "join", ("key", "1 a@example.org"), before) == 1
    assert db.read_now(tokens.made_since, "join", ("key", "1 b@example.org"), before) == 0
    assert db.read_now(tokens.made_since, "leave", ("key", "1 a@example.org"), before) == 0


def test_of_two_uses_at_once_one_wins(db: Database, context: Context) -> None:
    token = db.write_now(tokens.make, context, "join", {}, HOURS)
    start = threading.Barrier(4)
    won: list[bool] = []

    def race() -> None:
        start.wait()
        won.append(db.write_now(tokens.use, token, context.now))

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False, False, False, True]
