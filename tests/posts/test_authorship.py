"""An unproven post in a member's name: the member is asked, and nothing else happens until somebody says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from cgbot.context import Context
from cgbot.groups import members
from cgbot.groups import records as groups
from cgbot.groups.records import Group
from cgbot.mail.authentication_results import Authentication
from cgbot.posts import emergency, holding
from cgbot.posts.authorship import MOST_AN_HOUR
from cgbot.posts.holds import Decision
from cgbot.posts.proofs import source_of
from cgbot.store.db import Database
from tests.groups.mailbag import errand, errand_of
from tests.posts.arriving import FRONT, Posts, proven_by, ruled, trusting, written

DAY = timedelta(days=1)
HU = "hu@example.org"


def begin(db: Database, context: Context) -> Posts:
    """A group with a convener and a member, behind a front server that authenticates."""
    db.write_now(groups.seed, context)
    found = Posts(db, trusting(context), db.read_now(groups.get_group, "cg-aisec"))
    found.member("convener@example.org", "convener")
    found.member(HU)
    return found


@pytest.fixture
def posts(sqlite_url: str, context: Context) -> Iterator[Posts]:
    db = Database.open(sqlite_url)
    yield begin(db, context)
    db.close()


def test_a_spoofed_post_asks_the_member_alone_and_nothing_goes_to_the_list(posts: Posts) -> None:
    settled = posts.arrive(written(HU, "Cheap pills at pills.example"), peer="203.0.113.9", mail_from="x@spam.example")
    assert (settled.state, "nothing proves" in settled.reason) == ("held", True)
    (letter,) = posts.news()
    assert (letter.recipient, "Did you write" in letter.message["Subject"]) == (HU, True)
    assert "pills" not in letter.message.as_string()  # no stranger's words in a mail that nobody asked for
    assert "spam.example" not in letter.message.as_string()
    assert "cg-aisec-confirm+" in str(letter.message["Reply-To"])
    (held,) = posts.waiting
    assert held.waits_for_author


@pytest.mark.parametrize("text", ["Yes, that was me\n\n> quoted", "\n> only quoted\n"])
def test_the_answer_releases_it_and_the_next_post_passes(db: Database, context: Context, text: str) -> None:
    posts = begin(db, context)
    posts.arrive(written(HU), peer="203.0.113.9", mail_from=HU)
    (letter,) = posts.news()
    assert posts.answer(letter, text).state == "sorted"
    assert [one.state for one in posts.resort()] == ["sorted"]
    assert "The list has your message now" in posts.news()[0].text
    assert posts.trail()[-2:] == [(HU, "source trusted", HU), (HU, "approve", "held message 1")]
    assert posts.arrive(written(HU), peer="203.0.113.77", mail_from=HU).state == "sorted"
    assert not posts.waiting


def test_what_comes_another_way_is_asked_about_again_a_day_later(posts: Posts) -> None:
    posts.arrive(written(HU), peer="203.0.113.9", mail_from=HU)
    posts.answer(posts.news()[0], "yes")
    posts.resort()
    posts.news()
    assert posts.arrive(written(HU), peer="198.51.100.9", mail_from=HU).state == "held"
    assert [one.recipient for one in posts.news()] == ["convener@example.org"]  # asked today already
    posts.context = posts.context.at(posts.context.now + DAY)
    assert posts.arrive(written(HU), peer="198.51.100.10", mail_from="hu@other.example").state == "held"
    assert [one.recipient for one in posts.news()] == [HU]


def test_a_proven_post_and_a_proven_strangers_signature(posts: Posts) -> None:
    assert posts.arrive(written(HU, **proven_by("example.org"))).state == "sorted"
    posts.news()
    assert posts.arrive(written(HU, **proven_by("mailer.example"))).state == "held"
    posts.answer(posts.news()[0], "yes")
    assert [one.state for one in posts.resort()] == ["sorted"]
    assert posts.arrive(written(HU, **proven_by("mailer.example")), mail_from="b@mailer.example").state == "sorted"
    # Another customer of the same provider signs too: together they are another source.
    both = {
        "Authentication_Results": "mx.example.org; dkim=pass header.d=mailer.example; dkim=pass header.d=evil.example"
    }
    assert posts.arrive(written(HU, **both)).state == "held"


def test_the_results_of_a_stranger_prove_nothing(posts: Posts) -> None:
    assert posts.arrive(written(HU, **proven_by("example.org")), peer="203.0.113.9").state == "held"


def test_where_nothing_authenticates_or_the_group_says_so_it_is_accepted(posts: Posts, context: Context) -> None:
    posts.context = context
    assert posts.arrive(written(HU)).state == "sorted"
    posts.context = ruled(trusting(context), unproven="accept")
    assert posts.arrive(written(HU)).state == "sorted"


def test_a_convener_is_asked_alike(posts: Posts) -> None:
    assert posts.arrive(written("convener@example.org"), peer="203.0.113.9").state == "held"
    assert [one.recipient for one in posts.news()] == ["convener@example.org"]
    assert posts.waiting[0].waits_for_author


def test_no_discards_it_and_remembers_nothing(posts: Posts) -> None:
    posts.arrive(written(HU), peer="203.0.113.9")
    assert "discarded" in posts.answer(posts.news()[0], "No, not me!").reason
    assert ("hu@example.org", "discard", "held message 1") in posts.trail()
    assert posts.arrive(written(HU), peer="203.0.113.9").state == "held"


def test_what_is_not_understood_is_told_once_and_can_still_be_answered(posts: Posts) -> None:
    posts.arrive(written(HU), peer="203.0.113.9")
    (letter,) = posts.news()
    posts.answer(letter, "I am out of the office until Monday.")
    (again,) = posts.news()
    assert "yes or no" in again.text
    posts.answer(letter, "I am out of the office until Monday.")
    posts.answer(letter, "我不在办公室")
    assert not posts.news()
    assert posts.waiting[0].waits_for_author
    posts.answer(again, "yes")
    assert not posts.waiting


def test_robots_are_neither_asked_nor_heard(posts: Posts) -> None:
    posts.arrive(written(HU, List_Id="<other.example.net>"), peer="203.0.113.9")
    assert [one.recipient for one in posts.news()] == ["convener@example.org"]
    posts.arrive(written(HU), peer="203.0.113.9")
    (letter,) = posts.news()
    assert posts.answer(letter, "yes", Auto_Submitted="auto-replied").state == "discarded"
    assert len(posts.waiting) == 2


def test_the_answer_counts_for_what_came_the_same_way_and_once(posts: Posts) -> None:
    for _ in range(3):
        posts.arrive(written(HU), peer="203.0.113.9")
    posts.arrive(written(HU), peer="198.51.100.1")
    letters = posts.news()
    assert [one.recipient for one in letters] == [HU] + 3 * ["convener@example.org"]
    posts.answer(letters[0], "yes")
    assert len(posts.resort()) == 3
    assert len(posts.waiting) == 1
    posts.news()
    assert posts.answer(letters[0], "yes").state == "sorted"
    assert not posts.resort()
    assert not posts.news()


def test_another_reason_still_needs_a_convener(posts: Posts, context: Context) -> None:
    posts.context = ruled(trusting(context), first_posts=1)
    posts.arrive(written(HU), peer="203.0.113.9")
    assert [one.recipient for one in posts.news()] == ["convener@example.org"]  # the author's word would not be enough
    posts.context = trusting(context)
    posts.arrive(written(HU), peer="203.0.113.9")
    (letter,) = posts.news()
    posts.db.write_now(
        lambda tx: emergency.turn(tx, posts.context, (posts.group.id, posts.group.name), on=True, actor="operator")
    )
    posts.answer(letter, "yes")
    assert "A convener will read your message first" in posts.news()[0].text
    held = posts.waiting[1]
    assert (held.proven, held.waits_for_author) == (True, False)
    assert [one.rule for one in held.hits] == ["emergency"]


def test_a_convener_may_decide_before_its_author(posts: Posts) -> None:
    posts.arrive(written(HU), peer="203.0.113.9")
    (letter,) = posts.news()
    posts.db.write_now(holding.decide, posts.context, 1, Decision("discard", "convener@example.org"))
    posts.answer(letter, "yes")
    assert not posts.resort()
    assert not posts.news()  # nobody is told of what was discarded
    assert posts.arrive(written(HU), peer="203.0.113.9").state == "sorted"  # the proof is remembered all the same


def test_after_fourteen_days_the_answer_comes_too_late(posts: Posts) -> None:
    posts.arrive(written(HU), peer="203.0.113.9")
    (letter,) = posts.news()
    posts.context = posts.context.at(posts.context.now + 14 * DAY)
    assert posts.answer(letter, "yes").state == "discarded"
    assert len(posts.waiting) == 1  # nothing is lost


def test_who_has_left_or_cannot_be_reached_is_not_asked(posts: Posts) -> None:
    member = posts.db.read_now(members.find_member, posts.group.id, HU)
    posts.db.write_now(members.change, posts.context, member, {"state": "suspended"})
    posts.arrive(written(HU), peer="203.0.113.9")
    assert [one.recipient for one in posts.news()] == ["convener@example.org"]


def test_a_group_asks_so_many_an_hour(posts: Posts) -> None:
    for number in range(MOST_AN_HOUR + 1):
        posts.member(f"m{number}@example.net")
        posts.arrive(written(f"m{number}@example.net"), peer="203.0.113.9")
    asked = [one for one in posts.news() if "Did you write" in one.message["Subject"]]
    assert len(asked) == MOST_AN_HOUR


@pytest.mark.parametrize(
    ("found", "mail_from", "peer", "source"),
    [
        (
            Authentication(dkim=frozenset({"b.example", "a.example"})),
            "x@c.example",
            "203.0.113.9",
            "a.example b.example",
        ),
        (Authentication(spf=frozenset({"c.example"})), "x@c.example", "203.0.113.9", "c.example"),
        (Authentication(), "x@C.example", "203.0.113.9", "c.example from 203.0.113.0/24"),
        (Authentication(), "x@c.example", "2001:db8:1:2::3", "c.example from 2001:db8:1::/48"),
        (Authentication(), "x@c.example", "local", "c.example from local"),
        (Authentication(), "", "203.0.113.9", ""),
    ],
)
def test_the_way_by_which_a_mail_came(
    context: Context, found: Authentication, mail_from: str, peer: str, source: str
) -> None:
    mail = replace(errand(context, Group(1, "cg-aisec", context.now), "post"), mail_from=mail_from, peer=peer)
    assert source_of(mail, found, context.settings) == source


@pytest.mark.parametrize(
    ("received", "source"),
    [
        (["from mail.c.example (x [203.0.113.9]) by mx.example.org (Postfix)"], "c.example from 203.0.113.0/24"),
        (["from localhost (localhost [127.0.0.1]) by mx.example.org", "from a (b [IPv6:2001:db8:1::2]) by mx"],
         "c.example from 2001:db8:1::/48"),
        (["by mx (Postfix, from userid 0)", "from forged ([198.51.100.1]) by x"], "c.example from 192.0.2.0/24"),
        (["from a ([999.1.1.1]) by mx"], "c.example from 192.0.2.0/24"),
        (["from a by b ([198.51.100.1])"], "c.example from 192.0.2.0/24"),
        ([], "c.example from 192.0.2.0/24"),
    ],
)  # fmt: skip
def test_behind_a_front_server_its_own_received_line_names_the_network(
    context: Context, received: list[str], source: str
) -> None:
    settings = trusting(context).settings
    raw = "".join(f"Received: {one}\r\n" for one in received).encode() + b"From: a@c.example\r\n\r\nx\r\n"
    front, stranger = (
        errand_of(context, Group(1, "cg-aisec", context.now), raw, purpose="post", mail_from="x@c.example", peer=peer)
        for peer in (FRONT, "198.18.0.7")
    )
    assert source_of(front, Authentication(), settings) == source
    assert source_of(stranger, Authentication(), settings) == "c.example from 198.18.0.0/24"


def test_a_french_speaking_member_is_asked_and_answers_in_french(posts: Posts) -> None:
    posts.member("lea@example.org", language="fr")
    posts.arrive(written("lea@example.org"), peer="203.0.113.9")
    (letter,) = posts.news()
    assert letter.message["Subject"] == "[CG-AISEC] Avez-vous écrit à la liste ?"
    assert "lundi 3 mai 2027" in letter.text
    posts.answer(letter, "Oui, c'était moi.")
    assert "La liste a maintenant reçu votre message" in posts.news()[0].text
