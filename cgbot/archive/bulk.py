"""
Many messages of an older archive become posts in one transaction (records).

It writes what `archive.keep` writes for one: raw bytes, thread, post, leaf of the log, words; but each table once for
all of them. Threads come from the references alone, so their number does not depend on the order in which messages
come; in a group that threads by subject too, one message follows the other as they are given. The posts are marked as
imported: they are no news to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, bindparam, insert, select, update

from cgbot.archive import by_subject, keep, log, thread_edits, tombstones
from cgbot.archive.keep import PostFacts
from cgbot.archive.leaf import PostLeaf
from cgbot.keys import Keys
from cgbot.store import raw, search
from cgbot.store.raw import Prepared
from cgbot.store.tables import posts, thread_ids, threads
from cgbot.store.upsert import insert_new

Verdict = Literal["taken", "there", "erased", "other-content"]

_SOME: Final = 500  # names in one question
_OF_GROUP: Final = select(posts.c.content_hash, posts.c.message_id).where(posts.c.group_id == bindparam("group_id"))
_SAME_CONTENT: Final = _OF_GROUP.where(posts.c.content_hash.in_(bindparam("wanted", expanding=True)))
_SAME_ID: Final = _OF_GROUP.where(posts.c.message_id.in_(bindparam("wanted", expanding=True)))
_KNOWN: Final = select(thread_ids.c.message_id, thread_ids.c.thread_id).where(
    thread_ids.c.group_id == bindparam("group_id"),
    thread_ids.c.message_id.in_(bindparam("wanted", expanding=True)),
)
_NAME: Final = update(threads).where(threads.c.id == bindparam("thread")).values(subject=bindparam("new_subject"))


@dataclass(frozen=True, slots=True)
class Old:
    """A message of an older archive, ready to be written; `received_at` is when its list received it, aware."""

    prepared: Prepared
    facts: PostFacts
    received_at: datetime


def take(tx: Connection, keys: Keys, group_id: int, messages: Sequence[Old]) -> list[Verdict]:
    """
    Write those that are new to the group; what became of each, in their order.

    "there": the group has this content; "erased": it was erased and stays away; "other-content": taken, although the
    group has another content under the same Message-ID.
    """
    verdicts = _judge(tx, keys, group_id, messages)
    new = [one for one, verdict in zip(messages, verdicts, strict=True) if verdict in {"taken", "other-content"}]
    if new:
        if thread_edits.are_there(tx, group_id):
            new = [replace(one, facts=keep.placed(tx, group_id, one.facts)) for one in new]
        raw.put(tx, [one.prepared for one in new])
        if by_subject.is_wanted(tx, group_id):
            for one in new:  # where its subject leads depends on those before it
                _write(tx, group_id, [one], [keep.thread(tx, group_id, one.received_at, one.facts)])
        else:
            _write(tx, group_id, new, _place(tx, group_id, new))
    return verdicts


def _judge(tx: Connection, keys: Keys, group_id: int, messages: Sequence[Old]) -> list[Verdict]:
    names = {(one.prepared.sha256, one.facts.content_hash) for one in messages}
    gone = tombstones.erased(tx, keys, group_id, names)
    contents = {bytes(row.content_hash) for row in _ask(tx, _SAME_CONTENT, group_id, {hash_ for _, hash_ in names})}
    ids = {str(row.message_id) for row in _ask(tx, _SAME_ID, group_id, {one.facts.message_id for one in messages})}
    verdicts: list[Verdict] = []
    for one in messages:
        if one.facts.content_hash in contents:
            verdicts.append("there")
        elif (one.prepared.sha256, one.facts.content_hash) in gone:
            verdicts.append("erased")
        else:
            verdicts.append("other-content" if one.facts.message_id in ids else "taken")
            contents.add(one.facts.content_hash)
            ids.add(one.facts.message_id)
    return verdicts


def _ask(tx: Connection, question: Any, group_id: int, wanted: Iterable[Any]) -> Iterable[Any]:
    names = list(wanted)
    for at in range(0, len(names), _SOME):
        yield from tx.execute(question, {"group_id": group_id, "wanted": names[at : at + _SOME]})


def _write(tx: Connection, group_id: int, new: Sequence[Old], thread_of: Sequence[int]) -> None:
    rows = [
        keep.row(one.facts)
        | {
            "group_id": group_id,
            "sha256": one.prepared.sha256,
            "received_at": one.received_at,
            "thread_id": thread_id,
            "imported": True,
        }
        for one, thread_id in zip(new, thread_of, strict=True)
    ]
    ids = tx.execute(insert(posts).returning(posts.c.id, sort_by_parameter_order=True), rows).scalars().all()
    made = list(zip(ids, new, strict=True))
    log.append(tx, [PostLeaf(group_id, post_id, one.prepared.sha256, one.received_at) for post_id, one in made])
    search.add(tx, [(post_id, one.facts.terms) for post_id, one in made])
    keep.expect_files(tx, [post_id for post_id, one in made if one.facts.has_text_files])


# ------------------------------------------------------------------------------------------------------ threads


@dataclass(slots=True)
class _Strand:
    """Messages of one portion that belong together, and the threads that they belong to already."""

    messages: list[Old]
    ids: set[str]


def _place(tx: Connection, group_id: int, new: Sequence[Old]) -> list[int]:
    """The thread of each message, made or joined where it must be."""
    strands = _strands(new)
    every = {name for strand in strands for name in strand.ids}
    known = {str(row.message_id): int(row.thread_id) for row in _ask(tx, _KNOWN, group_id, every)}
    place: dict[int, int] = {}
    for strand in strands:
        found = {known[name] for name in strand.ids if name in known}
        thread_id = _thread(tx, group_id, strand, found)
        _name(tx, thread_id, strand, known)
        if len(found) > 1:  # the others are gone, and the next new thread may get the number of one
            known = {name: thread_id if one in found else one for name, one in known.items()}
            place = {message: thread_id if one in found else one for message, one in place.items()}
        place |= dict.fromkeys(map(id, strand.messages), thread_id)
    fresh = [
        {"group_id": group_id, "message_id": name, "thread_id": place[id(strand.messages[0])]}
        for strand in strands
        for name in sorted(strand.ids - known.keys())
    ]
    if fresh:
        tx.execute(insert_new(tx, thread_ids), fresh)
    return [place[id(one)] for one in new]


def _strands(new: Sequence[Old]) -> list[_Strand]:
    """Put together what shares a Message-ID, mentioned or own."""
    of_id: dict[str, _Strand] = {}
    for one in new:
        names = set(keep.mentions(one.facts))
        found = {id(of_id[name]): of_id[name] for name in names if name in of_id}
        strand = _Strand([one], names)
        for other in found.values():
            strand.messages += other.messages
            strand.ids |= other.ids
        of_id |= dict.fromkeys(strand.ids, strand)
    return list({id(strand): strand for strand in of_id.values()}.values())


def _thread(tx: Connection, group_id: int, strand: _Strand, found: set[int]) -> int:
    first = min(one.received_at for one in strand.messages)
    last = max(one.received_at for one in strand.messages)
    if not found:
        values = {
            "group_id": group_id,
            "subject": _first(strand).facts.subject,
            "started_at": first,
            "last_at": last,
            "posts": len(strand.messages),
        }
        return int((tx.execute(insert(threads), values).inserted_primary_key or (0,))[0])
    thread_id = keep.join(tx, sorted(found))
    keep.grow(tx, thread_id, len(strand.messages), first, last)
    return thread_id


def _first(strand: _Strand) -> Old:
    """The message that began it, as far as it is here: the oldest that answers none."""
    return min(strand.messages, key=lambda one: (bool(one.facts.references), one.received_at))


def _name(tx: Connection, thread_id: int, strand: _Strand, known: dict[str, int]) -> None:
    """A message that was answered before it came, and answers none, gives the thread its subject."""
    first = _first(strand)
    if first.facts.message_id in known and not first.facts.references:
        tx.execute(_NAME, {"thread": thread_id, "new_subject": first.facts.subject})
