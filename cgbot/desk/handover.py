"""
An office is handed over (use case).

The successor takes the predecessor's role; what waits under the predecessor's name (orders, actions, drafts and held
posts, which belong to the role) is the successor's from then on, and the predecessor's one-time links, reply addresses
and sessions end. The successor gets one mail with all that is open, the predecessor one line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, or_, select, update

from cgbot.context import Context
from cgbot.desk import digest
from cgbot.errors import Malformed, NotFound
from cgbot.groups import audit, members
from cgbot.groups.audit import Entry
from cgbot.groups.members import Member
from cgbot.groups.roles import CONVENERS
from cgbot.groups.subscriptions import Hook
from cgbot.notices.kinds import Kind
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.store.tables import actions, addresses, orders, tokens

_SINCE: Final = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Office:
    """Whose role goes to whom; `leave`: the predecessor leaves the group. The tables are handed down by wiring."""

    predecessor: str
    successor: str
    leave: bool = False
    kinds: Sequence[Kind] = ()
    on_leave: Sequence[Hook] = ()


def check(tx: Connection, group_id: int, office: Office) -> tuple[Member, Member]:
    """
    The two people.

    Raises NotFound for somebody who is no member (add them first), Malformed for one who holds no office, or the same
    person twice.
    """
    before = _member(tx, group_id, office.predecessor)
    after = _member(tx, group_id, office.successor)
    if before.id == after.id:
        raise Malformed(f"{office.predecessor} and {office.successor} are the same person")
    if before.role not in CONVENERS:
        raise Malformed(f"{office.predecessor} is {before.role}; {', '.join(sorted(CONVENERS))} can be handed over")
    if after.state != "active":
        raise Malformed(f"{office.successor} is {after.state}: mail does not reach them")
    return before, after


def hand_over(tx: Connection, context: Context, group: tuple[int, str], office: Office, actor: str) -> Member:
    """Hand the role over; gives the successor as they are now. Raises as `check`."""
    group_id = group[0]
    before, after = check(tx, group_id, office)
    role = before.role
    taken = members.change(tx, context, after, {"role": role}, actor)
    moved = _move(tx, before, taken)
    end_tokens(tx, context, before)
    if office.leave:
        members.remove(tx, context, group_id, before.address, actor)
        for hook in office.on_leave:
            hook(tx, context, before)
    else:
        members.change(tx, context, before, {"role": "member"}, actor)
    entry = Entry(actor, "office handed over", before.address, {"to": taken.address, "role": role, **moved})
    audit.record(tx, context.now, group_id, entry)
    sections = digest.gather(tx, context, office.kinds, group, context.now - _SINCE)
    said = {"role": role, "predecessor": before.name or before.address, "sections": list(sections)}
    _write(tx, context, group, taken, ("handover-taken", said))
    _write(tx, context, group, before, ("handover-given", {"role": role, "successor": taken.name or taken.address}))
    return taken


def _member(tx: Connection, group_id: int, address: str) -> Member:
    found = members.find_member(tx, group_id, address)
    if found is None or found.state == "left":
        raise NotFound(f"{address} is not a member; `cgbot members add` makes them one first")
    return found


def _move(tx: Connection, before: Member, after: Member) -> dict[str, object]:
    """Put what waits under the successor's name; how much it was."""
    waiting = (orders.c.member_id == before.id) & orders.c.state.in_(("shown", "ordered"))
    moved = tx.execute(update(orders).where(waiting).values(actor=after.address, member_id=after.id)).rowcount
    owed = (actions.c.owner_id == before.id) & (actions.c.state == "open")
    given = tx.execute(update(actions).where(owed).values(owner_id=after.id)).rowcount
    return {"orders": moved, "actions": given}


def end_tokens(tx: Connection, context: Context, member: Member) -> int:
    """End every one-time token and session of somebody's addresses in their group; how many."""
    own = list(tx.execute(select(addresses.c.address).where(addresses.c.person_id == member.person_id)).scalars())
    group = tokens.c.facts["group"].as_string()
    theirs = tokens.c.facts["address"].as_string().in_([*own, member.address]) & (group == str(member.group_id))
    sessions = tokens.c.facts["person"].as_string() == str(member.person_id)
    alive = tokens.c.expires_at > context.now
    return tx.execute(update(tokens).where(or_(theirs, sessions), alive).values(expires_at=context.now)).rowcount


def _write(
    tx: Connection, context: Context, group: tuple[int, str], to: Member, what: tuple[str, Mapping[str, object]]
) -> None:
    template, facts = what
    charter = context.charters[group[1]]
    service = context.settings.service
    common = {
        "acronym": charter.acronym,
        "title": charter.title,
        "desk": f"{service.public_url}/desk/{group[1]}/",
        "request_address": charter.address(service.domain, "request"),
    }
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=template,
            template=template,
            facts={**common, **facts},
            group=group,
            recipients=(Addressee(to.address, to.id, to.name),),
            sender_local=f"{group[1]}-owner",
            sender_name=charter.acronym,
            language=charter.language,
        ),
    )
