"""
Use cases: everything in one file while `serve` runs, and back into an empty installation.

A backup is a tar under zstd (`tar --zstd -tf` lists it): manifest.json, database.sqlite3 (an exact copy of the
embedded database, or all rows of PostgreSQL in one snapshot), and the groups' charters. The master keys are not in it;
the manifest knows them by fingerprint, so that a restore can say whether the right ones are there. A restored
installation is paused: it takes mail and sends nothing until `cgbot resume`.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import zstandard
from sqlalchemy import Connection, func, inspect, select

from cgbot.context import Context
from cgbot.desk import transfer
from cgbot.errors import Conflict, Deferred, Malformed, NotFound
from cgbot.keys import Keys
from cgbot.store import schema, service
from cgbot.store.db import Database
from cgbot.store.tables import deliveries, groups

FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_DATABASE: Final = "database.sqlite3"
_GROUPS: Final = "groups/"
_PIECE: Final = 1 << 20
_LONGEST_TEXT: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was written."""

    file: Path
    octets: int
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore found: groups, how many mails are on their way, and whether the master keys are the same."""

    made_at: str
    groups: tuple[str, ...]
    waiting: int
    same_keys: bool
    charters: Mapping[str, str]


# --------------------------------------------------------------------------------------------------------- backup


def make(db: Database, context: Context, file: Path) -> Made:
    """Write a backup. Raises Conflict when the file is there, Deferred when it cannot be written."""
    if file.exists():
        raise Conflict(f"{file} is there already; a backup overwrites nothing")
    try:
        with tempfile.TemporaryDirectory(prefix=".cgbot-backup-", dir=file.absolute().parent) as folder:
            copy = Path(folder) / _DATABASE
            _copy_database(db, copy)
            draft = Path(folder) / "backup"
            _pack(draft, copy, context)
            os.link(draft, file)
    except FileExistsError as error:
        raise Conflict(f"{file} is there already; a backup overwrites nothing") from error
    except OSError as error:
        raise Deferred(f"{file} cannot be written: {error.strerror}") from error
    _sync(file.absolute().parent)
    return Made(file, file.stat().st_size, tuple(sorted(context.charters)))


def _copy_database(db: Database, copy: Path) -> None:
    if db.file is not None:
        with closing(sqlite3.connect(db.file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)  # in one step: one snapshot, whatever is written meanwhile
        return
    target_db = Database.open(f"sqlite:///{copy}")
    try:
        target_db.write_now(schema.create)
        target_db.write_schema(lambda target: db.read_now(lambda source: transfer.copy(source, target)))
        target_db.write_now(transfer.index)
    finally:
        target_db.close()
    with closing(sqlite3.connect(copy)) as whole:
        whole.execute("PRAGMA journal_mode=DELETE").close()  # one file, without its log beside it


def _pack(draft: Path, copy: Path, context: Context) -> None:
    """Write the tar, durable and readable by us alone."""
    manifest = {
        "format": FORMAT,
        "made_at": context.now.isoformat(),
        "domain": context.settings.service.domain,
        "schema": schema.HEAD,
        "sha256": _sha256(copy),
        "keys": fingerprints(context.keys),
    }
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    packer = zstandard.ZstdCompressor(level=6)
    with os.fdopen(handle, "wb") as out:
        with packer.stream_writer(out, closefd=False) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
            _add(tar, _MANIFEST, json.dumps(manifest, indent=2).encode(), context.now)
            for name, charter in sorted(context.charters.items()):
                _add(tar, f"{_GROUPS}{name}.toml", charter.source.encode(), context.now)
            tar.add(copy, _DATABASE)
        out.flush()
        os.fsync(out.fileno())


def _add(tar: tarfile.TarFile, name: str, content: bytes, now: datetime) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), 0o600, int(now.timestamp())
    tar.addfile(info, io.BytesIO(content))


def fingerprints(keys: Keys) -> list[str]:
    """Names of the master keys that tell nothing of them."""
    return [Keys((master,)).mark("fingerprint of a master key") for master in keys.masters]


# -------------------------------------------------------------------------------------------------------- restore


def restore(db: Database, file: Path, now: datetime, keys: Keys | None) -> Restored:
    """
    Fill an empty database from a backup and pause sending.

    Raises NotFound or Malformed for the file, Conflict for a database that is not empty; then nothing was changed.
    """
    _refuse_full(db)
    beside = Path(db.file).absolute().parent if db.file else file.absolute().parent
    with tempfile.TemporaryDirectory(prefix=".cgbot-restore-", dir=beside) as folder:
        manifest, charters = _unpack(file, Path(folder))
        copy = Path(folder) / _DATABASE
        _bring_up_to_date(copy, manifest, now)
        if db.file:
            _put_in_place(copy, Path(db.file))
        else:
            _fill(db, copy)
    known = frozenset(fingerprints(keys)) if keys else frozenset()
    names, waiting = db.read_now(_look)
    return Restored(
        made_at=str(manifest["made_at"]),
        groups=names,
        waiting=waiting,
        same_keys=known.issuperset(manifest["keys"]),
        charters=charters,
    )


def _refuse_full(db: Database) -> None:
    if db.file is not None:
        if Path(db.file).exists():
            raise Conflict(f"{db.file} is there already; a restore fills an empty installation: move it away first")
        return
    if tables := db.read_now(lambda tx: inspect(tx).get_table_names()):
        raise Conflict(f"the database has {len(tables)} tables already; a restore fills an empty one")


def _unpack(file: Path, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Take out what a backup holds, and nothing else; the names in the tar never become paths."""
    texts: dict[str, str] = {}
    found = hashlib.sha256()
    try:
        with _members(file) as members:
            for name, stream in members:
                if name == _DATABASE:
                    _write(stream, folder / _DATABASE, found)
                elif name == _MANIFEST or name.startswith(_GROUPS):
                    texts[name] = stream.read(_LONGEST_TEXT).decode()
        manifest = json.loads(texts.pop(_MANIFEST))
        complete = manifest["sha256"] == found.hexdigest() and manifest["format"] == FORMAT
    except FileNotFoundError as error:
        raise NotFound(f"{file} is not there") from error
    except (tarfile.TarError, zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
        raise Malformed(f"{file} is not a backup of cgbot, or is damaged: {error}") from error
    if not complete:
        raise Malformed(f"{file} is damaged or of another format: its database is not what its manifest says")
    return manifest, {Path(name).name: content for name, content in texts.items()}


@contextmanager
def _members(file: Path) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    unpacker = zstandard.ZstdDecompressor()
    with (
        file.open("rb") as packed,
        unpacker.stream_reader(packed) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        yield ((one.name, stream) for one in tar if (stream := tar.extractfile(one)) is not None)


def _write(stream: IO[bytes], path: Path, found: hashlib._Hash) -> None:
    with path.open("xb") as out:
        while piece := stream.read(_PIECE):
            found.update(piece)
            out.write(piece)


def _bring_up_to_date(copy: Path, manifest: Mapping[str, Any], now: datetime) -> None:
    """Migrate an older backup, refuse a newer one, and pause, all before anything is in place."""
    unpacked = Database.open(f"sqlite:///{copy}")
    try:
        schema.prepare(unpacked)
        reason = f"restored on {now:%d %B %Y %H:%M} UTC from the backup of {manifest['made_at']}"
        unpacked.write_now(service.pause, reason)
    finally:
        unpacked.close()
    with closing(sqlite3.connect(copy)) as whole:
        whole.execute("PRAGMA journal_mode=DELETE").close()


def _put_in_place(copy: Path, target: Path) -> None:
    with copy.open("rb") as written:
        os.fsync(written.fileno())
    try:
        os.link(copy, target)
    except FileExistsError as error:
        raise Conflict(f"{target} is there already; a restore fills an empty installation") from error
    _sync(target.absolute().parent)


def _fill(db: Database, copy: Path) -> None:
    source = Database.open(f"sqlite:///{copy}")
    try:
        db.write_now(lambda target: _fill_in(target, source))
    finally:
        source.close()


def _fill_in(target: Connection, source: Database) -> None:
    schema.create(target)
    source.read_now(lambda rows: transfer.copy(rows, target))
    transfer.index(target)


def _look(tx: Connection) -> tuple[tuple[str, ...], int]:
    names = tuple(tx.execute(select(groups.c.name).order_by(groups.c.name)).scalars())
    open_states = deliveries.c.state.in_(("queued", "leased", "deferred"))
    return names, int(tx.execute(select(func.count()).select_from(deliveries).where(open_states)).scalar_one())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
