"""
A command that was sent to the whole list by mistake: its author is answered, and nobody else gets it (use case).

Joining and leaving are asked back as if they had come to the right address; anything else is answered with where
commands go, at most once a day to an address and within the limits of groups.knocks, never to a robot (RFC 3834).
"""

from __future__ import annotations

import dataclasses

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import asking, knocks, languages, subscriptions
from cgbot.groups.asking import Asker, Words
from cgbot.mail.address import domain_of, is_valid
from cgbot.posts import list_words
from cgbot.store.db import Tx

_PURPOSE = "caught"


def answer(tx: Tx, context: Context, errand: Errand, command: str) -> Settled:
    """Answer the author of a command that reached the list."""
    reason = f"the command {command!r}, sent to the whole list"
    purpose, tongue = list_words.purpose_of(command), list_words.tongue(command)
    if purpose in {"join", "leave"}:
        settled = subscriptions.ask(tx, context, dataclasses.replace(errand, purpose=purpose), language=tongue)
        return Settled("discarded", f"{reason}: {settled.reason}")
    if problem := _unanswerable(context, errand):
        return Settled("discarded", f"{reason}: {problem}")
    author = errand.message.authors[0].address
    if problem := knocks.admit(tx, context, knocks.of(errand, context.settings, _PURPOSE, author)):
        return Settled("discarded", f"{reason}: {problem}")
    language = tongue or languages.of_message(errand.message)
    asker = Asker(_PURPOSE, errand.group_id or 0, errand.group, author, "", errand.message.message_id, language)
    asking.write(tx, context, asker, Words("command-caught"))
    return Settled("discarded", f"{reason}: its author was told where commands go")


def _unanswerable(context: Context, errand: Errand) -> str:
    authors = errand.message.authors
    if robot := subscriptions.by_robot(errand):
        return robot
    if len(authors) != 1 or not is_valid(authors[0].address):
        return "the From field does not name exactly one author"
    return "an address of cgbot itself" if domain_of(authors[0].address) == context.settings.service.domain else ""
