"""Keeping posts: one post a content, threads whatever comes first, and what they cost."""

from __future__ import annotations

import itertools
import random
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgbot.archive import keep, records
from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.store import raw
from cgbot.store.db import Database, Tx
from cgbot.store.tables import arrivals, groups, post_copies, posts, thread_ids, threads
from tests.archive.posting import START, mail, put, put_all, threads_of

Writer = Callable[..., Any]


def errand(tx: Tx, group: Group, content: bytes, minutes: float = 0) -> Errand:
    """The errand of a message that has just come in, its bytes and arrival stored."""
    prepared = raw.prepare(content)
    raw.put(tx, [prepared])
    at = START + timedelta(minutes=minutes)
    row = {"sha256": prepared.sha256, "mail_from": "a@example.org", "received_at": at, "protocol": "smtp"}
    rest = {"peer": "127.0.0.1", "helo": "x", "tls": False, "trace": b""}
    arrival_id = tx.execute(sa.insert(arrivals).values({**row, **rest}).returning(arrivals.c.id)).scalar_one()
    message = messages.parse(content)
    return Errand(
        id=1, arrival_id=arrival_id, group_id=group.id, group=group.name, recipient="", purpose="post", detail="",
        gate="", attempts=1, mail_from="a@example.org", received_at=at, protocol="smtp", peer="127.0.0.1",
        sha256=prepared.sha256, message=message, facts=keep.prepare(message),
    )  # fmt: skip


def take(tx: Tx, group: Group, content: bytes, minutes: float = 0) -> tuple[int | None, bool]:
    """Do as the use case of a post does: (its new id or None for a copy, whether the id was known)."""
    one = errand(tx, group, content, minutes)
    assert one.facts is not None
    known = keep.find(tx, group.id, one.facts)
    if known.same_content is not None:
        keep.add_copy(tx, one, known.same_content)
        return None, False
    return keep.add(tx, one, one.facts), known.same_id


def test_the_same_content_twice_is_one_post(db: Database, group: Group) -> None:
    """A retry through a front server brings a new Received line and nothing else."""
    content = mail("once")
    first, _ = db.write_now(take, group, b"Received: from a by b; Mon, 3 May 2027\r\n" + content)
    assert db.write_now(take, group, b"Received: from c by d; Tue, 4 May 2027\r\n" + content, 5) == (None, False)
    assert db.read_now(count, posts) == 1
    copies = db.read_now(lambda tx: tx.execute(sa.select(post_copies.c.post_id, post_copies.c.received_at)).all())
    assert sorted(copies) == [(first, START), (first, START + timedelta(minutes=5))]


def test_the_same_id_with_other_content_is_kept_apart(db: Database, group: Group) -> None:
    first, _ = db.write_now(take, group, mail("twin", "one\n"))
    second, is_known = db.write_now(take, group, mail("twin", "two\n"))
    assert is_known
    assert second is not None
    both = db.read_now(records.of_permalink, group.id, keep.prepare(messages.parse(mail("twin"))).permalink)
    assert [one.id for one in both] == [first, second]
    assert len({one.thread_id for one in both}) == 1


def test_the_same_content_in_two_groups_is_two_posts(db: Database, group: Group) -> None:
    add_group = sa.insert(groups).values(name="other", created_at=START).returning(groups.c.id)
    other = Group(db.write_now(lambda tx: tx.execute(add_group).scalar_one()), "other", START)
    assert db.write_now(take, group, mail("m"))[0] is not None
    assert db.write_now(take, other, mail("m"))[0] is not None


def test_a_message_without_an_id_gets_one_from_its_content(db: Database, group: Group) -> None:
    content = mail("x", Message_ID="")
    db.write_now(put, group.id, content)
    (post,) = db.read_now(records.newest, group.id, 9)
    facts = keep.prepare(messages.parse(b"Received: again\r\n" + content))
    assert post.message_id == facts.message_id
    assert re.fullmatch(r"[0-9a-f]{40}@no-message-id\.invalid", post.message_id)


def test_the_permalink_is_mailmans(group: Group) -> None:
    """The example of Mailman's documentation of Message-ID-Hash."""
    assert keep.prepare(
        messages.parse(b"Message-ID: <87myycy5eh.fsf@uwakimon.sk.tsukuba.ac.jp>\r\n\r\n")
    ).permalink == ("JJIGKPKB6CVDX6B2CUG4IHAJRIQIOUTP")


# ------------------------------------------------------------------------------------------------------- threads

CHAIN = [mail("a"), mail("b", answers="a"), mail("c", answers="a b"), mail("d", answers="a b c")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_one_thread_in_whatever_order_it_comes(tx_now: Writer, group: Group, order: tuple[int, ...]) -> None:
    def fill(tx: Tx) -> tuple[set[frozenset[str]], Any]:
        put_all(tx, group.id, [CHAIN[n] for n in order])
        return threads_of(tx), tx.execute(sa.select(threads)).one()

    found, thread = tx_now(fill)
    assert found == {frozenset("abcd")}
    assert (thread.posts, thread.last_at) == (4, START + timedelta(minutes=3))


def test_a_late_parent_joins_two_threads_and_gives_its_subject(tx_now: Writer, group: Group) -> None:
    early = [
        mail("left", answers="root", Subject="Re: Scope"),
        mail("far", answers="right", Subject="Re: Scope"),
        mail("else"),
    ]

    def fill(tx: Tx) -> list[set[frozenset[str]]]:
        put_all(tx, group.id, early)
        before = threads_of(tx)
        put(tx, group.id, mail("right", answers="root", Subject="Re: Scope"), 5)
        between = threads_of(tx)
        put(tx, group.id, mail("root", Subject="Scope"), 6)
        return [before, between, threads_of(tx)]

    before, between, after = tx_now(fill)
    assert before == {frozenset({"left"}), frozenset({"far"}), frozenset({"else"})}
    assert between == {frozenset({"left", "right", "far"}), frozenset({"else"})}
    assert after == {frozenset({"left", "right", "far", "root"}), frozenset({"else"})}
    listed = tx_now(records.list_threads, group.id, 9)
    assert [(one.subject, one.posts, one.author_name) for one in listed] == [
        ("Scope", 4, "Alice Example"),
        ("About else", 1, "Alice Example"),
    ]


def test_two_answers_to_a_post_that_never_came_are_one_thread(tx_now: Writer, group: Group) -> None:
    tx_now(put_all, group.id, [mail("b", answers="ghost"), mail("c", answers="ghost")])
    assert tx_now(threads_of) == {frozenset("bc")}


def test_threads_of_two_groups_stay_apart(db: Database, group: Group) -> None:
    def fill(tx: Tx) -> set[frozenset[str]]:
        other = tx.execute(sa.insert(groups).values(name="other", created_at=START).returning(groups.c.id)).scalar_one()
        put(tx, group.id, mail("a"))
        put(tx, other, mail("b", answers="a"))
        return threads_of(tx)

    assert db.write_now(fill) == {frozenset("a"), frozenset("b")}


_REFERENCES = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3, unique=True), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(references=_REFERENCES, seed=st.integers(0, 99))
def test_threads_are_the_components_of_what_refers_to_what(
    db: Database, group: Group, references: list[list[str]], seed: int
) -> None:
    rows = [("abcdefgh"[n], refs) for n, refs in enumerate(references)]
    random.Random(seed).shuffle(rows)

    class Undo(Exception):
        pass

    def fill(tx: Tx) -> None:
        put_all(tx, group.id, [mail(name, answers=" ".join(refs)) for name, refs in rows])
        assert threads_of(tx) == components(rows)
        counted = {row.id: row.posts for row in tx.execute(sa.select(threads))}
        real = tx.execute(sa.select(posts.c.thread_id, sa.func.count().label("number")).group_by(posts.c.thread_id))
        assert counted == {row.thread_id: row.number for row in real}
        raise Undo

    with pytest.raises(Undo):
        db.write_now(fill)


def components(rows: list[tuple[str, list[str]]]) -> set[frozenset[str]]:
    """The threads by the plainest rule: whoever names a common Message-ID belongs together."""
    sets: list[set[str]] = []
    for name, refs in rows:
        mentioned = {name, *refs}
        touching = [one for one in sets if one & mentioned]
        sets = [one for one in sets if not one & mentioned] + [mentioned.union(*touching)]
    names = {name for name, _ in rows}
    return {frozenset(one & names) for one in sets}


def test_thousands_of_references_are_cut(tx_now: Writer, group: Group) -> None:
    names = " ".join(f"r{n}" for n in range(3000))
    tx_now(put, group.id, mail("long", answers=names))
    (post,) = tx_now(records.newest, group.id, 1)
    assert len(post.references) == 50
    assert post.references[-1] == "r2999@example.org"


def test_a_chain_of_thousands_is_one_thread(db: Database, group: Group) -> None:
    size = 1500
    contents = [mail(f"m{n}", answers=" ".join(f"m{k}" for k in range(max(0, n - 5), n))) for n in range(size)]
    db.write_now(put_all, group.id, contents)
    (thread,) = db.read_now(records.list_threads, group.id, 9)
    assert thread.posts == size
    assert len(db.read_now(records.of_thread, thread.id)) == size


def test_two_at_once_that_answer_the_same_unknown(db: Database, group: Group) -> None:
    """Both databases: nothing fails, and both are in one thread."""
    start = threading.Barrier(2)

    def work(name: str) -> None:
        start.wait()
        for number in range(10):
            db.write_now(put, group.id, mail(f"{name}{number}", answers=f"unknown{number}"))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work, name) for name in "xy"]:
            done.result()
    assert db.read_now(threads_of) == {frozenset({f"x{n}", f"y{n}"}) for n in range(10)}


# ----------------------------------------------------------------------------------------------------- the hot path


def test_what_a_post_costs_does_not_grow_with_the_archive(sqlite_url: str, context: Context) -> None:
    """Each statement of the hot path finds its rows by a whole key."""
    db = Database.open(sqlite_url)
    seen: list[str] = []

    def fill(tx: Tx) -> list[str]:
        tx.execute(sa.insert(groups).values(id=1, name="g", created_at=START))
        put_all(tx, 1, CHAIN)
        driver = tx.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(seen.append)
        one = keep.prepare(messages.parse(mail("e", answers="a ghost")))
        keep.find(tx, 1, one)
        prepared = raw.prepare(mail("e"))
        raw.put(tx, [prepared])
        keep.index(tx, 1, prepared.sha256, START, one)
        driver.set_trace_callback(None)
        seen[:] = [sql for sql in seen if not sql.startswith("--")]  # what FTS5 does inside
        return [row[3] for sql in seen for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}")]

    plans = db.write_now(fill)
    db.close()
    assert len(seen) <= 11  # two of them are the leaf of the log, one asks whether threads were changed by hand
    # SQLite lists who refers to a new post, but looks only while something refers to what is not there.
    # Of the changes by hand there are few, and one is looked at; the last is the salt of the leaf.
    aside = ("post_copies", "thread_edits", "CONSTANT ROW")
    searches = [plan for plan in plans if plan.startswith(("SEARCH", "SCAN")) and not any(one in plan for one in aside)]
    assert len(searches) >= 4
    assert not [plan for plan in searches if plan.startswith("SCAN") or plan.endswith("(group_id=?)")]


# --------------------------------------------------------------------------------------------- outside test material


def test_odd_and_malformed_mail_is_archived_exactly(corpora: Path, db: Database, group: Group) -> None:
    files = [path for path in sorted((corpora / "02-mime").rglob("*")) if path.is_file() and path.stat().st_size]
    contents = list({path.read_bytes() for path in files if path.suffix in {".eml", ".txt", ".raw", ".msg", ".mbox"}})
    assert len(contents) > 400

    def take_all(tx: Tx) -> list[int | None]:
        return [take(tx, group, content)[0] for content in contents]

    db.write_now(take_all)
    for content in contents:
        assert db.read_now(raw.get, raw.prepare(content).sha256) == content


def count(tx: Tx, table: sa.Table) -> int:
    return int(tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_no_message_id_is_forgotten(tx_now: Writer, group: Group) -> None:
    tx_now(put_all, group.id, CHAIN)
    assert tx_now(count, thread_ids) == 4
