"""
A meeting as a VEVENT (pure rules: RFC 5545 section 3.6.1, RFC 7986).

Deterministic: every stamp, UID and SEQUENCE is given. Times with a zone carry our own VTIMEZONE block, whole days are
DATE values with an exclusive end, and no text with control characters gets in. The icalendar package writes and folds
the lines; who organises and who attends is put in per recipient (itip.py), never into a feed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import icalendar
from icalendar import vUri

from cgbot.ical import zone as zones
from cgbot.mail.headers import clean_text

PRODID: Final = "-//cgbot//correspondence group//EN"
_TEXT: Final = 8000


@dataclass(frozen=True, slots=True)
class Event:
    """
    One meeting.

    `starts_at` and `ends_at` are aware; with `whole_days` only their dates in `zone` count and the end is exclusive.
    `revised_at` is DTSTAMP and LAST-MODIFIED; `status` TENTATIVE, CONFIRMED or CANCELLED.
    """

    uid: str
    sequence: int
    revised_at: datetime
    created_at: datetime
    starts_at: datetime
    ends_at: datetime
    zone: str
    whole_days: bool
    summary: str
    description: str = ""
    location: str = ""
    url: str = ""
    join_url: str = ""
    status: str = "CONFIRMED"


def vevent(event: Event, stamp: datetime | None = None, *, in_utc: bool | None = None) -> icalendar.Event:
    """
    Build the component; `stamp` is the moment of an iTIP message, the last revision otherwise (RFC 5545 3.8.7.2).

    `in_utc`: whether its times are written in UTC; by default where its zone has no block of its own.
    """
    built = icalendar.Event()
    built.add("uid", event.uid)
    built.add("sequence", event.sequence)
    built.add("dtstamp", (stamp or event.revised_at).astimezone(UTC).replace(microsecond=0))
    built.add("created", event.created_at.astimezone(UTC).replace(microsecond=0))
    built.add("last-modified", event.revised_at.astimezone(UTC).replace(microsecond=0))
    for name, value in zip(
        ("dtstart", "dtend"), _times(event, zone_block(event) is None if in_utc is None else in_utc), strict=True
    ):
        built.add(name, value)
    built.add("summary", _line(event.summary))
    _add_texts(built, event)
    built.add("status", event.status)
    # A fortnight of a parent's meeting must not make a calendar busy.
    built.add("transp", "TRANSPARENT" if event.whole_days else "OPAQUE")
    return built


def _add_texts(built: icalendar.Event, event: Event) -> None:
    """Place, words and links; the join link stands where every client shows it."""
    description = "\n".join(filter(None, (f"Join: {event.join_url}" if event.join_url else "", event.description)))
    if description:
        built.add("description", text(description))
    location = event.location or event.join_url
    if location:
        built.add("location", _line(location))
    if event.url:
        built.add("url", event.url)
    if event.join_url:
        # RFC 7986 section 5.11 asks for VALUE=URI.
        link = vUri(event.join_url, params={"VALUE": "URI", "FEATURE": ["AUDIO", "VIDEO"], "LABEL": "Join"})
        built.add("conference", link, encode=False)


def _times(event: Event, in_utc: bool) -> tuple[date | datetime, date | datetime]:
    place = ZoneInfo(event.zone)
    start, end = event.starts_at.astimezone(place), event.ends_at.astimezone(place)
    if event.whole_days:
        return start.date(), end.date()
    if in_utc:
        return start.astimezone(UTC), end.astimezone(UTC)
    return start, end


def zone_block(event: Event) -> bytes | None:
    """The VTIMEZONE that the event needs; None for whole days, UTC, and zones that have to be written in UTC."""
    return None if event.whole_days else zones.block(event.zone, event.starts_at.year)


def text(value: str) -> str:
    """Text of several lines without control characters."""
    return "\n".join(clean_text(line, _TEXT) for line in value[:_TEXT].replace("\r\n", "\n").split("\n"))


def _line(value: str) -> str:
    return clean_text(value, 500)


def calendar(components: list[bytes], *, method: str = "", fields: bytes = b"") -> bytes:
    """Put rendered components into a VCALENDAR; METHOD stands near the top, where Outlook looks for it."""
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODID}\r\nCALSCALE:GREGORIAN\r\n"
    named = f"METHOD:{method}\r\n" if method else ""
    return b"".join((f"{head}{named}".encode(), fields, *components, b"END:VCALENDAR\r\n"))
