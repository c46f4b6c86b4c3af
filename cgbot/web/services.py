"""
What the pages work with: the database, the templates, the configuration of this moment (edge).

`group` finds a group by the name in a path and asks the table of access; an older name of a group redirects. Where the
group itself is known to everybody, its closed archive says that it is closed, in the same words for every path in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from cgbot.context import Context
from cgbot.groups import records
from cgbot.groups.charter import Charter
from cgbot.groups.records import Group
from cgbot.store.db import Database
from cgbot.web.access import Rule, may_see


class MovedError(HTTPException):
    """The page is under a group's newer name."""

    def __init__(self, request: Request, name: str) -> None:
        path = str(request.scope["path"]).replace(f"/{request.path_params['group']}/", f"/{name}/", 1)
        super().__init__(308, headers={"Location": here_at(path, request)})


class ClosedError(HTTPException):
    """The archive of a group that everybody may know of is not open to whoever asks."""

    def __init__(self, group: Group, charter: Charter) -> None:
        super().__init__(403)
        self.group = group
        self.charter = charter


def here_at(path: str, request: Request) -> str:
    """A path of this site with the query of a request, as a Location: no path makes it lead to another site."""
    query = str(request.scope.get("query_string", b""), "latin-1")
    return "/" + quote(path.lstrip("/"), safe="/@:+,~") + (f"?{quote(query, safe='%&=+/:@~,*')}" if query else "")


class Heart(Protocol):
    """What says whether the clock still beats."""

    def healthy(self) -> bool:
        """Say so."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Handed to every handler through the application's state."""

    db: Database
    templates: jinja2.Environment
    context: Callable[[], Context]
    clock: Heart
    on_leave: Callable[..., None]

    def page(self, template: str, facts: Mapping[str, object], status: int = 200) -> Response:
        """Fill a page."""
        return HTMLResponse(self.templates.get_template(f"web/{template}").render(facts), status)

    async def group(self, request: Request, rule: Rule) -> tuple[Group, Charter]:
        """The group of a path, if this rule opens it to the anonymous; otherwise 404, or 403 if the group is known."""
        name = str(request.path_params["group"])
        group = await self.db.read(records.find_group, name.replace("\0", ""))
        charter = self.context().charters.get(group.name) if group else None
        if group is None or charter is None or not (may_see(charter, rule) or may_see(charter, "calendar")):
            raise HTTPException(404)
        if not may_see(charter, rule):
            raise ClosedError(group, charter)
        if name != group.name:
            raise MovedError(request, group.name)
        return group, charter


def services(request: Request) -> Services:
    """The services of this application."""
    found: Services = request.app.state.services
    return found


def facts_of(group: Group, charter: Charter, **more: Any) -> dict[str, Any]:
    """What the frame of every page of a group needs."""
    return {"group": group, "charter": charter, **more}
