"""
The database: the one seam between asyncio and SQL (records; use cases are plain functions that take a connection).

`await db.write(fn, *args)` runs `fn(tx, *args)` in one transaction on the write lane, `await db.read(fn, *args)` on a
read-only connection; `write_now` and `read_now` do the same without an event loop. On SQLite one writer thread takes
what waits into one commit, each job in a savepoint (WAL, synchronous=FULL: a commit that returned is on the disk). On
PostgreSQL a small pool of threads works in SERIALIZABLE and replays a transaction that lost a race, so a function must
have no effect outside its transaction. A fault of the database is raised as Deferred, never as a refusal.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from cgbot.errors import Deferred
from cgbot.store import engines
from cgbot.store.checkpoints import Checkpoints

P = ParamSpec("P")
T = TypeVar("T")
Tx = Connection

# A transaction that others wait behind ends here; what still waits goes into the next one.
_BATCH_SECONDS: Final = 0.1
_BATCH_JOBS: Final = 200
_REPLAYS: Final = 12
_SERIALIZATION_FAILURE: Final = ("40001", "40P01")


@dataclass(slots=True)
class _Job:
    """One function that waits for the write lane; its answer is given after the commit."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    done: concurrent.futures.Future[Any] = field(default_factory=concurrent.futures.Future)


class Database:
    """One open database, SQLite or PostgreSQL; made by `Database.open(url)` and ended by `close()`."""

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self._writing = writing
        self._reading = reading
        self.dialect = writing.dialect.name
        self._pool = concurrent.futures.ThreadPoolExecutor(8, thread_name_prefix="database")
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._starting = threading.Lock()
        self._checkpoints: Checkpoints | None = None

    @classmethod
    def open(cls, url: str) -> Database:
        """Open `sqlite:///FILE` or `postgresql://…`; the schema is the business of `store.migrate`."""
        return cls(*engines.build(url))

    async def write(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run fn in one durable transaction; a caller that goes away does not stop it."""
        job = _Job(_bound(fn, kwargs), args)
        if self.dialect == "sqlite":
            self._start_writer()
            self._waiting.put(job)
        else:
            self._pool.submit(self._work, job)
        return await asyncio.shield(asyncio.wrap_future(job.done))

    async def read(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run fn on a read-only connection, in one snapshot."""
        call = _bound(fn, kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: self.read_now(call, *args))

    def write_now(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run fn in one durable transaction in this thread."""
        call = _bound(fn, kwargs)
        for replay in range(_REPLAYS):
            try:
                with self._writing.begin() as tx:
                    result: T = call(tx, *args)
                return result
            except DBAPIError as error:
                if not _lost_a_race(error) or replay == _REPLAYS - 1:
                    raise _deferred(error) from error
                time.sleep(0.002 * (1 << min(replay, 6)))
        raise AssertionError("the last replay returns or raises")

    def read_now(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run fn on a read-only connection in this thread."""
        try:
            with self._reading.begin() as tx:
                return fn(tx, *args, **kwargs)
        except DBAPIError as error:
            raise _deferred(error) from error

    def start_checkpoints(self) -> None:
        """Move SQLite's log into the database beside the commits, until `close`; for a process that stays."""
        if self.file is not None and self._checkpoints is None:
            self._checkpoints = Checkpoints(self.file)
            self._checkpoints.start()

    @property
    def file(self) -> str | None:
        """The file of an embedded database."""
        return self._writing.url.database if self.dialect == "sqlite" else None

    def empty_log(self) -> None:
        """Move SQLite's log into the database and cut it to nothing, unless somebody reads for more than seconds."""
        if self.dialect == "sqlite":
            with self._writing.connect() as tx:
                engines.outside_transactions(tx, "PRAGMA wal_checkpoint(TRUNCATE)")

    def write_schema(self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Change the schema in one transaction, with foreign keys off where they would follow a table being rebuilt."""
        with self._writing.connect() as tx:
            if self.dialect == "sqlite":
                engines.outside_transactions(tx, "PRAGMA foreign_keys=OFF")
            try:
                with tx.begin():
                    result = fn(tx, *args, **kwargs)
            finally:
                if self.dialect == "sqlite":
                    engines.outside_transactions(tx, "PRAGMA foreign_keys=ON")
        return result

    def close(self) -> None:
        """Finish what waits for the write lane and close every connection."""
        if self._checkpoints is not None:
            self._checkpoints.stop()
            self._checkpoints = None
        if self._writer is not None:
            self._waiting.put(None)
            self._writer.join()
            self._writer = None
        self._pool.shutdown()
        self._writing.dispose()
        self._reading.dispose()

    # ------------------------------------------------------------------------------------------ the write lane

    def _start_writer(self) -> None:
        with self._starting:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_lane, name="write-lane", daemon=True)
                self._writer.start()

    def _write_lane(self) -> None:
        while (job := self._waiting.get()) is not None:
            goes_on = self._work(job) if self._waiting.empty() else self._work_together(job)
            if not goes_on:
                return

    def _work(self, job: _Job) -> bool:
        """Run one job in a transaction of its own; False when the lane is asked to end."""
        try:
            result = self.write_now(job.fn, *job.args)
        except BaseException as error:  # noqa: BLE001 - whatever it was belongs to the one who waits for the answer
            goes_on = self._turn_away(error.__cause__ or error)
            job.done.set_exception(error)
            return goes_on
        job.done.set_result(result)
        return True

    def _work_together(self, first: _Job) -> bool:
        """Take what waits into one commit; False when the lane is asked to end."""
        finished: list[tuple[_Job, Any]] = []
        waiting: list[_Job] = [first]
        goes_on = True
        try:
            with self._writing.begin() as tx:
                until = time.monotonic() + _BATCH_SECONDS
                while waiting:
                    job = waiting.pop()
                    _in_savepoint(tx, job, finished)
                    if len(finished) < _BATCH_JOBS and time.monotonic() < until:
                        goes_on = self._next_into(waiting)
        except BaseException as error:  # noqa: BLE001 - the commit failed: nobody was served
            goes_on = self._turn_away(error) and goes_on
            _fail_all([*waiting, *(job for job, _ in finished)], error)
            return goes_on
        for job, result in finished:
            job.done.set_result(result)
        return goes_on

    def _turn_away(self, error: BaseException) -> bool:
        """Where somebody holds the database, those behind have waited as long: none of them waits once more."""
        # Before the one that failed is told: whoever asks again after that answer has not waited yet.
        if not isinstance(error, DBAPIError) or "locked" not in str(error.orig):
            return True
        waiting: list[_Job] = []
        goes_on = True
        while goes_on and not self._waiting.empty():
            goes_on = self._next_into(waiting)
        _fail_all(waiting, error)
        return goes_on

    def _next_into(self, waiting: list[_Job]) -> bool:
        try:
            job = self._waiting.get_nowait()
        except queue.Empty:
            return True
        if job is None:
            return False
        waiting.append(job)
        return True


def _bound(fn: Callable[..., T], kwargs: dict[str, Any]) -> Callable[..., T]:
    return (lambda tx, *args: fn(tx, *args, **kwargs)) if kwargs else fn


def _in_savepoint(tx: Connection, job: _Job, finished: list[tuple[_Job, Any]]) -> None:
    """Run one job of several; its failure undoes its own work only."""
    try:
        with tx.begin_nested():
            result = job.fn(tx, *job.args)
    except DBAPIError as error:
        job.done.set_exception(_deferred(error))
    except Exception as error:  # noqa: BLE001 - whatever it was belongs to the one who waits for the answer
        job.done.set_exception(error)
    else:
        finished.append((job, result))


def _fail_all(jobs: list[_Job], error: BaseException) -> None:
    reason = _deferred(error) if isinstance(error, DBAPIError) else error
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(reason)


def _lost_a_race(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _SERIALIZATION_FAILURE


def _deferred(error: BaseException) -> BaseException:
    """Our own fault is temporary; a broken rule of the schema is a bug and keeps its own name."""
    from sqlalchemy.exc import IntegrityError, ProgrammingError  # noqa: PLC0415 - rare path

    if isinstance(error, (IntegrityError, ProgrammingError)):
        return error
    deferred = Deferred("the database cannot take this now; try again later")
    deferred.__cause__ = error
    return deferred
