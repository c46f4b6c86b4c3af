"""
A calendar to subscribe to (pure rules: RFC 5545, RFC 7986).

The same meetings give the same bytes: no METHOD, DTSTAMP is the last revision, events are in the order of their start
and UID, and only the zones that are used stand in it, each in one block that is right for all of its meetings: where
there is no such block they are written in UTC. No attendee and no organiser is ever in a feed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import icalendar
from icalendar import vUri

from cgbot.ical import zone as zones
from cgbot.ical.event import Event, calendar, text, vevent

_POLL: Final = timedelta(hours=1)  # the shortest interval at which a client should look again
_COLOR: Final = "steelblue"  # a CSS3 name (RFC 7986 section 5.9)


@dataclass(frozen=True, slots=True)
class Feed:
    """How a calendar is called, and where it is."""

    name: str
    description: str
    source: str
    changed_at: datetime


def render(feed: Feed, events: Sequence[Event]) -> bytes:
    """Write the calendar."""
    ordered = sorted(events, key=lambda one: (one.starts_at, one.uid))
    blocks = _blocks(ordered)
    components = [blocks[zone] for zone in sorted(blocks)]
    components += [vevent(one, in_utc=one.zone not in blocks).to_ical() for one in ordered]
    return calendar(components, fields=_fields(feed))


def _blocks(events: Sequence[Event]) -> dict[str, bytes]:
    """The VTIMEZONE of each zone, right for every event that is written in it (RFC 5545 section 3.6.5)."""
    years: dict[str, list[int]] = {}
    for one in events:
        if not one.whole_days:
            years.setdefault(one.zone, []).extend((one.starts_at.year, one.ends_at.year))
    found = {zone: zones.block(zone, min(used), max(used)) for zone, used in years.items()}
    return {zone: block for zone, block in found.items() if block is not None}


def _fields(feed: Feed) -> bytes:
    carrier = icalendar.Calendar()
    for name in ("name", "x-wr-calname"):
        carrier.add(name, text(feed.name))
    carrier.add("x-wr-caldesc", text(feed.description))
    carrier.add("last-modified", feed.changed_at.replace(microsecond=0))
    carrier.add("refresh-interval", _POLL, parameters={"VALUE": "DURATION"})
    carrier.add("x-published-ttl", "PT1H")
    carrier.add("source", vUri(feed.source, params={"VALUE": "URI"}), encode=False)
    carrier.add("color", _COLOR)
    lines: bytes = carrier.to_ical()
    return lines.removeprefix(b"BEGIN:VCALENDAR\r\n").removesuffix(b"END:VCALENDAR\r\n")


def etag(content: bytes) -> str:
    """A strong ETag of these bytes (RFC 9110 section 8.8.3)."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'
