"""
Links to join a meeting, in the words that announce them (pure rules).

The secretariat's note, or a calendar's description, is text with many links: only one joins. A table knows the ways in
of the services that ITU and its members use; what wraps a link (Outlook's Safe Links, Google's redirect, Proofpoint) is
taken off. Days and times that the note names tell which meeting it is about. Nothing is fetched.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from typing import Final
from urllib.parse import parse_qs, urlsplit

_TEXT: Final = 50_000
_MOST: Final = 200
_LONGEST: Final = 2000
_URL: Final = re.compile(r"https?://[^\s<>\"'\]\[|\\^`{}]{4,4000}", re.IGNORECASE)
_HREF: Final = re.compile(r"href\s*=\s*[\"'](https?://[^\"'<>\s]{4,4000})", re.IGNORECASE)
_PROOFPOINT: Final = re.compile(r"/v3/__(https?:/{1,2}.+?)__;", re.IGNORECASE)
# Which addresses join: the end of the host's name, and the beginning of the path.
_WAYS_IN: Final = tuple(
    (host, re.compile(path, re.IGNORECASE))
    for host, path in (
        ("remote.itu.int", r"/.+"),
        ("itu.int", r"/(?:.*/)?(?:myworkspace|myws)\b.*"),
        ("zoom.us", r"/(?:j|w|s|my|join|wc)/.+"),
        ("zoom.com", r"/(?:j|w|s|my|join|wc)/.+"),
        ("zoomgov.com", r"/(?:j|w|s|my|join|wc)/.+"),
        ("teams.microsoft.com", r"/(?:l/meetup-join|meet|v2/\?meetingjoin)\b.*"),
        ("teams.live.com", r"/meet/.+"),
        (
            "webex.com",
            r"(?!/(?:en|help|downloads|test-meeting)\b).*(?:j\.php|/meet/|/join/|/m/|wbxmjs|webappng|MTID).*",
        ),
        ("meet.google.com", r"/[a-z]{3}-?[a-z]{4}-?[a-z]{3}.*"),
        ("meet.jit.si", r"/.+"),
        ("whereby.com", r"/.+"),
        ("meet.goto.com", r"/.+"),
        ("gotomeet.me", r"/.+"),
        ("bluejeans.com", r"/(?:meetings|\d).*"),
    )
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH: Final = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DAY_FIRST: Final = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?[\s-]+(?:of\s+)?{_MONTH},?[\s-]+(\d{{4}})\b", re.IGNORECASE
)
_MONTH_FIRST: Final = re.compile(rf"\b{_MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})\b", re.IGNORECASE)
_ISO: Final = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_SHORT: Final = re.compile(r"\b(\d{1,2})[./](\d{1,2})[./](\d{4})\b")
_TIME: Final = re.compile(r"\b([01]?\d|2[0-3])[:h]([0-5]\d)\b", re.IGNORECASE)
_PASSCODE: Final = re.compile(r"^.*\b(?:pass(?:code|word)|pin|code d'accès)\b.*$", re.IGNORECASE | re.MULTILINE)
_RULED: Final = frozenset("_-=~:.*")  # what services draw a line with
_SHORTEST_RULE: Final = 8
_SECRET: Final = re.compile(
    r"https?://|pass(?:code|word)|meeting id|dial.?in|conference id|\+\d[\d\s().-]{7,}", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Note:
    """A note with a link: the first that joins, further ones, the days and times in it, and its line of a passcode."""

    link: str
    others: tuple[str, ...]
    days: frozenset[date]
    times: frozenset[time]
    passcode: str


def read(text: str, page: str = "") -> Note | None:
    """Read a note: its plain text, and its HTML where a link stands behind words. None where nothing joins."""
    found = links(text, page)
    if not found:
        return None
    text = text[:_TEXT]
    passcode = _PASSCODE.search(text)
    return Note(
        link=found[0],
        others=found[1:],
        days=frozenset(_days(text)),
        times=frozenset(time(int(hour), int(minute)) for hour, minute in _TIME.findall(text)),
        passcode=" ".join(passcode[0].split())[:200] if passcode and "://" not in passcode[0] else "",
    )


def links(text: str, page: str = "") -> tuple[str, ...]:
    """The links of a text, and of HTML, that join, in their order, each once."""
    marked = page[:_TEXT]
    given = _URL.findall(text[:_TEXT])[:_MOST]
    given += [html.unescape(one) for one in (_HREF.findall(marked) + _URL.findall(marked))[:_MOST]]
    found = (unwrapped(one.rstrip(".,;:!?)*")) for one in given)
    return tuple(dict.fromkeys(one for one in found if joins(one)))


def joins(link: str) -> bool:
    """Say whether this link is a way into a meeting, as far as we know the service."""
    try:
        parts = urlsplit(link)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    whole = parts.path + (f"?{parts.query}" if parts.query else "")
    return (
        len(link) <= _LONGEST
        and link.isascii()
        and any((host == one or host.endswith(f".{one}")) and way.fullmatch(whole) for one, way in _WAYS_IN)
    )


def unwrapped(link: str) -> str:
    """The link inside what a mail filter has put around it."""
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
        given = parse_qs(parts.query, max_num_fields=50)
    except ValueError:
        return link
    if host.endswith("safelinks.protection.outlook.com"):
        return next(iter(given.get("url", ())), link)
    if host in {"www.google.com", "google.com"} and parts.path == "/url":
        return next(iter([*given.get("q", ()), *given.get("url", ())]), link)
    inside = _PROOFPOINT.search(link) if host.endswith("urldefense.com") else None
    return inside[1] if inside else link


def without_way_in(description: str) -> str:
    """
    Leave the words of a description that may be shown to everybody.

    What a service adds below a line of its own goes, and every line with a link, a number to dial or a passcode.
    """
    kept: list[str] = []
    for line in description[:_TEXT].replace("\r\n", "\n").split("\n"):
        if len(line.strip()) >= _SHORTEST_RULE and _RULED.issuperset(line.replace(" ", "").strip()):
            break
        if not _SECRET.search(line) and line.strip() != ".":
            kept.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _days(text: str) -> Iterable[date]:
    numbers = [(int(y), _MONTHS.index(m.lower()) + 1, int(d)) for d, m, y in _DAY_FIRST.findall(text)]
    numbers += [(int(y), _MONTHS.index(m.lower()) + 1, int(d)) for m, d, y in _MONTH_FIRST.findall(text)]
    numbers += [(int(y), int(m), int(d)) for y, m, d in _ISO.findall(text)]
    for first, second, year in _SHORT.findall(text):  # the day first, or the month: a meeting decides which
        numbers += [(int(year), int(second), int(first)), (int(year), int(first), int(second))]
    for number in numbers:
        try:
            yield date(*number)
        except ValueError:
            continue
