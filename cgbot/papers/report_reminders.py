"""
The report by the clock (use cases; KINDS for the ledger).

Counted back from the day on which it is due: the draft 28 days before, made anew of newer facts 16 and 8 days before;
comments asked from the list 14 days before (shown to the conveners first); the conveners reminded 7 days and 1 day
before and, once it is overdue, on three days and then weekly, until it is submitted (approved, where no secretariat is
named). Each version goes to the conveners once, as soon as its Word file is made. When the parent moves its meeting,
everybody who was told is told again; when it is cancelled nothing more goes out. Of what was missed only the newest is
made up for. After the submission the secretariat's receipt is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cgbot.context import Context
from cgbot.itu import typography
from cgbot.notices import ledger
from cgbot.notices.kinds import Kind, Late, Occurrence, at_wall_time
from cgbot.notices.ledger import Notice
from cgbot.papers import report, report_docx, report_letters, report_records, report_text
from cgbot.papers.report import Owed
from cgbot.papers.report_letters import Post
from cgbot.papers.report_records import Version
from cgbot.posts import announcing
from cgbot.store.db import Tx
from cgbot.store.tables import notices

DRAFT: Final = "report-draft"
VERSION: Final = "report-version"
COMMENTS: Final = "report-comments"
MOVED: Final = "report-moved"
COMMENTS_MOVED: Final = "report-comments-moved"
REMINDER: Final = "report-reminder"
RECEIPT: Final = "report-receipt"

DRAFT_DAYS: Final = (28, 16, 8)
REMINDER_DAYS: Final = (7, 1)
_OVERDUE_DAYS: Final = 3
_WEEK: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)
_WORKING_DAYS: Final = 3
_CHASES: Final = 3
_SATURDAY: Final = 5
_ALWAYS: Final = Late(None)
# So long the conveners have the draft before the list is asked about it.
_TO_READ_IT: Final = timedelta(days=2)
# So long a version waits for its Word file; then the text goes out alone.
_PATIENCE: Final = timedelta(hours=1)


def _at(context: Context, one: Owed, day: date) -> datetime:
    return at_wall_time(day, context.settings.notices.daily_at, one.charter.zone)


def _occurrence(one: Owed, kind: str, about: str, due_at: datetime, told: tuple[str, str]) -> Occurrence:
    audience, summary = told
    facts = {"meeting": one.meeting.id, "due": one.due.isoformat()}
    return Occurrence(
        kind, f"report to meeting {one.meeting.id}, {about}", one.group.id, due_at, audience, summary, facts
    )


def _of(tx: Tx, context: Context, occurrence: Occurrence) -> Owed:
    return report.to_meeting(tx, context, int(str(occurrence.facts["meeting"])))


def _newest(found: Sequence[Occurrence], context: Context, until: datetime) -> list[Occurrence]:
    """What is due by then; of what is due already only the newest."""
    past = [one for one in found if one.due_at <= context.now]
    return [*past[-1:], *(one for one in found if context.now < one.due_at <= until)]


def _told(tx: Tx, one: Owed, kinds: Sequence[str]) -> list[Notice]:
    """What has gone out about this report, by when it did."""
    mine = notices.c.kind.in_(kinds) & (notices.c.group_id == one.group.id) & (notices.c.state == "queued")
    found = [each for each in ledger.find(tx, mine) if each.occurrence.facts.get("meeting") == one.meeting.id]
    return sorted(found, key=lambda each: (each.done_at or each.occurrence.due_at, each.id))


def _told_lately(tx: Tx, one: Owed, kinds: Sequence[str], at: datetime) -> bool:
    """Say whether they were told with regard to another day, not long before this one or later; a move tells them."""
    other = [each for each in _told(tx, one, kinds) if each.occurrence.facts.get("due") != one.due.isoformat()]
    return any(each.done_at is not None and each.done_at >= at - _WEEK for each in other)


# ------------------------------------------------------------------------------------------------------ the draft


def _plan_drafts(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    found: list[Occurrence] = []
    for one in report.owed(tx, context):
        if one.state not in {"due", "drafted"}:
            continue
        words = f"The draft report to {one.to}, due on {typography.weekday(one.due)}, goes to the conveners"
        planned = [
            _occurrence(one, DRAFT, f"due {one.due}, draft {days} days before", at, ("conveners", words))
            for days in DRAFT_DAYS
            if not _told_lately(tx, one, (DRAFT,), at := _at(context, one, one.due - days * _DAY))
        ]
        found += _newest(planned, context, until)
    return found


def _make_draft(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    """Write the version; it is mailed as soon as its Word file is made."""
    report.draft(tx, context, _of(tx, context, occurrence))


def _plan_versions(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    found: list[Occurrence] = []
    for one in report.owed(tx, context):
        last = report_records.latest(tx, one.report.id) if one.report and one.state == "drafted" else None
        if last is not None and _is_ready(last, context.now):
            told = ("conveners", f"Version {last.number} of the report to {one.to}")
            found.append(_occurrence(one, VERSION, f"version {last.number}", last.made_at, told))
    return [one for one in found if one.due_at <= until]


def _is_ready(version: Version, now: datetime) -> bool:
    if version.docx is not None or version.docx_tries >= report_docx.MOST_TRIES:
        return True
    return now - version.made_at >= _PATIENCE


def _send_version(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    one = _of(tx, context, occurrence)
    last = report_records.latest(tx, one.report.id) if one.report else None
    if last is not None:
        report_letters.to_conveners(tx, context, one, report_letters.of_version(tx, one, last), last)


# ------------------------------------------------------------------------------------------ comments by the list


def _plan_comments(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    found: list[Occurrence] = []
    for one in report.owed(tx, context):
        at = _comments_at(context, one)
        if not _is_open_for_comments(one, context, at) or _told_lately(tx, one, (COMMENTS, COMMENTS_MOVED), at):
            continue
        last = typography.weekday(report_letters.comments_until(one))
        told = (_audience(tx, context, one), f"Comments on the draft report to {one.to} are asked for until {last}")
        found.append(_occurrence(one, COMMENTS, f"due {one.due}, comments", at, told))
    return [one for one in found if one.due_at <= until]


def _comments_at(context: Context, one: Owed) -> datetime:
    """When the list is asked: two days at least after the conveners have got the draft."""
    drafted = one.report.drafted_at if one.report else None
    begun = drafted or max(context.now, _at(context, one, one.due - DRAFT_DAYS[0] * _DAY))
    return max(_at(context, one, one.due - report_letters.COMMENTS_DAYS * _DAY), begun + _TO_READ_IT)


def _is_open_for_comments(one: Owed, context: Context, at: datetime) -> bool:
    end = _at(context, one, report_letters.comments_until(one))
    return one.state in {"due", "drafted"} and max(at, context.now) < end


def _audience(tx: Tx, context: Context, one: Owed) -> str:
    return announcing.audience(tx, context, (one.group.id, one.group.name))


def _ask_for_comments(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    """The newest version goes to the list; where there is none yet it is made now."""
    one = _of(tx, context, occurrence)
    last = report_records.latest(tx, one.report.id) if one.report else None
    text = (last or report.draft(tx, context, one)).body
    until = typography.weekday(report_letters.comments_until(one))
    post = Post("report-comments", {"text": report_text.readable(text), "until": until, "zone": one.charter.zone_label})
    report_letters.to_list(tx, context, one, post)


# ---------------------------------------------------------------------------------------- when the meeting moves


def _plan_moved(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    owed = [one for one in report.owed(tx, context) if one.state != "submitted"]
    found = [_moved(one, MOVED, "conveners") for one in owed if _has_moved(tx, one, (DRAFT, MOVED))]
    return [one for one in found if one.due_at <= until]


def _plan_comments_moved(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    owed = [one for one in report.owed(tx, context) if _is_open_for_comments(one, context, context.now)]
    moved = [one for one in owed if _has_moved(tx, one, (COMMENTS, COMMENTS_MOVED))]
    found = [_moved(one, COMMENTS_MOVED, _audience(tx, context, one)) for one in moved]
    return [one for one in found if one.due_at <= until]


def _moved(one: Owed, kind: str, audience: str) -> Occurrence:
    words = f"The report to {one.to} is now due on {typography.weekday(one.due)}"
    about = f"due {one.due}, revision {one.meeting.revision} of the meeting"
    return _occurrence(one, kind, about, one.meeting.revised_at, (audience, words))


def _days_told(tx: Tx, one: Owed, kinds: Sequence[str]) -> list[date]:
    return [date.fromisoformat(str(each.occurrence.facts["due"])) for each in _told(tx, one, kinds)]


def _has_moved(tx: Tx, one: Owed, kinds: Sequence[str]) -> bool:
    """Say whether these were last told another day than it is now."""
    return any(day != one.due for day in _days_told(tx, one, kinds)[-1:])


def _before(tx: Tx, one: Owed, kinds: Sequence[str]) -> str:
    """The other day that they were told last, in words; this mail's own row does not count."""
    return next((typography.weekday(day) for day in reversed(_days_told(tx, one, kinds)) if day != one.due), "")


def _tell_moved(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    """Tell the conveners; a draft is made anew, since it names the meeting's days."""
    one = _of(tx, context, occurrence)
    before = _before(tx, one, (DRAFT, MOVED))
    last = report.draft(tx, context, one) if one.state == "drafted" else None
    post = Post("report-moved", {"before": before, "approved": one.state == "approved"})
    report_letters.to_conveners(tx, context, one, post, last)


def _tell_comments_moved(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    one = _of(tx, context, occurrence)
    until = typography.weekday(report_letters.comments_until(one))
    facts = {"before": _before(tx, one, (COMMENTS, COMMENTS_MOVED)), "until": until, "zone": one.charter.zone_label}
    report_letters.to_list(tx, context, one, Post("report-comments-moved", facts))


# -------------------------------------------------------------------------------------------------- reminders


def _plan_reminders(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    found: list[Occurrence] = []
    for one in report.owed(tx, context):
        if _is_done(one):
            continue
        first = one.report.drafted_at if one.report and one.report.drafted_at else context.now
        planned = [
            _occurrence(one, REMINDER, f"due {one.due}, {about}", at, ("conveners", f"The report to {one.to} {about}"))
            for day, about in _reminders(one)
            if (at := _at(context, one, day)) > first
        ]
        found += _newest(planned, context, until)
    return found


def _is_done(one: Owed) -> bool:
    """It is submitted, or approved where cgbot is not told to whom to submit it."""
    return one.state == "submitted" or (one.state == "approved" and not one.charter.secretariat)


def _reminders(one: Owed) -> Iterator[tuple[date, str]]:
    """The days on which the conveners are reminded, until the parent meets: 7 and 1 before, 1, 2, 3, 10, 17 … after."""
    for days in REMINDER_DAYS:
        yield one.due - days * _DAY, f"is due in {days} day{'s' if days != 1 else ''}"
    days = 1
    while one.due + days * _DAY < one.meeting.ends_at.date():
        yield one.due + days * _DAY, f"is overdue by {days} day{'s' if days != 1 else ''}"
        days += 1 if days < _OVERDUE_DAYS else _WEEK.days


def _remind(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    one = _of(tx, context, occurrence)
    last = report_records.latest(tx, one.report.id) if one.report else None
    today = context.now.astimezone(ZoneInfo(one.charter.zone)).date()
    facts = {
        "days": (one.due - today).days,
        "version": last.number if last else 0,
        "approved": one.state == "approved",
        "secretariat": one.charter.secretariat,
    }
    report_letters.to_conveners(tx, context, one, Post("report-reminder", facts), last)


# --------------------------------------------------------------------------------------------------- the receipt


def _plan_receipts(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    found: list[Occurrence] = []
    for one in report.owed(tx, context):
        mine = one.report
        if mine is None or mine.submitted_at is None or mine.receipt_at is not None:
            continue
        day = after_working_days(mine.submitted_at.astimezone(ZoneInfo(one.charter.zone)).date(), _WORKING_DAYS)
        told = ("conveners", f"No receipt for the report to {one.to} yet")
        planned = [
            _occurrence(one, RECEIPT, f"receipt, reminder {number + 1}", _at(context, one, day + number * _WEEK), told)
            for number in range(_CHASES)
        ]
        found += _newest(planned, context, until)
    return found


def after_working_days(day: date, count: int) -> date:
    """The day that is so many working days (Monday to Friday) after this one."""
    while count:
        day += _DAY
        count -= day.weekday() < _SATURDAY
    return day


def _ask_for_receipt(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    one = _of(tx, context, occurrence)
    mine = one.report
    if mine is not None and mine.submitted_at is not None:
        day = typography.weekday(mine.submitted_at.astimezone(ZoneInfo(one.charter.zone)).date())
        post = Post("report-unreceived", {"submitted": day, "secretariat": one.charter.secretariat})
        report_letters.to_conveners(tx, context, one, post, None)


KINDS: Final[Sequence[Kind]] = (
    Kind(DRAFT, "conveners", announced=False, plan=_plan_drafts, send=_make_draft, late=_ALWAYS),
    Kind(VERSION, "conveners", announced=False, plan=_plan_versions, send=_send_version, late=_ALWAYS),
    Kind(COMMENTS, "list", announced=True, plan=_plan_comments, send=_ask_for_comments, late=_ALWAYS),
    Kind(MOVED, "conveners", announced=False, plan=_plan_moved, send=_tell_moved, late=_ALWAYS),
    Kind(COMMENTS_MOVED, "list", announced=True, plan=_plan_comments_moved, send=_tell_comments_moved, late=_ALWAYS),
    Kind(REMINDER, "conveners", announced=False, plan=_plan_reminders, send=_remind, late=_ALWAYS),
    Kind(RECEIPT, "conveners", announced=False, plan=_plan_receipts, send=_ask_for_receipt, late=_ALWAYS),
)
