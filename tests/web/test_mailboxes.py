"""What a search finds, as a mailbox: the form in which `lei q` asks archives of others."""

from __future__ import annotations

import gzip
import io

import pytest

from cgbot.groups import members
from cgbot.groups.members import NewMember
from cgbot.mail import mbox
from tests.archive.posting import mail
from tests.web.conftest import Client, Site

pytestmark = pytest.mark.anyio
HERE = "/cg-aisec/"
MAILS = (
    mail("one", Subject="Scope"),
    mail("two", answers="one", Subject="Re: Scope", From="bob@example.org"),
    mail("three", Subject="Room"),
    mail("four", "not for any archive, scope\n", X_No_Archive="yes", answers="one"),
)


async def found(client: Client, query: str, **more: str) -> list[bytes]:
    answer = await client.post(HERE, params={"x": "m", "q": query, **more})
    if answer.status_code == 404:
        return []
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/gzip")
    return [one.raw for one in mbox.read(io.BytesIO(gzip.decompress(answer.content)), 1 << 20)]


async def test_a_query_brings_a_mailbox(site: Site) -> None:
    await site.post(*MAILS)
    one, two, three, _ = MAILS
    client = site.browser(addresses="shown")
    assert await found(client, "s:scope") == [two, one]
    assert await found(client, "s:scope f:alice") == [one]
    assert await found(client, "f:bob@example.org", t="1") == [one, two]
    assert await found(client, "m:three@example.org") == [three]
    assert await found(client, "s:nothing") == []
    assert await found(client, "") == []


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"x": "m", "q": "one OR two"}, "all that is asked for must occur"),
        ({"x": "m", "q": "t:alice"}, "t: is not searched here"),
        ({"x": "m", "q": "after:never"}, "after:never is no date"),
        ({"x": "A", "q": "one"}, "x=m gives a mailbox"),
        ({"q": "one"}, "x=m gives a mailbox"),
    ],
)
async def test_what_cannot_be_answered_is_said(site: Site, asked: dict[str, str], problem: str) -> None:
    answer = await site.browser(addresses="shown").post(HERE, params=asked)
    assert answer.status_code == 400
    assert problem in answer.text


async def test_it_shows_addresses_and_is_for_those_who_see_them(site: Site) -> None:
    await site.post(*MAILS)
    assert (await site.browser().post(HERE, params={"x": "m", "q": "scope"})).status_code == 403
    assert (await site.browser("members", "members").post(HERE, params={"x": "m", "q": "scope"})).status_code == 404
    closed = site.browser("conveners", addresses="shown")
    assert (await closed.post(HERE, params={"x": "m", "q": "scope"})).status_code == 403
    member = site.db.write_now(members.add, site.context, site.group.id, NewMember("m@example.org"))
    assert len(await found(site.signed_in(member), "scope")) == 2
