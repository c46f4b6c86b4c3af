"""Records: what a member's server said about one mail of ours, at most one row a member and content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import Connection, func, select, update

from cgbot.store.tables import bounces, contents, deliveries, members
from cgbot.store.upsert import insert_new

_T = TypeVar("_T")
_CHUNK: Final = 500
_DIAGNOSTIC: Final = 500
_WORST_FIRST: Final = ("complaint", "hard", "soft", "content")


@dataclass(frozen=True, slots=True)
class Bounce:
    """
    One mail that came back, or was complained about.

    `kind` is hard, soft, content or complaint; `status` as `5.1.1`, "" if unknown; `diagnostic` the server's words.
    """

    member_id: int
    content_id: int
    at: datetime
    kind: str
    status: str
    diagnostic: str


def add(tx: Connection, found: Sequence[Bounce]) -> None:
    """Keep these; what is known already about a member and a mail stays as it is."""
    for some in _portions(found):
        tx.execute(insert_new(tx, bounces), [_row(one) for one in some])


def add_or_worsen(tx: Connection, one: Bounce) -> None:
    """Keep it; of two about the same mail the worse stays, with the time of the first."""
    add(tx, [one])
    mine = (bounces.c.member_id == one.member_id) & (bounces.c.content_id == one.content_id)
    better = _WORST_FIRST[_WORST_FIRST.index(one.kind) + 1 :]
    values = {name: value for name, value in _row(one).items() if name in {"kind", "status", "diagnostic"}}
    tx.execute(update(bounces).where(mine, bounces.c.kind.in_(better)).values(**values))


def _portions(some: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (some[start : start + _CHUNK] for start in range(0, len(some), _CHUNK))


def _row(one: Bounce) -> dict[str, object]:
    return {name: getattr(one, name) for name in Bounce.__dataclass_fields__} | {
        "diagnostic": one.diagnostic[:_DIAGNOSTIC]
    }


def of_members(tx: Connection, member_ids: Sequence[int], since: datetime) -> dict[int, list[Bounce]]:
    """What came back of these members' mail since then, oldest first."""
    found: dict[int, list[Bounce]] = {}
    for some in _portions(member_ids):
        mine = bounces.c.member_id.in_(some) & (bounces.c.at >= since)
        wanted = select(*(bounces.c[name] for name in Bounce.__dataclass_fields__)).where(mine)
        for row in tx.execute(wanted.order_by(bounces.c.at, bounces.c.id)):
            found.setdefault(row.member_id, []).append(Bounce(*row))
    return found


def of_group(tx: Connection, group_id: int, since: datetime) -> tuple[Bounce, ...]:
    """What came back of a group's mail since then, the newest first."""
    mine = bounces.join(members, members.c.id == bounces.c.member_id)
    wanted = select(*(bounces.c[name] for name in Bounce.__dataclass_fields__)).select_from(mine)
    wanted = wanted.where(members.c.group_id == group_id, bounces.c.at >= since)
    return tuple(Bounce(*row) for row in tx.execute(wanted.order_by(bounces.c.at.desc(), bounces.c.id.desc())))


def refusals(tx: Connection, content_id: int) -> tuple[int, int]:
    """How many members' servers have refused a mail, and to how many members it went."""
    of_content = (bounces.c.content_id == content_id) & (bounces.c.kind != "complaint")
    refused = tx.execute(select(func.count()).select_from(bounces).where(of_content)).scalar_one()
    went = (deliveries.c.content_id == content_id) & deliveries.c.member_id.is_not(None)
    return int(refused), int(tx.execute(select(func.count()).select_from(deliveries).where(went)).scalar_one())


def blame_content(tx: Connection, content_id: int) -> None:
    """Count what came back of this mail against nobody."""
    wanted = (bounces.c.content_id == content_id) & bounces.c.kind.in_(("hard", "soft"))
    tx.execute(update(bounces).where(wanted).values(kind="content"))


def group_of(tx: Connection, content_id: int) -> int | None:
    """The group whose mail this is; None for the service's own, or one that has been cleared away."""
    return tx.execute(select(contents.c.group_id).where(contents.c.id == content_id)).scalar_one_or_none()


def about(tx: Connection, content_id: int) -> str:
    """What a mail was about ("post 12"), "" where it has been cleared away."""
    found = tx.execute(select(contents.c.about).where(contents.c.id == content_id)).scalar_one_or_none()
    return str(found or "")


def samples(tx: Connection, content_id: int, most: int) -> tuple[Bounce, ...]:
    """Some of what servers said about a mail, the first to come first."""
    wanted = select(*(bounces.c[name] for name in Bounce.__dataclass_fields__))
    wanted = wanted.where(bounces.c.content_id == content_id).order_by(bounces.c.id).limit(most)
    return tuple(Bounce(*row) for row in tx.execute(wanted))
