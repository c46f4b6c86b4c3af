"""The calendar feed as clients poll it: RFC 9110 section 13, and what calendars are known to need."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import icalendar
import pytest

from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Order
from tests.web.conftest import Site

pytestmark = pytest.mark.anyio
FEED = "/cg-aisec/calendar.ics"
PLAIN = {"accept-encoding": "identity"}


@pytest.fixture
def meeting(site: Site, context: Context, group: Group) -> Meeting:
    when = schedule.read_when("2027-05-20 09:00", duration="60m")
    order = Order("First meeting", when, join_url="https://meet.example.org/secret")
    made = site.db.write_now(schedule.schedule, context, group, order)
    assert isinstance(made, Meeting)
    return made


def changed(headers: dict[str, str]) -> datetime:
    return parsedate_to_datetime(headers["last-modified"])


async def test_the_bytes_stay_until_a_meeting_changes(site: Site, meeting: Meeting) -> None:
    first = await site.browser().get(FEED, headers=PLAIN)
    site.now += timedelta(days=3)
    again = await site.browser().get(FEED, headers=PLAIN)  # another process of the same installation
    assert again.content == first.content
    for name in ("etag", "last-modified", "content-type", "cache-control"):
        assert again.headers[name] == first.headers[name]
    assert first.headers["content-type"] == "text/calendar; charset=utf-8"
    assert first.headers["cache-control"] == "public, max-age=300"
    assert first.headers["content-disposition"] == 'inline; filename="cg-aisec.ics"'
    assert first.headers["referrer-policy"] == "same-origin"
    assert first.headers["x-robots-tag"] == "noindex"


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ("{}", 304),
        ("W/{}", 304),
        ('"x", {}', 304),
        ('"x",W/{} , "y"', 304),
        ("*", 304),
        ('"x"', 200),
        ("", 200),
        ("x", 200),
    ],
)
async def test_if_none_match(site: Site, meeting: Meeting, tag: str, status: int) -> None:
    client = site.browser()
    first = await client.get(FEED, headers=PLAIN)
    answer = await client.get(FEED, headers={**PLAIN, "if-none-match": tag.format(first.headers["etag"])})
    assert answer.status_code == status
    assert (answer.content == b"") == (status == 304)
    for name in ("etag", "last-modified", "cache-control", "vary"):  # RFC 9110 section 15.4.5
        assert answer.headers[name] == first.headers[name]


async def test_if_modified_since_counts_alone(site: Site, meeting: Meeting) -> None:
    client = site.browser()
    first = await client.get(FEED, headers=PLAIN)
    at = changed(dict(first.headers))
    for since, status in (
        (first.headers["last-modified"], 304),
        ((at + timedelta(days=1)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 304),
        ((at - timedelta(seconds=1)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 200),
        ("yesterday", 200),
        ("", 200),
        ("Mon, 99 May 2027 10:00:00 GMT", 200),
    ):
        assert (await client.get(FEED, headers={"if-modified-since": since})).status_code == status, since
    stale = {"if-none-match": '"other"', "if-modified-since": first.headers["last-modified"]}
    assert (await client.get(FEED, headers=stale)).status_code == 200


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip", True), ("gzip, deflate, br", True), ("br;q=1.0, gzip;q=0.8, *;q=0.1", True), ("GZIP", True),
     ("gzip;q=0", False), ("gzip;q=0.000", False), ("identity", False), ("", False), ("deflate", False)],
)  # fmt: skip
async def test_gzip_only_when_asked(site: Site, meeting: Meeting, accepted: str, packed: bool) -> None:
    client = site.browser()
    plain = await client.get(FEED, headers=PLAIN)
    async with client.stream("GET", FEED, headers={"accept-encoding": accepted}) as answer:
        content = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.headers["vary"] == "Accept-Encoding"
    assert (answer.headers.get("content-encoding") == "gzip") == packed
    assert (gzip.decompress(content) if packed else content) == plain.content
    assert (answer.headers["etag"] != plain.headers["etag"]) == packed
    headers = {"accept-encoding": accepted, "if-none-match": answer.headers["etag"]}
    again = await client.get(FEED, headers=headers)
    assert (again.status_code, again.headers["etag"]) == (304, answer.headers["etag"])


async def test_a_change_moves_the_feed_forward_and_never_back(
    site: Site, context: Context, group: Group, meeting: Meeting
) -> None:
    """Cancelled stays visible as such, with a higher SEQUENCE; what ended long ago leaves, and the time moves on."""
    client = site.browser()
    seen = [await client.get(FEED, headers=PLAIN)]
    site.now += timedelta(hours=1)
    site.db.write_now(schedule.cancel, context.at(site.now), meeting.id)
    seen.append(await client.get(FEED, headers=PLAIN))
    site.now += timedelta(days=200)
    seen.append(await client.get(FEED, headers=PLAIN))
    assert len({one.headers["etag"] for one in seen}) == 3
    assert len({one.headers["last-modified"] for one in seen}) == 3
    assert [changed(dict(one.headers)) for one in seen] == sorted(changed(dict(one.headers)) for one in seen)
    before, after, gone = (icalendar.Calendar.from_ical(one.content).walk("VEVENT") for one in seen)
    assert str(after[0]["STATUS"]) == "CANCELLED"
    assert int(after[0]["SEQUENCE"]) > int(before[0]["SEQUENCE"])
    assert gone == []


async def test_what_a_subscriber_needs_stands_in_it_and_nobody_else(site: Site, meeting: Meeting) -> None:
    calendar = icalendar.Calendar.from_ical((await site.browser().get(FEED)).content)
    for name in ("NAME", "X-WR-CALNAME", "REFRESH-INTERVAL", "X-PUBLISHED-TTL", "PRODID", "LAST-MODIFIED"):
        assert name in calendar, name
    assert calendar["REFRESH-INTERVAL"].params["VALUE"] == "DURATION"
    assert "METHOD" not in calendar
    (event,) = calendar.walk("VEVENT")
    assert event["DTSTAMP"].dt == event["LAST-MODIFIED"].dt
    assert "ATTENDEE" not in event
    assert "secret" not in str(event)
    assert event["DTSTART"].dt.astimezone(UTC) == datetime(2027, 5, 20, 7, 0, tzinfo=UTC)


async def test_the_meetings_page_tells_when_in_the_groups_time(site: Site, meeting: Meeting) -> None:
    page = await site.page("/cg-aisec/meetings/")
    assert "Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)" in " ".join(page.split())
    assert "https://cg.example.org/cg-aisec/calendar.ics" in page
    assert "secret" not in page
    site.now += timedelta(days=30)
    assert "Earlier meetings" in await site.page("/cg-aisec/meetings/")
