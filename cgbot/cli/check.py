"""
Edge: `cgbot check`, whether everything that cgbot needs is there, one line each.

Looks and changes nothing: a database or a key that the first `serve` will make is reported as not made yet. A line
that says `failed` makes the exit status 1; a later check that needs what failed is left out.
"""

from __future__ import annotations

import ctypes
import email.policy
import json
import os
import platform
import shutil
import socket
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from sqlalchemy import Connection, func, select

from cgbot import configuration, render, signing_keys
from cgbot.cli import archive_state, dns_records
from cgbot.cli.finding import Finding, fail, good, skip, warn
from cgbot.errors import CgbotError
from cgbot.groups import authentication
from cgbot.groups import charter as charters
from cgbot.groups.charter import Charter, Companion
from cgbot.mail import address
from cgbot.settings import Settings
from cgbot.store import schema
from cgbot.store.db import Database
from cgbot.store.tables import addresses, arrivals, contents, groups, members, posts

_SECONDS: Final = 3.0
_GIBIBYTE: Final = 1 << 30
_CLOCK_MAY_DIFFER: Final = timedelta(seconds=5)
_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronized
_TIMEX_OCTETS: Final = 512  # more than struct timex has anywhere
_QUIET_LIST: Final = timedelta(days=60)
_COMES_BACK: Final = timedelta(days=1)


def check(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list instead of lines.")] = False,
) -> None:
    """Check configuration, templates, groups, database, DNS, clock and disk; exit 1 when something fails."""
    findings = []
    for finding in everything(os.environ):
        findings.append(finding)
        if not as_json:
            typer.echo(str(finding))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(1)


def everything(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at all of it, in the order in which `serve` would need it."""
    configuration.pin_time_zones()
    try:
        settings = configuration.load(environ)
    except CgbotError as error:
        yield fail("configuration", error.public)
        return
    yield good("configuration", f"{settings.file}, domain {settings.service.domain}")
    yield from secrets(settings)
    yield from templates(settings)
    found = yield from group_files(settings)
    yield from authors(settings, found)
    yield from disk(settings)
    yield from database(settings, found)
    yield from clock()
    yield from relay(settings)
    yield from signatures(settings)
    yield from python()


def secrets(settings: Settings) -> Iterator[Finding]:
    """The master keys and the relay's password: readable by us, by nobody else."""
    folder = settings.secrets_directory
    if not any(folder.glob("master-*")):
        yield skip("secrets", f"none yet; the first start makes {folder}/master-0001")
    else:
        yield from _attempt("secrets", lambda: f"{len(configuration.load_keys(settings).masters)} in {folder}")
    if settings.relay.password_file:
        yield from _attempt("password", lambda: configuration.relay_password(settings) and "the relay's can be read")


def templates(settings: Settings) -> Iterator[Finding]:
    """Every mail template compiles and uses only names that the program tells it."""
    problems = render.build(settings.template_folders).check_all()
    for problem in problems:
        yield fail("template", str(problem))
    if not problems:
        yield good("templates", ", ".join(str(folder) for folder in settings.template_folders))


def group_files(settings: Settings) -> Generator[Finding, None, dict[str, Charter]]:
    """Every charter can be read; gives them by name."""
    folder = settings.groups_directory
    found: dict[str, Charter] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            charter = charters.load(path)
        except CgbotError as error:
            yield fail("group", error.public)
            continue
        found[charter.name] = charter
        yield good("group", f"{charter.name}, {charter.mode}, {charter.archive} archive ({path})")
    if not found:
        yield fail("group", f"{folder} holds no charter: put a file NAME.toml for each group there")
    return found


def authors(settings: Settings, found: Mapping[str, Charter]) -> Iterator[Finding]:
    """Whether members' posts are distributed on the sender's word alone, and where every post is held."""
    for charter in found.values():
        if charter.posts.emergency:
            yield warn("moderation", f"{charter.name}: every post is held (posts.emergency in {charter.file})")
    asking = [one.name for one in found.values() if one.mode == "host" and one.posts.unproven == "hold"]
    if asking and authentication.is_available(settings):
        yield good("moderation", f"{', '.join(asking)}: a member's post waits unless DKIM or SPF proves its author")
    elif asking:
        yield warn(
            "moderation",
            f"{', '.join(asking)}: members post on the sender's word, which anybody can write; nothing here "
            "authenticates mail: see the section authentication of the settings",
        )


def disk(settings: Settings) -> Iterator[Finding]:
    """There is room for the mail of some days."""
    folder = _nearest(settings.service.data_dir)
    if not os.access(folder, os.W_OK | os.X_OK):
        yield fail("disk", f"{folder} is not writable by this user")
        return
    free = shutil.disk_usage(folder).free
    text = f"{free / _GIBIBYTE:.1f} GiB free for {settings.service.data_dir}"
    least = 8 * settings.limits.message_size
    yield fail("disk", text) if free < least else warn("disk", text) if free < _GIBIBYTE else good("disk", text)


def database(settings: Settings, found: Mapping[str, Charter]) -> Iterator[Finding]:
    """It answers, has our version, and its clock and contents agree with us."""
    url = settings.database_url
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        yield skip("database", f"none yet; the first start makes {url.removeprefix('sqlite:///')}")
        return
    try:
        db = Database.open(url)
        try:
            yield from _inside(db, found)
        finally:
            db.close()
    except CgbotError as error:
        yield fail("database", error.public)


def _inside(db: Database, found: Mapping[str, Charter]) -> Iterator[Finding]:
    version = db.read_now(schema.version)
    if version is None:
        yield skip("database", f"{db.dialect} answers and is empty; the first start makes the tables")
        return
    if version > schema.HEAD:
        yield fail("database", f"has version {version}, of a newer cgbot; this one knows up to {schema.HEAD}")
        return
    newer = "" if version == schema.HEAD else f", the next start brings it to {schema.HEAD}"
    yield good("database", f"{db.dialect}, version {version}{newer}")
    now = datetime.now(UTC)
    newest = db.read_now(_newest_arrival)
    if newest is not None and newest > now + _CLOCK_MAY_DIFFER:
        yield fail("clock", f"it is {now:%Y-%m-%d %H:%M:%S} UTC here, but a mail came at {newest:%Y-%m-%d %H:%M:%S}")
    for charter in found.values():
        yield from db.read_now(_named_people, charter)
        if charter.companion:
            yield db.read_now(_companion, charter, charter.companion, now)
    if not newer:
        yield from db.read_now(lambda tx: tuple(archive_state.of_groups(tx, now)))


def _newest_arrival(tx: Connection) -> datetime | None:
    newest: datetime | None = tx.execute(select(func.max(arrivals.c.received_at))).scalar_one()
    return newest


def _named_people(tx: Connection, charter: Charter) -> list[Finding]:
    """The file seeds the database; from then on the database holds people and roles. Tell where the two differ."""
    rows = tx.execute(
        select(addresses.c.key, members.c.role)
        .join_from(members, groups, groups.c.id == members.c.group_id)
        .join(addresses, addresses.c.id == members.c.address_id)
        .where(groups.c.name == charter.name, members.c.state != "left")
    )
    roles = {row.key: row.role for row in rows}
    result = []
    for officer in charter.people:
        held = roles.get(address.fold(officer.address)) if officer.address else None
        if not officer.address:
            result.append(warn("people", f"{charter.name}: {officer.name} ({officer.role}) has no address in the file"))
        elif held != officer.role:
            is_now = held or "not in the group"
            result.append(
                warn("people", f"{charter.name}: {officer.address} is {officer.role} in the file, now {is_now}")
            )
    return result


def _companion(tx: Connection, charter: Charter, companion: Companion, now: datetime) -> Finding:
    """What the host's list sent us lately proves that we are subscribed; our own mail coming back, that we may post."""
    subject, reader = "companion", companion.subscribed or "cgbot's address"
    own = tx.execute(
        select(contents.c.created_at, posts.c.id)
        .join_from(contents, groups, groups.c.id == contents.c.group_id)
        .outerjoin(posts, (posts.c.group_id == groups.c.id) & (posts.c.message_id == contents.c.message_id))
        .where(
            groups.c.name == charter.name, contents.c.kind == "announcement", contents.c.created_at < now - _COMES_BACK
        )
        .order_by(contents.c.created_at.desc())
        .limit(1)
    ).one_or_none()
    if own is not None and own.id is None:
        return fail(
            subject, f"{charter.name}: our announcement of {own.created_at:%d %B %Y} did not come back from the list"
        )
    newest: datetime | None = tx.execute(
        select(func.max(posts.c.received_at)).join_from(posts, groups).where(groups.c.name == charter.name)
    ).scalar_one()
    if newest is None:
        return fail(subject, f"{charter.name}: nothing has come from the list yet: subscribe {reader}")
    text = f"{charter.name}: the list's newest mail is of {newest:%d %B %Y}"
    if newest < now - _QUIET_LIST:
        return warn(subject, f"{text}; is {reader} still subscribed?")
    return good(subject, text if own is None else f"{text}, and our announcements come back")


def clock() -> Iterator[Finding]:
    """The kernel says whether something keeps the clock right (NTP)."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS))
    except (OSError, AttributeError):
        yield skip("clock", "this system does not tell whether it is synchronized")
        return
    here = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if state == _TIME_ERROR:
        yield warn("clock", f"{here}, not synchronized: reminders are only as punctual as it is; run an NTP client")
    elif state < 0:
        yield skip("clock", f"{here}; this system does not tell whether it is synchronized")
    else:
        yield good("clock", f"{here}, synchronized")


def relay(settings: Settings) -> Iterator[Finding]:
    """The relay greets."""
    host, port = settings.relay.host, settings.relay.port
    if not host:
        yield warn("relay", f"none: outgoing mail goes to Maildirs under {settings.service.data_dir}, to nobody else")
        return
    try:
        with socket.create_connection((host, port), timeout=_SECONDS) as connection:
            greeting = b"220" if settings.relay.tls == "implicit" else connection.recv(512)
    except OSError as error:
        yield fail("relay", f"{host}:{port} does not answer: {error}")
        return
    said = greeting.decode("ascii", "replace").strip()
    yield good("relay", f"{host}:{port} answers") if said.startswith("220") else fail("relay", f"{host}:{port}: {said}")


def signatures(settings: Settings) -> Iterator[Finding]:
    """The keys of our signatures, and what DNS says of the domain and of them."""
    domain = settings.service.domain
    records: tuple[tuple[str, str], ...] = ()
    try:
        keys = signing_keys.load(settings, make=False)
    except CgbotError as error:
        yield fail("signing", error.public)
    else:
        records = keys.records() if keys else ()
        yield _signing(settings, records)
    yield from dns_records.look_up(domain, keys=records)


def _signing(settings: Settings, records: tuple[tuple[str, str], ...]) -> Finding:
    if settings.signing.enabled == "no":
        return skip("signing", "off: the relay must sign (signing.enabled)")
    if not records:
        return skip("signing", "no keys yet; the first start makes them (a domain without a dot needs none)")
    lines = "; ".join(dns_records.zone_line(name, text) for name, text in records)
    return good("signing", f"DKIM for {settings.signing_domain}; in DNS: {lines}")


def python() -> Iterator[Finding]:
    """Older ones let a decoded header write a second header line (CVE-2024-6923); cgbot cleans every header itself."""
    name = f"Python {platform.python_version()}"
    if hasattr(email.policy.default, "verify_generated_headers"):
        yield good("python", name)
    else:
        yield warn("python", f"{name} has the header injection of CVE-2024-6923; take 3.11.10, 3.12.5 or later")


def _attempt(subject: str, look: Callable[[], str]) -> Iterator[Finding]:
    try:
        yield good(subject, look())
    except CgbotError as error:
        yield fail(subject, error.public)


def _nearest(folder: Path) -> Path:
    """Give the folder, or the one in which it will be made."""
    here = folder.absolute()
    return next(one for one in (here, *here.parents) if one.exists())
