"""The activity report: when it is due, what is in it, who approves it, where it goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups import members
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.meetings import records as meetings_of
from cgbot.meetings import schedule
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Order
from cgbot.papers import report, report_docx, report_orders, report_records, report_text
from cgbot.papers.report import Correction
from cgbot.store import raw
from cgbot.store.db import Database, Tx
from cgbot.store.tables import actions, attendance, attendees, audit, paper_revisions, papers
from tests.groups.mailbag import outbox
from tests.papers.reporting import (
    DAY,
    SECRETARIAT,
    drafted,
    forget_past,
    geneva,
    move,
    owed,
    parent_meeting,
    people,
    with_secretariat,
)

# domain.md 1.5: the start of SG17's meeting, and the day on which the CG's report is due (D1).
DUE = [
    ("2024-09-02", date(2024, 8, 2)),
    ("2025-04-08", date(2025, 3, 8)),
    ("2025-12-03", date(2025, 11, 3)),
    ("2026-04-09", date(2026, 3, 9)),
    ("2026-06-01", date(2026, 5, 1)),
    ("2026-06-02", date(2026, 5, 2)),
    ("2026-03-30", date(2026, 2, 28)),
    ("2027-03-31", date(2027, 2, 28)),
    ("2028-03-31", date(2028, 2, 29)),
    ("2017-08-29", date(2017, 7, 29)),  # TSB collective letter 2/17: a Saturday, not shifted
]
# As the executive summaries of April 2025 (003) and April 2026 (001) write them; a one-day plenary takes none.
SEEDS = [
    ("003", "Geneva, 8-17 April 2025", "2025-04-08", 10, date(2025, 3, 8)),
    ("003", "Wed 3 - Thu 11 December 2025", "2025-12-03", 9, date(2025, 11, 3)),
    ("003", "Tue 2 – Wed 10 June 2026", "2026-06-02", 9, date(2026, 5, 2)),
    ("001", "9 April 2026, 13:00-16:00", "2026-04-09", 1, date(2026, 3, 9)),
    ("001", "Mon 1–Wed 10 June 2026", "2026-06-01", 10, date(2026, 5, 1)),
]


@pytest.mark.parametrize(("start", "due"), DUE)
def test_it_is_due_one_month_before(db: Database, context: Context, group: Group, start: str, due: date) -> None:
    early = context.at(geneva("2016-01-01"))
    parent_meeting(db, early, group, start)
    (one,) = db.read_now(report.owed, early)
    assert (one.due, one.state, one.report) == (due, "due", None)


def test_the_meetings_of_both_summaries(db: Database, context: Context, group: Group, corpora: Path) -> None:
    early = context.at(geneva("2025-01-01"))
    for seed, words, start, days, due in SEEDS:
        text = next((corpora.parent / "seeds").glob(f"{seed}_*.txt")).read_text("utf-8")
        assert words in " ".join(text.split())
        meeting = parent_meeting(db, early, group, start, days=days)
        assert owed(db, early, meeting).due == due
    assert [one.due for one in db.read_now(report.owed, early)] == sorted(due for *_, due in SEEDS)


def test_a_meeting_that_moves_takes_its_due_day_along(db: Database, context: Context, group: Group) -> None:
    """2 to 10 June 2026 became 1 to 10 June 2026."""
    early = context.at(geneva("2026-01-01"))
    meeting = parent_meeting(db, early, group, "2026-06-02", days=9)
    move(db, early, meeting, "2026-06-01", days=10)
    (one,) = db.read_now(report.owed, early)
    assert (one.due, one.to) == (date(2026, 5, 1), "SG17 (Geneva, 1–10 June 2026)")


def test_what_takes_no_report(db: Database, context: Context, group: Group) -> None:
    def call(start: str, kind: str, takes_report: bool | None = None) -> Meeting:
        order = Order("x", schedule.read_when(start, days=1), kind, takes_report=takes_report)
        return db.write_now(schedule.schedule, context, group, order)

    call("2027-06-01", "workshop")
    call("2027-06-02", "rgm")
    virtual = call("2027-06-03", "parent", takes_report=False)
    cancelled = call("2027-06-04", "parent")
    db.write_now(schedule.cancel, context, cancelled.id)
    assert db.read_now(report.owed, context) == ()
    with pytest.raises(Conflict, match="takes no report"):
        db.read_now(report.to_meeting, context, virtual.id)
    with pytest.raises(NotFound, match="no report is owed"):
        db.read_now(report.next_of, context, group.id)
    taken = call("2027-06-05", "parent")
    assert db.read_now(report.next_of, context, group.id).meeting.id == taken.id
    assert db.read_now(report.owed, context.at(geneva("2027-06-06"))) == ()


def test_the_charter_says_how_many_months(db: Database, context: Context, group: Group) -> None:
    charter = context.charters["cg-aisec"]
    terms = replace(charter.terms, reporting=replace(charter.terms.reporting, months_before=2))
    other = replace(context, charters={"cg-aisec": replace(charter, terms=terms)})
    meeting = parent_meeting(db, other, group, "2027-08-29")
    assert owed(db, other, meeting).due == date(2027, 6, 29)


# ------------------------------------------------------------------------------------------------------- the facts


def post(db: Database, group: Group, at: datetime, subject: str, sender: str, **fields: str) -> str:
    """A post in the archive; its Message-ID."""
    message_id = f"{abs(hash((subject, sender, at)))}@example.org"
    head = {"From": sender, "Subject": subject, "Message-ID": f"<{message_id}>", **fields}
    text = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in head.items())
    prepared = raw.prepare(f"{text}\r\nText of {at}\r\n".encode())
    facts = keep.prepare(messages.parse(f"{text}\r\nText of {at}\r\n".encode()))

    def write(tx: Tx) -> None:
        raw.put(tx, [prepared])
        keep.index(tx, group.id, prepared.sha256, at, facts)

    db.write_now(write)
    return message_id


def held(db: Database, context: Context, group: Group, title: str, start: str) -> Meeting:
    when = schedule.read_when(start, duration="60m")
    return db.write_now(schedule.schedule, context, group, Order(title, when, past=True))


def insert(db: Database, table: sa.Table, *rows: dict[str, Any]) -> None:
    db.write_now(lambda tx: [tx.execute(sa.insert(table).values(row)) for row in rows])


def a_busy_spring(db: Database, context: Context, group: Group) -> Meeting:
    """What happened since SG17's meeting of December 2026; its next one is in June 2027."""
    known = people(db, context.at(geneva("2026-11-01")), group)
    parent_meeting(db, context.at(geneva("2026-11-01")), group, "2026-12-02", days=9)
    first = held(db, context, group, "Kick-off | of the year", "2027-02-04 09:00")
    second = held(db, context, group, "Second e-meeting", "2027-03-09 13:00")
    old = held(db, context, group, "Before the last report", "2026-11-05 09:00")
    common = {"recorded_at": context.now, "recorded_by": "jia@example.org"}
    insert(
        db,
        attendance,
        {"meeting_id": first.id, "member_id": known["jia"].id, "name": "Xiongwei Jia", **common},
        {"meeting_id": first.id, "member_id": known["hu"].id, "name": "Zhiyuan HU", **common},
        {"meeting_id": first.id, "name": "A guest", "organization": "vivo", "country": "China", **common},
        {"meeting_id": old.id, "name": "Long ago", "organization": "Gone Ltd", **common},
    )
    said = {"evidence": "", "comment": "", "invited_sequence": 0}
    insert(
        db,
        attendees,
        {"meeting_id": second.id, "member_id": known["zoe"].id, "partstat": "ACCEPTED", **said},
        {"meeting_id": second.id, "member_id": known["yu"].id, "partstat": "DECLINED", **said},
    )
    paper = {"group_id": group.id, "author_address": "zoe@example.org", "source": "ETRI"}
    march = geneva("2027-03-02")
    insert(
        db,
        papers,
        {**paper, "number": 1, "title": "An old one", "state": "considered", "registered_at": geneva("2026-11-02")},
        {**paper, "number": 7, "title": "Threats to agents", "state": "registered", "registered_at": march},
        {**paper, "number": 8, "title": "Too late", "state": "withdrawn", "late": True, "registered_at": march + DAY},
        {**paper, "title": "Only announced", "state": "announced", "announced_at": march},
    )
    row = {"paper_id": 2, "title": "Threats to agents", "received_at": march}
    insert(db, paper_revisions, {**row, "revision": 0}, {**row, "revision": 1})
    act = {"group_id": group.id, "owner_id": known["hu"].id, "created_at": march, "created_by": "jia@example.org"}
    insert(
        db,
        actions,
        {**act, "text": "Draft the LS to TSAG", "due_on": "2027-05-20", "state": "open"},
        {**act, "text": "Ask ETSI", "state": "done", "done_at": march},
        {**act, "text": "Done long ago", "state": "done", "done_at": geneva("2026-11-02")},
        {**act, "text": "Dropped", "state": "dropped"},
    )
    root = post(db, group, march, "Strategy of AI security", "Zoë <zoe@example.org>")
    post(db, group, march + DAY, "Re: Strategy of AI security", "hu@example.org", In_Reply_To=f"<{root}>")
    post(db, group, march + 2 * DAY, "Re: Strategy of AI security", "ZOE@example.org", In_Reply_To=f"<{root}>")
    post(db, group, march, "[SG17] LS/i/r on E.RAA4Q.TSCA … (reply to SG2-LS63)", "tsb@itu.example")
    post(db, group, march + DAY, "LS/o/r updates of DLT security woks in SG 17", "jia@example.org")
    post(db, group, march, "CG-AISEC: a reminder", "cg-aisec-owner@lists.example.org")
    post(db, group, geneva("2026-11-02"), "Before the last report", "zoe@example.org")
    when = schedule.read_when("2027-05-20 09:00", duration="60m")
    db.write_now(schedule.schedule, context, group, Order("Third e-meeting", when, tentative=True))
    return parent_meeting(db, context, group, "2027-06-01")


def test_the_draft_tells_what_has_happened(db: Database, context: Context, group: Group) -> None:
    meeting = a_busy_spring(db, context, group)
    version = drafted(db, context, meeting)
    body = version.body
    assert (version.number, version.made_by, version.generated) == (1, "cgbot", body)
    part = lambda key: report_text.section(body, key)  # noqa: E731 - a short name
    header = report_text.header(body)
    assert header["Document"] == ("SG17-TDn",)
    assert header["Meeting"] == ("Geneva, 1–10 June 2027",)
    assert header["Source"] == ("Convener CG-AISEC",)
    assert header["Contact"] == (
        "Xiongwei Jia | China Unicom | China | jia@example.org",
        "Zhiyuan HU | vivo | China | hu@example.org",
    )
    assert "since 10 December 2026" in " ".join(part("abstract").split())
    assert "held 2 meetings, received 2 contributions and exchanged 5 messages" in " ".join(part("abstract").split())
    assert part("meetings of the group") == (
        "Kick-off | of the year: Thursday 4 February 2027, 09:00-10:00 Geneva time\n(CET, 08:00-09:00 UTC).\n"
        "- Attendance: 3 participants: vivo (2), China Unicom (1)\n\n"
        "Second e-meeting: Tuesday 9 March 2027, 13:00-14:00 Geneva time (CET,\n12:00-13:00 UTC).\n"
        "- Had accepted the invitation (no attendance recorded): ETRI (1)"
    )
    assert part("contributions") == (
        "| Number | Title | Source | Received |\n"
        "| CG-AISEC-C-0007R1 | Threats to agents | ETRI | 2 March 2027 |\n"
        "| CG-AISEC-C-0008 | Too late (late, withdrawn) | ETRI | 3 March 2027 |"
    )
    discussion = part("discussion on the mailing list")
    assert "5 messages by 4 authors in 3 threads." in discussion
    assert "- Strategy of AI security: 3 messages, 2 authors" in discussion
    assert "https://cg.example.org/cg-aisec/" in discussion
    assert "reminder" not in discussion
    liaisons = " ".join(part("liaison statements").split())
    assert "Incoming: - LS/i/r on E.RAA4Q.TSCA … (reply to SG2-LS63) (2 March 2027) https://" in liaisons
    assert "Outgoing: - LS/o/r updates of DLT security woks in SG 17 (3 March 2027) https://" in liaisons
    assert part("actions") == (
        "- Open: Draft the LS to TSAG (Zhiyuan HU), by 20 May 2027\n- Done: Ask ETSI (Zhiyuan HU)"
    )
    ahead = part("next meetings")
    assert "| Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC) | Third e-meeting (tent" in ahead
    assert "| Tuesday 1 June 2027 to Thursday 10 June 2027 | SG17 meeting | Geneva |" in ahead
    assert part("membership").startswith("CG-AISEC has 5 members from 4 organisations in 3 countries; 0 joined and")
    assert "| A guest | vivo | China | 1 |" in part("participants")
    assert "Long ago" not in body
    assert "Before the last report" not in body
    assert not report_text.abstract_is_long(body)


def test_a_group_that_never_reported_tells_everything(db: Database, context: Context, group: Group) -> None:
    people(db, context, group)
    held(db, context, group, "First e-meeting", "2024-05-16 09:00")
    body = drafted(db, context, parent_meeting(db, context, group, "2027-06-01")).body
    assert "First e-meeting: Thursday 16 May 2024, 09:00-10:00 Geneva time" in body
    assert "since" not in report_text.section(body, "abstract")


def test_the_same_facts_make_no_new_version(db: Database, context: Context, group: Group) -> None:
    meeting = a_busy_spring(db, context, group)
    assert drafted(db, context, meeting).number == 1
    assert drafted(db, context.at(context.now + 7 * DAY), meeting).number == 1
    post(db, group, context.now + 2 * DAY, "News", "yu@example.org")
    later = context.at(context.now + 7 * DAY)
    assert drafted(db, later, meeting).number == 2
    assert drafted(db, later.at(later.now + DAY), meeting).number == 2


def test_corrections_survive_when_it_is_made_anew(db: Database, context: Context, group: Group) -> None:
    meeting = a_busy_spring(db, context, group)
    first = drafted(db, context, meeting)
    text = first.body.replace("- Open: Draft the LS to TSAG", "- Open: Draft the LS to TSAG and to SG2").replace(
        "=== 2 Executive summary ===", "=== 1bis Strategy ===\n\nOur own words.\n\n=== 2 Executive summary ==="
    )
    second = db.write_now(report.correct, context, first.report_id, Correction("jia@example.org", text, 1))
    assert (second.number, second.made_by, second.generated) == (2, "jia@example.org", first.generated)
    insert(
        db,
        actions,
        {"group_id": group.id, "text": "Ask IEEE", "state": "open", "created_at": context.now, "created_by": "x"},
    )
    third = drafted(db, context, meeting)
    assert third.number == 3
    assert report_text.section(third.body, "strategy") == "Our own words."
    acts = report_text.section(third.body, "actions")
    assert "- Open: Draft the LS to TSAG and to SG2" in acts
    assert f"{report_text.NEW}\n\n- Open: Ask IEEE" in acts
    assert "Actions: 1 done, 2 open" in report_text.section(third.body, "executive summary")


def test_two_conveners_correct_the_same_version(db: Database, context: Context, group: Group) -> None:
    first = drafted(db, context, a_busy_spring(db, context, group))
    give = lambda actor, old, new: db.write_now(  # noqa: E731 - a short name
        report.correct, context, first.report_id, Correction(actor, first.body.replace(old, new), 1)
    )
    give("jia@example.org", "- Open: Draft the LS to TSAG", "- Open: Draft the LS to SG2")
    last = give("hu@example.org", "CG-AISEC-C-0007R1 | Threats", "CG-AISEC-C-0007R1 | Grave threats")
    assert last.number == 3
    assert "Draft the LS to SG2" in last.body
    assert "Grave threats" in last.body
    both = give("hu@example.org", "- Open: Draft the LS to TSAG", "- Open: Draft the LS to SG13")
    acts = report_text.section(both.body, "actions")
    assert "to SG13" in acts
    assert "(of version 3, by hu@example.org)\n\n- Open: Draft the LS to SG2" in acts


def test_what_is_no_report_is_no_correction(db: Database, context: Context, group: Group) -> None:
    first = drafted(db, context, a_busy_spring(db, context, group))
    with pytest.raises(Malformed, match="none of the report's titles"):
        db.write_now(report.correct, context, first.report_id, Correction("jia@example.org", "Looks good", 1))
    many = "".join(f"=== {number}x ===\n" for number in range(1001))
    with pytest.raises(Malformed, match="1001 sections; 1000 are allowed"):
        db.write_now(report.correct, context, first.report_id, Correction("jia@example.org", many, 1))
    same = db.write_now(report.correct, context, first.report_id, Correction("jia@example.org", first.body, 1))
    assert same.number == 1
    with pytest.raises(NotFound):
        db.write_now(report.correct, context, 99, Correction("jia@example.org", first.body, 1))


# ------------------------------------------------------------------------------------------ approved and submitted


def ready(db: Database, context: Context, group: Group) -> tuple[Meeting, int]:
    """A draft with its Word file; its number."""
    people(db, context, group)
    meeting = parent_meeting(db, context, group, "2027-06-01")
    report_id = drafted(db, context, meeting).report_id
    report_docx.work(db, context)
    return meeting, report_id


def test_the_first_approval_counts(db: Database, context: Context, group: Group) -> None:
    meeting, report_id = ready(db, context, group)
    with pytest.raises(Conflict, match="version 2 is not the newest any more: version 1 is, by cgbot"):
        db.write_now(report.approve, context, report_id, "jia@example.org", 2)
    done = db.write_now(report.approve, context, report_id, "jia@example.org", 1)
    assert (done.state, done.approved_by, done.approved_version) == ("approved", "jia@example.org", 1)
    with pytest.raises(Conflict, match=r"jia@example\.org has approved version 1 already, on 03 May 2027"):
        db.write_now(report.approve, context, report_id, "hu@example.org", 1)
    assert owed(db, context, meeting).state == "approved"


def test_a_correction_asks_for_approval_anew(db: Database, context: Context, group: Group) -> None:
    _, report_id = ready(db, context, group)
    db.write_now(report.approve, context, report_id, "jia@example.org")
    body = db.read_now(report_records.version, report_id, 1).body
    correction = Correction("hu@example.org", body.replace("reports to", "always reports to"), 1)
    db.write_now(report.correct, context, report_id, correction)
    now = db.read_now(report_records.get, report_id)
    assert (now.state, now.approved_by, now.approved_at, now.approved_version) == ("drafted", "", None, None)


def test_it_goes_to_the_secretariat_once(db: Database, context: Context, group: Group) -> None:
    context = with_secretariat(context)
    meeting, report_id = ready(db, context, group)
    with pytest.raises(Conflict, match="is not approved yet"):
        db.write_now(report_orders.submit, context, owed(db, context, meeting), "jia@example.org")
    db.write_now(report.approve, context, report_id, "jia@example.org")
    before = len(outbox(db))
    db.write_now(report_orders.submit, context, owed(db, context, meeting), "jia@example.org")
    letter, *told = outbox(db)[before:]
    assert letter.recipient == SECRETARIAT
    assert letter.message["From"] == "CG-AISEC <cg-aisec-owner@lists.example.org>"
    assert str(letter.message["Reply-To"]).startswith("cg-aisec-confirm+token")
    assert letter.message["Subject"] == (
        "Report of the activities of CG-AISEC (Correspondence group on AI security): SG17 (Geneva, 1–10 June 2027)"
    )
    assert "Xiongwei Jia, convener of CG-AISEC" in letter.text
    assert "\n3 Meetings of the group\n-----------------------\n" in letter.text.replace("\r\n", "\n")
    assert "===" not in letter.text
    (attached,) = letter.message.iter_attachments()
    assert attached.get_filename() == "SG17-CG-AISEC-report-2027-06-01-v1.docx"
    stored = db.read_now(report_records.version, report_id, 1).docx
    assert stored is not None
    assert attached.get_content() == db.read_now(raw.get, stored)  # type: ignore[attr-defined]  # an EmailMessage
    assert [one.recipient for one in told] == ["jia@example.org", "hu@example.org", "sec@example.org"]
    now = db.read_now(report_records.get, report_id)
    assert (now.state, now.submitted_at) == ("submitted", context.now)
    assert now.content_id is not None
    for again in (report_orders.submit, report.draft):
        with pytest.raises(Conflict, match="was submitted on 03 May 2027; it does not change any more"):
            db.write_now(again, context, owed(db, context, meeting), "hu@example.org")
    with pytest.raises(Conflict, match="was submitted"):
        db.write_now(report.approve, context, report_id, "hu@example.org")


def test_without_a_secretariat_it_is_approved_but_not_submitted(db: Database, context: Context, group: Group) -> None:
    meeting, report_id = ready(db, context, group)
    db.write_now(report_orders.approve, context, owed(db, context, meeting), "jia@example.org", 1)
    told = outbox(db)[-1]
    assert "The charter names no secretariat" in told.text
    with pytest.raises(Conflict, match=r'add the line secretariat = "ADDRESS" to config/groups/cg-aisec\.toml'):
        db.write_now(report_orders.submit, context, owed(db, context, meeting), "jia@example.org")
    assert db.read_now(report_records.get, report_id).state == "approved"


def test_it_waits_for_its_word_file(db: Database, context: Context, group: Group) -> None:
    context = with_secretariat(context)
    people(db, context, group)
    meeting = parent_meeting(db, context, group, "2027-06-01")
    report_id = drafted(db, context, meeting).report_id
    db.write_now(report.approve, context, report_id, "jia@example.org")
    with pytest.raises(Conflict, match="the Word file of version 1 is not ready yet"):
        db.write_now(report_orders.submit, context, owed(db, context, meeting), "jia@example.org")


def test_the_next_report_begins_where_the_last_was_submitted(db: Database, context: Context, group: Group) -> None:
    context = with_secretariat(context)
    meeting, report_id = ready(db, context, group)
    db.write_now(report.approve, context, report_id, "jia@example.org")
    db.write_now(report_orders.submit, context, owed(db, context, meeting), "jia@example.org")
    later = context.at(geneva("2027-11-01"))
    following = parent_meeting(db, later, group, "2027-12-01")
    assert db.read_now(report.since, later, owed(db, later, following)) == context.now
    assert "since 3 May 2027" in " ".join(drafted(db, later, following).body.split())


def test_every_step_is_in_the_audit_trail(db: Database, context: Context, group: Group) -> None:
    context = with_secretariat(context)
    meeting, report_id = ready(db, context, group)
    db.write_now(report_orders.approve, context, owed(db, context, meeting), "jia@example.org", 1)
    db.write_now(report_orders.submit, context, owed(db, context, meeting), "hu@example.org")
    assert db.write_now(report.received, context, report_id, "Received as TD12", "tsb@itu.example")
    assert not db.write_now(report.received, context, report_id, "Again", "tsb@itu.example")
    rows = db.read_now(
        lambda tx: tx.execute(
            sa.select(audit).where(audit.c.subject == f"report {report_id}").order_by(audit.c.id)
        ).all()
    )
    assert [(row.actor, row.action) for row in rows] == [
        ("cgbot", "report drafted"),
        ("jia@example.org", "report approved"),
        ("hu@example.org", "report submitted"),
        ("tsb@itu.example", "report received"),
    ]
    assert db.read_now(report_records.get, report_id).receipt == "Received as TD12"


def test_a_cancelled_meeting_keeps_what_was_written(db: Database, context: Context, group: Group) -> None:
    meeting, report_id = ready(db, context, group)
    db.write_now(schedule.cancel, context, meeting.id)
    assert db.read_now(report.owed, context) == ()
    assert db.read_now(report_records.get, report_id).state == "drafted"
    assert db.read_now(report_records.of_group, group.id)[0].id == report_id
    db.write_now(report.approve, context, report_id, "jia@example.org")
    with pytest.raises(Conflict, match="was cancelled"):
        db.write_now(report_orders.submit, context, owed(db, context, meeting), "jia@example.org")


def test_a_large_archive_is_gathered_quickly(db: Database, context: Context, group: Group) -> None:
    meeting = a_busy_spring(db, context, group)
    for number in range(50):
        post(db, group, context.now - timedelta(hours=number), f"Topic {number}", f"m{number}@example.org")
    body = drafted(db, context, meeting).body
    assert body.count("\n- Topic") == 7  # the ten threads with the most messages
    assert "55 messages by 54 authors in 53 threads" in " ".join(body.split())


def test_who_has_left_is_not_a_contact(db: Database, context: Context, group: Group) -> None:
    meeting, _ = ready(db, context, group)
    db.write_now(members.remove, context, group.id, "hu@example.org")
    assert "hu@example.org" not in drafted(db, context, meeting).body


def test_the_meetings_place_stands_in_the_header(db: Database, context: Context, group: Group) -> None:
    meeting, _ = ready(db, context, group)
    db.write_now(schedule.move, context, meeting.id, schedule.Changes(location=""))
    assert report_text.header(drafted(db, context, meeting).body)["Meeting"] == ("1–10 June 2027",)
    forget = parent_meeting(db, context, group, "2027-12-28", days=7)
    assert owed(db, context, forget).to == "SG17 (Geneva, 28 December 2027 – 3 January 2028)"
    forget_past(db, forget)
    assert db.read_now(meetings_of.of_group, group.id)[-1].id == meeting.id
