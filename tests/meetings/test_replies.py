"""Answers: who proves what, which one counts, and what none of them can do."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups import members
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.mail import verp
from cgbot.meetings import records, replies, schedule
from cgbot.meetings.records import AttendeeState, Meeting
from cgbot.meetings.schedule import Order
from cgbot.posts.intake import Addressed, Arrival, Intake
from cgbot.store.db import Database
from cgbot.store.tables import contents

pytestmark = pytest.mark.anyio
TRUSTED = "mx.lists.example.org"


class Desk:
    """One meeting, two members, and a postman."""

    def __init__(self, db: Database, context: Context, group: Group) -> None:
        self.db, self.group = db, group
        authentication = replace(context.settings.authentication, trusted=(TRUSTED,))
        self.context = replace(context, settings=replace(context.settings, authentication=authentication))
        self.delegate = self._member("delegate@example.org")
        self.other = self._member("other@example.net")
        order = Order("First meeting", schedule.read_when("2027-05-20 09:00", duration="60m"))
        self.meeting: Meeting = db.write_now(schedule.schedule, self.context, group, order)

    def _member(self, address: str) -> Member:
        return self.db.write_now(members.add, self.context, self.group.id, NewMember(address))

    def token(self, member: Member) -> str:
        return verp.member_token(self.context.keys, "meetings", self.group.name, member.id)

    def ics(self, partstat: str = "ACCEPTED", **given: str) -> str:
        value = {"method": "REPLY", "uid": self.meeting.uid, "sequence": "0", "stamp": "20270504T080000Z",
                 "attendees": "delegate@example.org", "times": "", **given}  # fmt: skip
        attendees = "".join(
            f"ATTENDEE;PARTSTAT={partstat}:mailto:{one}\r\n" for one in value["attendees"].split(",") if one
        )
        return (
            f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:{value['method']}\r\nBEGIN:VEVENT\r\n"
            f"UID:{value['uid']}\r\nSEQUENCE:{value['sequence']}\r\nDTSTAMP:{value['stamp']}\r\n{value['times']}{attendees}"
            "END:VEVENT\r\nEND:VCALENDAR\r\n"
        )

    async def post(self, ics: str, *, token: str = "", proven: str = "", author: str = "delegate@example.org") -> str:
        """Bring an answer in; what became of it."""
        results = f"Authentication-Results: {TRUSTED}; dkim=pass header.d={proven}\r\n" if proven else ""
        fields = f"{results}Content-Type: text/calendar; method=REPLY; charset=utf-8\r\n"
        return await self.bring(f"{fields}\r\n{ics}", token, author)

    async def say(self, text: str, *, to: str = "", fields: str = "") -> str:
        """Answer the newest invitation, or the one with this Message-ID, in words."""
        to = to or self.invitation()
        head = f"In-Reply-To: <{to}>\r\nReferences: <meeting-{self.meeting.uid}> <{to}>\r\n{fields}"
        return await self.bring(f"{head}\r\n{text}", self.token(self.delegate), "delegate@example.org")

    def invitation(self) -> str:
        """The Message-ID of the newest one."""
        newest = sa.select(contents.c.message_id).where(contents.c.kind == "invitation").order_by(contents.c.id.desc())
        return str(self.db.read_now(lambda tx: tx.execute(newest.limit(1)).scalar_one()))

    async def bring(self, rest: str, token: str, author: str) -> str:
        raw = f"From: {author}\r\nTo: x@lists.example.org\r\nSubject: Accepted\r\n{rest}".encode()
        address = f"cg-aisec-meetings+{token}@lists.example.org"
        addressed = Addressed(address, self.group.id, "meetings", token)
        arrival = Arrival(raw, author, self.context.now, "smtp", "127.0.0.1", "x", False, b"", (addressed,))
        number = await Intake(self.db).take(arrival)
        errand = Errand(number, number, self.group.id, self.group.name, address, "meetings", token, "", 1, author,
                        self.context.now, "smtp", "127.0.0.1", b"", messages.parse(raw))  # fmt: skip
        return self.db.write_now(replies.take, self.context, errand).reason

    def state(self, member: Member | None = None) -> AttendeeState:
        found = self.db.read_now(records.find_attendee, self.meeting.id, (member or self.delegate).id)
        assert found is not None
        return found

    def letters(self) -> int:
        noted = sa.select(sa.func.count()).select_from(contents).where(contents.c.about.like("answer to meeting%"))
        return int(self.db.read_now(lambda tx: tx.execute(noted).scalar_one()))


@pytest.fixture
def desk(db: Database, context: Context, group: Group) -> Desk:
    return Desk(db, context, group)


@pytest.mark.parametrize(
    ("token", "proven", "partstat", "evidence", "told"),
    [
        (True, "example.org", "ACCEPTED", "verified", 0),
        (False, "example.org", "ACCEPTED", "verified", 0),
        (True, "", "ACCEPTED", "unverified", 1),
        (True, "evil.example", "ACCEPTED", "unverified", 1),
        (False, "", "NEEDS-ACTION", "", 0),
        (False, "evil.example", "NEEDS-ACTION", "", 0),
    ],
)
async def test_who_proves_what(desk: Desk, token: bool, proven: str, partstat: str, evidence: str, told: int) -> None:
    await desk.post(desk.ics(), token=desk.token(desk.delegate) if token else "1-aaaaaaaaaaaaaaaa", proven=proven)
    assert (desk.state().partstat, desk.state().evidence) == (partstat, evidence)
    assert desk.letters() == told


async def test_calendars_of_google_answer_for_their_users(desk: Desk) -> None:
    google = "calendar-notification@google.com"
    ics = desk.ics("TENTATIVE")
    assert "nobody" in await desk.post(ics, token="1-aaaaaaaaaaaaaaaa", proven="google.com", author=google)
    author = f"{google}\r\nReply-To: delegate@example.org\r\nAuto-Submitted: auto-generated"
    await desk.post(ics, token=desk.token(desk.delegate), proven="google.com", author=author)
    assert (desk.state().partstat, desk.state().evidence) == ("TENTATIVE", "verified")


@pytest.mark.parametrize("places", list(itertools.permutations(range(3))))
async def test_replies_in_any_order_end_the_same(desk: Desk, places: tuple[int, ...]) -> None:
    said = [
        ("DECLINED", "0", "20270504T080000Z"),
        ("TENTATIVE", "0", "20270504T090000Z"),
        ("ACCEPTED", "1", "20270503T080000Z"),
    ]
    desk.db.write_now(records.change, desk.meeting.id, {"sequence": 1})
    for place in places:
        partstat, sequence, stamp = said[place]
        ics = desk.ics(partstat, sequence=sequence, stamp=stamp)
        await desk.post(ics, token=desk.token(desk.delegate), proven="example.org")
    assert desk.state().partstat == "ACCEPTED"
    ics = desk.ics("DECLINED", sequence="0", stamp="20270505T080000Z")
    assert "stale" in await desk.post(ics, token=desk.token(desk.delegate), proven="example.org")
    assert desk.state().partstat == "ACCEPTED"


async def test_a_forged_answer_from_the_future_does_not_outrank_the_real_one(desk: Desk) -> None:
    forged = desk.ics("DECLINED", sequence="2147483647", stamp="99991231T235959Z")
    await desk.post(forged, token=desk.token(desk.delegate))
    assert (desk.state().partstat, desk.state().evidence) == ("DECLINED", "unverified")
    desk.context = desk.context.at(desk.context.now + timedelta(days=2))
    await desk.post(
        desk.ics("ACCEPTED", stamp="20270505T080000Z"), token=desk.token(desk.delegate), proven="example.org"
    )
    assert (desk.state().partstat, desk.state().evidence) == ("ACCEPTED", "verified")


@pytest.mark.parametrize("method", ["CANCEL", "REQUEST", "PUBLISH", "DECLINECOUNTER"])
async def test_nothing_from_outside_changes_a_meeting(desk: Desk, method: str) -> None:
    ics = desk.ics(method=method, sequence="9")
    await desk.post(ics, token=desk.token(desk.delegate), proven="example.org")
    assert desk.state().partstat == "NEEDS-ACTION"
    assert desk.db.read_now(records.get, desk.meeting.id) == desk.meeting


async def test_another_persons_address_under_my_token_changes_at_most_mine(desk: Desk) -> None:
    ics = desk.ics(attendees="delegate@example.org,other@example.net")
    await desk.post(ics, token=desk.token(desk.delegate), proven="example.org")
    assert desk.state(desk.other).partstat == "NEEDS-ACTION"
    assert desk.state().partstat == "ACCEPTED"


async def test_an_unknown_meeting_is_kept_and_changes_nothing(desk: Desk) -> None:
    ics = desk.ics(uid="somebody-elses@example.com")
    assert "unknown meeting" in await desk.post(ics, token=desk.token(desk.delegate))


async def test_a_counter_is_a_proposal(desk: Desk) -> None:
    ics = desk.ics("NEEDS-ACTION", method="COUNTER", times="DTSTART:20270521T070000Z\r\nDTEND:20270521T080000Z\r\n")
    assert "proposal" in await desk.post(ics, token=desk.token(desk.delegate), proven="example.org")
    assert desk.state().partstat == "TENTATIVE"
    assert desk.db.read_now(records.get, desk.meeting.id).starts_at == desk.meeting.starts_at


async def test_yes_to_the_time_before_is_not_yes_to_the_new_one(desk: Desk) -> None:
    when = schedule.read_when("2027-05-21 09:00", duration="60m")
    desk.db.write_now(schedule.move, desk.context, desk.meeting.id, schedule.Changes(when=when))
    assert "previous time" in await desk.post(desk.ics(), token=desk.token(desk.delegate), proven="example.org")
    assert desk.state().partstat == "NEEDS-ACTION"
    await desk.post(desk.ics(sequence="1"), token=desk.token(desk.delegate), proven="example.org")
    assert desk.state().partstat == "ACCEPTED"


@pytest.mark.parametrize(
    ("text", "partstat", "comment"),
    [
        ("yes\r\n", "ACCEPTED", ""),
        ("Yes, I will be there.\r\n\r\n> no\r\n", "ACCEPTED", "I will be there."),
        ("No\r\n", "DECLINED", ""),
        ("maybe: if the train is on time\r\n", "TENTATIVE", "if the train is on time"),
        ("Oui\r\n", "ACCEPTED", ""),
        ("I shall see.\r\n", "NEEDS-ACTION", ""),
        ("> yes\r\n", "NEEDS-ACTION", ""),
    ],
)
async def test_an_answer_in_words(desk: Desk, text: str, partstat: str, comment: str) -> None:
    """Whoever has no calendar answers as people do; only their own first line counts."""
    await desk.say(text)
    assert (desk.state().partstat, desk.state().comment) == (partstat, comment)
    assert desk.letters() == (1 if partstat != "NEEDS-ACTION" else 0)  # the address alone vouches for it


async def test_words_to_the_time_before_a_move(desk: Desk) -> None:
    before = desk.invitation()
    moved = schedule.read_when("2027-05-21 09:00", duration="60m")
    desk.db.write_now(schedule.move, desk.context, desk.meeting.id, schedule.Changes(when=moved))
    assert "previous time" in await desk.say("yes\r\n", to=before)
    assert desk.state().partstat == "NEEDS-ACTION"
    assert "applied" in await desk.say("yes\r\n")
    assert desk.state().partstat == "ACCEPTED"


async def test_a_robot_does_not_accept(desk: Desk) -> None:
    await desk.say("Yes, I am on holiday.\r\n", fields="Auto-Submitted: auto-replied\r\n")
    assert desk.state().partstat == "NEEDS-ACTION"
    await desk.say("yes\r\n", to="somebody@else.example")
    assert desk.state().partstat == "NEEDS-ACTION"
