"""
Use cases: what conveners order about reports, by mail or on the desk (COMMANDS), and ask for by mail (QUERIES).

`draft report`, `approve report 5`, `submit report 5`: each shows first what it would do, and is looked at again when
its time has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups.commands import Command, Ordered, Proposal, Query, Request
from cgbot.itu import typography
from cgbot.meetings import records as meetings_of
from cgbot.outbox.letters import Addressee
from cgbot.papers import report, report_letters, report_records
from cgbot.papers.report import Owed
from cgbot.papers.report_letters import Post
from cgbot.papers.report_records import Version
from cgbot.store.db import Tx

_FILLERS: Final = frozenset({"report", "meeting", "#"})


def _number(request: Request, field: str) -> int | None:
    """The number in the field, which may have been corrected, else among the words. Raises Malformed for others."""
    said = request.fields.get(field, "").split() or request.words
    words = [word.strip("#.,").lower() for word in said if word.lower() not in _FILLERS]
    if len(words) > 1 or any(not word.isdecimal() or len(word) > len("999999999") for word in words):
        raise Malformed(f"{' '.join(said)!r} is not understood: write the number alone, for example 5")
    return int(words[0]) if words else None


def _named(tx: Tx, context: Context, request: Request) -> Owed:
    """The report of this number in this group, or the next one that is owed. Raises NotFound."""
    number = _number(request, "report")
    if number is None:
        return report.next_of(tx, context, request.group_id)
    return _in_group(tx, context, number, request.group_id)


def _in_group(tx: Tx, context: Context, report_id: int, group_id: int) -> Owed:
    if report_records.get(tx, report_id).group_id != group_id:
        raise NotFound(f"there is no report {report_id} in this group")
    return report.of(tx, context, report_id)


def _id(one: Owed) -> int:
    if one.report is None:
        raise Conflict(f"the report to {one.to} has no draft yet; it is due on {typography.weekday(one.due)}")
    return one.report.id


# ---------------------------------------------------------------------------------------------------------- draft


def _propose_draft(tx: Tx, context: Context, request: Request) -> Proposal:
    one = _of_meeting(tx, context, _number(request, "meeting"), request.group_id)
    if one.state == "submitted":
        raise Conflict(f"the report to {one.to} has been submitted; it does not change any more")
    again = "made anew of what has happened since; corrections stay" if one.report else "made of what has happened"
    return Proposal(
        about=f"report to meeting {one.meeting.id}",
        summary=f"Draft the report to {one.to}",
        preview=f"The draft of the report to {one.to}, due on {typography.weekday(one.due)}, is {again}. It goes to "
        "the conveners; nothing goes to the list.",
        fields={"meeting": str(one.meeting.id)},
        facts={"meeting": one.meeting.id},
    )


def _of_meeting(tx: Tx, context: Context, meeting_id: int | None, group_id: int) -> Owed:
    if meeting_id is None:
        return report.next_of(tx, context, group_id)
    if meetings_of.get(tx, meeting_id).group_id != group_id:
        raise NotFound(f"there is no meeting {meeting_id} in this group")
    return report.to_meeting(tx, context, meeting_id)


def _do_draft(tx: Tx, context: Context, order: Ordered) -> str:
    one = _of_meeting(tx, context, int(str(order.facts["meeting"])), order.group_id)
    before = report_records.latest(tx, one.report.id) if one.report else None
    made = report.draft(tx, context, one, order.actor.address)
    if before is not None and before.number == made.number:
        return f"Nothing has changed since version {made.number} of the report to {one.to}."
    return f"Version {made.number} of the report to {one.to} is made; it comes in a mail of its own."


# -------------------------------------------------------------------------------------------------------- approve


def _propose_approve(tx: Tx, context: Context, request: Request) -> Proposal:
    one = _named(tx, context, request)
    last = report_records.latest(tx, _id(one))
    if last is None:
        raise Conflict("there is no draft yet")
    if one.state in {"approved", "submitted"}:
        raise Conflict(f"report {_id(one)} is {one.state} already")
    return Proposal(
        about=f"report {_id(one)}",
        summary=f"Approve version {last.number} of the report to {one.to}",
        preview=f"Version {last.number} of the report to {one.to} becomes the approved one. Nothing is sent outside "
        f"before somebody orders: submit report {_id(one)}\n\n{last.body}",
        fields={"report": str(_id(one))},
        facts={"report": _id(one), "version": last.number},
    )


def _do_approve(tx: Tx, context: Context, order: Ordered) -> str:
    one = _in_group(tx, context, int(str(order.facts["report"])), order.group_id)
    number = int(str(order.facts["version"]))
    report.approve(tx, context, _id(one), order.actor.address, number)
    rest = f" To send it to {one.charter.secretariat}: submit report {_id(one)}" if one.charter.secretariat else ""
    return f"Version {number} of the report to {one.to} is approved.{rest}"


def approve(tx: Tx, context: Context, one: Owed, actor: str, number: int | None) -> None:
    """
    Approve it and tell every convener, with what is left to do; for what is no order, of which they are told anyway.

    Raises as report.approve.
    """
    approved = report.approve(tx, context, _id(one), actor, number)
    version = report_records.version(tx, approved.id, approved.approved_version or 0)
    facts = {"version": version.number, "actor": actor, "secretariat": one.charter.secretariat}
    report_letters.to_conveners(tx, context, one, Post("report-approved", facts), version)


# --------------------------------------------------------------------------------------------------------- submit


def _propose_submit(tx: Tx, context: Context, request: Request) -> Proposal:
    one = _named(tx, context, request)
    version = report.may_be_submitted(tx, one)
    return Proposal(
        about=f"report {_id(one)}",
        summary=f"Submit the report to {one.to}",
        preview=f"This goes to {one.charter.secretariat}, as text and as the Word file "
        f"{report_letters.filename(one, version)}, in the name of {one.charter.acronym}:\n\n{version.body}",
        fields={"report": str(_id(one))},
        facts={"report": _id(one), "version": version.number},
    )


def _do_submit(tx: Tx, context: Context, order: Ordered) -> str:
    one = _in_group(tx, context, int(str(order.facts["report"])), order.group_id)
    if one.report is None or one.report.approved_version != int(str(order.facts["version"])):
        raise Conflict("the approved version is another one by now; please look at it and submit again")
    _send(tx, context, one, order.actor.address)
    return f"The report to {one.to} has gone to {one.charter.secretariat}."


def submit(tx: Tx, context: Context, one: Owed, actor: str) -> None:
    """Send it to the secretariat and tell every convener; as `approve`. Raises as report.may_be_submitted."""
    version = _send(tx, context, one, actor)
    facts = {"version": version.number, "actor": actor, "secretariat": one.charter.secretariat}
    post = Post("report-submitted", facts, report_letters.enclosed(tx, one, version))
    report_letters.to_conveners(tx, context, one, post, version)


def _send(tx: Tx, context: Context, one: Owed, actor: str) -> Version:
    version = report.may_be_submitted(tx, one)
    content_id = report_letters.to_secretariat(tx, context, one, version, actor)
    report.submitted(tx, context, one, actor, content_id)
    return version


DRAFT: Final = Command(
    name="draft report",
    action="draft reports",
    form="draft report            (the next one that is owed)\ndraft report 12         (to meeting 12)",
    help="Make the draft of the activity report, or make it anew; corrections stay.",
    propose=_propose_draft,
    do=_do_draft,
)
APPROVE: Final = Command(
    name="approve report",
    action="approve reports and statements",
    form="approve report 5",
    help="Approve the newest version of a report.",
    propose=_propose_approve,
    do=_do_approve,
)
SUBMIT: Final = Command(
    name="submit report",
    action="approve reports and statements",
    form="submit report 5",
    help="Send an approved report to the secretariat.",
    propose=_propose_submit,
    do=_do_submit,
)
COMMANDS: Final[Sequence[Command]] = (DRAFT, APPROVE, SUBMIT)


def _show(tx: Tx, context: Context, request: Request) -> str:
    one = _named(tx, context, request)
    last = report_records.latest(tx, _id(one))
    if last is None:
        raise Conflict("there is no draft yet")
    to = Addressee(request.actor.address, request.actor.member_id, request.actor.name)
    report_letters.to_convener(tx, context, one, report_letters.of_version(tx, one, last), (to, last))
    return f"version {last.number} of the report to {one.to} was sent"


QUERIES: Final[Sequence[Query]] = (
    Query("report", "draft reports", "report 5", "The newest version of a report, to be corrected or approved.", _show,
          ("show report",)),
)  # fmt: skip
