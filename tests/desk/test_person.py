"""All that is kept of a person is handed out, and erased everywhere, while the archive still verifies."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from cgbot import wiring
from cgbot.archive import sealing, verify
from cgbot.context import Context
from cgbot.desk import person
from cgbot.errors import Conflict, NotFound
from cgbot.groups import audit, members, senders
from cgbot.groups.audit import Entry
from cgbot.groups.records import Group
from cgbot.store import tables
from cgbot.store.db import Database, Tx
from tests.archive.posting import mail, put
from tests.posts.arriving import Posts, written

WHY = "asked for it"
KEYS = sealing.LogKeys((bytes(32),))


def everything(tx: Tx) -> str:
    """Every value of every table."""
    return repr([[tuple(row) for row in tx.execute(sa.select(one)).all()] for one in tables.metadata.sorted_tables])


@pytest.fixture
def group_of(db: Database, context: Context, group: Group) -> Posts:
    """Alice with two addresses, two posts and traces in many tables; Bob who answers."""
    posts = Posts(db, context, group)
    alice = posts.member("Alice@Example.org", name="Alice Liddell", organization="Wonderland", country="GB")
    posts.member("bob@example.org", name="Bob")
    other = {"person_id": 1, "address": "a.liddell@example.com", "key": "a.liddell@example.com"}
    person_id = db.read_now(lambda tx: tx.execute(
        sa.select(tables.members.c.person_id).where(tables.members.c.id == alice.id)).scalar_one()
    )  # fmt: skip
    db.write_now(lambda tx: tx.execute(sa.insert(tables.addresses).values(other | {"person_id": person_id})))
    posts.arrive(written("alice@example.org", text="curiouser"), mail_from="alice@example.org")
    posts.arrive(written("bob@example.org", text="an answer"), mail_from="bob@example.org")
    db.write_now(put, group.id, mail("elsewhere", From="A. Liddell <a.liddell@example.com>"))
    entry = Entry("alice@example.org", "join", "member 1", {"address": "Alice@Example.org", "by": "mail"})
    db.write_now(audit.record, context.now, group.id, entry)
    sealing.seal(db, context, KEYS)
    return posts


def test_everything_is_handed_out(group_of: Posts, db: Database) -> None:
    found = db.read_now(person.find, "ALICE@example.org")
    rows = db.read_now(person.rows_of, found)
    assert {"people", "addresses", "members", "posts", "deliveries", "audit", "arrivals"} <= rows.keys()
    assert [row["name"] for row in rows["people"]] == ["Alice Liddell"]
    assert len(rows["addresses"]) == 2
    assert len(rows["posts"]) == 2
    assert "bob@example.org" not in json.dumps(rows, default=str)
    assert "slots" not in rows["deliveries"][0]
    assert [name for name, _ in person.messages_of(db, found)] == ["messages/1.eml", "messages/3.eml"]
    assert all(b"iddell" in raw or b"curiouser" in raw for _, raw in person.messages_of(db, found))


def test_everything_is_erased_and_the_archive_verifies(
    group_of: Posts, db: Database, context: Context, group: Group
) -> None:
    assert "liddell" in db.read_now(everything).lower()
    done = person.erase(db, context, db.read_now(person.find, "alice@example.org"), WHY, wiring.ON_LEAVE)
    assert (done.posts, done.memberships) == (2, 1)
    left = db.read_now(everything).lower()
    for trace in ("alice", "liddell", "wonderland", "curiouser"):
        assert trace not in left, trace
    assert "bob@example.org" in left
    assert [one.address for one in db.read_now(members.active_members, group.id)] == ["bob@example.org"]
    noted = sa.select(tables.audit.c.at, tables.audit.c.detail).where(tables.audit.c.action == "erase person")
    ((at, detail),) = db.read_now(lambda tx: tx.execute(noted).all())
    assert (at, detail["posts"]) == (context.now, 2)
    sealing.seal(db, context, KEYS)
    keys = KEYS.verifiers("lists.example.org/cg-aisec")
    assert [one for step in verify.verify(db, group.id, keys, indexes=True) for one in step.faults] == []
    with pytest.raises(NotFound):
        db.read_now(person.find, "alice@example.org")


def test_who_only_wrote_can_be_erased_too(db: Database, context: Context, group: Group) -> None:
    db.write_now(put, group.id, mail("a"))
    found = db.read_now(person.find, "alice@example.org")
    assert found.id is None
    assert person.erase(db, context, found, WHY, ()).posts == 1
    assert "alice" not in db.read_now(everything).lower()


def test_who_runs_a_group_hands_it_over_first(db: Database, context: Context, group: Group) -> None:
    Posts(db, context, group).member("carol@example.org", role="convener")
    with pytest.raises(Conflict, match="hand that over"):
        person.erase(db, context, db.read_now(person.find, "carol@example.org"), WHY, ())


def test_a_ban_stays(db: Database, context: Context, group: Group) -> None:
    db.write_now(put, group.id, mail("a"))
    values = {"group_id": group.id, "key": "alice@example.org", "added_at": context.now, "added_by": "x"}
    db.write_now(lambda tx: tx.execute(sa.insert(tables.senders).values(values | {"verdict": "ban"})))
    person.erase(db, context, db.read_now(person.find, "alice@example.org"), WHY, ())
    assert [one.key for one in db.read_now(senders.list_senders, group.id)] == ["alice@example.org"]
