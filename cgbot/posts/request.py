"""
Commands by mail (use case; PURPOSES request).

NAME-request@ takes one command, in the subject or on the first line: join and leave do what NAME-join@ and NAME-leave@
do, also in the words of other list programs ("SUBSCRIBE listname First Last", "SIGNOFF", "confirm TOKEN"); what only
asks is answered; what changes something of the group is shown for a yes first (groups.ordering). Whoever the mail
claims to be from, what comes back goes to the member's own address. Everything else is answered with what can be done
by mail, at most once a day to an address and so many an hour in all (groups.knocks), never to a robot (RFC 3834).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled, UseCase
from cgbot.errors import Refused
from cgbot.groups import asking, knocks, languages, ordering, orders, request_form, standing, subscriptions, tokens
from cgbot.groups.asking import Asker
from cgbot.groups.commands import Actor, Command, Query, Request, by_every_name
from cgbot.groups.orders import Commands
from cgbot.groups.request_form import Form
from cgbot.groups.roles import may
from cgbot.mail.address import domain_of, fold, is_valid
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import list_words
from cgbot.store.db import Tx

Queries = Mapping[str, Query]
_PURPOSE: Final = "help"
_QUERY: Final = "query"
_MOST_QUERIES: Final = 30
_AN_HOUR: Final = timedelta(hours=1)
_AGAIN: Final = timedelta(hours=24)
_CONFIRM: Final = "confirm"
_LISTS: Final = "lists"
_FRENCH: Final = frozenset(
    {"rejoindre", "inscription", "adhérer", "abonnement", "quitter", "désinscription", "désabonnement", "aide"}
)
_JOIN: Final = frozenset({"join", "subscribe", "sub", "rejoindre", "inscription", "adhérer", "abonnement"})
_LEAVE: Final = frozenset({"leave", "unsubscribe", "signoff", "unsub", "quitter", "désinscription", "désabonnement"})
_HELP: Final = frozenset({"help", "info", "commands", "aide"})
OWN_WORDS: Final = (*_JOIN, *_LEAVE, *_HELP, _CONFIRM)


def purposes(commands: Commands, queries: Queries, confirm: UseCase | None = None) -> Purposes:
    """The use case of NAME-request@, over what the features offer; `confirm` is that of NAME-confirm+TOKEN@."""
    confirm = confirm or subscriptions.purposes()["confirm"]
    return MappingProxyType[str, UseCase]({"request": partial(take, _Table(commands, queries, confirm))})


@dataclass(frozen=True, slots=True)
class _Table:
    """What there is."""

    commands: Commands
    queries: Queries
    confirm: UseCase


def take(table: _Table, tx: Tx, context: Context, errand: Errand) -> Settled:
    """Do what one command asks, or say what there is."""
    if reason := _is_unanswerable(context, errand):
        return Settled("discarded", reason)
    orderable, askable = by_every_name(table.commands), by_every_name(table.queries)
    form = request_form.read(errand.message.subject, errand.message.text, [*OWN_WORDS, *orderable, *askable])
    actor = orders.actor_of(tx, errand.group_id or 0, errand.message.authors[0].address)
    form = form or _in_other_words(context, errand)
    if form and (settled := _from_anybody(table, tx, context, errand, form)):
        return settled
    if form is None or form.command in OWN_WORDS or not actor.role:
        if form and askable.get(form.command) == _LISTS:
            return _tell_lists(tx, context, errand)
        return _help(tx, context, errand, _Offer(actor, table, form))
    request = Request(errand.group_id or 0, errand.group, actor, form.words, form.fields, errand)
    if form.command in orderable:
        return ordering.ask(tx, context, table.commands[orderable[form.command]], request)
    return _answer(tx, context, table.queries[askable[form.command]], request)


def _in_other_words(context: Context, errand: Errand) -> Form | None:
    """Joining or leaving in words that are no command: "QUIET SIGNOFF listname", "please remove me from this list"."""
    names = {errand.group, context.charters[errand.group].acronym.lower()}
    said = list_words.list_command(errand.message, names)
    purpose = list_words.purpose_of(said)
    if not purpose:
        return None
    return Form("désinscription" if purpose == "leave" and list_words.tongue(said) else purpose)


def _from_anybody(table: _Table, tx: Tx, context: Context, errand: Errand, form: Form) -> Settled | None:
    """Join, leave and confirm do what the addresses of that name do; None for anything else."""
    if form.command in _JOIN | _LEAVE:
        return _subscribe(tx, context, errand, form)
    if form.command == _CONFIRM and form.words:
        return table.confirm(tx, context, dataclasses.replace(errand, purpose=_CONFIRM, detail=form.words[0].lower()))
    return None


def _subscribe(tx: Tx, context: Context, errand: Errand, form: Form) -> Settled:
    """As NAME-join@ or NAME-leave@; "SUBSCRIBE listname First Last" tells the name too (LISTSERV)."""
    purpose = "join" if form.command in _JOIN else "leave"
    own_names = {errand.group, context.charters[errand.group].acronym.lower()}
    named = bool(form.words) and form.words[0].lower() in own_names
    name = " ".join(form.words[1:]) if named and "@" not in "".join(form.words) else ""
    return subscriptions.ask(tx, context, dataclasses.replace(errand, purpose=purpose), name, _tongue(form))


def _tongue(form: Form | None) -> str:
    """The language of a command's own word, "" for what any language says so."""
    return "fr" if form and form.command in _FRENCH else ""


def _tell_lists(tx: Tx, context: Context, errand: Errand) -> Settled:
    """Tell somebody who is not known here which groups there are."""
    author = errand.message.authors[0]
    if reason := knocks.admit(tx, context, knocks.of(errand, context.settings, _LISTS, author.address)):
        return Settled("discarded", reason)
    language = languages.of_message(errand.message)
    asker = Asker(_LISTS, errand.group_id or 0, errand.group, author.address, "", errand.message.message_id, language)
    return Settled("sorted", standing.tell_lists(tx, context, asker))


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


@dataclass(frozen=True, slots=True)
class _Offer:
    """Who is told, what there is, and what they wrote as far as it was understood."""

    actor: Actor
    table: _Table
    form: Form | None


def _help(tx: Tx, context: Context, errand: Errand, offer: _Offer) -> Settled:
    """Say what this person can do by mail, to a member and to a stranger once a day."""
    actor = offer.actor
    if reason := _helped(tx, context, errand, actor):
        return Settled("discarded", reason)
    charter = context.charters[errand.group]
    service = context.settings.service
    asker = Asker(
        "help", errand.group_id or 0, errand.group, actor.address, language=languages.of_message(errand.message)
    )
    language = _tongue(offer.form) or asking.language_for(tx, context, asker)
    facts = {
        "acronym": charter.acronym,
        "title": charter.title,
        "list_address": charter.posting_address(service.domain),
        "url": f"{service.public_url}/{charter.name}/",
        "calendar_url": f"{service.public_url}/{charter.name}/calendar.ics",
        "understood": offer.form.command in OWN_WORDS if offer.form else _is_empty(errand),
        "request_address": charter.address(service.domain, "request"),
        "questions": offered(actor.role, offer.table.queries, language),
        "orders": offered(actor.role, offer.table.commands, language),
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
            language=language,
        ),
    )
    return Settled("sorted", "told what can be done by mail")


def _helped(tx: Tx, context: Context, errand: Errand, actor: Actor) -> str:
    """Why this address gets no help now, "" where it does."""
    if not actor.role:
        return knocks.admit(tx, context, knocks.of(errand, context.settings, _PURPOSE, actor.address))
    key = f"{errand.group_id} {fold(actor.address)}"
    if tokens.made_since(tx, _PURPOSE, ("key", key), context.now - _AGAIN):
        return "answered within the last day already"
    tokens.make(tx, context, _PURPOSE, {"key": key}, _AGAIN)
    return ""


def offered(role: str, table: Commands | Queries, language: str) -> tuple[Mapping[str, str], ...]:
    """What this role can ask for by mail, in words."""
    able: list[Command | Query] = [one for one in table.values() if may(role, one.action)]
    return tuple({"form": one.form, "help": languages.help_of(language, one.name, one.help)} for one in able)
