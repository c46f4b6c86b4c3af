"""
Pure rules: the rosters of Sympa: its dumps (`sympa dump`), `sympa review`, its blocklist and exclusions.

A dump has a block of "key value" lines for each person, as Sympa::List::dump_users writes it: member.dump, owner.dump,
editor.dump, formerly subscribers.db.dump. An old list's `config` has such blocks for its owners and editors. Who is in
the exclusion table had left a list that was filled from elsewhere, and is not added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

from cgbot.groups.roster_found import LISTS, OWN_POSTS, Files, Found, Place, lines_of, mailbox, sense, shown, take_lists
from cgbot.mail.address import is_valid

# What each reception mode is here, and what is lost by it.
_RECEPTION: Final = MappingProxyType(
    {
        "mail": ({"delivery": "each"}, ""),
        "digest": ({"delivery": "daily", "digest_format": "mime"}, ""),
        "digestplain": ({"delivery": "daily", "digest_format": "plain"}, ""),
        "summary": ({"delivery": "daily", "digest_format": "plain"}, "had summaries: a daily digest here"),
        "notice": ({"delivery": "daily", "digest_format": "plain"}, "had notices of subjects: a daily digest here"),
        "nomail": ({"delivery": "none"}, ""),
        "txt": ({"delivery": "each"}, "had the plain text alone: whole posts here"),
        "html": ({"delivery": "each"}, "had HTML alone: whole posts here"),
        "urlize": ({"delivery": "each", "attachments": "link"}, ""),
        "not_me": ({"delivery": "each"}, OWN_POSTS),
    }
)
# What is in a dump and has no meaning for another program.
_DROPPED: Final = frozenset(
    {
        "date", "update_date", "visibility", "bounce", "bounce_score", "bounce_address", "id", "inclusion", "included",
        "inclusion_ext", "inclusion_label", "subscribed", "number_messages", "password", "profile", "info", "role",
    }
)  # fmt: skip
_TAKEN: Final = frozenset({"email", "gecos", "reception", "suspend", "startdate", "enddate", "lang"})
_HEAD: Final = re.compile(r"\d+ (?:(?P<which>bounced|suspended) )?member\(s\) in list .*|-{5,}")
_BLOCK_FILE: Final = re.compile(r"(?P<role>member|owner|editor|subscribers)(?:\.db)?(?:\.dump)?(?:\.old)?")
_BLOCKED: Final = (sense("blocklist", "ban"), sense("blacklist", "ban"), sense("exclusion", "excluded"))
_ROLES: Final = MappingProxyType({"owner": "owner", "editor": "moderator"})


def read(files: Files, now: datetime) -> Found:
    """Gather what a list's folder, or one of its files, tells; `now` decides which suspensions last."""
    found = Found()
    lists: dict[str, bytes] = {}
    for name, data in sorted(files.items()):
        base = PurePosixPath(name).name
        match = _BLOCK_FILE.fullmatch(base)
        if base == "config":
            _take_config(found, name, data)
        elif match or re.search(rb"^email \S+@", data, re.MULTILINE):
            role = match["role"] if match else "member"
            for place, block in _blocks(name, data):
                _take(found, place, block, role, now)
            found.remark(Place(name), "the dates of subscriptions and the counts of bounces are not carried over")
        elif re.search(r"bl(?:ock|ack)list|exclu", base):
            _take_patterns(found, name, data)
        elif re.search(rb"member\(s\) in list", data):
            _take_review(found, name, data)
        else:
            lists[name] = data
    take_lists(found, lists, LISTS, alone=len(files) == 1)
    return found


def _blocks(file: str, data: bytes) -> Iterator[tuple[Place, list[tuple[Place, str, str]]]]:
    """Each block of lines as (place, key, value)."""
    block: list[tuple[Place, str, str]] = []
    last = 0
    for place, line in lines_of(file, data):
        if place.line != last + 1 and block:
            yield block[0][0], block
            block = []
        last = place.line
        key, _, value = line.strip().partition(" ")
        block.append((place, key, value.strip()))
    if block:
        yield block[0][0], block


def _take(found: Found, place: Place, block: list[tuple[Place, str, str]], role: str, now: datetime) -> None:
    """One block of a dump: a subscriber, an owner or an editor."""
    told = {key: value for _, key, value in block}
    email = told.get("email", "")
    if not is_valid(email):
        found.problem(place, f"a block without a mail address: {shown(' / '.join(f'{k} {v}' for _, k, v in block))}")
        return
    if role in _ROLES:
        found.leader(place, email, told.get("gecos", ""), _ROLES[role])
        return
    values, remarks = _settings(told, now)
    found.person(place, email, told.get("gecos", ""), values)
    for remark in remarks:
        found.remark(place, f"{email}: {remark}")
    for where, key, value in block:
        if key not in _TAKEN | _DROPPED and value:
            found.remark(where, f"{email}: {key} {shown(value)} is not carried over")


def _settings(told: Mapping[str, str], now: datetime) -> tuple[dict[str, object], list[str]]:
    """What a subscriber gets, and what is to be told of it."""
    reception = told.get("reception", "") or "mail"
    known, remark = _RECEPTION.get(reception, ({"delivery": "each"}, f"reception {shown(reception)}: each post here"))
    values: dict[str, object] = dict(known)
    remarks = [remark] if remark else []
    if told.get("visibility") == "conceal":
        remarks.append("was hidden from the list of members")
    if told.get("lang"):
        values["language"] = told["lang"].replace("_", "-")
    if told.get("suspend") not in {None, "", "0"}:
        remarks += _suspension(told, now, values)
    return values, remarks


def _suspension(told: Mapping[str, str], now: datetime, values: dict[str, object]) -> list[str]:
    """A suspension from a day to a day, or without an end."""
    start, end = _moment(told.get("startdate", "")), _moment(told.get("enddate", ""))
    if start and start > now:
        return [f"no mail was wanted from {start:%Y-%m-%d}{f' to {end:%Y-%m-%d}' if end else ''}: not carried over"]
    if end is None:
        values["delivery"] = "none"
    elif end > now:
        values["away_until"] = end
    return []


def _moment(text: str) -> datetime | None:
    """The moment of seconds since 1970."""
    try:
        return datetime.fromtimestamp(int(text), UTC) if int(text) else None
    except (ValueError, OverflowError, OSError):
        return None


def _take_config(found: Found, file: str, data: bytes) -> None:
    """The owners and editors whom the config of an old list names."""
    for place, block in _blocks(file, data):
        heading = block[0][1] if not block[0][2] else ""
        told = {key: value for _, key, value in block[1:]}
        if heading in _ROLES and told.get("email"):
            found.leader(place, told["email"], told.get("gecos", ""), _ROLES[heading])
    found.remark(
        Place(file), "only people are carried over, not the settings of the list: those are in the group's file"
    )


def _take_patterns(found: Found, file: str, data: bytes) -> None:
    """A blocklist or the exclusions: a pattern a line, or the lines that an SQL client prints."""
    excluding = "exclu" in file
    for place, line in lines_of(file, data):
        if line.lstrip().startswith(("#", "+-", "-")) or "user_exclusion" in line:
            continue
        words = [word.strip(",;\"'") for word in re.split(r"[\s|]+", line) if "@" in word]
        box = mailbox(words[0]) if words else None
        if excluding and box:
            found.excluded.setdefault(box[1].lower(), place)
        elif excluding or not words:
            found.remark(place, f"{shown(line)} is not carried over")
        else:
            found.decision(place, words[0], "ban")


def _take_review(found: Found, file: str, data: bytes) -> None:
    """What `sympa review --status` prints."""
    which = ""
    values: Mapping[str, Mapping[str, object]] = {"bounced": {}, "suspended": {"delivery": "none"}}
    for place, line in lines_of(file, data):
        if head := _HEAD.fullmatch(line.strip()):
            which = head["which"] or ""
            continue
        box = mailbox(line)
        if box is None:
            found.problem(place, f"no mail address: {shown(line)}")
            continue
        found.person(place, box[1], box[0], values.get(which, {}))
    found.remark(Place(file), "says nothing about reception: who stands only here gets each post; use `sympa dump`")
