"""
Commands by mail (use case; PURPOSES request).

NAME-request@ takes one command, in the subject or on the first line: join and leave do what NAME-join@ and NAME-leave@
do; what only asks is answered; what changes something is shown for a yes first (groups.ordering). Whoever the mail
claims to be from, what comes back goes to the member's own address. Everything else is answered with what can be done
by mail, at most once a day to an address and so many an hour in all, never to a robot (RFC 3834).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled, UseCase
from cgbot.errors import Refused
from cgbot.groups import ordering, orders, request_form, subscriptions, tokens
from cgbot.groups.commands import Actor, Command, Query, Request, by_every_name
from cgbot.groups.orders import Commands
from cgbot.groups.roles import may
from cgbot.mail.address import domain_of, fold, is_valid
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.store.db import Tx

Queries = Mapping[str, Query]
_PURPOSE: Final = "help"
_QUERY: Final = "query"
_MOST_QUERIES: Final = 30
_AN_HOUR: Final = timedelta(hours=1)
_MOST_HELPED: Final = 60
_AGAIN: Final = timedelta(hours=24)
_JOIN: Final = frozenset({"join", "subscribe"})
_LEAVE: Final = frozenset({"leave", "unsubscribe", "signoff"})
_HELP: Final = frozenset({"help", "info", "commands"})


def purposes(commands: Commands, queries: Queries) -> Purposes:
    """The use case of NAME-request@, over what the features offer."""
    return MappingProxyType[str, UseCase]({"request": partial(take, commands, queries)})


def take(commands: Commands, queries: Queries, tx: Tx, context: Context, errand: Errand) -> Settled:
    """Do what one command asks, or say what there is."""
    if reason := _is_unanswerable(context, errand):
        return Settled("discarded", reason)
    orderable, askable = by_every_name(commands), by_every_name(queries)
    names = [*_JOIN, *_LEAVE, *_HELP, *orderable, *askable]
    form = request_form.read(errand.message.subject, errand.message.text, names)
    actor = orders.actor_of(tx, errand.group_id or 0, errand.message.authors[0].address)
    if form and form.command in _JOIN | _LEAVE:
        purpose = "join" if form.command in _JOIN else "leave"
        return subscriptions.ask(tx, context, dataclasses.replace(errand, purpose=purpose))
    if form is None or form.command in _HELP or not actor.role:
        asked = form.command in _HELP if form else _is_empty(errand)
        return _help(tx, context, errand, (actor, commands, queries, asked))
    request = Request(errand.group_id or 0, errand.group, actor, form.words, form.fields, errand)
    if form.command in orderable:
        return ordering.ask(tx, context, commands[orderable[form.command]], request)
    return _answer(tx, context, queries[askable[form.command]], request)


def _is_unanswerable(context: Context, errand: Errand) -> str:
    """Why a mail must not be answered at all, "" where a person may have written it."""
    if robot := subscriptions.by_robot(errand):
        return robot
    authors = errand.message.authors
    if len(authors) != 1 or not is_valid(authors[0].address) or errand.group_id is None:
        return "the From field does not name exactly one author"
    if domain_of(authors[0].address) == context.settings.service.domain:
        return "an address of cgbot itself"
    return ""


def _is_empty(errand: Errand) -> bool:
    return not errand.message.text.strip() and not errand.message.subject.strip()


def _answer(tx: Tx, context: Context, query: Query, request: Request) -> Settled:
    """Answer what changes nothing, to the member's own address; so many an hour."""
    key = f"{request.group_id} {fold(request.actor.address)}"
    if tokens.made_since(tx, _QUERY, ("key", key), context.now - _AN_HOUR) >= _MOST_QUERIES:
        return Settled("discarded", f"more than {_MOST_QUERIES} questions within an hour")
    tokens.make(tx, context, _QUERY, {"key": key}, _AN_HOUR)
    if not may(request.actor.role, query.action):
        return ordering.decline(tx, context, request, (query.name, query.action))
    try:
        with tx.begin_nested():
            return Settled("sorted", query.answer(tx, context, request) or f"answered {query.name!r}")
    except Refused as error:
        return ordering.refuse(tx, context, request, (query.name, query.form, error.public))


def _help(tx: Tx, context: Context, errand: Errand, about: tuple[Actor, Commands, Queries, bool]) -> Settled:
    """Say what this person can do by mail; `about`: who, what there is, and whether they asked for help."""
    actor, commands, queries, understood = about
    group = str(errand.group_id)
    key = f"{group} {fold(actor.address)}"
    if tokens.made_since(tx, _PURPOSE, ("key", key), context.now - _AGAIN):
        return Settled("discarded", "answered within the last day already")
    if not actor.role and tokens.made_since(tx, _PURPOSE, ("group", group), context.now - _AN_HOUR) >= _MOST_HELPED:
        return Settled("discarded", f"more than {_MOST_HELPED} strangers within an hour")
    tokens.make(tx, context, _PURPOSE, {"key": key} if actor.role else {"key": key, "group": group}, _AGAIN)
    charter = context.charters[errand.group]
    service = context.settings.service
    facts = {
        "acronym": charter.acronym,
        "title": charter.title,
        "list_address": charter.posting_address(service.domain),
        "url": f"{service.public_url}/{charter.name}/",
        "calendar_url": f"{service.public_url}/{charter.name}/calendar.ics",
        "understood": understood,
        "request_address": charter.address(service.domain, "request"),
        "questions": offered(actor.role, queries),
        "orders": offered(actor.role, commands),
        **{
            f"{one}_address": charter.address(service.domain, one)
            for one in ("join", "leave", "owner", "contributions")
        },
    }
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about="help",
            template="request-help",
            facts=facts,
            group=(errand.group_id or 0, errand.group),
            recipients=(Addressee(actor.address, actor.member_id, actor.name),),
            sender_local=f"{errand.group}-owner",
            sender_name=charter.acronym,
            in_reply_to=errand.message.message_id,
            language=charter.language,
        ),
    )
    return Settled("sorted", "told what can be done by mail")


def offered(role: str, table: Commands | Queries) -> tuple[Mapping[str, str], ...]:
    """What this role can ask for by mail, in words."""
    able: list[Command | Query] = [one for one in table.values() if may(role, one.action)]
    return tuple({"form": one.form, "help": one.help} for one in able)
