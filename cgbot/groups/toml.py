"""
Pure rules: reading a group's TOML file strictly, key by key.

Each reader takes a key out of a table and gives its value in the right type; `done` refuses whatever nobody asked
for, with the nearest known key. Every fault is a ConfigError that names file, dotted key, value and what is allowed.
What the keys mean is charter.py.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
import zoneinfo
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from cgbot.errors import ConfigError
from cgbot.mail import address

_REQUIRED: Final = object()
_SPAN: Final = re.compile(r"(\d{1,3}) (hour|day|week)s?")
_HOURS: Final = {"hour": 1, "day": 24, "week": 168}
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(slots=True)
class Section:
    """One TOML table: `path` is its dotted name, `values` what stands in it."""

    file: str
    path: str
    values: dict[str, Any]
    known: set[str] = field(default_factory=set)

    def name(self, key: str) -> str:
        """The dotted key, as errors show it."""
        return f"{self.path}.{key}" if self.path else key

    def wrong(self, key: str, allowed: str) -> ConfigError:
        """The error for a value that is not allowed."""
        return ConfigError(self.file, self.name(key), f"{self.values.get(key)!r} is not allowed: {allowed}")

    def take(self, key: str, default: Any = _REQUIRED) -> Any:
        """The raw value; a key without a default must be there."""
        self.known.add(key)
        if key in self.values:
            return self.values[key]
        if default is _REQUIRED:
            raise ConfigError(self.file, self.name(key), "is missing")
        return default

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """One line of text; it must not be empty where it is required."""
        value = self.take(key, default)
        if not isinstance(value, str) or any(unicodedata.category(one).startswith("C") for one in value):
            raise self.wrong(key, "a text on one line")
        if default is _REQUIRED and not value.strip():
            raise self.wrong(key, "a text that is not empty")
        return value.strip()

    def prose(self, key: str, default: Any = _REQUIRED) -> str:
        """Text of any number of lines, joined to one."""
        value = self.take(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return " ".join(value.split())

    def choice(self, key: str, allowed: Collection[str], default: Any = _REQUIRED) -> str:
        """One of some words."""
        value = self.take(key, default)
        if value not in allowed:
            near = difflib.get_close_matches(str(value), list(allowed), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise self.wrong(key, f"one of {', '.join(allowed)}{hint}")
        return str(value)

    def number(self, key: str, least: int, most: int, default: Any = _REQUIRED) -> int:
        """A whole number from `least` to `most`."""
        value = self.take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(key, f"a whole number from {least:,} to {most:,}")
        return value

    def flag(self, key: str, default: Any = _REQUIRED) -> bool:
        """True or false."""
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def day(self, key: str, default: Any = _REQUIRED) -> date | None:
        """A date."""
        value = self.take(key, default)
        if value is not None and type(value) is not date:
            raise self.wrong(key, "a date such as 2024-12-31, without quotation marks")
        return value

    def address(self, key: str, default: Any = _REQUIRED) -> str:
        """A mail address; empty only where it may be missing."""
        value = self.text(key, default)
        if value and not address.is_valid(value):
            raise self.wrong(key, "a mail address such as name@example.org")
        return value

    def domain(self, key: str) -> str:
        """A domain name or List-Id, lower case."""
        value = self.text(key)
        if not _DOMAIN.fullmatch(value.lower()):
            raise self.wrong(key, "a name with dots such as cg-aisec.lists.itu.int")
        return value.lower()

    def zone(self, key: str, default: Any = _REQUIRED) -> str:
        """A name of the time zone database."""
        value = self.text(key, default)
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise self.wrong(key, "a time zone name such as Europe/Zurich") from None
        return value

    def language(self, key: str, default: Any = _REQUIRED) -> str:
        """A language tag (RFC 5646), such as en or fr-CH."""
        value = self.text(key, default)
        if not _LANGUAGE.fullmatch(value):
            raise self.wrong(key, "a language tag such as en or fr-CH")
        return value

    def texts(self, key: str, default: Any = _REQUIRED) -> tuple[str, ...]:
        """A list of texts."""
        value = self.take(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one.strip() for one in value):
            raise self.wrong(key, "a list of texts")
        return tuple(" ".join(one.split()) for one in value)

    def spans(self, key: str, default: Any = _REQUIRED) -> tuple[timedelta, ...]:
        """A list such as ["14 days", "1 hour"], the longest first."""
        found = []
        for text in self.texts(key, default):
            match = _SPAN.fullmatch(text)
            if not match or not int(match[1]):
                raise ConfigError(
                    self.file,
                    self.name(key),
                    f"{text!r} is not allowed: a time such as '14 days', '1 week' or '2 hours'",
                )
            found.append(timedelta(hours=int(match[1]) * _HOURS[match[2]]))
        return tuple(sorted(set(found), reverse=True))

    def section(self, key: str) -> Section:
        """A table inside; an empty one where it is missing."""
        value = self.take(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "a table: [" + self.name(key) + "]")
        return Section(self.file, self.name(key), value)

    def sections(self, key: str) -> tuple[Section, ...]:
        """A list of tables, numbered from 1 in errors."""
        value = self.take(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.wrong(key, f"tables, each headed [[{self.name(key)}]]")
        return tuple(Section(self.file, f"{self.name(key)}[{at}]", one) for at, one in enumerate(value, 1))

    def done(self) -> None:
        """Refuse what nobody asked for."""
        for key in self.values:
            if key not in self.known:
                near = difflib.get_close_matches(key, sorted(self.known), 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(self.known))}"
                raise ConfigError(self.file, self.name(key), f"is not a key that cgbot knows; {hint}")
