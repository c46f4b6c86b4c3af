"""
Pure rules: what a member writes to change their own settings, read into fields of groups.profile.

One setting a line, with or without "set" before it: "daily", "none until 1 June 2027", "organization CMCC",
"attachments: link", "address new@example.org". Old habits are understood ("nomail", "digest"); the list's own name
behind "set" is passed over. Keys may be English or French. `read` raises Malformed with what is allowed; a day is what
the calendar says, and becomes an instant in the member's zone later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

from cgbot.errors import Malformed
from cgbot.groups import languages, own_words, profile

ALLOWED: Final = (
    "each, daily, weekly, none, none until a date, or one of name, organization, country, zone, language, invitations, "
    "attachments, digest, address with its value"
)
CLOSED: Final = frozenset({"delivery", "away_until", "invitations", "attachments", "digest_format", "zone"})
ADD: Final = "add_address"
REMOVE: Final = "remove_address"
ADDRESSES: Final = frozenset({"address", ADD, REMOVE})
_FURTHEST: Final = timedelta(days=730)
_MOST: Final = 30  # settings of one mail
_LONGEST: Final = 1000  # characters of one
_WORDS: Final[Mapping[str, tuple[str, object]]] = MappingProxyType(
    {
        "each": ("delivery", "each"), "mail": ("delivery", "each"), "nodigest": ("delivery", "each"),
        "daily": ("delivery", "daily"), "digest": ("delivery", "daily"), "digests": ("delivery", "daily"),
        "weekly": ("delivery", "weekly"), "none": ("delivery", "none"), "nomail": ("delivery", "none"),
        "chacun": ("delivery", "each"), "quotidien": ("delivery", "daily"), "hebdomadaire": ("delivery", "weekly"),
        "aucun": ("delivery", "none"), "back": ("away_until", None), "retour": ("away_until", None),
    }
)  # fmt: skip
_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "posts": "delivery", "delivery": "delivery", "messages": "delivery", "name": "name", "nom": "name",
        "organization": "organization", "organisation": "organization", "affiliation": "organization",
        "company": "organization", "country": "country", "pays": "country", "zone": "zone", "timezone": "zone",
        "time zone": "zone", "fuseau": "zone", "fuseau horaire": "zone", "language": "language", "langue": "language",
        "invitations": "invitations", "invitation": "invitations", "attachments": "attachments",
        "attachment": "attachments", "pièces jointes": "attachments", "digest": "digest_format",
        "digests": "digest_format", "résumés": "digest_format", "address": "address", "adresse": "address",
        "email": "address",
    }
)  # fmt: skip
_VALUES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("invitations", "on"): "yes", ("invitations", "off"): "no", ("invitations", "oui"): "yes",
        ("invitations", "non"): "no", ("attachments", "links"): "link", ("attachments", "lien"): "link",
        ("attachments", "liens"): "link", ("digest_format", "text"): "plain", ("language", "english"): "en",
        ("language", "french"): "fr", ("language", "français"): "fr", ("language", "anglais"): "en",
    }
)  # fmt: skip
_UNTIL: Final = re.compile(
    r"(?:(?:none|nomail|no mail|away|vacation|aucun|absent)\s+)?(?:until|till|jusqu['’]au|jusqu['’]à)\s+(.{1,60})",
    re.IGNORECASE,
)
_COMMAND: Final = re.compile(r"\s*(?:quiet\s+)?(set|add|remove)\b[\s:]*(.*)", re.IGNORECASE)  # QUIET: LISTSERV
_OTHER_ADDRESS: Final = re.compile(r"(?:address|adresse)\b[\s:]*<?([^\s<>]{3,254})>?\s*", re.IGNORECASE)
_ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DOTTED: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th|er|e)?\.?\s+([^\W\d]{3,12})\.?,?(?:\s+(\d{4}))?")
_MONTH_FIRST: Final = re.compile(r"([^\W\d]{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?(?:\s+(\d{4}))?")


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading depends on: the member's day, and the names by which the list itself may be called."""

    today: date
    own_names: Collection[str] = ()


def read(subject: str, text: str, reader: Reader) -> Mapping[str, object]:
    """
    Every setting of a mail, the last one of a field counts.

    `away_until` is a date or None. Raises Malformed for a line behind "set" that says nothing known, and where there is
    no setting at all.
    """
    found: dict[str, object] = {}
    for line in _lines(subject, text)[:_MOST]:
        found.update(_line(line, reader))
    if "delivery" in found:
        found.setdefault("away_until", None)  # "set each" ends an absence, "each" beside "none until" does not
    if not found:
        raise Malformed(f"what to set is missing: {ALLOWED}")
    return MappingProxyType(found)


def of_form(fields: Mapping[str, str], today: date) -> Mapping[str, object]:
    """
    The settings of a form by the names of groups.profile; `away_until` is an ISO date, "" for none.

    Raises Malformed.
    """
    found = {name: profile.check(name, value) for name, value in fields.items() if name != "away_until"}
    if "away_until" in fields:
        found["away_until"] = _day(fields["away_until"].strip(), today) if fields["away_until"].strip() else None
    return MappingProxyType(found)


def _lines(subject: str, text: str) -> list[str]:
    """The subject where it is a command, and the lines of the text that can be settings."""
    lines = own_words.own_lines(text)
    first = own_words.first(lines)
    below = [line.strip() for line in lines[first:]] if first is not None else []
    bare = re.sub(r"^\s*(?:(?:re|fwd?)\s*:\s*)+", "", subject, flags=re.IGNORECASE).strip()
    head = [bare] if _COMMAND.fullmatch(bare) else []
    return head + [line for line in below if _is_setting(line)]


def _is_setting(line: str) -> bool:
    """A command, a single word of the table, or a known key with a colon."""
    key, colon, _ = line.partition(":")
    return bool(_COMMAND.fullmatch(line)) or line.lower() in _WORDS or bool(colon and key.strip().lower() in _KEYS)


def _line(line: str, reader: Reader) -> Mapping[str, object]:
    match = _COMMAND.fullmatch(line)
    verb, rest = (match[1].lower(), match[2]) if match else ("set", line)
    rest = rest.strip()[:_LONGEST].rstrip(".,;!")
    first, _, after = rest.partition(" ")
    if verb == "set" and (first == "*" or first.lower() in reader.own_names):
        rest = after.strip()
    if verb == "set" and not rest:
        return {}
    if verb != "set":
        return {ADD if verb == "add" else REMOVE: _other_address(rest)}
    return _setting(rest, reader)


def _setting(text: str, reader: Reader) -> Mapping[str, object]:
    if until := _UNTIL.fullmatch(text):
        return {"away_until": _day(until[1].strip(), reader.today)}
    words = text.lower().split()
    if words and all(word in _WORDS for word in words):
        return dict(_WORDS[word] for word in words)
    for key in sorted(_KEYS, key=len, reverse=True):
        if text.lower().startswith(key) and text[len(key) : len(key) + 1] in {" ", ":", "=", ""}:
            return _field(_KEYS[key], text[len(key) :].strip(" :="), reader)
    raise Malformed(f'"{_shown(text)}" is not something to set; allowed are {ALLOWED}')


def _shown(text: str) -> str:
    return "".join(one for one in text[:60] if one.isprintable())


def _field(field: str, value: str, reader: Reader) -> Mapping[str, object]:
    if field == "delivery":
        if value.lower() not in _WORDS and not _UNTIL.fullmatch(value):
            raise Malformed("posts: allowed are each, daily, weekly, none, none until a date")
        return _setting(value, reader)
    if field == "address":
        return {"address": profile.check("address", value.strip("<>"))}
    word = _VALUES.get((field, value.lower()), value)
    return {field: profile.check(field, word)}


def _other_address(text: str) -> str:
    match = _OTHER_ADDRESS.fullmatch(text)
    if match is None:
        raise Malformed("the address is missing: add address other@example.org, remove address old@example.org")
    return str(profile.check("address", match[1]))


def _day(text: str, today: date) -> date:
    """A day to come within two years. Raises Malformed."""
    found = _date(" ".join(text.lower().split()).rstrip(".,"), today)
    if found is None:
        raise Malformed(f'"{_shown(text)}" is not a day: write it as 2027-06-01 or 1 June 2027')
    if not today < found <= today + _FURTHEST:
        raise Malformed(f"{found.isoformat()} is not allowed: a day after today, within two years")
    return found


def _date(text: str, today: date) -> date | None:
    """ISO 8601, 1.6.2027, "1 June 2027", "June 1, 2027"; without a year the next such day."""
    if match := _ISO.fullmatch(text):
        return _made(int(match[1]), int(match[2]), int(match[3]))
    if match := _DOTTED.fullmatch(text):
        return _made(int(match[3]), int(match[2]), int(match[1]))
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year = int(match[1]), languages.month_of(match[2]), match[3]
    elif match := _MONTH_FIRST.fullmatch(text):
        day, month, year = int(match[2]), languages.month_of(match[1]), match[3]
    else:
        return None
    if year:
        return _made(int(year), month, day)
    found = _made(today.year, month, day)
    return found if found and found > today else _made(today.year + 1, month, day)


def _made(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def in_lines(values: Mapping[str, object], language: str, *, hidden: bool = False) -> Sequence[tuple[str, str]]:
    """
    Settings as (name, value) in words of this language; one of the addresses is none of them.

    `hidden`: a value that its writer could choose freely is not shown, since nothing proves who wrote it.
    """
    return [(languages.word(language, name), _value(name, value, language, hidden=hidden))
            for name, value in values.items() if name not in ADDRESSES]  # fmt: skip


def _value(name: str, value: object, language: str, *, hidden: bool) -> str:
    if hidden and name not in CLOSED and not (name == "language" and languages.known(str(value)) == value):
        return languages.word(language, "hidden")
    if isinstance(value, bool):
        return languages.word(language, f"{name} {'yes' if value else 'no'}")
    if isinstance(value, date):
        return languages.day_in_words(value, language)
    if value is None or value == "":
        return languages.word(language, "nothing")
    if name == "language":
        return languages.LANGUAGES.get(languages.known(str(value)), str(value))
    key = f"{name} {value}"
    found = languages.word(language, key)
    return str(value) if found == key else found
