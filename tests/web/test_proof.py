"""Proofs on the pages: what an outsider fetches checks by itself; what was erased says so."""

from __future__ import annotations

import pytest

from cgbot.archive import keep, log, note, proof, sealing
from cgbot.context import Context
from cgbot.desk import erasing
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from tests.archive.posting import mail
from tests.web.conftest import Site

pytestmark = pytest.mark.anyio
KEYS = sealing.LogKeys((bytes(range(32)),))
FIRST, SECOND = mail("first"), mail("second", answers="first")
LINK = keep.prepare(messages.parse(SECOND)).permalink


async def test_a_message_is_proven_by_what_the_pages_hand_out(site: Site, context: Context, group: Group) -> None:
    browser = site.browser(addresses="shown")
    await site.post(FIRST, SECOND)
    assert (await browser.get("/cg-aisec/checkpoint")).status_code == 404
    assert (await browser.get(f"/cg-aisec/{LINK}/proof")).status_code == 503
    assert "Nothing was signed yet" in (await browser.get("/cg-aisec/proof/")).text
    sealing.seal(site.db, context, KEYS)
    page = (await browser.get("/cg-aisec/proof/")).text
    known = site.db.read_now(log.find, group.id)
    assert known is not None
    key = known.verifiers.strip()
    assert key in page
    verifiers = [note.verifier(key)]
    got = await browser.get(f"/cg-aisec/{LINK}/proof")
    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    assert f"{LINK}.tlog-proof" in got.headers["content-disposition"]
    assert f'href="/cg-aisec/{LINK}/proof"' in (await browser.get(f"/cg-aisec/{LINK}/")).text
    raw = (await browser.get("/cg-aisec/second@example.org/raw")).content
    found = proof.check_inclusion(proof.read_inclusion(got.text), verifiers, raw)
    assert (found.leaf.post_id, found.index, found.checkpoint.size) == (2, 1, 2)
    assert (await browser.get("/cg-aisec/second@example.org/proof")).text == got.text
    head = await browser.get("/cg-aisec/checkpoint")
    assert note.checkpoint(head.text, verifiers).size == 2
    assert head.headers["cache-control"] == "no-cache"


async def test_nothing_was_changed_since(site: Site, context: Context) -> None:
    browser = site.browser(addresses="shown")
    await site.post(FIRST)
    sealing.seal(site.db, context, KEYS)
    kept = (await browser.get("/cg-aisec/checkpoint")).text
    await site.post(SECOND, mail("third"))
    sealing.seal(site.db, context, KEYS)
    text = (await browser.get("/cg-aisec/consistency?since=1")).text
    keys = KEYS.verifiers("lists.example.org/cg-aisec")
    assert [one.size for one in proof.check_consistency(proof.read_consistency(text), keys, kept)] == [1, 3]
    for since, status in (
        ("", 400),
        ("x", 400),
        ("-1", 400),
        ("4", 409),
        ("9" * 18, 409),
        ("9" * 400, 400),
        ("0", 200),
    ):
        assert (await browser.get(f"/cg-aisec/consistency?since={since}")).status_code == status, since


async def test_what_was_erased_says_so_and_by_whose_order(site: Site, context: Context) -> None:
    await site.post(FIRST, SECOND)
    sealing.seal(site.db, context, KEYS)
    erasing.erase_post(site.db, context, 2, "carol@example.org", "asked by its <author>")
    browser = site.browser(addresses="shown")
    for path in (f"{LINK}/", f"{LINK}/raw", f"{LINK}/proof", "second@example.org/", "second@example.org/raw"):
        gone = await browser.get(f"/cg-aisec/{path}")
        assert gone.status_code == 410, path
        assert "was erased" in gone.text
    page = (await site.browser().get("/cg-aisec/proof/")).text
    assert "asked by its &lt;author&gt;" in page
    assert "carol@" not in page
    assert (await browser.get("/cg-aisec/other@example.org/")).status_code == 404
    assert (await browser.get("/cg-aisec/first@example.org/proof")).status_code == 200
