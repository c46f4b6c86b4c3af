"""Odd and malformed mail of other projects' suites: each is archived, has its page, and comes back byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from cgbot.mail import identity
from cgbot.store import raw
from cgbot.store.tables import posts
from tests.web.conftest import Site
from tests.web.markup import Page

pytestmark = pytest.mark.anyio
FOLDERS = ("cpython-test_email", "enmime", "james-eml", "mime4j", "mimekit", "postal-mime", "ruby-mail",
           "stalwart-mail-parser")  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS)
async def test_every_mail_has_its_page_and_its_bytes(site: Site, corpora: Path, folder: str) -> None:
    """What several mails of a suite have in common, such as a Message-ID, is no trouble either."""
    files = sorted(path for path in (corpora / "02-mime" / folder).rglob("*") if path.is_file())
    contents = dict.fromkeys(path.read_bytes() for path in files)
    links = await site.post(*contents)
    client = site.browser(addresses="shown")
    raw_forms: set[bytes] = set()
    for link in dict.fromkeys(links):
        answer = await client.get(f"/cg-aisec/{link}/")
        assert answer.status_code == 200, link
        page = Page(answer.text)
        assert page.problems == []
        for there in (one for one in page.links if f"{link}/raw" in one):
            raw_forms.add((await client.get(there)).content)
    missing = set(contents) - raw_forms
    assert missing == copies(site, missing)


def copies(site: Site, missing: set[bytes]) -> set[bytes]:
    """Those that are the same content as another mail of the suite, save for trace fields."""
    rows = site.db.read_now(lambda tx: tx.execute(sa.select(posts.c.content_hash, posts.c.sha256)).all())
    known = {bytes(row.content_hash): bytes(row.sha256) for row in rows}
    return {one for one in missing if known.get(identity.content_hash(one)) not in {None, raw.prepare(one).sha256}}
