"""The conveners' daily mail: everything that goes to the list is seen before, and stopped by answering."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import members, planned, subscriptions
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.notices import ledger
from cgbot.notices.kinds import Kind, Occurrence, within
from cgbot.store.db import Database, Tx
from cgbot.store.tables import audit, notices
from tests.groups.mailbag import Sent, errand, outbox, token_of

MORNING = datetime(2027, 5, 3, 6, 0, tzinfo=UTC)  # Monday 08:00 in Geneva, the time of the daily mail
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PURPOSES = subscriptions.purposes(answers=planned.ANSWERS)


@pytest.fixture
def jia(db: Database, context: Context, group: Group) -> Member:
    return db.write_now(members.add, context, group.id, NewMember("jia@example.org", role="convener"))


def occurrence(group: Group, about: str, due_at: datetime) -> Occurrence:
    return Occurrence("reminder", about, group.id, due_at, "25 members", f"Reminder of {about}")


def kinds(*found: Occurrence) -> tuple[Kind, ...]:
    def plan(_tx: Tx, _context: Context, until: datetime) -> Sequence[Occurrence]:
        return [one for one in found if one.due_at <= until]

    def send(tx: Tx, context: Context, sent: Occurrence) -> None:
        tx.execute(
            sa.insert(audit).values(
                at=context.now, actor="clock", action="sent", group_id=sent.group_id, subject=sent.about, detail={}
            )
        )

    shown = (Kind("reminder", "members", announced=True, plan=plan, send=send, late=within(6 * HOUR)),)
    return (*shown, planned.kind(shown))


def play(db: Database, context: Context, found: Sequence[Kind], start: datetime, end: datetime) -> list[Sent]:
    """Let the clock tick every half hour from start to end; the letters that came out of it."""
    before = len(outbox(db))
    now = start
    while now <= end:
        db.write_now(ledger.tick, context.at(now), found)
        now += timedelta(minutes=30)
    return outbox(db)[before:]


def went_out(db: Database) -> list[tuple[str, datetime]]:
    def read(tx: Tx) -> list[tuple[str, datetime]]:
        rows = tx.execute(sa.select(audit.c.subject, audit.c.at).where(audit.c.action == "sent").order_by(audit.c.id))
        return [(row.subject, row.at) for row in rows]

    return db.read_now(read)


def numbers(letter: Sent) -> list[int]:
    return [int(number) for number in re.findall(r"(?m)^(\d+): ", letter.text)]


def answer(context: Context, group: Group, letter: Sent, text: str, **fields: str) -> Errand:
    return errand(context, group, "confirm", text, detail=token_of(letter), sender="jia@example.org", **fields)


def test_one_mail_a_day_shows_what_goes_out_a_day_later(
    db: Database, context: Context, group: Group, jia: Member
) -> None:
    due = [occurrence(group, f"meeting {day}", MORNING + day * DAY + 3 * HOUR) for day in (1, 2, 5)]
    letters = play(db, context, kinds(*due), MORNING - HOUR, MORNING + 6 * DAY)
    assert [letter.recipient for letter in letters] == ["jia@example.org"] * 3
    shown = {one.occurrence.about: one for one in db.read_now(ledger.find, notices.c.kind == "reminder")}
    for one in due:
        seen = shown[one.about].announced_at
        assert seen is not None
        assert one.due_at - seen >= DAY
    assert went_out(db) == [(one.about, one.due_at) for one in due]


def test_the_mail_says_what_when_and_to_whom(db: Database, context: Context, group: Group, jia: Member) -> None:
    (letter,) = play(db, context, kinds(occurrence(group, "meeting 1", MORNING + DAY)), MORNING, MORNING)
    assert letter.message["Subject"] == "CG-AISEC: 1 mail planned to the list"
    assert "Reminder of meeting 1" in letter.text
    assert "Tuesday 4 May 2027, 08:00 Geneva time (CEST, 06:00 UTC)" in letter.text
    assert "to 25 members" in letter.text
    assert f"stop {numbers(letter)[0]}" in letter.text


def test_nothing_planned_is_no_mail(db: Database, context: Context, group: Group, jia: Member) -> None:
    assert play(db, context, kinds(occurrence(group, "far", MORNING + 90 * DAY)), MORNING, MORNING + 3 * DAY) == []
    assert db.read_now(ledger.find, notices.c.kind == planned.NAME) == ()


def test_every_convener_has_a_reply_address_of_their_own(
    db: Database, context: Context, group: Group, jia: Member
) -> None:
    db.write_now(members.add, context, group.id, NewMember("hu@example.org", role="vice-convener"))
    db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    letters = play(db, context, kinds(occurrence(group, "meeting 1", MORNING + DAY)), MORNING, MORNING)
    assert [letter.recipient for letter in letters] == ["jia@example.org", "hu@example.org"]
    assert len({token_of(letter) for letter in letters}) == 2


def test_answering_stops_it(db: Database, context: Context, group: Group, jia: Member) -> None:
    due = [occurrence(group, f"meeting {number}", MORNING + DAY) for number in (1, 2)]
    (letter,) = play(db, context, kinds(*due), MORNING, MORNING)
    first, second = numbers(letter)
    text = f"Stop {first}\r\n\r\nOn Monday CG-AISEC wrote:\r\n> stop {second}\r\n"
    settled = db.write_now(PURPOSES["confirm"], context, answer(context, group, letter, text))
    assert settled.reason == f"{first}: stopped: Reminder of meeting 1"
    told = outbox(db)[-1]
    assert (told.recipient, "stopped: Reminder of meeting 1" in told.text) == ("jia@example.org", True)
    play(db, context, kinds(*due), MORNING + HOUR, MORNING + 2 * DAY)
    assert [about for about, _ in went_out(db)] == ["meeting 2"]
    again = db.write_now(PURPOSES["confirm"], context, answer(context, group, letter, f"stop {first}"))
    assert "cannot be stopped: it is stopped" in again.reason


def test_an_answer_that_says_nothing_is_answered_once(
    db: Database, context: Context, group: Group, jia: Member
) -> None:
    (letter,) = play(db, context, kinds(occurrence(group, "meeting 1", MORNING + DAY)), MORNING, MORNING)
    for _ in range(3):
        db.write_now(PURPOSES["confirm"], context, answer(context, group, letter, "Thanks!"))
    told = outbox(db)[1:]
    assert len(told) == 1
    assert "could not be understood" in told[0].text


def test_a_robot_stops_nothing(db: Database, context: Context, group: Group, jia: Member) -> None:
    (letter,) = play(db, context, kinds(occurrence(group, "meeting 1", MORNING + DAY)), MORNING, MORNING)
    robot = answer(context, group, letter, f"stop {numbers(letter)[0]}", Auto_Submitted="auto-replied")
    assert db.write_now(PURPOSES["confirm"], context, robot).state == "discarded"
    assert [one.state for one in db.read_now(ledger.find, notices.c.kind == "reminder")] == ["announced"]


def test_who_is_no_convener_any_more_stops_nothing(db: Database, context: Context, group: Group, jia: Member) -> None:
    (letter,) = play(db, context, kinds(occurrence(group, "meeting 1", MORNING + DAY)), MORNING, MORNING)
    db.write_now(members.change, context, jia, {"role": "member"})
    settled = db.write_now(PURPOSES["confirm"], context, answer(context, group, letter, f"stop {numbers(letter)[0]}"))
    assert settled == Settled("discarded", "jia@example.org is not a convener any more")


def test_another_groups_notice_is_not_stopped(db: Database, context: Context, group: Group, jia: Member) -> None:
    (letter,) = play(db, context, kinds(occurrence(group, "meeting 1", MORNING + DAY)), MORNING, MORNING)
    settled = db.write_now(PURPOSES["confirm"], context, answer(context, group, letter, "stop 4711"))
    assert settled.reason.startswith("4711: there is no notice 4711")


def test_what_is_planned_at_the_last_moment_is_shown_at_once(
    db: Database, context: Context, group: Group, jia: Member
) -> None:
    first, second = occurrence(group, "first", MORNING + DAY), occurrence(group, "second", MORNING + 5 * HOUR)
    play(db, context, kinds(first), MORNING, MORNING)
    at = MORNING + 4 * HOUR + HOUR / 2
    (letter,) = play(db, context, kinds(first, second), at, at)
    assert "Reminder of second" in letter.text
    assert "Reminder of first" not in letter.text
    assert play(db, context, kinds(first, second), at, at + 2 * HOUR) == []
    assert went_out(db) == [("second", at + HOUR)]


def test_a_day_without_electricity(db: Database, context: Context, group: Group, jia: Member) -> None:
    """Nothing ran from Sunday to Tuesday noon: what is too late is skipped, the rest is shown first."""
    due = [occurrence(group, f"at {hour}", MORNING + DAY + hour * HOUR) for hour in (-12, 1, 9)]
    noon = MORNING + DAY + 4 * HOUR
    letters = play(db, context, kinds(*due), noon, noon + 12 * HOUR)
    assert [len(numbers(letter)) for letter in letters] == [2]
    assert went_out(db) == [("at 1", noon + HOUR), ("at 9", due[2].due_at)]
    (skipped,) = db.read_now(ledger.find, notices.c.state == "skipped")
    assert skipped.occurrence.about == "at -12"


@pytest.mark.parametrize("start", [datetime(2027, 3, 26, 12, tzinfo=UTC), datetime(2027, 10, 29, 12, tzinfo=UTC)])
def test_one_mail_a_day_over_both_nights(
    db: Database, context: Context, group: Group, jia: Member, start: datetime
) -> None:
    """The daily mail at 02:30 Geneva time, with something new to show every day."""
    settings = context.settings
    at_night = dataclasses.replace(settings.notices, daily_at=datetime(2027, 1, 1, 2, 30).time())  # noqa: DTZ001 - a wall time
    context = dataclasses.replace(context, settings=dataclasses.replace(settings, notices=at_night))
    due = [occurrence(group, f"meeting {day}", start + (2 + day) * DAY) for day in range(5)]
    letters = play(db, context, kinds(*due), start, start + 5 * DAY)
    days = [one.occurrence.about for one in db.read_now(ledger.find, notices.c.kind == planned.NAME)]
    assert len(letters) == len(days) == len(set(days))
    assert [about for about, _ in went_out(db)] == [one.about for one in due if one.due_at <= start + 5 * DAY]


def test_without_conveners_the_operator_is_shown_it(db: Database, context: Context, group: Group) -> None:
    (letter,) = play(db, context, kinds(occurrence(group, "meeting 1", MORNING + DAY)), MORNING, MORNING)
    assert letter.recipient == "operator@example.org"
    settled = db.write_now(PURPOSES["confirm"], context, answer(context, group, letter, f"stop {numbers(letter)[0]}"))
    assert "stopped" in settled.reason


def test_with_nobody_to_show_it_to_it_goes_out(db: Database, context: Context, group: Group) -> None:
    service = dataclasses.replace(context.settings.service, operator="")
    context = dataclasses.replace(context, settings=dataclasses.replace(context.settings, service=service))
    assert play(db, context, kinds(occurrence(group, "meeting 1", MORNING + DAY)), MORNING, MORNING + DAY) == []
    assert went_out(db) == [("meeting 1", MORNING + DAY)]


def test_the_preview_shows_the_daily_mails_too(db: Database, context: Context, group: Group, jia: Member) -> None:
    due = [occurrence(group, "soon", MORNING + DAY + HOUR), occurrence(group, "later", MORNING + 9 * DAY + HOUR)]
    seen = db.read_now(ledger.preview, context.at(MORNING - HOUR), kinds(*due), MORNING + 30 * DAY)
    assert [(one.occurrence.kind, one.occurrence.about) for one in seen] == [
        (planned.NAME, "day 2027-05-03"),
        ("reminder", "soon"),
        (planned.NAME, "day 2027-05-11"),
        ("reminder", "later"),
    ]


def test_a_closed_group_shows_nothing(db: Database, context: Context, group: Group, jia: Member) -> None:
    from cgbot.store.tables import groups

    db.write_now(lambda tx: tx.execute(sa.update(groups).values(closed_at=context.now)))
    assert play(db, context, kinds(occurrence(group, "meeting 1", MORNING + DAY)), MORNING, MORNING) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("stop 12", (12,)),
        ("  STOP 12.\n", (12,)),
        ("stop #12, 13 and 14", (12, 13, 14)),
        ("\nstop 12\nstop 13\nThanks", (12, 13)),
        ("stop12", ()),
        ("stop", ()),
        ("please stop 12", ()),
        ("Thanks\nstop 12", ()),
        ("> stop 12", ()),
        ("Hello,\n\nstop 12", (12,)),
        ("On 3 May 2027, CG-AISEC wrote:\n> 12: a mail\n\nstop 12", (12,)),
        ("stop 12 13 12", (12, 13)),
        ("stop -1", ()),
        ("", ()),
    ],
)
def test_reading_the_word_stop(text: str, found: tuple[int, ...]) -> None:
    assert planned.stops(text) == found
