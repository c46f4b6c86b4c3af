"""Groups in the database: seeded once, versions kept, differences shown."""

from __future__ import annotations

import dataclasses
import threading

import sqlalchemy as sa

from cgbot.context import Context
from cgbot.groups import members, records
from cgbot.groups.charter import Charter, Officer
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.store.db import Database
from cgbot.store.tables import group_aliases, groups


def with_people(context: Context, *people: Officer, source: str = "") -> Context:
    charter = context.charters["cg-aisec"]
    changed = dataclasses.replace(charter, people=people, source=source or charter.source)
    return dataclasses.replace(context, charters={changed.name: changed})


CONVENER = Officer("Xiongwei Jia", "convener", "Mr.", "Q6/20 Co-Rapporteur", "jia@example.org")


def test_a_new_group_has_its_alias_and_its_first_version(db: Database, context: Context) -> None:
    assert db.write_now(records.seed, context) == ("cg-aisec",)
    group = db.read_now(records.find_group, "CG-AISEC")
    assert group is not None
    assert group.created_at == context.now
    assert db.read_now(records.aliases, context.now) == (("cg-aisec", group.id),)
    (version,) = db.read_now(records.versions, group.id)
    assert version.source == context.charters["cg-aisec"].source


def test_officers_with_addresses_become_members(db: Database, context: Context) -> None:
    db.write_now(records.seed, with_people(context, CONVENER, Officer("No Address", "vice-convener")))
    group = db.read_now(records.find_group, "cg-aisec")
    assert group is not None
    (member,) = db.read_now(members.conveners, group.id)
    assert (member.name, member.role, member.organization) == ("Xiongwei Jia", "convener", "Q6/20 Co-Rapporteur")


def test_seeding_again_changes_nobody(db: Database, context: Context, group: Group) -> None:
    assert db.write_now(records.seed, with_people(context, CONVENER)) == ()
    assert db.read_now(members.list_members, group.id) == ()
    assert len(db.read_now(records.versions, group.id)) == 1


def test_a_changed_file_is_a_new_version(db: Database, context: Context, group: Group) -> None:
    db.write_now(records.seed, with_people(context, source="changed"))
    assert [one.source for one in db.read_now(records.versions, group.id)][1:] == ["changed"]


def test_two_starts_at_once_make_one_group(db: Database, context: Context) -> None:
    start = threading.Barrier(4)

    def seed() -> None:
        start.wait()
        db.write_now(records.seed, with_people(context, CONVENER))

    threads = [threading.Thread(target=seed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (group,) = db.read_now(records.list_groups)
    assert len(db.read_now(members.list_members, group.id)) == 1


def test_an_older_name_still_finds_the_group(db: Database, context: Context, group: Group) -> None:
    db.write_now(
        lambda tx: tx.execute(
            sa.insert(group_aliases).values(name="cg-ai", group_id=group.id, valid_from=context.now, valid_until=None)
        )
    )
    assert db.read_now(records.find_group, "cg-ai") == group
    assert db.read_now(records.find_group, "cg-other") is None


def test_a_closed_group_is_still_listed(db: Database, context: Context, group: Group) -> None:
    db.write_now(lambda tx: tx.execute(sa.update(groups).values(closed_at=context.now)))
    assert [one.closed_at for one in db.read_now(records.list_groups)] == [context.now]


def test_differences_between_file_and_database(db: Database, context: Context, group: Group, charter: Charter) -> None:
    named = dataclasses.replace(charter, people=(CONVENER, Officer("Zhiyuan HU", "vice-convener")))
    db.write_now(members.add, context, group.id, NewMember("jia@example.org", role="member"))
    db.write_now(members.add, context, group.id, NewMember("else@example.org", role="secretary"))
    assert [one.partition(":")[2].strip() or one for one in db.read_now(records.differences, named)] == [
        f"jia@example.org is convener in {named.file}, but member in the database",
        "no address for vice-convener Zhiyuan HU",
        f"else@example.org is secretary in the database, but not in {named.file}",
    ]
