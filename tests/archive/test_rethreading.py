"""Threads split, joined and restored by hand: for what is there, for what comes later, and for a rebuild."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from cgbot import wiring
from cgbot.archive import bulk, keep, rebuild, records, rethreading, threads
from cgbot.archive.bulk import Old
from cgbot.archive.records import Post
from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups import audit
from cgbot.groups.commands import Actor, Ordered, Request
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.store import raw, tables
from cgbot.store.db import Database, Tx
from tests.archive.posting import START, mail, put

# a - b - c - d, and e alone.
MAILS = (
    mail("a"),
    mail("b", answers="a"),
    mail("c", answers="a b"),
    mail("d", answers="a b c"),
    mail("e"),
)


@pytest.fixture
def filled(db: Database, group: Group) -> Database:
    for minutes, content in enumerate(MAILS):
        db.write_now(put, group.id, content, minutes)
    return db


def named(db: Database, group: Group, name: str) -> Post:
    return db.read_now(records.of_message_id, group.id, f"{name}@example.org")[0]


def trees(db: Database, group: Group) -> list[str]:
    """Each thread as "a(b(c))", ghosts as "?"."""

    def read(tx: Tx) -> list[str]:
        rows = tx.execute(sa.select(tables.threads).order_by(tables.threads.c.id)).all()
        found = []
        for row in rows:
            inside = records.of_thread(tx, row.id)
            assert (row.posts, row.last_at) == (len(inside), max(one.received_at for one in inside))
            names = {one.id: one.message_id[0] for one in inside}
            said = threads.tree(one.said() for one in inside)
            found.append("".join(f"{'.' * one.depth}{names.get(one.post_id or 0, '?')}" for one in said))
        ids = tx.execute(sa.select(tables.thread_ids.c.thread_id)).scalars().all()
        assert set(ids) == {row.id for row in rows}
        return sorted(found)

    return db.read_now(read)


def change(db: Database, context: Context, group: Group, what: str, *names: str) -> None:
    db.write_now(getattr(rethreading, what), context, *(named(db, group, one) for one in names))


def test_a_split_takes_the_answers_with_it_and_can_be_undone(filled: Database, context: Context, group: Group) -> None:
    assert trees(filled, group) == ["a.b..c...d", "e"]
    change(filled, context, group, "split", "b")
    assert trees(filled, group) == ["a", "b.c..d", "e"]
    change(filled, context, group, "restore", "b")
    assert trees(filled, group) == ["a.b..c...d", "e"]


def test_a_join_puts_one_thread_below_a_post_of_another(filled: Database, context: Context, group: Group) -> None:
    change(filled, context, group, "join", "e", "b")
    assert trees(filled, group) == ["a.b..c...d..e"]
    change(filled, context, group, "join", "c", "e")
    assert trees(filled, group) == ["a.b..e...c....d"]
    change(filled, context, group, "restore", "e")
    assert trees(filled, group) == ["a.b", "e.c..d"]
    change(filled, context, group, "restore", "c")
    assert trees(filled, group) == ["a.b..c...d", "e"]


@pytest.mark.parametrize("answers", ["a b c", "a c", "c", "a d", "d"])
@pytest.mark.parametrize("way", ["mail", "import"])
def test_what_comes_later_follows(filled: Database, context: Context, group: Group, answers: str, way: str) -> None:
    """Whatever chain of ancestors a mail program writes, cut in the middle or not."""
    change(filled, context, group, "split", "b")
    content = mail("f", answers=answers)
    if way == "mail":
        filled.write_now(put, group.id, content, 9)
    else:
        old = Old(raw.prepare(content), keep.prepare(messages.parse(content)), START)
        filled.write_now(bulk.take, context.keys, group.id, [old])
    found = trees(filled, group)
    assert len(found) == 3
    assert found[0] == "a"
    assert set(found[1].replace(".", "")) == set("bcdf")
    assert list(rebuild.rebuild(filled)) == [6]
    assert trees(filled, group) == found


def test_a_rebuild_keeps_what_was_changed(filled: Database, context: Context, group: Group) -> None:
    change(filled, context, group, "split", "c")
    change(filled, context, group, "join", "e", "d")
    before = trees(filled, group)
    assert before == ["a.b", "c.d..e"]
    assert list(rebuild.rebuild(filled)) == [5]
    assert trees(filled, group) == before


@pytest.mark.parametrize(
    ("what", "names", "words"),
    [
        ("split", "a", "begins its thread already"),
        ("join", "aa", "cannot answer itself"),
        ("join", "ad", "answers the first"),
        ("join", "ba", "below the other already"),
        ("restore", "b", "where its author put it"),
    ],
)
def test_what_cannot_be_done_is_said(
    filled: Database, context: Context, group: Group, what: str, names: str, words: str
) -> None:
    with pytest.raises(Conflict, match=words):
        change(filled, context, group, what, *names)
    assert trees(filled, group) == ["a.b..c...d", "e"]


def test_a_convener_orders_it(filled: Database, context: Context, group: Group) -> None:
    links = {one: named(filled, group, one).permalink for one in "abe"}
    actor = Actor("chair@example.org", role="convener")

    def order(name: str, *words: str) -> str:
        command = wiring.commands()[name]
        request = Request(group.id, group.name, actor, words)
        proposal = filled.read_now(command.propose, context, request)
        again = replace(request, words=proposal.words or ())
        assert filled.read_now(command.propose, context, again) == proposal
        return filled.write_now(command.do, context, Ordered(group.id, group.name, actor, proposal.facts))

    said = order("split thread", f"https://cg.example.org/cg-aisec/{links['b']}/#p2")
    assert said == "'About b' by Alice Example, 3 May 2027 begins a thread."
    order("join thread", links["e"].lower(), "below", links["a"])
    assert trees(filled, group) == ["a.e", "b.c..d"]
    order("restore thread", links["b"])
    order("restore thread", links["e"])
    assert trees(filled, group) == ["a.b..c...d", "e"]
    acts = ("thread split", "thread joined", "thread restored")
    noted = [len(filled.read_now(audit.find, group.id, act, f"post {links['b']}")) for act in acts]
    assert noted == [1, 0, 1]
    for name, words, problem in (
        ("split thread", (), Malformed),
        ("split thread", ("x",), Malformed),
        ("join thread", (links["a"],), Malformed),
        ("split thread", ("A" * 32,), NotFound),
        ("restore thread", (links["a"],), Conflict),
    ):
        with pytest.raises(problem):
            order(name, *words)
