"""Pure rules: a moment as a delegate reads it, "Thursday 6 May 2027, 10:00 Geneva time (CEST, 08:00 UTC)"."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from cgbot.groups.charter import Charter

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def in_words(instant: datetime, charter: Charter) -> str:
    """Write an instant in the group's zone, with the zone's own abbreviation and UTC beside it."""
    local = instant.astimezone(ZoneInfo(charter.zone))
    utc = instant.astimezone(UTC)
    day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    other_day = "" if utc.date() == local.date() else f" on {utc.day} {_MONTHS[utc.month - 1]}"
    return f"{day}, {local:%H:%M} {charter.zone_label} ({local.tzname()}, {utc:%H:%M} UTC{other_day})"
