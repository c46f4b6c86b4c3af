"""
The pages: a Starlette application over what is archived, and its security headers (edge).

Every route stands in web.access with the rule that opens it, and is asked before its handler runs; what is closed and
what does not exist get the same answer. A GET changes nothing, and a POST must come from our own pages. Pages are text,
one style sheet and no script: the policy sent with them forbids scripts, frames and anything from elsewhere. Links are
built from the configured public URL, never from the request.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from cgbot.errors import CgbotError, Deferred
from cgbot.web import (
    access,
    archive,
    atom,
    calendar,
    desk,
    front,
    html_view,
    join,
    leave,
    mailboxes,
    me,
    ordering,
    papers,
    proof,
    reports,
    service,
    signing,
)
from cgbot.web.access import ROUTES, SAFE
from cgbot.web.services import PERSONAL, ClosedError, MaskedError, Services, entry_of, here_at, services

log = structlog.get_logger(__name__)
_WORDS: Final = {
    400: "This form cannot be read.",
    403: "This was not sent from a page of this site. Open the page again, and repeat it there.",
    404: "There is no such page, or it is not open to you.",
    405: "This is not possible here.",
    410: "This message was erased from the archive. The page Proof of the group says when, and by whose order.",
}

HEADERS: Final = (
    (b"content-security-policy", b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
                                 b"base-uri 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # without any, browsers say that our own forms come from "null"
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)  # fmt: skip
HANDLERS: Final[dict[str, Callable[[Request], Any]]] = {
    **archive.HANDLERS, **atom.HANDLERS, **calendar.HANDLERS, **desk.HANDLERS, **front.HANDLERS, **html_view.HANDLERS,
    **join.HANDLERS, **leave.HANDLERS, **mailboxes.HANDLERS, **me.HANDLERS, **ordering.HANDLERS, **papers.HANDLERS,
    **proof.HANDLERS, **reports.HANDLERS, **service.HANDLERS, **signing.HANDLERS,
}  # fmt: skip


def build(given: Services) -> Shell:
    """Make the application."""
    application = Starlette(
        routes=[Route(one.path, _guarded(one), methods=list(one.methods), name=one.handler) for one in ROUTES],
        exception_handlers={HTTPException: _http_error, CgbotError: _known_error, Exception: _unknown_error},
    )
    application.router.redirect_slashes = False  # it would answer with the Host of the request
    application.state.services = given
    return Shell(application)


def _guarded(route: access.Route) -> Callable[[Request], Any]:
    """The handler of a page behind its rule."""
    handler = HANDLERS[route.handler]

    async def endpoint(request: Request) -> Response:
        here = services(request)
        public_url = here.context().settings.service.public_url
        if not (request.method in SAFE or route.foreign or access.is_from_our_pages(request.headers, public_url)):
            raise HTTPException(403)
        answer: Response = await here.enter(request, route) or await handler(request)
        if entry_of(request).visitor is not None:
            answer.headers["cache-control"] = PERSONAL
        return answer

    return endpoint


class Shell:
    """
    Around the application: every response carries HEADERS unless it has its own, and a fault is logged once.

    What fails is answered 503, since it is our fault and may pass; no text of an exception leaves.
    """

    def __init__(self, application: Starlette) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in HEADERS if one[0] not in given)]
            await send(message)

        try:
            await self.application(scope, receive, send_with_headers)
        except Exception:
            # Starlette has answered with _unknown_error and hands the exception on.
            log.exception("a page failed", path=scope.get("path", ""))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
    here = services(request)
    if isinstance(error, ClosedError):
        join = error.charter.address(here.context().settings.service.domain, "join")
        facts = {"group": error.group, "charter": error.charter, "join_address": join}
        return await here.page(request, "closed.html", facts, 403)
    if isinstance(error, MaskedError):
        words = "The raw form of a message shows addresses. In this group it is for members."
        return await here.page(request, "error.html", {"words": words, "sign_in": True}, 403)
    if error.status_code == HTTPStatus.NOT_FOUND and _lacks_slash(request):
        return RedirectResponse(here_at(request.scope["path"] + "/", request), 307)
    words = _WORDS.get(error.status_code, "This request cannot be answered.")
    answer = await here.page(request, "error.html", {"words": words}, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def _lacks_slash(request: Request) -> bool:
    """Say whether no page has this path, and one has it with a slash at its end."""
    path = str(request.scope["path"])
    scope = {**request.scope, "path": path + "/"}
    return (
        not path.endswith("/")
        and "endpoint" not in request.scope
        and any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    )


async def _known_error(request: Request, error: Exception) -> Response:
    status = error.http if isinstance(error, CgbotError) else 500
    words = "Try again in a moment." if isinstance(error, Deferred) else str(error)
    return await services(request).page(request, "error.html", {"words": words}, status)


async def _unknown_error(request: Request, _error: Exception) -> Response:
    return await services(request).page(request, "error.html", {"words": "Try again in a moment."}, 503)
