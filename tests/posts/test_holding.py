"""What conveners do with a held message, and what it means for its author's next one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups import members, senders
from cgbot.groups import records as groups
from cgbot.posts import emergency, holding, sender_orders
from cgbot.posts.holding import MOST_AN_HOUR
from cgbot.posts.holds import Decision
from cgbot.posts.moderation import RULES
from cgbot.store.db import Database
from tests.posts.arriving import Posts, proven_by, ruled, trusting, written

JIA = "jia@example.org"
LI = "li@example.org"
ZOE = "zoe@example.com"
HOUR = timedelta(hours=1)


def begin(db: Database, context: Context) -> Posts:
    """A group with two conveners and a member."""
    db.write_now(groups.seed, context)
    found = Posts(db, context, db.read_now(groups.get_group, "cg-aisec"))
    found.member(JIA, "convener", name="Jia")
    found.member(LI, "vice-convener")
    found.member("hu@example.org")
    return found


@pytest.fixture
def posts(sqlite_url: str, context: Context) -> Iterator[Posts]:
    db = Database.open(sqlite_url)
    yield begin(db, context)
    db.close()


def test_the_notice_shows_the_whole_table_with_all_hits(posts: Posts, context: Context) -> None:
    posts.context = ruled(context, most_recipients=1)
    posts.arrive(written(ZOE, Cc="a@example.com, b@example.com"))
    notices = posts.news()
    assert [one.recipient for one in notices] == [JIA, LI]
    lines = notices[0].text.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("* ")] == ["*", "*"]
    assert [line.split()[1] for line in lines if line.startswith("* ")] == ["non-member", "recipients"]
    assert all(any(f" {rule.name} " in line for line in lines) for rule in RULES)
    assert "the author is not a member of the group; 3 addresses in To and Cc" in notices[0].text.replace("\n", " ")


def test_a_stranger_is_allowed_by_answering_and_posts_from_then_on(db: Database, context: Context) -> None:
    posts = begin(db, context)
    posts.arrive(written(ZOE))
    first, second = posts.news()
    posts.answer(first, "Allow, she is a guest expert")
    assert [one.state for one in posts.resort()] == ["sorted"]
    told = {one.recipient: one.text for one in posts.news() if one.message["List-Id"] is None}
    assert "zoe@example.com posts without waiting" in told[JIA]
    assert "zoe@example.com posts without waiting" in told[LI]
    assert posts.arrive(written("Zoe <ZOE@example.com>")).state == "sorted"
    assert [one[1] for one in posts.trail()[-3:]] == ["allow", "source trusted", "sender allowed"]
    posts.answer(second, "discard")
    assert "was approved by jia@example.org already" in posts.news()[-1].text


def test_a_member_who_is_allowed_is_free(posts: Posts, context: Context) -> None:
    posts.context = ruled(context, first_posts=5)
    posts.arrive(written("hu@example.org"))
    posts.answer(posts.news()[0], "allow")
    posts.resort()
    assert posts.arrive(written("hu@example.org")).state == "sorted"
    assert ("jia@example.org", "member changed", "hu@example.org") in posts.trail()
    assert not posts.db.read_now(senders.list_senders, posts.group.id)


def test_first_posts_are_counted_until_there_are_enough(db: Database, context: Context) -> None:
    posts = begin(db, ruled(context, first_posts=2))
    member = posts.db.read_now(members.find_member, posts.group.id, "hu@example.org")
    posts.db.write_now(members.change, posts.context, member, {"address": "hu@second.example"})
    for sender in ("hu@example.org", "HU@second.example"):
        assert posts.arrive(written(sender)).state == "held"
        posts.answer(posts.news()[0], "approve")
        assert [one.state for one in posts.resort()] == ["sorted"]
        posts.news()
    assert posts.arrive(written("hu@example.org")).state == "sorted"
    assert posts.arrive(written(JIA)).state == "sorted"  # conveners are not new


def test_a_banned_stranger_is_heard_no_more(posts: Posts) -> None:
    posts.arrive(written(ZOE))
    posts.answer(posts.news()[0], "ban")
    told = posts.news()
    assert "is discarded from now on" in told[-1].text
    assert {one.recipient for one in told} == {JIA, LI}
    assert posts.arrive(written(ZOE)).state == "discarded"
    assert not posts.news()


def test_a_ban_of_a_domain_and_an_address_that_is_allowed_all_the_same(db: Database, context: Context) -> None:
    posts = begin(db, context)
    decide = sender_orders.decide
    db.write_now(decide, context, posts.group.id, ("@Example.COM", "ban", "spam"), JIA)
    assert posts.arrive(written(ZOE)).state == "discarded"
    db.write_now(decide, context, posts.group.id, (ZOE, "allow", ""), JIA)
    assert posts.arrive(written(ZOE)).state == "sorted"
    assert [(one.key, one.verdict) for one in db.read_now(senders.list_senders, posts.group.id)] == [
        (ZOE, "allow"),
        ("@example.com", "ban"),
    ]
    db.write_now(decide, context, posts.group.id, (ZOE, "forget", ""), JIA)
    db.write_now(decide, context, posts.group.id, ("@example.com", "forget", ""), JIA)
    assert posts.arrive(written(ZOE)).state == "held"
    with pytest.raises(NotFound, match="nothing was decided"):
        db.write_now(decide, context, posts.group.id, (ZOE, "forget", ""), JIA)
    for wrong in ("nobody", "@", "a b@example.org"):
        with pytest.raises(Malformed):
            db.write_now(decide, context, posts.group.id, (wrong, "ban", ""), JIA)


def test_what_a_member_posts_can_be_held(posts: Posts) -> None:
    decide = sender_orders.decide
    posts.db.write_now(decide, posts.context, posts.group.id, ("hu@example.org", "hold", ""), JIA)
    settled = posts.arrive(written("hu@example.org"))
    assert (settled.state, "want to see" in settled.reason) == ("held", True)
    posts.db.write_now(decide, posts.context, posts.group.id, ("hu@example.org", "forget", ""), JIA)
    assert posts.arrive(written("hu@example.org")).state == "sorted"
    posts.db.write_now(decide, posts.context, posts.group.id, ("hu@example.org", "forget", ""), JIA)  # as it is
    posts.db.write_now(decide, posts.context, posts.group.id, ("@example.org", "ban", ""), JIA)
    assert posts.arrive(written("other@example.org")).state == "discarded"
    assert posts.arrive(written("hu@example.org")).state == "sorted"  # what is said of a domain is not said of members
    with pytest.raises(Conflict, match="remove them"):
        posts.db.write_now(decide, posts.context, posts.group.id, ("hu@example.org", "ban", ""), JIA)


def test_a_forged_mail_cannot_get_a_member_banned(posts: Posts) -> None:
    posts.context = trusting(posts.context)
    for sender in ("hu@example.org", JIA):
        posts.arrive(written(sender, List_Id="<other.example.net>"), peer="203.0.113.9")
        letter = posts.news()[0]
        posts.answer(letter, "ban")
        assert "discard it instead" in " ".join(posts.news()[0].text.split())
    assert len(posts.waiting) == 2


def test_a_proven_member_can_be_banned_but_no_convener(posts: Posts, context: Context) -> None:
    posts.context = ruled(trusting(context), emergency=True)
    for number, sender in enumerate(("hu@example.org", JIA), 1):
        posts.arrive(written(sender, **proven_by("example.org")))
        assert posts.waiting[-1].id == number
    posts.db.write_now(holding.decide, posts.context, 1, Decision("ban", LI))
    with pytest.raises(Conflict, match="is convener of the group"):
        posts.db.write_now(holding.decide, posts.context, 2, Decision("ban", LI))
    assert posts.arrive(written("hu@example.org", **proven_by("example.org"))).state == "discarded"


def test_an_allowed_stranger_must_be_proven_or_come_the_way_the_convener_has_seen(posts: Posts) -> None:
    posts.context = trusting(posts.context)
    posts.arrive(written(ZOE), peer="203.0.113.9", mail_from=ZOE)
    posts.answer(posts.news()[0], "allow")
    posts.resort()
    posts.news()
    assert posts.arrive(written(ZOE), peer="203.0.113.10", mail_from=ZOE).state == "sorted"
    assert posts.arrive(written(ZOE, **proven_by("example.com"))).state == "sorted"
    posts.news()
    assert posts.arrive(written(ZOE), peer="198.51.100.1", mail_from=ZOE).state == "held"
    assert {one.recipient for one in posts.news()} == {JIA, LI}  # who is no member is not asked
    posts.db.write_now(sender_orders.decide, posts.context, posts.group.id, (ZOE, "forget", ""), JIA)
    posts.db.write_now(sender_orders.decide, posts.context, posts.group.id, (ZOE, "allow", ""), JIA)
    assert posts.arrive(written(ZOE), peer="203.0.113.10", mail_from=ZOE).state == "held"  # the way is forgotten too


def test_an_emergency_holds_everybody_until_it_is_off(db: Database, context: Context) -> None:
    posts = begin(db, context)
    group = (posts.group.id, posts.group.name)
    db.write_now(lambda tx: emergency.turn(tx, context, group, on=True, actor=JIA))
    for sender in ("hu@example.org", JIA):
        settled = posts.arrive(written(sender))
        assert (settled.state, "every post is held since Monday 3 May 2027" in settled.reason) == ("held", True)
    posts.answer(posts.news()[0], "approve")
    assert [one.state for one in posts.resort()] == ["sorted"]
    with pytest.raises(Conflict, match="since Monday"):
        db.write_now(lambda tx: emergency.turn(tx, context, group, on=True, actor=LI))
    db.write_now(lambda tx: emergency.turn(tx, context, group, on=False, actor=LI))
    assert posts.arrive(written("hu@example.org")).state == "sorted"
    assert [one[:2] for one in posts.trail() if "emergency" in one[1]] == [(JIA, "emergency on"), (LI, "emergency off")]
    with pytest.raises(Conflict, match="not held"):
        db.write_now(lambda tx: emergency.turn(tx, context, group, on=False, actor=LI))
    with pytest.raises(Conflict, match="file says"):
        db.write_now(lambda tx: emergency.turn(tx, ruled(context, emergency=True), group, on=False, actor=LI))


def test_a_flood_and_a_storm_wait_and_end_after_an_hour(db: Database, context: Context) -> None:
    posts = begin(db, ruled(context, most_an_hour=3, thread_most_an_hour=4))
    thread = {"References": "<root@example.org>"}
    outcomes = [posts.arrive(written("hu@example.org", **thread)) for _ in range(4)]
    assert [one.state for one in outcomes] == ["sorted", "sorted", "sorted", "held"]
    assert "3 posts of this author" in outcomes[-1].reason
    assert posts.arrive(written(JIA, **thread)).state == "sorted"
    assert "4 posts of this thread" in posts.arrive(written(LI, **thread)).reason
    assert posts.arrive(written(LI)).state == "sorted"
    posts.context = posts.context.at(posts.context.now + HOUR)
    assert posts.arrive(written("hu@example.org", **thread)).state == "sorted"


def test_programs_are_held_and_the_notice_names_them(posts: Posts) -> None:
    fields = {"MIME_Version": "1.0", "Content_Type": 'application/octet-stream; name="setup.exe"',
              "Content_Disposition": 'attachment; filename="setup.exe"'}  # fmt: skip
    settled = posts.arrive(written("hu@example.org", **fields))
    assert settled.state == "held"
    assert settled.reason == "an attachment of a kind that is held: setup.exe"


def test_the_words_behind_and_below_a_rejection_reach_a_proven_author(posts: Posts) -> None:
    posts.context = trusting(posts.context)
    posts.arrive(written(ZOE, "A product", **proven_by("example.com")))
    answer = "Reject: off topic here.\n\nPlease write to the vendors' list.\nRegards\n\n-- \nJia\n+41 22 000\n"
    posts.answer(posts.news()[0], f"{answer}\nOn Monday CG-AISEC wrote:\n> A message awaits")
    told = {one.recipient: one.text.replace("\r\n", "\n") for one in posts.news()}
    assert set(told) == {ZOE, LI, JIA}
    words = "off topic here.\n\nPlease write to the vendors' list.\nRegards\n\n"
    assert words in told[ZOE]
    assert words in told[LI]
    assert "Jia" not in told[ZOE]
    assert not posts.waiting


def test_a_flood_of_held_mail_is_not_told_one_by_one(posts: Posts) -> None:
    for _ in range(MOST_AN_HOUR + 5):
        posts.arrive(written(ZOE))
    told = [one for one in posts.news() if one.recipient == JIA]
    assert len(told) == MOST_AN_HOUR
    assert "further ones of this hour are not told" in told[-1].text
    assert "further ones" not in told[-2].text
    assert len(posts.waiting) == MOST_AN_HOUR + 5
    posts.context = posts.context.at(posts.context.now + HOUR)
    posts.arrive(written(ZOE))
    assert [one.recipient for one in posts.news()] == [JIA, LI]
