"""
Every page in a real Chromium: axe finds nothing in light and in dark, and nothing is wider than a telephone.

With CGBOT_PICTURES naming a folder, a picture of each page is left there (`make pictures`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe

from cgbot.context import Context
from cgbot.web.access import ROUTES
from tests.browser.conftest import Chromium, Watched
from tests.browser.furnished import Furnished, furnish
from tests.web.conftest import Site

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
# What a browser does not show as a page of ours.
NO_PAGES = {
    "health", "metrics", "robots", "style", "own_calendar", "calendar", "held_file", "report_file", "paper_file",
    "checkpoint", "consistency", "atom", "attachment", "raw", "thread_mbox", "rejoin", "sign_in_link",
    "proof",
}  # fmt: skip
SIGNED_IN = {"me", "desks", "desk", "held", "replies", "people", "order", "ordered", "report"}
ON_A_PHONE = {"archive", "post", "desk"}
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1100, "height": 800}
MORE = {
    "search-found": "/cg-aisec/search?q=clause",
    "search-nothing": "/cg-aisec/search?q=nothing-at-all",
    "older": "/cg-aisec/?before=99999999999.000000-1",
    "month-empty": "/cg-aisec/months/2020-01/",
}


def pages(there: Furnished) -> Iterator[tuple[str, str]]:
    """The name of each page, and its path."""
    for route in ROUTES:
        if "GET" in route.methods and route.handler not in NO_PAGES:
            yield route.handler, re.sub(r"\{([^}]+)\}", lambda match: there.values[match[1]], route.path)
    yield from MORE.items()


async def problems(window: Watched, path: str, picture: Path | None) -> list[str]:
    """What axe and the measure of a telephone say against a page."""
    await window.page.set_viewport_size(DESKTOP)
    await window.page.emulate_media(color_scheme="light")
    page = await window.open(path)
    found = [*await _axe(window, None)]
    if picture:
        await page.screenshot(path=picture, full_page=True)
    await page.emulate_media(color_scheme="dark")
    found += [f"dark: {one}" for one in await _axe(window, {"runOnly": ["color-contrast"]})]
    await page.set_viewport_size(PHONE)
    width = await page.evaluate("document.documentElement.scrollWidth")
    if width > PHONE["width"]:
        found.append(f"it is {width} px wide on a telephone")
    if picture and picture.stem in ON_A_PHONE:
        await page.screenshot(path=picture.with_name(f"{picture.stem}-phone.png"))
    return [f"{path}: {one}" for one in found]


async def _axe(window: Watched, options: dict[str, object] | None) -> list[str]:
    results = await Axe().run(window.page, options=options)
    return [
        f"{violation['id']}: {node['html'][:200]} ({node.get('failureSummary', '')[:200]})"
        for violation in results.response["violations"]
        for node in violation["nodes"][:3]
    ]


@ONE
async def test_every_page_can_be_read_by_everybody(site: Site, context: Context, chromium: Chromium) -> None:
    there = await furnish(site, context)
    folder = os.environ.get("CGBOT_PICTURES", "")
    outside = await chromium.window(site.browser())
    inside = await chromium.window(site.signed_in(there.convener))
    found: list[str] = []
    for name, path in pages(there):
        picture = Path(folder) / f"{name.replace('_', '-')}.png" if folder else None
        found += await problems(inside if name in SIGNED_IN else outside, path, picture)
    assert found == []
    assert outside.elsewhere == inside.elsewhere == []


@ONE
async def test_a_page_with_faults_is_found_out(site: Site, chromium: Chromium) -> None:
    """The measure itself: axe sees a picture without words and grey on grey, and a wide page is wide."""
    window = await chromium.window(site.browser())
    page = await window.open("/cg-aisec/")
    await page.set_content('<img src="/x.png"><body bgcolor="#bbbbbb"><font color="#aaaaaa">words</font>')
    said = " ".join(await _axe(window, None))
    assert "image-alt" in said
    assert "color-contrast" in said
