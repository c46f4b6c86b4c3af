"""The desk: what waits is shown whole, buttons do what mails do, nothing of another group's can be reached."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import sqlalchemy as sa

from cgbot import wiring
from cgbot.groups import bounce_records, members, senders
from cgbot.groups.bounce_records import Bounce
from cgbot.groups.members import Member, NewMember
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.notices import ledger
from cgbot.outbox import letters, relay_state
from cgbot.outbox.letters import Addressee, Letter
from cgbot.outbox.silence import Silence
from cgbot.posts import emergency, holds, moderation, post
from cgbot.store import service
from cgbot.store.tables import attendees, deliveries, errands, notices
from cgbot.store.tables import holds as hold_rows
from cgbot.web import desk
from tests.archive.posting import mail
from tests.groups.mailbag import outbox
from tests.web.conftest import Client, Site
from tests.web.markup import Page

pytestmark = pytest.mark.anyio
DESK = "/desk/cg-aisec/"


@pytest.fixture
def convener(site: Site) -> Member:
    new = NewMember("chair@example.org", name="A Chair", role="convener")
    return site.db.write_now(members.add, site.context, site.group.id, new)


@pytest.fixture
def client(site: Site, convener: Member) -> Client:
    return site.signed_in(convener)


async def words(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, path
    page = Page(answer.text)
    assert page.problems == []
    return " ".join(page.words.split())


async def test_an_empty_desk_says_so(client: Client) -> None:
    page = await words(client, DESK)
    for line in ("No post waits.", "Nothing within four weeks.", "No meeting is called at present.", "1 members"):
        assert line in page
    assert "no posts awaiting approval" in await words(client, "/desk/")


async def test_a_held_post_is_shown_with_every_reason_and_its_text(site: Site, client: Client) -> None:
    hold = await site.hold(mail("held", "Buy <b>now</b>!\n"), "the author is no member", "it is too large")
    page = await words(client, DESK)
    assert "About held alice@example.org (not proven) · Monday 3 May 2027, 10:00 Geneva time" in page
    assert "the author is no member; it is too large" in page
    shown = await words(client, f"{DESK}held/{hold.id}/")
    assert "Buy <b>now</b>!" in shown
    assert "alice@example.org" in shown
    assert "Nothing proves that this address wrote it." in shown
    raw = await client.get(f"{DESK}held/{hold.id}/raw")
    assert raw.content == mail("held", "Buy <b>now</b>!\n")
    assert "sandbox" in raw.headers["content-security-policy"]
    assert raw.headers["cache-control"] == "private, no-store"


async def test_a_flood_does_not_fill_the_page(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest stand there, and how many there are in all."""
    monkeypatch.setattr(desk, "_MOST", 2)
    for number in range(3):
        await site.hold(mail(f"flood{number}"))
    page = await words(client, DESK)
    assert "Posts 3 About flood0" in page
    assert "The oldest 2 are shown." in page
    assert "flood2" not in page


@pytest.mark.parametrize(
    ("decision", "state", "settled", "told"),
    [
        ("approve", "approved", "received", "is approved: it is archived and goes to the list."),
        ("reject", "rejected", "discarded", "is rejected."),
        ("discard", "discarded", "discarded", "is discarded, and nobody is told."),
    ],
)
async def test_a_decision_is_made_in_the_name_of_who_is_signed_in(
    site: Site, client: Client, decision: str, state: str, settled: str, told: str
) -> None:
    hold = await site.hold(mail("held"))
    answer = await client.post(f"{DESK}held/{hold.id}/", data={"decision": decision, "note": "Too\r\nlong"})
    assert answer.status_code == 200
    assert told in answer.text
    decided = site.db.read_now(holds.get, hold.id)
    assert (decided.state, decided.decided_by, decided.note) == (state, "chair@example.org", "Too\nlong")
    states = site.db.read_now(lambda tx: tx.execute(sa.select(errands.c.state)).scalars().all())
    assert states == [settled]
    again = await client.post(f"{DESK}held/{hold.id}/", data={"decision": "discard"})
    assert again.status_code == 409
    assert f"was {state} by chair@example.org already" in again.text
    assert f"It was {state} by chair@example.org." in await words(client, f"{DESK}held/{hold.id}/")


async def test_an_author_is_allowed_or_banned_with_a_button(site: Site, client: Client) -> None:
    hold = await site.hold(mail("held"))
    assert "Discard, and ban the author" in await words(client, f"{DESK}held/{hold.id}/")
    answer = await client.post(f"{DESK}held/{hold.id}/", data={"decision": "allow"})
    assert "alice@example.org posts without waiting from now on." in answer.text
    assert site.db.read_now(senders.verdict, site.group.id, "alice@example.org") == "allow"
    other = await site.hold(mail("other"))
    answer = await client.post(f"{DESK}held/{other.id}/", data={"decision": "ban"})
    assert "is discarded from now on." in answer.text
    assert site.db.read_now(senders.verdict, site.group.id, "alice@example.org") == "ban"


async def test_the_whole_table_is_shown_with_all_that_fired(site: Site, client: Client) -> None:
    errand = await site._errand(mail("held"), site.context.now)
    settled = site.db.write_now(post.take_post, site.context, errand)
    assert settled.state == "held"
    (hold,) = site.db.read_now(holds.waiting)
    shown = await words(client, f"{DESK}held/{hold.id}/")
    for rule in moderation.RULES:
        assert f"{rule.name}{rule.action}{rule.asks}" in shown
    assert "neither a member nor allowed to postthe author is not a member of the group" in shown


async def test_several_are_decided_at_once_each_for_itself(site: Site, client: Client) -> None:
    numbers = [(await site.hold(mail(f"m{number}"))).id for number in range(4)]
    site.db.write_now(holds.decide, site.context, numbers[1], holds.Decision("discard", "li@example.org"))
    chosen = {f"held-{number}": "on" for number in (*numbers[:3], 999)}
    answer = await client.post(f"{DESK}held/", data={"decision": "approve", **chosen})
    assert answer.status_code == 200
    assert "was discarded by li@example.org already" in answer.text
    assert "there is no held message 999 in this group" in answer.text
    assert [site.db.read_now(holds.get, one).state for one in numbers] == [
        "approved", "discarded", "approved", "waiting",
    ]  # fmt: skip
    assert "Nothing was chosen." in (await client.post(f"{DESK}held/", data={"decision": "ban"})).text
    assert (await client.post(f"{DESK}held/", data={"decision": "burn", **chosen})).status_code == 400
    assert (await client.get(f"{DESK}held/")).status_code == 404


async def test_an_emergency_stands_on_the_desk(site: Site, client: Client) -> None:
    assert "Emergency" not in (await words(client, DESK)).partition("What you can order")[0]
    group = (site.group.id, site.group.name)
    site.db.write_now(lambda tx: emergency.turn(tx, site.context, group, on=True, actor="chair@example.org"))
    assert "Emergency: every post is held since" in await words(client, DESK)


async def test_a_get_decides_nothing(site: Site, client: Client) -> None:
    hold = await site.hold(mail("held"))
    for query in ("", "?decision=approve", "?decision=discard&note=x"):
        assert (await client.get(f"{DESK}held/{hold.id}/{query}")).status_code == 200
    assert site.db.read_now(holds.get, hold.id).state == "waiting"


@pytest.mark.parametrize("fields", [{}, {"decision": "burn"}, {"note": "x"}, {"decision": ["discard", "burn"]}])
async def test_what_is_no_decision_does_nothing(site: Site, client: Client, fields: dict[str, object]) -> None:
    hold = await site.hold(mail("held"))
    assert (await client.post(f"{DESK}held/{hold.id}/", data=fields)).status_code == 400
    assert site.db.read_now(holds.get, hold.id).state == "waiting"


@pytest.mark.parametrize("content", [b"decision=" + b"x" * 2_000_000, b"&".join([b"a=b"] * 200), b"decision=\xff"])
async def test_a_form_has_its_limits(site: Site, client: Client, content: bytes) -> None:
    hold = await site.hold(mail("held"))
    answer = await client.post(f"{DESK}held/{hold.id}/", content=content)
    assert answer.status_code in {400, 413}


async def test_a_file_of_a_held_post_is_a_download(site: Site, client: Client) -> None:
    head = mail("file", "", Content_Type='multipart/mixed; boundary="b"').rstrip() + b"\r\n\r\n"
    part = b"--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=a.html\r\n\r\n<script>\r\n"
    hold = await site.hold(head + b"--b\r\n\r\nSee the file.\r\n" + part + b"--b--\r\n")
    page = await client.get(f"{DESK}held/{hold.id}/")
    (link,) = [one for one in Page(page.text).links if one.endswith("/1")]
    answer = await client.get(link)
    assert (answer.content, answer.headers["content-type"]) == (b"<script>", "application/octet-stream")
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''a.html"
    for wrong in ("0", "2", "x", "9" * 400):
        assert (await client.get(f"{DESK}held/{hold.id}/{wrong}")).status_code == 404


async def test_what_the_clock_will_send_can_be_stopped(site: Site, client: Client) -> None:
    when = schedule.read_when("2027-05-05 09:00", duration="60m")
    site.db.write_now(schedule.schedule, site.context, site.group, Order("First", when))
    site.db.write_now(ledger.plan, site.context, wiring.kinds())
    page = (await client.get(DESK)).text
    (action, *_) = re.findall(r'action="(/desk/cg-aisec/notices/\d+)"', page)
    answer = await client.post(action)
    assert answer.status_code == 200
    assert "Stopped: " in answer.text
    notice = site.db.read_now(ledger.get, int(action.rpartition("/")[2]))
    assert (notice.state, notice.reason) == ("stopped", "stopped by chair@example.org")
    assert (await client.post(action)).status_code == 409


async def test_who_answered_what(site: Site, convener: Member, client: Client) -> None:
    when = schedule.read_when("2027-05-20 09:00", duration="60m")
    order = Order("First", when, join_url="https://meet.example.org/secret")
    for name in ("a", "b"):
        site.db.write_now(members.add, site.context, site.group.id, NewMember(f"{name}@example.org", name=name.upper()))
    meeting = site.db.write_now(schedule.schedule, site.context, site.group, order)
    yes = sa.update(attendees).where(attendees.c.member_id == convener.id)
    site.db.write_now(lambda tx: tx.execute(yes.values(partstat="ACCEPTED", comment="<i>by train</i>")))
    assert "no answer yet: 2, yes: 1" in await words(client, DESK)
    page = await words(client, f"{DESK}meetings/{meeting.id}/")
    assert "A Chair yes <i>by train</i>" in page
    assert "https://meet.example.org/secret" in page


async def test_a_mail_that_failed_is_sent_again(site: Site, client: Client) -> None:
    letter = Letter(
        kind="notice", about="a matter", template="held-decided", facts={"acronym": "X", "outcome": "y", "hold": 1},
        group=(site.group.id, "cg-aisec"), recipients=(Addressee("gone@example.org", None),), sender_local="x",
        sender_name="X",
    )  # fmt: skip
    site.db.write_now(letters.write, site.context, letter)
    failed = {"state": "failed", "done_at": site.context.now, "reply": "550 no such mailbox"}
    site.db.write_now(lambda tx: tx.execute(sa.update(deliveries).values(failed)))
    assert "gone@example.org failed a matter · 550 no such mailbox" in await words(client, DESK)
    answer = await client.post(f"{DESK}outbox/1")
    assert "The mail to gone@example.org is tried again now." in answer.text
    states = site.db.read_now(lambda tx: tx.execute(sa.select(deliveries.c.state)).scalars().all())
    assert states == ["queued"]


async def test_that_no_mail_leaves_is_said(site: Site, client: Client) -> None:
    site.db.write_now(relay_state.keep, Silence("mx.example.org:25", site.context.now, 3, "connection refused"))
    assert "has not answered since Monday 3 May 2027, 10:00 Geneva time" in await words(client, DESK)
    site.db.write_now(service.pause, "restored")
    assert "Nothing is sent: this installation has been restored from a backup" in await words(client, DESK)


async def test_whose_mail_came_back(site: Site, client: Client) -> None:
    chair = site.db.read_now(members.require, site.group.id, "chair@example.org")
    for content_id in (7, 8):
        row = Bounce(chair.id, content_id, site.context.now, "hard", "5.1.1", "550 <nobody>")
        site.db.write_now(bounce_records.add, [row])
    assert "2 times, last Monday 3 May 2027, 10:00" in await words(client, DESK)
    assert "came back 2×: 5.1.1 550 <nobody>" in await words(client, f"{DESK}members/")


async def test_nothing_of_another_group_can_be_reached(site: Site, convener: Member) -> None:
    """Its numbers are answered as if there were nothing, and nothing happens."""
    hold = await site.hold(mail("held"))
    when = schedule.read_when("2027-05-05 09:00", duration="60m")
    meeting = site.db.write_now(schedule.schedule, site.context, site.group, Order("First", when))
    site.db.write_now(ledger.plan, site.context, wiring.kinds())
    site.db.write_now(lambda tx: tx.execute(sa.update(deliveries).values(state="failed", done_at=site.context.now)))
    other = site.add_group()
    stranger = site.db.write_now(members.add, site.context, other.id, NewMember("s@example.org", role="convener"))
    client = site.signed_in(stranger)
    assert (await client.get("/desk/cg-other/")).status_code == 200
    before = site.db.read_now(_states)
    for there in (f"held/{hold.id}/", f"held/{hold.id}/raw", f"meetings/{meeting.id}/"):
        assert (await client.get(f"/desk/cg-other/{there}")).status_code == 404, there
    for there in (f"held/{hold.id}/", "notices/1", "outbox/1"):
        answer = await client.post(f"/desk/cg-other/{there}", data={"decision": "approve"})
        assert answer.status_code == 404, there
        assert (await client.post(f"{DESK}{there}", data={"decision": "approve"})).status_code == 404
    assert site.db.read_now(_states) == before


def _states(tx: sa.Connection) -> list[Counter[str]]:
    return [Counter(tx.execute(sa.select(one.c.state)).scalars()) for one in (hold_rows, notices, deliveries)]


@pytest.mark.parametrize("number", ["0", "99", "-1", "1e3", "x", "٣", "9" * 30, "%00"])
async def test_odd_numbers_are_absent(client: Client, number: str) -> None:
    for there in ("held/{}/", "held/{}/raw", "meetings/{}/"):
        assert (await client.get(DESK + there.format(number))).status_code == 404
    for there in ("held/{}/", "notices/{}", "outbox/{}"):
        assert (await client.post(DESK + there.format(number), data={"decision": "approve"})).status_code == 404


async def test_a_role_that_has_gone_closes_the_desk_at_once(site: Site, convener: Member, client: Client) -> None:
    assert (await client.get(DESK)).status_code == 200
    site.db.write_now(members.change, site.context, convener, {"role": "member"})
    assert (await client.get(DESK)).status_code == 404
    assert "You are no convener" in await words(client, "/desk/")


async def test_a_rejected_author_who_is_proven_is_told(site: Site, client: Client) -> None:
    hold = await site.hold(mail("held"))
    site.db.write_now(lambda tx: tx.execute(sa.update(hold_rows).values(reasons={"reasons": ["r"], "proven": True})))
    answer = await client.post(f"{DESK}held/{hold.id}/", data={"decision": "reject", "note": "Off topic."})
    assert "and its author is told" in answer.text
    assert outbox(site.db)[-1].recipient == hold.author
    assert "Off topic." in outbox(site.db)[-1].text
