"""A group's front page, its months and its authors; and what its author wanted in no archive."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cgbot import wiring
from cgbot.archive import overview, records, rethreading
from cgbot.context import Context
from cgbot.desk import person
from cgbot.groups import members
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.papers import records as papers
from cgbot.store import search
from tests.archive.posting import mail
from tests.web.conftest import Site
from tests.web.markup import Page

pytestmark = pytest.mark.anyio
ALICE = "Alice <alice@example.net>"


async def words(site: Site, path: str) -> str:
    page = Page(await site.page(path))
    assert page.problems == []
    return " ".join(page.words.split())


async def test_the_front_page_says_what_is_new_what_is_coming_and_who_is_active(site: Site, context: Context) -> None:
    when = schedule.read_when("2027-05-20 09:00", duration="60m")
    site.db.write_now(schedule.schedule, context, site.group, Order("First", when))
    call = {"group_id": site.group.id, "rule": "given", "opened_at": context.now, "opened_by": "x"}
    for title, days in (("Papers for Geneva", 7), ("One that is over", -7)):
        closes_at = context.now + timedelta(days=days)
        site.db.write_now(papers.add_call, {**call, "title": title, "closes_at": closes_at})
    one, two = mail("one", From=ALICE), mail("two", From=ALICE, answers="one")
    await site.post(one, two, mail("three", From="bob@example.net"))
    said = await words(site, "/cg-aisec/")
    assert "First Thursday 20 May 2027, 09:00-10:00" in said
    assert "Papers for Geneva Contributions are open until Monday 10 May 2027" in said
    assert "One that is over" not in said
    assert "Active in the last 30 days Alice 2 posts b…@example.net 1 post" in said
    assert "May 2027 3" in said
    older = await words(site, "/cg-aisec/?before=99999999999.000000-1")
    assert "Coming" not in older
    assert "Active" not in older


async def test_months_show_the_threads_in_which_something_came(site: Site) -> None:
    site.context = site.context.at(datetime(2027, 4, 30, 23, 59, 30, tzinfo=UTC))
    links = await site.post(mail("april", Subject="Begun in April"), mail("may", answers="april"))
    site.context = site.context.at(datetime(2027, 7, 1, tzinfo=UTC))
    links += await site.post(mail("july", Subject="Summer"))
    assert "2027 July 2027 1 post May 2027 1 post April 2027 1 post" in await words(site, "/cg-aisec/months/")
    may = await site.page("/cg-aisec/months/2027-05/")
    assert "Begun in April" in may
    assert f'href="/cg-aisec/{links[0]}/"' in may
    assert 'href="/cg-aisec/months/2027-04/" rel="prev"' in may
    assert 'href="/cg-aisec/months/2027-07/" rel="next"' in may
    assert "Nothing was posted in this month." in await words(site, "/cg-aisec/months/2027-06/")
    for wrong in ("2027-13", "0000-01", "2027-1", "x"):
        assert (await site.browser().get(f"/cg-aisec/months/{wrong}/")).status_code == 404
    assert "December 9998" in await words(site, "/cg-aisec/months/9999-12/")


async def test_an_author_is_found_by_any_of_their_posts(site: Site) -> None:
    links = await site.post(
        mail("one", From="A. Author <ALICE@example.net>"),
        mail("two", From="bob@example.net"),
        mail("three", From=ALICE, Subject="Newest"),
        mail("four", From="Nobody <>"),
    )
    everybody = await site.page("/cg-aisec/authors/")
    assert f'<a href="/cg-aisec/authors/{links[0]}/">Alice</a>\n<span>2 posts' in everybody
    assert "3 have written" in everybody
    for link in (links[0], links[2]):
        said = await words(site, f"/cg-aisec/authors/{link}/")
        assert "2 posts" in said
        assert said.index("Newest") < said.index("3 May 2027, 08:00")
        assert "alice@example.net" not in said
    assert (await site.browser().get(f"/cg-aisec/authors/{links[0]}/?page=2")).status_code == 404
    assert (await site.browser().get(f"/cg-aisec/authors/{'A' * 32}/")).status_code == 404


@pytest.mark.parametrize("field", ["X-No-Archive: yes", "X-No-Archive: 1", "X-Archive: no", "x-no-archive: Yes"])
async def test_what_its_author_wanted_in_no_archive_is_shown_nowhere(site: Site, group: Group, field: str) -> None:
    hidden = field.encode() + b"\r\n" + mail("hidden", "a secretword\n", Subject="Hush", From=ALICE)
    links = await site.post(hidden, mail("answer", "an open word\n", answers="hidden", From="bob@example.net"))
    paths = ("/", "/months/", "/months/2027-05/", "/authors/", "/atom.xml", f"/{links[1]}/", "/search?q=secretword")
    for path in paths:
        page = await site.page(f"/cg-aisec{path}")
        assert "Hush" not in page.replace("Re: Hush", "")
        assert links[0] not in page
        assert "Alice" not in page
    client = site.browser(addresses="shown")
    for path in ("/", "/raw", "/html", "/proof", "/t.mbox.gz"):
        assert (await client.get(f"/cg-aisec/{links[0]}{path}")).status_code == 404
    assert (await client.get(f"/cg-aisec/authors/{links[0]}/")).status_code == 404
    packed = (await client.get(f"/cg-aisec/{links[1]}/t.mbox.gz")).content
    assert b"secretword" not in gzip.decompress(packed)
    read = site.db.read_now
    assert read(search.find, group.id, "secretword") == ()
    assert [one.posts for one in read(records.list_threads, group.id, 9)] == [1]
    assert [one.posts for one in read(overview.months, group.id)] == [1]
    assert len(read(records.with_unlisted, group.id, links[0])) == 1


async def test_a_thread_of_nothing_that_is_listed_is_none(site: Site) -> None:
    await site.post(b"X-No-Archive: yes\r\n" + mail("hidden"))
    assert "Nothing has been posted yet." in await words(site, "/cg-aisec/")


async def test_only_conveners_are_offered_to_put_threads_in_order(site: Site, context: Context) -> None:
    links = await site.post(mail("one"), mail("two", answers="one"))
    there = f"/cg-aisec/{links[1]}/"
    assert "split" not in await site.page(there)
    chair = site.db.write_now(members.add, context, site.group.id, NewMember("chair@example.org", role="convener"))
    site.commands = wiring.commands()
    client = site.signed_in(chair)
    assert (await client.get(there)).text.count("split here") == 1
    form = (await client.get(f"/desk/cg-aisec/order/split-thread/?words={links[1]}")).text
    assert links[1] in form
    post = site.db.read_now(records.of_permalink, site.group.id, links[1])[0]
    site.db.write_now(rethreading.split, context, post)
    page = (await client.get(there)).text
    assert "put here by a convener" in page
    assert "restore-thread" in page
    assert "split here" not in page


async def test_a_group_that_wants_no_robots_says_so(site: Site, context: Context) -> None:
    (link,) = await site.post(mail("one"))
    for rule, tag in (("welcome", None), ("kept-away", "noindex")):
        charter = replace(context.charters["cg-aisec"], robots=rule)
        site.context = replace(site.context, charters={"cg-aisec": charter})
        client = site.browser()
        for path in ("/cg-aisec/", f"/cg-aisec/{link}/", "/cg-aisec/months/"):
            assert (await client.get(path)).headers.get("x-robots-tag") == tag
        assert ("Disallow: /cg-aisec/" in (await client.get("/robots.txt")).text) == (rule == "kept-away")
    hidden = (await site.browser("members", "members").get("/robots.txt")).text
    assert "cg-aisec" not in hidden


async def test_tokens_of_one_reader_are_shown_nowhere(site: Site) -> None:
    """A copy that came back from another list, and somebody who quotes what was mailed to them alone."""
    token = "k9ZQ0xWl7aBcDe1k9ZQ0xW"
    link = f"https://lists.example.net/leave?a=1&t={token}"
    fields = {"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    text = f"words\n{link}\n> https://cg.example.org/leave/cg-aisec/{token}\n"
    page = f'<p>words <a href="{link.replace("&", "&amp;")}">leave</a>'
    one = mail("one", text, **fields)
    two = mail("two", page, **fields, **{"Content-Type": "text/html"})
    client = site.browser(addresses="shown")
    for name in await site.post(one, two):
        for path in (f"{name}/", f"{name}/raw", f"{name}/html", f"{name}/t.mbox.gz", "search?q=words", "atom.xml"):
            answer = await client.get(f"/cg-aisec/{path}")
            content = gzip.decompress(answer.content) if path.endswith("gz") else answer.content
            assert token.encode() not in content, path
            assert answer.status_code == 200 or path.endswith("/html")  # one has none


async def test_somebody_who_was_erased_is_hidden_in_what_others_wrote(site: Site, context: Context) -> None:
    quoted = "I agree.\n\nOn Mon, 3 May 2027, somebody wrote to jane@example.net:\n> Ask Jane Doe <jane@example.net>\n"
    links = await site.post(
        mail("one", From="Jane Doe <jane@example.net>", Subject="Mine"),
        mail("two", quoted.replace("<", "&lt;"), answers="one", **{"Content-Type": "text/html"}),
        mail("three", quoted, answers="one", Subject="Of three", To="Jane Doe <jane@example.net>"),
    )
    client = site.browser(addresses="shown")
    assert "jane@example.net" in (await client.get(f"/cg-aisec/{links[2]}/")).text
    jane = site.db.read_now(person.find, "jane@example.net")
    person.erase(site.db, context, jane, "asked for", ())
    client = site.browser(addresses="shown")
    paths = (f"{links[2]}/", f"{links[2]}/raw", f"{links[1]}/html", f"{links[2]}/t.mbox.gz")
    for path in (*paths, "search?q=agree", "atom.xml"):
        answer = await client.get(f"/cg-aisec/{path}")
        assert answer.status_code == 200, path
        content = gzip.decompress(answer.content) if path.endswith("gz") else answer.content
        assert b"jane@example.net" not in content, path
        assert b"Jane Doe" not in content, path
