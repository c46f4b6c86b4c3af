"""Meetings ordered by mail: what the preview says, what a yes does, and every mistake in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cgbot.context import Context
from cgbot.groups import members
from cgbot.groups.charter import Companion
from cgbot.groups.commands import Actor, Ordered
from cgbot.groups.records import Group
from cgbot.meetings import attendance, feeds, orders, records, schedule
from cgbot.meetings.attendance import Person
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Order
from cgbot.store.db import Database, Tx
from tests.groups.mailbag import Sent
from tests.meetings.conversation import CONVENER, Conversation

CALL = """schedule
title: Second meeting
start: Thursday 20 May 2027, 09:00
duration: 60m
link: https://itu.zoom.us/j/1
text:
1. Opening
2. Papers
.
"""


@pytest.fixture
def talk(db: Database, context: Context, group: Group) -> Conversation:
    return Conversation(db, context, group)


@pytest.fixture
def meeting(talk: Conversation) -> Meeting:
    order = Order("Second meeting", schedule.read_when("2027-05-20 09:00", duration="60m"))
    found: Meeting = talk.db.write_now(schedule.schedule, talk.context, talk.group, order)
    talk.news()
    return found


def words(mail: Sent) -> str:
    return " ".join(mail.text.split())


def asked(talk: Conversation, text: str, author: str = CONVENER) -> Sent:
    """What comes back to a request: one mail, to its author's own address."""
    talk.say(text, author=author)
    (mail,) = talk.news()
    assert mail.recipient == author
    return mail


def done(talk: Conversation, text: str, answer: str = "yes") -> list[Sent]:
    """Ask, say yes, wait until it cannot be undone any more; the mails that went out then."""
    talk.answer(asked(talk, text), answer)
    talk.news()
    talk.wait(timedelta(minutes=11))
    return talk.news()


def only(talk: Conversation) -> Meeting:
    (found,) = talk.meetings()
    return found


def test_the_preview_says_who_gets_what_and_changes_nothing(talk: Conversation) -> None:
    text = words(asked(talk, CALL))
    assert "Second meeting Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)" in text
    assert "3 people get a personal invitation" in text
    assert "1. Opening" in text
    assert talk.meetings() == ()


def test_a_yes_calls_the_meeting_and_each_member_gets_one_mail(talk: Conversation) -> None:
    mails = done(talk, CALL)
    meeting = only(talk)
    assert (meeting.starts_at, meeting.wall_end, meeting.join_url, meeting.description) == (
        datetime(2027, 5, 20, 7, tzinfo=UTC), "2027-05-20T10:00", "https://itu.zoom.us/j/1", "1. Opening\n2. Papers"
    )  # fmt: skip
    to_delegate = [mail for mail in mails if mail.recipient == "delegate@example.org"]
    assert len(to_delegate) == 1
    assert "Invitation" in to_delegate[0].message["Subject"]


def test_undone_in_time_nobody_hears_of_it(talk: Conversation) -> None:
    talk.answer(asked(talk, CALL), "yes")
    talk.answer(talk.news()[-1], "undo")
    talk.wait(timedelta(minutes=11))
    assert talk.meetings() == ()
    assert {mail.recipient for mail in talk.news()} == {CONVENER}


@pytest.mark.parametrize(
    ("lines", "starts", "ends", "zone"),
    [
        ("start: 2027-05-20 09:00\nend: 10:00", 7, 8, "Europe/Zurich"),
        ("start: 20 May 2027, 09:00-10:00 Geneva time", 7, 8, "Europe/Zurich"),
        ("start: Thursday 20 May 2027, 09:00 - 10:00 (CEST)", 7, 8, "Europe/Zurich"),
        ("start: 2027-05-20 09:00-10:00", 7, 8, "Europe/Zurich"),
        ("start: 20 May 2027, 09h00 to 10h00", 7, 8, "Europe/Zurich"),
        ("start: 2027-05-20 09:00\nduration: 1h\nzone: Asia/Seoul", 0, 1, "Asia/Seoul"),
        ("start: 20 May 2027, 09:00-10:00 Asia/Seoul", 0, 1, "Asia/Seoul"),
        ("start: 20 May 2027 09:00 UTC\nduration: 60m", 9, 10, "UTC"),
        ("start: 2027-05-20T09:00-04:00\nduration: 60m", 13, 14, "Europe/Zurich"),
        ("start: 2027-05-20T09:00Z\nduration: 60m", 9, 10, "Europe/Zurich"),
    ],
)
def test_ways_to_say_when(talk: Conversation, lines: str, starts: int, ends: int, zone: str) -> None:
    done(talk, f"schedule\ntitle: Second meeting\n{lines}")
    meeting = only(talk)
    assert (meeting.starts_at.hour, meeting.ends_at.hour, meeting.zone) == (starts, ends, zone)
    assert meeting.starts_at.date() == datetime(2027, 5, 20, tzinfo=UTC).date()


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("title: T", "start is missing"),
        ("start: 2027-05-20 09:00\nduration: 60m", "needs a title"),
        ("title: T\nstart: tomorrow\nduration: 60m", "is not a time"),
        ("title: T\nstart: 2027-05-20 09:00", "needs either an end or a duration"),
        ("title: T\nstart: 2027-03-28 02:30\nduration: 60m", "does not exist"),
        ("title: T\nstart: 2027-10-31 02:30\nduration: 60m", "is there twice"),
        ("title: T\nstart: 2027-05-20 09:00\nend: 2027-05-20 08:00", "end before it starts"),
        ("title: T\nstart: 2027-05-20 09:00-04:00", "end before it starts"),
        ("title: T\nstart: 2024-05-16 09:00\nduration: 60m", "past: yes"),
        ("title: T\nstart: Friday 20 May 2027 09:00\nduration: 60m", "is a Thursday"),
        ("title: T\nstart: 2027-05-20 09:00\nduration: 60m\nzone: Mars/Olympus", "is not a time zone"),
        ("title: T\nstart: 2027-05-20 09:00\nduration: 60m\nkind: party", "is not a kind of meeting"),
        ("title: T\nstart: 2027-05-20 09:00\nduration: 60m\nlink: ftp://x", "is not a link"),
        ("title: T\nstart: 2027-05-20\ndays: some", "not a number of days"),
        ("title: T\nstart: 2027-05-20\ndays: 90", "60 are allowed"),
        ("title: T\nstart: 2027-05-20 09:00\nduration: 60m\nplace: here", "place: not known here"),
        ("title: T\nstart: 2027-05-20 09:00\nduration: 60m\ntentative: perhaps", "neither yes nor no"),
        ("title: T\nstart: 20 May 2027 09:00-10:00\nduration: 90m", "which of the two"),
        ("title: T\nstart: 20 May 2027 09:00 UTC\nduration: 60m\nzone: Asia/Seoul", "which of the two"),
    ],
)
def test_every_mistake_is_answered_in_words_with_the_form(talk: Conversation, lines: str, reason: str) -> None:
    answer = asked(talk, f"schedule\n{lines}")
    assert reason in words(answer)
    assert "title: Second meeting" in answer.text
    assert "start: 20 May 2027 09:00" in answer.text
    assert talk.meetings() == ()


def test_a_label_that_does_not_fit_the_date_is_asked_about(talk: Conversation) -> None:
    """Seed 003: "25-26 September 2025 (12:00-16:00, CET)", when Geneva is on CEST: 10:00 or 11:00 UTC, nobody knows."""
    text = "schedule\ntitle: Q7\nstart: 25 September 2027, 12:00-16:00, {}"
    answer = words(asked(talk, text.format("CET")))
    assert "Geneva is on CEST at that time" in answer
    assert "+01:00" in answer
    done(talk, text.format("Geneva"))
    assert only(talk).starts_at == datetime(2027, 9, 25, 10, tzinfo=UTC)


def test_the_hour_that_comes_twice_is_taken_with_its_offset(talk: Conversation) -> None:
    answer = words(asked(talk, "schedule\ntitle: T\nstart: 2027-10-31 02:30\nduration: 60m"))
    assert "2027-10-31T02:30+02:00 or 2027-10-31T02:30+01:00" in answer
    done(talk, "schedule\ntitle: T\nstart: 2027-10-31T02:30+01:00\nduration: 60m")
    assert only(talk).starts_at == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


def test_a_meeting_that_has_been_is_recorded_and_nobody_is_invited(talk: Conversation) -> None:
    """Seed 000: the first meeting."""
    text = "schedule\ntitle: First meeting\nstart: 16 May 2024, 09:00-10:00 Geneva time\npast: yes"
    mails = done(talk, text)
    meeting = only(talk)
    assert (meeting.state, meeting.starts_at) == ("held", datetime(2024, 5, 16, 7, tzinfo=UTC))
    assert {mail.recipient for mail in mails} == {CONVENER, "vice@example.org"}


def test_a_parents_meeting_invites_nobody(talk: Conversation) -> None:
    text = "schedule\ntitle: SG17\nstart: 1 December 2027\ndays: 8\nkind: parent\nlocation: Geneva"
    assert "nobody is invited" in words(asked(talk, text))
    mails = done(talk, text)
    assert (only(talk).whole_days, only(talk).wall_end, only(talk).takes_report) == (True, "2027-12-09", True)
    assert {mail.recipient for mail in mails} == {CONVENER, "vice@example.org"}


def test_a_corrected_copy_is_shown_again(talk: Conversation) -> None:
    preview = asked(talk, CALL)
    talk.answer(preview, "start: 2027-05-21 09:00\nend: 2027-05-21 10:00")
    (again,) = talk.news()
    assert "Friday 21 May 2027" in words(again)
    talk.answer(again, "yes")
    talk.wait(timedelta(minutes=11))
    assert only(talk).wall_start == "2027-05-21T09:00"


# ------------------------------------------------------------------------------------------------ changes and ends


def test_a_move_keeps_the_length_and_says_was_and_now(talk: Conversation, meeting: Meeting) -> None:
    preview = words(asked(talk, f"move {meeting.id}\nstart: 21 May 2027 14:00"))
    assert "WAS Thursday 20 May 2027, 09:00-10:00 Geneva time" in preview
    assert "NOW Friday 21 May 2027, 14:00-15:00 Geneva time" in preview
    mails = done(talk, f"move {meeting.id}\nstart: 21 May 2027 14:00")
    assert (only(talk).wall_start, only(talk).wall_end, only(talk).sequence) == (
        "2027-05-21T14:00", "2027-05-21T15:00", 1
    )  # fmt: skip
    assert len([mail for mail in mails if mail.recipient == "delegate@example.org"]) == 1


def test_a_move_may_name_its_end_behind_its_start(talk: Conversation, meeting: Meeting) -> None:
    done(talk, f"move {meeting.id}\nstart: 21 May 2027, 14:00-16:00")
    assert (only(talk).wall_start, only(talk).wall_end) == ("2027-05-21T14:00", "2027-05-21T16:00")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("move {}\nstart: 2027-05-20 09:00", "nothing would be different"),
        ("move {}\nend: 11:00", "needs start too"),
        ("move {}\nstart: 2027-05-02 09:00", "in the past"),
        ("move\nstart: 2027-05-21 09:00", "number of the meeting is missing"),
        ("move 999\nstart: 2027-05-21 09:00", "no meeting 999 in this group"),
        ("move 99999999999999999999\nstart: 2027-05-21 09:00", "number of the meeting is missing"),
        ("cancel 999", "no meeting 999"),
        ("link {}", "link is missing"),
        ("link {} javascript:alert(1)", "link is missing"),
        ("link {}\nlink: http://a b", "is not a link"),
        ("held {}", "has not begun"),
    ],
)
def test_what_cannot_be_done_about_a_meeting(talk: Conversation, meeting: Meeting, text: str, reason: str) -> None:
    assert reason in words(asked(talk, text.format(meeting.id)))
    assert only(talk) == meeting


def test_a_link_reaches_those_invited_and_nobody_else_without_asking_again(
    talk: Conversation, meeting: Meeting
) -> None:
    yes = {"partstat": "ACCEPTED", "sequence": 0, "dtstamp": talk.context.now}
    talk.db.write_now(records.answer, meeting.id, talk.delegate.id, yes)
    mails = done(talk, f"link {meeting.id} https://itu.zoom.us/j/1")
    assert (only(talk).join_url, only(talk).sequence) == ("https://itu.zoom.us/j/1", 0)
    state = talk.db.read_now(records.find_attendee, meeting.id, talk.delegate.id)
    assert state is not None
    assert state.partstat == "ACCEPTED"
    assert any("https://itu.zoom.us/j/1" in mail.text for mail in mails if mail.recipient == "delegate@example.org")
    assert b"zoom" not in talk.db.read_now(feeds.render, talk.context, talk.group).content


def test_a_cancellation(talk: Conversation, meeting: Meeting) -> None:
    assert "The 3 who were invited are told" in words(asked(talk, f"cancel {meeting.id}"))
    done(talk, f"cancel {meeting.id}")
    assert only(talk).state == "cancelled"
    assert "is cancelled" in words(asked(talk, f"move {meeting.id}\nstart: 2027-05-21 09:00"))


def test_what_no_longer_fits_when_its_time_has_come_is_not_done(talk: Conversation, meeting: Meeting) -> None:
    talk.answer(asked(talk, f"move {meeting.id}\nstart: 2027-05-21 09:00"), "yes")
    talk.db.write_now(schedule.cancel, talk.context, meeting.id)
    talk.news()
    talk.wait(timedelta(minutes=11))
    (mail,) = talk.news()
    assert mail.recipient == CONVENER
    assert "is cancelled" in words(mail)


def test_held_by_order_calls_the_hooks(talk: Conversation, meeting: Meeting) -> None:
    called: list[int] = []

    def hook(_tx: Tx, _context: Context, held: Meeting) -> None:
        called.append(held.id)

    command = next(one for one in orders.commands((hook,)) if one.name == "held")
    later = talk.context.at(meeting.ends_at + timedelta(minutes=1))
    facts = {"meeting": meeting.id, "fields": {"present": "delegate@example.org\n* Eve Expert, Expert Org, Ghana"}}
    ordered = Ordered(talk.group.id, talk.group.name, Actor(CONVENER, role="convener"), facts)
    assert "with 2 present" in talk.db.write_now(command.do, later, ordered)
    assert called == [meeting.id]
    assert talk.db.read_now(attendance.present, meeting.id) == (
        Person("Dana Delegate", "Example Org", "", talk.delegate.id),
        Person("Eve Expert", "Expert Org", "Ghana"),
    )


def test_a_member_may_look_and_not_order(talk: Conversation, meeting: Meeting) -> None:
    listed = words(asked(talk, "meetings", "delegate@example.org"))
    assert "Second meeting (confirmed) Thursday 20 May 2027, 09:00-10:00 Geneva time" in listed
    assert "open to" in words(asked(talk, CALL, "delegate@example.org"))
    assert only(talk) == meeting


def test_conveners_see_who_answered_what(talk: Conversation, meeting: Meeting) -> None:
    yes = {"partstat": "ACCEPTED", "sequence": 0, "dtstamp": talk.context.now, "comment": "from Seoul"}
    talk.db.write_now(records.answer, meeting.id, talk.delegate.id, yes)
    listed = words(asked(talk, f"replies {meeting.id}"))
    assert "yes Dana Delegate, Example Org: from Seoul" in listed
    assert "no answer Carla Convener" in listed


# ------------------------------------------------------------------------------------------------------- companion


def test_beside_a_list_the_announcement_suffices_and_only_those_who_joined_here_are_invited(
    db: Database, context: Context, group: Group
) -> None:
    """The list gets one mail; a member who has joined here gets an invitation; who has not, nothing more."""
    charter = replace(
        context.charters["cg-aisec"],
        mode="companion",
        companion=Companion("cg-aisec@lists.itu.example", "cg-aisec.lists.itu.example", "lists.itu.example", "", ""),
    )
    talk = Conversation(db, replace(context, charters={"cg-aisec": charter}), group)
    quiet = talk.member("quiet@example.org", "Quiet", "member")
    talk.db.write_now(members.change, talk.context, quiet, {"invitations": False}, "operator")
    mails = done(talk, CALL)
    told = [mail.recipient for mail in mails if "Second meeting" in mail.message["Subject"]]
    told = [one for one in told if one not in {CONVENER, "vice@example.org"}]  # who are told of the order too
    assert sorted(told) == ["cg-aisec@lists.itu.example", "delegate@example.org"]
