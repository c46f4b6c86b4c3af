"""
Joining from a group's page (edge).

The form answers in the same words whoever asks, and as quickly: the question is mailed after the answer has gone, to
the address that was given (groups.knocking). Nobody is a member before that mail has been answered.
"""

from __future__ import annotations

from typing import Final

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.context import Context
from cgbot.groups import knocking, languages
from cgbot.groups.knocking import Visit
from cgbot.groups.records import Group
from cgbot.web import session
from cgbot.web.services import Services, entered, services

_LONGEST: Final = 320


async def join(request: Request) -> Response:
    """The form, where anybody may ask; sent, a mail to the address that was given."""
    here = services(request)
    context = here.context()
    group, charter = entered(request)
    domain = context.settings.service.domain
    facts = {one: charter.address(domain, one) for one in ("join", "owner")}
    is_open = knocking.is_open(charter)
    if request.method != "POST":
        return await here.page(request, "join.html", {"is_open": is_open, "sent": False, "mailboxes": facts})
    if not is_open:
        raise HTTPException(404)
    given = (await session.form(request)).get("address", "").strip()[:_LONGEST]
    peer = request.client.host if request.client else ""
    visit = Visit(given, peer, languages.of_tags(request.headers.get("accept-language", "")))
    answer = await here.page(request, "join.html", {"is_open": True, "sent": True, "mailboxes": facts})
    answer.background = BackgroundTask(_ask, here, context, group, visit)
    return answer


async def _ask(here: Services, context: Context, group: Group, visit: Visit) -> None:
    """Whoever is over a limit costs a look at the database, and nobody's mail waits for them on the write lane."""
    if await here.db.read(knocking.would_ask, context, group, visit):
        await here.db.write(knocking.ask, context, group, visit)


HANDLERS: Final = {"join": join}
