"""Who gets which form of a post."""

from __future__ import annotations

import pytest

from cgbot.context import Context
from cgbot.groups import members
from cgbot.groups.records import Group
from cgbot.store.db import Database
from tests.mail.test_shortened import message
from tests.posts.arriving import Posts


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_links_for_who_asked_for_them(db: Database, context: Context, group: Group) -> None:
    posts = Posts(db, context, group)
    posts.member("a@x.org")
    other = posts.member("links@x.org")
    db.write_now(members.change, context, other, {"attachments": "link"})
    assert posts.arrive(message(2_400_000, head=b"Message-ID: <1@x.org>\r\n")).state == "sorted"
    got = {one.recipient: one.message for one in posts.news()}
    assert {address: len(list(mail.iter_attachments())) for address, mail in got.items()} == {
        "a@x.org": 1,
        "links@x.org": 1,
    }
    (link,) = got["links@x.org"].iter_attachments()
    assert "slides-0.pdf, 2.4 MB, is in the archive: https://cg.example.org/cg-aisec/" in str(link.get_content())
    assert got["a@x.org"]["Message-ID"] == got["links@x.org"]["Message-ID"] == "<1@x.org>"
    assert "/leave/cg-aisec/" in str(got["links@x.org"]["List-Unsubscribe"])
    small = message(300, head=b"Message-ID: <2@x.org>\r\n")
    assert posts.arrive(small).state == "sorted"
    first, second = posts.news()
    assert bytes(first.message.get_payload()[1]) == bytes(second.message.get_payload()[1])
