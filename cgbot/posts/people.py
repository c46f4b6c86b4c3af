"""Who is told (records): the conveners of a group, or the operator where there is none."""

from __future__ import annotations

from cgbot.context import Context
from cgbot.groups import members
from cgbot.outbox.letters import Addressee
from cgbot.store.db import Tx


def responsible(tx: Tx, context: Context, group_id: int | None) -> tuple[Addressee, ...]:
    """The active conveners; the operator for the service itself or a group without one; perhaps nobody."""
    found = members.conveners(tx, group_id) if group_id is not None else ()
    if found:
        return tuple(Addressee(one.address, one.id, one.name) for one in found)
    operator = context.settings.service.operator
    return (Addressee(operator, None, ""),) if operator else ()
