"""Commands by mail: the whole table of the program, as conveners, members, strangers and robots write to it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from cgbot import wiring
from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.groups import members, orders, planned, request_form
from cgbot.groups.commands import Command, Query, by_every_name
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.groups.roles import ROLES, may
from cgbot.meetings import records as meetings
from cgbot.notices import ledger
from cgbot.posts import request
from cgbot.store.db import Database
from tests.groups.mailbag import Sent, errand, outbox, token_of

COMMANDS = wiring.commands()
QUERIES = wiring.queries()
PURPOSES = wiring.purposes()
KINDS = wiring.kinds()
EVERY: dict[str, Command | Query] = {**COMMANDS, **QUERIES}
MEETING = "title: Second meeting\nstart: 20 May 2027 09:00\nduration: 60m\nlink: https://meet.example.org/x\n"


@pytest.fixture
def jia(db: Database, context: Context, group: Group) -> Member:
    return db.write_now(members.add, context, group.id, NewMember("jia@example.org", name="Jia", role="convener"))


@pytest.fixture
def mia(db: Database, context: Context, group: Group) -> Member:
    return db.write_now(members.add, context, group.id, NewMember("mia@example.org", name="Mia"))


class Desk:
    """Mail to NAME-request@, and answers to what comes back."""

    def __init__(self, db: Database, context: Context, group: Group) -> None:
        self.db, self.context, self.group = db, context, group

    def write(self, subject: str, text: str = "", sender: str = "jia@example.org", **fields: str) -> Settled:
        mail = errand(
            self.context, self.group, "request", text, sender=sender, Subject=subject,
            mail_from=fields.pop("mail_from", sender), **fields,
        )  # fmt: skip
        return self.db.write_now(PURPOSES["request"], self.context, mail)

    def answer(self, letter: Sent, text: str) -> Settled:
        mail = errand(self.context, self.group, "confirm", text, detail=token_of(letter), sender=letter.recipient)
        return self.db.write_now(PURPOSES["confirm"], self.context, mail)

    def later(self, **span: int) -> Desk:
        return Desk(self.db, self.context.at(self.context.now + timedelta(**span)), self.group)

    def tick(self) -> list[str]:
        return [one.notice.occurrence.kind for one in self.db.write_now(ledger.tick, self.context, KINDS)]

    @property
    def mails(self) -> list[Sent]:
        return outbox(self.db)

    @property
    def last(self) -> Sent:
        return self.mails[-1]


@pytest.fixture
def desk(db: Database, context: Context, group: Group) -> Desk:
    return Desk(db, context, group)


def words(letter: Sent) -> str:
    return " ".join(letter.text.split())


# ------------------------------------------------------------------------------------------------- the whole table


def test_every_way_to_say_something_is_said_once() -> None:
    said = Counter([*by_every_name(COMMANDS), *by_every_name(QUERIES), *request.OWN_WORDS])
    every = sum(1 + len(one.also) for one in EVERY.values())
    assert [name for name, times in said.items() if times > 1] == []
    assert len({*by_every_name(COMMANDS), *by_every_name(QUERIES)}) == every
    assert [name for name in said if name != name.lower().strip()] == []


@pytest.mark.parametrize("name", EVERY)
def test_every_example_is_read_as_its_command(name: str) -> None:
    """What the help shows can be sent as it is, in the subject or in the text."""
    one = EVERY[name]
    first, *fields = one.form.splitlines()
    names = [*by_every_name(COMMANDS), *by_every_name(QUERIES), "help"]
    for subject, text in ((first, "\n".join(fields)), ("", one.form), ("Re: " + first, one.form)):
        form = request_form.read(subject, text, names)
        assert form is not None
        assert form.command == name
        assert len(form.fields) >= min(1, len([line for line in fields if ":" in line]))
    assert one.help.endswith((".", "!"))
    assert len(one.help) < 250


@pytest.mark.parametrize("role", ROLES)
def test_the_help_shows_a_role_what_it_may(desk: Desk, role: str) -> None:
    new = NewMember("kim@example.org", role=role)
    desk.db.write_now(members.add, desk.context, desk.group.id, new)
    desk.write("help", sender="kim@example.org")
    text = desk.last.text.replace("\r\n", "\n")
    for one in EVERY.values():
        first = f"    {one.form.splitlines()[0]}"
        assert (first in text.splitlines()) == may(role, one.action), one.name
    assert desk.last.message["Subject"] == "[CG-AISEC] What you can do by mail"
    assert "not known here" not in text


# ---------------------------------------------------------------------------------------------------------- orders


def test_a_meeting_is_called_by_mail(desk: Desk, jia: Member, mia: Member) -> None:
    desk.write("Schedule a meeting", MEETING)
    preview = desk.last
    assert preview.recipient == "jia@example.org"
    assert "Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)" in words(preview)
    assert "2 people get a personal invitation" in words(preview)
    desk.answer(preview, "yes")
    assert "order" in desk.later(minutes=10).tick()
    (meeting,) = desk.db.read_now(meetings.of_group, desk.group.id)
    assert (meeting.title, meeting.state) == ("Second meeting", "confirmed")
    assert Counter(one.recipient for one in desk.mails) == {"jia@example.org": 4, "mia@example.org": 1}


def test_moved_by_a_corrected_copy(desk: Desk, jia: Member) -> None:
    desk.write("schedule", MEETING)
    desk.answer(desk.last, "yes")
    desk.later(minutes=10).tick()
    desk = desk.later(minutes=20)
    desk.write("move 1", "start: 21 May 2027 09:00")
    first = desk.last
    assert "WAS Thursday 20 May 2027, 09:00-10:00" in words(first)
    quoted = "\n".join(f"> {line}" for line in first.text.splitlines())
    desk.answer(first, quoted.replace("2027-05-21 09:00", "2027-05-24 14:00").replace("05-21 10:00", "05-24 15:00"))
    second = desk.last
    assert "NOW Monday 24 May 2027, 14:00-15:00" in words(second)
    desk.answer(second, "yes")
    desk.later(minutes=10).tick()
    (meeting,) = desk.db.read_now(meetings.of_group, desk.group.id)
    assert meeting.starts_at == datetime(2027, 5, 24, 12, tzinfo=UTC)


def test_what_cannot_be_read_is_named_with_the_form(desk: Desk, jia: Member) -> None:
    desk.write("schedule", "title: A\nstart: 20 May 2027 09:00\nduration: 60m\nlocality: Room B")
    assert "Nothing has been done: locality: not known here; allowed are title, start, end" in words(desk.last)
    assert "    schedule\r\n    title: Second meeting" in desk.last.text
    desk.write("move 99", "start: 20 May 2027 09:00")
    assert "Nothing has been done: there is no meeting 99" in words(desk.last)


def test_from_a_second_address_the_preview_goes_to_the_first(desk: Desk, jia: Member, mia: Member) -> None:
    desk.db.write_now(members.change, desk.context, jia, {"address": "jia@new.example"})
    desk.write("schedule", MEETING, sender="jia@example.org")
    assert desk.last.recipient == "jia@new.example"


# ------------------------------------------------------------------------------------------------- join, leave, help


@pytest.mark.parametrize(("subject", "template"), [("join", "join"), ("Subscribe", "join"), ("leave", "leave")])
def test_join_and_leave(desk: Desk, subject: str, template: str) -> None:
    assert desk.write(subject, sender="zoe@example.org").reason == "asked back by mail"
    assert f"Please confirm: {template} CG-AISEC" == desk.last.message["Subject"]


@pytest.mark.parametrize(
    ("subject", "text", "understood"),
    [("help", "", True), ("", "help", True), ("", "", True), ("Hi", "what can I do?", False), ("schedule", "", False),
     ("meetings", "", False)],
)  # fmt: skip
def test_a_stranger_gets_the_ordinary_help_once_a_day(desk: Desk, subject: str, text: str, understood: bool) -> None:
    assert desk.write(subject, text, sender="zoe@example.org").state == "sorted"
    assert ("not known here" not in desk.last.text) == understood
    assert "schedule" not in desk.last.text
    assert "cg-aisec-join@lists.example.org" in desk.last.text
    assert desk.write(subject, text, sender="Zoe@EXAMPLE.org").state == "discarded"
    assert len(desk.mails) == 1
    assert desk.later(hours=25).write("help", sender="zoe@example.org").state == "sorted"


def test_so_many_strangers_an_hour(desk: Desk, mia: Member) -> None:
    for number in range(70):
        desk.write("help", sender=f"zoe@d{number}.example.org", peer=f"192.0.{number}.1")
    assert len(desk.mails) == 60
    assert desk.write("help", sender="mia@example.org").state == "sorted"
    assert desk.later(minutes=61).write("help", sender="zoe99@example.org").state == "sorted"


@pytest.mark.parametrize(
    ("sender", "fields"),
    [
        ("jia@example.org", {"Auto_Submitted": "auto-generated"}),
        ("jia@example.org", {"Precedence": "list"}),
        ("jia@example.org", {"List_Id": "<other.example.org>"}),
        ("jia@example.org", {"mail_from": ""}),
        ("jia@example.org, mia@example.org", {}),
        ("not an address", {}),
        ("cg-aisec@lists.example.org", {}),
        ("someone@LISTS.example.org", {}),
    ],
)
@pytest.mark.parametrize("subject", ["schedule", "help", "meetings", "join"])
def test_robots_and_ourselves_get_nothing(
    desk: Desk, jia: Member, subject: str, sender: str, fields: dict[str, str]
) -> None:
    assert desk.write(subject, MEETING, sender=sender, **fields).state == "discarded"
    assert desk.mails == []


# ------------------------------------------------------------------------------------------------------- questions


def test_questions_are_answered_at_once(desk: Desk, jia: Member, mia: Member) -> None:
    assert desk.write("meetings", sender="mia@example.org").reason == "0 meetings listed"
    assert desk.last.recipient == "mia@example.org"
    assert desk.last.message["Subject"] == "[CG-AISEC] Meetings to come"


def test_a_question_that_is_not_a_members_is_declined_once_a_day(desk: Desk, mia: Member) -> None:
    desk.write("replies 1", sender="mia@example.org")
    desk.write("replies 1", sender="mia@example.org")
    desk.write("awaiting", sender="mia@example.org")
    (letter,) = desk.mails
    assert '"replies" is open to the group\'s convener, vice-convener and secretary.' in words(letter)


def test_a_question_without_an_answer(desk: Desk, jia: Member) -> None:
    desk.write("replies 7")
    assert "there is no meeting 7" in desk.last.text
    assert "    replies 12" in desk.last.text


def test_so_many_questions_an_hour(desk: Desk, jia: Member) -> None:
    for _ in range(40):
        desk.write("whoami")
    assert len(desk.mails) == 30
    assert desk.later(minutes=61).write("whoami").state == "sorted"


def test_an_order_by_mail_is_seen_on_the_desk_too(desk: Desk, jia: Member) -> None:
    desk.write("schedule", MEETING)
    (order,) = desk.db.read_now(orders.waiting, desk.group.id)
    assert "Second meeting" in order.summary
    assert order.message_id


def test_planned_mails_are_kept_out_of_each_other(desk: Desk) -> None:
    assert {planned.NAME, orders.NAME} <= {one.name for one in KINDS}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("QUIET SIGNOFF CG-AISEC", "Please confirm: leave CG-AISEC"),
        ("SIGNOFF * (NETWIDE", "Please confirm: leave CG-AISEC"),
        ("Please remove me from this list.\r\n\r\nThanks\r\nMia", "Please confirm: leave CG-AISEC"),
        ("quiet subscribe cg-aisec Mia Ng", "Please confirm: join CG-AISEC"),
        ("Merci de me désinscrire", "Merci de confirmer : quitter CG-AISEC"),
    ],
)
def test_leaving_in_other_words_is_understood(
    db: Database, context: Context, group: Group, text: str, subject: str
) -> None:
    Desk(db, context, group).write("", text, sender="zoe@example.org")
    (letter,) = outbox(db)
    assert letter.message["Subject"] == subject


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_setting_in_the_words_of_listserv(db: Database, context: Context, group: Group, mia: Member) -> None:
    settled = Desk(db, context, group).write("", "QUIET SET CG-AISEC NOMAIL", sender=mia.address)
    assert settled.reason == "asked back by mail"
    (letter,) = outbox(db)
    Desk(db, context, group).answer(letter, "yes")
    changed = db.read_now(members.require, group.id, mia.address)
    assert changed.delivery == "none"
