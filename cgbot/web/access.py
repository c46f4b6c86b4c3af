"""
Who may see what (pure rules).

ROUTES is the whole table: every page with the rule that opens it; a page that is not in it does not exist. A group's
archive and calendar are open to those whom its charter names; the anonymous get the same answer for what is closed
and for what is not there. Whoever may know of a group by its calendar may know that its archive is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from cgbot.groups.charter import Charter
from cgbot.groups.roles import CONVENERS

Rule = Literal["open", "archive", "calendar", "token"]


@dataclass(frozen=True, slots=True)
class Route:
    """One page: its path as Starlette writes it, the name of its handler, and the rule that opens it."""

    path: str
    handler: str
    rule: Rule
    methods: tuple[str, ...] = ("GET",)


ROUTES: Final = (
    Route("/", "groups", "open"),
    Route("/healthz", "health", "open"),
    Route("/metrics", "metrics", "open"),
    Route("/robots.txt", "robots", "open"),
    Route("/static/style.css", "style", "open"),
    Route("/leave/{group}/{token}", "leave", "token", ("GET", "POST")),
    Route("/{group}/about/", "about", "calendar"),
    Route("/{group}/calendar.ics", "calendar", "calendar"),
    Route("/{group}/meetings/", "meetings", "calendar"),
    Route("/{group}/search", "search", "archive"),
    Route("/{group}/", "archive", "archive"),
    Route("/{group}/{permalink}/attachment/{number}", "attachment", "archive"),
    Route("/{group}/{message_id:path}/raw", "raw", "archive"),
    Route("/{group}/{post:path}/", "post", "archive"),
)


def may_see(charter: Charter, rule: Rule, role: str = "") -> bool:
    """Say whether somebody of this role ("" for the anonymous) may see a group's pages of this rule."""
    if rule in {"open", "token"}:
        return True
    audience = charter.archive if rule == "archive" else charter.calendar
    if audience == "public":
        return True
    return bool(role) if audience == "members" else role in CONVENERS


def masked(address: str) -> str:
    """An address as the anonymous see it: enough to recognise somebody, not enough to write to them."""
    local, at, domain = address.partition("@")
    return f"{local[: min(2, len(local) // 2)]}…@{domain}" if at else address
