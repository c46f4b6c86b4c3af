"""
Pure rules: a group's charter, its terms of reference and settings, from config/groups/NAME.toml.

A charter is read strictly and whole: a wrong file is a ConfigError that names file, key, value and what is allowed,
and nothing of it takes effect. The file seeds the database; from then on the database holds people and roles
(records.py), the charter everything else. Every key is described in docs/charter.md.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, cast

from cgbot.errors import ConfigError
from cgbot.groups import post_policy
from cgbot.groups.post_policy import PostPolicy
from cgbot.groups.roles import ROLES
from cgbot.groups.toml import Section

Mode = Literal["host", "companion"]
Audience = Literal["public", "members", "conveners"]
Addresses = Literal["masked", "shown"]
Robots = Literal["welcome", "kept-away"]
Threads = Literal["replies", "subjects"]
Posting = Literal["members", "anyone", "conveners"]
DraftKind = Literal["liaison", "terms", "call"]
Joining = Literal["open", "approval", "invitation", "closed"]
Roster = Literal["members", "conveners"]

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,48}[a-z0-9])?")
# What an address of the group ends in; a group of such a name would take another group's mail.
_EXTENSIONS: Final = (
    "join", "leave", "subscribe", "unsubscribe", "confirm", "request", "owner", "bounces", "meetings", "contributions",
    "liaisons",
)  # fmt: skip
_RESERVED: Final = frozenset(
    ("postmaster", "abuse", "mailer-daemon", "api", "calendar", "desk", "me", "healthz", "metrics", "static", "sign-in",
     "sign-out", "rejoin")
)  # fmt: skip
JOINING: Final = ("open", "approval", "invitation", "closed")
_AUDIENCES: Final = ("public", "members", "conveners")
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Point:
    """One lettered point of the mandate, with its numbered points below."""

    label: str
    text: str
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft that the group owes its parent: a liaison statement (`to` whom), its terms of reference, or a call."""

    kind: DraftKind
    text: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class Reporting:
    """The activity report is due `months_before` the start of each meeting of the parent, same day of the month."""

    months_before: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """How long the group is to last; running out warns and stops nothing."""

    period: str
    until: date | None


@dataclass(frozen=True, slots=True)
class DigestTime:
    """When each convener gets the week's digest, on the clock of their own zone; 0 is Monday."""

    weekday: int
    hour: int


@dataclass(frozen=True, slots=True)
class Officer:
    """A person whom the charter names; without an address they are not yet a member."""

    name: str
    role: str
    honorific: str = ""
    affiliation: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of reference as text."""

    objective: str
    mandate: tuple[Point, ...]
    owes: tuple[Draft, ...]
    reporting: Reporting
    interactions: str
    list_address: str
    established: str
    source: str


@dataclass(frozen=True, slots=True)
class Companion:
    """The host of a list that lives elsewhere, and how its mail is known to be the host's."""

    list_address: str
    list_id: str
    authserv_id: str
    peer: str
    subscribed: str


@dataclass(frozen=True, slots=True)
class Charter:
    """One group as its file describes it."""

    name: str
    acronym: str
    title: str
    parent: str
    parent_title: str
    mode: Mode
    archive: Audience
    calendar: Audience
    addresses: Addresses
    robots: Robots
    threads: Threads
    zone: str
    zone_label: str
    language: str
    posting: Posting
    max_post_size: int
    reminders: tuple[timedelta, ...]
    digest: DigestTime
    terms: Terms
    term: Term
    people: tuple[Officer, ...]
    secretariat: str
    companion: Companion | None
    formerly: tuple[str, ...] = ()  # names that the group had
    posts: PostPolicy = post_policy.USUAL
    joining: Joining = "open"  # who may join by mail
    roster: Roster = "conveners"  # to whom the list of members is mailed
    file: str = ""
    source: str = field(default="", repr=False)

    @property
    def sha256(self) -> str:
        """The fingerprint of the file's text."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def address(self, domain: str, extension: str = "") -> str:
        """An address of the group at our domain: NAME@, or NAME-EXTENSION@."""
        return f"{self.name}-{extension}@{domain}" if extension else f"{self.name}@{domain}"

    def list_id(self, domain: str) -> str:
        """The List-Id of what we distribute (RFC 2919 section 2), without angle brackets."""
        return f"{self.name}.{domain}"

    def posting_address(self, domain: str) -> str:
        """Where posts go: our own address, or the host's list in a companion group."""
        return self.companion.list_address if self.companion else self.address(domain)


def load(path: Path) -> Charter:
    """Read one charter; the group's name must be the file's."""
    try:
        source = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from error
    charter = parse(source, str(path))
    if charter.name != path.stem:
        raise ConfigError(
            str(path), "name", f"{charter.name!r} is not allowed: the file of this group must be {charter.name}.toml"
        )
    return charter


def load_all(folder: Path) -> Mapping[str, Charter]:
    """Read every charter of a folder, by group name; at least one must be there."""
    charters = {charter.name: charter for charter in map(load, sorted(folder.glob("*.toml")))}
    if not charters:
        raise ConfigError(str(folder), "", "holds no charter: put a file NAME.toml for each group there")
    return MappingProxyType(charters)


def parse(source: str, file: str) -> Charter:
    """Read a charter's text; `file` is for the errors."""
    try:
        values = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, "", f"is not TOML: {error}") from error
    top = Section(file, "", values)
    posts, meetings, subscription = top.section("posts"), top.section("meetings"), top.section("subscription")
    charter = Charter(
        name=_name(top),
        acronym=top.text("acronym"),
        title=top.text("title"),
        parent=top.text("parent"),
        parent_title=top.text("parent_title", ""),
        mode=cast("Mode", top.choice("mode", ("host", "companion"), "host")),
        archive=cast("Audience", top.choice("archive", _AUDIENCES, "members")),
        calendar=cast("Audience", top.choice("calendar", _AUDIENCES, "public")),
        addresses=cast("Addresses", top.choice("addresses", ("masked", "shown"), "masked")),
        robots=cast("Robots", top.choice("robots", ("welcome", "kept-away"), "welcome")),
        threads=cast("Threads", top.choice("threads", ("replies", "subjects"), "replies")),
        zone=top.zone("zone", "Europe/Zurich"),
        zone_label=top.text("zone_label", "Geneva time"),
        language=top.language("language", "en"),
        posting=cast("Posting", posts.choice("posting", ("members", "anyone", "conveners"), "members")),
        max_post_size=posts.number("max_size", 1024, 1024 * _MEBIBYTE, 10 * _MEBIBYTE),
        reminders=meetings.spans("reminders", ["14 days", "1 day"]),
        digest=_digest(top.section("digest")),
        terms=_terms(top.section("terms")),
        term=_term(top.section("term")),
        people=tuple(map(_officer, top.sections("people"))),
        secretariat=top.address("secretariat", ""),
        companion=_companion(top),
        formerly=top.texts("formerly", []),
        posts=post_policy.read(posts),
        joining=cast("Joining", subscription.choice("policy", JOINING, "open")),
        roster=cast("Roster", subscription.choice("who", ("members", "conveners"), "conveners")),
        file=file,
        source=source,
    )
    for section in (posts, meetings, subscription, top):
        section.done()
    return charter


def _name(top: Section) -> str:
    name = top.text("name")
    allowed = "2 to 50 characters of a-z, 0-9, dot and hyphen, beginning and ending with a letter or digit"
    if not _NAME.fullmatch(name) or len(name) < len("ab"):
        raise top.wrong("name", allowed)
    if name in _RESERVED or any(name == word or name.endswith(f"-{word}") for word in _EXTENSIONS):
        raise top.wrong("name", f"this name is an address or page of cgbot itself; {allowed}")
    return name


def _terms(section: Section) -> Terms:
    reporting = section.section("reporting")
    terms = Terms(
        objective=section.prose("objective", ""),
        mandate=tuple(map(_point, section.sections("mandate"))),
        owes=tuple(map(_draft, section.sections("owes"))),
        reporting=Reporting(reporting.number("months_before", 0, 12, 1), reporting.prose("text", "")),
        interactions=section.prose("interactions", ""),
        list_address=section.address("list", ""),
        established=section.prose("established", ""),
        source=section.prose("source", ""),
    )
    reporting.done()
    section.done()
    return terms


def _point(section: Section) -> Point:
    point = Point(section.text("label"), section.prose("text"), section.texts("points", []))
    section.done()
    return point


def _draft(section: Section) -> Draft:
    kind = cast("DraftKind", section.choice("kind", ("liaison", "terms", "call")))
    draft = Draft(kind, section.prose("text"), section.text("to", ""))
    section.done()
    return draft


def _term(section: Section) -> Term:
    term = Term(section.text("period", ""), section.day("until", None))
    section.done()
    return term


def _digest(section: Section) -> DigestTime:
    day = section.choice("day", _WEEKDAYS, "Monday")
    digest = DigestTime(_WEEKDAYS.index(day), section.number("hour", 0, 23, 7))
    section.done()
    return digest


def _officer(section: Section) -> Officer:
    officer = Officer(
        name=section.text("name"),
        role=section.choice("role", tuple(ROLES)),
        honorific=section.text("honorific", ""),
        affiliation=section.text("affiliation", ""),
        address=section.address("address", ""),
    )
    section.done()
    return officer


def _companion(top: Section) -> Companion | None:
    """Read the companion's block; it must be there in that mode, and only then."""
    section = top.section("companion")
    if (top.values.get("mode") == "companion") != bool(section.values):
        problem = "is missing, but mode is 'companion'" if not section.values else "is only allowed in mode 'companion'"
        raise ConfigError(top.file, "companion", problem)
    if not section.values:
        return None
    companion = Companion(
        list_address=section.address("list"),
        list_id=section.domain("list_id"),
        authserv_id=section.text("authserv_id", ""),
        peer=_network(section.text("peer", ""), top.file),
        subscribed=section.address("subscribed", ""),
    )
    if not companion.authserv_id and not companion.peer:
        raise ConfigError(
            top.file, "companion.authserv_id", "is missing: authserv_id or peer must say how the host's mail is known"
        )
    section.done()
    return companion


def _network(value: str, file: str) -> str:
    """An IP address or network: a name would have to be looked up for each mail, and proves less."""
    try:
        if value:
            ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        problem = f"{value!r} is not allowed: an IP address or a network such as 192.0.2.0/24"
        raise ConfigError(file, "companion.peer", problem) from error
    return value
