"""
A member's own page: settings, addresses, and leaving (edge).

Everything here is behind a session, for the memberships whose mail goes to the visitor's address; what is sent with a
button is done by groups.own_page, under the rules of the same orders by mail. A form that cannot be taken is shown
again with what was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.context import Context
from cgbot.errors import Refused
from cgbot.groups import languages, own_page, sign_in
from cgbot.groups.own_page import Place
from cgbot.groups.sign_in import Visitor
from cgbot.mail import verp
from cgbot.store.db import Tx
from cgbot.web import session
from cgbot.web.calendar import CALENDAR
from cgbot.web.services import Entry, Services, services, visitor_of

Fields = Mapping[str, str]
Act = Callable[[Tx, Context, Visitor, Fields], str]
_FURTHEST: Final = timedelta(days=730)


async def me(request: Request) -> Response:
    """The page; with a button, what it says."""
    here = services(request)
    if request.method != "POST":
        return await _show(request, here)
    fields = await session.form(request)
    if fields.get("act", "") == "leave":
        return await _leave(request, here, fields.get("group", ""))
    act = _ACTS.get(fields.get("act", ""))
    if act is None:
        raise HTTPException(400)
    context = here.context()
    try:
        told = await here.db.write(act, context, visitor_of(request), fields)
    except Refused as error:
        return await _show(request, here, {"problem": error.public, "typed": fields}, error.http)
    visitor = await here.db.read(sign_in.find, context, session.read(request, context.settings))
    request.state.entry = Entry(visitor)
    return await _show(request, here, {"told": told}) if visitor else await _tell(request, told)


async def _show(
    request: Request, here: Services, more: Mapping[str, object] | None = None, status: int = 200
) -> Response:
    context = here.context()
    found = await here.db.read(own_page.look, context, visitor_of(request))
    today = context.now.date()
    facts = {
        "page": found,
        "words": languages.WORDS[languages.ENGLISH],
        "tongues": languages.LANGUAGES,
        "proven": [one.address for one in found.addresses if one.proven],
        "calendars": {one.charter.name: _calendar(context, one) for one in found.places},
        "acronyms": {name: one.acronym for name, one in context.charters.items()},
        "days": (today, today + _FURTHEST),  # the day after today, wherever west of Greenwich the member is
        "domain": context.settings.service.domain,
        "told": "",
        "problem": "",
        "typed": {},
        **(more or {}),
    }
    return await here.page(request, "me.html", facts, status)


def _calendar(context: Context, place: Place) -> str:
    """The feed of a group; where only members see it, one that opens for this member's calendar program."""
    url = context.settings.service.public_url.rstrip("/")
    if place.charter.calendar == "public":
        return f"{url}/{place.charter.name}/calendar.ics"
    return f"{url}/calendar/{verp.member_token(context.keys, CALENDAR, '', place.member.id)}.ics"


async def _tell(request: Request, outcome: str) -> Response:
    answer = await services(request).page(request, "me-told.html", {"outcome": outcome})
    answer.headers["cache-control"] = "no-store"
    return answer


# ------------------------------------------------------------------------------------------------- what is sent here


def _settings(tx: Tx, context: Context, visitor: Visitor, fields: Fields) -> str:
    differ = own_page.settle(tx, context, visitor, fields.get("group", ""), fields)
    if "address" in differ:
        charter = context.charters[fields.get("group", "")]
        return f"The mail of {charter.acronym} goes to {differ['address']} from now on. Sign in as that to change it."
    return "Saved. A mail says how it is now." if differ else "Nothing was different."


def _person(tx: Tx, context: Context, visitor: Visitor, fields: Fields) -> str:
    return _settings(tx, context, visitor, {**fields, "group": visitor.memberships[0].group})


def _add(tx: Tx, context: Context, visitor: Visitor, fields: Fields) -> str:
    address = fields.get("new", "").strip()
    own_page.add_address(tx, context, visitor, address)
    return f"A mail went to {address}: answer it from there, and that address is yours here too."


def _remove(tx: Tx, context: Context, visitor: Visitor, fields: Fields) -> str:
    own_page.remove_address(tx, context, visitor, fields.get("old", ""))
    return f"{fields.get('old', '')} is no longer an address of yours."


def _resume(tx: Tx, context: Context, visitor: Visitor, fields: Fields) -> str:
    if own_page.resume(tx, context, visitor, fields.get("group", "")):
        return "Mail is sent to you again."
    return "Nothing was done: mail is sent to you already, or the conveners have stopped it."


_ACTS: Final[Mapping[str, Act]] = {
    "settings": _settings, "person": _person, "add": _add, "remove": _remove, "resume": _resume,
}  # fmt: skip


async def _leave(request: Request, here: Services, group: str) -> Response:
    """Leave one group; the session goes on where another membership is left."""
    context = here.context()
    visitor = visitor_of(request)
    token = await here.db.write(_part, (context, here), visitor, group)
    request.state.entry = Entry(visitor if token else None)
    acronym = context.charters[group].acronym
    answer = await _tell(
        request, f"{visitor.address} has left {acronym}. A mail on its way there says so; it can take that back."
    )
    if token:
        session.begin(answer, context.settings, token)
    else:
        session.forget(answer, context.settings)
    return answer


def _part(tx: Tx, known: tuple[Context, Services], visitor: Visitor, group: str) -> str:
    context, here = known
    here.on_leave(tx, context, own_page.own(tx, context, visitor, group))
    return sign_in.go_on(tx, context, visitor)


HANDLERS: Final = {"me": me}
