"""
`cgbot serve`: everything in one process, started and stopped in order.

Before anything starts: the lock (one `serve` an embedded database, exit status 75 for a second one), the sockets, the
certificate. Then the workers, from the inside out: delivery, sorter, clock, listeners, pages; the ready line comes
when all of it answers. SIGTERM and SIGINT end it from the outside in: no new mail, what is on its way is finished,
leases are given back. SIGHUP reads the configuration again; a bad one is logged and changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import ssl
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
import uvicorn

from cgbot import app, wiring
from cgbot.app import House, utc_now
from cgbot.clock import Clock
from cgbot.errors import CgbotError, ConfigError, Deferred
from cgbot.outbox.delivery import Delivery
from cgbot.posts import errands, shelved, upkeep
from cgbot.posts.intake import Intake
from cgbot.posts.sorter import Desk, Sorter
from cgbot.posts.verifying import Verifier, dns_lookup
from cgbot.settings import Settings
from cgbot.smtp import server as listeners
from cgbot.smtp.dialogue import Edge
from cgbot.smtp.guard import Guard
from cgbot.smtp.limits import Limits
from cgbot.smtp.reception import Door
from cgbot.store import service
from cgbot.store.presence import Presence

log = structlog.get_logger(__name__)
_LOOK_SECONDS: Final = 1.0
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_LARGE_BLOCK: Final = 1 << 20
_PRESENCE_SECONDS: Final = 15.0
_FILES_SECONDS: Final = 5.0
_TIDY_SECONDS: Final = 3600.0
_PORTION_SECONDS: Final = 0.2
PARTS: Final = ("smtp", "web", "sorter", "delivery", "clock")


class AlreadyRunning(Deferred):
    """Another `serve` works on this database."""


@contextlib.contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the lock of an embedded database, before it is opened; raises AlreadyRunning and touches nothing."""
    if not settings.database_url.startswith("sqlite"):
        yield
        return
    app.make_folder(settings)
    path = settings.service.data_dir / "serve.lock"
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(f"another `cgbot serve` works in {settings.service.data_dir}; stop it first") from None
        yield


def give_memory_back() -> None:
    """
    Let what a large mail has taken go back to the system as soon as it is free.

    The allocator of glibc keeps ever larger blocks for itself once it has seen some, and for each thread a heap of its
    own; the settings of mallopt(3) stop that. Other systems have other allocators.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
        mallopt(_M_TRIM_THRESHOLD, _LARGE_BLOCK)
        mallopt(_M_ARENA_MAX, 1)


async def serve(house: House, ready: Callable[[str], None], parts: Collection[str] = PARTS) -> None:
    """Run these parts until a signal asks to end; `ready` is told the ready line."""
    give_memory_back()
    running = Running(house, parts)
    await running.start()
    ready(running.ready_line())
    try:
        await running.until_asked_to_end()
    finally:
        await running.stop()


class _Web(uvicorn.Server):
    """uvicorn without signal handlers of its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are handled by `serve`."""
        yield


class _Pulse:
    """What /healthz and /metrics ask of this process; a part that runs in another one is that one's business."""

    def __init__(self, clock: Clock | None, delivery: Delivery | None) -> None:
        self._clock = clock
        self._delivery = delivery

    def healthy(self) -> bool:
        """Whether the clock beats."""
        return self._clock is None or self._clock.healthy()

    def last_tick(self) -> datetime | None:
        """When it last looked at what is due."""
        return self._clock.last_tick() if self._clock else None

    def attempts(self) -> Mapping[str, int]:
        """How many attempts at deliveries have ended how since the start."""
        return self._delivery.outcomes() if self._delivery else {}


class Running:
    """The parts of a running service."""

    def __init__(self, house: House, parts: Collection[str] = PARTS) -> None:
        self._house = house
        self._parts = frozenset(parts)
        self._ending = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._bound: dict[str, str] = {}
        self._web: _Web | None = None
        self._listeners: listeners.Server | None = None
        self._tls = _tls(house.settings.smtp.tls_certificate, house.settings.smtp.tls_key)
        self._intake = Intake(house.db, self._wake_sorter)
        self._delivery: Delivery | None = None
        self._sorter: Sorter | None = None
        self._presence: Presence | None = None
        self._clock = Clock(house.db, house.context, wiring.kinds(), after=self._wake_delivery)
        self._clock.also(wiring.make_files)
        self._clock.also(wiring.seal_archive)
        self._verifier = Verifier(lambda: house.settings, dns_lookup())

    async def start(self) -> None:
        """Open the sockets, then start the workers."""
        house = self._house
        web = house.settings.web
        web_socket = _bind(web.host, web.port, "web") if "web" in self._parts else None
        self._door = Door(await house.db.read(wiring.directory, house.context()), self._intake)
        if "smtp" in self._parts:
            await self._listen()
        await self._start_workers()
        if web_socket is not None:
            await self._start_web(web_socket)
        self._handle_signals()

    def ready_line(self) -> str:
        """Name every address that answers."""
        return "ready " + " ".join(f"{name}={where}" for name, where in self._bound.items())

    async def until_asked_to_end(self) -> None:
        """Wait for SIGTERM or SIGINT."""
        await self._ending.wait()

    async def stop(self) -> None:
        """End from the outside in; nothing that was taken is lost."""
        if self._listeners is not None:
            await self._listeners.close()
        await self._intake.finish()
        if self._web is not None:
            self._web.should_exit = True
        await self._clock.stop()
        if self._sorter is not None:
            self._sorter.stop()
        self._verifier.close()
        if self._delivery is not None:
            await self._delivery.stop()
        for task in self._tasks:
            if task.get_name() in {"look", "upkeep", "presence", "files"}:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._presence is not None:
            await asyncio.to_thread(self._presence.end)
        log.info("ended")

    # ------------------------------------------------------------------------------------------------- the parts

    async def _listen(self) -> None:
        settings = self._house.settings
        limits = Limits.of(settings)
        edge = Edge(
            reception=self._door,
            limits=limits,
            guard=Guard(limits, lambda: shutil.disk_usage(settings.service.data_dir).free),
            hostname=settings.service.domain,
            now=utc_now,
            tls=self._tls,
        )
        self._listeners = listeners.Server(edge)
        if settings.smtp.host:
            self._bound["smtp"] = await _listening(
                self._listeners.listen_smtp, settings.smtp.host, settings.smtp.port, "smtp"
            )
        if settings.lmtp.socket is not None:
            await self._listeners.listen_lmtp_socket(settings.lmtp.socket)
            self._bound["lmtp"] = str(settings.lmtp.socket)
        elif settings.lmtp.host:
            self._bound["lmtp"] = await _listening(
                self._listeners.listen_lmtp, settings.lmtp.host, settings.lmtp.port, "lmtp"
            )

    async def _start_workers(self) -> None:
        house = self._house
        house.db.start_checkpoints()
        epoch = await self._begin_run()
        if "delivery" in self._parts:
            self._delivery = Delivery(house.db, house.context, epoch=epoch, hooks=wiring.delivery_hooks())
            self._start("delivery", self._delivery.run())
        if "sorter" in self._parts:
            self._sorter = Sorter(self._desk(epoch))
            self._start("sorter", self._sorter.run())
        if "clock" in self._parts:
            self._clock.start()
            self._start("upkeep", self._upkeep())
            self._start("files", self._read_files())
        self._start("look", self._look())

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _begin_run(self) -> int:
        """Count this run, show that it lives, and free what runs that are gone have left; its epoch."""
        house = self._house
        epoch = await house.db.write(service.begin_epoch, utc_now())
        if house.db.dialect == "sqlite":  # nobody else works here
            await house.db.write(errands.release_leases, utc_now())
            return epoch
        self._presence = Presence(house.settings.database_url, epoch)
        if not await asyncio.to_thread(self._presence.show):
            raise Deferred(f"PostgreSQL does not give this run its lock (epoch {epoch}); see docs/operation.md")
        await house.db.write(errands.release_dead, epoch, utc_now())
        self._start("presence", self._stay(self._presence, epoch))
        return epoch

    async def _read_files(self) -> None:
        """Read the files of posts, a post at a time; what fails is logged and waits for the next look."""
        while True:
            done = 0
            try:
                done = await asyncio.to_thread(wiring.read_files, self._house.db)
            except Exception:  # whatever one post does, mail and clock go on
                log.exception("the files of a post could not be read")
            await asyncio.sleep(_PORTION_SECONDS if done else _FILES_SECONDS)

    async def _stay(self, presence: Presence, epoch: int) -> None:
        """Show others that we live, and free at least twice a minute what those that are gone have left."""
        while True:
            await asyncio.sleep(_PRESENCE_SECONDS)
            if not await asyncio.to_thread(presence.show):
                log.warning("this run's session at PostgreSQL is lost; others may take its work over", epoch=epoch)
                await asyncio.to_thread(presence.show)
            try:
                freed = await self._house.db.write(errands.release_dead, epoch, utc_now())
            except CgbotError as error:
                log.warning("errands of runs that are gone could not be freed", reason=error.public)
            else:
                if freed:
                    log.warning("errands of a run that is gone", tried_again=freed)

    def _desk(self, epoch: int) -> Desk:
        return Desk(
            db=self._house.db,
            context=self._house.context,
            purposes=wiring.purposes(),
            on_shelved=shelved.tell,
            busy=lambda: self._intake.busy,
            after=self._wake_delivery,
            preparers=wiring.preparers(),
            epoch=epoch,
            check=self._verifier.check,
        )

    async def _start_web(self, bound: socket.socket) -> None:
        pulse = _Pulse(self._clock if "clock" in self._parts else None, self._delivery)
        application = wiring.web(self._house, pulse)
        config = uvicorn.Config(application, lifespan="off", log_config=None, access_log=False, server_header=False)
        self._web = _Web(config)
        self._tasks.append(asyncio.create_task(self._web.serve(sockets=[bound]), name="web"))
        while not self._web.started:  # noqa: ASYNC110 - uvicorn tells it by this attribute alone
            await asyncio.sleep(0.01)
        host, port = bound.getsockname()[:2]
        self._bound["web"] = f"http://{host}:{port}/"

    async def _look(self) -> None:
        """Notice within a second what commands beside us have changed: groups, errands, deliveries."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._wake_sorter()
            self._wake_delivery()
            try:
                await self._read_groups()
            except CgbotError as error:
                log.warning("the groups could not be read", reason=error.public)

    async def _read_groups(self) -> None:
        """Know every address that there is; a group's file that is not read yet is read first."""
        for _ in range(2):
            directory = await self._house.db.read(wiring.directory, self._house.context())
            if not await self._house.db.read(self._house.is_behind):
                self._door.directory = directory
                return
            await self._reload()

    async def _upkeep(self) -> None:
        """Once an hour, remove what is finished and old, in portions with pauses between them."""
        while True:
            try:
                more = await self._house.db.write(upkeep.tidy, self._house.context())
            except CgbotError as error:
                log.warning("nothing was tidied up", reason=error.public)
                more = False
            await asyncio.sleep(_PORTION_SECONDS if more else _TIDY_SECONDS)

    def _wake_sorter(self) -> None:
        if self._sorter is not None:
            self._sorter.wake()

    def _wake_delivery(self) -> None:
        if self._delivery is not None:
            self._delivery.wake()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._start("reload", self._reload()))

    async def _reload(self) -> None:
        """Read settings, templates, charters and the certificate again; listeners and workers stay as they are."""
        try:
            await asyncio.to_thread(self._house.reload)
            smtp = self._house.settings.smtp
            if self._tls is not None and smtp.tls_certificate and smtp.tls_key:
                self._tls.load_cert_chain(smtp.tls_certificate, smtp.tls_key)
        except (CgbotError, OSError) as error:
            log.warning("the configuration was not read again; what was is kept", reason=str(error))
        else:
            log.info("configuration read again")


def _bind(host: str, port: int, section: str) -> socket.socket | None:
    if not host:
        return None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(512)
    except OSError as error:
        bound.close()
        raise _port_in_use(section, host, port, error) from error
    bound.setblocking(False)
    return bound


async def _listening(listen: Callable[..., object], host: str, port: int, section: str) -> str:
    try:
        bound = await listen(host, port)  # type: ignore[misc]  # a coroutine function of the listeners
    except OSError as error:
        raise _port_in_use(section, host, port, error) from error
    return f"{bound[0]}:{bound[1]}"


def _port_in_use(section: str, host: str, port: int, error: OSError) -> ConfigError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return ConfigError("settings", f"{section}.port", f"{host}:{port} cannot be listened on: {reason}")


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None or key is None:
        return None
    try:
        return listeners.tls_context(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(str(certificate), "smtp.tls_certificate", f"cannot be used: {error}") from error
