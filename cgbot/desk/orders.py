"""What is ordered about people by mail and on the desk (use cases; `commands`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.desk import handover
from cgbot.desk.handover import Office
from cgbot.errors import Malformed
from cgbot.groups.commands import Command, Ordered, Proposal, Request
from cgbot.groups.subscriptions import Hook
from cgbot.notices.kinds import Kind

_FIELDS: Final = ("from", "to", "leave")
_YES: Final = frozenset({"yes", "true", "y"})
_FORM: Final = """hand over
to: successor@example.org"""
Kinds = Callable[[], Sequence[Kind]]


def commands(kinds: Kinds, on_leave: Sequence[Hook]) -> tuple[Command, ...]:
    """The commands; what is planned and what else happens to somebody who leaves is handed down."""
    return (
        Command("hand over", "change members", _FORM,
                "Hand your office over to another member. Also: from (somebody else's office), leave: yes.",
                _propose, partial(_do, kinds, tuple(on_leave)), ("handover", "hand-over")),
    )  # fmt: skip


def _propose(tx: Connection, context: Context, request: Request) -> Proposal:  # noqa: ARG001 - a command's shape
    office = _office(request.fields, request.actor.address)
    before, after = handover.check(tx, request.group_id, office)
    stays = "leaves the group" if office.leave else "stays a member"
    preview = (
        f"{after.name or after.address} would become {before.role} in place of {before.name or before.address}, who "
        f"{stays}.\n\nWhat waits moves to {after.address}, who gets one mail with all that is open; the links, reply "
        f"addresses and sessions of {before.address} end."
    )
    fields = {"from": before.address, "to": after.address, **({"leave": "yes"} if office.leave else {})}
    facts = {"words": [], "fields": fields}
    summary = f"{before.role} goes from {before.address} to {after.address}"
    return Proposal(f"office of {before.address}", summary, preview, fields, facts)


def _do(kinds: Kinds, on_leave: Sequence[Hook], tx: Connection, context: Context, ordered: Ordered) -> str:
    found = ordered.facts["fields"]
    fields = {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}
    wanted = _office(fields, ordered.actor.address)
    office = Office(wanted.predecessor, wanted.successor, wanted.leave, kinds(), on_leave)
    taken = handover.hand_over(tx, context, (ordered.group_id, ordered.group), office, ordered.actor.address)
    return f"{taken.name or taken.address} is {taken.role} now."


def _office(fields: Mapping[str, str], actor: str) -> Office:
    unknown = [key for key in fields if key not in _FIELDS]
    if unknown:
        raise Malformed(f"{', '.join(unknown)}: not known here; allowed are {', '.join(_FIELDS)}")
    if not fields.get("to"):
        raise Malformed("to whom? The address of a member is missing (to)")
    return Office(fields.get("from") or actor, fields["to"], fields.get("leave", "").lower() in _YES)
