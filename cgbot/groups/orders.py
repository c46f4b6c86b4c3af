"""
Use cases: what a convener asks for by mail or on the desk: shown, ordered by a yes, carried out, or undone.

Nothing changes before an order's time has come: `place` writes down a proposal, `confirm` orders it, and after
`notices.undo_minutes` the ledger carries it out (KIND, once by its key). Of several orders about the same thing the
first one wins, and the others are told whose it was. No command is known here: they are handed down as a table. The
mails around it are in groups.ordering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from cgbot.context import Context
from cgbot.errors import Conflict, NotAllowed, NotFound, Refused
from cgbot.groups import audit, members, records
from cgbot.groups.audit import Entry
from cgbot.groups.commands import OPERATOR, Actor, Command, Ordered, Proposal, Request
from cgbot.groups.moments import in_words
from cgbot.groups.roles import may
from cgbot.notices.kinds import Kind, Late, Occurrence
from cgbot.store.tables import orders

NAME: Final = "order"
LIFETIME: Final = timedelta(hours=72)  # how long a proposal waits for its yes
Commands = Mapping[str, Command]


@dataclass(frozen=True, slots=True)
class Order:
    """One order; times in UTC, `due_at` when it is carried out."""

    id: int
    group_id: int
    command: str
    about: str
    summary: str
    fields: Mapping[str, str]
    facts: Mapping[str, Any]
    actor: str
    member_id: int | None
    message_id: str
    state: str
    created_at: datetime
    ordered_at: datetime | None
    due_at: datetime | None
    done_at: datetime | None
    outcome: str


def place(tx: Connection, context: Context, command: Command, request: Request) -> tuple[Order, Proposal]:
    """
    Write down what is asked for; nothing happens before `confirm`.

    Raises NotAllowed for a role that may not, and whatever the command refuses.
    """
    if not is_open_to(request.actor, command):
        raise NotAllowed(f"{request.actor.role or 'an outsider'} may not {command.action}")
    proposal = command.propose(tx, context, request)
    same = (orders.c.command == command.name) & (orders.c.about == proposal.about) & (orders.c.state == "shown")
    mine = (orders.c.group_id == request.group_id) & (orders.c.actor == request.actor.address)
    tx.execute(update(orders).where(mine, same).values(state="replaced", done_at=context.now))
    facts = {"words": list(request.words), **proposal.facts}
    facts |= {} if proposal.words is None else {"words": list(proposal.words)}
    values = {
        "group_id": request.group_id, "command": command.name, "about": proposal.about,
        "summary": proposal.summary[:500], "fields": dict(proposal.fields), "facts": facts,
        "actor": request.actor.address, "member_id": request.actor.member_id, "state": "shown",
        "message_id": request.errand.message.message_id if request.errand else "", "created_at": context.now,
    }  # fmt: skip
    order = get(tx, int(tx.execute(insert(orders).values(**values).returning(orders.c.id)).scalar_one()))
    _note(tx, context, order, request.actor.address, "shown")
    return order, proposal


def confirm(tx: Connection, context: Context, commands: Commands, order_id: int, actor: Actor) -> Order:
    """
    Order what was shown: it is carried out when the time to undo is over, at once where there is none.

    Raises NotFound; Conflict when it is no longer waiting, or somebody else was first; NotAllowed.
    """
    order = get(tx, order_id)
    _check_waiting(tx, context, order, actor)
    command = commands.get(order.command)
    if command is None or not is_open_to(actor, command):
        raise NotAllowed(f"{actor.address} may not order this, or no longer")
    undo = timedelta(minutes=minutes_to_undo(context, command))
    values = {"state": "ordered", "ordered_at": context.now, "due_at": context.now + undo, "actor": actor.address,
              "member_id": actor.member_id}  # fmt: skip
    _change(tx, order, values)
    _note(tx, context, order, actor.address, "ordered")
    return get(tx, order_id) if undo else carry_out(tx, context, commands, order_id)


def minutes_to_undo(context: Context, command: Command) -> int:
    """How long an order of this command can be undone."""
    return context.settings.notices.undo_minutes if command.waits else 0


def undo(tx: Connection, context: Context, order_id: int, actor: Actor) -> Order:
    """Undo an order before its time has come, or drop a proposal. Raises NotFound and Conflict."""
    order = get(tx, order_id)
    if order.state not in {"shown", "ordered"}:
        raise Conflict(f"it cannot be undone any more: {_fate(context, tx, order)}")
    _change(tx, order, {"state": "undone", "done_at": context.now, "outcome": f"undone by {actor.address}"})
    _note(tx, context, order, actor.address, "undone")
    return get(tx, order_id)


def replace(tx: Connection, context: Context, order: Order) -> None:
    """Let a proposal go for a corrected one, if it still waits."""
    mine = (orders.c.id == order.id) & (orders.c.state == "shown")
    tx.execute(update(orders).where(mine).values(state="replaced", done_at=context.now))


def carry_out(tx: Connection, context: Context, commands: Commands, order_id: int) -> Order:
    """Do what was ordered, in this transaction; what it refuses now leaves no trace but the reason."""
    order = get(tx, order_id)
    if order.state != "ordered":
        return order
    # It waits no more while it is carried out: a hand-over moves what waits, and tells of it.
    _change(tx, order, {"state": "done", "done_at": context.now})
    state, outcome = _try(tx, context, commands, order)
    _change(tx, replaced(order, state="done"), {"state": state, "outcome": outcome})
    _note(tx, context, order, order.actor, state)
    return get(tx, order_id)


def _try(tx: Connection, context: Context, commands: Commands, order: Order) -> tuple[str, str]:
    command = commands.get(order.command)
    actor = actor_of(tx, order.group_id, order.actor)
    if command is None or not is_open_to(actor, command):
        return "failed", f"{order.actor} may not {command.action if command else 'order this'} any more"
    name = records.name_of(tx, order.group_id)
    ordered = Ordered(order.group_id, name, actor, order.facts)
    try:
        with tx.begin_nested():
            return "done", command.do(tx, context, ordered)
    except Refused as error:
        return "failed", error.public


def kind(commands: Commands, told: Any) -> Kind:
    """Orders as a kind of notice; `told(tx, context, order)` writes to those who must know the end of one."""
    return Kind(NAME, "conveners", announced=False, plan=_plan, send=partial(_send, commands, told), late=Late(None))


def _plan(tx: Connection, context: Context, until: datetime) -> list[Occurrence]:
    """The orders whose time comes by then, of groups that have a charter."""
    rows = tx.execute(
        select(orders).where(orders.c.state == "ordered", orders.c.due_at <= max(until, context.now))
    ).all()
    names = {one.id: one.name for one in records.list_groups(tx)} if rows else {}
    return [
        Occurrence(NAME, f"order {one.id}", one.group_id, one.due_at, "conveners", one.summary, {"order": one.id})
        for one in map(_order, rows)
        if one.due_at and names.get(one.group_id) in context.charters
    ]


def _send(commands: Commands, told: Any, tx: Connection, context: Context, occurrence: Occurrence) -> None:
    order = carry_out(tx, context, commands, int(str(occurrence.facts["order"])))
    told(tx, context, order)


def lapse(tx: Connection, now: datetime) -> int:
    """Let proposals go that nobody has answered in time; how many."""
    old = (orders.c.state == "shown") & (orders.c.created_at <= now - LIFETIME)
    return tx.execute(update(orders).where(old).values(state="lapsed", done_at=now)).rowcount


# ---------------------------------------------------------------------------------------------------- what there is


def get(tx: Connection, order_id: int) -> Order:
    """The order with this number. Raises NotFound."""
    row = tx.execute(select(orders).where(orders.c.id == order_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no order {order_id}")
    return _order(row)


def was_asked(tx: Connection, context: Context, request: Request) -> bool:
    """Say whether this very mail has asked before, as a copy that a server sent twice."""
    message_id = request.errand.message.message_id if request.errand else ""
    same = (orders.c.message_id == message_id) & (orders.c.actor == request.actor.address)
    lately = (orders.c.group_id == request.group_id) & (orders.c.created_at > context.now - LIFETIME)
    return bool(message_id) and tx.execute(select(orders.c.id).where(same, lately).limit(1)).first() is not None


def waiting(tx: Connection, group_id: int) -> tuple[Order, ...]:
    """The orders of a group that wait for their time, then the proposals that wait for a yes; oldest first."""
    rows = tx.execute(
        select(orders)
        .where(orders.c.group_id == group_id, orders.c.state.in_(("shown", "ordered")))
        .order_by(orders.c.state, orders.c.id)
    )
    return tuple(map(_order, rows))


def actor_of(tx: Connection, group_id: int, address: str) -> Actor:
    """Who this address is in the group now; no role for an outsider or somebody who has left."""
    if address == OPERATOR:
        return Actor(OPERATOR, role="convener")
    member = members.find_member(tx, group_id, address)
    if member is None or member.state == "left":
        return Actor(address)
    return Actor(member.address, member.id, member.name, member.role)


def is_open_to(actor: Actor, command: Command) -> bool:
    """Say whether this person, or the operator, may order it."""
    return actor.address == OPERATOR or may(actor.role, command.action)


def _check_waiting(tx: Connection, context: Context, order: Order, actor: Actor) -> None:
    """
    Raise Conflict unless this proposal can still be ordered.

    Somebody else's order about the same thing, from the proposal on, was first; the actor's own only where it is the
    same command.
    """
    if order.state != "shown":
        raise Conflict(_fate(context, tx, order))
    if order.created_at <= context.now - LIFETIME:
        raise Conflict("the proposal has run out: please ask again")
    open_questions = [name for name, value in order.fields.items() if value == "?"]
    if open_questions:
        raise Conflict(f"{', '.join(open_questions)}: please write what is meant where the question mark stands")
    same = (orders.c.group_id == order.group_id) & (orders.c.about == order.about) & (orders.c.id != order.id)
    since = (orders.c.state == "ordered") | ((orders.c.state == "done") & (orders.c.done_at >= order.created_at))
    against = (orders.c.actor != actor.address) | (orders.c.command == order.command)
    newest = select(orders).where(same, since, against).order_by(orders.c.id.desc()).limit(1)
    other = tx.execute(newest).one_or_none()
    if other is not None:
        raise Conflict(f"{order.about}: {_fate(context, tx, _order(other))}")


def _fate(context: Context, tx: Connection, order: Order) -> str:
    """What became of an order, in words."""
    at = order.done_at or order.ordered_at or order.created_at
    charter = context.charters[records.name_of(tx, order.group_id)]
    words = {"ordered": "was ordered", "done": "was done", "undone": "was undone", "failed": "could not be done",
             "replaced": "was replaced by a newer proposal", "lapsed": "has run out",
             "shown": "is waiting for a yes"}  # fmt: skip
    who = f" by {order.actor}" if order.state in {"ordered", "done"} else ""
    return f'"{order.summary}" {words[order.state]}{who} on {in_words(at, charter)}'


def _change(tx: Connection, order: Order, values: Mapping[str, object]) -> None:
    """Move an order on from the state in which it was read. Raises Conflict when somebody else has."""
    done = tx.execute(update(orders).where(orders.c.id == order.id, orders.c.state == order.state).values(**values))
    if done.rowcount != 1:
        raise Conflict(f"order {order.id} has just been changed by somebody else")


def _note(tx: Connection, context: Context, order: Order, actor: str, act: str) -> None:
    entry = Entry(actor, f"order {act}", f"order {order.id}", {"command": order.command, "summary": order.summary})
    audit.record(tx, context.now, order.group_id, entry)


def _order(row: Any) -> Order:
    return Order(**{name: getattr(row, name) for name in Order.__dataclass_fields__})
