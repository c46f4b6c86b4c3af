"""The morning after: who is asked, what an answer does, and that it is asked once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.meetings import afterwards, attendance, records, schedule
from cgbot.meetings.attendance import Person
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Order
from cgbot.store.db import Database
from tests.groups.mailbag import Sent
from tests.meetings.conversation import CONVENER, Conversation

DAY = timedelta(days=1)
MORNING = datetime(2027, 5, 21, 7, 0, tzinfo=UTC)  # Friday 21 May 2027, 09:00 in Geneva


@pytest.fixture
def talk(db: Database, context: Context, group: Group) -> Conversation:
    return Conversation(db, context, group)


@pytest.fixture
def meeting(talk: Conversation) -> Meeting:
    order = Order("Second meeting", schedule.read_when("2027-05-20 09:00", duration="60m"))
    found: Meeting = talk.db.write_now(schedule.schedule, talk.context, talk.group, order)
    yes = {"partstat": "ACCEPTED", "sequence": 0, "dtstamp": talk.context.now}
    talk.db.write_now(records.answer, found.id, talk.delegate.id, yes)
    return found


def until(talk: Conversation, moment: datetime) -> list[Sent]:
    """The questions that have been asked by then."""
    talk.wait(moment - talk.context.now)
    return [mail for mail in talk.news() if "Was it held" in mail.message["Subject"]]


def asked(talk: Conversation) -> Iterator[Sent]:
    return iter(until(talk, MORNING))


def present(talk: Conversation, meeting: Meeting) -> tuple[Person, ...]:
    return talk.db.read_now(attendance.present, meeting.id)


def state(talk: Conversation, meeting: Meeting) -> str:
    return talk.db.read_now(records.get, meeting.id).state


def after_the_undo(talk: Conversation) -> None:
    talk.news()
    talk.wait(timedelta(minutes=11))


def test_conveners_alone_are_asked_once_on_the_next_morning(talk: Conversation, meeting: Meeting) -> None:
    assert until(talk, datetime(2027, 5, 20, 20, 0, tzinfo=UTC)) == []
    mails = until(talk, MORNING)
    assert {mail.recipient for mail in mails} == {CONVENER, "vice@example.org"}
    text = " ".join(mails[0].text.split())
    assert "Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)" in text
    assert "1 of 3 said yes: Dana Delegate" in text
    assert until(talk, MORNING + DAY) == []
    assert state(talk, meeting) == "confirmed"


def test_held_with_names_is_an_order_that_can_be_undone(talk: Conversation, meeting: Meeting) -> None:
    mail = next(asked(talk))
    talk.answer(mail, "held\nall who said yes\nEve Expert, Expert Org, Ghana\nvice@example.org\n\n-- \nCarla")
    assert state(talk, meeting) == "confirmed"
    after_the_undo(talk)
    assert state(talk, meeting) == "held"
    assert present(talk, meeting) == (
        Person("Dana Delegate", "Example Org", "", talk.delegate.id),
        Person("Victor Vice", "Example Org", "", talk.vice.id),
        Person("Eve Expert", "Expert Org", "Ghana", None),
    )
    told = {mail.recipient: mail.text for mail in talk.news()}
    assert "3 present" in told["vice@example.org"]
    assert "delegate@example.org" not in told


def test_undo_leaves_the_meeting_as_it_was(talk: Conversation, meeting: Meeting) -> None:
    talk.answer(next(asked(talk)), "Held")
    talk.answer(talk.news()[-1], "undo")
    talk.wait(timedelta(minutes=11))
    assert state(talk, meeting) == "confirmed"


def test_the_first_answer_wins_and_the_other_is_told(talk: Conversation, meeting: Meeting) -> None:
    first, second = asked(talk)
    if first.recipient != CONVENER:
        first, second = second, first
    talk.answer(first, "held\nall who said yes")
    assert "ordered by convener@example.org" in talk.answer(second, "held", "vice@example.org")
    after_the_undo(talk)
    assert len(present(talk, meeting)) == 1
    assert "noted as held already" in talk.answer(second, "held", "vice@example.org")


def test_whoever_was_forgotten_is_added(talk: Conversation, meeting: Meeting) -> None:
    first, second = asked(talk)
    talk.answer(first, "held\nall who said yes", first.recipient)
    after_the_undo(talk)
    talk.wait(timedelta(minutes=1))
    talk.answer(second, "held\nEve Expert, Expert Org\nDana Delegate, Example Org", second.recipient)
    after_the_undo(talk)
    assert [one.name for one in present(talk, meeting)] == ["Dana Delegate", "Eve Expert"]


def test_words_that_may_be_no_names_are_shown_first(talk: Conversation, meeting: Meeting) -> None:
    talk.answer(next(asked(talk)), "held\nDana Delegate\n\nBest regards\nCarla")
    preview = talk.news()[-1]
    assert "Best regards" in preview.text
    talk.wait(timedelta(minutes=11))
    assert state(talk, meeting) == "confirmed"


def test_not_held_changes_nothing_and_says_how_to_cancel(talk: Conversation, meeting: Meeting) -> None:
    mail = next(asked(talk))
    assert f"cancel {meeting.id}" in talk.answer(mail, "Not held, sorry")
    assert talk.answer(mail, "not held") == "answered before"
    assert state(talk, meeting) == "confirmed"


def test_an_answer_that_is_not_understood_is_told_so_and_may_be_given_again(
    talk: Conversation, meeting: Meeting
) -> None:
    mail = next(asked(talk))
    assert "first word must be" in talk.answer(mail, "Well, most of us came")
    talk.answer(mail, "held: all who said yes")
    after_the_undo(talk)
    assert state(talk, meeting) == "held"


def test_nobody_is_asked_of_what_was_cancelled_or_said_already(talk: Conversation, meeting: Meeting) -> None:
    talk.db.write_now(schedule.cancel, talk.context, meeting.id)
    assert until(talk, MORNING) == []


def test_of_a_parents_meeting_nobody_is_asked(talk: Conversation) -> None:
    order = Order("SG17", schedule.read_when("2027-05-12", days=8), kind="parent")
    talk.db.write_now(schedule.schedule, talk.context, talk.group, order)
    assert until(talk, MORNING) == []


def test_a_morning_that_was_missed_is_made_up_for_within_two_weeks(talk: Conversation, meeting: Meeting) -> None:
    assert len(until(talk, MORNING + 10 * DAY)) == 2


def test_after_a_month_of_standstill_nobody_is_asked(talk: Conversation, meeting: Meeting) -> None:
    assert until(talk, MORNING + 40 * DAY) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("held", ""),
        ("Held.\n", ""),
        ("\nyes:\nAlice, Org\n\nBob, Org", "Alice, Org\nBob, Org"),
        ("held, all who said yes", "all who said yes"),
        ("held\npresent: Alice, Org\n  bob@example.org\n> held\n> Name, Organisation", "Alice, Org\nbob@example.org"),
        ("held\nAlice, Org\n\nOn Friday 21 May 2027, CG-AISEC wrote:\n> x", "Alice, Org"),
    ],
)
def test_who_was_there_is_read_off_the_writers_own_lines(text: str, found: str) -> None:
    assert afterwards.said_present(text) == found
