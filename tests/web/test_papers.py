"""The Documents page: numbers, revisions, states and files; open as the archive is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from cgbot.groups import members
from cgbot.groups.members import Member, NewMember
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.papers import records
from cgbot.store.tables import actions
from tests.web.conftest import Client, Site
from tests.web.markup import Page
from tests.web.shelf import Shelf

pytestmark = pytest.mark.anyio
PAPERS = "/cg-aisec/papers/"
DAY = timedelta(days=1)


@pytest.fixture
def shelf(site: Site) -> Shelf:
    return Shelf(site)


@pytest.fixture
def member(site: Site) -> Member:
    return site.db.write_now(members.add, site.context, site.group.id, NewMember("m@example.org"))


async def words(client: Client, path: str = PAPERS) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200
    page = Page(answer.text)
    assert page.problems == []
    return " ".join(page.words.split())


async def test_without_papers_it_says_where_to_send_them(site: Site) -> None:
    page = await words(site.browser())
    assert "No contribution has been received yet." in page
    assert "cg-aisec-contributions@lists.example.org" in page


async def test_papers_with_their_revisions_and_states(site: Site, shelf: Shelf) -> None:
    """The newest first; what is withdrawn, replaced, considered or late stays and says so."""
    last = shelf.add(4, "Fourth", late=True)
    for number, title, more in (
        (1, "First <b>", {"state": "withdrawn"}),
        (2, "Second", {"replaced_by": last.id}),
        (3, "Third", {"state": "considered", "abstract": "What it says."}),
    ):
        shelf.revise(shelf.add(number, title, **more), 0, ("a.docx", "application/msword", b"x"))
    shelf.revise(last, 0, ("b.docx", "x/y", b"1"), ("c.pdf", "application/pdf", b"22"))
    shelf.revise(last, 1, ("b.docx", "x/y", b"333"))
    page = await words(site.browser())
    assert "CG-AISEC-C-0001 First <b> withdrawn Example <Org>" in page
    assert "CG-AISEC-C-0002 Second replaced by CG-AISEC-C-0004" in page
    assert "CG-AISEC-C-0003 Third considered" in page
    assert "What it says." in page
    assert "CG-AISEC-C-0004 Fourth late" in page
    assert "CG-AISEC-C-0004R1, 4 May 2027, 10:00 Geneva time · b.docx (3 Bytes)" in page
    assert [page.index(f"C-000{number} ") for number in (4, 3, 2, 1)] == sorted(
        page.index(f"C-000{number} ") for number in (4, 3, 2, 1)
    )


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/pdf", "x/y"])
async def test_a_file_is_downloaded_and_never_run(site: Site, shelf: Shelf, kind: str) -> None:
    shelf.revise(shelf.add(7, "Seventh"), 2, ('Bei"trag\r\nX: y.html', kind, b"<script>alert(1)</script>"))
    client = site.browser()
    (link,) = [one for one in Page((await client.get(PAPERS)).text).links if one.startswith(f"{PAPERS}7/")]
    answer = await client.get(link)
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] in {"application/octet-stream", "application/pdf"}
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''Bei%22trag%0D%0AX%3A%20y.html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["7/0/2", "7/0/0", "7/1/1", "8/0/1", "x/0/1", "7/x/1", "7/0/x", "7/0/٣", "7/0/-1", f"{'9' * 30}/0/1",
             f"7/0/{'9' * 5000}", "999999999999/0/1", "%00/0/1"],
)  # fmt: skip
async def test_a_file_that_there_is_not(site: Site, shelf: Shelf, path: str) -> None:
    shelf.revise(shelf.add(7, "Seventh"), 0, ("a.docx", "x/y", b"x"))
    assert (await site.browser().get(f"{PAPERS}7/0/1")).status_code == 200
    assert (await site.browser().get(PAPERS + path)).status_code == 404


async def test_members_papers_are_for_members(site: Site, shelf: Shelf, member: Member) -> None:
    shelf.revise(shelf.add(7, "Seventh"), 0, ("a.docx", "x/y", b"x"))
    theirs = site.signed_in(member, "members")
    assert "Seventh" in await words(theirs)
    file = await theirs.get(f"{PAPERS}7/0/1")
    assert (file.status_code, file.headers["cache-control"]) == (200, "private, no-store")
    closed = site.browser("members")
    for path in (PAPERS, f"{PAPERS}7/0/1"):
        answer = await closed.get(path)
        assert answer.status_code == 403
        assert "Seventh" not in answer.text
    assert "Documents" not in (await closed.get("/cg-aisec/meetings/")).text
    assert "Documents" in (await theirs.get("/cg-aisec/meetings/")).text


async def test_addresses_are_masked_for_outsiders(site: Site, shelf: Shelf, member: Member) -> None:
    shelf.revise(shelf.add(7, "By hidden.person@example.net", source="", author_name="ada@example.org"), 0,
                 ("hidden.person@example.net.docx", "x/y", b"x"))  # fmt: skip
    outside = await words(site.browser())
    assert "person@example.net" not in outside
    assert "ada@" not in outside
    assert "hidden.person@example.net" in await words(site.signed_in(member))


def call(site: Site, title: str, meeting_id: int | None = None, **more: Any) -> int:
    values = {
        "group_id": site.group.id, "meeting_id": meeting_id, "title": title, "text": "", "rule": "given",
        "closes_at": site.context.now + 7 * DAY, "state": "open", "opened_at": site.context.now, "opened_by": "x",
        **more,
    }  # fmt: skip
    return site.db.write_now(records.add_call, values).id


async def test_open_calls_say_until_when(site: Site) -> None:
    when = schedule.read_when("2027-05-20 09:00", duration="60m")
    meeting = site.db.write_now(schedule.schedule, site.context, site.group, Order("Second meeting", when))
    call(site, "Call for papers", meeting.id)
    call(site, "Closed call", state="closed")
    call(site, "Call that is over", closes_at=site.context.now)
    page = await words(site.browser())
    assert (
        "Call for papers Contributions are open until Monday 10 May 2027, 10:00 Geneva time (CEST, 08:00 UTC), for "
        "Second meeting, 20 May 2027, 09:00 Geneva time." in page
    )
    assert "Closed call" not in page
    assert "over" not in page


async def test_the_desk_shows_calls_papers_and_actions(site: Site, shelf: Shelf, member: Member) -> None:
    call_id = call(site, "Call for papers")
    shelf.add(1, "First", call_id=call_id)
    shelf.add(None, "To come", state="announced")
    for text, due_on, owner_id, state in (
        ("No day", "", None, "open"),
        ("Write to WP3", "2027-05-10", member.id, "open"),
        ("Is done", "2027-05-10", member.id, "done"),
    ):
        act = sa.insert(actions).values(
            group_id=site.group.id, text=text, due_on=due_on, owner_id=owner_id, state=state,
            created_at=site.context.now, created_by="x",
        )  # fmt: skip
        site.db.write_now(sa.Connection.execute, act)
    chair = site.db.write_now(members.add, site.context, site.group.id, NewMember("c@example.org", role="convener"))
    page = await words(site.signed_in(chair), "/desk/cg-aisec/")
    assert "Call for papers closes Monday 10 May 2027, 10:00 Geneva time (CEST, 08:00 UTC) · 1 paper so far" in page
    assert "To come announced Ada" in page
    assert "Write to WP3 2 · m@example.org · until Monday 10 May 2027 No day 1 · nobody's" in page
    assert "Is done" not in page
