"""The calendar to subscribe to: the same bytes, and every time read as a client reads it is the meeting's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from dateutil.rrule import rrulestr

from cgbot.ical import feed, zone
from cgbot.ical.event import Event
from cgbot.ical.feed import Feed

NOW = datetime(2027, 5, 3, 8, tzinfo=UTC)
FEED = Feed("CG-AISEC", "AI security", "https://cg.example.org/cg-aisec/calendar.ics", NOW)
EVENT = Event(
    uid="a-uid@lists.example.org",
    sequence=0,
    revised_at=NOW,
    created_at=NOW,
    starts_at=datetime(2027, 5, 20, 7, tzinfo=UTC),
    ends_at=datetime(2027, 5, 20, 8, tzinfo=UTC),
    zone="Europe/Zurich",
    whole_days=False,
    summary="CG-AISEC: First meeting",
)
FAR = datetime(2040, 1, 1)  # noqa: DTZ001 - onsets are local times


def changes_of(block: icalendar.Timezone) -> list[tuple[datetime, timedelta]]:
    """Each onset of a VTIMEZONE as an instant (RFC 5545 section 3.6.5: in the local time before it), and its offset."""
    found = []
    for part in block.subcomponents:
        before, after = part["TZOFFSETFROM"].td, part["TZOFFSETTO"].td
        start = part["DTSTART"].dt.replace(tzinfo=None)
        rule = part.get("RRULE")
        onsets = rrulestr(rule.to_ical().decode(), dtstart=start).between(start, FAR, inc=True) if rule else [start]
        found += [((onset - before).replace(tzinfo=UTC), after) for onset in onsets]
    return sorted(found)


def instant_by_block(wall: datetime, changes: list[tuple[datetime, timedelta]]) -> set[datetime]:
    """The instants that a client may read off a wall time and its VTIMEZONE; two in the hour that comes twice."""
    offsets = {one[1] for one in changes}
    read = [((wall - offset).replace(tzinfo=UTC), offset) for offset in offsets]
    return {instant for instant, offset in read if [one for one in changes if one[0] <= instant][-1][1] == offset}


def in_weeks_of_change(name: str) -> Iterator[Event]:
    """Meetings on each day around the changes of Geneva and New York, and where the zone itself changes, 2024-2030."""
    number = 0
    for year in range(2024, 2031):
        for month, day in ((3, 8), (3, 25), (10, 24), (11, 1)):
            for hours in range(0, 9 * 24, 7):
                number += 1
                start = datetime(year, month, day, tzinfo=UTC) + timedelta(hours=hours)
                yield replace(EVENT, uid=f"{number}@x", starts_at=start, ends_at=start + timedelta(hours=1), zone=name)


@pytest.mark.parametrize(
    "name", ["Europe/Zurich", "Asia/Seoul", "America/New_York", "Asia/Kathmandu", "Africa/Casablanca"]
)
def test_each_start_read_by_its_block_is_the_meetings_own(name: str) -> None:
    events = {one.uid: one for one in in_weeks_of_change(name)}
    parsed = icalendar.Calendar.from_ical(feed.render(FEED, list(events.values())))
    blocks = {str(one["TZID"]): changes_of(one) for one in parsed.walk("VTIMEZONE")}
    assert set(blocks) == ({name} if name != "Africa/Casablanca" else set())
    found = parsed.walk("VEVENT")
    assert len(found) == len(events)
    for one in found:
        given, expected = one["DTSTART"], events[str(one["UID"])].starts_at
        if "TZID" in given.params:
            assert expected in instant_by_block(given.dt.replace(tzinfo=None), blocks[given.params["TZID"]])
        else:
            assert given.to_ical() == f"{expected:%Y%m%dT%H%M%SZ}".encode()


def rendered(events: Sequence[Event]) -> bytes:
    return feed.render(FEED, events)


def test_the_same_meetings_are_the_same_bytes_in_any_order() -> None:
    zones = ("Europe/Zurich", "Asia/Seoul", "America/New_York", "Africa/Casablanca", "UTC")
    events = [replace(one, uid=f"{zone}{one.uid}") for zone in zones for one in in_weeks_of_change(zone)][::9]
    assert rendered(events) == rendered(list(reversed(events)))
    assert rendered(events).count(b"BEGIN:VTIMEZONE") == 3
    assert all(len(line) <= 75 for line in rendered(events).split(b"\r\n"))


def test_a_zone_whose_rule_has_changed_in_between_is_written_in_utc() -> None:
    """
    Kazakhstan went from +06 to +05 on 1 March 2024: a meeting before and one after cannot share a block of one rule.

    Which of the two was the last one in the calendar must make no difference.
    """
    before = replace(EVENT, uid="1@x", zone="Asia/Almaty", starts_at=datetime(2024, 2, 1, 4, tzinfo=UTC))
    before = replace(before, ends_at=before.starts_at + timedelta(hours=1))
    after = replace(EVENT, uid="2@x", zone="Asia/Almaty")
    assert b"TZID=Asia/Almaty" in rendered([after])
    content = rendered([before, after])
    assert b"Almaty" not in content
    assert b"DTSTART:20240201T040000Z\r\n" in content
    assert b"DTSTART:20270520T070000Z\r\n" in content


def test_whole_days_need_no_zone_and_disturb_none() -> None:
    old = datetime(2024, 2, 1, tzinfo=ZoneInfo("Asia/Almaty")).astimezone(UTC)
    days = replace(EVENT, uid="1@x", zone="Asia/Almaty", whole_days=True, starts_at=old)
    content = rendered([replace(days, ends_at=old + timedelta(days=2)), replace(EVENT, uid="2@x", zone="Asia/Almaty")])
    assert b"DTSTART;VALUE=DATE:20240201\r\nDTEND;VALUE=DATE:20240203\r\n" in content
    assert b"DTSTART;TZID=Asia/Almaty:20270520T120000\r\n" in content


def test_the_head_is_what_clients_look_for() -> None:
    """RFC 7986 sections 5.1, 5.7, 5.8 and 5.9, with the older names beside them."""
    head = rendered([EVENT]).partition(b"BEGIN:VTIMEZONE")[0]
    for line in (
        b"NAME:CG-AISEC", b"X-WR-CALNAME:CG-AISEC", b"REFRESH-INTERVAL;VALUE=DURATION:PT1H", b"X-PUBLISHED-TTL:PT1H",
        b"SOURCE;VALUE=URI:https://cg.example.org/cg-aisec/calendar.ics", b"COLOR:steelblue",
        b"LAST-MODIFIED:20270503T080000Z",
    ):  # fmt: skip
        assert line + b"\r\n" in head


def test_every_zone_of_the_pinned_data_has_a_right_block_or_none() -> None:
    """Nothing raises, and the great majority can be written."""
    written = [name for name in zone.names() if zone.block(name, 2027) is not None]
    assert len(written) > 500
