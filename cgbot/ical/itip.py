"""
Invitations out, answers in (pure rules: RFC 5546, packed as RFC 6047 asks).

Out: REQUEST and CANCEL with the organiser and the one attendee as slots, so that one frozen object serves everybody.
In: REPLY, COUNTER and REFRESH of whatever quality: mended (foreign), parsed by icalendar, and read line by line where
it gives up. Never raises for input; sizes are capped, nothing is ever expanded.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import icalendar
from icalendar import vCalAddress

from cgbot.ical import foreign
from cgbot.ical.event import Event, calendar, text, vevent, zone_block
from cgbot.mail.address import is_valid
from cgbot.mail.frozen import Frozen, join, slot
from cgbot.mail.headers import clean_text

ORGANIZER: Final = "organizer"
ATTENDEE: Final = "attendee"
OCTETS: Final = 512_000
_EVENTS: Final = 50
_ATTENDEES: Final = 50
_COMMENT: Final = 2000
_LARGEST: Final = 2**31 - 1
_END: Final = b"END:VEVENT\r\n"
PARTSTATS: Final = frozenset({"NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED"})


@dataclass(frozen=True, slots=True)
class Attendee:
    """One ATTENDEE of an answer; the address as written, PARTSTAT in upper case."""

    address: str
    partstat: str


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What came in about one event.

    `sequence` and `stamp` (aware, UTC) are None where they are missing; the time that a COUNTER proposes is read by
    `incoming`.
    """

    method: str
    uid: str
    attendees: tuple[Attendee, ...]
    organizer: str = ""
    sequence: int | None = None
    stamp: datetime | None = None
    comment: str = ""


# ------------------------------------------------------------------------------------------------------------- out


def request(event: Event, stamp: datetime) -> Frozen:
    """An invitation or an update (RFC 5546 section 3.2.2); slots ORGANIZER and ATTENDEE hold whole lines."""
    return _message("REQUEST", event, stamp)


def cancel(event: Event, stamp: datetime, *, whole: bool) -> Frozen:
    """The end of the meeting, or (not `whole`) of one attendee's invitation: then without STATUS (section 3.2.5)."""
    return _message("CANCEL", event, stamp, whole=whole)


def decline_counter(event: Event, stamp: datetime, comment: str) -> Frozen:
    """The answer no to a proposed time (RFC 5546 section 3.2.8): which event, and why; neither times nor attendees."""
    built = icalendar.Event()
    built.add("uid", event.uid)
    built.add("dtstamp", stamp.astimezone(UTC).replace(microsecond=0))
    if event.sequence:
        built.add("sequence", event.sequence)
    if comment:
        built.add("comment", text(comment))
    head, _, tail = calendar([b"\x00"], method="DECLINECOUNTER").partition(b"\x00")
    return join([head, built.to_ical()[: -len(_END)], slot(ORGANIZER), _END, tail])


def _message(method: str, event: Event, stamp: datetime, *, whole: bool = True) -> Frozen:
    built = vevent(event, stamp)
    if method == "CANCEL":
        del built["status"]
        if whole:
            built.add("status", "CANCELLED")
    block = zone_block(event)
    rendered = built.to_ical()
    body = rendered[: -len(_END)]
    head, _, tail = calendar([block or b"", b"\x00"], method=method).partition(b"\x00")
    return join([head, body, slot(ORGANIZER), slot(ATTENDEE), _END, tail])


def organizer_line(address: str, name: str) -> str:
    """The ORGANIZER property, folded, with its line end. No SENT-BY: Outlook ignores it, others break on it."""
    return _line("organizer", _calendar_address(address, name))


def attendee_line(address: str, name: str, *, role: str, partstat: str) -> str:
    """The ATTENDEE property of the one who is written to, folded, with its line end (RFC 5546 section 3.2.2)."""
    value = _calendar_address(address, name)
    for key, shown in (("CUTYPE", "INDIVIDUAL"), ("ROLE", role), ("PARTSTAT", partstat), ("RSVP", "TRUE")):
        value.params[key] = shown
    return _line("attendee", value)


def _calendar_address(address: str, name: str) -> vCalAddress:
    value = vCalAddress(f"mailto:{address}")
    shown = clean_text(name, 100)
    if shown:
        value.params["CN"] = shown
    return value


def _line(name: str, value: vCalAddress) -> str:
    carrier = icalendar.Event()
    carrier.add(name, value, encode=False)
    rendered: str = carrier.to_ical().decode("utf-8")
    return rendered.removeprefix("BEGIN:VEVENT\r\n").removesuffix("END:VEVENT\r\n")


# -------------------------------------------------------------------------------------------------------------- in


def read(content: bytes) -> tuple[Answer, ...]:
    """Read an object that came by mail, one Answer an event; () for what is none. Never raises."""
    if len(content) > OCTETS:
        return ()
    text, _ = foreign.parted(foreign.mended(content))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what icalendar guesses about zones changes nothing here
            found = _parsed(text)
    except Exception:  # noqa: BLE001 - hostile input: icalendar raises ValueError, KeyError, AttributeError, RecursionError
        found = ()
    return found or _rescued(text)


def _parsed(text: str) -> tuple[Answer, ...]:
    found: list[Answer] = []
    for parsed in icalendar.Calendar.from_ical(text, multiple=True):
        method = str(parsed.get("METHOD", "")).strip().upper()
        events = [one for one in parsed.subcomponents if one.name == "VEVENT"][:_EVENTS]
        found += [answer for one in events if (answer := _answer(method, one)) is not None]
    return tuple(found)


def _answer(method: str, event: Any) -> Answer | None:
    uid = _first(event.get("UID"))
    if not method or not uid:
        return None
    attendees = tuple(
        Attendee(address, partstat)
        for one in _several(event.get("ATTENDEE"))[:_ATTENDEES]
        if is_valid(address := address_of(str(one)))
        and (partstat := str(_first(getattr(one, "params", {}).get("PARTSTAT")) or "NEEDS-ACTION").upper())
    )
    sequence = _first(event.get("SEQUENCE"))
    return Answer(
        method=method,
        uid=clean_text(str(uid), 500),
        attendees=attendees,
        organizer=address_of(str(_first(event.get("ORGANIZER")) or "")),
        sequence=_counted(str(sequence)) if sequence is not None else None,
        stamp=_instant(event.get("DTSTAMP")),
        comment=clean_text(str(_first(event.get("COMMENT")) or ""), _COMMENT),
    )


def _counted(text: str) -> int | None:
    """A SEQUENCE within RFC 5545 section 3.3.8 (32 bits), which is also what the databases hold."""
    number = int(text) if re.fullmatch(r"[0-9]{1,10}", text) else -1
    return number if 0 <= number <= _LARGEST else None


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _first(value: Any) -> Any:
    return next(iter(_several(value)), None)


def _instant(value: Any) -> datetime | None:
    found = getattr(_first(value), "dt", None)
    if not isinstance(found, datetime):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def address_of(value: str) -> str:
    """The address of a `mailto:` in any case, "" for another kind of URI."""
    text = value.strip()
    return text[7:].strip() if text.lower().startswith("mailto:") else ""


_RESCUED_METHOD: Final = re.compile(r"^METHOD\s*:\s*([A-Z]+)", re.IGNORECASE | re.MULTILINE)
_RESCUED_UID: Final = re.compile(r"^UID(?:;[^:\n]*)?:(\S.*)$", re.IGNORECASE | re.MULTILINE)
_RESCUED_SEQUENCE: Final = re.compile(r"^SEQUENCE(?:;[^:\n]*)?:(\d{1,9})", re.IGNORECASE | re.MULTILINE)
_RESCUED_STAMP: Final = re.compile(r"^DTSTAMP(?:;[^:\n]*)?:(\d{8}T\d{6})Z", re.IGNORECASE | re.MULTILINE)
_RESCUED_ATTENDEE: Final = re.compile(r"^ATTENDEE([^\n]*?):mailto:([^\s;,]+)", re.IGNORECASE | re.MULTILINE)
_RESCUED_PARTSTAT: Final = re.compile(r";\s*PARTSTAT\s*=\s*\"?([A-Z-]+)", re.IGNORECASE)


def _rescued(text: str) -> tuple[Answer, ...]:
    """Read the few lines that matter, where the parser gave up."""
    lines = re.sub(r"\n[ \t]", "", text.replace("\r\n", "\n"))
    method, uid = _RESCUED_METHOD.search(lines), _RESCUED_UID.search(lines)
    if method is None or uid is None:
        return ()
    sequence, stamp = _RESCUED_SEQUENCE.search(lines), _RESCUED_STAMP.search(lines)
    return (
        Answer(
            method=method[1].upper(),
            uid=clean_text(uid[1], 500),
            attendees=_rescued_attendees(_RESCUED_ATTENDEE.findall(lines)[:_ATTENDEES]),
            sequence=int(sequence[1]) if sequence else None,
            stamp=_compact(stamp[1]) if stamp else None,
        ),
    )


def _rescued_attendees(found: Sequence[tuple[str, str]]) -> tuple[Attendee, ...]:
    read_off = []
    for parameters, address in found:
        partstat = _RESCUED_PARTSTAT.search(parameters)
        if is_valid(address):
            read_off.append(Attendee(address, partstat[1].upper() if partstat else "NEEDS-ACTION"))
    return tuple(read_off)


def _compact(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
