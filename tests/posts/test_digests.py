"""Members' digests: when they are due, what is in them, and that nobody gets a post twice or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.groups import members
from cgbot.groups.members import Member
from cgbot.groups.records import Group
from cgbot.mail import digest as forms
from cgbot.notices import ledger
from cgbot.posts import digests
from cgbot.store.db import Database
from cgbot.store.tables import posts as rows
from cgbot.store.tables import raw_messages
from tests.groups.mailbag import Sent
from tests.posts.arriving import Posts, written

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.fixture
def posts(db: Database, context: Context, group: Group) -> Posts:
    found = Posts(db, context, group)
    found.member("author@example.org")
    return found


def arrive(posts: Posts, subject: str, text: str = "Please see below.") -> None:
    assert posts.arrive(written("author@example.org", subject, text)).state == "sorted"


def until(posts: Posts, at: str) -> list[Sent]:
    """Let the clock tick at this moment; the digests that went out."""
    posts.context = posts.context.at(moment(at))
    posts.db.write_now(ledger.tick, posts.context, digests.KINDS)
    return [one for one in posts.news() if "Digest of" in str(one.message["Subject"])]


def change(posts: Posts, member: Member, **values: object) -> None:
    now = posts.db.read_now(members.get_member, member.id)
    assert now is not None
    posts.db.write_now(members.change, posts.context, now, values)


def topics(one: Sent) -> list[str]:
    """The subjects of the posts that travel in a digest."""
    (inner,) = [part for part in one.message.iter_parts() if part.get_content_type() == "multipart/digest"]
    return [str(part.get_content()["Subject"]) for part in inner.iter_parts()]


# The context's moment is Monday 3 May 2027, 08:00 UTC. Digests come at 06:00 on the reader's clock; the weekly one on
# the charter's day, Monday. Offsets: Geneva +2, Auckland +12, Los Angeles -7 in May.
@pytest.mark.parametrize(
    ("rhythm", "zone", "before", "due"),
    [
        ("daily", "", "2027-05-04T03:59:59", "2027-05-04T04:00:00"),
        ("daily", "Pacific/Auckland", "2027-05-03T17:59:59", "2027-05-03T18:00:00"),
        ("daily", "America/Los_Angeles", "2027-05-03T12:59:59", "2027-05-03T13:00:00"),
        ("weekly", "", "2027-05-10T03:59:59", "2027-05-10T04:00:00"),
        ("weekly", "Pacific/Auckland", "2027-05-09T17:59:59", "2027-05-09T18:00:00"),
    ],
)
def test_at_six_on_the_readers_own_clock(posts: Posts, rhythm: str, zone: str, before: str, due: str) -> None:
    posts.member("reader@example.org", delivery=rhythm, zone=zone)
    arrive(posts, "First")
    arrive(posts, "Second")
    assert until(posts, before) == []
    (one,) = until(posts, due)
    assert (one.recipient, topics(one)) == ("reader@example.org", ["First", "Second"])
    assert until(posts, due) == []


@pytest.mark.parametrize(
    ("night", "due"),
    # Geneva: the clock goes back on 31 October 2027 and forward on 26 March 2028; six o'clock is after both.
    [("2027-10-30T20:00:00", "2027-10-31T05:00:00"), ("2028-03-25T20:00:00", "2028-03-26T04:00:00")],
)
def test_the_nights_of_the_clock_change(posts: Posts, night: str, due: str) -> None:
    posts.context = posts.context.at(moment(night))
    posts.member("reader@example.org", delivery="daily")
    arrive(posts, "In the night")
    assert until(posts, (moment(due) - timedelta(seconds=1)).replace(tzinfo=None).isoformat()) == []
    assert [topics(one) for one in until(posts, due)] == [["In the night"]]
    assert until(posts, (moment(due) + 3 * HOUR).replace(tzinfo=None).isoformat()) == []


def test_one_covers_what_a_stop_has_left_out_and_none_is_empty(posts: Posts) -> None:
    posts.member("reader@example.org", delivery="daily")
    arrive(posts, "First")
    (one,) = until(posts, "2027-05-08T10:00:00")
    assert topics(one) == ["First"]
    assert until(posts, "2027-05-09T10:00:00") == []
    arrive(posts, "Second")
    assert [topics(one) for one in until(posts, "2027-05-10T10:00:00")] == [["Second"]]


def test_it_begins_where_single_posts_end_and_ends_where_they_begin(posts: Posts) -> None:
    reader = posts.member("reader@example.org")
    arrive(posts, "Alone")
    change(posts, reader, delivery="daily")
    arrive(posts, "In a digest")
    change(posts, reader, delivery="weekly")
    arrive(posts, "In the same")
    change(posts, reader, delivery="each")
    arrive(posts, "Alone again")
    got = [one for one in posts.news() if one.recipient == "reader@example.org"]
    assert [str(one.message["Subject"]) for one in got] == ["Alone", "Alone again"]
    (last,) = until(posts, "2027-05-03T08:01:00")  # at once, not in the morning
    assert topics(last) == ["In a digest", "In the same"]
    assert "You get each post as it comes from now on" in str(last.message.get_body(("plain",)))
    assert until(posts, "2027-05-20T08:00:00") == []


def test_nothing_is_owed_to_who_wants_none_is_away_or_leaves(posts: Posts) -> None:
    silent, away, gone = (posts.member(f"{name}@example.org", delivery="daily") for name in ("s", "a", "g"))
    arrive(posts, "Missed")
    change(posts, silent, delivery="none")
    change(posts, away, away_until=moment("2027-05-06T00:00:00"))
    posts.db.write_now(members.remove, posts.context, posts.group.id, "g@example.org")
    assert until(posts, "2027-05-05T10:00:00") == []
    change(posts, silent, delivery="daily")
    posts.member("g@example.org", delivery="daily")
    posts.context = posts.context.at(moment("2027-05-06T01:00:00"))
    arrive(posts, "After the return")
    found = until(posts, "2027-05-06T04:00:00")
    assert {one.recipient: topics(one) for one in found} == {
        "s@example.org": ["After the return"],
        "a@example.org": ["After the return"],
        "g@example.org": ["After the return"],
    }
    assert gone.address == "g@example.org"


def test_what_a_reader_gets(posts: Posts) -> None:
    posts.member("mime@example.org", delivery="daily")
    change(posts, posts.member("plain@example.org", delivery="daily"), digest_format="plain")
    arrive(posts, "A scope", "Grüße")
    arrive(posts, "A second one")
    found = {one.recipient: one for one in until(posts, "2027-05-04T04:00:00")}
    mail = found["mime@example.org"].message
    assert mail["Subject"] == "[CG-AISEC] Digest of Tuesday 4 May 2027: 2 posts"
    assert mail["From"] == "CG-AISEC <cg-aisec@lists.example.org>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/leave/cg-aisec/" in str(mail["List-Unsubscribe"])
    assert found["mime@example.org"].return_path.startswith("cg-aisec-bounces+")
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "multipart/digest"]
    text = found["mime@example.org"].text.replace("\r\n", "\n")
    assert "  1. A scope (author@example.org)\n     https://cg.example.org/cg-aisec/" in text
    lines = found["plain@example.org"].text.splitlines()
    assert lines[0] == "CG-AISEC Digest, Tuesday 4 May 2027"
    assert (lines.count("-" * 70), lines.count("-" * 30)) == (1, 2)
    assert lines[lines.index("-" * 70) + 1] == ""
    assert lines[-2:] == ["End of CG-AISEC Digest", "*" * len("End of CG-AISEC Digest")]
    assert "Subject: A second one" in lines
    assert any(line.startswith("Grüße") for line in lines)


def test_a_large_digest_and_a_large_post(posts: Posts) -> None:
    posts.member("reader@example.org", delivery="daily")
    arrive(posts, "Large", "word " * 30_000)
    for number in range(digests.MOST):
        arrive(posts, f"Post {number}")
    (one,) = until(posts, "2027-05-04T04:00:00")
    assert len(topics(one)) == digests.MOST
    assert "61. Post 59 (author@example.org) [in the archive only]" in one.text
    assert len(bytes(one.message)) < 4 * forms.LARGEST


def test_a_damaged_post_holds_up_nothing(posts: Posts) -> None:
    posts.member("reader@example.org", delivery="daily")
    arrive(posts, "Damaged")
    arrive(posts, "Whole")
    first = sa.select(rows.c.sha256).where(rows.c.subject == "Damaged").scalar_subquery()
    damage = sa.update(raw_messages).where(raw_messages.c.sha256 == first).values(body=b"x", codec="none")
    posts.db.write_now(lambda tx: tx.execute(damage))
    (one,) = until(posts, "2027-05-04T04:00:00")
    assert topics(one) == ["Whole"]
    assert "1. Damaged (author@example.org) [in the archive only]" in one.text


def test_in_companion_mode_the_host_makes_them(posts: Posts) -> None:
    posts.member("reader@example.org", delivery="daily")
    arrive(posts, "First")
    charters = {name: replace(one, mode="companion") for name, one in posts.context.charters.items()}
    posts.context = replace(posts.context, charters=charters)
    assert until(posts, "2027-05-04T04:00:00") == []
