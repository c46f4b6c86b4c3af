"""
A message to a group's posting address (use case; PURPOSES post).

Gather: who wrote it, what is known about it. Decide: `posts.moderation`. Write: archive it and queue one copy per
subscriber, or hold it and tell the conveners, or discard it. The same content twice is one post: the further copy is
recorded and nothing is sent. In a companion group the list lives elsewhere (`posts.companion`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled, UseCase
from cgbot.groups import members
from cgbot.mail import list_headers
from cgbot.posts import companion, distribution, holding, moderation, words
from cgbot.posts.moderation import Action, Submission
from cgbot.store.db import Tx


def take_post(tx: Tx, context: Context, errand: Errand) -> Settled:
    """Archive and distribute, hold, or discard a message to the group."""
    if context.charters[errand.group].mode == "companion":
        return companion.take(tx, context, errand)
    assert errand.facts is not None  # noqa: S101 - the sorter prepares a post
    assert errand.group_id is not None  # noqa: S101 - a post has a group
    known = keep.find(tx, errand.group_id, errand.facts)
    if known.same_content is not None:
        keep.add_copy(tx, errand, known.same_content)
        return Settled("sorted", f"a further copy of post {known.same_content}")
    judgement = moderation.judge(_submission(tx, context, errand, known_id=known.same_id))
    if judgement.verdict.action is Action.DISCARD:
        return Settled("discarded", judgement.verdict.reason)
    if judgement.verdict.action is Action.HOLD:
        return holding.hold(tx, context, errand, judgement)
    post_id = keep.add(tx, errand, errand.facts)
    distribution.distribute(tx, context, errand, post_id)
    return Settled("sorted", f"post {post_id}: {judgement.verdict.reason}")


def _submission(tx: Tx, context: Context, errand: Errand, *, known_id: bool) -> Submission:
    charter = context.charters[errand.group]
    message = errand.message
    author = message.authors[0].address if len(message.authors) == 1 else ""
    member = members.find_member(tx, errand.group_id or 0, author) if author else None
    return Submission(
        author=author,
        role=member.role if member and member.state != "left" else "",
        gate=errand.gate,
        own_copy=list_headers.seen_here(message, charter.list_id(context.settings.service.domain)),
        automatic=list_headers.is_automatic(message),
        known_id=known_id,
        command=words.list_command(message),
        size=len(message.raw),
        max_size=charter.max_post_size,
        posting=charter.posting,
    )


PURPOSES: Final[Purposes] = MappingProxyType[str, UseCase]({"post": take_post})
