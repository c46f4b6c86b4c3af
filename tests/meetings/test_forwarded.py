"""Invitations and joining notes that a convener forwards: what they become, and that nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from urllib.parse import quote

import pytest

from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Order
from cgbot.store.db import Database
from tests.groups.mailbag import Sent
from tests.meetings.conversation import CONVENER, Conversation, letter

ZOOM = "https://itu.zoom.us/j/91234567890?pwd=abc"
TEAMS = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_x%40thread.v2/0?context=%7b%7d"
OUTLOOK = "W. Europe Standard Time"
WINDOWS = """BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""
ZURICH = "DTSTART;TZID=Europe/Zurich:20270520T090000\nDTEND;TZID=Europe/Zurich:20270520T100000"


@pytest.fixture
def talk(db: Database, context: Context, group: Group) -> Conversation:
    return Conversation(db, context, group)


def invitation(times: str = ZURICH, more: str = "", *, block: str = "", method: str = "REQUEST") -> str:
    lines = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{f'METHOD:{method}' if method else ''}\n{block}BEGIN:VEVENT\n"
    lines += f"UID:theirs@example.com\nDTSTAMP:20270501T080000Z\nSUMMARY:Second e-meeting\n{times}\n{more}\n"
    return "\r\n".join(filter(None, f"{lines}END:VEVENT\nEND:VCALENDAR".split("\n"))) + "\r\n"


def forwarded(ics: str, author: str = CONVENER, *, method: str = "REQUEST", **fields: str) -> EmailMessage:
    message = letter("as agreed", "FW: Second e-meeting", author)
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.add_alternative(ics, subtype="calendar", charset="utf-8", params={"method": method}, cte="base64")
    return message


def shown(talk: Conversation) -> Sent:
    """The one preview, to the convener alone."""
    (mail,) = talk.news()
    assert mail.recipient == CONVENER
    return mail


def ordered(talk: Conversation, preview: Sent, word: str = "yes") -> Sequence[Sent]:
    talk.answer(preview, word)
    talk.wait(timedelta(minutes=11))
    return talk.news()


def fields_of(mail: Sent) -> dict[str, str]:
    """The lines of the order between its marks."""
    inside = mail.text.partition("the order --------")[2].partition("--------")[0]
    pairs = (line.partition(": ") for line in inside.splitlines() if ": " in line)
    return {key: value for key, _, value in pairs}


@pytest.mark.parametrize(
    ("times", "block"),
    [
        (ZURICH, ""),
        ("DTSTART:20270520T070000Z\nDTEND:20270520T080000Z", ""),
        ("DTSTART;TZID=Europe/Paris:20270520T090000\nDURATION:PT1H", ""),
        (f"DTSTART;TZID={OUTLOOK}:20270520T090000\nDTEND;TZID={OUTLOOK}:20270520T100000", WINDOWS),
        ("DTSTART;TZID=W. Europe Standard Time:20270520T090000\nDTEND:20270520T080000Z", ""),
        ("DTSTART;TZID=Customized Time Zone:20270520T090000\nDTEND;TZID=Customized Time Zone:20270520T100000",
         WINDOWS.replace("W. Europe Standard Time", "Customized Time Zone")),
        ("DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Zurich:20270520T090000\nDURATION:PT60M", ""),
    ],
)  # fmt: skip
def test_an_invitation_becomes_a_meeting_after_a_yes(talk: Conversation, times: str, block: str) -> None:
    """However its zone is written, it is 07:00-08:00 UTC, which is Geneva's 09:00."""
    talk.send(forwarded(invitation(times, f"LOCATION:{ZOOM}", block=block)))
    preview = shown(talk)
    assert talk.meetings() == ()
    assert "Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)" in " ".join(preview.text.split())
    ordered(talk, preview)
    (meeting,) = talk.meetings()
    assert (meeting.title, meeting.state) == ("Second e-meeting", "confirmed")
    assert (meeting.starts_at, meeting.ends_at) == (
        datetime(2027, 5, 20, 7, tzinfo=UTC),
        datetime(2027, 5, 20, 8, tzinfo=UTC),
    )
    assert (meeting.zone, meeting.join_url, meeting.location) == ("Europe/Zurich", ZOOM, "")


def test_a_meeting_elsewhere_keeps_its_zone(talk: Conversation) -> None:
    talk.send(forwarded(invitation("DTSTART;TZID=Korea Standard Time:20270520T090000\nDURATION:PT2H")))
    assert fields_of(shown(talk)) == {
        "title": "Second e-meeting", "start": "2027-05-20 09:00", "end": "2027-05-20 11:00", "zone": "Asia/Seoul",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("times", "question", "correction", "starts_at"),
    [
        ("DTSTART:20270520T090000\nDTEND:20270520T100000", "without a time zone", "zone: Geneva", 7),
        ("DTSTART:20270520T090000\nDTEND:20270520T100000", "without a time zone", "zone: Asia/Seoul", 0),
        ("DTSTART;TZID=Somewhere:20270520T090000\nDURATION:PT1H", "'Somewhere'", "zone: UTC", 9),
        ("DTSTART;TZID=Europe/Zurich:20270520T090000", "when it ends", "duration: 60m", 7),
    ],
)
def test_what_is_not_certain_is_asked(
    talk: Conversation, times: str, question: str, correction: str, starts_at: int
) -> None:
    talk.send(forwarded(invitation(times)))
    preview = shown(talk)
    assert question in " ".join(preview.text.split())
    (refusal,) = ordered(talk, preview, "yes")
    assert "question mark" in refusal.text
    assert talk.meetings() == ()
    talk.answer(preview, correction)
    ordered(talk, shown(talk))
    (meeting,) = talk.meetings()
    assert meeting.starts_at == datetime(2027, 5, 20, starts_at, tzinfo=UTC)
    assert meeting.ends_at - meeting.starts_at == timedelta(hours=1)


def test_an_invitation_that_contradicts_itself_is_asked_about(talk: Conversation) -> None:
    block = WINDOWS.replace("W. Europe Standard Time", "Asia/Seoul")
    talk.send(forwarded(invitation("DTSTART;TZID=Asia/Seoul:20270520T090000\nDURATION:PT1H", block=block)))
    assert "contradicts itself" in " ".join(shown(talk).text.split())


def test_a_series_gives_its_first_meeting_and_says_so(talk: Conversation) -> None:
    talk.send(forwarded(invitation(more="RRULE:FREQ=WEEKLY;COUNT=10")))
    preview = shown(talk)
    assert "only its first meeting" in " ".join(preview.text.split())
    ordered(talk, preview)
    assert len(talk.meetings()) == 1


def test_whole_days_have_their_last_day_and_no_zone_question(talk: Conversation) -> None:
    """RFC 5545 section 3.6.1: the end of a DATE is exclusive."""
    talk.send(forwarded(invitation("DTSTART;VALUE=DATE:20271201\nDTEND;VALUE=DATE:20271209")))
    preview = shown(talk)
    assert (fields_of(preview)["start"], fields_of(preview)["end"]) == ("2027-12-01", "2027-12-08")
    assert "kind: parent" in " ".join(preview.text.split())


def test_nothing_secret_gets_into_the_words_that_everybody_sees(talk: Conversation) -> None:
    description = (
        f"DESCRIPTION:Agenda: 1. opening\\n2. papers\\n\\n________________________________\\nJoin: {TEAMS}\\n"
        "Meeting ID: 123\\nPasscode: hush\\n"
    )
    talk.send(forwarded(invitation(more=f"{description}\nLOCATION:Microsoft Teams Meeting")))
    ordered(talk, shown(talk))
    (meeting,) = talk.meetings()
    assert meeting.join_url == TEAMS
    assert meeting.description == "Agenda: 1. opening\n2. papers"


def test_a_file_without_a_method_is_taken_too(talk: Conversation) -> None:
    message = letter("please", "meeting")
    message.add_attachment(invitation(method="").encode(), maintype="application", subtype="ics", filename="invite.ics")
    talk.send(message)
    assert fields_of(shown(talk))["start"] == "2027-05-20 09:00"


def test_google_names_its_user_in_reply_to(talk: Conversation) -> None:
    google = "Google Calendar <calendar-notification@google.com>"
    more = {"Reply_To": CONVENER, "Auto_Submitted": "auto-generated"}
    talk.send(forwarded(invitation(), google, **more))
    assert fields_of(shown(talk))["title"] == "Second e-meeting"


@pytest.mark.parametrize("author", ["delegate@example.org", "stranger@example.com"])
def test_others_are_passed_on_to_the_conveners_as_ever(talk: Conversation, author: str) -> None:
    talk.send(letter(f"Join: {ZOOM}", "link", author))
    assert {mail.recipient for mail in talk.news()} == {CONVENER, "vice@example.org"}


def test_a_robot_gets_no_preview(talk: Conversation) -> None:
    message = letter(f"I am away. {ZOOM}", "Automatic reply: meeting")
    message["Auto-Submitted"] = "auto-replied"
    talk.send(message)
    assert talk.news() == []


# --------------------------------------------------------------------------------------------------- joining notes


def called(
    talk: Conversation, start: str = "2027-05-20 09:00", title: str = "Second e-meeting", **more: str
) -> Meeting:
    order = Order(title, schedule.read_when(start, duration="60m"), **more)  # type: ignore[arg-type]
    meeting = talk.db.write_now(schedule.schedule, talk.context, talk.group, order)
    talk.news()
    return meeting


NOTE = """Dear convener,

your e-meeting of Thursday 20 May 2027, 09:00-10:00 Geneva time, has been set up.

Join the meeting: <{link}>
Passcode: 4711
Find your local number: https://itu.zoom.us/u/abcd
Help: https://support.zoom.us/hc/en-us

TSB meeting service
"""


@pytest.mark.parametrize(
    ("written", "link"),
    [
        (ZOOM, ZOOM),
        (TEAMS, TEAMS),
        ("https://itu.webex.com/itu/j.php?MTID=m1234", "https://itu.webex.com/itu/j.php?MTID=m1234"),
        ("https://remote.itu.int/confs/1234", "https://remote.itu.int/confs/1234"),
        ("https://www.itu.int/myworkspace/#/my-workspace/meetings/77", "https://www.itu.int/myworkspace/#/my-workspace/meetings/77"),
        (f"https://eur03.safelinks.protection.outlook.com/?url={quote(ZOOM, safe='')}&data=05", ZOOM),
        ("https://www.google.com/url?q=https://itu.zoom.us/j/91234567890?pwd%3Dabc&sa=D", ZOOM),
    ],
)  # fmt: skip
def test_the_secretariats_note_becomes_the_link_of_its_meeting(talk: Conversation, written: str, link: str) -> None:
    called(talk, "2027-05-10 09:00", "Earlier")
    meeting = called(talk)
    talk.send(letter(NOTE.format(link=written), "FW: your e-meeting"))
    preview = shown(talk)
    assert "4711" in preview.text
    ordered(talk, preview)
    after = {one.id: one for one in talk.meetings()}
    assert after[meeting.id].join_url == link
    assert (after[meeting.id].sequence, after[meeting.id].revision) == (0, 2)
    assert [one.join_url for one in after.values() if one.id != meeting.id] == [""]


def test_a_link_behind_words_is_found(talk: Conversation) -> None:
    called(talk)
    message = letter("Join here. 20 May 2027", "FW: your e-meeting")
    message.add_alternative(f'<p><a href="{ZOOM.replace("&", "&amp;")}">Join here</a></p>', subtype="html")
    talk.send(message)
    assert fields_of(shown(talk))["link"] == ZOOM


def test_two_meetings_on_a_day_are_told_apart_by_the_time(talk: Conversation) -> None:
    called(talk, "2027-05-20 14:00", "Afternoon")
    meeting = called(talk)
    talk.send(letter(NOTE.format(link=ZOOM), "note"))
    assert f"Meeting {meeting.id}, Second" in " ".join(shown(talk).text.split())


def test_a_note_without_a_day_is_for_the_next_meeting_without_a_link(talk: Conversation) -> None:
    called(talk, "2027-05-10 09:00", "Has one", join_url="https://itu.zoom.us/j/1")
    meeting = called(talk)
    talk.send(letter(f"Here you are: {ZOOM}", "link"))
    preview = shown(talk)
    assert "names no day" in " ".join(preview.text.split())
    assert f"Meeting {meeting.id}" in " ".join(preview.text.split())


def test_a_note_of_another_day_asks_which_meeting(talk: Conversation) -> None:
    called(talk, "2027-05-10 09:00", "Earlier")
    meeting = called(talk)
    talk.send(letter(NOTE.format(link=ZOOM).replace("20 May", "27 May"), "note"))
    preview = shown(talk)
    assert "To which meeting" in preview.text
    assert "question mark" in ordered(talk, preview)[0].text
    talk.answer(preview, f"meeting: {meeting.id}")
    ordered(talk, shown(talk))
    assert [one.join_url for one in talk.meetings() if one.id == meeting.id] == [ZOOM]


def test_a_note_without_any_meeting_says_so(talk: Conversation) -> None:
    talk.send(letter(NOTE.format(link=ZOOM), "note"))
    assert "no meeting is planned" in " ".join(shown(talk).text.split())


def test_an_invitation_for_a_meeting_that_is_called_brings_its_link(talk: Conversation) -> None:
    meeting = called(talk)
    talk.send(forwarded(invitation(more=f"LOCATION:{TEAMS}")))
    ordered(talk, shown(talk))
    assert [(one.id, one.join_url) for one in talk.meetings()] == [(meeting.id, TEAMS)]


def test_words_without_a_way_in_go_to_the_conveners(talk: Conversation) -> None:
    talk.send(letter("Is the meeting on? See https://www.itu.int/en/ITU-T/studygroups", "question"))
    assert {mail.recipient for mail in talk.news()} == {CONVENER, "vice@example.org"}
