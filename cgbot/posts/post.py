"""
A message to a group's posting address (use case; PURPOSES post).

Gather: who wrote it, what is known about it (posts.gathering). Decide: `posts.moderation`. Write: archive it and queue
one copy per subscriber, or hold it, or discard it; the author of a list command is answered. The same content twice is
one post: the further copy is recorded and nothing is sent. In a companion group the list lives elsewhere
(`posts.companion`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled, UseCase
from cgbot.groups import one_time, reactivation, tokens
from cgbot.posts import again, companion, distribution, gathering, holding, misdirected, moderation
from cgbot.posts.moderation import Action
from cgbot.store.db import Tx


def take_post(tx: Tx, context: Context, errand: Errand) -> Settled:
    """Archive and distribute, hold, or discard a message to the group."""
    if context.charters[errand.group].mode == "companion":
        return companion.take(tx, context, errand)
    assert errand.facts is not None  # noqa: S101 - the sorter prepares a post
    assert errand.group_id is not None  # noqa: S101 - a post has a group
    known = keep.find(tx, errand.group_id, errand.facts)
    if settled := again.settle(tx, context, errand, known):
        return settled
    submission = gathering.submission(tx, context, errand, known_id=known.same_id)
    judgement = moderation.judge(submission)
    if judgement.verdict.rule == "command":
        return misdirected.answer(tx, context, errand, submission.command)
    if judgement.verdict.action is Action.DISCARD:
        return Settled("discarded", judgement.verdict.reason)
    if judgement.verdict.action is Action.HOLD:
        return holding.hold(tx, context, errand, judgement)
    for token in one_time.tokens_in(errand.message):
        tokens.end(tx, token, context.now)  # everybody can read it from now on
    post_id = keep.add(tx, errand, errand.facts)
    if submission.proven:
        reactivation.heard_from(tx, context, errand.group_id, submission.author)
    distribution.distribute(tx, context, errand, post_id)
    return Settled("sorted", f"post {post_id}: {judgement.verdict.reason}")


PURPOSES: Final[Purposes] = MappingProxyType[str, UseCase]({"post": take_post})
