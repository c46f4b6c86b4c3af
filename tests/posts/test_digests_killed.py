"""A process that is killed in the middle of a digest leaves nothing of it; the next one sends each reader one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cgbot import app, configuration
from cgbot.groups import members, records
from cgbot.notices import ledger
from cgbot.posts import digests
from tests.harness import Program
from tests.posts.arriving import Posts, written

KILLED = -9
LATER = datetime(2031, 5, 1, 8, 0, tzinfo=UTC)
READERS = ["mime@example.org", "plain@example.org"]


@pytest.fixture
def program(database_url: str, tmp_path: Path) -> Program:
    return Program(tmp_path, database_url="" if database_url.startswith("sqlite") else database_url)


@pytest.fixture
def posts(program: Program) -> Iterator[Posts]:
    """The program's own database, with a reader of each form: two contents, and a moment between them."""
    with closing(app.open_house(configuration.load(program.env, Path(program.env["CGBOT_CONFIG"])))) as house:
        found = Posts(house.db, house.context(), house.db.read_now(records.get_group, "cg-aisec"))
        for address in READERS:
            reader = found.member(address, delivery="daily")
            form = {"digest_format": address.partition("@")[0]}
            house.db.write_now(members.change, found.context, reader, form)
        found.member("author@example.org")
        assert found.arrive(written("author@example.org", "In the digest")).state == "sorted"
        found.context = house.context(LATER)
        yield found


def digested(posts: Posts) -> list[str]:
    """Who is owed a digest that nobody has looked at yet."""
    return sorted(one.recipient for one in posts.news() if "Digest of" in str(one.message["Subject"]))


def test_killed_in_the_middle_of_a_digest(program: Program, posts: Posts) -> None:
    for place in ("digests.marked", "digests.written", "digests.written:2"):
        play = ("notices", "run", "--now", f"{LATER:%Y-%m-%d %H:%M}", "--send")
        assert program.run(*play, CGBOT_FAILPOINT=f"{place}:kill").returncode == KILLED, place
        assert digested(posts) == []
    posts.db.write_now(ledger.tick, posts.context, digests.KINDS)
    assert digested(posts) == READERS
    for later in (timedelta(), timedelta(days=1), timedelta(days=8)):
        posts.db.write_now(ledger.tick, posts.context.at(LATER + later), digests.KINDS)
        assert digested(posts) == [], "neither a second one nor an empty one"
