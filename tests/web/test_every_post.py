"""Every page of every message of a real archive."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cgbot.archive import bulk, keep, overview, records
from cgbot.archive.bulk import Old
from cgbot.mail import mbox
from cgbot.mail import message as messages
from cgbot.store import raw
from tests.archive.posting import START
from tests.web.conftest import Site
from tests.web.markup import Page

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FILES = ("spamassassin-public-corpus/spam-1.mbox.xz",)


def taken(site: Site, path: Path) -> int:
    found: list[Old] = []
    with lzma.open(path) as opened:
        for one in mbox.read(opened, 1 << 26):
            facts = keep.prepare(messages.parse(one.raw))
            found.append(Old(raw.prepare(one.raw), facts, one.at or START))
    for at in range(0, len(found), 500):
        site.db.write_now(bulk.take, site.context.keys, site.group.id, found[at : at + 500])
    return len(found)


@ONE
@pytest.mark.parametrize("file", FILES)
async def test_every_page_of_every_message_renders(site: Site, corpora: Path, file: str) -> None:
    assert taken(site, corpora / "01-archives" / file) >= 500
    client = site.browser(addresses="shown")
    posts = site.db.read_now(records.newest, site.group.id, 10_000)
    with capture_logs() as logged:
        for one in posts:
            there = f"/cg-aisec/{one.permalink}/"
            answer = await client.get(there)
            assert answer.status_code == 200, there
            assert Page(answer.text).problems == [], there
            if f'href="{there}html"' in answer.text:
                assert (await client.get(f"{there}html")).status_code == 200, there
            for number in range(1, one.attachments + 1):
                assert (await client.get(f"{there}attachment/{number}")).status_code == 200, there
        for month in site.db.read_now(overview.months, site.group.id):
            there = f"/cg-aisec/months/{month.begins:%Y-%m}/"
            assert Page((await client.get(there)).text).problems == []
        for who in site.db.read_now(overview.authors, site.group.id, 10_000):
            assert (await client.get(f"/cg-aisec/authors/{who.permalink}/")).status_code == 200
    assert [one for one in logged if one["log_level"] in {"error", "critical"}] == []
