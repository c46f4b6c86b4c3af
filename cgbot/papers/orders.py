"""What is ordered about calls and papers by mail and on the desk (use cases; COMMANDS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups.commands import Command, Ordered, Proposal, Request
from cgbot.groups.moments import in_words
from cgbot.papers import calls, contributions, numbers, records
from cgbot.papers.calls import Wanted
from cgbot.papers.numbers import Reference
from cgbot.papers.records import Call
from cgbot.posts import announcing
from cgbot.store.db import Tx

_FIELDS: Final = ("meeting", "closes", "published", "title", "text")
_YES: Final = frozenset({"yes", "true", "y"})
_FORM: Final = """open call
meeting: 12
text:
We look for input on …"""


def _propose_open(tx: Tx, context: Context, request: Request) -> Proposal:
    group = (request.group_id, request.group)
    wanted = _wanted(request.fields)
    opening = calls.draft(tx, context, group, wanted)
    charter = context.charters[request.group]
    closes = in_words(opening.closes_at, charter)
    rule = calls.why(opening.rule, opening.meeting, charter.parent)
    said = "\n".join(f"  {line}" for line in opening.text.splitlines())
    preview = (
        f"This call for contributions would go to {announcing.audience(tx, context, group)}:\n\n"
        f"  {opening.title}\n  closes on {closes}\n  {rule}\n" + (f"\n{said}\n" if said else "") + "\n"
        "One reminder follows three days before it closes."
    )
    fields = {**({"meeting": str(opening.meeting.id)} if opening.meeting else {}), **dict(request.fields)}
    about = f"call for meeting {opening.meeting.id}" if opening.meeting else f"call {opening.title}"
    facts = {"words": [], "fields": fields}
    return Proposal(about[:200], f"call for contributions: {opening.title}", preview, fields, facts)


def _open(tx: Tx, context: Context, ordered: Ordered) -> str:
    group = (ordered.group_id, ordered.group)
    call = calls.open_call(tx, context, group, _wanted(_given(ordered)), ordered.actor.address)
    closes = in_words(call.closes_at, context.charters[ordered.group])
    return f"Call {call.id}, {call.title}, is open until {closes}."


def _wanted(fields: Mapping[str, str]) -> Wanted:
    unknown = [key for key in fields if key not in _FIELDS]
    if unknown:
        raise Malformed(f"{', '.join(unknown)}: not known here; allowed are {', '.join(_FIELDS)}")
    meeting = fields.get("meeting", "").lstrip("#")
    if meeting and not (meeting.isascii() and meeting.isdigit()):
        raise Malformed(f"meeting: {meeting!r} is not the number of a meeting")
    return Wanted(
        meeting_id=int(meeting) if meeting else None,
        closes=fields.get("closes", ""),
        published=fields.get("published", "").lower() in _YES,
        title=fields.get("title", ""),
        text=fields.get("text", ""),
    )


def _propose_close(tx: Tx, context: Context, request: Request) -> Proposal:
    call = _call(tx, request)
    preview = (
        f"Call {call.id}, {call.title}, would close now instead of on "
        f"{in_words(call.closes_at, context.charters[request.group])}. Papers that come later are marked late. "
        "Nobody gets a mail."
    )
    facts = {"words": [str(call.id)], "call": call.id}
    return Proposal(f"call {call.id}", f"close call {call.id}: {call.title}", preview, {}, facts)


def _close(tx: Tx, context: Context, ordered: Ordered) -> str:
    call = calls.close_call(tx, context, int(str(ordered.facts["call"])), ordered.actor.address)
    return f"Call {call.id}, {call.title}, is closed."


def _call(tx: Tx, request: Request) -> Call:
    number = next((one for one in request.words if one.isascii() and one.isdigit()), "")
    if not number:
        raise Malformed("the number of the call is missing")
    call = records.get_call(tx, int(number))
    if call.group_id != request.group_id:
        raise NotFound(f"there is no call {number} in this group")
    return call


def _propose_withdraw(tx: Tx, context: Context, request: Request) -> Proposal:
    what = reference(context, request)
    paper = contributions.own(tx, context, (request.group_id, request.group), what, request.actor)
    name = numbers.label(context.charters[request.group].acronym, what.number)
    if paper.state == "withdrawn":
        raise Conflict(f"{name} has been withdrawn already")
    preview = (
        f"{name}, {paper.title}, would be withdrawn. It stays on the Documents page and says so; nobody gets a mail."
    )
    facts = {"words": [name], "number": what.number}
    return Proposal(f"paper {what.number}", f"withdraw {name}: {paper.title}", preview, {}, facts)


def _withdraw(tx: Tx, context: Context, ordered: Ordered) -> str:
    what = Reference(int(str(ordered.facts["number"])))
    paper = contributions.withdraw(tx, context, (ordered.group_id, ordered.group), what, ordered.actor)
    return f"{numbers.label(context.charters[ordered.group].acronym, what.number)}, {paper.title}, is withdrawn."


def reference(context: Context, request: Request) -> Reference:
    """The paper that a request names. Raises Malformed."""
    found = numbers.find(" ".join(request.words), context.charters[request.group].acronym)
    if found is None:
        raise Malformed("the number of the paper is missing: write it as C-0007")
    return found


def _given(ordered: Ordered) -> Mapping[str, str]:
    found = ordered.facts["fields"]
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}


COMMANDS: Final[Sequence[Command]] = (
    Command("open call", "call for contributions", _FORM,
            "Call for contributions to a meeting, the next one without a number. Also: closes, published: yes, title.",
            _propose_open, _open, ("call for contributions", "call")),
    Command("close call", "call for contributions", "close call 3", "Close a call before its day.",
            _propose_close, _close),
    Command("withdraw", "contribute", "withdraw C-0007", "Withdraw a paper of yours.",
            _propose_withdraw, _withdraw),
)  # fmt: skip
