"""
Commands by mail (use case; PURPOSES request).

NAME-request@ takes one command, in the subject or on the first line: join and leave do what NAME-join@ and NAME-leave@
do, everything else is answered with what can be done by mail. At most one answer a day to an address, never to a robot
(RFC 3834).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled, UseCase
from cgbot.groups import subscriptions, tokens
from cgbot.mail.address import fold, is_valid
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import words
from cgbot.store.db import Tx

_PURPOSE: Final = "help"
_AGAIN: Final = timedelta(hours=24)
_JOIN: Final = frozenset({"join", "subscribe"})
_LEAVE: Final = frozenset({"leave", "unsubscribe", "signoff"})
_HELP: Final = frozenset({"help", "info", ""})


def take(tx: Tx, context: Context, errand: Errand) -> Settled:
    """Do what one command asks, or say what there is."""
    word = command(errand)
    if word in _JOIN:
        return subscriptions.ask(tx, context, dataclasses.replace(errand, purpose="join"))
    if word in _LEAVE:
        return subscriptions.ask(tx, context, dataclasses.replace(errand, purpose="leave"))
    return _help(tx, context, errand, understood=word in _HELP)


def command(errand: Errand) -> str:
    """The first word of the subject when it is a command, else that of the text, in lower case."""
    known = _JOIN | _LEAVE | _HELP
    first = errand.message.subject.split(" ")[0].lower()
    return first if first and first in known else words.answer(errand.message)[0]


def _help(tx: Tx, context: Context, errand: Errand, *, understood: bool) -> Settled:
    if robot := subscriptions.by_robot(errand):
        return Settled("discarded", robot)
    authors = errand.message.authors
    if len(authors) != 1 or not is_valid(authors[0].address):
        return Settled("discarded", "the From field does not name exactly one author")
    key = f"{errand.group_id} {fold(authors[0].address)}"
    if tokens.made_since(tx, _PURPOSE, ("key", key), context.now - _AGAIN):
        return Settled("discarded", "answered within the last day already")
    tokens.make(tx, context, _PURPOSE, {"key": key}, _AGAIN)
    charter = context.charters[errand.group]
    service = context.settings.service
    address: Callable[[str], str] = lambda extension: charter.address(service.domain, extension)  # noqa: E731 - a short name for one use
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about="help",
            template="request-help",
            facts={
                "acronym": charter.acronym,
                "title": charter.title,
                "list_address": charter.posting_address(service.domain),
                "join_address": address("join"),
                "leave_address": address("leave"),
                "owner_address": address("owner"),
                "url": f"{service.public_url}/{charter.name}/",
                "calendar_url": f"{service.public_url}/{charter.name}/calendar.ics",
                "understood": understood,
            },
            group=(errand.group_id or 0, charter.name),
            recipients=(Addressee(authors[0].address, None, authors[0].name),),
            sender_local=f"{charter.name}-owner",
            sender_name=charter.acronym,
            in_reply_to=errand.message.message_id,
            language=charter.language,
        ),
    )
    return Settled("sorted", "told what can be done by mail")


PURPOSES: Final[Purposes] = MappingProxyType[str, UseCase]({"request": take})
