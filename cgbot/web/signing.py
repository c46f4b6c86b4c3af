"""
Signing in and out (edge).

The form answers in the same words whoever asks, and as quickly: the mail is written after the answer has gone. The
mailed link shows a page with one button, since scanners follow every link; only the button uses it up.
"""

from __future__ import annotations

from typing import Final

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cgbot.context import Context
from cgbot.groups import sign_in as use_cases
from cgbot.groups.sign_in import Visitor
from cgbot.web import session
from cgbot.web.access import masked, own_path
from cgbot.web.services import Services, services, visitor_of

_LONGEST: Final = 320


async def sign_in(request: Request) -> Response:
    """Ask for an address; mail it a link if it is a member's."""
    here = services(request)
    context = here.context()
    if request.method != "POST":
        to = own_path(request.query_params.get("to", ""))
        return await here.page(request, "sign-in.html", {"to": to, "sent": False, "over": False})
    fields = await session.form(request)
    address, to = fields.get("address", "").strip()[:_LONGEST], own_path(fields.get("to", ""))
    answer = await here.page(request, "sign-in.html", {"to": to, "sent": True, "over": False})
    answer.background = BackgroundTask(_send, here, context, address, to)
    return answer


async def _send(here: Services, context: Context, address: str, to: str) -> None:
    """Strangers cost a look at the database, and nobody's mail waits for them on the write lane."""
    if await here.db.read(use_cases.would_send, context, address) is not None:
        await here.db.write(use_cases.ask, context, address, to)


async def sign_in_link(request: Request) -> Response:
    """Show whom a link would sign in; with the button, do it."""
    here = services(request)
    context = here.context()
    link = str(request.path_params["token"])
    if request.method == "POST":
        begun = await here.db.write(use_cases.begin, context, link)
        if begun is not None:
            await here.db.write(use_cases.end, context, session.read(request, context.settings))
            answer = RedirectResponse(begun.to or _first_page(begun.visitor), 303)
            session.begin(answer, context.settings, begun.token)
            return answer
    visitor = await here.db.read(use_cases.asked_for, context, link)
    if visitor is None:
        return await here.page(request, "sign-in.html", {"to": "", "sent": False, "over": True}, 404)
    page = await here.page(request, "signing-in.html", {"address": masked(visitor.address)})
    page.headers["cache-control"] = "no-store"
    return page


def _first_page(visitor: Visitor) -> str:
    if visitor.desks:
        return f"/desk/{visitor.desks[0]}/" if len(visitor.memberships) == 1 else "/desk/"
    return f"/{visitor.memberships[0].group}/" if len(visitor.memberships) == 1 else "/"


async def sign_out(request: Request) -> Response:
    """End the session of this browser, or every one of this person."""
    here = services(request)
    context = here.context()
    visitor = visitor_of(request)
    if (await session.form(request)).get("everywhere"):
        await here.db.write(use_cases.end_all, visitor.person_id)
    await here.db.write(use_cases.end, context, session.read(request, context.settings))
    answer = RedirectResponse("/", 303)
    session.forget(answer, context.settings)
    return answer


HANDLERS: Final = {"sign_in": sign_in, "sign_in_link": sign_in_link, "sign_out": sign_out}
