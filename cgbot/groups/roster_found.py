"""
Pure rules: what the files of another list program tell, gathered, and what of it cgbot cannot take, by file and line.

Each program has a reader of its own (roster_mailman2, …); all of them gather here. What is told of one address in
several files is put together, the later telling counts. Nothing is dropped without a word: what cannot be read is a
problem, what can be read but not taken a remark. Reading never raises but Malformed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Final

from cgbot.errors import Malformed
from cgbot.groups import profile
from cgbot.mail import address as addresses
from cgbot.mail import charsets, headers

Files = Mapping[str, bytes]  # by their names below the folder, or the one file by its own name
_SHOWN: Final = 120
_LOOKED_AT: Final = 4000
_LONGEST: Final = 1000  # characters of a mailbox
OWN_POSTS: Final = "did not get their own posts: does here"
_MAILBOX: Final = re.compile(r"(?:(?P<name>[^<>]*?)\s*)?<(?P<address>[^<>\s]+)>")
_ANY: Final = r"(?:\.\*|\.\+|\[\^@\][*+])"
_DOMAIN: Final = re.compile(rf"\^?{_ANY}?@(?P<domain>(?:[A-Za-z0-9.-]|\\[.-])+)\$?|\*@(?P<wild>[A-Za-z0-9.-]+)")
_ONE: Final = re.compile(r"\^?(?P<address>(?:[A-Za-z0-9_=@.-]|\\[.+_-])+)\$?")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; 0 is the file as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        """Say it as the report does."""
        return f"{self.file} line {self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be told about a place."""

    place: Place
    text: str

    def __str__(self) -> str:
        """Say it as the report does."""
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber: where they stand first, and what is told of them, by the columns of a roster."""

    place: Place
    address: str
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class Leader:
    """Somebody who runs the list there: `office` is "owner" or "moderator"."""

    place: Place
    address: str
    name: str
    office: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided there about an address or an @domain: allow, hold or ban."""

    place: Place
    key: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Other:
    """Another address of somebody."""

    place: Place
    address: str
    of: str


@dataclass(frozen=True, slots=True)
class Found:
    """What was gathered; people and decisions by their folded address or key; `excluded` are not to be added."""

    people: dict[str, Person] = field(default_factory=dict)
    leaders: dict[tuple[str, str], Leader] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    others: list[Other] = field(default_factory=list)
    excluded: dict[str, Place] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    problems: list[Remark] = field(default_factory=list)

    def remark(self, place: Place, text: str) -> None:
        """Note what is not carried over."""
        self.remarks.append(Remark(place, text))

    def problem(self, place: Place, text: str) -> None:
        """Note what cannot be read."""
        self.problems.append(Remark(place, text))

    def person(self, place: Place, address: str, name: str = "", values: Mapping[str, object] | None = None) -> None:
        """Take in a subscriber, or what else is told of one."""
        if not addresses.is_valid(address):
            self.problem(place, f"{shown(address)} is not a mail address")
            return
        known = self.people.setdefault(addresses.fold(address), Person(place, address, {}))
        told = {**({"name": name} if name else {}), **(values or {})}
        for one, value in told.items():
            try:
                known.values[one] = profile.check(one, value)
            except Malformed as error:
                self.remark(place, f"{address}: {error.public}; left out")

    def leader(self, place: Place, address: str, name: str, office: str) -> None:
        """Take in an owner or a moderator."""
        if addresses.is_valid(address):
            self.leaders.setdefault((addresses.fold(address), office), Leader(place, address, name, office))
        else:
            self.problem(place, f"the {office} {shown(address)} is not a mail address")

    def decision(self, place: Place, pattern: str, verdict: str) -> None:
        """Take in a ban, or another decision, about an address, a domain, or a pattern that says one of them."""
        if key := key_of(pattern):
            self.decisions[key] = Decision(place, key, verdict)
        else:
            self.remark(place, f"{verdict} {shown(pattern)}: only single addresses and whole domains can be taken over")


def shown(text: str) -> str:
    """A foreign text on one line, bounded, as it can be told."""
    return repr("".join(one if one.isprintable() else " " for one in text[:_SHOWN]))


def key_of(pattern: str) -> str:
    """The address or @domain that a pattern of a list program stands for, "" for anything else."""
    text = pattern.strip()[:_LONGEST]
    found = ""
    if match := _DOMAIN.fullmatch(text):
        found = f"@{match['domain'] or match['wild']}"
    elif addresses.is_valid(text) and "*" not in text:
        found = text
    elif match := _ONE.fullmatch(text):
        found = match["address"]
    found = found.replace("\\", "")
    is_domain = found.startswith("@")
    if not addresses.is_valid(f"x{found}" if is_domain else found) or (is_domain and "." not in found):
        return ""
    return addresses.fold(found)


def mailbox(text: str) -> tuple[str, str] | None:
    """The name and address of a line such as "Mia Ng <mia@example.org>" or a bare address; None for anything else."""
    bare = text.strip()
    match = _MAILBOX.fullmatch(bare) if len(bare) <= _LONGEST else None
    if match is None:
        return ("", bare) if addresses.is_valid(bare) else None
    name = (match["name"] or "").strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    if name.startswith("=?"):
        name = headers.decode(name.encode("ascii", "replace"))
    return " ".join(name.split()), match["address"]


def text_of(data: bytes) -> str:
    """The text of a file in UTF-8, else in what it seems to be."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return charsets.guess(data)


def lines_of(file: str, data: bytes) -> Iterator[tuple[Place, str]]:
    """Each line that is not blank, with its place."""
    for number, line in enumerate(text_of(data).replace("\0", " ").split("\n"), 1):
        if line.strip():
            yield Place(file, number), line.rstrip()


# ------------------------------------------------------------------------------------ lists of addresses, by their name


@dataclass(frozen=True, slots=True)
class Sense:
    """What it means to stand in a file: as what, with which settings, and what is to be told about it."""

    words: frozenset[str]
    kind: str = "person"
    values: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""


def sense(words: str, kind: str = "person", remark: str = "", **values: object) -> Sense:
    """The sense of a file whose name has these words."""
    return Sense(frozenset(words.split()), kind, values, remark)


# In the order of reading: what is told later counts.
LISTS: Final[Sequence[Sense]] = (
    sense("nomail enabled"),
    sense("non moderated"),
    sense("digest mime", delivery="daily", digest_format="mime"),
    sense("digest plain", delivery="daily", digest_format="plain"),
    sense("digest plaintext", delivery="daily", digest_format="plain"),
    sense("digest", delivery="daily"),
    sense("digests", delivery="daily"),
    sense("regular", delivery="each"),
    sense("nomail byuser", delivery="none"),
    sense("nomail byadmin", remark="an administrator had switched off their mail", delivery="none"),
    sense("nomail unknown", delivery="none"),
    sense("nomail bybounce", remark="their mail had bounced: suspended", state="suspended"),
    sense("nomail bybounces", remark="their mail had bounced: suspended", state="suspended"),
    sense("nomail", delivery="none"),
    sense("moderated", posting="held"),
    sense("owner", "owner"),
    sense("owners", "owner"),
    sense("moderator", "moderator"),
    sense("moderators", "moderator"),
    sense("editor", "moderator"),
    sense("bans", "ban"),
    sense("banned", "ban"),
    sense("members"),
)


def sense_of(file: str, lists: Sequence[Sense]) -> int | None:
    """Which of these senses a file has by its name, the one of most words first; None for no sense."""
    words = frozenset(re.split(r"[^a-z]+", PurePosixPath(file).name.rpartition(".")[0].lower() or file.lower()))
    fitting = [number for number, one in enumerate(lists) if one.words <= words]
    return max(fitting, key=lambda number: (len(lists[number].words), -number), default=None)


def take_list(found: Found, file: str, data: bytes, meant: Sense) -> None:
    """Gather a file of one mailbox a line."""
    for place, line in lines_of(file, data):
        if re.fullmatch(r"\S+ has no members", line.strip()):
            continue
        box = mailbox(line)
        if box is None:
            found.problem(place, f"no mail address: {shown(line)}")
        else:
            take_mailbox(found, place, box, meant)


def take_mailbox(found: Found, place: Place, box: tuple[str, str], meant: Sense) -> None:
    """Gather one mailbox in this sense."""
    name, address = box
    if meant.kind == "person":
        found.person(place, address, name, meant.values)
    elif meant.kind in {"owner", "moderator"}:
        found.leader(place, address, name, meant.kind)
    elif meant.kind == "excluded":
        found.excluded.setdefault(addresses.fold(address), place)
    else:
        found.decision(place, address, meant.kind)
    if meant.remark:
        found.remark(place, f"{address}: {meant.remark}")


def take_lists(found: Found, files: Files, lists: Sequence[Sense] = LISTS, *, alone: bool) -> None:
    """
    Gather files of mailboxes, each as its name says.

    One whose name says nothing is a list of members where it is all that was given (`alone`), or looks like one.
    """
    order = sorted((-1 if (number := sense_of(name, lists)) is None else number, name) for name in files)
    for number, name in order:
        if number < 0 and not alone and not _looks_like_one(name, files[name]):
            found.remark(Place(name), "not read: neither its name nor its first lines are those of a roster")
            continue
        if number < 0:
            found.remark(Place(name), "its name says nothing about delivery: who stands only here gets each post")
        take_list(found, name, files[name], lists[number] if number >= 0 else sense(""))


def _looks_like_one(file: str, data: bytes) -> bool:
    first = [line for _, line in islice(lines_of(file, data[:_LOOKED_AT]), 5)]
    return bool(first) and all(mailbox(line) for line in first)
