"""Payloads of the XSS collections in every place of a mail: the pages stay what the templates wrote."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbot.groups import bounce_records, members
from cgbot.groups.bounce_records import Bounce
from cgbot.groups.members import NewMember
from cgbot.mail.headers import clean_text, encode
from cgbot.web import text
from tests.archive.posting import mail
from tests.web.conftest import Site
from tests.web.markup import Page
from tests.web.shelf import NOTE, Shelf

pytestmark = pytest.mark.anyio
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what is shown is the same
CLASSICS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "<svg/onload=alert(1)>",
    "https://x.example/\"onmouseover=\"alert(1)", "https://x.example/<script>", "http://x.example/'-alert(1)-'",
    "]]><script>alert(1)</script><![CDATA[", "<!--", "-->", "{{ 7 * 7 }}", "{% raw %}",
    "</title></div></details><script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "\u202e\u2066gpj.exe", "data:text/html,<script>alert(1)</script>",
)  # fmt: skip


def payloads(folder: Path) -> Iterator[str]:
    yield from CLASSICS
    yield from (folder / "payloadbox/Intruder/xss-payload-list.txt").read_text("utf-8", "replace").splitlines()
    yield from json.loads((folder / "naughty-strings/blns.json").read_text())
    for one in json.loads((folder / "dompurify/expect.share.json").read_text()):
        yield str(one["payload"])
    for path in sorted((folder / "bleach").glob("*.test")):
        yield path.read_text("utf-8", "replace").partition("\n--\n")[0]


def attack(number: int, payload: str, body: str, kind: str) -> bytes:
    """One mail with the payload as subject, name and file name, and many of them as its text."""
    line = clean_text(payload, 300) or "nothing"
    name = encode("From", line).rstrip(b"\r\n") + b" <eve@example.org>\r\n"
    head = mail(f"attack{number}", "", From="", Subject="", Date="", answers="attack0" if number else "").rstrip()
    file = quote(payload[:300], errors="replace").encode()
    return (
        name + encode("Subject", line) + head
        + b'\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: " + kind.encode() + b"; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + body.encode("utf-8", "replace")
        + b"\r\n--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename*=utf-8''" + file
        + b"\r\n\r\nx\r\n--b--\r\n"
    )  # fmt: skip


@ONE
@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
async def test_no_payload_becomes_markup(site: Site, corpora: Path, kind: str) -> None:
    """Every payload stands in a text; every thirtieth as subject, name and file name too, and is searched for."""
    every = list(payloads(corpora / "07-html-xss"))
    assert len(every) > 7000
    size = len(every) // 240 + 1
    chunks = [every[at : at + size] for at in range(0, len(every), size)]
    chosen = [*CLASSICS, *(chunk[0] for chunk in chunks[len(CLASSICS) :])]
    mails = [
        attack(at, one, "\n".join(chunk), kind) for at, (one, chunk) in enumerate(zip(chosen, chunks, strict=True))
    ]
    links = await site.post(*mails)
    paths = [f"/cg-aisec/{link}/" for link in links[30::55]] + ["/cg-aisec/"]
    paths += [
        f"/cg-aisec/search?q={quote(one, errors='replace')}" for one in (*CLASSICS, "alert", "script", *chosen[::12])
    ]
    shown = 0
    for path in paths:
        page = await site.page(path)
        assert Page(page).problems == [], path
        shown += page.count('class="text"')
    assert shown >= len(mails)


async def test_no_payload_becomes_markup_for_conveners(site: Site) -> None:
    """What strangers write stands in a convener's session: subjects, names, texts, files, papers, bounces, comments."""
    site.commands = {NOTE.name: NOTE}
    new = NewMember(
        "chair@example.org", name='<b onclick="x">A Chair', role="convener", organization="<script>x</script>"
    )
    chair = site.db.write_now(members.add, site.context, site.group.id, new)
    client = site.signed_in(chair)
    shelf = Shelf(site)
    for number, payload in enumerate(CLASSICS, 1):
        await site.hold(attack(number, payload, f"{payload}\n> {payload}\n", "text/plain"), payload)
        paper = shelf.add(number, payload, source=payload, abstract=payload, author_name=payload, state="considered")
        shelf.revise(paper, 0, (payload, payload, b"x"))
        row = Bounce(chair.id, number, site.context.now, "hard", payload, payload)
        site.db.write_now(bounce_records.add, [row])
    held = [f"/desk/cg-aisec/held/{number}/" for number in range(1, len(CLASSICS) + 1)]
    for path in ("/desk/", "/desk/cg-aisec/", "/desk/cg-aisec/members/", "/cg-aisec/papers/", *held):
        page = Page((await client.get(path)).text)
        assert page.problems == [], path
        for link in page.links:
            assert "x.example" in link or not link.startswith("http"), link
    for payload in CLASSICS:
        form = {
            "words": payload,
            "field title": payload,
            "field text": payload,
            f"field {payload}": payload,
            "more": payload,
        }
        for sent in (form, {**form, "field title": ""}):
            page = Page((await client.post("/desk/cg-aisec/order/take-note/", data=sent)).text)
            assert page.problems == []


@ONE
@pytest.mark.parametrize("payload", CLASSICS)
async def test_a_payload_is_shown_as_it_was_written(site: Site, payload: str) -> None:
    body = f"one\n{payload}\ntwo\n> {payload}\n"
    (link,) = await site.post(attack(0, payload, body, "text/plain"))
    for path in (f"/cg-aisec/{link}/", "/cg-aisec/", f"/cg-aisec/search?q={quote(payload)}", "/cg-aisec/search?q=two"):
        page = Page(await site.page(path))
        assert page.problems == []
        assert clean_text(payload, 300) in page.words, path
    outside = [one for one in page.links if one.startswith("http")]
    assert all("x.example" in one for one in outside)
    if "javascript" in payload or "data:" in payload:
        assert outside == []


@ONE
@pytest.mark.parametrize(
    "payload", ["' onload=alert(1) x='", '"><script>', "\r\nX-Injected: yes", "../../../etc/passwd"]
)
async def test_a_file_name_stays_within_its_header(site: Site, payload: str) -> None:
    (link,) = await site.post(attack(0, payload, "x", "text/plain"))
    answer = await site.browser().get(f"/cg-aisec/{link}/attachment/1")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert re.fullmatch(r"attachment; filename\*=utf-8''[A-Za-z0-9%._~-]+", answer.headers["content-disposition"])
    assert "x-injected" not in answer.headers
    assert "%2F" not in answer.headers["content-disposition"]


@given(st.text(alphabet=st.sampled_from("ab <>&\"'`@.:/?#=-\n\t> https://x.org()é日\u202e\x00\x1b"), max_size=200))
@settings(max_examples=300, deadline=None)
def test_every_text_can_be_shown(written: str) -> None:
    """What a browser shows is what was written, save control characters and white space at the ends of lines."""
    for mask in (True, False):
        page = Page(str(text.as_html(written, mask=mask)))
        assert page.problems == []
    shown = re.sub(r"^\d+ quoted lines", "", page.words, flags=re.MULTILINE)
    squeezed = [" ".join(clean_text(one.replace("\t", " "), 999).split()) for one in written.strip("\n").split("\n")]
    assert [" ".join(one.split()) for one in shown.removesuffix("\n").split("\n")] == squeezed


@given(st.text(max_size=300), st.sampled_from(["a", "é", "日", "x.org"]))
@settings(max_examples=200, deadline=None)
def test_every_snippet_is_escaped(written: str, word: str) -> None:
    piece = str(text.snippet(f"{written} {word} {written}", lambda one: one == word))
    assert Page(piece).problems == []
    assert len(html.unescape(piece).replace("<mark>", "").replace("</mark>", "")) < 400 + 4 * len(written)


@pytest.mark.parametrize(
    "written",
    [
        "a" * 400_000, "@" * 400_000, "a@" * 200_000, "a@b." * 100_000, "a.b@" + "c-" * 200_000, "http://" * 60_000,
        "http://" + "." * 399_000, "http://x" + ")" * 399_000, "> " * 200_000, "https://x.org/?" + "%40" * 130_000,
        ">\nx\n" * 100_000, "(" * 400_000, "http://x/?a@" * 33_000,
    ],
    ids=lambda one: one[:12],
)  # fmt: skip
def test_a_hostile_text_costs_little(written: str) -> None:
    """Every step takes time in proportion: a second is a hundred times what these take when they do."""
    before = time.process_time()
    text.as_html(written, mask=True)
    text.snippet(written, lambda one: one == "nothing")
    assert time.process_time() - before < 3
