"""Which links join, what wraps them, which days a note names, and what must not be shown to everybody."""

from __future__ import annotations

import time as clock
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.meetings import joining

ZOOM = "https://itu.zoom.us/j/91234567890?pwd=abc"


@pytest.mark.parametrize(
    "link",
    [
        ZOOM,
        "https://us02web.zoom.us/w/91234567890",
        "https://zoom.us/my/cgaisec",
        "https://teams.microsoft.com/l/meetup-join/19%3ameeting_x%40thread.v2/0?context=%7b%7d",
        "https://teams.microsoft.com/meet/2345?p=x",
        "https://teams.live.com/meet/9345678901234?p=x",
        "https://itu.webex.com/itu/j.php?MTID=m1234",
        "https://example.webex.com/meet/convener",
        "https://remote.itu.int/confs/1234",
        "https://www.itu.int/myworkspace/#/my-workspace/meetings/77",
        "https://meet.google.com/abc-defg-hij",
        "https://meet.jit.si/cg-aisec",
    ],
)
def test_ways_in(link: str) -> None:
    assert joining.joins(link)


@pytest.mark.parametrize(
    "link",
    [
        "https://itu.zoom.us/u/abcd",
        "https://support.zoom.us/hc/en-us",
        "https://zoom.us.evil.example/j/1",
        "https://evilzoom.us/j/1",
        "https://itu.zoom.us@evil.example/j/1",
        "https://teams.microsoft.com/meetingOptions/?organizerId=x",
        "https://aka.ms/JoinTeamsMeeting",
        "https://help.webex.com/en-us/article",
        "https://www.itu.int/en/ITU-T/studygroups/2025-2028/17",
        "https://www.google.com/",
        "https://[::1/j/1",
        "https://itu.zoom.us/j/ü",
        f"https://itu.zoom.us/j/{'1' * 3000}",
    ],
)
def test_no_ways_in(link: str) -> None:
    assert not joining.joins(link)


def test_the_first_link_counts_and_marks_of_a_sentence_are_none_of_it() -> None:
    note = joining.read(f"Join ({ZOOM}), or https://meet.jit.si/x. See https://itu.zoom.us/u/help")
    assert note is not None
    assert (note.link, note.others) == (ZOOM, ("https://meet.jit.si/x",))


def test_html_is_read_with_its_entities_and_plain_text_without() -> None:
    link = "https://itu.zoom.us/j/1?a=1&copy=2"
    assert joining.links(f"see {link}") == (link,)
    assert joining.links("", f'<a href="{link.replace("&", "&amp;")}">{link.replace("&", "&amp;")}</a>') == (link,)


@pytest.mark.parametrize(
    ("wrapped", "inside"),
    [
        ("https://eur03.safelinks.protection.outlook.com/ap/x/?url=https%3A%2F%2Fmeet.jit.si%2Fx&data=5", "https://meet.jit.si/x"),
        ("https://www.google.com/url?q=https://meet.jit.si/x&sa=D", "https://meet.jit.si/x"),
        ("https://urldefense.com/v3/__https://meet.jit.si/x__;!!abc", "https://meet.jit.si/x"),
        ("https://www.google.com/search?q=x", "https://www.google.com/search?q=x"),
        ("https://eur03.safelinks.protection.outlook.com/?data=5", "https://eur03.safelinks.protection.outlook.com/?data=5"),
    ],
)  # fmt: skip
def test_what_is_put_around_a_link_is_taken_off(wrapped: str, inside: str) -> None:
    assert joining.unwrapped(wrapped) == inside


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Thursday 20 May 2027", {date(2027, 5, 20)}),
        ("May 20th, 2027", {date(2027, 5, 20)}),
        ("2027-05-20T09:00", set()),
        ("on 2027-05-20 at 9", {date(2027, 5, 20)}),
        ("20.05.2027", {date(2027, 5, 20)}),
        ("06/05/2027", {date(2027, 5, 6), date(2027, 6, 5)}),
        ("5 Sept 2025 and 20-Sep-2025", {date(2025, 9, 5), date(2025, 9, 20)}),
        ("31 February 2027, 45 May 2027", set()),
    ],
)
def test_days(text: str, days: set[date]) -> None:
    note = joining.read(f"{text} {ZOOM}")
    assert note is not None
    assert note.days == days


def test_times_and_the_passcode() -> None:
    note = joining.read(f"09:00-10h30\nMeeting ID: 123\n  Passcode:   4711\n{ZOOM}")
    assert note is not None
    assert note.times == {time(9), time(10, 30)}
    assert note.passcode == "Passcode: 4711"


def test_the_words_for_everybody_hold_no_way_in() -> None:
    description = (
        f"Agenda\n1. Opening\n\nJoin: {ZOOM}\nPasscode: 4711\nDial in: +41 22 730 5111\n.\n\n\n2. Papers\n"
        "________________________________\nMicrosoft Teams meeting\nanything"
    )
    assert joining.without_way_in(description) == "Agenda\n1. Opening\n\n2. Papers"
    google = "Agenda\n-::~:~::~:~:~:~:~:~:~:~:~:~:~:~:~:~:~:~::~:~::-\nJoin with Google Meet"
    assert joining.without_way_in(google) == "Agenda"


@given(st.text(max_size=500), st.text(max_size=500))
def test_nothing_raises(text: str, page: str) -> None:
    joining.read(text, page)
    joining.read(f"{text} {ZOOM} {page}", page)
    joining.without_way_in(text)


@pytest.mark.parametrize(
    "text",
    ["_" * 40_000 + "x", "href" * 12_000, "1 " * 25_000, "https://" * 6_000, "pin " * 12_000, "1" + " " * 49_000],
)
def test_every_text_is_read_in_one_pass(text: str) -> None:
    started = clock.process_time()
    joining.read(f"{ZOOM} {text}", text)
    joining.without_way_in(text)
    assert clock.process_time() - started < 1
