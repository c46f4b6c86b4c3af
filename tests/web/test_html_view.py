"""The HTML of a post, on demand: in a frame that runs and loads nothing."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.archive.posting import mail
from tests.web.conftest import Site
from tests.web.markup import Page

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


def html_mail(name: str, page: str) -> bytes:
    return mail(name, page, MIME_Version="1.0", Content_Type="text/html; charset=utf-8")


def framed(page: str) -> str:
    """What the frame is made of."""
    (found,) = re.findall(r'<iframe class="mail" title="[^"]*" sandbox="([^"]*)" srcdoc="([^"]*)"></iframe>', page)
    assert found[0] == "allow-popups allow-popups-to-escape-sandbox"
    return unescape(found[1])


async def test_it_stands_in_a_frame_that_does_nothing(site: Site) -> None:
    (link,) = await site.post(
        html_mail("h", '<b>Agenda</b>"><script>x</script><img src="https://t.example/x"><p>two</p>\n')
    )
    thread = await site.page(f"/cg-aisec/{link}/")
    assert f'href="/cg-aisec/{link}/html"' in thread
    answer = await site.browser().get(f"/cg-aisec/{link}/html")
    assert framed(answer.text) == '<b>Agenda</b>"&gt;<p>two</p>\n'
    assert Page(answer.text).problems == []
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_addresses_in_it_are_masked_for_the_anonymous(site: Site) -> None:
    secret = "hidden.person@example.net"
    (link,) = await site.post(html_mail("h", f'<a href="mailto:{secret}">{secret}</a> hidden.person%40example.net\n'))
    page = await site.page(f"/cg-aisec/{link}/html")
    assert secret not in page
    assert "hidden.person" not in page


async def test_a_text_has_none(site: Site) -> None:
    (link,) = await site.post(mail("plain"))
    assert '/html"' not in await site.page(f"/cg-aisec/{link}/")
    assert (await site.browser().get(f"/cg-aisec/{link}/html")).status_code == 404


async def test_what_is_too_deep_is_said(site: Site) -> None:
    (link,) = await site.post(html_mail("h", "<div>" * 300 + "x\n"))
    assert "too long or too deep to be shown" in await site.page(f"/cg-aisec/{link}/html")
