"""What the desk and the Documents page show: a command that takes a note, a report's draft, papers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cgbot.context import Context
from cgbot.errors import Malformed
from cgbot.groups import audit
from cgbot.groups.commands import Command, Ordered, Proposal, Request
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.papers import records, report
from cgbot.papers.records import File, Paper
from cgbot.papers.report_records import Version
from cgbot.store import raw
from cgbot.store.db import Tx
from tests.web.conftest import Site

DAY = timedelta(days=1)


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


@dataclass
class Shelf:
    """Papers of the group."""

    site: Site

    def add(self, number: int | None, title: str, **more: Any) -> Paper:
        values = {
            "group_id": self.site.group.id, "number": number, "title": title, "source": "Example <Org>",
            "abstract": "", "author_name": "Ada", "author_address": "ada@example.org", "state": "registered",
            "registered_at": self.site.context.now, "late": False, **more,
        }  # fmt: skip
        return self.site.db.write_now(records.add_paper, values)

    def revise(self, paper: Paper, revision: int, *files: tuple[str, str, bytes]) -> None:
        values = {
            "paper_id": paper.id, "revision": revision, "title": paper.title, "source": paper.source, "abstract": "",
            "received_at": self.site.context.now + revision * DAY, "late": False,
        }  # fmt: skip
        prepared = [raw.prepare(content) for _, _, content in files]
        self.site.db.write_now(raw.put, prepared)
        kept = [
            File(name, kind, len(content), one.sha256)
            for (name, kind, content), one in zip(files, prepared, strict=True)
        ]
        self.site.db.write_now(records.add_revision, values, kept)
