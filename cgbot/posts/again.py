"""A message that was here before (use case): a further copy of a post, or one that was erased and stays away."""

from __future__ import annotations

from cgbot.archive import keep, tombstones
from cgbot.archive.keep import Known
from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.store.db import Tx


def settle(tx: Tx, context: Context, errand: Errand, known: Known) -> Settled | None:
    """Record a further copy, turn away what was erased; None for a message that is new."""
    assert errand.facts is not None  # noqa: S101 - the sorter prepares a post
    assert errand.group_id is not None  # noqa: S101 - a post has a group
    if known.same_content is not None:
        keep.add_copy(tx, errand, known.same_content)
        return Settled("sorted", f"a further copy of post {known.same_content}")
    if tombstones.is_erased(tx, context.keys, errand.group_id, errand.sha256, errand.facts.content_hash):
        return Settled("discarded", "it was erased from the archive")
    return None
