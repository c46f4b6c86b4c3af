"""Every route as everybody: closed until a rule opens it, one answer for closed and absent, headers everywhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.routing import compile_path

from cgbot.archive import keep, sealing
from cgbot.context import Context
from cgbot.groups import members, orders
from cgbot.groups.commands import OPERATOR, Actor, Request
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.mail import verp
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.papers import report_records
from cgbot.store import raw
from cgbot.store.db import Database
from cgbot.store.tables import group_aliases
from cgbot.web.access import ROUTES
from tests.web.conftest import Client, Site
from tests.web.shelf import NOTE, Shelf, drafted

pytestmark = pytest.mark.anyio
RAW = (
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg.author@example.org>\r\nTo: cg-aisec@lists.example.org\r\n"
    b"Subject: Scope\r\nMessage-ID: <scope/1%@example.org>\r\nDate: Mon, 03 May 2027 10:00:00 +0200\r\n"
    b'Content-Type: multipart/mixed; boundary="=b"\r\n\r\n'
    b"--=b\r\nContent-Type: text/html\r\n\r\nThe scope of the group.\r\n"
    b'--=b\r\nContent-Type: application/pdf; name="scope.pdf"\r\n\r\n%PDF-\r\n--=b--\r\n'
)
ID = "scope%2F1%25@example.org"
LINK = keep.prepare(messages.parse(RAW)).permalink
AUDIENCES = ("public", "members", "conveners")
# The table of access knows no database.
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def member(site: Site, context: Context, group: Group) -> Member:
    """One post with an attachment, one held message, one meeting, one member, one order, one report."""
    Shelf(site).revise(Shelf(site).add(1, "A paper"), 1, ("a.docx", "application/msword", b"x"))
    version = site.db.write_now(drafted, context, group)
    prepared = raw.prepare(b"a word file")
    site.db.write_now(raw.put, [prepared])
    site.db.write_now(report_records.note_docx, version.id, prepared.sha256)
    site.commands = {NOTE.name: NOTE}
    asked = Request(group.id, group.name, Actor(OPERATOR, role="convener"), fields={"title": "Order"})
    site.db.write_now(orders.place, context, NOTE, asked)
    await site.post(RAW)
    sealing.seal(site.db, context, sealing.LogKeys((bytes(32),)))
    await site.hold(RAW.replace(b"<scope/1%", b"<held"))
    when = schedule.read_when("2027-05-20 09:00", duration="60m")
    order = Order("First", when, join_url="https://meet.example.org/secret")
    site.db.write_now(schedule.schedule, context, group, order)
    return site.db.write_now(members.add, context, group.id, NewMember("delegate@example.org"))


def path(route: Any, context: Context, member: Member) -> str:
    token = verp.member_token(context.keys, "leave", "cg-aisec", member.id)
    values = {
        "group": "cg-aisec",
        "token": token,
        "permalink": LINK,
        "number": "1",
        "month": "2027-05",
        "file": "1",
        "revision": "1",
        "command": "take-note",
        "message_id:path": ID,
        "post:path": ID,
    }
    return re.sub(r"\{([^}]+)\}", lambda match: values[match[1]], route.path)


def is_for(route: Any, there: str) -> bool:
    return compile_path(route.path)[0].match(there) is not None


WHO = ("anonymous", "stranger", "left", "observer", "member", "secretary", "vice-convener", "convener")
CONVENERS = frozenset({"secretary", "vice-convener", "convener"})
INSIDE = CONVENERS | {"member", "observer"}


def opens(rule: str, who: str, archive: str, calendar: str) -> bool:
    """The policy, said once more."""
    if rule in {"open", "file", "token"}:
        return True
    if rule == "signed-in":
        return who not in {"anonymous", "left"}
    if rule == "desk":
        return who in CONVENERS
    if rule == "raw":  # it shows addresses
        return who in INSIDE and opens("archive", who, archive, calendar)
    audience = archive if rule == "archive" else calendar
    return audience == "public" or who in (INSIDE if audience == "members" else CONVENERS)


def without_way_back(page: str) -> str:
    """A page without the link that signs in and comes back to it."""
    return re.sub(r"/sign-in\?to=[^\"]*", "", page)


def browser(site: Site, who: str, archive: Any, calendar: Any) -> Client:
    """A browser of somebody in this place, a stranger being a convener of another group."""
    other = site.add_group()
    if who == "anonymous":
        return site.browser(archive, calendar)
    group, role = (other, "convener") if who == "stranger" else (site.group, "convener" if who == "left" else who)
    someone = site.db.write_now(members.add, site.context, group.id, NewMember(f"{who}@example.org", role=role))
    client = site.signed_in(someone, archive, calendar)
    if who == "left":
        site.db.write_now(members.remove, site.context, group.id, someone.address)
    return client


@ONE
@pytest.mark.parametrize("archive", AUDIENCES)
@pytest.mark.parametrize("calendar", AUDIENCES)
@pytest.mark.parametrize("who", WHO)
async def test_every_route_as_everybody(
    site: Site, context: Context, member: Member, who: str, archive: Any, calendar: Any
) -> None:
    """What is closed is 403 where the group is known by its calendar, and else as if it were not; a desk always so."""
    client = browser(site, who, archive, calendar)
    absent = without_way_back((await client.get("/no-such-group/")).text)
    closed = without_way_back((await client.get("/cg-aisec/no-such-post/")).text)
    for route in ROUTES:
        if "GET" not in route.methods:
            continue
        there = path(route, context, member)
        answer = await client.get(there)
        text = without_way_back(answer.text)
        if opens(route.rule, who, archive, calendar):
            assert answer.status_code == 200 or route.handler in {"sign_in_link", "rejoin", "own_calendar"}, route.path
        elif route.rule in {"signed-in", "desk"} and who in {"anonymous", "left"}:
            assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?to={there}"), route.path
        elif route.rule == "raw" and opens("archive", who, archive, calendar):
            assert answer.status_code == 403, route.path
            assert "it is for members" in answer.text
        elif route.rule != "desk" and opens("calendar", who, archive, calendar):
            assert (answer.status_code, text) == (403, closed), route.path
            assert "Scope" not in answer.text
        else:
            assert (answer.status_code, text) == (404, absent), route.path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        if who not in {"anonymous", "left"} and route.rule not in {"file", "token"}:
            assert answer.headers["cache-control"] == "private, no-store", route.path


async def test_a_group_that_nobody_may_know_of_is_not_listed(site: Site, member: Member) -> None:
    for audience in ("members", "conveners"):
        assert "cg-aisec" not in (await site.browser(audience, audience).get("/")).text.lower()
    assert "CG-AISEC" in (await site.browser("members").get("/")).text


async def test_no_route_is_outside_the_table(site: Site) -> None:
    transport = site.browser()._transport
    known = {route.path for route in transport.app.application.routes}  # type: ignore[attr-defined]
    assert known == {route.path for route in ROUTES}


@ONE
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_only_what_the_table_says_can_be_posted_to(
    site: Site, context: Context, member: Member, route: Any
) -> None:
    there = path(route, context, member)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = await site.browser().request(method, there)
        taken = next((one for one in ROUTES if method in one.methods and is_for(one, there)), None)  # /desk/: a group's
        assert (answer.status_code == 405) == (taken is None)
        if answer.status_code == 405:
            assert set(answer.headers["allow"].split(", ")) == {
                *route.methods,
                *(["HEAD"] if "GET" in route.methods else []),
            }
        elif taken is not None and not taken.foreign:
            assert answer.status_code == 403  # it says nothing of where it comes from
        assert answer.headers["x-content-type-options"] == "nosniff"


@ONE
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_head_is_get_without_a_body(site: Site, context: Context, member: Member, route: Any) -> None:
    client = site.browser()
    got = await client.get(path(route, context, member))
    asked = await client.head(path(route, context, member))
    assert (asked.status_code, asked.headers) == (got.status_code, got.headers)


async def test_a_link_that_a_scanner_follows_changes_nothing(site: Site, context: Context, member: Member) -> None:
    client = site.browser()
    token = verp.member_token(context.keys, "leave", "cg-aisec", member.id)
    for _ in range(3):
        page = await client.get(f"/leave/cg-aisec/{token}")
        assert page.status_code == 200
        assert "de…@example.org" in page.text
        assert "delegate@" not in page.text
    assert site.db.read_now(members.get_member, member.id).state == "active"  # type: ignore[union-attr]
    for _ in range(2):
        done = await client.post(f"/leave/cg-aisec/{token}", data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
        assert "has left" in done.text
        assert done.headers["cache-control"] == "no-store"
    assert site.db.read_now(members.get_member, member.id).state == "left"  # type: ignore[union-attr]


@pytest.mark.parametrize("change", [lambda t: t[:-1] + ("a" if t[-1] != "a" else "b"), lambda t: t + "x",
                                    lambda t: "2-" + t.partition("-")[2], lambda _: "%00", lambda _: "x"])  # fmt: skip
async def test_a_token_that_we_did_not_sign_opens_nothing(
    site: Site, context: Context, member: Member, change: Any
) -> None:
    token = change(verp.member_token(context.keys, "leave", "cg-aisec", member.id))
    for method in ("GET", "POST"):
        assert (await site.browser().request(method, f"/leave/cg-aisec/{token}")).status_code == 404
    meetings = verp.member_token(context.keys, "meetings", "cg-aisec", member.id)
    assert (await site.browser().post(f"/leave/cg-aisec/{meetings}")).status_code == 404
    leave = verp.member_token(context.keys, "leave", "other", member.id)
    assert (await site.browser().post(f"/leave/cg-aisec/{leave}")).status_code == 404
    assert (await site.browser().post(f"/leave/other/{leave}")).status_code == 404


async def test_an_older_name_of_the_group_redirects(site: Site, context: Context, group: Group, member: Member) -> None:
    """The permanent redirect keeps path and query; a link to leave by the older name still works."""
    alias = {"name": "cg-old", "group_id": group.id, "valid_from": context.now}
    site.db.write_now(lambda tx: tx.execute(sa.insert(group_aliases).values(alias)))
    client = site.browser()
    for there in ("/", f"/{LINK}/", "/search?q=scope%20a%26b&page=2", f"/{ID}/raw", "/calendar.ics", "/é%22x%0d/"):
        answer = await client.get(f"/cg-old{there}")
        assert answer.status_code == 308
        assert answer.headers["location"].startswith("/cg-aisec/")
    assert (await client.get("/cg-old/search?q=a%26b")).headers["location"] == "/cg-aisec/search?q=a%26b"
    followed = await client.get(f"/cg-old/{ID}/", follow_redirects=True)
    assert "The scope of the group." in followed.text
    token = verp.member_token(context.keys, "leave", "cg-old", member.id)
    assert (await client.post(f"/leave/cg-old/{token}")).status_code == 200
    closed = site.browser("members", "members")
    old, none = await closed.get("/cg-old/"), await closed.get("/no-such-group/")
    assert without_way_back(old.text) == without_way_back(none.text)


@pytest.mark.parametrize(
    ("given", "location"),
    [
        ("/cg-aisec", "/cg-aisec/"),
        ("/cg-aisec/meetings", "/cg-aisec/meetings/"),
        (f"/cg-aisec/{LINK}?x=1", f"/cg-aisec/{LINK}/?x=1"),
        ("/%5Cevil.example", "/%5Cevil.example/"),
    ],
)
async def test_a_missing_slash_is_added_on_this_site(site: Site, given: str, location: str) -> None:
    """Whatever Host the request names: the redirect is a path, and never one that leads elsewhere."""
    answer = await site.browser().get(f"https://cg.example.org{given}", headers={"host": "evil.example"})
    assert (answer.status_code, answer.headers.get("location")) == (307, location)


@ONE
@pytest.mark.parametrize(
    "given",
    [
        "/cg-aisec/search?q=%00", "/cg-aisec/search?q=%FF%FE", "/cg-aisec/search?q=%22%22%22*&page=0",
        "/cg-aisec/search?q=scope&page=999999999", "/cg-aisec/search?q=a&page=-1", "/cg-aisec/search?page=%D9%A3&q=a",
        "/cg-aisec/search?q=" + "(NEAR OR NOT AND*:^-" * 20, "/cg-aisec/search?q='%20%26%20!x%20%7C",
        "/cg-aisec/?before=99999999999.000000-999999999999999999", "/cg-aisec/?before=0.000000-0",
        "/cg-aisec/?before=1e9-1", "/cg-aisec/?before=%00",
    ],
)  # fmt: skip
async def test_odd_questions_are_answered(site: Site, member: Member, given: str) -> None:
    assert (await site.browser().get(given)).status_code == 200


@ONE
@pytest.mark.parametrize(
    "given",
    [
        "/cg-aisec/%00/", "/cg-aisec/%FF/raw", "/%00/", "/%F0%9F%92%A9/", "/cg-aisec/" + "A" * 8000 + "/",
        f"/cg-aisec/{LINK}/attachment/0", f"/cg-aisec/{LINK}/attachment/2", "/cg-aisec/%00/attachment/1",
        f"/cg-aisec/{LINK}/attachment/" + "9" * 5000, f"/cg-aisec/{LINK}/attachment/%D9%A1",
        "/cg-aisec/../../etc/passwd", "//evil.example", "//evil.example/x",
        "/static/../cgbot.toml", "/static/%2e%2e/style.css",
    ],
)  # fmt: skip
async def test_odd_paths_are_absent(site: Site, member: Member, given: str) -> None:
    there = f"https://cg.example.org{given}"
    answer = await site.browser(addresses="shown").get(there, follow_redirects=True)
    assert answer.status_code == 404
    assert "no such page" in answer.text


async def test_a_fault_is_temporary_and_says_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = site.browser()

    async def broken(*_: object) -> None:
        raise RuntimeError("a private reason")

    monkeypatch.setattr(Database, "read", broken)
    answer = await client.get("/cg-aisec/")
    assert answer.status_code == 503
    assert "private" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
