"""A report on the desk: read, corrected, merged with what others wrote, downloaded; approved only by an order."""

from __future__ import annotations

import re

import pytest

from cgbot.groups import members
from cgbot.groups.members import Member, NewMember
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.papers import report, report_records
from cgbot.papers.report_records import Version
from cgbot.store import raw
from tests.web.conftest import Client, Site
from tests.web.markup import Page
from tests.web.shelf import drafted

pytestmark = pytest.mark.anyio
DESK = "/desk/cg-aisec/"


@pytest.fixture
def convener(site: Site) -> Member:
    new = NewMember("chair@example.org", name="A Chair", role="convener")
    return site.db.write_now(members.add, site.context, site.group.id, new)


@pytest.fixture
def client(site: Site, convener: Member) -> Client:
    return site.signed_in(convener)


@pytest.fixture
def version(site: Site, convener: Member) -> Version:
    """The first draft of the report to SG17 in September."""
    return site.db.write_now(drafted, site.context, site.group)


async def text_of(client: Client) -> str:
    page = await client.get(f"{DESK}reports/1/")
    assert page.status_code == 200
    assert Page(page.text).problems == []
    return page.text


async def test_a_report_that_is_owed_stands_on_the_desk(site: Site, client: Client) -> None:
    when = schedule.read_when("2027-09-01", days=8)
    site.db.write_now(schedule.schedule, site.context, site.group, Order("SG17", when, kind="parent"))
    page = Page((await client.get(DESK)).text)
    assert "due on Sunday 1 August 2027" in " ".join(page.words.split())
    assert f"{DESK}order/draft-report/?words=1" in page.links


async def test_the_newest_version_can_be_corrected(site: Site, client: Client, version: Version) -> None:
    page = await text_of(client)
    assert "Version 1, by cgbot" in page
    assert Page(page).words.count(version.body.splitlines()[0])
    text = version.body + "\n\n<script>A correction</script>\n"
    sent = await client.post(f"{DESK}reports/1/", data={"text": text.replace("\n", "\r\n"), "version": "1"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{DESK}reports/1/")
    made = site.db.read_now(report_records.latest, 1)
    assert made is not None
    assert (made.number, made.made_by) == (2, "chair@example.org")
    assert "<script>A correction</script>" in made.body
    assert "\r" not in made.body
    assert "&lt;script&gt;A correction&lt;/script&gt;" in await text_of(client)


async def test_nothing_different_is_no_version(site: Site, client: Client, version: Version) -> None:
    """As a browser sends it back: its line ends, and the first line break of a textarea swallowed."""
    page = await text_of(client)
    shown = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert shown is not None
    await client.post(f"{DESK}reports/1/", data={"text": version.body.replace("\n", "\r\n"), "version": "1"})
    assert len(site.db.read_now(report_records.versions, 1)) == 1


async def test_two_who_write_at_once_lose_nothing(site: Site, client: Client, version: Version) -> None:
    for words in ("First hand.", "Second hand."):
        await client.post(f"{DESK}reports/1/", data={"text": f"{version.body}\n\n{words}\n", "version": "1"})
    made = site.db.read_now(report_records.latest, 1)
    assert made is not None
    assert "First hand." in made.body
    assert "Second hand." in made.body


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"text": "no titles at all", "version": "1"}, 400),
        ({"text": "", "version": "1"}, 400),
        ({"text": "=== x ===", "version": ""}, 400),
        ({"text": "=== x ===", "version": "x"}, 400),
        ({"text": "=== x ===", "version": "9" * 99}, 400),
        ({"text": "=== x ===", "version": "9"}, 404),
    ],
)
async def test_what_is_no_report_is_refused(
    site: Site, client: Client, version: Version, data: dict[str, str], status: int
) -> None:
    answer = await client.post(f"{DESK}reports/1/", data=data)
    assert answer.status_code == status
    if data["text"] == "no titles at all":
        assert re.search(r"<textarea[^>]*>\nno titles at all</textarea>", answer.text)
    assert len(site.db.read_now(report_records.versions, 1)) == 1


async def test_the_word_file_is_a_download(site: Site, client: Client, version: Version) -> None:
    there = f"{DESK}reports/1/report.docx"
    assert (await client.get(there)).status_code == 404
    prepared = raw.prepare(b"PK a word file")
    site.db.write_now(raw.put, [prepared])
    site.db.write_now(report_records.note_docx, version.id, prepared.sha256)
    answer = await client.get(there)
    assert answer.content == b"PK a word file"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert re.fullmatch(r"attachment; filename\*=utf-8''[\w.%-]+\.docx", answer.headers["content-disposition"])
    assert there in Page(await text_of(client)).links


async def test_what_is_approved_or_submitted_says_so(site: Site, client: Client, version: Version) -> None:
    site.db.write_now(report.approve, site.context, 1, "chair@example.org")
    page = await text_of(client)
    assert "by chair@example.org" in page
    assert f"{DESK}order/submit-report/?words=1" in page
    done = {"state": "submitted", "submitted_at": site.context.now}
    site.db.write_now(lambda tx: report_records.change(tx, 1, **done))
    assert "<textarea" not in await text_of(client)
    late = await client.post(f"{DESK}reports/1/", data={"text": version.body + "\n\nlate", "version": "1"})
    assert late.status_code == 409


async def test_a_report_of_another_group_is_absent(site: Site, client: Client, version: Version) -> None:
    other = site.add_group()
    stranger = site.db.write_now(members.add, site.context, other.id, NewMember("s@example.org", role="convener"))
    theirs = site.signed_in(stranger)
    data = {"text": version.body + "\n\nx", "version": "1"}
    for group in ("cg-other", "cg-aisec"):
        assert (await theirs.get(f"/desk/{group}/reports/1/")).status_code == 404
        assert (await theirs.get(f"/desk/{group}/reports/1/report.docx")).status_code == 404
        assert (await theirs.post(f"/desk/{group}/reports/1/", data=data)).status_code == 404
    assert len(site.db.read_now(report_records.versions, 1)) == 1
    assert (await client.get(f"{DESK}reports/2/")).status_code == 404
