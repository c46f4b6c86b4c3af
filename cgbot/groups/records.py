"""
Records: groups, the names under which they receive, and the versions of their charters.

A group has a permanent id; its names are aliases that keep receiving and redirecting. `seed` brings what the charters
say into the database, once: from then on the database holds people and roles, and `differences` shows where the two
disagree. A changed file becomes a new version of the charter; nothing is ever removed by a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select, update

from cgbot.context import Context
from cgbot.errors import NotFound
from cgbot.groups import audit, members
from cgbot.groups.charter import Charter, Officer
from cgbot.groups.members import NewMember
from cgbot.groups.roles import CONVENERS
from cgbot.mail import address
from cgbot.store.tables import charter_versions, group_aliases, groups
from cgbot.store.upsert import insert_new


@dataclass(frozen=True, slots=True)
class Group:
    """A group; `name` is its current address name, `closed_at` set when it has ended."""

    id: int
    name: str
    created_at: datetime
    closed_at: datetime | None = None
    threads_by_subject: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A charter as its file was read from `valid_from` on."""

    group_id: int
    valid_from: datetime
    sha256: str
    source: str


def find_group(tx: Connection, name: str) -> Group | None:
    """Find a group by its name or an older one, in any case of letters."""
    row = tx.execute(
        select(groups).join(group_aliases).where(group_aliases.c.name == name.strip().lower())
    ).one_or_none()
    return Group(**row._mapping) if row else None


def get_group(tx: Connection, name: str) -> Group:
    """The group of this name. Raises NotFound, which names the groups that there are."""
    found = find_group(tx, name)
    if found is None:
        there = ", ".join(one.name for one in list_groups(tx)) or "none yet"
        raise NotFound(f"there is no group {name!r}; there is {there}")
    return found


def require_group(found: Group | None, name: str) -> int:
    """The id of the group that was looked up. Raises NotFound for None."""
    if found is None:
        raise NotFound(f"there is no group {name!r}; `cgbot groups list` shows what there is")
    return found.id


def name_of(tx: Connection, group_id: int) -> str:
    """The current name of the group with this id. Raises NotFound."""
    name = tx.execute(select(groups.c.name).where(groups.c.id == group_id)).scalar_one_or_none()
    if name is None:
        raise NotFound(f"there is no group with the number {group_id}")
    return str(name)


def list_groups(tx: Connection) -> tuple[Group, ...]:
    """Every group, closed ones included, by name."""
    return tuple(Group(**row._mapping) for row in tx.execute(select(groups).order_by(groups.c.name)))


def aliases(tx: Connection, now: datetime) -> tuple[tuple[str, int], ...]:
    """The names that receive mail now, each with its group's id."""
    rows = tx.execute(
        select(group_aliases.c.name, group_aliases.c.group_id)
        .where(or_(group_aliases.c.valid_until.is_(None), group_aliases.c.valid_until > now))
        .order_by(group_aliases.c.name)
    )
    return tuple((row.name, row.group_id) for row in rows)


def versions(tx: Connection, group_id: int) -> tuple[Version, ...]:
    """The versions of a group's charter, oldest first."""
    columns = (charter_versions.c[name] for name in Version.__dataclass_fields__)
    rows = tx.execute(
        select(*columns)
        .where(charter_versions.c.group_id == group_id)
        .order_by(charter_versions.c.valid_from, charter_versions.c.id)
    )
    return tuple(Version(**row._mapping) for row in rows)


def seed(tx: Connection, context: Context) -> tuple[str, ...]:
    """
    Bring the charters into the database; safe to repeat, and from two processes at once.

    A new group gets its alias, its charter's first version, and those of its officers whose addresses are given. An
    existing one gets a new version when its file has changed. A file that names what the group was called formerly,
    when the file of that name is gone, renames it. Gives the names of the groups that were made.
    """
    return tuple(name for name, charter in context.charters.items() if _seed_one(tx, context, charter))


def _seed_one(tx: Connection, context: Context, charter: Charter) -> bool:
    group = find_group(tx, charter.name) or _formerly(tx, charter)
    if group is not None and group.name != charter.name:
        if group.name in context.charters:
            return False  # the file of its present name is there, and counts
        _rename(tx, context, group, charter.name)
    made = group is None and _make(tx, context, charter)
    group = find_group(tx, charter.name)
    if group is None:
        return False
    by_subject = charter.threads == "subjects"
    if group.threads_by_subject != by_subject:
        tx.execute(update(groups).where(groups.c.id == group.id).values(threads_by_subject=by_subject))
    tx.execute(
        insert_new(tx, charter_versions).values(
            group_id=group.id, valid_from=context.now, sha256=charter.sha256, source=charter.source
        )
    )
    if made:
        for officer in charter.people:
            if officer.address:
                members.add(tx, context, group.id, _as_member(officer, charter))
    return made


def _formerly(tx: Connection, charter: Charter) -> Group | None:
    """The group that had one of the names that the charter says it had."""
    return next((found for name in charter.formerly if (found := find_group(tx, name))), None)


def _rename(tx: Connection, context: Context, group: Group, name: str) -> None:
    """Give a group its new name; those it had keep receiving and redirecting."""
    tx.execute(update(groups).where(groups.c.id == group.id).values(name=name))
    tx.execute(insert_new(tx, group_aliases).values(name=name, group_id=group.id, valid_from=context.now))
    audit.record(tx, context.now, group.id, audit.Entry("operator", "group renamed", name, {"was": group.name}))


def _make(tx: Connection, context: Context, charter: Charter) -> bool:
    """Make the group's row unless another process is quicker."""
    added = tx.execute(insert_new(tx, groups).values(name=charter.name, created_at=context.now).returning(groups.c.id))
    group_id = added.scalar_one_or_none()
    if group_id is None:
        return False
    tx.execute(insert(group_aliases).values(name=charter.name, group_id=group_id, valid_from=context.now))
    entry = audit.Entry("operator", "group made", charter.name, {"file": charter.file, "sha256": charter.sha256})
    audit.record(tx, context.now, group_id, entry)
    return True


def _as_member(officer: Officer, charter: Charter) -> NewMember:
    delivery = "none" if charter.mode == "companion" else "each"
    return NewMember(
        address=officer.address,
        name=officer.name,
        role=officer.role,
        organization=officer.affiliation,
        delivery=delivery,
        language=charter.language,
    )


def differences(tx: Connection, charter: Charter) -> tuple[str, ...]:
    """Where a charter's people and the database disagree, a sentence each; for `cgbot check`."""
    group = find_group(tx, charter.name)
    if group is None:
        if former := next((name for name in charter.formerly if find_group(tx, name)), ""):
            return (f"{charter.file} renames {former}, whose own file is still there: move that file away",)
        return (f"{charter.name} is not in the database yet; `cgbot serve` makes it",)
    here = members.active_members(tx, group.id)
    found = []
    for officer in charter.people:
        if not officer.address:
            if not any(one.name.casefold() == officer.name.casefold() and one.role == officer.role for one in here):
                found.append(f"{charter.file}: no address for {officer.role} {officer.name}")
            continue
        member = members.find_member(tx, group.id, officer.address)
        if member is None or member.state == "left":
            found.append(f"{officer.address} is {officer.role} in {charter.file}, but not a member")
        elif member.role != officer.role:
            found.append(f"{officer.address} is {officer.role} in {charter.file}, but {member.role} in the database")
    named = {address.fold(one.address) for one in charter.people} | {one.name.casefold() for one in charter.people}
    found.extend(
        f"{member.address} is {member.role} in the database, but not in {charter.file}"
        for member in here
        if member.role in CONVENERS and not {address.fold(member.address), member.name.casefold()} & named
    )
    return tuple(found)
