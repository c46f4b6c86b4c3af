"""
What conveners order about authors, and about all posts at once (use cases; COMMANDS, QUERIES).

"allow" and "ban" name a held message, whose fate they decide too, or an address, or everybody of a domain
(`@example.org`); "hold author" and "forget author" an address or a domain. A member's own posts are allowed or held,
never banned: who is not to post is removed. "forget author" also forgets how the author was proven by an answer.
"emergency on" holds every post until "emergency off".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups import members, senders
from cgbot.groups.commands import Command, Ordered, Proposal, Query, Request
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.posts import emergency, holds, orders, proofs
from cgbot.store.db import Tx

_SAYS: Final = MappingProxyType(
    {"allow": "would be distributed without waiting, unless another rule holds it",
     "ban": "would be discarded, and nobody would be told",
     "hold": "would wait for a convener, whatever else",
     "forget": "would be judged as everybody's again"}
)  # fmt: skip
_DONE: Final = MappingProxyType(
    {"allow": "is distributed without waiting from now on", "ban": "is discarded from now on",
     "hold": "waits for a convener from now on", "forget": "is judged as everybody's again"}
)  # fmt: skip
_STANDING: Final = MappingProxyType({"allow": "free", "hold": "held", "forget": ""})
_MOST_LISTED: Final = 200
# What moderation writes to the audit trail.
ACTS: Final = (
    *holds.DECISIONS, *senders.DONE.values(), "sender forgotten", proofs.TRUSTED, proofs.FORGOTTEN, "emergency on",
    "emergency off",
)  # fmt: skip


def _propose(word: str, tx: Tx, context: Context, request: Request) -> Proposal:
    """What a decision about an author would mean; a number is a held message."""
    if not request.words:
        raise Malformed("of whom? An address, @ and a domain, or the number of a held post is missing")
    if "@" not in request.words[0]:
        if word not in {"allow", "ban"}:
            raise Malformed(f"{request.words[0]!r} is neither a mail address nor a domain such as @example.org")
        return orders.propose(word, tx, context, request)
    key = senders.key_of(request.words[0])
    member = _member(tx, request.group_id, key)
    if word == "ban" and member is not None:
        raise Conflict(f"{member.address} is {member.role} of the group: remove them, or hold what they post")
    note = orders.note_of(request)
    whose = f"What comes in the name of {f'anybody at {key[1:]}' if key.startswith('@') else key}"
    return Proposal(
        about=f"posts of {key}",
        summary=f"{word} the posts of {key}",
        preview=f"{whose} {_SAYS[word]}." + (f"\nYour words: {note}" if note else ""),
        fields={"note": note} if note else {},
        facts={"key": key, "note": note},
        words=(key,),
    )


def _member(tx: Tx, group_id: int, key: str) -> Member | None:
    found = None if key.startswith("@") else members.find_member(tx, group_id, key)
    return found if found and found.state != "left" else None


def _do(word: str, tx: Tx, context: Context, ordered: Ordered) -> str:
    note = str(ordered.facts["note"])
    if "hold" in ordered.facts:
        return orders.do(word, tx, context, ordered)
    key = str(ordered.facts["key"])
    decide(tx, context, ordered.group_id, (key, word, note), ordered.actor.address)
    return f"What comes in the name of {key} {_DONE[word]}."


def decide(tx: Tx, context: Context, group_id: int, what: tuple[str, str, str], actor: str) -> None:
    """
    Allow, hold, ban or forget (address or @domain, word, note).

    Raises Malformed, Conflict for a member who is to be banned, NotFound where there is nothing to forget.
    """
    key, word, note = senders.key_of(what[0]), what[1], what[2]
    member = _member(tx, group_id, key)
    if member is not None and word == "ban":
        raise Conflict(f"{member.address} is {member.role} of the group: remove them, or hold what they post")
    if member is not None:
        members.change(tx, context, member, {"posting": _STANDING[word]}, actor)
    if word == "forget":
        proven = proofs.forget(tx, context, group_id, key, actor)
        if not (senders.forget(tx, context, group_id, key, actor) or proven or member):
            raise NotFound(f"nothing was decided about {key}")
    elif member is None or senders.verdict(tx, group_id, key):
        senders.decide(tx, context, group_id, (key, word, note), actor)


def _propose_emergency(tx: Tx, context: Context, request: Request) -> Proposal:
    word = request.words[0].lower() if request.words else ""
    if word not in {"on", "off"}:
        raise Malformed('the word on or off is missing: "emergency on" holds every post, "emergency off" ends that')
    on = word == "on"
    charter = context.charters[request.group]
    emergency.check(tx, charter, request.group_id, on=on)
    preview = (
        "Every post, also a convener's, would wait for a convener until somebody orders: emergency off"
        if on
        else f"Posts would be judged as usual again. What waits now stays: {len(holds.waiting(tx, request.group_id))}."
    )
    return Proposal("emergency", f"emergency {word}", preview, {}, {"on": on}, words=(word,))


def _turn(tx: Tx, context: Context, ordered: Ordered) -> str:
    on = bool(ordered.facts["on"])
    emergency.turn(tx, context, (ordered.group_id, ordered.group), on=on, actor=ordered.actor.address)
    return "Every post waits for a convener now." if on else "Posts are judged as usual again."


def _senders(tx: Tx, context: Context, request: Request) -> str:
    """Mail what was decided about authors."""
    charter = context.charters[request.group]
    rows = [f"{one.verdict:6} {one.key}\n       by {one.added_by}, {in_words(one.added_at, charter)}"
            + (f": {one.note}" if one.note else "")
            for one in senders.list_senders(tx, request.group_id)]  # fmt: skip
    rows += [f"{one.posting:6} {one.address}  ({one.role})"
             for one in members.list_members(tx, request.group_id) if one.posting]  # fmt: skip
    why = emergency.reason(tx, charter, request.group_id)
    text = "\n".join(rows[:_MOST_LISTED]) or "Nothing was decided about anybody's posts."
    orders.mail(tx, context, request, ("Whose posts are allowed, held or banned", f"{why}\n\n{text}" if why else text))
    return f"{len(rows)} decisions about authors listed"


def _command(name: str, form: str, words: str, also: tuple[str, ...]) -> Command:
    word = name.partition(" ")[0]
    return Command(name, "decide what is held", form, words, partial(_propose, word), partial(_do, word), also)


COMMANDS: Final[Sequence[Command]] = (
    _command("allow", "allow 3", "Let a held post through and its author post from now on; also of an address.",
             ("allow post", "allow author")),
    _command("ban", "ban 3", "Discard a held post and whatever comes in its author's name; also of an address.",
             ("ban post", "ban author")),
    _command("hold author", "hold author someone@example.org", "See whatever this author posts before the list does.",
             ("hold posts of", "moderate")),
    _command("forget author", "forget author someone@example.org", "Take back what was decided about an author.",
             ("forget",)),
    Command("emergency", "decide what is held", "emergency on", "Hold every post; emergency off ends it.",
            _propose_emergency, _turn, waits=False),
)  # fmt: skip
QUERIES: Final[Sequence[Query]] = (
    Query("senders", "decide what is held", "senders", "Whose posts are allowed, held or banned.", _senders,
          ("bans", "banned")),
)  # fmt: skip
