"""Every payload of the XSS collections in a real Chromium, with our policy and without: nothing runs, nothing loads."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from cgbot.archive import bulk, keep
from cgbot.archive.bulk import Old
from cgbot.mail import message as messages
from cgbot.mail import safe_html
from cgbot.store import raw
from tests.archive.posting import START
from tests.browser.conftest import Chromium
from tests.web.conftest import Site
from tests.web.test_hostile import CLASSICS, attack, payloads

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_A_PAGE = 60  # posts of a thread whose texts one page shows
_TOGETHER = 500  # payloads in one page


def threads_of(site: Site, every: list[str]) -> list[str]:
    """A post for each payload, which is its text, subject, author and file name; the links of threads of them."""
    links = []
    for start in range(0, len(every), _A_PAGE):
        some: list[Old] = []
        for number, payload in enumerate(every[start : start + _A_PAGE]):
            content = attack(number, payload, payload + "\n", "text/plain" if number % 2 else "text/html")
            content = content.replace(b"<attack", b"<%d.attack" % start)
            some.append(Old(raw.prepare(content), keep.prepare(messages.parse(content)), START))
        site.db.write_now(bulk.take, site.context.keys, site.group.id, some)
        links.append(some[0].facts.permalink)
    return links


@ONE
async def test_no_payload_runs_or_loads_anything_on_a_page(site: Site, corpora: Path, chromium: Chromium) -> None:
    """As text, HTML, subject, name and attachment name; our policy is switched off, so that the markup alone holds."""
    every = list(dict.fromkeys(payloads(corpora / "07-html-xss")))
    assert len(every) > 6000
    links = threads_of(site, every)
    window = await chromium.window(site.browser(), bypass_csp=True)
    shown = 0
    for link in links:
        page = await window.open(f"/cg-aisec/{link}/")
        shown += await page.locator("article .text").count()
    assert shown == len(every)
    assert window.ran == []
    assert window.elsewhere == []


@ONE
async def test_no_payload_runs_or_loads_anything_as_html(site: Site, corpora: Path, chromium: Chromium) -> None:
    """The sanitised HTML alone, without its frame and without our policy."""
    every = list(dict.fromkeys(payloads(corpora / "07-html-xss")))
    window = await chromium.window(site.browser(), bypass_csp=True)
    page = await window.open("/cg-aisec/")
    for start in range(0, len(every), _TOGETHER):
        cleaned = [safe_html.clean(one) or "" for one in every[start : start + _TOGETHER]]
        await page.set_content("<!DOCTYPE html><div>" + "</div><div>".join(cleaned), wait_until="load")
    assert window.ran == []
    assert window.elsewhere == []


@ONE
async def test_the_html_of_a_mail_stands_in_a_frame_that_runs_and_loads_nothing(site: Site, chromium: Chromium) -> None:
    """As it is served: with our policy, in the sandbox; a link opens a window of its own."""
    body = "<p>words</p><img src=https://x.example/a.png><script>alert(1)</script>" + "".join(CLASSICS)
    (link,) = await site.post(attack(0, CLASSICS[0], body, "text/html"))
    window = await chromium.window(site.browser())
    page = await window.open(f"/cg-aisec/{link}/html")
    assert "words" in await page.frame_locator("iframe").locator("body").inner_text()
    assert window.ran == []
    assert window.elsewhere == []


@ONE
async def test_what_runs_and_what_loads_is_seen(site: Site, chromium: Chromium) -> None:
    """The traps of these tests: without our rules each of them falls shut."""
    window = await chromium.window(site.browser(), bypass_csp=True)
    page = await window.open("/cg-aisec/")
    bad = "<img src=https://x.example/a.png><script>alert(1)</script>"
    await page.set_content(f'{bad}<iframe srcdoc="{html.escape(bad)}"></iframe>', wait_until="load")
    assert window.ran == ["RAN alert 1", "RAN alert 1"]
    assert window.elsewhere == ["https://x.example/a.png"] * 2
