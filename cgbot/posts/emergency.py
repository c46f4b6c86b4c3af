"""
Records: whether every post of a group is held, because a convener has said so or the group's file does.

The switch is kept in the database and survives a restart; each turn is written to the audit trail.
"""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errors import Conflict
from cgbot.groups import audit
from cgbot.groups.audit import Entry
from cgbot.groups.charter import Charter
from cgbot.groups.moments import in_words
from cgbot.store import service


def reason(tx: Connection, charter: Charter, group_id: int) -> str:
    """Why every post is held, for people; "" in normal times."""
    return read(charter, service.get(tx, key(group_id)))


def read(charter: Charter, value: str | None) -> str:
    """The same from what stands under `key`."""
    if charter.posts.emergency:
        return "every post is held: the group's file says so"
    switch = json.loads(value or "{}")
    if not switch.get("by"):
        return ""
    since = in_words(datetime.fromisoformat(switch["at"]), charter)
    return f"every post is held since {since}, by {switch['by']}"


def check(tx: Connection, charter: Charter, group_id: int, *, on: bool) -> None:
    """Raise Conflict where it is so already, or where the group's file holds everything."""
    if charter.posts.emergency:
        raise Conflict("the group's file says emergency = true; only the operator can change that")
    now = reason(tx, charter, group_id)
    if bool(now) == on:
        raise Conflict(now or "posts are not held")


def turn(tx: Connection, context: Context, group: tuple[int, str], *, on: bool, actor: str) -> None:
    """Begin or end it. Raises as `check`."""
    group_id, name = group
    check(tx, context.charters[name], group_id, on=on)
    service.put(tx, key(group_id), json.dumps({"by": actor, "at": context.now.isoformat()} if on else {}))
    audit.record(tx, context.now, group_id, Entry(actor, f"emergency {'on' if on else 'off'}", name))


def key(group_id: int) -> str:
    """Where the switch stands among the facts of the service."""
    return f"emergency {group_id}"
