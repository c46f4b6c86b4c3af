"""Calls for contributions: when they close, who says so, and what becomes of them when a meeting moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cgbot.errors import CgbotError, Conflict, Malformed, NotFound
from cgbot.groups.charter import Companion
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Changes
from cgbot.papers import calls
from tests.papers.mailing import JIA, YU, ZOE, Office

COMPUTED = "Computed: 12 calendar days before the SG17 meeting (Rec. ITU-T A.1, clause 3), read as 12 full days; "


def said(text: str) -> str:
    """Without the line breaks of a mail."""
    return " ".join(text.split())


def move(office: Office, meeting: int, start: str, *, days: int = 0) -> None:
    when = schedule.read_when(start, days=days) if days else schedule.read_when(start, duration="60m")
    office.db.write_now(schedule.move, office.context, meeting, Changes(when=when))


def test_a_call_for_the_groups_next_meeting(office: Office) -> None:
    call = office.open_call(text="We look for input on agents.")
    assert call.closes_at == datetime(2027, 5, 13, 21, 59, tzinfo=UTC)  # 23:59 in Geneva, 7 days before
    assert (call.rule, call.state, call.title) == ("seven-days", "open", "Second meeting")
    letters = [one for one in office.news() if "Call for contributions" in str(one.message["Subject"])]
    assert {one.recipient for one in letters} == {JIA, ZOE, YU}
    letter = letters[0]
    assert letter.message["Subject"] == "[CG-AISEC] Call for contributions by 13 May 2027: Second meeting"
    text = said(letter.text)
    assert "Closing date: Thursday 13 May 2027, 23:59 Geneva time (CEST, 21:59 UTC)" in text
    assert "This is 7 calendar days before the meeting." in text
    assert "We look for input on agents." in text
    assert "Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)" in text
    assert "contributions@lists.example.org" in text.replace(" ", "")
    assert call.message_id


@pytest.mark.parametrize(
    ("start", "closes", "latest"),
    [
        ("2027-06-01", "2027-05-19 21:59", "Thursday 20 May 2027"),
        ("2027-12-03", "2027-11-20 22:59", "Sunday 21 November 2027"),  # winter time
    ],
)
def test_a_call_for_a_meeting_of_the_parent(office: Office, start: str, closes: str, latest: str) -> None:
    meeting = office.meeting(start, kind="parent", title="SG17 meeting", days=8)
    call = office.open_call(meeting.id)
    assert f"{call.closes_at:%Y-%m-%d %H:%M}" == closes
    assert call.rule == "twelve-days"
    text = said(office.news(ZOE)[-1].text)
    assert f"{COMPUTED}{latest} at the latest." in text
    assert "Contributions to SG17 itself are posted to the secretariat" in text


def test_the_zone_of_the_charter_ends_the_day_of_its_own_meetings(office: Office) -> None:
    charter = office.context.charters["cg-aisec"]
    seoul = replace(office, context=replace(
        office.context, charters={"cg-aisec": replace(charter, zone="Asia/Seoul", zone_label="Korean time")}
    ))  # fmt: skip
    assert seoul.open_call().closes_at == datetime(2027, 5, 13, 14, 59, tzinfo=UTC)
    meeting = office.meeting("2027-06-01", kind="parent", days=8)
    assert seoul.open_call(meeting.id).closes_at == datetime(2027, 5, 19, 21, 59, tzinfo=UTC), "Geneva for the parent"


def test_a_published_date_wins(office: Office) -> None:
    """SG17 of 20 February 2012: 7 February, 23:59 Central European Time; other words of TSAG 2018: D-12."""
    meeting = office.meeting("2027-06-01", kind="parent", title="SG17 meeting", days=8)
    call = office.open_call(meeting.id, closes="2027-05-20", published=True)
    assert (call.rule, call.closes_at) == ("published", datetime(2027, 5, 20, 21, 59, tzinfo=UTC))
    text = said(office.news(ZOE)[-1].text)
    assert "This is the date that the secretariat has published." in text
    assert "Computed" not in text


def test_a_given_date(office: Office) -> None:
    call = office.open_call(closes="2027-05-17 18:00")
    assert (call.rule, call.closes_at) == ("given", datetime(2027, 5, 17, 16, 0, tzinfo=UTC))
    assert "The conveners have set this date." in said(office.news(ZOE)[-1].text)


def test_a_call_for_no_meeting(office: Office) -> None:
    call = office.open_call(closes="2027-06-10", title="Living list of threats")
    assert (call.meeting_id, call.title) == (None, "Living list of threats")


@pytest.mark.parametrize(
    ("meeting", "more", "error", "words"),
    [
        (None, {"closes": "2027-05-03"}, None, ""),  # today, 23:59
        (None, {"closes": "2027-05-02"}, Malformed, "would have closed on Sunday 2 May 2027"),
        (None, {"closes": "2027-05-03 09:59"}, Malformed, "would have closed on Monday 3 May 2027"),
        (None, {"closes": "2027-05-20"}, Malformed, "would close after the meeting begins"),
        (None, {"closes": "tomorrow-ish"}, Malformed, "tomorrow-ish"),
        (None, {"published": True}, Malformed, "a published date must be given"),
        (99, {}, NotFound, "there is no meeting 99"),
    ],
)
def test_what_is_refused(
    office: Office, meeting: int | None, more: dict[str, object], error: type[CgbotError] | None, words: str
) -> None:
    before = len(office.news())
    if error is None:
        office.open_call(meeting, **more)
        return
    with pytest.raises(error, match=words):
        office.open_call(meeting, **more)
    assert len(office.news()) == before


def test_a_meeting_too_near_for_the_rule(office: Office) -> None:
    with pytest.raises(Malformed, match="give another date"):
        office.later(days=11).open_call()


def test_one_open_call_a_meeting(office: Office) -> None:
    call = office.open_call()
    with pytest.raises(Conflict, match=f"call {call.id} for meeting 1 is open already"):
        office.open_call(1)


def test_no_meeting_to_call_for(office: Office) -> None:
    office.db.write_now(schedule.cancel, office.context, 1)
    with pytest.raises(Malformed, match="no meeting of the group is planned"):
        office.open_call()
    with pytest.raises(Conflict, match="meeting 1 is cancelled"):
        office.open_call(1)
    with pytest.raises(Malformed, match="needs a title"):
        office.open_call(closes="2027-05-10")


def test_a_call_that_follows_no_other_group(office: Office) -> None:
    with pytest.raises(NotFound, match="in this group"):
        office.db.write_now(
            calls.open_call, office.context, (office.group.id + 1, "cg-aisec"), calls.Wanted(1), "operator"
        )


def test_closing_a_call(office: Office) -> None:
    call = office.open_call()
    office.db.write_now(calls.close_call, office.context, call.id, JIA)
    with pytest.raises(Conflict, match="closed already"):
        office.db.write_now(calls.close_call, office.context, call.id, JIA)
    with pytest.raises(NotFound):
        office.db.write_now(calls.close_call, office.context, 77, JIA)
    later = office.later(hours=1)
    later.register(ZOE, "Threats")
    assert later.papers()[0].paper.late, "closed before its day"


def test_in_a_companion_group_the_call_goes_to_the_hosts_list(office: Office) -> None:
    charter = office.context.charters["cg-aisec"]
    companion = Companion("cg-aisec@lists.itu.example", "cg-aisec.lists.itu.example", "mx.itu.example", "192.0.2.9", "")
    context = replace(office.context, charters={"cg-aisec": replace(charter, mode="companion", companion=companion)})
    before = len(office.news())
    call = replace(office, context=context).open_call()
    (letter,) = office.news()[before:]
    assert (letter.recipient, call.message_id) == ("cg-aisec@lists.itu.example", "")
    assert "Invitations and reminders by mail" in letter.text


# ---------------------------------------------------------------------------------------------------- by the clock


def at(day: int, hour: int = 12, minute: int = 0, month: int = 5) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=UTC)


def about_call(office: Office, address: str) -> list[str]:
    return [one for one in office.subjects(address) if "call" in one.lower() or "contributions by" in one.lower()]


def test_one_call_one_reminder_and_a_note(office: Office) -> None:
    office.open_call()
    office.register(ZOE, "Threats", "source: ETRI\n")
    end = office.live(at(15))
    assert about_call(end, YU) == [
        "[CG-AISEC] Call for contributions by 13 May 2027: Second meeting",
        "[CG-AISEC] Reminder: contributions by 13 May 2027: Second meeting",
    ]
    assert about_call(end, JIA)[-1] == "CG-AISEC: call closed, 1 paper received: Second meeting"
    note = end.news(JIA)[-1]
    assert "CG-AISEC-C-0001  Threats (ETRI)" in note.text
    assert end.call(1).state == "closed"
    reminder = next(one for one in end.news(YU) if "Reminder: contributions" in str(one.message["Subject"]))
    assert reminder.message["In-Reply-To"] == f"<{end.call(1).message_id}>"
    assert "contributions@lists.example.org" in reminder.text


def test_the_reminder_goes_out_three_days_before_once_the_conveners_have_seen_it(office: Office) -> None:
    office.open_call()
    early = office.live(at(10, 7))  # 09:00 in Geneva three days before the 13th is 07:00 UTC
    assert any("Reminder: call for contributions" in one.text for one in early.news(JIA)), "shown in the daily mail"
    assert len(about_call(early.live(at(10, 8)), YU)) == 2


def test_a_call_of_three_days_has_no_reminder(office: Office) -> None:
    office.open_call(closes="2027-05-06")
    assert len(about_call(office.live(at(7)), YU)) == 1


def test_only_those_who_announced_a_paper_are_reminded_of_it(office: Office) -> None:
    office.open_call()
    office.send(ZOE, "I will contribute: Threats")
    office.answer(office.news(ZOE)[-1])
    office.send(YU, "I will contribute: Operators")
    office.answer(office.news(YU)[-1])
    office.register(YU, "Operators", "", ("o.pdf", b"operators"))
    end = office.live(at(14))
    (reminder,) = [one for one in end.news() if "your paper by" in str(one.message["Subject"])]
    assert reminder.recipient == ZOE
    assert reminder.message["Subject"] == "CG-AISEC: your paper by 13 May 2027: Threats"
    assert "The call closes on Thursday 13 May 2027, 23:59 Geneva time" in said(reminder.text)
    note = next(one for one in end.news(JIA) if "call closed" in str(one.message["Subject"]))
    assert "Announced and not received:\r\n  Threats (Zoë Müller)" in note.text


def test_a_computed_date_moves_with_its_meeting(office: Office) -> None:
    """SG17 of June 2026 moved from the 2nd to the 1st, and the deadline with it."""
    meeting = office.meeting("2027-06-02", kind="parent", title="SG17 meeting", days=9)
    call = office.open_call(meeting.id)
    assert call.closes_at == at(20, 21, 59)
    move(office, meeting.id, "2027-06-01", days=10)
    later = office.later(hours=1)
    later.tick()
    later.tick()
    assert later.call(call.id).closes_at == at(19, 21, 59)
    (told,) = [one for one in later.news(JIA) if "moved to 19 May 2027" in str(one.message["Subject"])]
    assert "WAS Thursday 20 May 2027, 23:59" in said(told.text)
    assert "NOW Wednesday 19 May 2027, 23:59" in said(told.text)
    assert not [one for one in later.subjects(ZOE) if "moved to" in one]
    end = later.live(at(17))
    reminder = next(one for one in end.news(ZOE) if "Reminder: contributions" in str(one.message["Subject"]))
    assert reminder.message["Subject"] == "[CG-AISEC] Reminder: contributions by 19 May 2027: SG17 meeting"


def test_a_published_date_stays(office: Office) -> None:
    meeting = office.meeting("2027-06-02", kind="parent", title="SG17 meeting", days=9)
    call = office.open_call(meeting.id, closes="2027-05-20", published=True)
    move(office, meeting.id, "2027-06-01", days=10)
    office.later(hours=1).tick()
    assert office.call(call.id).closes_at == call.closes_at
    assert not [one for one in office.subjects(JIA) if "moved to" in one]


def test_a_cancelled_meeting_takes_its_call_along(office: Office) -> None:
    call = office.open_call()
    office.db.write_now(schedule.cancel, office.context, 1)
    later = office.later(hours=1)
    later.tick()
    assert later.call(call.id).state == "withdrawn"
    assert "CG-AISEC: call withdrawn: Second meeting" in later.subjects(JIA)
    assert len(about_call(later.live(at(15)), YU)) == 1


def test_a_meeting_that_moved_while_the_clock_stood_still(office: Office) -> None:
    """The old closing date passed unseen: the call follows its meeting and is not closed."""
    call = office.open_call()
    move(office, 1, "2027-05-27 09:00")
    after = office.at(at(14))
    after.tick()
    after.tick()
    assert (after.call(call.id).state, after.call(call.id).closes_at) == ("open", at(20, 21, 59))
    assert not [one for one in after.subjects(JIA) if "call closed" in one]


def test_a_clock_that_stood_still_closes_late_and_once(office: Office) -> None:
    office.open_call()
    after = office.at(at(18))
    after.tick()
    after.later(hours=1).tick()
    assert [one for one in after.subjects(JIA) if "call closed" in one] == [
        "CG-AISEC: call closed, 0 papers received: Second meeting"
    ]
