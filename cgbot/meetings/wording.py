"""
A meeting's time as a delegate reads it (pure rules).

"Thursday 16 May 2024, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)"; days for whole-day meetings; the UTC date
where it differs from the local one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from cgbot.groups.charter import Charter

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def day(moment: datetime) -> str:
    """`Thursday 16 May 2024`."""
    return f"{_DAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


class Timed(Protocol):
    """What has a time: a meeting, or the time of one that is only proposed."""

    @property
    def zone(self) -> str:
        """Its IANA zone."""
        ...

    @property
    def starts_at(self) -> datetime:
        """Its start."""
        ...

    @property
    def ends_at(self) -> datetime:
        """Its end, exclusive."""
        ...

    @property
    def whole_days(self) -> bool:
        """Whether it has days instead of times."""
        ...


def when(meeting: Timed, charter: Charter) -> str:
    """The time of a meeting, in its own zone and in UTC."""
    zone = ZoneInfo(meeting.zone)
    start, end = meeting.starts_at.astimezone(zone), meeting.ends_at.astimezone(zone)
    if meeting.whole_days:
        last = end - timedelta(days=1)
        return day(start) if start.date() == last.date() else f"{day(start)} to {day(last)}"
    label = (
        charter.zone_label
        if meeting.zone == charter.zone
        else meeting.zone.rpartition("/")[2].replace("_", " ") + " time"
    )
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{day(end)}, {end:%H:%M}"
    return f"{day(start)}, {start:%H:%M}-{until} {label} ({start.tzname()}, {_in_utc(meeting, start)})"


def _in_utc(meeting: Timed, local: datetime) -> str:
    start, end = meeting.starts_at.astimezone(UTC), meeting.ends_at.astimezone(UTC)
    date = "" if start.date() == local.date() else f" on {start.day} {_MONTHS[start.month - 1]}"
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%H:%M} on {end.day} {_MONTHS[end.month - 1]}"
    return f"{start:%H:%M}-{until} UTC{date}"


def short(meeting: Timed, charter: Charter) -> str:
    """`16 May 2024, 09:00 Geneva time`, for a subject."""
    start = meeting.starts_at.astimezone(ZoneInfo(meeting.zone))
    date = f"{start.day} {_MONTHS[start.month - 1]} {start.year}"
    if meeting.whole_days:
        return date
    label = charter.zone_label if meeting.zone == charter.zone else str(start.tzname())
    return f"{date}, {start:%H:%M} {label}"
