"""
Threads: who answers whom (pure rules: RFC 5322 section 3.6.4, RFC 5256's REFERENCES algorithm).

A post's parent is the last Message-ID of its references; one that never came is a ghost and keeps its place. Of the
posts of a thread that name no ancestor which came, a reply stands below the one whose subject it has (step 5); which
posts are of one thread is another matter (archive.by_subject). References that go in a circle are cut where they would
close it, and the depth of a tree is no matter: nothing here is recursive.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cgbot.mail import subjects


@dataclass(frozen=True, slots=True)
class Said:
    """What a tree needs of a post; `references` oldest first."""

    post_id: int
    message_id: str
    references: tuple[str, ...]
    at: datetime
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a thread as it is read from the top; `post_id` is None for a ghost."""

    post_id: int | None
    message_id: str
    depth: int
    parent: str = ""


@dataclass(slots=True)
class _Node:
    """A post or a ghost by its key: its Message-ID, for the second post of one Message-ID something more."""

    key: str
    said: Said | None = None
    parent: str | None = None
    children: dict[str, None] = field(default_factory=dict)  # a set that keeps its order

    @property
    def message_id(self) -> str:
        return self.said.message_id if self.said else self.key


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
    first_at = _first_times(nodes)
    tops = sorted(_tops(nodes), key=first_at.__getitem__)
    if len(tops) > 1:
        tops = _put_replies_below(nodes, tops)
    return tuple(_walk(nodes, tops, first_at))


def _link(nodes: dict[str, _Node], said: Said) -> None:
    """Steps 1A and 1B: what a message says of its ancestors counts where they are silent, of itself always."""
    key = said.message_id
    if key in nodes and nodes[key].said is not None:
        key = f"{key} {said.post_id}"  # a post in its own right (step 1); whoever answers it answers the first
    for message_id in (*said.references, key):
        nodes.setdefault(message_id, _Node(message_id))
    node = nodes[key]
    node.said = said
    for parent, child in itertools.pairwise(said.references):
        if nodes[child].parent is None:
            _put_below(nodes, parent, child)
    answered = said.references[-1] if said.references else None
    if node.parent is not None and node.parent != answered:
        del nodes[node.parent].children[key]
        node.parent = None
    if answered is not None and node.parent is None:
        _put_below(nodes, answered, key)


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


def _tops(nodes: dict[str, _Node]) -> list[str]:
    return [node.key for node in nodes.values() if node.parent is None]


def _put_replies_below(nodes: dict[str, _Node], tops: Sequence[str]) -> list[str]:
    """Step 5, as far as replies go: below the earliest post of their subject that is none; the tops that remain."""
    began: dict[str, str] = {}
    posts = ((node.said.at, node.said.post_id, node.said.subject, key) for key, node in nodes.items() if node.said)
    for *_, subject, key in sorted(posts):
        base = subjects.base(subject)
        if base.text and not base.is_reply:
            began.setdefault(base.text, key)
    for key in tops:
        base = subjects.base(_subject(nodes, key))
        if base.is_reply and base.text in began:
            _put_below(nodes, began[base.text], key)
    return [key for key in tops if nodes[key].parent is None]


def _subject(nodes: dict[str, _Node], key: str) -> str:
    """The subject of a post, or of the first that answers a ghost (step 5B)."""
    while (said := nodes[key].said) is None:
        if not nodes[key].children:
            return ""  # whoever was said to answer it says otherwise
        key = next(iter(nodes[key].children))
    return said.subject


def _walk(nodes: dict[str, _Node], tops: Sequence[str], first_at: dict[str, tuple[float, str]]) -> Iterable[Place]:
    waiting = [(top, 0) for top in reversed(tops)]
    while waiting:
        key, depth = waiting.pop()
        node = nodes[key]
        shown = node.said is not None or len(node.children) > 1  # a ghost with one answer would only indent it
        if shown:
            above = nodes[node.parent].message_id if node.parent else ""
            yield Place(node.said.post_id if node.said else None, node.message_id, depth, above)
        below = depth + 1 if shown else depth
        waiting += [(child, below) for child in sorted(node.children, key=first_at.__getitem__, reverse=True)]


def _first_times(nodes: dict[str, _Node]) -> dict[str, tuple[float, str]]:
    """When each branch began, by its earliest post, from the leaves up."""
    first = {key: node.said.at.timestamp() if node.said else float("inf") for key, node in nodes.items()}
    downwards = _tops(nodes)
    for key in downwards:  # grows while it is walked: parents come before their children
        downwards += nodes[key].children
    for key in reversed(downwards):
        above = nodes[key].parent
        if above is not None:
            first[above] = min(first[above], first[key])
    return {key: (time, key) for key, time in first.items()}
