"""The schema: the same by migration as at once, newer databases refused, an older one brought up with a copy kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cgbot.errors import ConfigError
from cgbot.store import migrate, schema
from cgbot.store.db import Database, Tx
from cgbot.store.tables import metadata


def tables(tx: Tx) -> set[str]:
    return {name for name in sa.inspect(tx).get_table_names() if not name.startswith(("post_search_", "sqlite_"))}


def columns(tx: Tx) -> dict[str, set[tuple[str, str, bool]]]:
    inspector = sa.inspect(tx)
    return {
        name: {(one["name"], str(one["type"]), bool(one["nullable"])) for one in inspector.get_columns(name)}
        for name in tables(tx) - {"post_search"}
    }


def indexes(tx: Tx) -> set[tuple[str, str]]:
    inspector = sa.inspect(tx)
    return {(name, str(one["name"])) for name in tables(tx) for one in inspector.get_indexes(name)}


@pytest.fixture
def empty(database_url: str, tmp_path: Path) -> Database:
    """A database without a single table."""
    if database_url.startswith("sqlite"):
        return Database.open(f"sqlite:///{tmp_path}/empty.db")
    db = Database.open(database_url)
    db.write_now(lambda tx: tx.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    return db


def test_migrations_and_tables_agree(empty: Database) -> None:
    migrate.upgrade(empty)
    with_migrations = empty.read_now(lambda tx: (columns(tx), indexes(tx)))
    assert empty.read_now(schema.version) == schema.HEAD

    def differences(tx: Tx) -> list[object]:
        context = MigrationContext.configure(
            tx, opts={"include_name": lambda name, kind, _parents: not (kind == "table" and "search" in str(name))}
        )
        return list(compare_metadata(context, metadata))

    assert empty.read_now(differences) == []
    empty.write_now(_drop_everything)
    empty.write_now(schema.create)
    assert empty.read_now(lambda tx: (columns(tx), indexes(tx))) == with_migrations
    empty.close()


def _drop_everything(tx: Tx) -> None:
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return
    tx.exec_driver_sql("DROP TABLE post_search")
    tx.exec_driver_sql("DROP TABLE alembic_version")
    metadata.drop_all(tx)


def test_the_newest_script_is_the_head() -> None:
    assert ScriptDirectory.from_config(migrate.configuration()).get_current_head() == schema.HEAD
    assert schema.HEAD in migrate.known()


def test_a_new_database_is_made_and_the_second_start_changes_nothing(empty: Database) -> None:
    schema.prepare(empty)
    schema.prepare(empty)
    assert empty.read_now(schema.version) == schema.HEAD
    empty.close()


def test_a_newer_database_is_refused_and_not_touched(db: Database) -> None:
    db.write_now(lambda tx: tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    before = db.read_now(tables)
    with pytest.raises(ConfigError, match=r"version 9999, written by a newer cgbot"):
        schema.prepare(db)
    assert db.read_now(tables) == before
    db.write_now(lambda tx: tx.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{schema.HEAD}'"))


def test_a_copy_is_kept_before_a_migration(sqlite_url: str, tmp_path: Path) -> None:
    db = Database.open(sqlite_url)
    migrate.upgrade(db)
    copy = Database.open(f"sqlite:///{tmp_path}/cgbot.before-migration")
    assert copy.read_now(schema.version) == schema.HEAD
    copy.close()
    db.close()
