"""Invitations as clients want them; answers of every quality."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.ical import feed, itip
from cgbot.ical.event import Event
from cgbot.mail.frozen import Frozen, as_base64, fill

NOW = datetime(2027, 5, 3, 8, tzinfo=UTC)
EVENT = Event(
    uid="a-uid@lists.example.org",
    sequence=2,
    revised_at=NOW,
    created_at=NOW,
    starts_at=datetime(2027, 5, 20, 7, tzinfo=UTC),
    ends_at=datetime(2027, 5, 20, 8, tzinfo=UTC),
    zone="Europe/Zurich",
    whole_days=False,
    summary="CG-AISEC: First meeting",
    description="Agenda",
    location="MyWorkspace",
    join_url="https://meet.example.org/x",
)
DELEGATE = 'J. "X" Müller, TSB'
WHO = {
    itip.ORGANIZER: itip.organizer_line("cg-aisec-meetings+1-abc@lists.example.org", "CG-AISEC"),
    itip.ATTENDEE: itip.attendee_line(
        "delegate@example.org", DELEGATE, role="REQ-PARTICIPANT", partstat="NEEDS-ACTION"
    ),
}


def filled(frozen: Frozen, who: Mapping[str, str] = WHO) -> bytes:
    """The object as it stands in a part of a mail, decoded."""
    return base64.b64decode(fill(as_base64(frozen), who))


def requested(event: Event = EVENT) -> bytes:
    return filled(itip.request(event, NOW))


def vevent(content: bytes) -> icalendar.Event:
    return icalendar.Calendar.from_ical(content).walk("VEVENT")[0]  # type: ignore[return-value]


def test_a_request_has_what_its_table_asks_for() -> None:
    """RFC 5546 section 3.2.2, and METHOD near the top."""
    lines = requested().split(b"\r\n")
    assert b"METHOD:REQUEST" in lines[:6]
    event = vevent(requested())
    for name in ("UID", "DTSTAMP", "DTSTART", "ORGANIZER", "SUMMARY", "SEQUENCE", "ATTENDEE"):
        assert name in event
    assert not event.errors
    assert event["DTSTART"].to_ical() == b"20270520T090000"
    assert event["DTSTART"].params["TZID"] == "Europe/Zurich"
    assert event["ATTENDEE"].params["RSVP"] == "TRUE"
    assert "SENT-BY" not in event["ORGANIZER"].params
    assert event["ATTENDEE"].params["CN"] == 'J. "X" Müller, TSB'
    assert str(event["CONFERENCE"]) == "https://meet.example.org/x"


@given(st.text(max_size=300), st.text(max_size=120))
def test_no_text_breaks_a_line(summary: str, name: str) -> None:
    who = {**WHO, itip.ATTENDEE: itip.attendee_line("a@example.org", name, role="REQ-PARTICIPANT", partstat="ACCEPTED")}
    content = filled(itip.request(replace(EVENT, summary=summary, description=summary), NOW), who)
    for line in content.split(b"\r\n"):
        assert len(line) <= 75
        line.decode("utf-8")
        assert not any(byte < 32 and byte != 9 for byte in line)
    assert content.count(b"BEGIN:VEVENT") == 1
    assert len(icalendar.Calendar.from_ical(content).walk("VEVENT")) == 1


def test_the_summary_comes_back() -> None:
    event = vevent(requested(replace(EVENT, summary="a;b,c\\d é😀")))
    assert str(event["SUMMARY"]) == "a;b,c\\d é😀"


def test_whole_days_are_dates_with_an_exclusive_end() -> None:
    """2-9 December: DTEND is the 10th, no zone, and the fortnight does not make anybody busy."""
    whole = replace(
        EVENT,
        whole_days=True,
        starts_at=datetime(2026, 12, 1, 23, tzinfo=UTC),
        ends_at=datetime(2026, 12, 9, 23, tzinfo=UTC),
    )
    content = requested(whole)
    assert b"DTSTART;VALUE=DATE:20261202\r\n" in content
    assert b"DTEND;VALUE=DATE:20261210\r\n" in content
    assert b"TRANSP:TRANSPARENT\r\n" in content
    assert b"TZID" not in content


def test_a_cancellation_says_so_and_an_uninvitation_does_not() -> None:
    """RFC 5546 section 3.2.5."""
    whole, one = (filled(itip.cancel(EVENT, NOW, whole=flag)) for flag in (True, False))
    assert b"METHOD:CANCEL\r\n" in whole
    assert b"STATUS:CANCELLED\r\n" in whole
    assert b"STATUS" not in one
    assert b"ATTENDEE" in whole


@pytest.mark.parametrize(("sequence", "comment"), [(0, ""), (2, "too many are away; sorry")])
def test_a_declined_proposal_names_the_event_and_nothing_of_its_time(sequence: int, comment: str) -> None:
    """RFC 5546 section 3.2.8: SEQUENCE where it is greater than 0, no attendee, no times."""
    content = filled(itip.decline_counter(replace(EVENT, sequence=sequence), NOW, comment))
    event = vevent(content)
    expected = (
        {"UID", "DTSTAMP", "ORGANIZER"} | ({"SEQUENCE"} if sequence else set()) | ({"COMMENT"} if comment else set())
    )
    assert set(event) == expected
    assert b"METHOD:DECLINECOUNTER\r\n" in content
    assert str(event.get("COMMENT", "")) == comment
    assert b"VTIMEZONE" not in content


def test_a_zone_that_has_no_block_is_written_in_utc() -> None:
    content = requested(replace(EVENT, zone="Africa/Casablanca"))
    assert b"DTSTART:20270520T070000Z\r\n" in content
    assert b"VTIMEZONE" not in content


SAYS_YES = itip.attendee_line("delegate@example.org", DELEGATE, role="REQ-PARTICIPANT", partstat="ACCEPTED")
REPLY = filled(itip.request(EVENT, NOW), {**WHO, itip.ATTENDEE: SAYS_YES}).replace(b"METHOD:REQUEST", b"METHOD:REPLY")


@pytest.mark.parametrize(
    "content",
    [
        REPLY,
        REPLY.replace(b"\r\n", b"\n"),
        REPLY.replace(b"\r\n", b"\r\r\n"),
        REPLY.replace(b"\r\n", b"\r"),
        b"\xef\xbb\xbf" + REPLY,
        b"some words before\r\n" + REPLY,
        REPLY.removesuffix(b"END:VCALENDAR\r\n"),
        REPLY.removesuffix(b"END:VEVENT\r\nEND:VCALENDAR\r\n"),
        REPLY.replace(b"METHOD:REPLY", b"method:reply"),
        REPLY.replace(b"SUMMARY:", b"a line that is none\r\nSUMMARY:"),
    ],
)
def test_replies_of_every_quality(content: bytes) -> None:
    (answer,) = itip.read(content)
    assert (answer.method, answer.uid, answer.sequence) == ("REPLY", EVENT.uid, 2)
    assert answer.attendees == (itip.Attendee("delegate@example.org", "ACCEPTED"),)
    assert answer.stamp == NOW


@given(st.binary(max_size=400))
def test_reading_never_raises(noise: bytes) -> None:
    itip.read(noise)
    itip.read(REPLY[:300] + noise + REPLY[300:])


@pytest.mark.parametrize("content", [b"\r" * 500_000, REPLY + b"\r" * 400_000, b"\r \r\t" * 120_000])
def test_a_run_of_line_ends_costs_one_pass(content: bytes) -> None:
    """Looking for the LF behind each CR took two minutes."""
    itip.read(content)


@pytest.mark.parametrize("number", [b"99999999999999999999", b"2147483648", b"-5", b"9" * 5000])
def test_a_sequence_that_no_database_holds_is_none(number: bytes) -> None:
    (answer,) = itip.read(REPLY.replace(b"SEQUENCE:2", b"SEQUENCE:" + number))
    assert answer.sequence is None or answer.sequence <= 2**31 - 1


def test_letters_that_grow_in_capitals_do_not_move_the_beginning() -> None:
    (answer,) = itip.read("Grüße, große Straße\r\n".encode() + REPLY)
    assert answer.attendees == (itip.Attendee("delegate@example.org", "ACCEPTED"),)


def test_nothing_of_other_programs_raises(corpora: Path) -> None:
    read = 0
    for folder in ("04-ical", "05-imip"):
        for file in sorted((corpora / folder).rglob("*")):
            if file.is_file():
                itip.read(file.read_bytes())
                read += 1
    assert read > 500


def test_a_feed_is_the_same_bytes_and_names_nobody() -> None:
    described = feed.Feed("CG-AISEC", "AI security", "https://cg.example.org/cg-aisec/calendar.ics", NOW)
    events = [replace(EVENT, uid=f"{number}@x", sequence=number) for number in range(3)]
    content = feed.render(described, events)
    assert content == feed.render(described, list(reversed(events)))
    assert content.count(b"BEGIN:VTIMEZONE") == 1
    for absent in (b"METHOD", b"ATTENDEE", b"ORGANIZER"):
        assert absent not in content
    for present in (
        b"NAME:CG-AISEC\r\n",
        b"X-WR-CALNAME:CG-AISEC\r\n",
        b"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n",
        b"X-PUBLISHED-TTL:PT1H\r\n",
        b"SOURCE;VALUE=URI:https://cg.example.org/cg-aisec/calendar.ics\r\n",
        b"DTSTAMP:20270503T080000Z\r\n",
        b"LAST-MODIFIED:20270503T080000Z\r\n",
    ):
        assert present in content
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
