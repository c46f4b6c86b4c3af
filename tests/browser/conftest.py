"""A real Chromium before the pages of a site: what it loads from elsewhere, and what runs in it, is noted."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Dialog, Page, Request, Route, async_playwright

from tests.web.conftest import Client, site  # noqa: F401 - the fixture

HOST = "https://cg.example.org"
# Whatever a payload calls to show that it ran; kept where the test can ask for it, in every frame.
TRAPS = """
(() => {
  const ran = (name) => (...given) => { console.error("RAN " + name + " " + given.join(" ").slice(0, 200)); };
  for (const name of ["alert", "confirm", "prompt", "print", "open"]) {
    try { window[name] = ran(name); } catch (error) { }
  }
})();
"""


@dataclass
class Watched:
    """A window; `elsewhere` is what it asked of other sites, `ran` what code of a mail did."""

    context: BrowserContext
    page: Page
    elsewhere: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    async def open(self, path: str) -> Page:
        """Go to a page and wait until all of it is there."""
        answer = await self.page.goto(HOST + path)
        assert answer is not None
        assert answer.status == 200, path
        return self.page


@dataclass
class Chromium:
    """The browser."""

    browser: Browser

    async def window(self, client: Client, **options: Any) -> Watched:
        """A window whose requests this client answers; what goes to another host is noted and goes nowhere."""
        context = await self.browser.new_context(**options)
        watched = Watched(context, await context.new_page())

        async def answer(route: Route) -> None:
            request = route.request
            if not request.url.startswith(HOST + "/"):
                watched.elsewhere.append(request.url)
                await route.abort()
                return
            got = await client.request(request.method, request.url, headers=_sent(request))
            await route.fulfill(status=got.status_code, headers=dict(got.headers), body=got.content)

        async def dialog(one: Dialog) -> None:
            watched.ran.append(one.message)
            await one.dismiss()

        await context.add_init_script(TRAPS)
        await context.route("**/*", answer)
        watched.page.on("dialog", dialog)
        watched.page.on("popup", lambda one: watched.ran.append(f"a window: {one.url}"))
        watched.page.on("console", lambda one: watched.ran.append(one.text) if "RAN " in one.text else None)
        return watched


def _sent(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name in {"accept", "referer"}}


@pytest.fixture
async def chromium() -> AsyncIterator[Chromium]:
    """Debian's Chromium (tests/debian-packages.txt)."""
    path = shutil.which("chromium")
    assert path, "chromium is missing: `make test` installs it where it may"
    async with async_playwright() as playwright:
        # The sandbox of Chromium needs rights that a container has not; the pages are ours.
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield Chromium(browser)
        await browser.close()
