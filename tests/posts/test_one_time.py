"""A one-time reply address that reaches the list is held back, and ends before anybody else can read it."""

from __future__ import annotations

import pytest

from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.posts import holding
from cgbot.posts.holds import Decision
from cgbot.store.db import Database
from tests.groups.mailbag import token_of
from tests.posts.arriving import Posts, written

CONVENER = "convener@example.org"


@pytest.fixture
def posts(db: Database, context: Context, group: Group) -> Posts:
    found = Posts(db, context, group)
    found.member(CONVENER, "convener")
    return found


@pytest.mark.parametrize("place", ["To", "text", "quoted"])
def test_an_answer_to_a_notice_with_the_list_in_copy(posts: Posts, place: str) -> None:
    posts.arrive(written("stranger@example.net", "May I join?"))
    (notice,) = posts.news()
    address = f"cg-aisec-confirm+{token_of(notice)}@lists.example.org"
    fields = {"Cc": address} if place == "To" else {}
    text = {"To": "What do the others think?", "text": f"Ask {address}", "quoted": f"> From: <{address}>"}[place]
    settled = posts.arrive(written(CONVENER, "Re: held", text, **fields))
    assert (settled.state, "one-time reply address" in settled.reason) == ("held", True)

    posts.db.write_now(holding.decide, posts.context, posts.waiting[-1].id, Decision("approve", CONVENER))
    assert [one.state for one in posts.resort()] == ["sorted"]
    assert posts.answer(notice, "approve", mail_from="reader@example.net").state == "discarded"
    assert [one.subject for one in posts.waiting] == ["May I join?"]


def test_an_address_that_is_over_or_nobodys_is_only_text(posts: Posts) -> None:
    text = "The address cg-aisec-confirm+abcdefghijklmnopqrstuvwxyz@lists.example.org does not work."
    assert posts.arrive(written(CONVENER, "A question", text)).state == "sorted"
