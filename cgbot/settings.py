"""
What may be set, in which unit, with which default: pure types, one frozen dataclass a section of cgbot.toml.

Each field tells its meaning and its allowed values in its metadata, so that the reader of the file (configuration.py),
its error messages and docs/configuration.md cannot disagree. Nothing here reads a file or the environment, and no
secret is ever a field: a setting names the file that holds it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any, Final, Literal, cast

from cgbot import allowed
from cgbot.allowed import Rule

MEANING: Final = "meaning"
RULE: Final = "rule"


def _setting(default: object, meaning: str, rule: Rule = allowed.ANYTHING, *, shown: bool = True) -> Any:
    """Make a dataclass field of any type; one that is not `shown` stays out of repr."""
    return field(default=default, repr=shown, metadata={MEANING: meaning, RULE: rule})


@dataclass(frozen=True, slots=True)
class Service:
    """Who we are to the outside."""

    domain: str = _setting("localhost", "mail domain of all addresses of cgbot", allowed.DOMAIN)
    public_url: str = _setting("http://localhost:8080", "where browsers find the pages", allowed.URL)
    data_dir: Path = _setting(Path("var"), "folder of the database, the Maildirs and the secrets; made if missing")
    operator: str = _setting("", "address that is told of faults; empty: they are only logged", allowed.ADDRESS)
    groups: Path | None = _setting(None, "folder of the charters; empty: `groups` beside the configuration file")
    templates: Path | None = _setting(None, "folder of your own templates, looked up before the bundled ones")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the state is."""

    url: str = _setting(
        "",
        "`postgresql://USER@HOST/NAME?passfile=FILE` (a file as libpq's .pgpass) or `sqlite:///PATH`; "
        "empty: `cgbot.sqlite3` in data_dir",
        allowed.DATABASE,
        shown=False,  # somebody may write a password into it
    )


@dataclass(frozen=True, slots=True)
class Smtp:
    """The SMTP listener, for mail straight from the network."""

    host: str = _setting("127.0.0.1", "address to listen on; empty: no SMTP", allowed.HOST)
    port: int = _setting(8025, "port; 0: any free one", allowed.PORT)
    tls_certificate: Path | None = _setting(None, "PEM file of the certificate chain; with tls_key it offers STARTTLS")
    tls_key: Path | None = _setting(None, "PEM file of the certificate's key")


@dataclass(frozen=True, slots=True)
class Lmtp:
    """The LMTP listener, for mail from a mail server in front."""

    host: str = _setting("127.0.0.1", "address to listen on; empty: no LMTP over TCP", allowed.HOST)
    port: int = _setting(8024, "port; 0: any free one", allowed.PORT)
    socket: Path | None = _setting(None, "path of a Unix socket to listen on instead of host and port")


@dataclass(frozen=True, slots=True)
class Relay:
    """The mail server that takes what we send."""

    host: str = _setting("", "mail server for outgoing mail; empty: a Maildir a recipient under data_dir", allowed.HOST)
    port: int = _setting(25, "its port", allowed.USED_PORT)
    tls: Literal["none", "starttls", "implicit"] = _setting(
        "none", "encryption to the relay; needed with `user` unless the relay is on loopback"
    )
    user: str = _setting("", "login name; empty: no login")
    password_file: Path | None = _setting(None, "file that holds the password, readable by cgbot alone")
    connections: int = _setting(16, "connections kept open at most", allowed.between(1, 100))
    per_domain: int = _setting(12, "copies to one recipient domain on their way at once", allowed.between(1, 100))


@dataclass(frozen=True, slots=True)
class Web:
    """The HTTP listener; put a TLS proxy in front of it."""

    host: str = _setting("127.0.0.1", "address to listen on; empty: no pages", allowed.HOST)
    port: int = _setting(8080, "port; 0: any free one", allowed.PORT)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where the master keys are."""

    directory: Path | None = _setting(None, "folder of the master keys; empty: `secrets` in data_dir")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer or one message may cost; each limit names itself in the reply."""

    message_size: int = _setting(26_214_400, "octets of a message", allowed.between(1024, 1 << 30))
    line_length: int = _setting(65_536, "octets of a line with its CRLF", allowed.between(1000, 1 << 24))
    recipients: int = _setting(100, "recipients of a transaction", allowed.between(1, 10_000))
    connections: int = _setting(200, "open SMTP and LMTP connections together", allowed.between(1, 10_000))
    connections_per_peer: int = _setting(100, "open connections of one IP address", allowed.between(1, 10_000))
    errors: int = _setting(10, "wrong commands before a connection is closed", allowed.between(1, 1000))
    data_seconds: int = _setting(600, "seconds that a message may take to arrive", allowed.between(1, 7200))
    idle_seconds: int = _setting(300, "seconds without a command or an octet", allowed.between(1, 7200))
    data_rate: int = _setting(256, "octets a second that a message must reach; 0: any", allowed.between(0, 1 << 30))
    header_size: int = _setting(102_400, "octets of a header block", allowed.between(1000, 1 << 24))
    parts: int = _setting(1000, "MIME parts that are looked at", allowed.between(1, 100_000))
    asked_per_hour: int = _setting(
        60, "mails within an hour that ask strangers to confirm, in all", allowed.between(1, 100_000)
    )
    asked_per_domain: int = _setting(20, "of them to addresses of one domain", allowed.between(1, 100_000))
    asked_per_network: int = _setting(
        30, "of them asked for from one network (/24, /48) that connects to us itself", allowed.between(1, 100_000)
    )
    depth: int = _setting(20, "levels of MIME parts that are looked at", allowed.between(1, 100))


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is finished is kept beside the archive."""

    discarded_days: int = _setting(30, "days that a discarded message is kept", allowed.between(1, 36_500))
    deliveries_days: int = _setting(180, "days that a finished delivery is kept", allowed.between(1, 36_500))


@dataclass(frozen=True, slots=True)
class Notices:
    """When the clock speaks."""

    daily_at: time = _setting(time(8, 0), "wall time of the conveners' daily mail")
    zone: str = _setting("Europe/Zurich", "time zone of daily_at, and of times without one (Geneva)", allowed.ZONE)
    undo_minutes: int = _setting(
        10, "minutes in which an order can be undone; 0: done at once", allowed.between(0, 120)
    )
    tick_seconds: int = _setting(20, "seconds between two looks at what is due", allowed.between(1, 3600))


@dataclass(frozen=True, slots=True)
class AuthenticationSettings:
    """Whose word counts for who wrote a mail (RFC 8601)."""

    trusted: tuple[str, ...] = _setting((), "authserv-ids whose Authentication-Results are believed")
    trusted_peers: tuple[str, ...] = _setting(
        ("127.0.0.1", "::1"), "addresses or networks of the servers in front that add them", allowed.NETWORKS
    )
    check: Literal["none", "own"] = _setting(
        "none", "`own`: check DKIM, SPF and DMARC ourselves too, by DNS; `none`: ask no DNS"
    )
    rewrite_from: tuple[str, ...] = _setting(
        ("gmail.com", "googlemail.com"),
        'domains whose mail is refused without their signature though their policy is none; with `check = "own"`',
    )


@dataclass(frozen=True, slots=True)
class Signing:
    """What proves that our mail is ours (RFC 6376, 8463, 8617)."""

    enabled: Literal["yes", "no"] = _setting(
        "yes", "`yes`: sign what we send (DKIM) and seal posts (ARC); `no`: the relay signs"
    )
    domain: str = _setting("", "domain of the signatures; empty: `service.domain`", allowed.HOST)
    selector: str = _setting("cgbot", "selector of the RSA key; the Ed25519 key is at SELECTOR-ed")


@dataclass(frozen=True, slots=True)
class Log:
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = _setting("info", "the least serious line that is written")
    form: Literal["auto", "console", "json"] = _setting(
        "auto", "`auto`: for readers on a terminal, JSON lines elsewhere"
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it; `file` is where it was read from, None for the defaults alone."""

    service: Service = field(default_factory=Service)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    smtp: Smtp = field(default_factory=Smtp)
    lmtp: Lmtp = field(default_factory=Lmtp)
    relay: Relay = field(default_factory=Relay)
    web: Web = field(default_factory=Web)
    secrets: Secrets = field(default_factory=Secrets)
    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    notices: Notices = field(default_factory=Notices)
    authentication: AuthenticationSettings = field(default_factory=AuthenticationSettings)
    signing: Signing = field(default_factory=Signing)
    log: Log = field(default_factory=Log)
    file: Path | None = None

    @property
    def database_url(self) -> str:
        """The URL that the engine gets; SQLite in data_dir unless one is set."""
        return self.database.url or f"sqlite:///{self.service.data_dir.absolute() / 'cgbot.sqlite3'}"

    @property
    def secrets_directory(self) -> Path:
        """The folder of the master keys."""
        return self.secrets.directory or self.service.data_dir / "secrets"

    @property
    def signing_domain(self) -> str:
        """The domain that our signatures name."""
        return self.signing.domain or self.service.domain

    @property
    def groups_directory(self) -> Path:
        """The folder of the charters, one TOML file a group."""
        return self.service.groups or (self.file.parent if self.file else bundled("config")) / "groups"

    @property
    def template_folders(self) -> tuple[Path, ...]:
        """Where templates are looked up, the operator's folder first."""
        own = self.service.templates
        return (own, bundled("templates")) if own else (bundled("templates"),)


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its section, name, type, default, meaning and rule."""

    section: str
    name: str
    type: str
    default: object
    meaning: str
    rule: Rule

    def __str__(self) -> str:
        """Name it as errors and the documentation do: `smtp.port`."""
        return f"{self.section}.{self.name}"


def all_keys() -> tuple[Key, ...]:
    """Give every setting in the order of the file."""
    return tuple(
        Key(section, one.name, str(one.type), one.default, one.metadata[MEANING], one.metadata[RULE])
        for section, factory in sections().items()
        for one in dataclasses.fields(factory)
    )


def sections() -> dict[str, type[Any]]:
    """Give the dataclass of each section."""
    found = ((one.name, cast("Any", one.default_factory)) for one in dataclasses.fields(Settings))
    return {name: factory for name, factory in found if isinstance(factory, type)}


def bundled(kind: str) -> Path:
    """Find a bundled folder, `templates` or `config`: in the wheel, or beside the package in a checkout."""
    packaged = Path(__file__).parent / kind
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / kind
