"""Orders on the desk: a form, a preview, a yes, time to undo; the same rules as by mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest

from cgbot.groups import audit, members, orders
from cgbot.groups.members import Member, NewMember
from cgbot.groups.orders import Order
from tests.web.conftest import Client, Site
from tests.web.markup import Page
from tests.web.shelf import APPROVE, NOTE

pytestmark = pytest.mark.anyio
DESK = "/desk/cg-aisec/"
FORM = f"{DESK}order/take-note/"


@pytest.fixture
def convener(site: Site) -> Member:
    site.commands = {one.name: one for one in (NOTE, APPROVE)}
    return add(site, "chair", "convener")


def add(site: Site, name: str, role: str) -> Member:
    new = NewMember(f"{name}@example.org", name=name.title(), role=role)
    return site.db.write_now(members.add, site.context, site.group.id, new)


@pytest.fixture
def client(site: Site, convener: Member) -> Client:
    return site.signed_in(convener)


def fields(**given: str) -> Mapping[str, str]:
    return {"words": "7", **{f"field {name}": value for name, value in given.items()}}


async def words(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, path
    page = Page(answer.text)
    assert page.problems == []
    return " ".join(page.words.split())


async def placed(site: Site, client: Client, **given: str) -> Order:
    answer = await client.post(FORM, data=fields(**given))
    assert answer.status_code == 200
    match = re.search(rf'action="({DESK}orders/(\d+)/)"', answer.text)
    assert match
    return site.db.read_now(orders.get, int(match[2]))


async def test_the_form_is_read_off_the_example(client: Client) -> None:
    page = (await client.get(f"{FORM}?words=%22%3E%3Cb%3E")).text
    assert Page(page).problems == []
    assert re.findall(r'name="([^"]+)"[^>]* placeholder="([^"]*)"', page) == [
        ("q", "words, or &quot;a phrase&quot;"),
        ("words", "12"),
        ("field title", "Second meeting"),
        ("field text", "Words of yours."),
    ]
    assert 'value="&#34;&gt;&lt;b&gt;"' in page
    assert "A note is taken. You see what would be done before anything happens." in await words(client, FORM)


async def test_the_whole_way(site: Site, client: Client) -> None:
    """Shown, ordered, and nothing done before its time; the desk tells it."""
    answer = await client.post(FORM, data=fields(title="Big & <b>bold</b>", text="One\r\nTwo"))
    page = Page(answer.text)
    assert page.problems == []
    assert "Note 7: Big & <b>bold</b>" in page.words
    assert "Will note:\n  One\nTwo" in page.words
    assert re.search(r"<textarea[^>]*>\nOne\nTwo</textarea>", answer.text)
    assert 'value="Big &amp; &lt;b&gt;bold&lt;/b&gt;"' in answer.text
    assert "Asked for by chair@example.org" in await words(client, DESK)
    (there,) = set(re.findall(rf"{DESK}orders/\d+/", answer.text))
    assert "It waits for a yes." in await words(client, there)
    done = await client.post(there, data={"act": "confirm"})
    assert done.status_code == 200
    assert "Ordered by chair@example.org. It is done on Monday 3 May 2027, 10:10 Geneva time" in unescape(done.text)
    assert site.db.read_now(audit.find, site.group.id, "noted", "note") == ()
    assert "Ordered by chair@example.org, to be done on Monday 3 May 2027, 10:10" in await words(client, DESK)


async def test_other_fields_are_written_as_in_a_mail(site: Site, client: Client) -> None:
    """What was filled in wins over them."""
    more = "Title: From more\r\nText:\r\nOne\r\n\r\nTwo: three\r\n.\r\n"
    answer = await client.post(FORM, data={"words": "7", "more": more})
    assert "Note 7: From more" in answer.text
    assert "Will note:\n  One\n\nTwo: three" in answer.text
    both = await client.post(FORM, data={"field title": "Filled in", "more": more})
    assert "Filled in" in both.text
    assert "From more" not in both.text


async def test_a_get_orders_nothing(site: Site, client: Client) -> None:
    one = await placed(site, client, title="A")
    for query in ("", "?act=confirm", "?act=undo"):
        assert (await client.get(f"{DESK}orders/{one.id}/{query}")).status_code == 200
    assert (await client.get(f"{FORM}?words=1&field%20title=x")).status_code == 200
    assert [order.state for order in site.db.read_now(orders.waiting, site.group.id)] == ["shown"]


async def test_what_was_ordered_can_be_undone(site: Site, client: Client) -> None:
    one = await placed(site, client, title="A")
    await client.post(f"{DESK}orders/{one.id}/", data={"act": "confirm"})
    undone = await client.post(f"{DESK}orders/{one.id}/", data={"act": "undo"})
    assert "Nothing was done: undone by chair@example.org." in undone.text
    assert site.db.read_now(orders.waiting, site.group.id) == ()
    again = await client.post(f"{DESK}orders/{one.id}/", data={"act": "confirm"})
    assert again.status_code == 409


async def test_what_is_refused_says_why(site: Site, client: Client) -> None:
    answer = await client.post(FORM, data=fields(title=" "))
    assert answer.status_code == 400
    assert "a note needs a title" in answer.text
    assert Page(answer.text).problems == []


async def test_what_was_typed_stays_when_it_is_refused(client: Client) -> None:
    data = {"words": "7 & 8", "field text": "A <b>\r\nB", "more": "location: Geneva\r\n"}
    page = (await client.post(FORM, data=data)).text
    assert 'value="7 &amp; 8"' in page
    assert re.search(r"<textarea[^>]*>\nA &lt;b&gt;\nB</textarea>", page)
    assert re.search(r'<textarea id="more"[^>]*>\nlocation: Geneva\n</textarea>', page)


async def test_the_first_of_two_wins(site: Site, client: Client) -> None:
    other = site.signed_in(add(site, "vice", "vice-convener"))
    first, second = await placed(site, client, title="A"), await placed(site, other, title="B")
    assert (await client.post(f"{DESK}orders/{first.id}/", data={"act": "confirm"})).status_code == 200
    late = await other.post(f"{DESK}orders/{second.id}/", data={"act": "confirm"})
    assert late.status_code == 409
    assert "was ordered by chair@example.org" in unescape(late.text)


async def test_who_may_not_order_it_has_no_form_for_it(site: Site, client: Client) -> None:
    """The secretary sees the desk, and approves no report; nor the proposal of somebody who may."""
    secretary = site.signed_in(add(site, "secretary", "secretary"))
    assert "Approve" in await words(client, f"{DESK}order/approve/")
    assert (await secretary.get(f"{DESK}order/approve/")).status_code == 404
    assert (await secretary.post(f"{DESK}order/approve/", data=fields(title="x"))).status_code == 404
    assert "/order/approve/" not in (await secretary.get(DESK)).text
    assert "/order/take-note/" in (await secretary.get(DESK)).text
    await client.post(f"{DESK}order/approve/", data=fields(title="x"))
    (proposal,) = site.db.read_now(orders.waiting, site.group.id)
    there = f"{DESK}orders/{proposal.id}/"
    assert (await secretary.post(there, data={"act": "confirm"})).status_code == 403
    assert site.db.read_now(orders.get, proposal.id).state == "shown"
    assert (await client.post(there, data={"act": "confirm"})).status_code == 200


async def test_an_order_of_another_group_is_absent(site: Site, client: Client) -> None:
    one = await placed(site, client, title="A")
    other = site.add_group()
    stranger = site.db.write_now(members.add, site.context, other.id, NewMember("s@example.org", role="convener"))
    theirs = site.signed_in(stranger)
    assert (await theirs.get(f"/desk/cg-other/orders/{one.id}/")).status_code == 404
    for act in ("confirm", "undo"):
        assert (await theirs.post(f"/desk/cg-other/orders/{one.id}/", data={"act": act})).status_code == 404
        assert (await theirs.post(f"{DESK}orders/{one.id}/", data={"act": act})).status_code == 404
    assert site.db.read_now(orders.get, one.id).state == "shown"


@pytest.mark.parametrize("data", [{}, {"act": ""}, {"act": "carry_out"}, {"confirm": "yes"}])
async def test_what_is_no_act_does_nothing(site: Site, client: Client, data: Mapping[str, str]) -> None:
    one = await placed(site, client, title="A")
    assert (await client.post(f"{DESK}orders/{one.id}/", data=data)).status_code == 400
    assert site.db.read_now(orders.get, one.id).state == "shown"


@pytest.mark.parametrize("name", ["nothing", "take%20note", "Take-note", "%00", "take-note-", "order"])
async def test_a_command_that_there_is_not(client: Client, name: str) -> None:
    assert (await client.get(f"{DESK}order/{name}/")).status_code == 404
    assert (await client.post(f"{DESK}order/{name}/", data=fields(title="x"))).status_code == 404


async def test_the_end_of_an_order_is_shown(site: Site, client: Client, convener: Member) -> None:
    """Done, or refused when its time came."""
    at_once = replace(site.context.settings, notices=replace(site.context.settings.notices, undo_minutes=0))
    site.context = replace(site.context, settings=at_once)
    now = site.signed_in(convener)
    one, two = await placed(site, now, title="A"), await placed(site, now, title="Taken")
    assert site.db.read_now(orders.get, one.id).state == "replaced"
    assert "was replaced by a newer one" in await words(now, f"{DESK}orders/{one.id}/")
    failed = await now.post(f"{DESK}orders/{two.id}/", data={"act": "confirm"})
    assert "It could not be done: somebody else has taken this title" in failed.text
    three = await placed(site, now, title="B")
    done = await now.post(f"{DESK}orders/{three.id}/", data={"act": "confirm"})
    assert "Noted: B." in done.text


async def test_a_proposal_runs_out(site: Site, client: Client) -> None:
    one = await placed(site, client, title="A")
    site.now += timedelta(hours=72)
    assert "Asked for by" not in await words(client, DESK)
    answer = await client.post(f"{DESK}orders/{one.id}/", data={"act": "confirm"})
    assert answer.status_code == 409
    assert "please ask again" in answer.text
