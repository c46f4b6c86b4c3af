"""What somebody reads on the pages: threads, search, masked addresses, what came in exactly as it came in."""

from __future__ import annotations

import gzip
import io
import re
import threading
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import quote

import jinja2
import pytest

from cgbot.archive import file_texts, keep, records
from cgbot.groups import members
from cgbot.groups.members import NewMember
from cgbot.mail import mbox
from cgbot.mail import message as messages
from cgbot.store.tables import raw_messages
from cgbot.web import reading
from tests.archive import files
from tests.archive.posting import mail
from tests.web.conftest import Site
from tests.web.markup import Page

pytestmark = pytest.mark.anyio


async def words(site: Site, path: str) -> str:
    return " ".join(Page(await site.page(path)).words.split())


async def test_an_empty_archive_says_how_to_begin(site: Site) -> None:
    assert "Nothing has been posted yet. Members write to cg-aisec@lists.example.org." in await words(
        site, "/cg-aisec/"
    )
    assert "There is nothing older." in await words(site, "/cg-aisec/?before=1.000000-1")
    assert "No meeting is called at present." in await words(site, "/cg-aisec/meetings/")
    assert "Type words that must all occur." in await words(site, "/cg-aisec/search")
    assert "No post holds all of these words." in await words(site, "/cg-aisec/search?q=nothing")


async def test_a_thread_is_read_from_the_top(site: Site) -> None:
    links = await site.post(
        mail("first"), mail("second", "I agree.\n", answers="first"), mail("third", "And I.\n", answers="first second")
    )
    for link in links:
        page = await site.page(f"/cg-aisec/{link}/")
        places = [page.index(text) for text in ("please see below", "I agree.", "And I.")]
        assert places == sorted(places)
        assert page.count(" wanted") == 1
    assert "3 posts" in await words(site, "/cg-aisec/")


async def test_an_answer_to_what_never_came_stands_alone(site: Site) -> None:
    """One is only named; where two answer the same missing message, its place is shown."""
    one, *_ = await site.post(mail("late", answers="lost"))
    assert "not in this archive" not in await words(site, f"/cg-aisec/{one}/")
    await site.post(mail("later", answers="lost"))
    assert "A message that is not in this archive." in await words(site, f"/cg-aisec/{one}/")


async def test_a_subject_stands_where_it_is_another(site: Site) -> None:
    """Prefixes of replies and tags of lists make no other subject."""
    link, *_ = await site.post(
        mail("s", Subject="Scope"),
        mail("t", answers="s", Subject="RE: [CG-AISEC] scope"),
        mail("u", answers="s", Subject="Scope and time (was: Scope)"),
        mail("v", answers="s", Subject=""),
    )
    shown = await words(site, f"/cg-aisec/{link}/")
    assert "[CG-AISEC] scope" not in shown
    assert shown.count("Scope and time (was: Scope)") == 1
    assert shown.count("(no subject)") == 1


async def test_addresses_are_masked_wherever_they_stand(site: Site) -> None:
    secret = "hidden.person@example.net"
    text = (
        f"Write to {secret}, <{secret}> or jörg.müller@exämple.org;\nsee https://example.org/?to={secret} "
        f"and https://example.org/?to=hidden.person%40example.net,\nbut https://lore.example.org/{secret}/\n\n"
        f"> {secret}\n"
    )
    raw = mail("masked", text, From=f'"{secret}" <{secret}>', Subject=f"Ask {secret} soon")
    link, other = await site.post(
        raw, mail("other", f"{secret}\n", From=secret, answers="masked", Subject=f"Re: {secret}")
    )
    for path in ("/cg-aisec/", f"/cg-aisec/{link}/", f"/cg-aisec/{other}/", "/cg-aisec/search?q=soon"):
        page = await site.page(path)
        assert "hi…@example.net" in page
        assert "person@example.net" not in page.replace(f"lore.example.org/{secret}", "")
        assert "person%40" not in page
        assert "müller@" not in page


async def test_nothing_that_was_written_is_left_out(site: Site) -> None:
    """Long lines, indentation, links with brackets, and quotes, which are folded when they are long."""
    text = "word " * 5000 + "end-of-the-line\n    indented\n" + "".join(f"> quoted {n}\n" for n in range(40))
    text += "See (https://en.wikipedia.org/wiki/AI_(disambiguation)), or https://www.itu.int/x?a=1&b=2.\n"
    (link,) = await site.post(mail("long", text))
    page = await site.page(f"/cg-aisec/{link}/")
    assert "end-of-the-line\n    indented\n" in page
    assert '<details class="quoted"><summary>40 quoted lines</summary>&gt; quoted 0\n' in page
    assert 'href="https://en.wikipedia.org/wiki/AI_(disambiguation)"' in page
    assert 'href="https://www.itu.int/x?a=1&amp;b=2"' in page


async def test_a_text_without_end_ends_with_a_note(site: Site) -> None:
    (link,) = await site.post(mail("endless", "a line of some length\n" * 30_000))
    assert "The text goes on" in await words(site, f"/cg-aisec/{link}/")


async def test_html_alone_is_shown_as_text(site: Site) -> None:
    page = "<html><style>p {color: red}</style><p>First <b>bold</b> point</p><ul><li>one<li>two</ul></html>"
    (link,) = await site.post(mail("html", page, Content_Type="text/html; charset=utf-8"))
    shown = await words(site, f"/cg-aisec/{link}/")
    assert "First bold point" in shown
    assert "two" in shown
    assert "color" not in shown
    assert "First <mark>bold</mark> point" in await site.page("/cg-aisec/search?q=bold")


async def test_a_long_thread_is_shown_around_the_wanted_post(site: Site) -> None:
    """Lines and texts are bounded, and every post can be reached from every other."""
    names = [f"n{number}" for number in range(500)]
    mails = [
        mail(name, f"This is {name}.\n", answers=" ".join(names[max(0, at - 20) : at])) for at, name in enumerate(names)
    ]
    links = await site.post(*mails)
    page = await site.page(f"/cg-aisec/{links[250]}/")
    assert "This is n250.\n" in page
    assert page.count('class="text"') == 60
    assert page.count("<article") == 300
    assert "100 earlier posts" in page
    assert "100 later posts" in page
    assert links[99] in page
    assert links[400] in page
    first = await site.page(f"/cg-aisec/{links[0]}/")
    assert "earlier post" not in first
    assert "200 later posts" in first


async def test_a_damaged_message_takes_no_other_down(site: Site) -> None:
    link, _ = await site.post(mail("sound", "A sound text.\n"), mail("broken", "Was broken.\n", answers="sound"))
    sha256 = raw_messages.c.sha256 == site.db.read_now(records.of_permalink, site.group.id, link)[0].sha256
    broken = raw_messages.update().where(~sha256).values(body=b"broken", codec="")
    site.db.write_now(lambda tx: tx.execute(broken))
    page = await site.page(f"/cg-aisec/{link}/")
    assert "A sound text." in page
    assert "cannot be shown at the moment" in page
    assert "About broken" in await site.page("/cg-aisec/search?q=broken")


async def test_a_page_reads_a_bounded_amount(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wanted post is shown whatever its size; the others while there is room."""
    monkeypatch.setattr(reading, "_OCTETS", 3000)
    big = mail("big", "x " * 5000 + "the end\n", answers="first")
    links = await site.post(mail("first"), big, mail("last", answers="big"))
    assert "the end" not in await site.page(f"/cg-aisec/{links[0]}/")
    assert "the end" in await site.page(f"/cg-aisec/{links[1]}/")


async def test_heavy_work_is_done_beside_the_loop(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsing and filling a page happen in threads of the pages, so that mail and other pages go on meanwhile."""
    (link,) = await site.post(mail("first"))
    seen = set()

    def spy(found: Callable[..., Any]) -> Callable[..., Any]:
        def spied(*given: Any, **named: Any) -> Any:
            seen.add(threading.current_thread().name.partition("_")[0])
            return found(*given, **named)

        return spied

    monkeypatch.setattr(messages, "parse", spy(messages.parse))
    monkeypatch.setattr(jinja2.Template, "render", spy(jinja2.Template.render))
    for path in (f"/cg-aisec/{link}/", "/cg-aisec/search?q=please", "/cg-aisec/"):
        assert (await site.browser().get(path)).status_code == 200
    assert seen == {"pages"}


async def test_pages_of_threads_follow_each_other(site: Site) -> None:
    await site.post(*(mail(f"topic{number}") for number in range(120)))
    seen: list[str] = []
    path = "/cg-aisec/"
    while path:
        page = await site.page(path)
        seen += re.findall(r">About (topic\d+)<", page)
        older = re.search(r'href="(\?before=[^"]+)" rel="next"', page)
        path = f"/cg-aisec/{older[1]}" if older else ""
    assert seen == [f"topic{number}" for number in reversed(range(120))]


async def test_what_is_found_is_marked_and_can_be_turned_over(site: Site) -> None:
    await site.post(*(mail(f"m{n}", f"> governance quoted\n\nData Gövernance, number {n}.\n") for n in range(70)))
    first = await site.page("/cg-aisec/search?q=governance")
    assert first.count("<mark>Gövernance</mark>") == 30
    assert "quoted" not in first  # what the author wrote goes first
    assert "number 69" in first
    assert "number 0." in await site.page("/cg-aisec/search?q=governance&page=3")
    assert "There are no more." in await site.page("/cg-aisec/search?q=governance&page=4")


@pytest.mark.parametrize(
    "name", ["plain", "a/b", "50%", "%41", "%2F", "search", "raw", "x/raw", "a+b&c=d?e#f", "Grüße", "日本", "..", "a b"]
)
async def test_a_message_id_is_a_path(site: Site, name: str) -> None:
    """Encoded once, as a program does, or twice, as some mail clients do; and the permalink always works."""
    raw = mail(name, f"This is <{name}>.\n")
    facts = keep.prepare(messages.parse(raw))
    await site.post(raw, mail("another"))
    client = site.browser(addresses="shown")
    assert (await client.get(f"/cg-aisec/{facts.permalink}/raw")).content == raw
    assert (await client.get(f"/cg-aisec/{facts.permalink.lower()}/raw")).content == raw
    once = quote(facts.message_id, safe="")
    for path in (once, quote(once, safe=""), f"%3C{once}%3E"):
        answer = await client.get(f"/cg-aisec/{path}/raw")
        assert (answer.status_code, answer.content) == (200, raw), path
        assert f"This is &lt;{escape(name)}&gt;" in (await client.get(f"/cg-aisec/{path}/")).text


async def test_every_content_of_one_message_id_can_be_had(site: Site) -> None:
    first, second = mail("twice", "One text.\n"), with_file("twice", b"application/pdf", "second.pdf", b"%PDF-2")
    link, same = await site.post(first, second)
    assert link == same
    client = site.browser(addresses="shown")
    page = (await client.get(f"/cg-aisec/{link}/")).text
    assert "2 messages carry the same Message-ID" in page
    links = [one for one in Page(page).links if "/raw" in one]
    assert [(await client.get(one)).content for one in links] == [first, second]
    (file,) = [one for one in Page(page).links if "/attachment/" in one]
    assert (await client.get(file)).content == b"%PDF-2"


def with_file(name: str, content_type: bytes, filename: str, content: bytes) -> bytes:
    head = mail(name, "", Content_Type='multipart/mixed; boundary="b"').rstrip() + b"\r\n\r\n"
    part = b"--b\r\nContent-Type: %s\r\nContent-Disposition: attachment; filename*=utf-8''%s\r\n\r\n%s\r\n--b--\r\n"
    return head + b"--b\r\n\r\nSee the file.\r\n" + part % (content_type, quote(filename).encode(), content)


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "text/javascript",
                                  "application/pdf", "image/png", "multipart/x", "x/y"])  # fmt: skip
async def test_a_file_is_downloaded_and_never_run(site: Site, kind: str) -> None:
    content = b"<script>alert(1)</script>"
    (link,) = await site.post(with_file("file", kind.encode(), 'Bericht "ä".html', content))
    answer = await site.browser().get(f"/cg-aisec/{link}/attachment/1")
    if kind == "multipart/x":  # a container without parts is no file
        assert answer.status_code in {200, 404}
        return
    assert answer.content == content
    assert answer.headers["content-type"].partition(";")[0] in {
        "application/octet-stream",
        "application/pdf",
        "image/png",
    }
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''Bericht%20%22%C3%A4%22.html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_raw_forms_are_for_those_who_see_addresses(site: Site) -> None:
    """Of a message and of a thread, which anybody's tools read as mboxrd; a page leads only those there who may go."""
    first, answer, other = mail("one"), mail("two", "Seen.\nFrom here on.\n", answers="one"), mail("other")
    link, *_ = await site.post(first, answer, other)
    raw, thread = f"/cg-aisec/{link}/raw", f"/cg-aisec/{link}/t.mbox.gz"
    member = site.db.write_now(members.add, site.context, site.group.id, NewMember("m@example.org"))
    for client in (site.browser(addresses="shown"), site.signed_in(member)):
        page = Page((await client.get(f"/cg-aisec/{link}/")).text)
        assert {raw, thread} <= set(page.links)
        assert (await client.get(raw)).content == first
        packed = (await client.get("/cg-aisec/two%40example.org/t.mbox.gz")).content
        found = mbox.read(io.BytesIO(gzip.decompress(packed)), 1 << 20)
        assert [one.raw for one in found] == [first, answer]
    anonymous = site.browser()
    assert not {raw, thread} & set(Page((await anonymous.get(f"/cg-aisec/{link}/")).text).links)
    for there in (raw, thread):
        refused = await anonymous.get(there)
        assert refused.status_code == 403
        assert f"/sign-in?to={quote(there, safe='/')}" in Page(refused.text).links
    assert (await site.browser(addresses="shown").get("/cg-aisec/none/t.mbox.gz")).status_code == 404
    assert "alice@example.org" in (await site.browser(addresses="shown").get(f"/cg-aisec/{link}/")).text


async def test_the_raw_form_runs_nowhere(site: Site) -> None:
    raw = mail("raw", "<script>alert(1)</script>\n", Content_Type="text/html")
    (link,) = await site.post(raw)
    answer = await site.browser(addresses="shown").get(f"/cg-aisec/{link}/raw")
    assert answer.content == raw
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_rest_of_the_pages(site: Site) -> None:
    assert "reports to" in await words(site, "/cg-aisec/about/")
    assert "User-agent: *" in await site.page("/robots.txt")
    assert "cgbot_errands" in (await site.page("/metrics")) or "TYPE" in await site.page("/metrics")
    health = await site.browser().get("/healthz")
    assert health.json() == {"database": True, "clock": True}
    assert ".post" in await site.page("/static/style.css")


async def test_a_search_names_the_file_that_holds_the_words(site: Site) -> None:
    content = files.attached("minutes", ("minutes.pdf", "application/pdf", files.pdf("quorum of person@example.net")))
    (link,) = await site.post(content)
    file_texts.work(site.db)
    page = await site.page("/cg-aisec/search?q=quorum")
    attachment = f'<a href="/cg-aisec/{link}/attachment/1">minutes.pdf</a>'
    assert f"In {attachment}: <mark>quorum</mark> of pe" in page
    assert "person@" not in page
    assert attachment not in await site.page("/cg-aisec/search?q=minutes")
