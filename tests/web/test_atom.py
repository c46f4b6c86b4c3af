"""The archive as a feed (RFC 4287): what is new, or what a search finds; well-formed whatever was posted."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.archive.posting import mail
from tests.web.conftest import Client, Site

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
ATOM = "{http://www.w3.org/2005/Atom}"
FEED = "/cg-aisec/atom.xml"


async def read(client: Client, path: str = FEED) -> ET.Element:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    return ET.fromstring(answer.content)


def titles(feed: ET.Element) -> list[str | None]:
    return [one.text for one in feed.findall(f"{ATOM}entry/{ATOM}title")]


async def test_the_newest_come_first(site: Site) -> None:
    one, two = await site.post(mail("first", "Dear all\n"), mail("second", "<b>&amp;</b> ]]>\n"))
    feed = await read(site.browser())
    assert titles(feed) == ["About second", "About first"]
    newest = feed.find(f"{ATOM}entry")
    assert newest is not None
    base = "https://cg.example.org/cg-aisec"
    assert newest.findtext(f"{ATOM}id") == f"{base}/{two}/"
    assert newest.findtext(f"{ATOM}updated") == "2027-05-03T08:01:00Z"
    assert newest.findtext(f"{ATOM}content") == "<b>&amp;</b> ]]>\n"
    assert [one.get("href") for one in feed.findall(f"{ATOM}link")] == [f"{base}/atom.xml", f"{base}/"]
    assert one in ET.tostring(feed, "unicode")


async def test_a_search_is_kept_as_a_feed(site: Site) -> None:
    await site.post(mail("first", "generative\n"), mail("second", "other\n"))
    feed = await read(site.browser(), f"{FEED}?q=generative+after:2027")
    assert titles(feed) == ["About first"]
    assert feed.findtext(f"{ATOM}title") == "CG-AISEC: generative after:2027"
    assert titles(await read(site.browser(), f"{FEED}?q=nothing")) == []


async def test_an_empty_archive_is_a_feed_too(site: Site) -> None:
    assert titles(await read(site.browser())) == []


async def test_who_has_it_is_told_so_until_something_is_posted(site: Site) -> None:
    await site.post(mail("first"))
    client = site.browser()
    tag = {"if-none-match": (await client.get(FEED)).headers["etag"]}
    assert (await client.get(FEED, headers=tag)).status_code == 304
    await site.post(mail("second"))
    assert (await client.get(FEED, headers=tag)).status_code == 200


async def test_addresses_are_masked_and_nothing_breaks_the_document(site: Site) -> None:
    secret = "hidden.person@example.net"
    hostile = mail("x", f"{secret}\n\x0c\x01\ufffe\u202e bell\x07\n", From=f'"{secret}" <{secret}>', Subject="\x0b & <")
    await site.post(hostile)
    text = (await site.browser().get(FEED)).text
    assert secret not in text
    assert len(titles(await read(site.browser()))) == 1


async def test_a_closed_archive_has_no_feed_for_the_anonymous(site: Site) -> None:
    await site.post(mail("first"))
    answer = await site.browser("members").get(FEED)
    assert answer.status_code == 403
    assert "first" not in answer.text
