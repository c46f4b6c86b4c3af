"""A command as features export them: it takes a note into the audit trail."""

from __future__ import annotations

from cgbot.context import Context
from cgbot.errors import Malformed
from cgbot.groups import audit
from cgbot.groups.commands import Command, Ordered, Proposal, Request
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
