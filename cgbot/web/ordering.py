"""
Orders on the desk: any command of the table as a form, its preview, a yes, and time to undo it (edge).

The form is read off the command's own example, so that a new command needs no page of its own. What is placed,
confirmed and undone here is the same as by mail (groups.orders).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.context import Context
from cgbot.errors import NotFound, Refused
from cgbot.groups import commands, ordering, orders, request_form
from cgbot.groups.charter import Charter
from cgbot.groups.commands import Actor, Command
from cgbot.groups.moments import in_words
from cgbot.groups.orders import Order
from cgbot.groups.roles import may
from cgbot.store.db import Tx
from cgbot.web import session
from cgbot.web.services import Services, entered, entry_of, number_of, services, visitor_of

_LONG: Final = frozenset({"text", "description", "abstract", "agenda", "note", "reason"})
_FIELD: Final = "field "  # what the names of a form's inputs begin with, so that a field may be called "words"
_COMMENT: Final = re.compile(r"\s{2,}\([^)]*\)\s*$")  # what an example says beside the command
_WORDS: Final = 200
_ABOUT_MEETING: Final = frozenset({"move", "link", "held", "cancel"})
_BUTTONS: Final = frozenset({"approve", "reject", "discard", "stop"})
_ACTS: Final = ("confirm", "undo")


@dataclass(frozen=True, slots=True)
class Input:
    """One field of a form, with the example's value as its hint."""

    name: str
    label: str
    value: str
    hint: str
    long: bool


def offered(commands_of: Mapping[str, Command], role: str) -> list[dict[str, str]]:
    """The commands that this role may order, for the desk; what has buttons of its own there is not named again."""
    return [
        {"name": one.name, "slug": slug(one.name), "help": one.help}
        for one in commands_of.values()
        if may(role, one.action) and one.name not in _BUTTONS
    ]


def about_meeting(commands_of: Mapping[str, Command], role: str) -> list[dict[str, str]]:
    """Those of them that are about one meeting."""
    return [one for one in offered(commands_of, role) if one["name"] in _ABOUT_MEETING]


def slug(name: str) -> str:
    """A command's name in a path: `open call` is open-call."""
    return name.replace(" ", "-")


def actor(request: Request) -> Actor:
    """Whoever is signed in, in the group of the page."""
    visitor, (group, _) = visitor_of(request), entered(request)
    member = visitor.member(group.id)
    return Actor(visitor.address, member.id if member else None, visitor.name, entry_of(request).role)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What stands in the form: words, fields, and other fields as they were typed."""

    words: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    more: str = ""


async def order(request: Request) -> Response:
    """The form of a command; sent, the preview of what would be done, with a button that orders it."""
    here = services(request)
    context = here.context()
    command = _command(request, here)
    if request.method != "POST":
        facts = _form(command, _Asked(request.query_params.get("words", "")[:_WORDS]))
        return await here.page(request, "order.html", {**facts, "placed": None, "problem": ""})
    group, _ = entered(request)
    asked = _asked(await session.form(request))
    fields = {**request_form.read_fields(asked.more.split("\n")), **asked.fields}
    wanted = commands.Request(group.id, group.name, actor(request), tuple(asked.words.split()), fields)
    try:
        placed, proposal = await here.db.write(orders.place, context, command, wanted)
    except Refused as error:  # what was typed stays
        facts = _form(command, asked)
        return await here.page(request, "order.html", {**facts, "placed": None, "problem": error.public}, error.http)
    facts = _form(command, _Asked(asked.words, proposal.fields), only=tuple(proposal.fields))
    more = {"placed": placed, "preview": proposal.preview, "undo": orders.minutes_to_undo(context, command)}
    return await here.page(request, "order.html", {**facts, **more, "problem": ""})


def _asked(form: Mapping[str, str]) -> _Asked:
    fields = {
        name.removeprefix(_FIELD): value.strip()
        for name, value in form.items()
        if name.startswith(_FIELD) and value.strip()
    }
    return _Asked(form.get("words", "")[:_WORDS], fields, form.get("more", ""))


def _command(request: Request, here: Services) -> Command:
    """The command of the path. Raises a page not found also where this role may not order it."""
    wanted = str(request.path_params["command"])
    command = next((one for one in here.commands.values() if slug(one.name) == wanted), None)
    if command is None or not may(entry_of(request).role, command.action):
        raise HTTPException(404)
    return command


def _form(command: Command, asked: _Asked, only: Sequence[str] = ()) -> dict[str, Any]:
    """What the form shows: the example's fields and those of the request, or `only` some."""
    lines = [_COMMENT.sub("", line) for line in command.form.splitlines()]
    heads = [line for line in lines if line.lower().startswith(command.name)]
    hints = request_form.read_fields([line for line in lines if line not in heads])
    inputs = [
        Input(_FIELD + name, name, asked.fields.get(name, ""), hints.get(name, ""), _is_long(name, hints.get(name, "")))
        for name in only or dict.fromkeys((*hints, *asked.fields))
    ]
    example = max((line[len(command.name) :].strip() for line in heads), key=len, default="")
    known = {"command": command, "slug": slug(command.name), "example": example, "inputs": inputs}
    return {**known, "words": asked.words, "more": asked.more}


def _is_long(name: str, hint: str) -> bool:
    return name in _LONG or "\n" in hint


async def ordered(request: Request) -> Response:
    """One order; with a button, a yes to it, or its end."""
    here = services(request)
    context = here.context()
    group, charter = entered(request)
    number = number_of(request)
    if request.method == "POST":
        act = (await session.form(request)).get("act", "")
        if act not in _ACTS:
            raise HTTPException(400)
        found = await here.db.write(_act, (context, here.commands), (group.id, number), act, actor(request))
    else:
        found = await here.db.read(_order, group.id, number)
    return await here.page(request, "ordered.html", {"order": found, **_times(found, charter)})


def _order(tx: Tx, group_id: int, number: int) -> Order:
    found = orders.get(tx, number)
    if found.group_id != group_id:
        raise NotFound(f"there is no order {number}")
    return found


def _act(tx: Tx, known: tuple[Context, Mapping[str, Command]], which: tuple[int, int], act: str, who: Actor) -> Order:
    context, table = known
    _order(tx, *which)
    if act == "undo":
        return orders.undo(tx, context, which[1], who)
    return ordering.confirm(tx, context, table, which[1], who)


def _times(found: Order, charter: Charter) -> dict[str, str]:
    return {
        "due": in_words(found.due_at, charter) if found.due_at else "",
        "asked": in_words(found.created_at, charter),
        "done": in_words(found.done_at, charter) if found.done_at else "",
    }


HANDLERS: Final = {"order": order, "ordered": ordered}
