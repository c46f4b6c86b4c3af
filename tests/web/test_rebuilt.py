"""Every index made again from the raw messages gives the same pages and the same search results."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from cgbot.archive import rebuild
from cgbot.context import Context
from cgbot.desk import erasing
from cgbot.store import search
from cgbot.store.db import Tx
from cgbot.store.tables import posts, thread_ids
from tests.archive.posting import mail
from tests.web.conftest import Client, Site

pytestmark = pytest.mark.anyio
ATTACHED = (
    b"From: Chen <chen@example.org>\r\nSubject: =?utf-8?b?5a6J5YWo?=\r\nMessage-ID: <files@example.org>\r\n"
    b"Date: Wed, 05 May 2027 10:00:00 +0200\r\nReferences: <first@example.org>\r\n"
    b'Content-Type: multipart/mixed; boundary="=b"\r\n\r\n--=b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n'
    b"<p>The <b>na\xc3\xafve</b> answer \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e</p>\r\n"
    b'--=b\r\nContent-Type: text/plain; name="notes.txt"\r\n\r\nnotes\r\n--=b--\r\n'
)
MAILS = (
    mail("late-answer", "before its parent\n", answers="first"),
    mail("first", "the first one\n"),
    mail("to-nobody", "its parent never came\n", answers="ghost"),
    mail("first", "the same Message-ID, other words\n"),
    ATTACHED,
    mail("gone", "a secret\n", answers="first"),
    mail("joins", "one thread of two\n", answers="to-nobody late-answer"),
    b"no header at all\r\n",
)
QUERIES = ("the", "first", '"first one"', "na%C3%AFve", "%E6%97%A5%E6%9C%AC", "from:chen", "filename:notes", "secret",
           "subject:about before:2027-05-04", "has:attachment", "fir*")  # fmt: skip


async def everything(browser: Client, links: list[str]) -> dict[str, str]:
    """Each page of the archive, and each search."""
    paths = ["", "atom.xml", *(f"{link}/" for link in links), *(f"search?q={query}" for query in QUERIES)]
    return {path: (await browser.get(f"/cg-aisec/{path}")).text for path in paths}


async def test_pages_and_search_are_the_same_after_a_rebuild(site: Site, context: Context) -> None:
    links = await site.post(*MAILS)
    erasing.erase_post(site.db, context, 6, "operator", "asked by its author")
    browser = site.browser()
    before = await everything(browser, links)
    assert "the first one" in before[f"{links[1]}/"]
    assert links[1] in before["search?q=first"]
    assert "secret" not in before[f"{links[0]}/"]

    def damage(tx: Tx) -> None:
        tx.execute(sa.update(posts).values(subject="?", permalink="?", references=[], author_name="?"))
        tx.execute(sa.delete(thread_ids))
        search.drop(tx)

    site.db.write_now(damage)
    list(rebuild.rebuild(site.db))
    after = await everything(browser, links)
    assert [path for path in before if before[path] != after[path]] == []
