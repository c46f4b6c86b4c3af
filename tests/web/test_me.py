"""A member's own page, joining from a page, and taking a leaving back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from cgbot.groups import members, own_addresses, suspensions
from cgbot.groups.charter import Joining
from cgbot.groups.members import Member, NewMember
from cgbot.mail import verp
from tests.groups.mailbag import outbox
from tests.web.conftest import Client, Site
from tests.web.markup import Page

pytestmark = pytest.mark.anyio
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HERE = {"sec-fetch-site": "same-origin"}
KEPT = {"delivery": "each", "away_until": "", "attachments": "full", "digest_format": "mime", "invitations": "yes"}


@pytest.fixture
def mia(site: Site) -> Member:
    new = NewMember("mia@example.org", name="Mia", organization="<b>Labs</b> Inc.", zone="Asia/Seoul", verified=True)
    return site.db.write_now(members.add, site.context, site.group.id, new)


def now(site: Site, member: Member) -> Member:
    found = site.db.read_now(members.get_member, member.id)
    assert found is not None
    return found


def subjects(site: Site) -> list[str]:
    return [str(one.message["Subject"]) for one in outbox(site.db)]


async def act(client: Client, button: str, **fields: str) -> str:
    answer = await client.post("/me/", data={"act": button, "group": "cg-aisec", **fields})
    assert answer.status_code == 200
    assert answer.headers["cache-control"].endswith("no-store")
    return answer.text


async def test_a_member_sees_and_changes_their_settings(site: Site, mia: Member) -> None:
    client = site.signed_in(mia, "members", "members")
    page = Page((await client.get("/me/")).text)
    assert page.problems == []
    assert "/cg-aisec/" in page.links
    until = {"delivery": "weekly", "away_until": "2027-06-01", "attachments": "link", "digest_format": "plain"}
    saved = await act(client, "settings", **KEPT | until | {"invitations": "no"})
    assert "Saved." in saved
    assert '<option value="weekly" selected>' in saved
    assert 'value="2027-06-01"' in saved
    after = now(site, mia)
    assert (after.delivery, after.attachments, after.digest_format, after.invitations) == (
        "weekly", "link", "plain", False,
    )  # fmt: skip
    assert after.away_until is not None
    assert after.away_until.isoformat() == "2027-05-31T15:00:00+00:00"  # midnight in Seoul
    assert subjects(site) == ["Your settings in CG-AISEC"]
    assert "Nothing was different." in await act(client, "settings", **KEPT | until | {"invitations": "no"})
    await act(client, "settings", **KEPT)
    assert now(site, mia).away_until is None


@ONE
async def test_a_calendar_program_needs_no_session(site: Site, mia: Member) -> None:
    """A group that shows its meetings to members alone gives each a link, which ends with the membership."""
    assert "https://cg.example.org/cg-aisec/calendar.ics" in (await site.signed_in(mia).get("/me/")).text
    page = Page((await site.signed_in(mia, "members", "members").get("/me/")).text)
    there = next(one for one in page.links if one.endswith(".ics")).removeprefix("https://cg.example.org")
    answer = await site.browser("members", "members").get(there)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")
    assert answer.text.startswith("BEGIN:VCALENDAR")
    assert (await site.browser("members", "conveners").get(there)).status_code == 404
    site.db.write_now(members.remove, site.context, site.group.id, mia.address)
    for path in (
        there,
        "/calendar/x.ics",
        f"/calendar/{verp.member_token(site.context.keys, 'leave', '', mia.id)}.ics",
    ):
        assert (await site.browser("public", "public").get(path)).status_code == 404


@ONE
async def test_about_the_person(site: Site, mia: Member) -> None:
    client = site.signed_in(mia)
    assert 'value="&lt;b&gt;Labs&lt;/b&gt; Inc."' in (await client.get("/me/")).text
    told = {"name": "Mia", "organization": "Labs, Inc.", "country": "Korea", "zone": "Europe/Paris", "language": "fr"}
    await act(client, "person", **told)
    after = now(site, mia)
    assert {name: getattr(after, name) for name in told} == told
    assert subjects(site) == ["Vos réglages dans CG-AISEC"]


@ONE
@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("settings", KEPT | {"delivery": "hourly"}, "one of each, daily, weekly, none"),
        ("settings", KEPT | {"away_until": "2027-05-03"}, "a day after today"),
        ("settings", KEPT | {"away_until": "2087-05-03"}, "within two years"),
        ("settings", {"group": "cg-other"}, "not a member of this group"),
        ("person", {"zone": "Mars/Crater", "name": "Typed"}, "a time zone name such as Asia/Seoul"),
        ("person", {"name": "a\x1bb"}, "without control characters"),
        ("add", {"new": "nobody"}, "a mail address such as"),
        ("add", {"new": "cg-aisec@lists.example.org"}, "an address of cgbot itself"),
        ("remove", {"old": "mia@example.org"}, "The mail of cg-aisec goes to"),
        ("remove", {"old": "other@example.org"}, "is not an address of"),
        ("resume", {"group": ""}, "not a member of this group"),
        ("leave", {"group": "x"}, "not a member of this group"),
    ],
)
async def test_what_cannot_be_taken_says_why(
    site: Site, mia: Member, name: str, fields: dict[str, str], said: str
) -> None:
    client = site.signed_in(mia)
    answer = await client.post("/me/", data={"act": name, "group": "cg-aisec", **fields})
    assert answer.status_code in {400, 404, 409}
    assert said in " ".join(Page(answer.text).words.split())
    assert fields.get("name") != "Typed" or 'value="Typed"' in answer.text
    assert (now(site, mia), outbox(site.db)) == (mia, [])


@ONE
async def test_a_button_that_we_did_not_make_does_nothing(site: Site, mia: Member) -> None:
    client = site.signed_in(mia)
    for fields in ({}, {"act": ""}, {"act": "role", "role": "convener"}):
        assert (await client.post("/me/", data=fields)).status_code == 400
    await act(client, "settings", role="convener", state="suspended", posting="free")
    assert now(site, mia) == mia


@ONE
async def test_another_address_is_confirmed_by_its_own_mail(site: Site, mia: Member) -> None:
    client = site.signed_in(mia)
    assert "answer it from there" in await act(client, "add", new="mia@home.example")
    assert {one.recipient for one in outbox(site.db)} == {"mia@example.org", "mia@home.example"}
    assert site.db.read_now(own_addresses.of_person, mia.person_id) == ("mia@example.org",)
    # The mail of a group goes to none that has not answered: it is asked, too.
    await act(client, "settings", **KEPT | {"address": "mia@work.example"})
    assert now(site, mia).address == "mia@example.org"
    site.db.write_now(own_addresses.add, site.context, mia, "mia@home.example", "mia@example.org")
    page = await act(client, "settings", **KEPT | {"address": "mia@home.example"})
    assert "goes to mia@home.example from now on" in page
    assert now(site, mia).address == "mia@home.example"
    assert (await client.get("/me/")).status_code == 303  # nobody has proved to read the new one in this browser
    assert Page(page).problems == []


@ONE
async def test_giving_up_an_address(site: Site, mia: Member) -> None:
    site.db.write_now(own_addresses.add, site.context, mia, "mia@home.example", "mia@example.org")
    client = site.signed_in(mia)
    assert "Remove mia@home.example" in (await client.get("/me/")).text
    assert "Remove mia@example.org" not in (await client.get("/me/")).text
    await act(client, "remove", old="MIA@home.example")
    assert site.db.read_now(own_addresses.of_person, mia.person_id) == ("mia@example.org",)


@ONE
async def test_why_no_mail_comes_and_how_it_comes_again(site: Site, mia: Member) -> None:
    site.db.write_now(suspensions.suspend, mia.id, "bounces", site.context.now)
    member = site.db.write_now(members.change, site.context, mia, {"state": "suspended"})
    client = site.signed_in(mia)
    page = (await client.get("/me/")).text
    assert Page(page).problems == []
    assert "no mail since Monday 3 May 2027, 10:00 Geneva time (CEST, 08:00 UTC) (bounces)" in page
    assert now(site, mia) == member
    assert "Mail is sent to you again." in await act(client, "resume")
    assert now(site, mia).state == "active"
    # What the conveners have stopped, only they begin again.
    site.db.write_now(members.change, site.context, now(site, mia), {"state": "suspended"})
    assert "Send me mail again" not in (await client.get("/me/")).text
    assert "Nothing was done" in await act(client, "resume")
    assert now(site, mia).state == "suspended"


async def test_leaving_one_of_two_groups_and_coming_back(site: Site, mia: Member) -> None:
    other = site.add_group()
    second = site.db.write_now(members.add, site.context, other.id, NewMember("mia@example.org"))
    client = site.signed_in(mia)
    left = await client.post("/me/", data={"act": "leave", "group": "cg-aisec"})
    assert "mia@example.org has left CG-AISEC." in left.text
    assert (now(site, mia).state, now(site, second).state) == ("left", "active")
    client.headers["cookie"] = left.headers["set-cookie"].partition(";")[0]
    page = (await client.get("/me/")).text
    assert ("CG-OTHER" in page, "Leave CG-AISEC" in page) == (True, False)
    last = await client.post("/me/", data={"act": "leave", "group": "cg-other"})
    assert "Max-Age=0" in last.headers["set-cookie"]
    assert (await client.get("/me/")).status_code == 303

    there = re.search(r"https://cg\.example\.org(/rejoin/\S+)", outbox(site.db)[0].text)
    assert there is not None
    browser = site.browser()
    for _ in range(3):
        asked = await browser.get(there[1])
        assert (asked.status_code, asked.headers["cache-control"]) == (200, "no-store")
        assert "m…@example.org" in asked.text
        assert Page(asked.text).problems == []
    assert (await browser.post(there[1])).status_code == 403
    assert now(site, mia).state == "left"
    assert "is a member of CG-AISEC again" in (await browser.post(there[1], headers=HERE)).text
    assert now(site, mia) == mia
    for method in ("GET", "POST"):
        over = await browser.request(method, there[1], headers=HERE)
        assert (over.status_code, "Nothing to take back" in over.text) == (404, True)


@ONE
async def test_one_click_says_so_once(site: Site, mia: Member) -> None:
    there = f"/leave/cg-aisec/{verp.member_token(site.context.keys, 'leave', 'cg-aisec', mia.id)}"
    site.now += timedelta(days=4000)  # as old as the membership: the link of any copy works
    for _ in range(3):
        assert (await site.browser().post(there, data={"List-Unsubscribe": "One-Click"})).status_code == 200
    assert subjects(site) == ["You have left CG-AISEC"]


# ------------------------------------------------------------------------------------------------------------ joining


async def join(site: Site, address: str, **headers: str) -> str:
    answer = await site.browser().post("/cg-aisec/join/", data={"address": address}, headers=HERE | headers)
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("policy", ["open", "approval"])
async def test_joining_from_a_page_asks_the_address(site: Site, mia: Member, policy: Joining) -> None:
    site.allow(policy)
    form = await site.page("/cg-aisec/join/")
    assert Page(form).problems == []
    assert 'href="/cg-aisec/join/"' in await site.page("/cg-aisec/about/")
    told = {
        await join(site, one) for one in ("zoe@example.org", "mia@example.org", "", "x", "\0", "x@lists.example.org")
    }
    assert len(told) == 1
    assert "Look into your mailbox" in told.pop()
    first, second = outbox(site.db)
    assert [one.recipient for one in (first, second)] == ["zoe@example.org", "mia@example.org"]
    assert first.text == second.text.replace("mia@", "zoe@")
    assert site.db.read_now(members.find_member, site.group.id, "zoe@example.org") is None
    await join(site, "zoe@example.org")
    assert len(outbox(site.db)) == 2  # once a day


@ONE
async def test_joining_in_the_browsers_language(site: Site) -> None:
    await join(site, "zoe@example.org", **{"accept-language": "fr-CH, en;q=0.5"})
    assert subjects(site) == ["Merci de confirmer : rejoindre CG-AISEC"]


@ONE
@pytest.mark.parametrize("policy", ["invitation", "closed"])
async def test_a_group_that_does_not_let_anybody_join_has_no_form(site: Site, policy: Joining) -> None:
    site.allow(policy)
    page = await site.page("/cg-aisec/join/")
    assert "<form" not in page.partition("<main")[2].partition("</main")[0]
    assert "/cg-aisec/join/" not in await site.page("/cg-aisec/about/")
    answer = await site.browser().post("/cg-aisec/join/", data={"address": "zoe@example.org"}, headers=HERE)
    assert answer.status_code == 404
    assert outbox(site.db) == []


@ONE
async def test_one_network_asks_so_often(site: Site) -> None:
    """The limits of the mail command count here too, by the network of the browser."""
    most = site.context.settings.limits.asked_per_network
    for number in range(most + 3):
        await join(site, f"a@victim{number}.example")
    assert len(outbox(site.db)) == most
