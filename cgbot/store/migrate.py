"""
Migrations of an existing database (records; Alembic runs the scripts in store/migrations).

A backup is taken first where the database is a file. Foreign keys are off while tables are rebuilt and checked after;
no script touches raw_messages.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from cgbot.errors import ConfigError
from cgbot.store.db import Database

_SCRIPTS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Alembic's configuration without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("version_locations", str(_SCRIPTS / "versions"))
    config.set_main_option("path_separator", "os")
    return config


def known() -> frozenset[str]:
    """The versions that this program knows."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions())


def upgrade(db: Database, to: str = "head") -> None:
    """Run what is missing, in one transaction; a broken foreign key afterwards undoes it and raises ConfigError."""
    if db.dialect == "sqlite":
        _keep_a_copy(Path(str(db.file)))
    db.write_schema(_upgrade, to)


def _upgrade(tx: Connection, to: str) -> None:
    config = configuration()
    config.attributes["connection"] = tx
    command.upgrade(config, to)
    if tx.dialect.name == "sqlite" and (broken := tx.exec_driver_sql("PRAGMA foreign_key_check").all()):
        raise ConfigError("database", "", f"the migration left {len(broken)} broken references; nothing was changed")


def _keep_a_copy(file: Path) -> None:
    """Copy the database beside itself, with SQLite's own backup, before anything changes."""
    target = sqlite3.connect(file.with_suffix(".before-migration"))
    source = sqlite3.connect(file)
    with target:
        source.backup(target)
    source.close()
    target.close()
