"""
A group carries another one on (use cases): CG-AISEC became CG-AISEC-STRAT.

`begin` closes the old group and gives the successor what is still to come: meetings with their answers, reports, held
posts, mail that is not sorted yet. One-time links of the old group end; its archive, papers and past meetings stay
readable where they are. `carry` brings its members over, some at a time, and tells each in one mail with a way out; a
run that was cut off is done again and goes on where it was.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select, update

from cgbot.context import Context
from cgbot.errors import Conflict
from cgbot.groups import actions, members, records, succession, tokens
from cgbot.groups.members import Member
from cgbot.groups.records import Group
from cgbot.mail import verp
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.papers import records as papers
from cgbot.store.tables import actions as action_rows
from cgbot.store.tables import attendees, errands, holds, meetings, notices, orders, reports

PORTION: Final = 25
_OPEN_MEETINGS: Final = ("draft", "tentative", "confirmed")


def begin(tx: Connection, context: Context, old_name: str, new_name: str, actor: str) -> tuple[Group, Group]:
    """
    Close the old group and give the successor what is to come; both groups. Done again, it changes nothing.

    Raises NotFound, and Conflict where a call for contributions is open, or the two cannot follow each other.
    """
    old, new = records.get_group(tx, old_name), records.get_group(tx, new_name)
    if new.name not in context.charters:
        raise Conflict(f"{new.name} has no file {new.name}.toml")
    if found := papers.list_calls(tx, old.id, only_open=True):
        raise Conflict(f"call {found[0].id} of {old.name} is open; close it first (`cgbot calls close`)")
    if succession.record(tx, context, old, new, actor):
        _move(tx, context, old.id, new.id)
    return records.get_group(tx, old.name), new


def _move(tx: Connection, context: Context, old_id: int, new_id: int) -> None:
    """What is still to come is the successor's."""
    ahead = select(meetings.c.id).where(
        meetings.c.group_id == old_id, meetings.c.ends_at > context.now, meetings.c.state.in_(_OPEN_MEETINGS)
    )
    moved = list(tx.execute(ahead).scalars())
    tx.execute(update(meetings).where(meetings.c.id.in_(moved)).values(group_id=new_id))
    tx.execute(update(reports).where(reports.c.meeting_id.in_(moved)).values(group_id=new_id))
    _move_notices(tx, old_id, new_id, frozenset(moved))
    tx.execute(update(holds).where(holds.c.group_id == old_id, holds.c.state == "waiting").values(group_id=new_id))
    unsettled = (errands.c.group_id == old_id) & errands.c.state.in_(("received", "held"))
    tx.execute(update(errands).where(unsettled).values(group_id=new_id))
    tx.execute(
        update(action_rows)
        .where(action_rows.c.group_id == old_id, action_rows.c.state == "open")
        .values(group_id=new_id)
    )
    waiting = (orders.c.group_id == old_id) & orders.c.state.in_(("shown", "ordered"))
    tx.execute(update(orders).where(waiting).values(state="lapsed", done_at=context.now))
    tokens.revoke(tx, ("group", str(old_id)))


def _move_notices(tx: Connection, old_id: int, new_id: int, moved: frozenset[int]) -> None:
    """What was sent about a meeting stays sent, whosever it is."""
    rows = tx.execute(select(notices.c.id, notices.c.facts).where(notices.c.group_id == old_id))
    theirs = [row.id for row in rows if row.facts.get("meeting") in moved]
    for start in range(0, len(theirs), 500):
        tx.execute(update(notices).where(notices.c.id.in_(theirs[start : start + 500])).values(group_id=new_id))


def carry(tx: Connection, context: Context, groups: tuple[Group, Group], after: int, actor: str) -> tuple[int, int]:
    """Bring the next members over: how many were new to the successor, and the last one's id, 0 at the end."""
    old, new = groups
    portion = succession.to_carry(tx, old.id, after, PORTION)
    count = 0
    for member in portion:
        made = succession.carry(tx, context, member, new, actor)
        here = made or members.in_group(tx, member.id, new.id)
        if here is not None and here.group_id == new.id:
            _follow(tx, member, here)
        if made is not None:
            count += 1
            if made.state == "active":
                _tell(tx, context, groups, made)
    return count, portion[-1].id if portion else 0


def _follow(tx: Connection, before: Member, here: Member) -> None:
    """A member's invitations and actions in what was moved are theirs in the new group."""
    invited = select(attendees.c.meeting_id).where(attendees.c.member_id == here.id)
    ours = select(meetings.c.id).where(meetings.c.group_id == here.group_id)
    mine = (attendees.c.member_id == before.id) & attendees.c.meeting_id.in_(ours)
    tx.execute(update(attendees).where(mine, attendees.c.meeting_id.not_in(invited)).values(member_id=here.id))
    actions.give(tx, before.id, here.id)


def _tell(tx: Connection, context: Context, groups: tuple[Group, Group], member: Member) -> None:
    """Tell somebody that they are a member of the successor, and how to leave it."""
    old, new = groups
    charter = context.charters[new.name]
    service = context.settings.service
    before = context.charters.get(old.name)
    token = verp.member_token(context.keys, "leave", new.name, member.id)
    link = f"{service.public_url}/leave/{new.name}/{token}"
    leave_address = charter.address(service.domain, "leave")
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"{new.name} carries on {old.name}",
            template="succeeded-member",
            facts={
                "acronym": charter.acronym,
                "title": charter.title,
                "was": before.acronym if before else old.name.upper(),
                "was_address": f"{old.name}@{service.domain}",
                "list_address": charter.posting_address(service.domain),
                "leave_address": leave_address,
                "leave_link": link,
                "page": f"{service.public_url}/{new.name}/",
                "old_page": f"{service.public_url}/{old.name}/",
                "companion": charter.companion is not None,
            },
            group=(new.id, new.name),
            recipients=(Addressee(member.address, member.id, member.name),),
            sender_local=f"{new.name}-owner",
            sender_name=charter.acronym,
            fields=(
                ("List-Unsubscribe", f"<mailto:{leave_address}>, <{link}>"),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ),
            language=charter.language,
        ),
    )
