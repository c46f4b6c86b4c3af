"""People and their place in a group."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errors import CgbotError, Conflict, Malformed, NoSuchAddress
from cgbot.groups import members
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.store.db import Database
from cgbot.store.tables import audit, people

JIA = NewMember("Jia@Example.org", name="Xiongwei Jia", role="convener", organization="CMCC", country="China")


def add(db: Database, context: Context, group: Group, new: NewMember) -> Member:
    return db.write_now(members.add, context, group.id, new)


def test_a_member_is_found_whatever_the_case(db: Database, context: Context, group: Group) -> None:
    added = add(db, context, group, JIA)
    assert (added.address, added.role, added.delivery, added.state) == ("Jia@Example.org", "convener", "each", "active")
    assert db.read_now(members.find_member, group.id, "jia@EXAMPLE.org") == added
    assert db.read_now(members.get_member, added.id) == added
    assert db.read_now(members.find_member, group.id, "other@example.org") is None


def test_adding_somebody_twice_is_refused(db: Database, context: Context, group: Group) -> None:
    add(db, context, group, JIA)
    with pytest.raises(Conflict, match=r"Jia@Example\.org is a member already, as convener"):
        add(db, context, group, NewMember("jia@example.org"))


def test_somebody_who_left_comes_back_as_the_same_member(db: Database, context: Context, group: Group) -> None:
    before = add(db, context, group, JIA)
    db.write_now(members.remove, context, group.id, "jia@example.org")
    left = db.read_now(members.get_member, before.id)
    assert left is not None
    assert left.state == "left"
    after = add(db, context, group, NewMember("jia@example.org"))
    assert (after.id, after.name, after.role, after.state) == (before.id, "Xiongwei Jia", "member", "active")


def test_removing_a_stranger_is_refused(db: Database, context: Context, group: Group) -> None:
    with pytest.raises(NoSuchAddress, match=r"x@example\.org is not a member"):
        db.write_now(members.remove, context, group.id, "x@example.org")


def test_who_gets_mail_and_who_decides(db: Database, context: Context, group: Group) -> None:
    for name, role in (
        ("m", "member"),
        ("s", "secretary"),
        ("v", "vice-convener"),
        ("c", "convener"),
        ("o", "observer"),
    ):
        add(db, context, group, NewMember(f"{name}@example.org", role=role))
    suspended = add(db, context, group, NewMember("z@example.org", role="convener"))
    db.write_now(members.change, context, suspended, {"state": "suspended"})
    listed = [one.address[0] for one in db.read_now(members.list_members, group.id)]
    assert listed == ["c", "z", "v", "s", "m", "o"]
    assert [one.address[0] for one in db.read_now(members.conveners, group.id)] == ["c", "v", "s"]
    assert {one.address[0] for one in db.read_now(members.active_members, group.id)} == set("cvsmo")


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("address", "nobody", "a mail address"),
        ("address", "a@b\r\nBcc: c@d", "a mail address"),
        ("role", "chair", "one of convener, vice-convener, secretary, member, observer"),
        ("delivery", "hourly", "one of each, daily, weekly, none"),
        ("name", "A\u202eB", "without control characters"),
        ("name", "A\x00B", "without control characters"),
        ("name", "x" * 300, "at most 200 characters"),
        ("zone", "Mars/Olympus", "a time zone name"),
        ("language", "English", "a language tag"),
        ("organization", "\x1b[31m", "without control characters"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(
    db: Database, context: Context, group: Group, field: str, value: str, allowed: str
) -> None:
    with pytest.raises(Malformed) as caught:
        add(db, context, group, NewMember(**{"address": "a@example.org", field: value}))
    assert caught.value.public.startswith(f"{field}: ")
    assert allowed in caught.value.public
    assert db.read_now(members.list_members, group.id) == ()


@pytest.mark.parametrize("own", ["cg-aisec@lists.example.org", "CG-AISEC-join@lists.example.org"])
def test_a_list_cannot_subscribe_to_itself(db: Database, context: Context, group: Group, own: str) -> None:
    with pytest.raises(Malformed, match="an address of cgbot itself"):
        add(db, context, group, NewMember(own))


def test_changing_writes_only_what_differs(db: Database, context: Context, group: Group) -> None:
    member = add(db, context, group, JIA)
    changed = db.write_now(
        members.change, context, member, {"role": "convener", "delivery": "none", "zone": "Asia/Seoul"}
    )
    assert (changed.role, changed.delivery, changed.zone) == ("convener", "none", "Asia/Seoul")
    with db._reading.begin() as tx:
        actions = [(row.action, row.detail) for row in tx.execute(sa.select(audit).order_by(audit.c.id))]
    assert actions[-1] == ("member changed", {"delivery": "none", "zone": "Asia/Seoul"})


def test_a_new_address_keeps_the_old_one_known(db: Database, context: Context, group: Group) -> None:
    member = add(db, context, group, JIA)
    changed = db.write_now(members.change, context, member, {"address": "jia@example.net"})
    assert changed.address == "jia@example.net"
    assert db.read_now(members.find_member, group.id, "jia@example.org") == changed


def test_an_address_of_somebody_else_is_refused(db: Database, context: Context, group: Group) -> None:
    member = add(db, context, group, JIA)
    add(db, context, group, NewMember("hu@example.org"))
    with pytest.raises(Conflict, match="belongs to somebody else"):
        db.write_now(members.change, context, member, {"address": "HU@example.org"})


def test_two_additions_at_once_make_one_member(db: Database, context: Context, group: Group) -> None:
    start = threading.Barrier(4)
    refused: list[CgbotError] = []

    def race() -> None:
        start.wait()
        try:
            add(db, context, group, JIA)
        except Conflict as error:
            refused.append(error)

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert len(db.read_now(members.list_members, group.id)) == 1
    assert db.read_now(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(people)).scalar_one()) == 1


def test_what_a_member_sets_is_kept_checked_and_audited(db: Database, context: Context, group: Group) -> None:
    member = add(db, context, group, JIA)
    assert (member.posting, member.away_until, member.attachments, member.digest_format) == ("", None, "full", "mime")
    wanted = {
        "posting": "Held", "away_until": "2027-05-20T09:00+02:00", "attachments": "link", "digest_format": "plain",
    }  # fmt: skip
    changed = db.write_now(members.change, context, member, wanted)
    assert (changed.posting, changed.attachments, changed.digest_format) == ("held", "link", "plain")
    assert changed.away_until == datetime(2027, 5, 20, 7, tzinfo=UTC)
    (detail,) = db.read_now(lambda tx: tx.execute(sa.select(audit.c.detail).order_by(audit.c.id.desc()).limit(1)).one())
    assert detail["away_until"] == "2027-05-20T07:00:00+00:00"
    for field, value in (
        ("posting", "maybe"),
        ("away_until", "2027-05-20"),
        ("attachments", "no"),
        ("digest_format", "x"),
    ):
        with pytest.raises(Malformed, match=field):
            db.write_now(members.change, context, changed, {field: value})
    assert db.write_now(members.change, context, changed, {"away_until": ""}).away_until is None
