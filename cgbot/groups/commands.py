"""
Pure rules: what a convener, or a member, can ask for by mail or on the desk, and the form it takes.

A feature exports its commands as values (COMMANDS); `wiring` joins them and hands them to `groups.orders`, which shows
the proposal, waits for a yes, leaves time to undo, and carries it out. A request is a line of words ("move 12") and
fields, one a line ("start: 2027-05-20 09:00"); what follows the field `text:` belongs to it up to a line that is a
single dot or a signature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cgbot.groups.roles import Action

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cgbot.context import Context
    from cgbot.errand import Errand

OPERATOR: Final = "operator"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: an address whose owner has proved to read it, their member id and role where they are a member."""

    address: str
    member_id: int | None = None
    name: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: `words` after the command's own, in their order; field names in lower case."""

    group_id: int
    group: str
    actor: Actor
    words: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    errand: Errand | None = None  # the mail that asked; None on the desk


@dataclass(frozen=True, slots=True)
class Proposal:
    """
    What would be done, shown before it is ordered.

    `about` names the thing ("meeting 12", "hold 3"; a new thing: "new meeting 2027-05-20T09:00"): one order at most
    waits about it. `summary` is one line; `preview` what will go out to whom, in full words; `fields` the request in
    canonical form, which a reader may correct and send back, and `words` what stands behind the command then (None: as
    it was asked, or as `facts` has them under "words"); `facts` (JSON) what `do` needs.
    """

    about: str
    summary: str
    preview: str
    fields: Mapping[str, str]
    facts: Mapping[str, object]
    words: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order whose time has come."""

    group_id: int
    group: str
    actor: Actor
    facts: Mapping[str, object]


Propose = Callable[["Connection", "Context", Request], Proposal]
Do = Callable[["Connection", "Context", Ordered], str]


@dataclass(frozen=True, slots=True)
class Command:
    """
    One command.

    `name` is its first word or words ("schedule", "open call"), `also` other ways to say it; `action` who may (groups.
    roles); `form` one line or more that shows how it is written, for the help. `propose` reads and checks and changes
    nothing: it raises Refused with words for the asker. `do` runs in its own transaction and gives one sentence.
    `waits`: it is done when the time to undo it is over; without, the yes does it.
    """

    name: str
    action: Action
    form: str
    help: str
    propose: Propose
    do: Do
    also: tuple[str, ...] = ()
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """
    A command that is answered at once ("get C-0007", "agenda"); `answer` sends the mail.

    It changes nothing but what is the asker's own ("set daily"), and that only when it is proven who asks.
    """

    name: str
    action: Action
    form: str
    help: str
    answer: Callable[[Connection, Context, Request], str]
    also: tuple[str, ...] = ()


def by_every_name(offered: Mapping[str, Command] | Mapping[str, Query]) -> Mapping[str, str]:
    """Every way to say a command, and the command's own name."""
    return {said: name for name, one in offered.items() for said in (name, *one.also)}
