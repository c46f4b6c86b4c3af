"""
Who may see what, and from where a change may be asked (pure rules).

ROUTES is the whole table: every page with the rule that opens it; a page that is not in it does not exist. A group's
archive and calendar are open to those whom its charter names, its desk to those who run it; the anonymous get the same
answer for what is closed and for what is not there. Whoever may know of a group by its calendar may know that its
archive is closed. What is sent with POST must come from our own pages (Sec-Fetch-Site, else Origin; never the Host
that a request names), save for the one-click link that mail programs call (RFC 8058).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, urlsplit

from cgbot.groups.charter import Charter
from cgbot.groups.roles import may

Rule = Literal["open", "file", "archive", "raw", "calendar", "token", "signed-in", "desk"]
_FORM: Final = ("GET", "POST")
_POST: Final = ("POST",)
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Route:
    """
    One page: its path as Starlette writes it, the name of its handler, and the rule that opens it.

    `open` is for everybody, and `file` the same for everybody; `archive` and `calendar` follow the charter; `raw` is
    for those readers of the archive who see addresses;
    `token`: the link is the credential; `signed-in` and `desk` need a session. `foreign`: a POST may come from
    elsewhere.
    """

    path: str
    handler: str
    rule: Rule
    methods: tuple[str, ...] = ("GET",)
    foreign: bool = False


ROUTES: Final = (
    Route("/", "groups", "open"),
    Route("/healthz", "health", "file"),
    Route("/metrics", "metrics", "file"),
    Route("/robots.txt", "robots", "file"),
    Route("/static/style.css", "style", "file"),
    Route("/leave/{group}/{token}", "leave", "token", _FORM, foreign=True),
    Route("/rejoin/{token}", "rejoin", "token", _FORM),
    Route("/calendar/{token}.ics", "own_calendar", "token"),
    Route("/sign-in", "sign_in", "open", _FORM),
    Route("/sign-in/{token}", "sign_in_link", "token", _FORM),
    Route("/sign-out", "sign_out", "signed-in", _POST),
    Route("/me/", "me", "signed-in", _FORM),
    Route("/desk/", "desks", "signed-in"),
    Route("/desk/{group}/", "desk", "desk"),
    Route("/desk/{group}/held/", "held_many", "desk", _POST),
    Route("/desk/{group}/held/{number}/", "held", "desk", _FORM),
    Route("/desk/{group}/held/{number}/{file}", "held_file", "desk"),
    Route("/desk/{group}/meetings/{number}/", "replies", "desk"),
    Route("/desk/{group}/members/", "people", "desk"),
    Route("/desk/{group}/notices/{number}", "stop", "desk", _POST),
    Route("/desk/{group}/order/{command}/", "order", "desk", _FORM),
    Route("/desk/{group}/orders/{number}/", "ordered", "desk", _FORM),
    Route("/desk/{group}/outbox/{number}", "retry", "desk", _POST),
    Route("/desk/{group}/reports/{number}/", "report", "desk", _FORM),
    Route("/desk/{group}/reports/{number}/report.docx", "report_file", "desk"),
    Route("/{group}/about/", "about", "calendar"),
    Route("/{group}/calendar.ics", "calendar", "calendar"),
    Route("/{group}/join/", "join", "calendar", _FORM),
    Route("/{group}/meetings/", "meetings", "calendar"),
    Route("/{group}/papers/", "documents", "archive"),
    Route("/{group}/papers/{number}/{revision}/{file}", "paper_file", "archive"),
    Route("/{group}/search", "search", "archive"),
    Route("/{group}/checkpoint", "checkpoint", "archive"),
    Route("/{group}/consistency", "consistency", "archive"),
    Route("/{group}/proof/", "proofs", "archive"),
    Route("/{group}/atom.xml", "atom", "archive"),
    Route("/{group}/", "archive", "archive", _FORM, foreign=True),  # a POST only searches, and is `raw`: `lei q`
    Route("/{group}/months/", "months", "archive"),
    Route("/{group}/months/{month}/", "month", "archive"),
    Route("/{group}/authors/", "authors", "archive"),
    Route("/{group}/authors/{permalink}/", "author", "archive"),
    Route("/{group}/{permalink}/attachment/{number}", "attachment", "archive"),
    Route("/{group}/{message_id:path}/proof", "proof", "archive"),
    Route("/{group}/{message_id:path}/raw", "raw", "raw"),
    Route("/{group}/{message_id:path}/t.mbox.gz", "thread_mbox", "raw"),
    Route("/{group}/{message_id:path}/html", "html", "archive"),
    Route("/{group}/{post:path}/", "post", "archive"),
)


def may_see(charter: Charter, rule: Rule, role: str = "") -> bool:
    """Say whether somebody of this role ("" for whoever is no member) may see a group's pages of this rule."""
    if rule in {"open", "file", "token"}:
        return True
    if rule == "desk":
        return may(role, "see the desk")
    if rule == "signed-in":
        return bool(role)
    if rule == "raw":
        return may_see(charter, "archive", role) and sees_addresses(charter, role)
    audience = charter.archive if rule == "archive" else charter.calendar
    if audience == "public":
        return True
    return may(role, "read the members' archive" if audience == "members" else "read the conveners' archive")


def sees_addresses(charter: Charter, role: str) -> bool:
    """Say whether a reader of this role sees whole addresses: members do, and all where the charter shows them."""
    return charter.addresses == "shown" or may(role, "read the members' archive")


def is_from_our_pages(headers: Mapping[str, str], public_url: str) -> bool:
    """Say whether a browser sent this from a page of ours; what says nothing of where it comes from was no browser."""
    site = headers.get("sec-fetch-site", "")
    if site:
        return site in {"same-origin", "none"}
    return headers.get("origin", "").lower() == origin_of(public_url)


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as browsers write them (RFC 6454 section 6.1)."""
    parts = urlsplit(url.lower())
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if parts.port in {None, usual} else f":{parts.port}")


def own_path(given: str) -> str:
    """A path of this site as a Location, whatever was given: none makes it lead to another site; "" stays."""
    path, mark, query = given.partition("?")
    if not path.startswith("/") or len(given) > 1000:  # noqa: PLR2004 - longer than any page of ours
        return ""
    return "/" + quote(path.lstrip("/\\"), safe="/@:+,~%") + (f"?{quote(query, safe='%&=+/:@~,*')}" if mark else "")


def masked(address: str) -> str:
    """An address as the anonymous see it: enough to recognise somebody, not enough to write to them."""
    local, at, domain = address.partition("@")
    return f"{local[: min(2, len(local) // 2)]}…@{domain}" if at else address
