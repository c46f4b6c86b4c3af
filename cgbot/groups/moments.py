"""Pure rules: a moment as a delegate reads it, "Thursday 6 May 2027, 10:00 Geneva time (CEST, 08:00 UTC)"."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cgbot.groups import languages

if TYPE_CHECKING:
    from cgbot.groups.charter import Charter

_LABELS: Final = {("fr", "Geneva time"): "heure de Genève"}
_BEFORE: Final = {"en": " on ", "fr": " le "}


def in_words(instant: datetime, charter: Charter, language: str = languages.ENGLISH) -> str:
    """Write an instant in the group's zone, with the zone's own abbreviation and UTC beside it."""
    tongue = languages.written(language)
    local = instant.astimezone(ZoneInfo(charter.zone))
    utc = instant.astimezone(UTC)
    label = _LABELS.get((tongue, charter.zone_label), charter.zone_label)
    other_day = "" if utc.date() == local.date() else _BEFORE[tongue] + languages.short_day(utc.date(), tongue)
    day = languages.day_in_words(local.date(), tongue)
    return f"{day}, {local:%H:%M} {label} ({local.tzname()}, {utc:%H:%M} UTC{other_day})"
