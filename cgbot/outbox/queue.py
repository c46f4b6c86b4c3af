"""
What we owe to whom (records): frozen mails, a delivery for each recipient, and every attempt at one.

A content and its copies are written in the transaction of whoever owes them; from then on they are durable. Who works
on a copy is the business of `outbox.leases`; an outcome ends the lease. A copy that was replaced by a newer mail about
the same thing is not sent any more. Looking at it and stepping in is `outbox.listing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Select, bindparam, case, exists, insert, select, update

from cgbot.mail import address
from cgbot.mail.frozen import Frozen
from cgbot.outbox.leases import REPLACED, WAITING, Claim, suppress_replaced
from cgbot.store import blobs
from cgbot.store.db import Tx
from cgbot.store.tables import attempts, contents, deliveries

EXPIRED: Final = "not delivered in time"
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail for any number of recipients; `about` is for people who look, `message_id` without angle brackets."""

    kind: str
    about: str
    group_id: int | None
    message_id: str
    frozen: Frozen


@dataclass(frozen=True, slots=True)
class Copy:
    """One recipient's copy; `return_path` is "" for a mail that must not be answered, `slots` fill the mail's own."""

    recipient: str
    member_id: int | None
    return_path: str
    slots: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Timing:
    """When to begin and when to give up."""

    due_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt at a claim ended: its outcome (sent, deferred, failed, in-doubt) and what the copy is now."""

    claim: Claim
    outcome: str
    reply: str
    state: str
    due_at: datetime
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """A copy that will not arrive, with the last answer of the next server."""

    delivery_id: int
    content_id: int
    recipient: str
    member_id: int | None
    reply: str


def add_content(tx: Tx, mail: Mail, now: datetime) -> int:
    """Keep a mail; its id."""
    body = mail.frozen.body
    is_large = blobs.is_large(tx, len(body))
    row = {
        "group_id": mail.group_id,
        "kind": mail.kind,
        "about": mail.about,
        "message_id": mail.message_id,
        "body": b"" if is_large else body,
        "marks": mail.frozen.marks_as_json(),
        "created_at": now,
        "large_body": blobs.place(tx, body) if is_large else None,
    }
    content_id = int(tx.execute(insert(contents).values(row).returning(contents.c.id)).scalar_one())
    if is_large:
        blobs.fill(tx, contents.c.large_body, content_id, body)
    return content_id


def add_copies(tx: Tx, content_id: int, copies: Iterable[Copy], timing: Timing, replaces: str | None = None) -> int:
    """
    Queue copies of a content, one a recipient however often it is named; how many were new.

    `replaces` is a key such as "meeting 3": copies of other contents with the same key and recipient that have not
    gone out are suppressed.
    """
    now = tx.execute(select(contents.c.created_at).where(contents.c.id == content_id)).scalar_one()
    known = tx.execute(select(deliveries.c.recipient).where(deliveries.c.content_id == content_id)).scalars()
    seen = {address.fold(one) for one in known}
    common = {"content_id": content_id, "queued_at": now, "replaces": replaces}
    new = ({**_row(copy, timing), **common} for copy in copies if _is_new(copy, seen))
    count = 0
    while rows := list(islice(new, _CHUNK)):
        if replaces is not None:
            _suppress_older(tx, (content_id, replaces), [row["recipient"] for row in rows], now)
        tx.execute(insert(deliveries), rows)
        count += len(rows)
    return count


def _is_new(copy: Copy, seen: set[str]) -> bool:
    key = address.fold(copy.recipient)
    before = len(seen)
    seen.add(key)
    return len(seen) > before


def _row(copy: Copy, timing: Timing) -> dict[str, Any]:
    return {
        "member_id": copy.member_id,
        "recipient": copy.recipient,
        "return_path": copy.return_path,
        "slots": dict(copy.slots),
        "due_at": timing.due_at,
        "expires_at": timing.expires_at,
    }


def _suppress_older(tx: Tx, mail: tuple[int, str], recipients: Sequence[str], now: datetime) -> None:
    content_id, key = mail
    tx.execute(
        update(deliveries)
        .where(
            deliveries.c.replaces == key,
            deliveries.c.recipient.in_(recipients),
            deliveries.c.content_id != content_id,
            deliveries.c.state.in_(WAITING),
        )
        .values(state="suppressed", reply=REPLACED, done_at=now)
    )


def content(tx: Tx, content_id: int) -> Frozen:
    """The frozen mail."""
    is_large = contents.c.large_body.is_not(None).label("is_large")
    row = tx.execute(select(contents.c.body, contents.c.marks, is_large).where(contents.c.id == content_id)).one()
    body = blobs.read(tx, contents.c.large_body, content_id) if row.is_large else row.body
    return Frozen.from_json(body, row.marks)


# ---------------------------------------------------------------------------------------------------- outcomes

_ENDS = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("b_id"), deliveries.c.state == "leased")
    .where(deliveries.c.epoch == bindparam("b_epoch"), deliveries.c.attempts == bindparam("b_number"))
    .values(
        state=bindparam("b_state"),
        due_at=bindparam("b_due_at"),
        in_doubt=bindparam("b_in_doubt"),
        reply=bindparam("b_reply"),
        done_at=bindparam("b_done_at"),
        epoch=None,
        leased_at=None,
        begun_at=None,
    )
)
_TRIED = insert(attempts)


def record(tx: Tx, outcomes: Sequence[Attempt]) -> None:
    """End the leases of these claims and keep a row for each attempt; all of it or nothing."""
    if not outcomes:
        return
    tx.execute(_ENDS, [_ended(one) for one in outcomes])
    tx.execute(
        _TRIED,
        [
            {
                "delivery_id": one.claim.id,
                "number": one.claim.attempts,
                "started_at": one.started_at,
                "ended_at": one.ended_at,
                "outcome": one.outcome,
                "reply": one.reply,
            }
            for one in outcomes
        ],
    )
    suppress_replaced(tx, [one.claim.id for one in outcomes if one.state == "deferred"])


def _ended(one: Attempt) -> dict[str, Any]:
    return {
        "b_id": one.claim.id,
        "b_epoch": one.claim.epoch,
        "b_number": one.claim.attempts,
        "b_state": one.state,
        "b_due_at": one.due_at,
        "b_in_doubt": one.claim.in_doubt + (one.outcome == "in-doubt"),
        "b_reply": one.reply,
        "b_done_at": None if one.state == "deferred" else one.ended_at,
    }


def expire(tx: Tx, now: datetime, reason: str = "") -> tuple[int, ...]:
    """
    Give up what could not be delivered in time; the contents that it belonged to.

    `reason` is why nothing is tried at present; it stands where no server has ever answered for a copy.
    """
    ended = tx.execute(
        update(deliveries)
        .where(deliveries.c.state.in_(WAITING), deliveries.c.expires_at <= now)
        .values(state="expired", done_at=now, reply=case((deliveries.c.reply == "", reason), else_=deliveries.c.reply))
        .returning(deliveries.c.content_id)
    )
    return tuple(sorted({row.content_id for row in ended}))


def with_failures(tx: Tx) -> tuple[int, ...]:
    """The contents of which some copies have failed while others are still on their way for the first time."""
    failed = deliveries.alias("failed")
    rows = tx.execute(
        select(failed.c.content_id)
        .where(failed.c.state.in_(("failed", "expired")))
        .where(
            exists(
                select(deliveries.c.id).where(
                    deliveries.c.content_id == failed.c.content_id, deliveries.c.state.in_(("queued", "leased"))
                )
            )
        )
        .distinct()
    )
    return tuple(row.content_id for row in rows)


def untried(content_id: int) -> Select[tuple[int]]:
    """The first copy of a content that has not been tried since it was queued; the index finds it in one step."""
    wanted = (deliveries.c.content_id == content_id) & deliveries.c.state.in_(("queued", "leased"))
    return select(deliveries.c.id).where(wanted).limit(1)


def all_tried(tx: Tx, content_id: int) -> bool:
    """Whether every copy of a content has been tried at least once since it was queued."""
    return tx.execute(untried(content_id)).first() is None


def failures(tx: Tx, content_id: int, since: datetime | None) -> tuple[Failure, ...]:
    """The copies of a content that have failed or expired, those after `since`."""
    query = select(*(deliveries.c["id" if name == "delivery_id" else name] for name in Failure.__dataclass_fields__))
    query = query.where(deliveries.c.content_id == content_id, deliveries.c.state.in_(("failed", "expired")))
    if since is not None:
        query = query.where(deliveries.c.done_at > since)
    return tuple(Failure(*row) for row in tx.execute(query.order_by(deliveries.c.id)))
