"""What the desk shows: a command that takes a note into the audit trail, and the draft of a report."""

from __future__ import annotations

from cgbot.context import Context
from cgbot.errors import Malformed
from cgbot.groups import audit
from cgbot.groups.commands import Command, Ordered, Proposal, Request
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.papers import report
from cgbot.papers.report_records import Version
from cgbot.store.db import Tx


def propose(tx: Tx, context: Context, request: Request) -> Proposal:
    title = request.fields.get("title", "")
    if not title:
        raise Malformed("a note needs a title")
    words = " ".join(request.words)
    fields = {"title": title, "text": request.fields.get("text", "")}
    return Proposal(f"note {words}", f"Note {words}: {title}", f"Will note:\n  {fields['text']}", fields, fields)


def do(tx: Tx, context: Context, ordered: Ordered) -> str:
    if ordered.facts["title"] == "Taken":
        raise Malformed("somebody else has taken this title")
    audit.record(tx, context.now, ordered.group_id, audit.Entry(ordered.actor.address, "noted", "note", ordered.facts))
    return f"Noted: {ordered.facts['title']}."


NOTE = Command(
    name="take note",
    action="call meetings",
    form="take note 12\ntitle: Second meeting\ntext:\nWords of yours.\n.",
    help="a note is taken",
    propose=propose,
    do=do,
)
APPROVE = Command("approve", "approve reports and statements", "approve 3", "a report is approved", propose, do)


def drafted(tx: Tx, context: Context, group: Group) -> Version:
    when = schedule.read_when("2027-09-01", days=8)
    order = Order("SG17", when, kind="parent", location="Geneva")
    meeting = schedule.schedule(tx, context, group, order)
    return report.draft(tx, context, report.to_meeting(tx, context, meeting.id))
