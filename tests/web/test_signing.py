"""Signing in and out on the pages: one answer whoever asks, a button that uses the link, a cookie that is guarded."""

from __future__ import annotations

import re
from dataclasses import replace
from http.cookies import SimpleCookie

import pytest

from cgbot.groups import members
from cgbot.groups.members import Member, NewMember
from cgbot.web.access import ROUTES, is_from_our_pages, origin_of, own_path
from tests.archive.posting import mail
from tests.groups.mailbag import outbox
from tests.web.conftest import Client, Site
from tests.web.markup import Page

pytestmark = pytest.mark.anyio
HERE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def member(site: Site) -> Member:
    return site.db.write_now(members.add, site.context, site.group.id, NewMember("delegate@example.org", name="Ada"))


async def link(site: Site, client: Client, **fields: str) -> str:
    """Ask for a link on the page; its path."""
    answer = await client.post("/sign-in", data={"address": "delegate@example.org", **fields}, headers=HERE)
    assert answer.status_code == 200
    match = re.search(r"https://cg\.example\.org(/sign-in/\w+)", outbox(site.db)[-1].text)
    assert match
    return match[1]


def cookie(header: str) -> SimpleCookie:
    return SimpleCookie(header)


async def test_the_whole_way(site: Site, member: Member) -> None:
    """A form, a mail, a page with a button, a session, and out again."""
    (permalink,) = await site.post(mail("first", "Write to hidden.person@example.net.\n"))
    client = site.browser("members")
    closed = await client.get(f"/cg-aisec/{permalink}/")
    assert closed.status_code == 403
    (way,) = {one for one in Page(closed.text).links if one.startswith("/sign-in?to=")}
    form = await client.get(way)
    to = re.search(r'name="to" value="([^"]+)"', form.text)
    assert to is not None
    there = await link(site, client, to=to[1])
    shown = await client.get(there)
    assert "Sign in as de…@example.org, in this browser, for 30 days?" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    done = await client.post(there, headers=HERE)
    assert (done.status_code, done.headers["location"]) == (303, f"/cg-aisec/{permalink}/")
    page = await client.get(done.headers["location"])
    assert page.status_code == 200
    assert "hidden.person@example.net" in page.text
    assert "alice@example.org" in page.text
    assert "Signed in as delegate@example.org" in page.text
    assert page.headers["cache-control"] == "private, no-store"
    raw = await client.get(f"/cg-aisec/{permalink}/raw")
    assert (raw.status_code, raw.headers["cache-control"]) == (200, "private, no-store")
    out = await client.post("/sign-out", headers=HERE)
    assert (out.status_code, out.headers["location"]) == (303, "/")
    assert (await client.get(f"/cg-aisec/{permalink}/")).status_code == 403


async def test_the_cookie_is_for_this_site_alone(site: Site, member: Member) -> None:
    client = site.browser()
    done = await client.post(await link(site, client), headers=HERE)
    morsel = cookie(done.headers["set-cookie"])["__Host-cgbot"]
    assert (morsel["path"], morsel["domain"], morsel["max-age"]) == ("/", "", str(30 * 24 * 3600))
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"]) == (True, True, "lax")
    out = await client.post("/sign-out", headers=HERE)
    gone = cookie(out.headers["set-cookie"])["__Host-cgbot"]
    assert (gone.value, gone["max-age"], gone["secure"]) == ("", "0", True)


async def test_without_https_the_cookie_has_no_prefix(site: Site, member: Member) -> None:
    """A browser would refuse one without Secure; loopback has no certificate."""
    service = replace(site.context.settings.service, public_url="http://localhost:8080")
    site.context = replace(site.context, settings=replace(site.context.settings, service=service))
    client = site.browser()
    await client.post("/sign-in", data={"address": member.address}, headers={"origin": "http://localhost:8080"})
    match = re.search(r"http://localhost:8080(/sign-in/\w+)", outbox(site.db)[-1].text)
    assert match
    done = await client.post(match[1], headers=HERE)
    morsel = cookie(done.headers["set-cookie"])["cgbot"]
    assert (morsel["secure"], morsel["httponly"]) == ("", True)


@pytest.mark.parametrize("address", ["delegate@example.org", "nobody@example.org", "", "x", "\0", "a" * 5000, "é@é"])
async def test_the_answer_is_the_same_whoever_asks(site: Site, member: Member, address: str) -> None:
    client = site.browser()
    known = await client.post("/sign-in", data={"address": "delegate@example.org"}, headers=HERE)
    answer = await client.post("/sign-in", data={"address": address}, headers=HERE)
    assert (answer.status_code, answer.text, answer.headers) == (known.status_code, known.text, known.headers)
    assert len(outbox(site.db)) == (2 if address == "delegate@example.org" else 1)


async def test_the_answer_does_not_wait_for_the_mail(
    site: Site, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long a mail takes to be written must not say who is a member: a fault of it is not seen either."""
    client = site.browser()

    async def broken(*_: object) -> None:
        raise RuntimeError("a private reason")

    monkeypatch.setattr(type(site.db), "write", broken)
    answers = [
        await client.post("/sign-in", data={"address": one}, headers=HERE)
        for one in ("delegate@example.org", "nobody@example.org")
    ]
    assert {one.status_code for one in answers} == {200}
    assert answers[0].text == answers[1].text


async def test_whoever_follows_the_link_changes_nothing(site: Site, member: Member) -> None:
    client = site.browser()
    there = await link(site, client)
    for _ in range(3):
        page = await client.get(there)
        assert (page.status_code, page.headers.get("set-cookie")) == (200, None)
        assert (await client.head(there)).status_code == 200
    assert (await client.post(there, headers=HERE)).status_code == 303
    for method in ("GET", "POST"):
        over = await client.request(method, there, headers=HERE)
        assert over.status_code == 404
        assert "its time is over. Ask for a new one here." in over.text
        assert "set-cookie" not in over.headers


@pytest.mark.parametrize("token", ["x", "%00", "a" * 26, "a" * 9000, "%2e%2ex"])
async def test_a_link_that_we_did_not_make_opens_nothing(site: Site, member: Member, token: str) -> None:
    for method in ("GET", "POST"):
        answer = await site.browser().request(method, f"/sign-in/{token}", headers=HERE)
        assert answer.status_code in {404, 405}
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("value", ["", "x", "a" * 26, "a" * 9000, "%00", "; drop"])
async def test_a_cookie_that_we_did_not_make_opens_nothing(site: Site, member: Member, value: str) -> None:
    client = site.browser("members", "members")
    for name in ("__Host-cgbot", "cgbot"):
        assert (await client.get("/cg-aisec/", headers={"cookie": f"{name}={value}"})).status_code == 404


async def test_a_link_is_no_session(site: Site, member: Member) -> None:
    client = site.browser("members", "members")
    there = await link(site, client)
    token = there.rpartition("/")[2]
    assert (await client.get("/cg-aisec/", headers={"cookie": f"__Host-cgbot={token}"})).status_code == 404
    assert (await client.post(there, headers=HERE)).status_code == 303


async def test_a_button_pressed_too_late_leads_to_signing_in_and_back(site: Site, member: Member) -> None:
    """To a page that can be opened, whatever the button was for."""
    client = site.browser()
    for there, back in (
        ("/sign-out", "/"),
        ("/desk/cg-aisec/held/1/", "/desk/cg-aisec/"),
        ("/desk/cg-aisec/notices/1", "/desk/cg-aisec/"),
    ):
        answer = await client.post(there, headers=HERE)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?to={back}")


async def test_signing_in_again_ends_the_session_before(site: Site, member: Member) -> None:
    before = site.signed_in(member, "members")
    there = await link(site, site.browser())
    done = await before.post(there)
    assert done.status_code == 303
    assert (await before.get("/cg-aisec/")).status_code == 403  # it still names the old one


async def test_everywhere_means_everywhere(site: Site, member: Member) -> None:
    one, two = site.signed_in(member, "members"), site.signed_in(member, "members")
    assert (await two.get("/cg-aisec/")).status_code == 200
    await one.post("/sign-out")
    assert (await one.get("/cg-aisec/")).status_code == 403
    assert (await two.get("/cg-aisec/")).status_code == 200
    three = site.signed_in(member, "members")
    await three.post("/sign-out", data={"everywhere": "yes"})
    assert [(await client.get("/cg-aisec/")).status_code for client in (two, three)] == [403, 403]


@pytest.mark.parametrize(
    ("role", "to", "there"),
    [
        ("member", "", "/cg-aisec/"),
        ("convener", "", "/desk/cg-aisec/"),
        ("member", "/cg-aisec/meetings/?x=1", "/cg-aisec/meetings/?x=1"),
        ("member", "https://evil.example/", "/cg-aisec/"),
        ("member", "//evil.example/", "/evil.example/"),
        ("member", "/\\evil.example/", "/evil.example/"),
        ("member", "\r\nSet-Cookie: x", "/cg-aisec/"),
        ("member", "javascript:alert(1)", "/cg-aisec/"),
    ],
)
async def test_where_signing_in_leads(site: Site, role: str, to: str, there: str) -> None:
    site.db.write_now(members.add, site.context, site.group.id, NewMember("delegate@example.org", role=role))
    client = site.browser()
    done = await client.post(await link(site, client, to=to), headers=HERE)
    assert done.headers["location"] == there


# ---------------------------------------------------------------------------------- where a change comes from


@pytest.mark.parametrize("headers", [
    {}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"},
    {"origin": "null"}, {"origin": "http://cg.example.org"}, {"origin": "https://cg.example.org:8443"},
    {"origin": "https://cg.example.org.evil.example"}, {"host": "evil.example", "origin": "https://evil.example"},
    {"sec-fetch-site": "cross-site", "origin": "https://cg.example.org"},
    {"referer": "https://cg.example.org/"},
])  # fmt: skip
async def test_what_does_not_come_from_our_pages_changes_nothing(
    site: Site, member: Member, headers: dict[str, str]
) -> None:
    chair = site.db.write_now(members.add, site.context, site.group.id, NewMember("c@example.org", role="convener"))
    client = site.signed_in(chair)
    del client.headers["sec-fetch-site"]
    before = len(outbox(site.db))
    for route in ROUTES:
        if "POST" in route.methods and not route.foreign:
            there = re.sub(r"\{[^}]+\}", "1", route.path.replace("{group}", "cg-aisec"))
            answer = await client.post(there, headers=headers)
            assert answer.status_code == 403, there
            assert "This was not sent from a page of this site." in answer.text
    assert len(outbox(site.db)) == before
    assert (await client.get("/desk/")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://cg.example.org"}, False),
        ({"sec-fetch-site": "x"}, False),
        ({"origin": "https://cg.example.org"}, True),
        ({"origin": "https://CG.example.org"}, True),
        ({"origin": "https://cg.example.org/"}, False),
        ({"origin": "https://cg.example.org:443"}, False),
        ({"origin": ""}, False),
        ({}, False),
    ],
)
def test_where_a_request_comes_from(headers: dict[str, str], ours: bool) -> None:
    assert is_from_our_pages(headers, "https://cg.example.org") is ours
    assert is_from_our_pages(headers, "https://CG.example.org:443/base/") is ours


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST:80/x", "http://localhost"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
    ],
)
def test_an_origin_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/", "/"), ("/desk/cg-aisec/", "/desk/cg-aisec/"), ("/a%2Fb/?q=x%20y&z=%26", "/a%2Fb/?q=x%20y&z=%26"),
        ("", ""), ("desk", ""), ("http://x/", ""), ("///x", "/x"), ("/\\/x", "/x"), ("/" + "a" * 2000, ""),
        ("/x\r\nY: z", "/x%0D%0AY%3A%20z"), ("/é?é", "/%C3%A9?%C3%A9"), ("/?a?b#c", "/?a%3Fb%23c"),
    ],
)  # fmt: skip
def test_a_path_of_this_site(given: str, path: str) -> None:
    assert own_path(given).replace("Y:", "Y%3A") == path
