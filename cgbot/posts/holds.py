"""
Held messages: what waits for a convener or for its author, and what was decided (records).

A hold keeps every rule that fired. Approving sends the errand through the sorter again, rejecting and discarding end
it; "allow" approves and "ban" discards, and what else they mean is posts.holding's. The first decision wins. A hold
that nobody decides about stays and is listed: nothing is lost, only its reminders and reply addresses end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, func, insert, select, update

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Conflict, NotFound
from cgbot.groups import audit
from cgbot.posts import errands
from cgbot.posts.moderation import Action, Verdict
from cgbot.store.tables import arrivals, groups, holds
from cgbot.store.tables import errands as errand_rows

LIFETIME: Final = timedelta(days=14)  # of the reply addresses; what nobody has decided about by then stays listed
DECISIONS: Final = ("approve", "allow", "reject", "discard", "ban")
_STATES: Final = {"approve": "approved", "allow": "approved", "reject": "rejected", "discard": "discarded",
                  "ban": "discarded"}  # fmt: skip
_UNPROVEN: Final = "unproven"


@dataclass(frozen=True, slots=True)
class Hold:
    """
    One held message.

    `proven` says whether the author's address has proved itself, `source` by which way the mail came (posts.proofs),
    `asked` that its author was asked whether they wrote it; `purpose` what it was sent for.
    """

    id: int
    errand_id: int
    group_id: int
    group: str
    held_at: datetime
    reasons: tuple[str, ...]
    proven: bool
    author: str
    subject: str
    state: str
    decided_by: str
    decided_at: datetime | None
    note: str
    sha256: bytes
    hits: tuple[Verdict, ...] = ()
    source: str = ""
    asked: bool = False
    purpose: str = "post"

    @property
    def is_only_unproven(self) -> bool:
        """Say whether it is held for want of a proof alone, so that its author can let it through."""
        return bool(self.hits) and all(one.rule == _UNPROVEN for one in self.hits)

    @property
    def waits_for_author(self) -> bool:
        """Say whether its author's answer would let it through; the conveners may decide all the same."""
        return self.state == "waiting" and self.asked and self.is_only_unproven and not self.proven


@dataclass(frozen=True, slots=True)
class NewHold:
    """What the sorter knows when it holds a message."""

    content_hash: bytes
    hits: tuple[Verdict, ...]
    proven: bool
    author: str
    subject: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a convener says about a held message, and with which words to the author."""

    word: str
    actor: str
    note: str = ""


def add(tx: Connection, context: Context, errand: Errand, new: NewHold) -> int:
    """Hold an errand's message; its id."""
    return int(
        tx.execute(
            insert(holds)
            .values(
                errand_id=errand.id,
                group_id=errand.group_id,
                held_at=context.now,
                content_hash=new.content_hash,
                reasons=_facts(new.hits, proven=new.proven, source=new.source),
                author=new.author,
                subject=new.subject,
            )
            .returning(holds.c.id)
        ).scalar_one()
    )


def _facts(hits: tuple[Verdict, ...], *, proven: bool, source: str, asked: bool = False) -> dict[str, object]:
    return {
        "reasons": [one.reason for one in hits],
        "hits": [[one.rule, str(one.action), one.reason] for one in hits],
        "proven": proven,
        "source": source,
        "asked": asked,
    }


def note_asked(tx: Connection, held: Hold) -> None:
    """Note that its author was asked whether they wrote it."""
    facts = _facts(held.hits, proven=held.proven, source=held.source, asked=True)
    tx.execute(update(holds).where(holds.c.id == held.id).values(reasons=facts))


def prove(tx: Connection, held: Hold, also: tuple[Verdict, ...] = ()) -> Hold:
    """Note that its author wrote it; what is left to hold it for are the other rules, and `also`."""
    hits = (*(one for one in held.hits if one.rule != _UNPROVEN), *also)
    facts = _facts(hits, proven=True, source=held.source, asked=held.asked)
    tx.execute(update(holds).where(holds.c.id == held.id).values(reasons=facts))
    return get(tx, held.id)


def find_content(tx: Connection, group_id: int | None, content_hash: bytes) -> Hold | None:
    """The newest hold of this content, so that a retry through a front server is not held twice."""
    return _one(tx, (holds.c.group_id == group_id) & (holds.c.content_hash == content_hash))


def find(tx: Connection, hold_id: int) -> Hold | None:
    """One hold, None where there is none of this number."""
    return _one(tx, holds.c.id == hold_id)


def get(tx: Connection, hold_id: int) -> Hold:
    """One hold; NotFound names what there is."""
    found = find(tx, hold_id)
    if found is None:
        raise NotFound(f"there is no held message {hold_id}; `cgbot held list` shows what waits")
    return found


def waiting(tx: Connection, group_id: int | None = None) -> tuple[Hold, ...]:
    """What waits for a decision, oldest first, of one group or of all."""
    condition = holds.c.state == "waiting"
    if group_id is not None:
        condition &= holds.c.group_id == group_id
    return tuple(_hold(row) for row in tx.execute(_select().where(condition).order_by(holds.c.id)))


def held_since(tx: Connection, group_id: int, since: datetime) -> int:
    """How many messages of a group were held since; limits what we send."""
    counted = select(func.count()).where(holds.c.group_id == group_id, holds.c.held_at > since)
    return int(tx.execute(counted).scalar_one())


def waiting_of(tx: Connection, group_id: int, author: str) -> tuple[Hold, ...]:
    """What waits in the name of this author (a folded address), oldest first."""
    mine = (holds.c.state == "waiting") & (holds.c.group_id == group_id) & (func.lower(holds.c.author) == author)
    return tuple(_hold(row) for row in tx.execute(_select().where(mine).order_by(holds.c.id)))


def waiting_times(tx: Connection) -> tuple[tuple[int, datetime], ...]:
    """(group, when it was held) of all that waits; the clock asks every few seconds, and thousands may wait."""
    columns = (holds.c.group_id, holds.c.held_at)
    rows = tx.execute(select(*columns).where(holds.c.state == "waiting").order_by(holds.c.held_at))
    return tuple((row.group_id, row.held_at) for row in rows)


def expired(tx: Connection, since: datetime, until: datetime) -> tuple[Hold, ...]:
    """What waits and whose reply addresses end between these moments."""
    ends = holds.c.held_at.between(since - LIFETIME, until - LIFETIME)
    return tuple(_hold(row) for row in tx.execute(_select().where(holds.c.state == "waiting", ends)))


def decide(tx: Connection, context: Context, hold_id: int, decision: Decision) -> Hold:
    """
    Decide as one of DECISIONS says.

    Raises NotFound, and Conflict naming who was first when it has been decided already.
    """
    hold = get(tx, hold_id)
    changed = tx.execute(
        update(holds)
        .where(holds.c.id == hold_id, holds.c.state == "waiting")
        .values(state=_STATES[decision.word], decided_by=decision.actor, decided_at=context.now, note=decision.note)
    )
    if changed.rowcount == 0:
        raise Conflict(f"held message {hold_id} was {hold.state} by {hold.decided_by} already")
    if _STATES[decision.word] == "approved":
        errands.requeue(tx, hold.errand_id, f"approved:{decision.actor}", context.now)
    else:
        settled = Settled("discarded", f"{_STATES[decision.word]} by {decision.actor}")
        errands.settle(tx, hold.errand_id, settled, context.now)
    entry = audit.Entry(decision.actor, decision.word, f"held message {hold_id}", {"note": decision.note})
    audit.record(tx, context.now, hold.group_id, entry)
    return get(tx, hold_id)


def _one(tx: Connection, condition: ColumnElement[bool]) -> Hold | None:
    row = tx.execute(_select().where(condition).order_by(holds.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _hold(row)


def _select() -> Select[*tuple[Any, ...]]:
    columns = (groups.c.name.label("group"), arrivals.c.sha256, errand_rows.c.purpose)
    return select(holds, *columns).select_from(
        holds.join(errand_rows)
        .join(arrivals, errand_rows.c.arrival_id == arrivals.c.id)
        .join(groups, holds.c.group_id == groups.c.id)
    )


def _hold(row: Row[*tuple[Any, ...]]) -> Hold:
    return Hold(
        id=row.id,
        errand_id=row.errand_id,
        group_id=row.group_id,
        group=row.group,
        held_at=row.held_at,
        reasons=tuple(row.reasons["reasons"]),
        proven=bool(row.reasons["proven"]),
        author=row.author,
        subject=row.subject,
        state=row.state,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        note=row.note,
        sha256=row.sha256,
        hits=tuple(Verdict(Action(action), rule, reason) for rule, action, reason in row.reasons.get("hits", ())),
        source=row.reasons.get("source", ""),
        asked=bool(row.reasons.get("asked")),
        purpose=row.purpose,
    )
