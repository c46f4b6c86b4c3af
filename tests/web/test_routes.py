"""Every route as anonymous: closed until a rule opens it, the same answer for closed and absent, headers everywhere."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from cgbot import render
from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups import members
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.mail import verp
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.posts.intake import Addressed, Arrival, Intake
from cgbot.store.db import Database, Tx
from cgbot.web import app
from cgbot.web.access import ROUTES
from cgbot.web.services import Services
from cgbot.wiring import leave

pytestmark = pytest.mark.anyio
RAW = (
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg.author@example.org>\r\nTo: cg-aisec@lists.example.org\r\n"
    b"Subject: Scope\r\nMessage-ID: <scope/1%@example.org>\r\nDate: Mon, 03 May 2027 10:00:00 +0200\r\n\r\n"
    b"Write to someone.else@example.net <script>alert(1)</script> https://www.itu.int/x?a=1&b=2\r\n> quoted\r\n"
)
ID = "scope%2F1%25@example.org"
AUDIENCES = ("public", "members", "conveners")
Client = httpx2.AsyncClient


class Beating:
    def healthy(self) -> bool:
        return True


@pytest.fixture
async def member(db: Database, context: Context, group: Group) -> Member:
    """One post, one meeting, one member."""
    arrival = Arrival(RAW, "a@example.org", context.now, "smtp", "127.0.0.1", "x", False, b"", (
        Addressed("cg-aisec@lists.example.org", group.id, "post"),))  # fmt: skip
    arrival_id = await Intake(db).take(arrival)
    message = messages.parse(RAW)
    facts = keep.prepare(message)

    def archive(tx: Tx) -> None:
        from cgbot.store import raw

        sender = "a@example.org"
        errand = Errand(1, arrival_id, group.id, group.name, "", "post", "", "", 1, sender, context.now, "smtp",
                        "127.0.0.1", raw.prepare(RAW).sha256, message, facts)  # fmt: skip
        keep.add(tx, errand, facts)
        when = schedule.read_when("2027-05-20 09:00", duration="60m")
        schedule.schedule(tx, context, group, Order("First", when, join_url="https://meet.example.org/secret"))

    db.write_now(archive)
    return db.write_now(members.add, context, group.id, NewMember("delegate@example.org"))


Opener = Callable[..., Client]


@pytest.fixture
async def browse(db: Database, context: Context, member: Member) -> AsyncIterator[Opener]:
    """A browser on the pages of a group with these audiences."""
    opened: list[Client] = []

    def browser(archive: str = "public", calendar: str = "public") -> Client:
        charter = replace(context.charters["cg-aisec"], archive=archive, calendar=calendar)  # type: ignore[arg-type]
        here = replace(context, charters={"cg-aisec": charter})
        templates = render.environment(here.settings.template_folders)
        services = Services(db, templates, lambda: here, Beating(), leave)
        transport = httpx2.ASGITransport(app=app.build(services), raise_app_exceptions=False)
        opened.append(Client(transport=transport, base_url="https://cg.example.org"))
        return opened[-1]

    yield browser
    for one in opened:
        await one.aclose()


def path(route: Any, context: Context, member: Member) -> str:
    token = verp.member_token(context.keys, "leave", "cg-aisec", member.id)
    values = {
        "group": "cg-aisec",
        "token": token,
        "permalink": keep.prepare(messages.parse(RAW)).permalink,
        "number:int": "1",
        "message_id:path": ID,
        "post:path": ID,
    }
    return re.sub(r"\{([^}]+)\}", lambda match: values[match[1]], route.path)


@pytest.mark.parametrize("archive", AUDIENCES)
@pytest.mark.parametrize("calendar", AUDIENCES)
async def test_every_route_as_anonymous(
    browse: Opener, context: Context, member: Member, archive: str, calendar: str
) -> None:
    client = browse(archive, calendar)
    absent = await client.get("/no-such-group/")
    for route in ROUTES:
        answer = await client.get(path(route, context, member))
        closed = {"archive": archive != "public", "calendar": calendar != "public"}.get(route.rule, False)
        if closed:
            assert (answer.status_code, answer.text) == (404, absent.text), route.path
        elif route.handler != "attachment":  # the post has none
            assert answer.status_code in {200, 307}, route.path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_no_route_is_outside_the_table(browse: Opener) -> None:
    transport = browse()._transport
    known = {route.path for route in transport.app.application.routes}  # type: ignore[attr-defined]
    assert known == {route.path for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_only_what_the_table_says_can_be_posted_to(
    browse: Opener, context: Context, member: Member, route: Any
) -> None:
    answer = await browse().post(path(route, context, member))
    assert (answer.status_code == 405) == ("POST" not in route.methods)


async def test_a_post_is_shown_as_text_and_masked(browse: Opener) -> None:
    page = (await browse().get(f"/cg-aisec/{ID}/")).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "Jörg" in page
    assert "joerg.author" not in page
    assert "someone.else@example.net" not in page
    assert 'href="https://www.itu.int/x?a=1&amp;b=2"' in page
    assert '<span class="quoted">&gt; quoted</span>' in page


async def test_the_raw_form_is_exact_and_runs_nowhere(browse: Opener) -> None:
    answer = await browse().get(f"/cg-aisec/{ID}/raw")
    assert answer.content == RAW
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_link_that_a_scanner_follows_changes_nothing(
    browse: Opener, db: Database, context: Context, member: Member
) -> None:
    client = browse()
    token = verp.member_token(context.keys, "leave", "cg-aisec", member.id)
    for _ in range(3):
        assert (await client.get(f"/leave/cg-aisec/{token}")).status_code == 200
    assert db.read_now(members.get_member, member.id).state == "active"  # type: ignore[union-attr]
    for _ in range(2):
        done = await client.post(f"/leave/cg-aisec/{token}", data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
        assert "has left" in done.text
    assert db.read_now(members.get_member, member.id).state == "left"  # type: ignore[union-attr]
    assert (await client.post(f"/leave/cg-aisec/{token[:-1]}a")).status_code == 404
    assert (await client.post(f"/leave/other/{token}")).status_code == 404


async def test_the_feed_is_stable_and_answers_304(browse: Opener) -> None:
    client = browse()
    first = await client.get("/cg-aisec/calendar.ics", headers={"accept-encoding": "identity"})
    again = await client.get("/cg-aisec/calendar.ics", headers={"accept-encoding": "identity"})
    assert (first.content, first.headers["etag"]) == (again.content, again.headers["etag"])
    assert first.headers["content-type"] == "text/calendar; charset=utf-8"
    assert b"METHOD" not in first.content
    assert b"ATTENDEE" not in first.content
    assert b"secret" not in first.content  # the join link is for those who are invited
    packed = await client.get("/cg-aisec/calendar.ics", headers={"accept-encoding": "gzip"})
    assert packed.content == first.content
    assert packed.headers["etag"] != first.headers["etag"]
    for tag in (first.headers["etag"], f"W/{first.headers['etag']}", f'"x", {packed.headers["etag"]}', "*"):
        answer = await client.get("/cg-aisec/calendar.ics", headers={"if-none-match": tag})
        assert (answer.status_code, answer.content) == (304, b"")
    stale = {"if-none-match": '"other"', "if-modified-since": first.headers["last-modified"]}
    assert (await client.get("/cg-aisec/calendar.ics", headers=stale)).status_code == 200
    since = {"if-modified-since": first.headers["last-modified"]}
    assert (await client.get("/cg-aisec/calendar.ics", headers=since)).status_code == 304
    garbage = {"if-modified-since": "yesterday"}
    assert (await client.get("/cg-aisec/calendar.ics", headers=garbage)).status_code == 200


async def test_a_fault_is_temporary_and_says_nothing(
    browse: Opener, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browse()

    async def broken(*_: object) -> None:
        raise RuntimeError("a private reason")

    monkeypatch.setattr(Database, "read", broken)
    answer = await client.get("/cg-aisec/")
    assert answer.status_code == 503
    assert "private" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
