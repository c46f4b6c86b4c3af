"""
The schema: made at once for a new database, brought up by migrations for an old one (records).

`prepare` refuses a database that a newer version of the program has written and touches nothing in it. An older one
is migrated with foreign keys off, checked after, and never rewrites the raw messages.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect, text

from cgbot.errors import ConfigError
from cgbot.store import search
from cgbot.store.db import Database
from cgbot.store.tables import metadata

# The newest migration; a test compares it with the scripts.
HEAD: Final = "0006"
EXTRA_TABLES: Final = {"sqlite": search.TABLES["sqlite"], "postgresql": search.TABLES["postgresql"]}


def create(tx: Connection) -> None:
    """Make every table, index and the search index in an empty database, and note the version."""
    metadata.create_all(tx)
    search.create(tx)
    tx.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    tx.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})


def version(tx: Connection) -> str | None:
    """The version of this database, None when it is empty."""
    if not inspect(tx).has_table("alembic_version"):
        return None
    return str(tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def prepare(db: Database) -> None:
    """
    Bring the database to the version of this program.

    Raises ConfigError when a newer program has written it.
    """
    found = db.read_now(version)
    if found == HEAD:
        return
    if found is None:
        db.write_now(create)
        return
    from cgbot.store import migrate  # noqa: PLC0415 - Alembic is only loaded when there is something to migrate

    if found not in migrate.known():
        raise ConfigError(
            "settings",
            "database.url",
            f"the database has version {found}, written by a newer cgbot; this one knows up to {HEAD}. "
            "Nothing was changed: install the newer cgbot, or restore a backup of this version",
        )
    migrate.upgrade(db)
