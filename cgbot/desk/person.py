"""
What is kept of one person, all of it (use cases): handed out, or erased.

The schema itself says where to look: every column that refers to a person, a member or an address, every text that is
one of the person's addresses, and every JSON value that holds one. So a table that is added later is covered without a
word here. `erase` takes the person's posts out of the archive, ends the memberships, and puts a pseudonym wherever an
address stood, so that what others did stays whole and the archive still verifies. What is not touched: tombstones,
which the log has signed; decisions to ban, which would end with the address; the files of contributions, which are the
group's; what others have written, in which they are hidden when it is shown
(archive.forgotten).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    LargeBinary,
    String,
    Table,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from cgbot.archive import forgotten
from cgbot.archive.erase import Order
from cgbot.context import Context
from cgbot.desk import erasing
from cgbot.errors import Conflict, NotFound
from cgbot.groups import audit, members
from cgbot.groups.audit import Entry
from cgbot.groups.members import Member
from cgbot.mail.address import fold
from cgbot.posts import upkeep
from cgbot.store import raw, shredding
from cgbot.store.db import Database
from cgbot.store.tables import (
    addresses,
    arrivals,
    attempts,
    attendance,
    attendees,
    contents,
    deliveries,
    errands,
    metadata,
    papers,
    people,
    posts,
    replies,
    reports,
)
from cgbot.store.tables import members as member_rows

_OF_PEOPLE: Final = frozenset({"people", "members", "addresses"})
_SECRET: Final = frozenset({"slots", "hash"})  # one-time addresses and their like are no facts about a person
_SIGNED: Final = frozenset({"tombstones", "tree_heads", "archive_logs", "posts"})
_PORTION: Final = 200
_ERASED: Final = raw.prepare(b"Subject: erased\r\n\r\n")  # what stands where a mail of theirs stood
Hook = Callable[[Connection, Context, Member], None]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody by all that names them; `id` is None for one who only wrote."""

    id: int | None
    addresses: tuple[str, ...]
    address_ids: tuple[int, ...]
    member_ids: tuple[int, ...]

    def pseudonym(self, address: str) -> str:
        """What stands where the address stood."""
        number = [fold(one) for one in self.addresses].index(fold(address)) + 1
        return f"erased-{self.id or 'writer'}-{number}@erased.invalid"


@dataclass(frozen=True, slots=True)
class Gone:
    """What was erased."""

    posts: int
    memberships: int
    rows: int


def find(tx: Connection, address: str) -> Person:
    """Who has this address. Raises NotFound where nobody does, and nobody wrote from it."""
    key = fold(address)
    person_id = tx.execute(select(addresses.c.person_id).where(addresses.c.key == key)).scalar()
    if person_id is None:
        wrote = select(posts.c.id).where(func.lower(posts.c.author_address) == key).limit(1)
        if tx.execute(wrote).first() is None:
            raise NotFound(f"nothing here is {address}'s")
        return Person(None, (address,), (), ())
    rows = tx.execute(select(addresses.c.id, addresses.c.address).where(addresses.c.person_id == person_id)).all()
    of_groups = select(member_rows.c.id).where(member_rows.c.person_id == person_id)
    ids = tuple(tx.execute(of_groups.order_by(member_rows.c.id)).scalars())
    return Person(person_id, tuple(row.address for row in rows), tuple(row.id for row in rows), ids)


def rows_of(tx: Connection, person: Person) -> dict[str, list[dict[str, Any]]]:
    """Every row that names the person, by table, as plain values."""
    found = {}
    for table in metadata.sorted_tables:
        which = _which(table, person)
        if which is not None:
            shown = [column for column in table.c if column.name not in _SECRET]
            rows = [dict(row._mapping) for row in tx.execute(select(*shown).where(which))]
            found[table.name] = rows
    return {name: rows for name, rows in found.items() if rows}


def messages_of(db: Database, person: Person) -> Iterator[tuple[str, bytes]]:
    """The person's own posts: a name for a file and the exact bytes; a damaged one is left out."""
    for post_id, sha256 in db.read_now(_own_posts, person):
        found = db.read_now(raw.get_some, [sha256]).get(sha256)
        if isinstance(found, bytes):
            yield f"messages/{post_id}.eml", found


def _own_posts(tx: Connection, person: Person) -> list[tuple[int, bytes]]:
    mine = func.lower(posts.c.author_address).in_(_keys(person))
    return [(row.id, bytes(row.sha256)) for row in tx.execute(
        select(posts.c.id, posts.c.sha256).where(mine).order_by(posts.c.id)
    )]  # fmt: skip


def erase(db: Database, context: Context, person: Person, reason: str, on_leave: Sequence[Hook]) -> Gone:
    """Erase somebody everywhere by the operator's order. Raises Conflict for who runs a group, or as erasing a post."""
    db.read_now(_refuse_officer, person)
    mine = db.read_now(_own_posts, person)
    why = _Why(reason, len(mine), db.read_now(_names, person))
    for post_id, _ in mine:
        erasing.erase_one(db, context, post_id, Order(context.now, "operator", reason))
    done = db.write_now(_erase, context, person, why, on_leave)
    shredding.shred(db)
    return done


@dataclass(frozen=True, slots=True)
class _Why:
    """The order, how many posts have been erased, and the names under which the person wrote and was a member."""

    reason: str
    posts: int
    names: tuple[str, ...]


def _names(tx: Connection, person: Person) -> tuple[str, ...]:
    written = select(posts.c.author_name).where(func.lower(posts.c.author_address).in_(_keys(person))).distinct()
    known = select(people.c.name).where(people.c.id == person.id)
    return tuple(str(one) for wanted in (written, known) for one in tx.execute(wanted).scalars() if one)


def _refuse_officer(tx: Connection, person: Person) -> None:
    """A group must not lose who runs it by the way."""
    found = (members.get_member(tx, one) for one in person.member_ids)
    runs = [one for one in found if one is not None and one.state != "left" and one.role not in {"member", "observer"}]
    if runs:
        raise Conflict(f"this person is {runs[0].role} of a group: hand that over first (`cgbot groups handover`)")


def _erase(tx: Connection, context: Context, person: Person, why: _Why, on_leave: Sequence[Hook]) -> Gone:
    shredding.overwrite(tx)
    current = [one for each in person.member_ids if (one := members.get_member(tx, each)) and one.state != "left"]
    for one in current:
        members.remove(tx, context, one.group_id, one.address)
        for hook in on_leave:
            hook(tx, context, one)
    forgotten.remember(tx, context.keys, (*person.addresses, *why.names))
    _forget_mail_to(tx, person)
    _forget_mail_from(tx, person)
    _forget_names(tx, person)
    rows = sum(_replace(tx, table, person) for table in metadata.sorted_tables if table.name not in _SIGNED)
    detail = {"reason": why.reason, "posts": why.posts, "memberships": len(current)}
    audit.record(tx, context.now, None, Entry("operator", "erase person", f"person {person.id or ''}".strip(), detail))
    return Gone(why.posts, len(current), rows)


def _forget_mail_to(tx: Connection, person: Person) -> None:
    """What was written to them: their copies, and mails that nobody else got."""
    mine = func.lower(deliveries.c.recipient).in_(_keys(person)) | deliveries.c.member_id.in_(person.member_ids)
    leased = select(deliveries.c.id).where(mine, deliveries.c.state == "leased").limit(1)
    if tx.execute(leased).first() is not None:
        raise Conflict("a mail to this person is being sent this very moment; try again in a minute")
    ids = tx.execute(select(deliveries.c.content_id).where(mine).distinct()).scalars().all()
    tx.execute(delete(attempts).where(attempts.c.delivery_id.in_(select(deliveries.c.id).where(mine))))
    tx.execute(delete(deliveries).where(mine))
    others = exists().where(deliveries.c.content_id == contents.c.id)
    submitted = exists().where(reports.c.content_id == contents.c.id)
    for at in range(0, len(ids), _PORTION):
        tx.execute(delete(contents).where(contents.c.id.in_(ids[at : at + _PORTION]), ~others, ~submitted))


def _forget_mail_from(tx: Connection, person: Person) -> None:
    """What they wrote to the service: requests, answers; what still waits for a decision stays until that is made."""
    waits = exists().where(errands.c.arrival_id == arrivals.c.id, errands.c.state.in_(("received", "held")))
    posted = exists().where(posts.c.sha256 == arrivals.c.sha256)
    mine = func.lower(arrivals.c.mail_from).in_(_keys(person))
    found = tx.execute(select(arrivals.c.id, arrivals.c.sha256).where(mine, ~waits, ~posted)).all()
    if not found:
        return
    raw.put(tx, [_ERASED])
    for at in range(0, len(found), _PORTION):
        some = found[at : at + _PORTION]
        blank = {"sha256": _ERASED.sha256, "trace": b"", "peer": "", "helo": ""}
        tx.execute(update(arrivals).where(arrivals.c.id.in_([row.id for row in some])).values(blank))
        upkeep.remove_bytes(tx, [bytes(row.sha256) for row in some if bytes(row.sha256) != _ERASED.sha256])


def _forget_names(tx: Connection, person: Person) -> None:
    """What says more of the person than an address."""
    blank = {"name": "", "organization": "", "country": "", "zone": "", "language": ""}
    tx.execute(update(people).where(people.c.id == person.id).values(blank))
    tx.execute(update(addresses).where(addresses.c.id.in_(person.address_ids)).values(verified_at=None))
    was_there = {"name": "a former member " + cast(attendance.c.id, String), "organization": "", "country": ""}
    tx.execute(update(attendance).where(attendance.c.member_id.in_(person.member_ids)).values(was_there))
    tx.execute(update(replies).where(replies.c.member_id.in_(person.member_ids)).values(comment=""))
    tx.execute(update(attendees).where(attendees.c.member_id.in_(person.member_ids)).values(comment=""))
    wrote = papers.c.member_id.in_(person.member_ids) | func.lower(papers.c.author_address).in_(_keys(person))
    tx.execute(update(papers).where(wrote).values(author_name=""))


def _replace(tx: Connection, table: Table, person: Person) -> int:
    """Put pseudonyms into one table; how many rows changed."""
    changed = 0
    kept = table.c.verdict != "ban" if table.name == "senders" else None
    for column in table.c:
        for one in person.addresses:
            if isinstance(column.type, String):
                same = func.lower(column) == fold(one)
                which = same if kept is None else same & kept
                changed += tx.execute(update(table).where(which).values({column: person.pseudonym(one)})).rowcount
            elif isinstance(column.type, JSON):
                changed += _replace_inside(tx, table, column, (one, person.pseudonym(one)))
    return changed


def _replace_inside(tx: Connection, table: Table, column: Any, names: tuple[str, str]) -> int:
    """Put a pseudonym into JSON values."""
    before, after = names
    keys = list(table.primary_key.columns)
    rows = tx.execute(select(*keys, column.label("held")).where(_holds(column, before))).all()
    for row in rows:
        text = re.sub(re.escape(before), after, json.dumps(row.held, ensure_ascii=False), flags=re.IGNORECASE)
        this = [key == row._mapping[key] for key in keys]
        tx.execute(update(table).where(*this).values({column: json.loads(text)}))
    return len(rows)


def _holds(column: Any, address: str) -> ColumnElement[bool]:
    return func.lower(cast(column, String)).contains(fold(address), autoescape=True)


def _keys(person: Person) -> Sequence[str]:
    return [fold(one) for one in person.addresses]


def _which(table: Table, person: Person) -> ColumnElement[bool] | None:
    """Which rows of a table name the person; None for a table that names nobody."""
    ids = {"people": [person.id], "members": person.member_ids, "addresses": person.address_ids}
    found: list[ColumnElement[bool]] = []
    for column in table.c:
        target = next((key.column.table.name for key in column.foreign_keys), "")
        if column.primary_key and table.name in _OF_PEOPLE:
            target = table.name
        if target in _OF_PEOPLE:
            found.append(column.in_(ids[target]))
        elif isinstance(column.type, String) and not isinstance(column.type, LargeBinary):
            found.append(func.lower(column).in_(_keys(person)))
        elif isinstance(column.type, JSON) and column.name not in _SECRET:
            found += [_holds(column, one) for one in person.addresses]
    return or_(*found) if found else None
