"""
What the pages work with: the database, the templates, the configuration of this moment, who asks (edge).

`enter` stands before every page: it finds who is signed in and which group the path names, and asks the table of
access; an older name of a group redirects. Where the group itself is known to whoever asks, its closed archive says
that it is closed, in the same words for every path in it. Parsing and filling pages happen in two threads of their
own, so that a heavy page keeps the mail waiting for no more than a moment.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, ParamSpec, Protocol, TypeVar
from urllib.parse import quote

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cgbot.archive import forgotten
from cgbot.archive.forgotten import Forgotten
from cgbot.context import Context
from cgbot.groups import records, sign_in
from cgbot.groups.asking import Hook
from cgbot.groups.charter import Charter
from cgbot.groups.commands import Command
from cgbot.groups.records import Group
from cgbot.groups.sign_in import Visitor
from cgbot.notices.kinds import Kind
from cgbot.store.db import Database, Tx
from cgbot.web import session
from cgbot.web.access import SAFE, Route, Rule, may_see
from cgbot.web.readings import Reading, Readings

P = ParamSpec("P")
T = TypeVar("T")
Facts = Mapping[str, object]
_KNOWN_SECONDS: Final = 5.0  # in which a group's row is not read again
_NUMBER: Final = re.compile(r"[0-9]{1,9}")  # fits a column of 32 bits
PERSONAL: Final = "private, no-store"


class MovedError(HTTPException):
    """The page is under a group's newer name."""

    def __init__(self, request: Request, name: str) -> None:
        path = str(request.scope["path"]).replace(f"/{request.path_params['group']}/", f"/{name}/", 1)
        super().__init__(308, headers={"Location": here_at(path, request)})


class ClosedError(HTTPException):
    """The archive of a group that whoever asks may know of is not open to them."""

    def __init__(self, group: Group, charter: Charter) -> None:
        super().__init__(403)
        self.group = group
        self.charter = charter


class MaskedError(HTTPException):
    """A raw form shows addresses that whoever asks may not see; they may read the archive."""

    def __init__(self) -> None:
        super().__init__(403)


def here_at(path: str, request: Request) -> str:
    """A path of this site with the query of a request, as a Location: no path makes it lead to another site."""
    query = str(request.scope.get("query_string", b""), "latin-1")
    return "/" + quote(path.lstrip("/"), safe="/@:+,~") + (f"?{quote(query, safe='%&=+/:@~,*')}" if query else "")


class Heart(Protocol):
    """What says whether the clock still beats."""

    def healthy(self) -> bool:
        """Say so."""
        ...

    def last_tick(self) -> datetime | None:
        """When it last looked at what is due; None before the first look."""
        ...

    def attempts(self) -> Mapping[str, int]:
        """How many attempts at deliveries of this process have ended how."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Who asks, None for the anonymous, and the group whose page it is, if it is one's."""

    visitor: Visitor | None = None
    group: Group | None = None
    charter: Charter | None = None

    @property
    def role(self) -> str:
        """The visitor's role in the group, "" for an outsider."""
        return self.visitor.role(self.group.id) if self.visitor and self.group else ""


def _thread() -> Executor:
    return ThreadPoolExecutor(1, thread_name_prefix="pages")


@dataclass(frozen=True, slots=True)
class Services:
    """Handed to every handler through the application's state; `commands` and `kinds` are the joined tables."""

    db: Database
    templates: jinja2.Environment
    context: Callable[[], Context]
    clock: Heart
    on_leave: Callable[..., None]
    commands: Mapping[str, Command] = field(default_factory=dict)
    kinds: Sequence[Kind] = ()
    on_join: Sequence[Hook] = ()
    # Two threads that fill pages at once wait for each other's turns: one alone fills a seventh more.
    filling: Executor = field(default_factory=_thread)
    working: Executor = field(default_factory=_thread)
    readings: Readings = field(default_factory=Readings)
    known: dict[str, tuple[Group, float]] = field(default_factory=dict)
    hidden: list[tuple[Forgotten, float]] = field(default_factory=list)
    counted: dict[tuple[str, int], tuple[Any, float]] = field(default_factory=dict)

    def forgotten(self) -> Forgotten:
        """Who was erased, as it was some seconds ago at most; in a thread of the pages."""
        now = time.monotonic()
        if not self.hidden or self.hidden[0][1] < now:
            self.hidden[:] = [(self.db.read_now(forgotten.everybody, self.context().keys), now + _KNOWN_SECONDS)]
        return self.hidden[0][0]

    async def lately(self, fn: Callable[[Tx, int], T], group_id: int) -> T:
        """What is counted of a group, some seconds old at most: counting takes time in proportion to the archive."""
        key = (fn.__name__, group_id)
        now = time.monotonic()
        if key not in self.counted or self.counted[key][1] < now:
            self.counted[key] = (await self.db.read(fn, group_id), now + _KNOWN_SECONDS)
        found: T = self.counted[key][0]
        return found

    def reading(self, sha256: bytes, octets: int = 0) -> Reading:
        """What a message says, as far as it may be shown; in a thread of the pages."""
        return self.readings.of(self.db, self.forgotten(), sha256, octets)

    async def slow(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what takes its time in a thread beside that which fills the pages."""
        return await asyncio.get_running_loop().run_in_executor(self.working, lambda: fn(*args, **kwargs))

    async def page(
        self, request: Request, template: str, facts: Facts | Callable[[], Facts] | None = None, status: int = 200
    ) -> Response:
        """Fill a page, with facts that may be worked out in its thread; for somebody signed in it is theirs alone."""
        entry = entry_of(request)
        frame = _frame(request, entry)

        def fill() -> str:
            known = frame | dict((facts() if callable(facts) else facts) or {})
            return self.templates.get_template(f"web/{template}").render(known)

        text = await asyncio.get_running_loop().run_in_executor(self.filling, fill)
        headers = {"cache-control": PERSONAL} if entry.visitor else {"vary": "Cookie"}
        if entry.charter is not None and entry.charter.robots == "kept-away":
            headers["x-robots-tag"] = "noindex"
        return HTMLResponse(text, status, headers)

    async def enter(self, request: Request, route: Route) -> Response | None:
        """Let somebody in: None, or the way to sign in. Raises 404, ClosedError or MovedError."""
        context = self.context()
        token = session.read(request, context.settings) if route.rule != "file" else ""
        name = str(request.path_params.get("group", "")).replace("\0", "") if route.rule != "token" else ""
        if not token and not name and route.rule not in {"signed-in", "desk"}:
            return None
        visitor, group = await self._who(context, token, name)
        request.state.entry = Entry(visitor)
        if visitor is None and route.rule in {"signed-in", "desk"}:
            return RedirectResponse(f"/sign-in?to={quote(_way_back(request), safe='/')}", 303)
        if "group" in request.path_params and route.rule != "token":
            self._enter_group(request, route, (visitor, group, name))
        return None

    async def _who(self, context: Context, token: str, name: str) -> tuple[Visitor | None, Group | None]:
        """Who asks and what group is named; for the anonymous a group is looked up now and then, not for each page."""
        now = asyncio.get_running_loop().time()
        known, until = self.known.get(name, (None, 0.0))
        if not token and known is not None and now < until and known.name in context.charters:
            return None, known
        visitor, group = await self.db.read(_look, context, token, name)
        if group is not None and group.name == name:
            self.known[name] = (group, now + _KNOWN_SECONDS)
        return visitor, group

    def _enter_group(self, request: Request, route: Route, found: tuple[Visitor | None, Group | None, str]) -> None:
        visitor, group, name = found
        charter = self.context().charters.get(group.name) if group else None
        role = visitor.role(group.id) if visitor and group else ""
        rule: Rule = "archive" if route.rule == "raw" else route.rule
        knows = charter is not None and (may_see(charter, rule, role) or may_see(charter, "calendar", role))
        if group is None or charter is None or not knows:
            raise HTTPException(404)
        sees = may_see(charter, route.rule, role)
        if not sees and route.rule == "desk":
            raise HTTPException(404)
        request.state.entry = Entry(visitor, group, charter)
        is_masked = route.rule == "raw" and may_see(charter, "archive", role)
        if not sees and not is_masked:
            raise ClosedError(group, charter)
        if name != group.name:
            raise MovedError(request, group.name)
        if not sees:
            raise MaskedError


def _way_back(request: Request) -> str:
    """Where somebody wants to be who has to sign in: a button that was pressed cannot be pressed for them again."""
    if request.method in SAFE:
        return here_at(request.scope["path"], request)
    group = request.path_params.get("group", "")
    return f"/desk/{quote(group)}/" if group else "/"


def _look(tx: Tx, context: Context, token: str, name: str) -> tuple[Visitor | None, Group | None]:
    visitor = sign_in.find(tx, context, token) if token else None
    return visitor, records.find_group(tx, name) if name else None


def services(request: Request) -> Services:
    """The services of this application."""
    found: Services = request.app.state.services
    return found


def entry_of(request: Request) -> Entry:
    """Who asks for what; the anonymous for nothing where nobody has looked."""
    found: Entry = getattr(request.state, "entry", Entry())
    return found


def entered(request: Request) -> tuple[Group, Charter]:
    """The group whose page this is, after `enter`."""
    entry = entry_of(request)
    if entry.group is None or entry.charter is None:
        raise HTTPException(404)
    return entry.group, entry.charter


def visitor_of(request: Request) -> Visitor:
    """Who is signed in, on a page that needs it."""
    visitor = entry_of(request).visitor
    if visitor is None:
        raise HTTPException(404)
    return visitor


def number_of(request: Request) -> int:
    """The number in a path; a page not found for what is none."""
    given = str(request.path_params["number"])
    if not _NUMBER.fullmatch(given):
        raise HTTPException(404)
    return int(given)


def _frame(request: Request, entry: Entry) -> dict[str, Any]:
    """What the frame of every page needs."""
    return {
        "visitor": entry.visitor,
        "group": entry.group,
        "charter": entry.charter,
        "role": entry.role,
        "here": here_at(request.scope["path"], request) if request.method in {"GET", "HEAD"} else "",
        "may_see": lambda rule: entry.charter is not None and may_see(entry.charter, rule, entry.role),
    }
