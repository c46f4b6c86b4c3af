"""Backup while writing goes on, restore on either kind of database, and nothing half done."""

from __future__ import annotations

import dataclasses
import sqlite3
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
import zstandard

from cgbot.archive import keep, sealing, verify
from cgbot.context import Context
from cgbot.desk import backup, erasing
from cgbot.errors import ConfigError, Conflict, Malformed, NotFound
from cgbot.groups import members, records
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.keys import Keys
from cgbot.mail import message as messages
from cgbot.store import raw, search, service
from cgbot.store.db import Database, Tx
from cgbot.store.tables import metadata, people
from tests.archive.posting import put

POST = (
    b"From: A Delegate <delegate@example.org>\r\nSubject: Scope\r\nMessage-ID: <first@example.org>\r\n\r\n"
    b"Findings on Generative AI.\r\n"
)
ANSWER = (
    b"From: delegate@example.org\r\nSubject: Re: Scope\r\nMessage-ID: <second@example.org>\r\n"
    b"In-Reply-To: <first@example.org>\r\n\r\nI agree.\r\n"
)


def fill(tx: Tx, context: Context, group_id: int) -> None:
    """A member and two posts of one thread."""
    members.add(tx, context, group_id, NewMember("delegate@example.org", name="Zoë"))
    for content in (POST, ANSWER):
        prepared = raw.prepare(content)
        raw.put(tx, [prepared])
        keep.index(tx, group_id, prepared.sha256, context.now, keep.prepare(messages.parse(content)))


def everything(tx: Tx) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but the service's own."""
    return {
        table.name: [tuple(row) for row in tx.execute(sa.select(table).order_by(*table.primary_key.columns))]
        for table in metadata.sorted_tables
        if table.name != "service"
    }


@pytest.fixture
def full(db: Database, context: Context, group: Group) -> Database:
    db.write_now(fill, context, group.id)
    return db


@pytest.fixture
def file(full: Database, context: Context, tmp_path: Path) -> Path:
    path = tmp_path / "cgbot.tar.zst"
    backup.make(full, context, path)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Database]:
    """An empty place of either kind; called when the backup has been made, since it may be the same server."""

    def make() -> Database:
        if request.param == "sqlite":
            return Database.open(f"sqlite:///{tmp_path / 'restored.sqlite3'}")
        url = request.getfixturevalue("postgresql_url")
        admin = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE IF EXISTS restored WITH (FORCE)")
            connection.exec_driver_sql("CREATE DATABASE restored")
        admin.dispose()
        return Database.open(sa.make_url(url).set(database="restored").render_as_string(hide_password=False))

    return make


def test_what_was_backed_up_is_restored_on_either_kind(
    full: Database, file: Path, empty: Callable[[], Database], context: Context
) -> None:
    before = full.read_now(everything)
    target = empty()
    try:
        restored = backup.restore(target, file, context.now, context.keys)
        assert target.read_now(everything) == before
        assert (restored.groups, restored.waiting, restored.same_keys) == (("cg-aisec",), 0, True)
        group = target.read_now(records.get_group, "cg-aisec")
        assert len(target.read_now(search.find, group.id, '"Generative AI"')) == 1
        sha256 = before["posts"][0][2]
        assert target.read_now(raw.get, sha256) == POST
    finally:
        target.close()


def test_a_restored_installation_sends_nothing(file: Path, empty: Callable[[], Database], context: Context) -> None:
    target = empty()
    try:
        backup.restore(target, file, context.now, context.keys)
        assert "restored on 03 May 2027" in str(target.read_now(service.paused))
        assert target.write_now(service.resume)
        assert target.read_now(service.paused) is None
    finally:
        target.close()


def test_numbering_goes_on(file: Path, empty: Callable[[], Database], context: Context) -> None:
    target = empty()
    try:
        backup.restore(target, file, context.now, context.keys)
        group = target.read_now(records.get_group, "cg-aisec")
        target.write_now(members.add, context, group.id, NewMember("new@example.org"))
        assert target.read_now(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(people)).scalar_one()) == 2
    finally:
        target.close()


def test_the_log_goes_on_after_a_restore(
    full: Database, empty: Callable[[], Database], context: Context, group: Group, tmp_path: Path
) -> None:
    """It verifies, and the number of the last post, which was erased, is not given again."""
    keys = sealing.LogKeys((bytes(32),))
    erasing.erase_post(full, context, 2, "operator", "asked by its author")
    sealing.seal(full, context, keys)
    backup.make(full, context, tmp_path / "erased.tar.zst")
    target = empty()
    try:
        backup.restore(target, tmp_path / "erased.tar.zst", context.now, context.keys)
        target.write_now(service.resume)
        assert target.write_now(put, group.id, ANSWER.replace(b"second", b"third")) == 3
        assert sealing.seal(target, context, keys) == 1
        verifiers = keys.verifiers("lists.example.org/cg-aisec")
        assert [one for step in verify.verify(target, group.id, verifiers) for one in step.faults] == []
    finally:
        target.close()


def test_a_full_database_is_refused(full: Database, file: Path, context: Context) -> None:
    before = full.read_now(everything)
    with pytest.raises(Conflict, match="a restore fills an empty"):
        backup.restore(full, file, context.now, context.keys)
    assert full.read_now(everything) == before
    assert full.read_now(service.paused) is None


def test_other_keys_are_noticed(file: Path, context: Context, tmp_path: Path) -> None:
    target = Database.open(f"sqlite:///{tmp_path / 'restored.sqlite3'}")
    try:
        restored = backup.restore(target, file, context.now, Keys((b"another key",)))
    finally:
        target.close()
    assert not restored.same_keys


def test_the_keys_are_not_in_it(file: Path, context: Context) -> None:
    content = zstandard.ZstdDecompressor().stream_reader(file.read_bytes()).read()
    assert context.keys.masters[0] not in content
    assert b'name = "cg-aisec"' in content
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_backup_overwrites_nothing(full: Database, file: Path, context: Context) -> None:
    before = file.read_bytes()
    with pytest.raises(Conflict, match="is there already"):
        backup.make(full, context, file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".cgbot")] == []


def test_a_missing_folder_is_named(full: Database, context: Context, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="cannot be written: No such file or directory"):
        backup.make(full, context, tmp_path / "nowhere" / "cgbot.tar.zst")


def _tar(tmp_path: Path, **contents: bytes) -> Path:
    path = tmp_path / "made.tar.zst"
    plain = tmp_path / "made.tar"
    with tarfile.open(plain, "w") as tar:
        for name, content in contents.items():
            source = tmp_path / "content"
            source.write_bytes(content)
            tar.add(source, name)
    path.write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    return path


@pytest.mark.parametrize(
    "content",
    [b"", b"not a backup", b"\x28\xb5\x2f\xfd\x00\x00"],
    ids=["empty", "text", "only a head"],
)
def test_what_is_no_backup_is_refused(tmp_path: Path, context: Context, content: bytes) -> None:
    path = tmp_path / "x.tar.zst"
    path.write_bytes(content)
    refused(path, tmp_path, context)


def test_a_damaged_backup_is_refused(file: Path, tmp_path: Path, context: Context) -> None:
    path = tmp_path / "damaged.tar.zst"
    whole = file.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, tmp_path, context)


def test_a_backup_with_another_database_is_refused(tmp_path: Path, context: Context) -> None:
    manifest = b'{"format": 1, "made_at": "2027-05-03", "sha256": "00", "keys": []}'
    refused(_tar(tmp_path, **{"manifest.json": manifest, "database.sqlite3": b"x"}), tmp_path, context)


def refused(path: Path, tmp_path: Path, context: Context) -> None:
    target = Database.open(f"sqlite:///{tmp_path / 'restored.sqlite3'}")
    try:
        with pytest.raises(Malformed, match=r"is not a backup of cgbot, or is damaged|is damaged or of another format"):
            backup.restore(target, path, context.now, context.keys)
    finally:
        target.close()
    assert not (tmp_path / "restored.sqlite3").exists()


def test_a_missing_backup_is_named(tmp_path: Path, context: Context) -> None:
    target = Database.open(f"sqlite:///{tmp_path / 'restored.sqlite3'}")
    try:
        with pytest.raises(NotFound, match=r"none\.tar\.zst is not there"):
            backup.restore(target, tmp_path / "none.tar.zst", context.now, None)
    finally:
        target.close()


def test_a_backup_of_a_newer_version_is_refused(sqlite_url: str, tmp_path: Path, context: Context) -> None:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    source = Database.open(sqlite_url)
    backup.make(source, context, tmp_path / "newer.tar.zst")
    source.close()
    target = Database.open(f"sqlite:///{tmp_path / 'restored.sqlite3'}")
    try:
        with pytest.raises(ConfigError, match="newer cgbot"):
            backup.restore(target, tmp_path / "newer.tar.zst", context.now, None)
    finally:
        target.close()
    assert not (tmp_path / "restored.sqlite3").exists()


def test_a_backup_made_while_writing_goes_on_is_one_moment(
    full: Database, context: Context, group: Group, tmp_path: Path
) -> None:
    """Each write adds a member and an audit line; a backup has as many of the one as of the other."""
    going = threading.Event()
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            full.write_now(members.add, context, group.id, NewMember(f"m{number}@example.org"))
            going.set()

    writer = threading.Thread(target=write)
    writer.start()
    going.wait(30)
    try:
        backup.make(full, context, tmp_path / "busy.tar.zst")
    finally:
        stop.set()
        writer.join()
    target = Database.open(f"sqlite:///{tmp_path / 'restored.sqlite3'}")
    try:
        backup.restore(target, tmp_path / "busy.tar.zst", context.now, None)
        rows = target.read_now(everything)
    finally:
        target.close()
    added = [row for row in rows["audit"] if row[3] == "member added"]
    assert len(added) == len(rows["members"]) > 1


def test_no_table_refers_to_itself() -> None:
    """What is copied table after table must not point at a row that comes later."""
    keys = [key for table in metadata.sorted_tables for column in table.c for key in column.foreign_keys]
    assert [key for key in keys if key.column.table is key.parent.table] == []


def test_the_manifest_knows_every_key(context: Context) -> None:
    two = dataclasses.replace(context, keys=Keys((b"one", b"two")))
    assert len(set(backup.fingerprints(two.keys))) == 2
