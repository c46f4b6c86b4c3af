"""
Pure rules: the rosters of LISTSERV: what its commands REVIEW, GET and QUERY answer.

REVIEW gives the list's header, lines that begin with an asterisk, and a line of address and name for each subscriber;
`QUERY list FOR *@*` the options of each; `QUERY list WITH NOMAIL FOR *@*` those who have one option, in a file that is
called after it. A list's own file (GET) hides the options of its lines in columns behind the 80th, which are its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cgbot.groups.roster_found import (
    OWN_POSTS,
    Files,
    Found,
    Place,
    Sense,
    lines_of,
    mailbox,
    sense,
    sense_of,
    shown,
    take_mailbox,
)
from cgbot.mail.address import fold, is_valid

# In the order of reading: NOMAIL counts whatever form the mail would have.
LISTS: Final = (
    sense("html", digest_format="mime"),
    sense("digest", delivery="daily"),
    sense("digests", delivery="daily"),
    sense("index", remark="had an index of subjects: a daily digest here", delivery="daily"),
    sense("nopost", remark="could not post: an observer here", role="observer"),
    sense("reviewed", posting="held"),
    sense("nomail", delivery="none"),
)
_OPTIONS: Final[Mapping[str, Sense]] = MappingProxyType(
    {next(iter(one.words)).upper(): one for one in LISTS}
    | {"REVIEW": sense("", posting="held"), "EDITOR": sense("", remark="could post unmoderated")}
    | {"NOREPRO": sense("", remark=OWN_POSTS)}
)
_HARMLESS: Final = frozenset(
    {
        "MAIL", "FULLHDR", "SHORTHDR", "DUALHDR", "IETFHDR", "SUBJECTHDR", "FULLBSMTP", "SHORTBSMTP", "REPRO",
        "ACK", "NOACK", "MSGACK", "MIME", "NOMIME", "NOHTML", "NODIGEST", "NODIGESTS", "NOINDEX",
        "POST", "NOREVIEW", "NOEDITOR", "RENEW", "NORENEW", "CONCEAL", "NOCONCEAL",
    }
)  # fmt: skip
_OPTION: Final = re.compile(r"\s{0,4}([A-Z]{3,12})\s+\S.*")
_ABOUT: Final = re.compile(r"\W*Subscription options for (?P<who>.+?),\s+list\s+(?P<list>\S+?):?\s*", re.IGNORECASE)
_OWNER: Final = re.compile(r"\*\s*(Owner|Editor|Moderator)\s*=\s*(.*)", re.IGNORECASE)
_FILTER: Final = re.compile(r"\*\s*Filter\s*=\s*(.*)", re.IGNORECASE)
_SUBSCRIBER: Final = re.compile(r"\s*(?P<address>\S+@\S+)(?:\s+(?P<name>.*))?")
_TALK: Final = re.compile(
    r"\W*(?:subscription date|the topics you subscribe|summary of resource|cpu time|overhead cpu|cpu model|>"
    r"|total number|there (?:is|are) \d|no (?:user|subscriber)|\d+ subscri).*",
    re.IGNORECASE,
)
_FIELDS: Final = 80  # columns of address and name in a list's own file


def read(files: Files) -> Found:
    """Gather what a folder of such answers, or one of them, tells."""
    found = Found()
    order = sorted((-1 if (rank := sense_of(name, LISTS)) is None else rank, name) for name in files)
    for rank, name in order:
        _take_file(found, name, files[name], LISTS[rank] if rank >= 0 else sense(""))
    return found


def _take_file(found: Found, file: str, data: bytes, meant: Sense) -> None:
    asked = ("", "")
    for place, line in lines_of(file, data):
        if line.startswith("*"):
            _take_header(found, place, line)
        elif about := _ABOUT.fullmatch(line):
            asked = _take_asked(found, place, about["who"], meant)
        elif asked[1] and (option := _OPTION.fullmatch(line)):
            _take_option(found, place, asked, option[1])
        elif not _TALK.match(line):
            _take_subscriber(found, place, line, meant)


def _take_asked(found: Found, place: Place, who: str, meant: Sense) -> tuple[str, str]:
    """Whose options follow."""
    box = mailbox(who)
    if box is None:
        found.problem(place, f"options of somebody without an address: {shown(who)}; ask with FOR *@*")
        return ("", "")
    take_mailbox(found, place, box, meant)
    return box


def _take_option(found: Found, place: Place, asked: tuple[str, str], word: str) -> None:
    meant = _OPTIONS.get(word)
    if meant is None:
        if word not in _HARMLESS:
            found.remark(place, f"{asked[1]}: the option {word} is not carried over")
        return
    known = found.people.get(fold(asked[1]))
    if not (known and known.values.get("delivery") == "none" and "delivery" in meant.values):
        take_mailbox(found, place, asked, meant)


def _take_subscriber(found: Found, place: Place, line: str, meant: Sense) -> None:
    match = _SUBSCRIBER.fullmatch(line[:_FIELDS])
    box = mailbox(line) or (mailbox(f"{match['name'] or ''} <{match['address']}>") if match else None)
    if box is None or not is_valid(box[1]):
        found.problem(place, f"no subscriber: {shown(line)}")
        return
    take_mailbox(found, place, box, meant)
    if line[_FIELDS:].strip():
        found.remark(place, f"{box[1]}: the options in the list's own file cannot be read; use QUERY … FOR *@*")


def _take_header(found: Found, place: Place, line: str) -> None:
    """A line of the header: people; what is about the list is not carried over."""
    if owner := _OWNER.fullmatch(line):
        office = "owner" if owner[1].lower() == "owner" else "moderator"
        for piece in re.split(r",(?![^()]*\))", owner[2]):
            _take_owner(found, place, piece.strip(), office)
    elif filtered := _FILTER.fullmatch(line):
        for piece in filtered[1].split(","):
            if "@" in piece:
                found.decision(place, piece.strip(), "ban")
    elif "=" in line:
        found.remark(Place(place.file), "the settings in the header are not carried over: see the group's file")


def _take_owner(found: Found, place: Place, piece: str, office: str) -> None:
    match = re.fullmatch(r"(\S+@\S+?)\s*(?:\(([^()]*)\))?", piece)
    if match:
        found.leader(place, match[1], (match[2] or "").strip(), office)
    elif piece:
        found.remark(place, f"{office} {shown(piece)}: not an address")
