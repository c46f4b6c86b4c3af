"""Proposed times and questions for the invitation: who decides, who is told, and what nobody can do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import icalendar
import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups import members
from cgbot.groups.members import Member
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.mail import verp
from cgbot.meetings import records, schedule
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Changes, Order
from cgbot.posts.intake import Addressed, Arrival, Intake
from cgbot.store.db import Database
from cgbot.store.tables import replies
from tests.groups.mailbag import Sent, token_of
from tests.meetings.conversation import CONVENER, Conversation

pytestmark = pytest.mark.anyio
TRUSTED = "mx.lists.example.org"
THURSDAY = "DTSTART;TZID=Europe/Zurich:20270527T140000\r\nDTEND;TZID=Europe/Zurich:20270527T150000\r\n"


class Proposals(Conversation):
    """A meeting on Thursday 20 May 2027 at 09:00, and calendars that answer."""

    def __init__(self, db: Database, context: Context, group: Group) -> None:
        authentication = replace(context.settings.authentication, trusted=(TRUSTED,))
        super().__init__(db, replace(context, settings=replace(context.settings, authentication=authentication)), group)
        order = Order("Second meeting", schedule.read_when("2027-05-20 09:00", duration="60m"))
        self.meeting: Meeting = db.write_now(schedule.schedule, self.context, group, order)
        self.stamp = 0
        self.news()

    async def calendar(
        self, method: str, more: str = THURSDAY, *, who: Member | None = None, proven: bool = True
    ) -> str:
        """An answer of a member's calendar; what became of it."""
        member = who or self.delegate
        self.stamp += 1
        ics = (
            f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\n"
            f"UID:{self.meeting.uid}\r\nSEQUENCE:0\r\nDTSTAMP:20270503T08{self.stamp:02}00Z\r\n{more}"
            f"ATTENDEE;PARTSTAT=TENTATIVE:mailto:{member.address}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        results = f"Authentication-Results: {TRUSTED}; dkim=pass header.d=example.org\r\n" if proven else ""
        raw = (
            f"{results}From: {member.address}\r\nSubject: New time\r\n"
            f"Content-Type: text/calendar; method={method}; charset=utf-8\r\n\r\n{ics}"
        ).encode()
        token = verp.member_token(self.context.keys, "meetings", self.group.name, member.id)
        address = f"cg-aisec-meetings+{token}@lists.example.org"
        addressed = Addressed(address, self.group.id, "meetings", token)
        arrival = Arrival(raw, member.address, self.context.now, "smtp", "127.0.0.1", "x", False, b"", (addressed,))
        number = await Intake(self.db).take(arrival)
        errand = Errand(number, number, self.group.id, self.group.name, address, "meetings", token, "", 1,
                        member.address, self.context.now, "smtp", "127.0.0.1", b"", messages.parse(raw))  # fmt: skip
        return self.db.write_now(self.purposes["meetings"], self.context, errand).reason

    def now(self) -> Meeting:
        return self.db.read_now(records.get, self.meeting.id)


@pytest.fixture
def talk(db: Database, context: Context, group: Group) -> Proposals:
    return Proposals(db, context, group)


def calendar_of(mail: Sent) -> icalendar.Event:
    part = next(one for one in mail.message.walk() if one.get_content_type() == "text/calendar")
    parsed = icalendar.Calendar.from_ical(part.get_payload(decode=True))  # type: ignore[arg-type]
    event = parsed.walk("VEVENT")[0]
    assert str(parsed["METHOD"]) == part.get_param("method")
    event["METHOD"] = parsed["METHOD"]
    return event  # type: ignore[return-value]


async def proposal(talk: Proposals) -> tuple[Sent, Sent]:
    """What the two conveners are shown."""
    assert "proposal" in await talk.calendar("COUNTER", f"{THURSDAY}COMMENT:I teach on that day\r\n")
    first, second = talk.news()
    return first, second


async def test_each_convener_is_shown_the_times_and_the_meeting_stays(talk: Proposals) -> None:
    first, second = await proposal(talk)
    assert {first.recipient, second.recipient} == {CONVENER, "vice@example.org"}
    assert token_of(first) != token_of(second)
    text = " ".join(first.text.split())
    assert "NOW: Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)" in text
    assert "PROPOSED: Thursday 27 May 2027, 14:00-15:00 Geneva time (CEST, 12:00-13:00 UTC)" in text
    assert "I teach on that day" in text
    assert "Nothing proves" not in text
    assert talk.now() == talk.meeting


async def test_accept_moves_the_meeting_when_the_time_to_undo_is_over(talk: Proposals) -> None:
    first, second = await proposal(talk)
    talk.answer(first, "Accept.\n\n> accept or decline")
    assert talk.now() == talk.meeting
    assert "was accepted by Carla" in talk.answer(second, "decline", "vice@example.org")
    talk.news()
    talk.wait(timedelta(minutes=11))
    assert talk.now().starts_at == datetime(2027, 5, 27, 12, tzinfo=UTC)
    assert talk.now().sequence == 1
    mails = {mail.recipient: mail for mail in talk.news() if "Changed" in mail.message["Subject"]}
    assert calendar_of(mails["delegate@example.org"])["DTSTART"].to_ical() == b"20270527T140000"


async def test_accept_can_be_undone(talk: Proposals) -> None:
    first, _ = await proposal(talk)
    talk.answer(first, "accept")
    talk.answer(talk.news()[-1], "undo")
    talk.wait(timedelta(minutes=11))
    assert talk.now() == talk.meeting


async def test_decline_tells_the_one_who_asked_and_the_other_conveners(talk: Proposals) -> None:
    """RFC 5546 section 3.2.8: UID, ORGANIZER and DTSTAMP, the words; no times and no attendee."""
    first, _ = await proposal(talk)
    talk.answer(first, "Decline - too many are away then\n")
    told = {mail.recipient: mail for mail in talk.news()}
    assert set(told) == {CONVENER, "vice@example.org", "delegate@example.org"}
    event = calendar_of(told["delegate@example.org"])
    assert event["METHOD"] == "DECLINECOUNTER"
    assert event["UID"] == talk.meeting.uid
    assert event["COMMENT"] == "too many are away then"
    assert "cg-aisec-meetings+" in event["ORGANIZER"]
    assert str(event["ORGANIZER"]).partition(":")[2] in str(told["delegate@example.org"].message["From"])
    assert not {"DTSTART", "DTEND", "SUMMARY", "STATUS", "ATTENDEE"} & set(event)
    assert talk.now() == talk.meeting


async def test_the_first_answer_wins_and_counts_once(talk: Proposals) -> None:
    first, second = await proposal(talk)
    talk.answer(first, "decline")
    assert "was declined by Carla" in talk.answer(second, "accept", "vice@example.org")
    assert "was declined by Carla" in talk.answer(first, "decline")
    talk.wait(timedelta(minutes=11))
    assert talk.now() == talk.meeting


async def test_a_newer_proposal_takes_the_place_of_the_older(talk: Proposals) -> None:
    first, _ = await proposal(talk)
    await talk.calendar("COUNTER", THURSDAY.replace("20270527", "20270528"))
    newer, _ = talk.news()
    assert "replaced by a newer" in talk.answer(first, "accept")
    talk.answer(newer, "accept")
    talk.wait(timedelta(minutes=11))
    assert talk.now().wall_start == "2027-05-28T14:00"


async def test_a_meeting_that_was_moved_meanwhile_is_not_moved_by_an_old_proposal(talk: Proposals) -> None:
    first, _ = await proposal(talk)
    changes = Changes(when=schedule.read_when("2027-05-21 09:00", duration="60m"))
    talk.db.write_now(schedule.move, talk.context, talk.meeting.id, changes)
    assert "has been changed since" in talk.answer(first, "accept")
    talk.wait(timedelta(minutes=11))
    assert talk.now().wall_start == "2027-05-21T09:00"


async def test_what_is_not_understood_is_said_once(talk: Proposals) -> None:
    first, _ = await proposal(talk)
    assert "must be accept or decline" in talk.answer(first, "Let me think")
    assert "again" in talk.answer(first, "Hm")
    talk.answer(first, "accept")
    talk.wait(timedelta(minutes=11))
    assert talk.now().sequence == 1


@pytest.mark.parametrize(
    "times",
    [
        "",
        "DTSTART:20270503T080100Z\r\nDTEND:20270503T090100Z\r\n",  # the moment of sending
        "DTSTART:20260520T070000Z\r\nDTEND:20260520T080000Z\r\n",
        "DTSTART;TZID=Europe/Zurich:20270520T090000\r\nDTEND;TZID=Europe/Zurich:20270520T100000\r\n",
        "DTSTART:20270527T140000\r\nDTEND:20270527T150000\r\n",  # no zone
        "DTSTART:20270527T120000Z\r\nDTEND:20270527T110000Z\r\n",
    ],
)
async def test_a_time_that_cannot_be_meant_is_only_an_answer(talk: Proposals, times: str) -> None:
    assert "applied" in await talk.calendar("COUNTER", times)
    assert talk.news() == []
    state = talk.db.read_now(records.find_attendee, talk.meeting.id, talk.delegate.id)
    assert state is not None
    assert state.partstat == "TENTATIVE"


async def test_one_member_cannot_flood_the_conveners(talk: Proposals) -> None:
    for day in range(20, 30):
        await talk.calendar("COUNTER", THURSDAY.replace("20270527", f"202706{day}"))
    shown = [mail for mail in talk.news() if "proposes another time" in mail.message["Subject"]]
    assert len(shown) == 6  # three proposals to two conveners


async def test_an_unproven_proposal_says_so(talk: Proposals) -> None:
    await talk.calendar("COUNTER", proven=False)
    shown = [mail for mail in talk.news() if "proposes another time" in mail.message["Subject"]]
    assert "Nothing proves that it is from this address" in " ".join(shown[0].text.split())


async def test_somebody_who_is_no_longer_a_convener_decides_nothing(talk: Proposals) -> None:
    first, second = await proposal(talk)
    vice = next(one for one in (first, second) if one.recipient == "vice@example.org")
    talk.db.write_now(members.change, talk.context, talk.vice, {"role": "member"}, "operator")
    assert "may not decide" in talk.answer(vice, "accept", "vice@example.org")


async def test_a_refresh_gets_the_invitation_as_it_stands_once_a_day(talk: Proposals) -> None:
    """RFC 5546 section 3.2.6: the same SEQUENCE, to the address that we know."""
    assert "sent again" in await talk.calendar("REFRESH", "")
    (mail,) = talk.news()
    assert mail.recipient == "delegate@example.org"
    event = calendar_of(mail)
    assert (event["METHOD"], event["SEQUENCE"], event["DTSTART"].to_ical()) == ("REQUEST", 0, b"20270520T090000")
    assert "already" in await talk.calendar("REFRESH", "")
    talk.context = talk.context.at(talk.context.now + timedelta(days=1, minutes=1))
    assert "sent again" in await talk.calendar("REFRESH", "")
    assert len(talk.news()) == 1
    methods = talk.db.read_now(lambda tx: tx.execute(sa.select(replies.c.method)).scalars().all())
    assert methods == ["REFRESH"] * 3


async def test_a_refresh_of_a_cancelled_meeting_or_by_a_stranger_sends_nothing(talk: Proposals) -> None:
    stranger = talk.member("late@example.org", "Late", "member")
    assert "not invited" in await talk.calendar("REFRESH", "", who=stranger)
    talk.db.write_now(schedule.cancel, talk.context, talk.meeting.id)
    talk.news()
    assert "nothing" in await talk.calendar("REFRESH", "")
    assert talk.news() == []
