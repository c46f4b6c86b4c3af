"""Held messages remind after 1, 3 and 7 days, in one mail a day, and are never lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from cgbot.context import Context
from cgbot.groups import records as groups
from cgbot.notices import ledger
from cgbot.posts import holding
from cgbot.posts.hold_reminders import KINDS, decisions
from cgbot.posts.holds import Decision
from cgbot.store.db import Database
from tests.groups.mailbag import Sent
from tests.posts.arriving import Posts, proven_by, trusting, written

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
JIA = "jia@example.org"
LI = "li@example.org"
ZOE = "zoe@example.com"


def begin(db: Database, context: Context) -> Posts:
    db.write_now(groups.seed, context)
    found = Posts(db, trusting(context), db.read_now(groups.get_group, "cg-aisec"))
    found.member(JIA, "convener")
    found.member(LI, "vice-convener")
    return found


@pytest.fixture
def posts(sqlite_url: str, context: Context) -> Iterator[Posts]:
    db = Database.open(sqlite_url)
    yield begin(db, context)
    db.close()


def later(posts: Posts, step: timedelta) -> list[Sent]:
    """Let the time go by, the clock ticking at its end; the mails of it."""
    posts.context = posts.context.at(posts.context.now + step)
    posts.db.write_now(ledger.tick, posts.context, KINDS)
    return posts.news()


def test_one_mail_a_day_to_each_convener_on_the_first_third_and_seventh(db: Database, context: Context) -> None:
    posts = begin(db, context)
    posts.arrive(written(ZOE, "First"))
    posts.context = posts.context.at(posts.context.now + 3 * timedelta(hours=1))
    posts.arrive(written(ZOE, "Second"))
    posts.news()
    counted = {}
    for number in range(30):  # seven days and some, in steps of six hours
        counted[number] = later(posts, timedelta(hours=6))
    days = [(number, [one.recipient for one in sent]) for number, sent in counted.items() if sent]
    # Held at 8:00 and 11:00 on Monday, looked at from 17:00 on: due at 8:00 on Tuesday, Thursday and next Monday.
    assert days == [(3, [JIA, LI]), (11, [JIA, LI]), (27, [JIA, LI])]
    text = counted[3][0].text
    assert "2 messages await approval" in text
    assert "1: First" in text
    assert "2: Second" in text


def test_a_reminder_is_sent_when_the_day_is_over(posts: Posts) -> None:
    posts.arrive(written(ZOE))
    posts.news()
    assert not later(posts, DAY - MINUTE)
    assert [one.recipient for one in later(posts, MINUTE)] == [JIA, LI]
    assert not later(posts, MINUTE)


def test_what_was_decided_reminds_nobody(posts: Posts) -> None:
    posts.arrive(written(ZOE))
    posts.db.write_now(holding.decide, posts.context, 1, Decision("discard", JIA))
    posts.news()
    assert not later(posts, DAY)
    assert not later(posts, 20 * DAY)


def test_a_stop_of_the_service_is_covered_by_the_newest(posts: Posts) -> None:
    posts.arrive(written(ZOE))
    posts.news()
    assert [one.recipient for one in later(posts, 8 * DAY)] == [JIA, LI]
    assert not later(posts, MINUTE)


def test_answering_decides_line_by_line(posts: Posts) -> None:
    for subject in ("One", "Two", "Three"):
        posts.arrive(written(ZOE, subject))
    posts.news()
    reminder = later(posts, DAY)[0]
    settled = posts.answer(reminder, "approve 1\nreject 2, off topic\ndiscard 9\n\n> 3: Three")
    assert "9: Nothing was done: there is no held message 9" in settled.reason
    answer = [one for one in posts.news() if one.recipient == JIA and "1: The message" in one.text]
    assert "1: The message of zoe@example.com was approved." in answer[0].text
    assert [one.id for one in posts.waiting] == [3]
    posts.answer(reminder, "ban 3")
    assert not posts.waiting


def test_a_reminder_of_another_group_or_a_stranger_decides_nothing(posts: Posts) -> None:
    posts.arrive(written(ZOE))
    posts.news()
    reminder = later(posts, DAY)[0]
    posts.context = posts.context.at(posts.context.now + 14 * DAY)
    assert posts.answer(reminder, "approve 1").state == "discarded"  # the address has run out
    assert len(posts.waiting) == 1


def test_after_fourteen_days_it_stays_and_a_proven_author_is_told(db: Database, context: Context) -> None:
    posts = begin(db, context)
    posts.arrive(written(ZOE, "Unproven"))
    posts.arrive(written("yan@example.com", "Proven", **proven_by("example.com")))
    posts.news()
    later(posts, 8 * DAY)
    assert not later(posts, 5 * DAY)
    (told,) = later(posts, DAY)
    assert told.recipient == "yan@example.com"
    assert "still awaits the approval" in told.text
    assert len(posts.waiting) == 2
    assert not later(posts, 30 * DAY)
    posts.arrive(written(ZOE, "Another"))
    posts.news()
    assert "waits for more than 14 days" in later(posts, DAY)[0].text


def test_what_waits_for_its_author_is_listed_too(posts: Posts) -> None:
    posts.member("hu@example.org")
    posts.arrive(written("hu@example.org"), peer="203.0.113.9")
    assert [one.recipient for one in posts.news()] == ["hu@example.org"]
    assert "its author was asked" in later(posts, DAY)[0].text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("approve 12", [("approve", 12, "")]),
        (
            "Approve 12, 13 and 14.\nReject 15, 16: off topic",
            [("approve", 12, ""), ("approve", 13, ""), ("approve", 14, ""), ("reject", 15, "off topic"),
             ("reject", 16, "off topic")],
        ),
        ("Hello,\n\ndiscard #3.\n> approve 4", [("discard", 3, "")]),
        ("ok 7 7", [("approve", 7, "")]),
        ("reject 5 2 pages too long", [("reject", 5, "2 pages too long")]),
        ("approve", []),
        ("approve twelve", []),
        ("please approve 12", []),
        ("approve 12\nthank you\ndiscard 13", [("approve", 12, "")]),
        ("approve 99999999999", []),
    ],
)  # fmt: skip
def test_reading_an_answer(text: str, found: list[tuple[str, int, str]]) -> None:
    assert list(decisions(text)) == found
