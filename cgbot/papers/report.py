"""
Use cases: the activity report that a group owes its parent, from the draft to the secretariat's receipt.

It is due so many months before each meeting of the parent that takes one (the charter's `terms.reporting`; the same
day of the month, never shifted off a weekend). A draft is made of facts; conveners correct and approve it; it is
submitted to the charter's secretariat only when somebody who may approve says so, never by silence. A correction after
the approval asks for approval anew. What is submitted does not change any more.

    due ──> drafted ──> approved ──> submitted
               └─ corrected ─┘
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups import audit, members
from cgbot.groups import records as groups
from cgbot.groups.audit import Entry
from cgbot.groups.charter import Charter
from cgbot.groups.records import Group
from cgbot.itu import typography
from cgbot.itu.deadlines import report_due
from cgbot.meetings import records as meetings_of
from cgbot.meetings.records import Meeting
from cgbot.papers import report_facts, report_records, report_text, report_words
from cgbot.papers.report_facts import days_of
from cgbot.papers.report_records import Report, Version
from cgbot.papers.report_words import Frame

OURSELVES = "cgbot"
_AHEAD = ("tentative", "confirmed")


@dataclass(frozen=True, slots=True)
class Owed:
    """A report that is owed: to which meeting, until which day, and how far it is; `report` None before the draft."""

    group: Group
    charter: Charter
    meeting: Meeting
    due: date
    report: Report | None

    @property
    def to(self) -> str:
        """To whom, `SG17 (Geneva, 1–10 June 2026)`."""
        place = self.meeting.location
        return f"{self.charter.parent} ({typography.place_and_date(place, *days_of(self.meeting))})"

    @property
    def state(self) -> str:
        """As the report has it; "due" before there is one."""
        return self.report.state if self.report else "due"


@dataclass(frozen=True, slots=True)
class Correction:
    """A corrected text, by whom, and of which version it is a correction."""

    actor: str
    text: str
    based_on: int


# ------------------------------------------------------------------------------------------------- what is owed


def owed(tx: Connection, context: Context, group_id: int | None = None) -> tuple[Owed, ...]:
    """The reports to the parent's meetings that are not over or cancelled, by the start of the meeting."""
    found: list[Owed] = []
    for group in groups.list_groups(tx):
        charter = context.charters.get(group.name)
        if charter is None or group.closed_at or group_id not in {None, group.id}:
            continue
        ahead = meetings_of.of_group(tx, group.id, since=context.now)
        found += [_owed(tx, group, charter, one) for one in ahead if takes_one(one)]
    return tuple(sorted(found, key=lambda one: (one.meeting.starts_at, one.meeting.id)))


def takes_one(meeting: Meeting) -> bool:
    """Say whether a report is owed to this meeting."""
    return meeting.kind == "parent" and meeting.takes_report and meeting.state in _AHEAD


def _owed(tx: Connection, group: Group, charter: Charter, meeting: Meeting) -> Owed:
    due = report_due(days_of(meeting)[0], charter.terms.reporting.months_before)
    return Owed(group, charter, meeting, due, report_records.of_meeting(tx, meeting.id))


def to_meeting(tx: Connection, context: Context, meeting_id: int) -> Owed:
    """The report to this meeting, whatever its state. Raises NotFound, and Conflict where none is owed."""
    meeting = meetings_of.get(tx, meeting_id)
    group = next(one for one in groups.list_groups(tx) if one.id == meeting.group_id)
    if meeting.kind != "parent" or not meeting.takes_report:
        raise Conflict(
            f"meeting {meeting_id} takes no report: only a meeting of the parent scheduled with --report does"
        )
    if group.name not in context.charters:
        raise Conflict(f"{group.name} has no charter")
    return _owed(tx, group, context.charters[group.name], meeting)


def of(tx: Connection, context: Context, report_id: int) -> Owed:
    """The report of this number. Raises NotFound."""
    return to_meeting(tx, context, report_records.get(tx, report_id).meeting_id)


def next_of(tx: Connection, context: Context, group_id: int) -> Owed:
    """The next report of a group that is not submitted yet. Raises NotFound when none is owed."""
    found = next((one for one in owed(tx, context, group_id) if one.state != "submitted"), None)
    if found is None:
        raise NotFound(
            "no report is owed: enter the parent's next meeting first (cgbot meetings schedule --kind parent --days …)"
        )
    return found


# ------------------------------------------------------------------------------------------------------ the draft


def draft(tx: Connection, context: Context, one: Owed, actor: str = OURSELVES) -> Version:
    """
    Make the draft, or make it anew of the facts as they are now; corrections stay.

    The newest version comes back, a new one only if something is different. Raises Conflict once it is submitted.
    """
    report = report_records.begin(tx, one.group.id, one.meeting.id)
    _refuse_submitted(report)
    around = frame(tx, context, one)
    facts = report_facts.gather(tx, context, one.group.id, one.charter, since(tx, context, one))
    fresh = report_words.generate(around, facts)
    last = report_records.latest(tx, report.id)
    if last is None:
        return _new_version(tx, context, report, actor, (fresh, fresh))
    # That time has passed is no news: the same facts at the same moment would have given the same text.
    then = replace(facts, until=_made_of_facts(tx, last))
    body = report_text.merge(last.generated, last.body, fresh)
    if report_text.same(report_words.generate(around, then), last.generated) or report_text.same(body, last.body):
        return last
    return _new_version(tx, context, report, actor, (body, fresh))


def _made_of_facts(tx: Connection, last: Version) -> datetime:
    """When the text was made of which this version may be a correction."""
    made = [one.made_at for one in report_records.versions(tx, last.report_id) if one.generated == last.generated]
    return min(made)


def since(tx: Connection, context: Context, one: Owed) -> datetime | None:
    """From when on it reports: the last report's submission, else the end of the parent's last meeting, else all."""
    submitted = report_records.last_submitted(tx, one.group.id)
    if submitted is not None:
        return submitted
    ended = [
        meeting.ends_at - timedelta(seconds=1)  # the end of whole days is the next day's first moment
        for meeting in meetings_of.of_group(tx, one.group.id)
        if meeting.kind == "parent" and meeting.takes_report and meeting.state != "cancelled"
        if meeting.ends_at <= min(context.now, one.meeting.starts_at)
    ]
    return max(ended, default=None)


def frame(tx: Connection, context: Context, one: Owed) -> Frame:
    """What stands around the facts."""
    first, last = days_of(one.meeting)
    return Frame(
        charter=one.charter,
        place=one.meeting.location,
        first=first,
        last=last,
        conveners=members.conveners(tx, one.group.id),
        list_address=one.charter.posting_address(context.settings.service.domain),
    )


def correct(tx: Connection, context: Context, report_id: int, given: Correction) -> Version:
    """
    Take a convener's text as the next version.

    What another version has changed meanwhile is put together with it. Nothing different is no version. Raises
    Malformed for a text without sections, Conflict once it is submitted.
    """
    report = report_records.get(tx, report_id)
    _refuse_submitted(report)
    parts = report_text.sections(given.text)
    if not any(one.title for one in parts):
        raise Malformed("the text has none of the report's titles (=== … ===); send the whole text back")
    if len(parts) > report_text.MOST_SECTIONS:
        raise Malformed(f"the text has {len(parts)} sections; {report_text.MOST_SECTIONS} are allowed")
    last = report_records.latest(tx, report_id)
    if last is None:
        raise Conflict(f"report {report_id} has no draft yet")
    body = report_text.written(parts)
    if given.based_on != last.number:
        base = report_records.version(tx, report_id, given.based_on)
        body = report_text.merge(base.body, body, last.body, f"(of version {last.number}, by {last.made_by})")
    if report_text.same(body, last.body):
        return last
    return _new_version(tx, context, report, given.actor, (body, last.generated))


def _new_version(tx: Connection, context: Context, report: Report, actor: str, texts: tuple[str, str]) -> Version:
    """Write a version; the report is a draft again, whoever had approved an earlier one."""
    made = report_records.add_version(tx, report.id, (context.now, actor), *texts)
    again = {"approved_at": None, "approved_by": "", "approved_version": None}
    first = report.drafted_at or context.now
    report_records.change(tx, report.id, state="drafted", drafted_at=first, **again)
    _note(tx, context, report, Entry(actor, "report drafted", f"report {report.id}", {"version": made.number}))
    return made


# ------------------------------------------------------------------------------------------ approved, submitted


def approve(tx: Connection, context: Context, report_id: int, actor: str, number: int | None = None) -> Report:
    """
    Approve the newest version, or `number` if that is it; the first who approves counts.

    Raises NotFound, and Conflict when there is no draft, a newer version, or an approval already.
    """
    report = report_records.get(tx, report_id)
    _refuse_submitted(report)
    last = report_records.latest(tx, report_id)
    if last is None:
        raise Conflict(f"report {report_id} has no draft yet")
    if report.state == "approved" and report.approved_at is not None:
        raise Conflict(
            f"{report.approved_by} has approved version {report.approved_version} already, on "
            f"{report.approved_at:%d %B %Y}"
        )
    if number is not None and number != last.number:
        raise Conflict(f"version {number} is not the newest any more: version {last.number} is, by {last.made_by}")
    _note(tx, context, report, Entry(actor, "report approved", f"report {report_id}", {"version": last.number}))
    values = {"approved_at": context.now, "approved_by": actor, "approved_version": last.number}
    return report_records.change(tx, report_id, state="approved", **values)


def may_be_submitted(tx: Connection, one: Owed) -> Version:
    """The version that a submission would send. Raises Conflict with what is missing."""
    report = one.report
    if report is None or report.state == "due":
        raise Conflict("there is no draft yet")
    _refuse_submitted(report)
    if one.meeting.state == "cancelled":
        raise Conflict(f"the meeting {one.to} was cancelled")
    if report.state != "approved" or report.approved_version is None:
        raise Conflict(f"report {report.id} is not approved yet")
    if not one.charter.secretariat:
        raise Conflict(
            f"the charter of {one.group.name} names no secretariat to submit it to: add the line secretariat = "
            f'"ADDRESS" to config/groups/{one.group.name}.toml and let cgbot read it again (SIGHUP), or send the '
            "report yourself"
        )
    approved = report_records.version(tx, report.id, report.approved_version)
    if approved.docx is None:
        raise Conflict(
            f"the Word file of version {approved.number} is not ready yet; please try again in a minute "
            f"(cgbot reports show {report.id} --docx FILE says why, if it stays so)"
        )
    return approved


def submitted(tx: Connection, context: Context, one: Owed, actor: str, content_id: int) -> Report:
    """Note that the report has gone to the secretariat in this mail."""
    assert one.report is not None  # noqa: S101 - may_be_submitted has looked
    number = one.report.approved_version
    entry = Entry(actor, "report submitted", f"report {one.report.id}", {"version": number})
    _note(tx, context, one.report, entry)
    return report_records.change(tx, one.report.id, state="submitted", submitted_at=context.now, content_id=content_id)


def received(tx: Connection, context: Context, report_id: int, words: str, actor: str) -> bool:
    """Note the secretariat's receipt; False when there was one already."""
    report = report_records.get(tx, report_id)
    if report.state != "submitted":
        raise Conflict(f"report {report_id} has not been submitted")
    if report.receipt_at is not None:
        return False
    _note(tx, context, report, Entry(actor, "report received", f"report {report_id}", {}))
    report_records.change(tx, report_id, receipt_at=context.now, receipt=words)
    return True


def _refuse_submitted(report: Report) -> None:
    if report.state == "submitted" and report.submitted_at is not None:
        raise Conflict(
            f"report {report.id} was submitted on {report.submitted_at:%d %B %Y}; it does not change any more"
        )


def _note(tx: Connection, context: Context, report: Report, entry: Entry) -> None:
    audit.record(tx, context.now, report.group_id, entry)
