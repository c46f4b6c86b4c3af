"""
Pure rules: what may be said about a member, field by field.

`check` gives a value in its normal form or raises Malformed with the field, the value and what is allowed; commands,
rosters and mails use the same table.
"""

from __future__ import annotations

import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from cgbot.errors import Malformed
from cgbot.groups.roles import ROLES
from cgbot.mail import address

DELIVERIES: Final = ("each", "daily", "weekly", "none")
STATES: Final = ("active", "suspended")
POSTING: Final = ("", "free", "held")
ATTACHMENTS: Final = ("full", "link")
DIGEST_FORMATS: Final = ("mime", "plain")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LONGEST: Final = 200
_YES: Final = frozenset({"yes", "true", "1", "y"})
_NO: Final = frozenset({"no", "false", "0", "n"})


def check(field: str, value: object) -> object:
    """Give the value in its normal form. Raises Malformed."""
    rule = RULES.get(field)
    if rule is None:
        raise Malformed(f"{field} is not something that cgbot knows about a member; known: {', '.join(RULES)}")
    return rule(field, value)


def _wrong(field: str, value: object, allowed: str) -> Malformed:
    return Malformed(f"{field}: {value!r} is not allowed: {allowed}")


def _text(field: str, value: object) -> str:
    text = " ".join(str(value).split()) if isinstance(value, str) else ""
    if not isinstance(value, str) or len(text) > _LONGEST:
        raise _wrong(field, value, f"a text of at most {_LONGEST} characters")
    if any(unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for one in value.strip()):
        raise _wrong(field, value, "a text on one line, without control characters")
    return text


def _one_of(allowed: Collection[str]) -> Callable[[str, object], str]:
    def rule(field: str, value: object) -> str:
        word = str(value).strip().lower()
        if word not in allowed:
            raise _wrong(field, value, f"one of {', '.join(filter(None, allowed))}")
        return word

    return rule


def _address(field: str, value: object) -> str:
    text = str(value).strip()
    if not address.is_valid(text):
        raise _wrong(field, value, "a mail address such as name@example.org")
    return text


def _zone(field: str, value: object) -> str:
    text = _text(field, value)
    try:
        if text:
            zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise _wrong(field, value, "a time zone name such as Asia/Seoul") from None
    return text


def _language(field: str, value: object) -> str:
    text = _text(field, value)
    if text and not _LANGUAGE.fullmatch(text):
        raise _wrong(field, value, "a language tag such as en or zh-Hans")
    return text


def _yes_or_no(field: str, value: object) -> bool:
    word = str(value).strip().lower()
    if word not in _YES | _NO:
        raise _wrong(field, value, "yes or no")
    return word in _YES


def _instant(field: str, value: object) -> datetime | None:
    """An aware instant in UTC, also as ISO 8601 text with an offset; None and "" mean none."""
    if value is None or value == "":
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise _wrong(field, value, "a time with an offset such as 2027-05-20T09:00+02:00")
    return found.astimezone(UTC)


RULES: Final[Mapping[str, Callable[[str, object], object]]] = MappingProxyType(
    {
        "address": _address,
        "name": _text,
        "role": _one_of(tuple(ROLES)),
        "delivery": _one_of(DELIVERIES),
        "invitations": _yes_or_no,
        "organization": _text,
        "country": _text,
        "zone": _zone,
        "language": _language,
        "state": _one_of(STATES),
        "posting": _one_of(POSTING),
        "away_until": _instant,
        "attachments": _one_of(ATTACHMENTS),
        "digest_format": _one_of(DIGEST_FORMATS),
    }
)
