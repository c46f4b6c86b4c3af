"""
Threads: who answers whom (pure rules: RFC 5322 section 3.6.4, RFC 5256's REFERENCES algorithm, steps 1 to 4).

A post's parent is the last Message-ID of its references; one that never came is a ghost and keeps its place. Subjects
are not guessed from (its step 5 is left out). References that go in a circle are cut where they would close it, and
the depth of a tree is no matter: nothing here is recursive.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Said:
    """What a tree needs of a post; `references` oldest first."""

    post_id: int
    message_id: str
    references: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a thread as it is read from the top; `post_id` is None for a ghost."""

    post_id: int | None
    message_id: str
    depth: int
    parent: str = ""


@dataclass(slots=True)
class _Node:
    message_id: str
    said: list[Said] = field(default_factory=list)
    parent: str | None = None
    children: dict[str, None] = field(default_factory=dict)  # a set that keeps its order


def references_of(references: Sequence[str], in_reply_to: Sequence[str], own: str) -> tuple[str, ...]:
    """The ancestors of a message, oldest first: References, then In-Reply-To if it says more; never itself."""
    known = [one for one in references if one != own]
    if in_reply_to and in_reply_to[0] not in known and in_reply_to[0] != own:
        known.append(in_reply_to[0])
    return tuple(dict.fromkeys(known))


def also_answered(references: Sequence[str], in_reply_to: Sequence[str], own: str) -> tuple[str, ...]:
    """What else a message answers (RFC 5322 section 3.6.4 allows several): of its thread, but no part of the chain."""
    return tuple(dict.fromkeys(one for one in in_reply_to[1:] if one != own and one not in references))


def tree(posts: Iterable[Said]) -> tuple[Place, ...]:
    """Put the posts of a thread in reading order: by time among brothers, each followed by its answers."""
    nodes: dict[str, _Node] = {}
    for said in sorted(posts, key=lambda one: (one.at, one.post_id)):
        _link(nodes, said)
    return tuple(_walk(nodes))


def _link(nodes: dict[str, _Node], said: Said) -> None:
    """Steps 1A and 1B: what a message says of its ancestors counts where they are silent, of itself always."""
    chain = [*said.references, said.message_id]
    for message_id in chain:
        nodes.setdefault(message_id, _Node(message_id))
    node = nodes[said.message_id]
    node.said.append(said)
    for parent, child in itertools.pairwise(said.references):
        if nodes[child].parent is None:
            _put_below(nodes, parent, child)
    answered = said.references[-1] if said.references else None
    if node.parent is not None and node.parent != answered:
        del nodes[node.parent].children[said.message_id]
        node.parent = None
    if answered is not None and node.parent is None:
        _put_below(nodes, answered, said.message_id)


def _put_below(nodes: dict[str, _Node], parent: str, child: str) -> None:
    if not _is_above(nodes, child, parent):
        nodes[child].parent = parent
        nodes[parent].children[child] = None


def _is_above(nodes: dict[str, _Node], upper: str, lower: str) -> bool:
    """Say whether `upper` is `lower` or one of its ancestors."""
    if not nodes[upper].children:
        return upper == lower  # as most are when they come: no need to climb a long chain
    at: str | None = lower
    while at is not None:
        if at == upper:
            return True
        at = nodes[at].parent
    return False


def _walk(nodes: dict[str, _Node]) -> Iterable[Place]:
    first_at = _first_times(nodes)
    roots = [node.message_id for node in nodes.values() if node.parent is None]
    waiting = [(root, 0) for root in sorted(roots, key=first_at.__getitem__, reverse=True)]
    while waiting:
        message_id, depth = waiting.pop()
        node = nodes[message_id]
        shown = bool(node.said) or len(node.children) > 1  # a ghost with one answer would only indent it
        if shown:
            ids: list[int | None] = [said.post_id for said in node.said] or [None]
            yield from (Place(post_id, message_id, depth, node.parent or "") for post_id in ids)
        below = depth + 1 if shown else depth
        waiting += [(child, below) for child in sorted(node.children, key=first_at.__getitem__, reverse=True)]


def _first_times(nodes: dict[str, _Node]) -> dict[str, tuple[float, str]]:
    """When each branch began, by its earliest post, from the leaves up."""
    first = {key: min((said.at.timestamp() for said in node.said), default=float("inf")) for key, node in nodes.items()}
    downwards = [key for key, node in nodes.items() if node.parent is None]
    for key in downwards:  # grows while it is walked: parents come before their children
        downwards += nodes[key].children
    for key in reversed(downwards):
        above = nodes[key].parent
        if above is not None:
            first[above] = min(first[above], first[key])
    return {key: (time, key) for key, time in first.items()}
