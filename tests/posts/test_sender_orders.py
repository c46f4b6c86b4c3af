"""What conveners order about authors and emergencies, by the table of commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed
from cgbot.groups import members, senders
from cgbot.groups import records as groups
from cgbot.groups.commands import Actor, Ordered, Proposal, Request
from cgbot.posts import sender_orders
from cgbot.store.db import Database
from tests.posts.arriving import Posts, ruled, written

COMMANDS = {one.name: one for one in sender_orders.COMMANDS}
JIA = "jia@example.org"
ZOE = "zoe@example.com"


class Office:
    """A convener who orders."""

    def __init__(self, posts: Posts) -> None:
        self.posts = posts

    def propose(self, command: str, *words: str, **fields: str) -> Proposal:
        request = Request(self.posts.group.id, "cg-aisec", Actor(JIA, 1, "Jia", "convener"), words, fields)
        return self.posts.db.write_now(COMMANDS[command].propose, self.posts.context, request)

    def order(self, command: str, *words: str, **fields: str) -> str:
        proposal = self.propose(command, *words, **fields)
        ordered = Ordered(self.posts.group.id, "cg-aisec", Actor(JIA, 1, "Jia", "convener"), proposal.facts)
        return self.posts.db.write_now(COMMANDS[command].do, self.posts.context, ordered)


@pytest.fixture
def office(sqlite_url: str, context: Context) -> Iterator[Office]:
    db = Database.open(sqlite_url)
    db.write_now(groups.seed, context)
    posts = Posts(db, context, db.read_now(groups.get_group, "cg-aisec"))
    posts.member(JIA, "convener", name="Jia")
    posts.member("hu@example.org")
    yield Office(posts)
    db.close()


def test_a_held_message_is_allowed_by_its_number(office: Office) -> None:
    office.posts.arrive(written(ZOE, "An offer"))
    proposal = office.propose("allow", "1")
    assert "zoe@example.com would post without waiting" in proposal.preview
    assert "* non-member" in proposal.preview
    assert proposal.about == "held message 1"
    assert "zoe@example.com posts without waiting" in office.order("allow", "1")
    assert office.posts.arrive(written(ZOE)).state == "sorted"


def test_a_held_message_is_banned_by_its_number(office: Office) -> None:
    office.posts.arrive(written(ZOE))
    assert "is discarded from now on" in office.order("ban", "1", note="spam")
    assert office.posts.db.read_now(senders.list_senders, office.posts.group.id)[0].note == "spam"


def test_an_address_and_a_domain(office: Office) -> None:
    assert "anybody at example.com" in office.propose("ban", "@example.com").preview
    assert office.order("ban", "@example.com") == "What comes in the name of @example.com is discarded from now on."
    assert office.posts.arrive(written(ZOE)).state == "discarded"
    office.order("forget author", "@example.com")
    assert office.posts.arrive(written(ZOE)).state == "held"


def test_a_members_posts(office: Office) -> None:
    office.order("hold author", "HU@example.org")
    member = office.posts.db.read_now(members.find_member, office.posts.group.id, "hu@example.org")
    assert member is not None
    assert member.posting == "held"
    with pytest.raises(Conflict, match="remove them"):
        office.propose("ban", "hu@example.org")


def test_what_cannot_be_ordered_is_said(office: Office) -> None:
    for words in ((), ("everybody",)):
        with pytest.raises(Malformed):
            office.propose("hold author", *words)
    with pytest.raises(Malformed, match="on or off"):
        office.propose("emergency", "maybe")
    office.posts.context = ruled(office.posts.context, emergency=True)
    with pytest.raises(Conflict, match="file says"):
        office.propose("emergency", "on")


def test_an_emergency(office: Office) -> None:
    assert "also a convener's" in office.propose("emergency", "ON").preview
    assert office.order("emergency", "on") == "Every post waits for a convener now."
    assert office.posts.arrive(written(JIA)).state == "held"
    assert "What waits now stays: 1" in office.propose("emergency", "off").preview
    office.order("emergency", "off")
    assert office.posts.arrive(written(JIA)).state == "sorted"


def test_what_was_decided_is_listed(office: Office) -> None:
    office.order("ban", "@example.com", note="spam")
    office.order("hold author", "hu@example.org")
    office.order("emergency", "on")
    office.posts.news()
    request = Request(office.posts.group.id, "cg-aisec", Actor(JIA, 1, "Jia", "convener"))
    (query,) = sender_orders.QUERIES
    assert office.posts.db.write_now(query.answer, office.posts.context, request) == "2 decisions about authors listed"
    text = " ".join(office.posts.news()[0].text.split())
    assert "ban @example.com by jia@example.org" in text
    assert "held hu@example.org (member)" in text
    assert "every post is held since" in text
