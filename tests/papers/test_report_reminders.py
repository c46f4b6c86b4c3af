"""The report by the clock: from the draft to the receipt, each mail once, and again for everybody when it moves."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from cgbot.archive import records as archive
from cgbot.context import Context
from cgbot.groups import members
from cgbot.groups.charter import Companion
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.records import Meeting
from cgbot.notices import ledger
from cgbot.papers import report, report_orders, report_records, report_reminders
from cgbot.papers.report import Correction
from cgbot.store.db import Database
from cgbot.store.tables import actions
from tests.groups.mailbag import Sent, outbox
from tests.papers.reporting import (
    KINDS,
    days,
    drafted,
    geneva,
    move,
    owed,
    parent_meeting,
    people,
    play,
    with_secretariat,
)

JIA = "jia@example.org"
CONVENERS = {JIA, "hu@example.org", "sec@example.org"}


@pytest.fixture
def spring(db: Database, context: Context, group: Group) -> Context:
    """Five people, and a secretariat."""
    people(db, context, group)
    return with_secretariat(context)


def plenary(db: Database, context: Context, group: Group) -> Meeting:
    """1 to 10 June 2027; the report is due on Saturday 1 May 2027."""
    return parent_meeting(db, context.at(geneva("2027-01-10")), group, "2027-06-01")


def news(db: Database, group: Group, context: Context) -> None:
    """Something happens."""
    row = {"group_id": group.id, "text": f"News of {context.now}", "created_at": context.now, "created_by": JIA}
    db.write_now(lambda tx: tx.execute(sa.insert(actions).values(state="open", **row)))


def told(letters: list[tuple[str, Sent]], recipient: str = JIA) -> list[tuple[str, str]]:
    """The day and subject of each mail to one of them, without the daily mail of planned notices."""
    found = [(day, str(one.message["Subject"])) for day, one in letters if one.recipient == recipient]
    return [(day, subject) for day, subject in found if "planned to the list" not in subject]


def approve(db: Database, context: Context, meeting: Meeting) -> None:
    db.write_now(report_orders.approve, context, owed(db, context, meeting), JIA, None)


def submit(db: Database, context: Context, meeting: Meeting) -> None:
    db.write_now(report_orders.submit, context, owed(db, context, meeting), JIA)


# ------------------------------------------------------------------------------------------------- the whole way


def test_what_a_convener_gets_who_does_nothing(db: Database, spring: Context, group: Group) -> None:
    """Draft 28 days before, comments 14, reminders 7 and 1, overdue on three days, then weekly until the meeting."""
    plenary(db, spring, group)
    letters = play(db, spring, days("2027-03-30", "2027-06-14"))
    draft = "[CG-AISEC] Report to SG17, version 1: due Saturday 1 May 2027"
    comments = "[CG-AISEC] Comments wanted until Saturday 24 April 2027 on the draft report to SG17"
    overdue = "[CG-AISEC] Overdue: the report to SG17, due Saturday 1 May 2027"
    assert told(letters) == [
        ("2027-04-03", draft),
        ("2027-04-17", comments),
        ("2027-04-24", "[CG-AISEC] In 7 days: the report to SG17, due Saturday 1 May 2027"),
        ("2027-04-30", "[CG-AISEC] In 1 day: the report to SG17, due Saturday 1 May 2027"),
        *[(day, overdue) for day in ("2027-05-02", "2027-05-03", "2027-05-04")],
        *[(day, overdue) for day in ("2027-05-11", "2027-05-18", "2027-05-25", "2027-06-01", "2027-06-08")],
    ]
    assert told(letters, "zoe@example.org") == [("2027-04-17", comments)]
    assert told(letters, "yu@example.org") == []  # takes no mail of the list
    assert {one.recipient for _, one in letters} == {*CONVENERS, "zoe@example.org"}


def test_the_conveners_see_first_what_goes_to_the_list(db: Database, spring: Context, group: Group) -> None:
    plenary(db, spring, group)
    letters = play(db, spring, days("2027-04-01", "2027-04-17"))
    (shown,) = [(day, one) for day, one in letters if one.recipient == JIA and "planned" in one.message["Subject"]]
    assert shown[0] <= "2027-04-16"
    assert "Comments on the draft report to SG17 (Geneva, 1–10 June 2027) are asked for until Satur" in shown[1].text
    assert "to 4 members" in shown[1].text


def test_the_list_gets_the_draft_and_answers_to_the_list(db: Database, spring: Context, group: Group) -> None:
    plenary(db, spring, group)
    letters = play(db, spring, days("2027-04-02", "2027-04-17"))
    letter = next(one for day, one in letters if one.recipient == "zoe@example.org")
    assert letter.message["Reply-To"] == "cg-aisec@lists.example.org"
    assert "Comments are welcome until Saturday 24 April 2027, 23:59 Geneva time" in letter.text
    assert "\n3 Meetings of the group\n-----------------------\n" in letter.text.replace("\r\n", "\n")
    assert letter.message["List-Id"] is not None
    (archived,) = db.read_now(archive.newest, group.id, 10)
    assert archived.subject == letter.message["Subject"]
    assert not list(letter.message.iter_attachments())


def test_the_conveners_get_text_and_word_file_with_an_address_of_their_own(
    db: Database, spring: Context, group: Group
) -> None:
    plenary(db, spring, group)
    letters = [one for _, one in play(db, spring, days("2027-04-02", "2027-04-04"))]
    assert {one.recipient for one in letters} == CONVENERS
    assert len({str(one.message["Reply-To"]) for one in letters}) == 3
    for one in letters:
        (attached,) = one.message.iter_attachments()
        assert attached.get_filename() == "SG17-CG-AISEC-report-2027-06-01-v1.docx"
        assert "----- the report begins below this line -----" in one.text


def test_newer_facts_make_a_newer_version_before_the_list_sees_it(db: Database, spring: Context, group: Group) -> None:
    plenary(db, spring, group)
    play(db, spring, days("2027-04-03", "2027-04-10"))
    news(db, group, spring.at(geneva("2027-04-11")))
    letters = play(db, spring, days("2027-04-11", "2027-04-20"))
    assert [day for day, _ in told(letters)] == ["2027-04-15", "2027-04-17"]
    assert "version 2" in told(letters)[0][1]
    assert "News of" in next(one.text for _, one in letters if one.recipient == "zoe@example.org")


def test_an_approval_ends_the_reminders_and_a_submission_all(db: Database, spring: Context, group: Group) -> None:
    meeting = plenary(db, spring, group)
    play(db, spring, days("2027-04-03", "2027-04-04"))
    approve(db, spring.at(geneva("2027-04-05")), meeting)
    letters = play(db, spring, days("2027-04-06", "2027-05-03"))
    # Approved is not submitted: the conveners are still reminded, nobody is asked for comments any more.
    assert [day for day, _ in told(letters)] == ["2027-04-24", "2027-04-30", "2027-05-02", "2027-05-03"]
    assert told(letters, "zoe@example.org") == []
    assert "is approved and not submitted yet" in next(one.text for _, one in letters if one.recipient == JIA)
    submit(db, spring.at(geneva("2027-05-03", 13)), meeting)
    db.write_now(report.received, spring.at(geneva("2027-05-04", 1)), 1, "Thanks", "tsb@itu.example")
    assert play(db, spring, days("2027-05-04", "2027-06-12")) == []


def test_without_a_secretariat_an_approval_ends_all(db: Database, context: Context, group: Group) -> None:
    people(db, context, group)
    meeting = plenary(db, context, group)
    play(db, context, days("2027-04-03", "2027-04-04"))
    approve(db, context.at(geneva("2027-04-05")), meeting)
    assert play(db, context, days("2027-04-06", "2027-06-12")) == []


def test_it_never_goes_out_by_silence(db: Database, spring: Context, group: Group) -> None:
    meeting = plenary(db, spring, group)
    letters = play(db, spring, days("2027-04-01", "2027-06-14"))
    assert "tsbsg17@itu.example" not in {one.recipient for _, one in letters}
    assert owed(db, spring, meeting).state == "drafted"


# ------------------------------------------------------------------------------------------------------ the receipt


def test_a_receipt_that_does_not_come_is_asked_for_three_times(db: Database, spring: Context, group: Group) -> None:
    """Submitted on Friday 23 April 2027: three working days later is Wednesday 28 April."""
    meeting = plenary(db, spring, group)
    play(db, spring, days("2027-04-03", "2027-04-04"))
    approve(db, spring.at(geneva("2027-04-05")), meeting)
    submit(db, spring.at(geneva("2027-04-23")), meeting)
    letters = play(db, spring, days("2027-04-24", "2027-06-12"))
    subject = "[CG-AISEC] No receipt yet for the report to SG17"
    assert told(letters) == [(day, subject) for day in ("2027-04-28", "2027-05-05", "2027-05-12")]
    assert "was sent to tsbsg17@itu.example on Friday 23 April 2027" in " ".join(letters[0][1].text.split())


@pytest.mark.parametrize(
    ("day", "after"),
    [
        (date(2027, 4, 19), date(2027, 4, 22)),  # Monday: Thursday
        (date(2027, 4, 21), date(2027, 4, 26)),  # Wednesday: Monday
        (date(2027, 4, 24), date(2027, 4, 28)),  # Saturday: Wednesday
    ],
)
def test_working_days(day: date, after: date) -> None:
    assert report_reminders.after_working_days(day, 3) == after


# ---------------------------------------------------------------------------------------------- the meeting moves


def test_a_move_tells_everybody_who_was_told(db: Database, spring: Context, group: Group) -> None:
    """2 to 10 June became 1 to 10 June: the report is due a day earlier."""
    meeting = parent_meeting(db, spring.at(geneva("2027-01-10")), group, "2027-06-02", days=9)
    play(db, spring, days("2027-04-03", "2027-04-19"))
    move(db, spring.at(geneva("2027-04-20", 13)), meeting, "2027-06-01", days=10)
    letters = play(db, spring, days("2027-04-21", "2027-05-01"))
    assert told(letters) == [
        ("2027-04-21", "[CG-AISEC] New date: the report to SG17 is due Saturday 1 May 2027"),
        ("2027-04-21", "[CG-AISEC] Report to SG17, version 2: due Saturday 1 May 2027"),
        (
            "2027-04-21",
            "[CG-AISEC] New date: comments on the draft report to SG17 until Saturday 24 April 2027",
        ),
        ("2027-04-24", "[CG-AISEC] In 7 days: the report to SG17, due Saturday 1 May 2027"),
        ("2027-04-30", "[CG-AISEC] In 1 day: the report to SG17, due Saturday 1 May 2027"),
    ]
    moved = next(one for _, one in letters if one.recipient == JIA and "New date: the report" in one.message["Subject"])
    assert "it was Sunday 2 May 2027 before" in " ".join(moved.text.split())
    version = next(one for _, one in letters if "version 2" in str(one.message["Subject"]))
    assert "Meeting: Geneva, 1–10 June 2027" in version.text
    zoe = next(one for _, one in letters if one.recipient == "zoe@example.org")
    assert "(it was Sunday 2 May 2027)" in " ".join(zoe.text.split())
    assert len(told(letters, "zoe@example.org")) == 1


def test_a_move_before_anybody_was_told_tells_nobody(db: Database, spring: Context, group: Group) -> None:
    meeting = parent_meeting(db, spring.at(geneva("2027-01-10")), group, "2027-06-02", days=9)
    move(db, spring.at(geneva("2027-02-01")), meeting, "2027-06-01", days=10)
    letters = play(db, spring, days("2027-02-01", "2027-04-04"))
    assert told(letters) == [("2027-04-03", "[CG-AISEC] Report to SG17, version 1: due Saturday 1 May 2027")]


def test_a_move_of_months_asks_for_everything_again_at_its_time(db: Database, spring: Context, group: Group) -> None:
    meeting = plenary(db, spring, group)
    play(db, spring, days("2027-04-03", "2027-04-18"))
    move(db, spring.at(geneva("2027-04-19")), meeting, "2027-09-01", days=10)
    letters = play(db, spring, [*days("2027-04-20", "2027-04-24"), *days("2027-07-02", "2027-08-02")])
    news_ = told(letters)
    assert news_[0] == ("2027-04-20", "[CG-AISEC] New date: the report to SG17 is due Sunday 1 August 2027")
    assert "2027-07-18" in [day for day, _ in news_]  # comments, fourteen days before
    assert "2027-07-25" in [day for day, _ in news_]
    assert all("1 May" not in subject for _, subject in news_)


def test_there_and_back_is_told_twice(db: Database, spring: Context, group: Group) -> None:
    meeting = plenary(db, spring, group)
    play(db, spring, days("2027-04-03", "2027-04-05"))
    for day, start in (("2027-04-06", "2027-06-02"), ("2027-04-08", "2027-06-01"), ("2027-04-10", "2027-06-02")):
        move(db, spring.at(geneva(day)), meeting, start, days=9)
        letters = play(db, spring, [str(date.fromisoformat(day) + timedelta(days=1))])
        due = "Sunday 2 May" if start.endswith("02") else "Saturday 1 May"
        assert told(letters)[0][1] == f"[CG-AISEC] New date: the report to SG17 is due {due} 2027"


def test_another_title_tells_nobody(db: Database, spring: Context, group: Group) -> None:
    meeting = plenary(db, spring, group)
    play(db, spring, days("2027-04-03", "2027-04-05"))
    db.write_now(schedule.move, spring.at(geneva("2027-04-06")), meeting.id, schedule.Changes(title="Another"))
    assert play(db, spring, days("2027-04-07", "2027-04-12")) == []


def test_a_cancelled_meeting_ends_all(db: Database, spring: Context, group: Group) -> None:
    meeting = plenary(db, spring, group)
    play(db, spring, days("2027-04-03", "2027-04-10"))
    db.write_now(schedule.cancel, spring.at(geneva("2027-04-11")), meeting.id)
    assert play(db, spring, days("2027-04-12", "2027-06-12")) == []
    assert db.read_now(report_records.of_group, group.id)[0].state == "drafted"


# ------------------------------------------------------------------------------------------- late, twice, elsewhere


def test_a_service_that_was_away_makes_up_for_the_newest_only(db: Database, spring: Context, group: Group) -> None:
    plenary(db, spring, group)
    letters = play(db, spring, days("2027-05-12", "2027-05-19"))
    assert told(letters) == [
        ("2027-05-12", "[CG-AISEC] Report to SG17, version 1: due Saturday 1 May 2027"),
        ("2027-05-18", "[CG-AISEC] Overdue: the report to SG17, due Saturday 1 May 2027"),
    ]


def test_a_meeting_entered_late_begins_with_its_draft(db: Database, spring: Context, group: Group) -> None:
    parent_meeting(db, spring.at(geneva("2027-04-26", 6)), group, "2027-06-01")
    letters = play(db, spring, days("2027-04-26", "2027-04-30"))
    assert [day for day, _ in told(letters)] == ["2027-04-26", "2027-04-30"]
    assert told(letters, "zoe@example.org") == []


def test_the_list_is_not_asked_before_the_conveners_have_had_two_days(
    db: Database, spring: Context, group: Group
) -> None:
    parent_meeting(db, spring.at(geneva("2027-04-20", 6)), group, "2027-06-01")
    letters = play(db, spring, days("2027-04-20", "2027-04-23"))
    assert [day for day, _ in told(letters)] == ["2027-04-20", "2027-04-22"]
    assert [day for day, _ in told(letters, "zoe@example.org")] == ["2027-04-22"]


def test_two_meetings_do_not_hide_each_other(db: Database, spring: Context, group: Group) -> None:
    plenary(db, spring, group)
    parent_meeting(db, spring.at(geneva("2027-01-10")), group, "2027-06-15", days=1)
    letters = play(db, spring, days("2027-04-20", "2027-04-20"))
    assert [subject for _, subject in told(letters)] == [
        "[CG-AISEC] Report to SG17, version 1: due Saturday 1 May 2027",
        "[CG-AISEC] Report to SG17, version 1: due Saturday 15 May 2027",
    ]


def test_a_version_whose_word_file_fails_goes_out_alone_after_an_hour(
    db: Database, spring: Context, group: Group
) -> None:
    meeting = plenary(db, spring, group)
    now = spring.at(geneva("2027-04-03", 9))
    drafted(db, now, meeting)
    before = len(outbox(db))
    for minutes in (0, 30, 59):
        db.write_now(ledger.tick, now.at(now.now + timedelta(minutes=minutes)), KINDS)
    assert len(outbox(db)) == before
    db.write_now(ledger.tick, now.at(now.now + timedelta(minutes=60)), KINDS)
    letters = outbox(db)[before:]
    assert {one.recipient for one in letters} == CONVENERS
    assert "The Word file could not be made yet" in letters[0].text


def test_corrections_reach_the_other_conveners(db: Database, spring: Context, group: Group) -> None:
    meeting = plenary(db, spring, group)
    play(db, spring, days("2027-04-03", "2027-04-03"))
    body = db.read_now(report_records.version, 1, 1).body.replace("reports to", "gladly reports to")
    db.write_now(report.correct, spring.at(geneva("2027-04-04")), 1, Correction("hu@example.org", body, 1))
    letters = play(db, spring, days("2027-04-05", "2027-04-05"))
    assert [subject for _, subject in told(letters)] == [
        "[CG-AISEC] Report to SG17, version 2: due Saturday 1 May 2027"
    ]
    assert "made by hu@example.org" in " ".join(letters[0][1].text.split())
    assert owed(db, spring, meeting).state == "drafted"


def test_a_group_without_conveners_tells_the_operator(db: Database, spring: Context, group: Group) -> None:
    for address in CONVENERS:
        db.write_now(members.remove, spring, group.id, address)
    plenary(db, spring, group)
    letters = play(db, spring, days("2027-04-03", "2027-04-04"))
    assert [one.recipient for _, one in letters] == ["operator@example.org"]


def test_a_companion_asks_on_its_list(db: Database, spring: Context, group: Group) -> None:
    host = Companion("cg-aisec@lists.itu.example", "cg-aisec.lists.itu.example", "mx.itu.example", "", "")
    charter = dataclasses.replace(spring.charters["cg-aisec"], mode="companion", companion=host)
    companion = dataclasses.replace(spring, charters={"cg-aisec": charter})
    plenary(db, companion, group)
    letters = play(db, companion, days("2027-04-02", "2027-04-20"))
    (asked,) = [one for _, one in letters if "Comments wanted" in one.message["Subject"]]
    assert (asked.recipient, asked.message["Reply-To"]) == (host.list_address, host.list_address)
    shown = next(one for _, one in letters if "planned" in one.message["Subject"])
    assert "to the list cg-aisec@lists.itu.example" in shown.text


def test_what_is_ahead_can_be_seen(db: Database, spring: Context, group: Group) -> None:
    plenary(db, spring, group)
    now = spring.at(geneva("2027-03-01"))
    ahead = db.read_now(ledger.preview, now, KINDS, geneva("2027-05-03"))
    planned = [(one.occurrence.kind, one.occurrence.due_at.date().isoformat()) for one in ahead]
    assert [one for one in planned if one[0].startswith("report")] == [
        ("report-draft", "2027-04-03"),
        ("report-draft", "2027-04-15"),
        ("report-comments", "2027-04-17"),
        ("report-draft", "2027-04-23"),
        ("report-reminder", "2027-04-24"),
        ("report-reminder", "2027-04-30"),
        ("report-reminder", "2027-05-02"),
        ("report-reminder", "2027-05-03"),
    ]
