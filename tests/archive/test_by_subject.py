"""Threads by subject, where the charter wants them: mails that do not say what they answer find their place."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from cgbot.archive import bulk, importing, rebuild, records, rethreading, threads
from cgbot.archive.importing import Given
from cgbot.archive.records import Post
from cgbot.context import Context
from cgbot.errors import Conflict
from cgbot.groups import records as groups
from cgbot.groups.records import Group
from cgbot.store import tables
from cgbot.store.db import Database, Tx
from tests.archive.posting import START, mail, put


@pytest.fixture
def by_subject(db: Database, context: Context, group: Group) -> Group:
    want(db, context, "subjects")
    return group


def want(db: Database, context: Context, rule: str) -> None:
    """Read the charter again with another rule."""
    charter = replace(context.charters["cg-aisec"], threads=rule)  # type: ignore[arg-type]
    db.write_now(groups.seed, replace(context, charters={"cg-aisec": charter}))


def trees(db: Database) -> list[str]:
    """Each thread as "Subject: a .b ..c"."""

    def read(tx: Tx) -> list[str]:
        found = []
        for row in tx.execute(sa.select(tables.threads)).all():
            inside = records.of_thread(tx, row.id)
            assert (row.posts, row.started_at, row.last_at) == (
                len(inside),
                inside[0].received_at,
                inside[-1].received_at,
            )
            drawn = (f"{'.' * one.depth}{one.message_id[0]}" for one in threads.tree(one.said() for one in inside))
            found.append(f"{row.subject}: {' '.join(drawn)}")
        return sorted(found)

    return db.read_now(read)


def come(db: Database, context: Context, group: Group, way: str, mails: list[bytes]) -> None:
    """Archive mails one by one as they come, or all at once from an older archive."""
    if way == "mail":
        for minutes, content in enumerate(mails):
            db.write_now(put, group.id, content, minutes)
        return
    given = (Given(one, START + timedelta(minutes=n), "x", certain=True) for n, one in enumerate(mails))
    olds = [found.old for one in given if (found := importing.prepare(one, START)).old]
    assert db.write_now(bulk.take, context.keys, group.id, olds) == ["taken"] * len(mails)


def m(name: str, subject: str, answers: str = "") -> bytes:
    return mail(name, Subject=subject, answers=answers)


@pytest.mark.parametrize("way", ["mail", "import"])
@pytest.mark.parametrize(
    ("mails", "expected"),
    [
        ([m("a", "Plan"), m("b", "Re: [CG] plan")], ["Plan: a .b"]),
        ([m("a", "Plan"), m("b", "AW: Plan", "lost"), m("c", "Re: Plan", "b")], ["Plan: a .b ..c"]),
        ([m("b", "Re: Plan"), m("c", "Re: Plan"), m("a", "Plan")], ["Plan: a .b .c"]),  # it came last
        ([m("b", "Re: Plan"), m("c", "Re: Plan")], ["Re: Plan: b c"]),
        ([m("a", "Plan"), m("b", "Plan")], ["Plan: a", "Plan: b"]),
        ([m("a", "Agenda"), m("b", "Re: Agenda"), m("c", "Agenda"), m("d", "Re: Agenda"), m("e", "Re: Agenda", "b")],
         ["Agenda: a .b ..e", "Agenda: c .d"]),  # the newest of a name has its replies
        ([m("a", "Plan"), m("b", "Room"), m("c", "Re: Plan", "b")], ["Plan: a", "Room: b .c"]),
        ([m("a", ""), m("b", "Re:")], [": a", "Re:: b"]),
        ([m("b", "Re: Plan", "a"), m("c", "Re: Plan"), m("a", "Plan"), m("d", "Re: Plan")], ["Plan: a .b .c .d"]),
        # Two threads become one when a mail links them, and the name leads to the one that remains.
        ([m("a", "Plan"), m("b", "Room"), m("c", "Both", "a b"), m("d", "Re: Plan"), m("e", "Re: Room")],
         ["Plan: a .b ..c ..e .d"]),
    ],
)  # fmt: skip
def test_replies_find_the_thread_of_their_subject(
    db: Database, context: Context, by_subject: Group, way: str, mails: list[bytes], expected: list[str]
) -> None:
    come(db, context, by_subject, way, mails)
    assert trees(db) == expected
    list(rebuild.rebuild(db))
    assert trees(db) == expected


def test_other_groups_go_by_what_a_mail_says(db: Database, context: Context, group: Group) -> None:
    mails = [m("a", "Plan"), m("b", "Re: Plan")]
    come(db, context, group, "mail", mails)
    assert trees(db) == ["Plan: a", "Re: Plan: b"]
    want(db, context, "subjects")
    list(rebuild.rebuild(db))
    assert trees(db) == ["Plan: a .b"]
    want(db, context, "replies")
    list(rebuild.rebuild(db))
    assert trees(db) == ["Plan: a", "Re: Plan: b"]


@pytest.mark.parametrize("case", ["thread3", "thread4"])
def test_imaptest_has_one_thread_of_one_subject(
    db: Database, context: Context, by_subject: Group, corpora: Path, case: str
) -> None:
    text = (corpora / "06-threading-quoting" / "imaptest" / f"{case}.mbox").read_bytes()
    come(db, context, by_subject, "mail", re.split(rb"^From [^\n]*\n", text, flags=re.MULTILINE)[1:])
    assert trees(db) == ["foo: a .a" if case == "thread3" else "foo: a .b"]


def test_a_wrong_guess_is_put_right(db: Database, context: Context, by_subject: Group) -> None:
    def named(name: str) -> Post:
        return db.read_now(records.of_message_id, by_subject.id, f"{name}@example.org")[0]

    come(db, context, by_subject, "mail", [m("a", "Plan"), m("b", "Re: Plan"), m("c", "Re: Plan", "b")])
    with pytest.raises(Conflict, match="begins its thread already"):
        db.write_now(rethreading.split, context, named("a"))
    db.write_now(rethreading.split, context, named("b"))
    split = ["Plan: a", "Re: Plan: b .c"]
    assert trees(db) == split
    list(rebuild.rebuild(db))
    assert trees(db) == split
    db.write_now(put, by_subject.id, m("d", "Re: Plan", "c"), 9)
    db.write_now(put, by_subject.id, m("e", "Re: Plan"), 10)
    assert trees(db) == ["Plan: a .e", "Re: Plan: b .c ..d"]
    with pytest.raises(Conflict, match="begins its thread already"):
        db.write_now(rethreading.split, context, named("b"))
    db.write_now(rethreading.restore, context, named("b"))
    assert trees(db) == ["Plan: a .b ..c ...d .e"]
