"""A group under a new name: its file, its old names, and what was signed under them."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from cgbot import wiring
from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.errors import ConfigError, Conflict
from cgbot.groups import audit, bounces, charter, members, records, renaming
from cgbot.groups.charter import Charter
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.mail import verp
from cgbot.posts.gate import Recipient, find_recipient
from cgbot.store.db import Database
from cgbot.store.tables import groups
from tests.groups.mailbag import errand_of
from tests.groups.test_bounces import report

NEW = "cg-aisec-strat"
DOMAIN = "lists.example.org"


def renamed(context: Context) -> Context:
    """The configuration with the new file in the place of the old one."""
    old = context.charters["cg-aisec"]
    new = charter.parse(renaming.renamed(old, NEW), f"{NEW}.toml")
    return dataclasses.replace(context, charters={NEW: new})


def test_the_file_keeps_all_but_name_and_acronym(charter: Charter) -> None:
    new = records_of(renaming.renamed(charter, NEW, title="Strategy for AI security"))
    assert (new.name, new.acronym, new.title) == (NEW, "CG-AISEC-STRAT", "Strategy for AI security")
    assert new.formerly == ("cg-aisec",)
    assert (new.terms, new.people, new.term, new.reminders) == (
        charter.terms, charter.people, charter.term, charter.reminders,
    )  # fmt: skip
    lines = set(charter.source.splitlines()) ^ set(new.source.splitlines())
    assert len(lines) == 7  # three that went, three that came, one that says what it was called


def records_of(text: str) -> Charter:
    return charter.parse(text, f"{NEW}.toml")


def test_a_chain_of_names_and_back_again(charter: Charter) -> None:
    second = records_of(renaming.renamed(charter, NEW))
    third = records_of(renaming.renamed(second, "cg-ai"))
    assert third.formerly == ("cg-aisec", NEW)
    first = records_of(renaming.renamed(third, "cg-aisec", acronym="CG-AISEC"))
    assert (first.name, first.acronym, first.formerly) == ("cg-aisec", "CG-AISEC", (NEW, "cg-ai"))


@pytest.mark.parametrize("name", ["CG-X", "x", "cg-x-owner", "api", "a b"])
def test_a_name_that_is_not_allowed(charter: Charter, name: str) -> None:
    with pytest.raises(ConfigError):
        renaming.renamed(charter, name)


def test_the_name_that_it_has(charter: Charter) -> None:
    with pytest.raises(Conflict):
        renaming.renamed(charter, "cg-aisec")


def test_the_files_are_exchanged_and_the_old_one_is_kept(charter: Charter, tmp_path: Path) -> None:
    shutil.copy(charter.file, tmp_path)
    text = renaming.renamed(charter, NEW)
    kept = renaming.put(tmp_path, ("cg-aisec", NEW), text)
    assert sorted(one.name for one in tmp_path.iterdir()) == [f"{NEW}.toml", "cg-aisec.toml.was"]
    assert kept.read_text("utf-8") == charter.source
    assert list(charter_files(tmp_path)) == [NEW]


def charter_files(folder: Path) -> list[str]:
    return list(charter.load_all(folder))


def test_it_can_be_done_again_after_a_stop_in_between(charter: Charter, tmp_path: Path) -> None:
    shutil.copy(charter.file, tmp_path)
    text = renaming.renamed(charter, NEW)
    (tmp_path / f"{NEW}.toml").write_text(text, "utf-8")
    renaming.put(tmp_path, ("cg-aisec", NEW), text)
    assert charter_files(tmp_path) == [NEW]
    shutil.copy(charter.file, tmp_path / "cg-aisec.toml")
    with pytest.raises(Conflict):
        renaming.put(tmp_path, ("cg-aisec", NEW), text + "# another\n")


def test_the_group_stays_itself(db: Database, context: Context, group: Group) -> None:
    after = renamed(context)
    assert db.write_now(records.seed, after) == ()
    found = db.read_now(records.find_group, "cg-aisec")
    assert found is not None
    assert (found.id, found.name) == (group.id, NEW)
    assert db.read_now(records.aliases, context.now) == (("cg-aisec", group.id), (NEW, group.id))
    assert db.read_now(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(groups)).scalar_one()) == 1
    assert [one.source for one in db.read_now(records.versions, group.id)][1:] == [after.charters[NEW].source]
    assert db.write_now(records.seed, after) == ()
    assert len(db.read_now(audit.find, group.id, "group renamed", NEW)) == 1


def test_nothing_is_renamed_while_the_old_file_is_there(db: Database, context: Context, group: Group) -> None:
    both = dataclasses.replace(context, charters={**context.charters, **renamed(context).charters})
    assert db.write_now(records.seed, both) == ()
    assert [one.name for one in db.read_now(records.list_groups)] == ["cg-aisec"]
    (said,) = db.read_now(records.differences, both.charters[NEW])
    assert "whose own file is still there" in said


def test_the_old_file_beside_the_new_one_makes_no_second_group(db: Database, context: Context, group: Group) -> None:
    db.write_now(records.seed, renamed(context))
    both = dataclasses.replace(context, charters={**context.charters, **renamed(context).charters})
    db.write_now(records.seed, both)
    assert [one.name for one in db.read_now(records.list_groups)] == [NEW]
    assert len(db.read_now(records.versions, group.id)) == 2


def test_every_address_of_the_old_name_is_taken(db: Database, context: Context, group: Group) -> None:
    zoe = db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    before = db.read_now(wiring.directory, context)
    path = verp.return_path(context.keys, "cg-aisec", DOMAIN, 12, zoe.id)
    organizer = verp.organizer(context.keys, "cg-aisec", DOMAIN, zoe.id)
    words = ("", "-join", "-leave", "-request", "-confirm+token", "-owner", "-contributions")
    addresses = [*(f"cg-aisec{word}@{DOMAIN}" for word in words), path, organizer]
    after = renamed(context)
    db.write_now(records.seed, after)
    directory = db.read_now(wiring.directory, after)
    for address in addresses:
        was, now = find_recipient(address, before), find_recipient(address, directory)
        assert isinstance(was, Recipient)
        assert isinstance(now, Recipient), address
        assert now.group is not None
        assert (now.purpose, now.detail, now.group.group_id) == (was.purpose, was.detail, group.id)
        assert now.group.name == NEW
    assert isinstance(find_recipient(f"{NEW}-request@{DOMAIN}", directory), Recipient)
    assert isinstance(find_recipient(path.replace("cg-aisec", NEW), directory), str)  # signed for the old name


def test_a_bounce_to_the_old_name_counts(db: Database, context: Context, group: Group) -> None:
    zoe = db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    path = verp.return_path(context.keys, "cg-aisec", DOMAIN, 12, zoe.id)
    after = renamed(context)
    db.write_now(records.seed, after)
    found = db.read_now(records.get_group, NEW)
    one = errand_of(after, found, report(), purpose="bounces", detail=path.partition("+")[2].partition("@")[0])
    one = dataclasses.replace(one, recipient=path)
    assert db.write_now(bounces.take_bounce, after, one).reason == "bounce of zoe@example.org: hard, failed 5.1.1"


@pytest.mark.parametrize(
    ("recipient", "purpose"),
    [
        ("CG-aisec@lists.example.org", "post"),
        ("cg-aisec-bounces+1.2.abc@lists.example.org", "bounces"),
        ("cg-aisec-meetings+1-abc@lists.example.org", "meetings"),
        ("cg-aisec-confirm+t@lists.example.org", "confirm"),
    ],
)
def test_the_name_that_an_address_was_written_with(
    context: Context, group: Group, recipient: str, purpose: str
) -> None:
    errand: Errand = errand_of(context, group, b"From: a@example.org\r\n\r\n", purpose=purpose)
    assert dataclasses.replace(errand, recipient=recipient, group="cg-other").addressed == "cg-aisec"
