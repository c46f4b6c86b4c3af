"""Edge: dates and times as an operator types them; without an offset they are in the service's zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from cgbot.errors import Malformed
from cgbot.notices.kinds import at_wall_time

_ALLOWED = "a date such as 2027-05-20, a time such as '2027-05-20 09:00', or one with an offset"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def instant(text: str, zone: str, *, end_of_day: bool = False) -> datetime:
    """
    Read an instant, in UTC. A date alone is its beginning, or its end.

    Raises Malformed.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Malformed(f"{text!r} is not allowed: {_ALLOWED}") from None
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    if _DATE.fullmatch(text.strip()) and end_of_day:
        return at_wall_time(found.date() + timedelta(days=1), time(0), zone) - timedelta(microseconds=1)
    return at_wall_time(found.date(), found.time(), zone)
