"""
What conveners order about held posts and planned mails, and what can be asked by mail (use cases; COMMANDS, `queries`).

"approve 3" from scratch is shown and can be undone as any order; answering the mail that tells of a held post decides
at once (posts.holding). What is asked changes nothing and is answered at once, to the member's own address.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotFound
from cgbot.groups import orders, planned
from cgbot.groups.commands import Command, Ordered, Proposal, Query, Request
from cgbot.groups.moments import in_words
from cgbot.notices import ledger
from cgbot.notices.kinds import Kind
from cgbot.notices.ledger import Notice
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import hold_letters, holding, holds
from cgbot.posts.holds import Decision, Hold
from cgbot.store.db import Tx
from cgbot.store.tables import notices

_AHEAD: Final = timedelta(days=31)
_MOST_DIGITS: Final = 9
_MOST_LISTED: Final = 100
_NOTE: Final = 2000
_NOTES: Final = ("note", "text", "reason")
_OPEN: Final = frozenset({"planned", "announced"})
_OWN: Final = frozenset({planned.NAME, orders.NAME})  # mails to the conveners that only show what stands here


def _number(request: Request) -> int:
    """The number behind the command. Raises Malformed."""
    word = request.words[0].lstrip("#") if request.words else ""
    if not (word.isascii() and word.isdigit()) or len(word) > _MOST_DIGITS:
        raise Malformed("the number is missing: it stands behind the word, as in the mail that told of it")
    return int(word)


# ------------------------------------------------------------------------------------------------------ held posts


_SAYS: Final = MappingProxyType(
    {"approve": "It would be archived and sent to the list.",
     "allow": "It would be archived and sent to the list, and {author} would post without waiting from then on.",
     "reject": "It would not be distributed, and {told}.",
     "discard": "It would not be distributed, and nobody would be told.",
     "ban": "It would not be distributed, nobody would be told, and what comes in the name of {author} would be "
            "discarded from then on."}
)  # fmt: skip


def propose(word: str, tx: Tx, context: Context, request: Request) -> Proposal:
    """What a decision about a held post would do. Raises Malformed, NotFound and Conflict."""
    held = _held(tx, context, _number(request), request.group_id)
    holding.check(tx, held.id, word)
    note = note_of(request)
    charter = context.charters[request.group]
    author = held.author or "an unreadable address"
    told = f"{held.author} would be told" if held.proven else "nobody would be told, since nothing proves who wrote it"
    lines = [f"The message of {author} that awaits approval since {in_words(held.held_at, charter)}:", "",
             f"  Subject:  {held.subject or '(no subject)'}", f"  Why:      {'; '.join(held.reasons)}", "",
             _SAYS[word].format(told=told, author=author), "", "The rules; those with an asterisk have held it:", "",
             *hold_letters.table(held)]  # fmt: skip
    lines += [f"Your words: {note}"] if note else []
    return Proposal(
        about=f"held message {held.id}",
        summary=f"{word} the message of {author}: {held.subject or '(no subject)'}"[:200],
        preview="\n".join(lines),
        fields={"note": note} if note or word == "reject" else {},
        facts={"hold": held.id, "note": note},
        words=(str(held.id),),
    )


def _held(tx: Tx, context: Context, number: int, group_id: int) -> Hold:
    """A held message of the group that still waits. Raises NotFound and Conflict."""
    held = holds.find(tx, number)
    if held is None or held.group_id != group_id:
        raise NotFound(f'there is no held message {number} in this group; a mail with the word "awaiting" lists them')
    if held.state != "waiting":
        when = f" on {in_words(held.decided_at, context.charters[held.group])}" if held.decided_at else ""
        raise Conflict(f"held message {number} was {held.state} by {held.decided_by}{when}")
    return held


def note_of(request: Request) -> str:
    """Words for the author or the record, from a field or behind the number. Raises Malformed for other fields."""
    unknown = [name for name in request.fields if name not in _NOTES]
    if unknown:
        raise Malformed(f"{', '.join(unknown)}: not known here; allowed is {_NOTES[0]}")
    said = next((request.fields[name] for name in _NOTES if request.fields.get(name)), "")
    return " ".join((said or " ".join(request.words[1:])).split())[:_NOTE]


def do(word: str, tx: Tx, context: Context, ordered: Ordered) -> str:
    """Decide about a held post, as it was ordered."""
    number = int(str(ordered.facts["hold"]))
    _held(tx, context, number, ordered.group_id)
    decision = Decision(word, ordered.actor.address, str(ordered.facts["note"]))
    held = holding.conclude(tx, context, number, decision)
    author = held.author or "an unreadable address"
    told = ", and its author is told" if word == "reject" and held.proven else ""
    done = f'The message of {author}, "{held.subject or "(no subject)"}", is {held.state}{told}.'
    return f"{done} {holding.consequence(held, word)}".strip()


# --------------------------------------------------------------------------------------------------- planned mails


def _propose_stop(tx: Tx, context: Context, request: Request) -> Proposal:
    notice = _planned(tx, _number(request), request.group_id)
    found = notice.occurrence
    due = in_words(found.due_at, context.charters[request.group])
    return Proposal(
        about=f"notice {notice.id}",
        summary=f"stop: {found.summary}"[:200],
        preview=f"This mail would not go out:\n\n  {found.summary}\n  {due}\n  to {found.audience}",
        fields={},
        facts={"notice": notice.id},
        words=(str(notice.id),),
    )


def _planned(tx: Tx, number: int, group_id: int) -> Notice:
    """A planned mail of the group. Raises NotFound and Conflict."""
    found = ledger.find(tx, (notices.c.id == number) & (notices.c.group_id == group_id) & notices.c.kind.not_in(_OWN))
    if not found:
        raise NotFound(f'there is no planned mail {number} in this group; a mail with the word "notices" lists them')
    notice = found[0]
    if notice.state not in _OPEN:
        raise Conflict(f"mail {number} cannot be stopped: it is {notice.state}")
    return notice


def _stop(tx: Tx, context: Context, ordered: Ordered) -> str:
    notice = _planned(tx, int(str(ordered.facts["notice"])), ordered.group_id)
    planned.stop_notice(tx, context, ordered.actor.address, notice.id)
    return f"Mail {notice.id} does not go out: {notice.occurrence.summary}."


COMMANDS: Final[Sequence[Command]] = (
    Command("approve", "decide what is held", "approve 3", "Let a held post through, to the archive and the list.",
            partial(propose, "approve"), partial(do, "approve"), ("approve post", "approve message")),
    Command("reject", "decide what is held", "reject 3\nnote: This is off topic for the group.",
            "Do not distribute a held post; its author gets your words, if the address is proven.",
            partial(propose, "reject"), partial(do, "reject"), ("reject post", "reject message")),
    Command("discard", "decide what is held", "discard 3", "Do not distribute a held post, and tell nobody.",
            partial(propose, "discard"), partial(do, "discard"), ("discard post", "discard message")),
    Command("stop", "stop notices", "stop 12", "Keep a planned mail from going out.", _propose_stop, _stop,
            ("stop notice", "stop mail"), waits=False),
)  # fmt: skip


# ------------------------------------------------------------------------------------------------------- questions


def queries(kinds: Sequence[Kind]) -> tuple[Query, ...]:
    """What can be asked; `kinds` are what the clock may send."""
    return (
        Query("awaiting", "decide what is held", "awaiting", "The posts that await approval.", _awaiting,
              ("awaiting approval", "held posts")),
        Query("notices", "stop notices", "notices", "The mails that will go out by themselves within 31 days.",
              partial(_notices, tuple(kinds)), ("planned", "planned mails")),
        Query("orders", "see the desk", "orders", "What was asked for and waits for a yes, or for its time.", _orders,
              ("pending",)),
    )  # fmt: skip


def _awaiting(tx: Tx, context: Context, request: Request) -> str:
    found = holds.waiting(tx, request.group_id)
    charter = context.charters[request.group]
    rows = [
        f"{one.id}: {one.subject or '(no subject)'}\n    from {one.author or 'an unreadable address'}, "
        f"{in_words(one.held_at, charter)}\n    {'; '.join(one.reasons)}"
        f"{' (its author was asked)' if one.waits_for_author else ''}"
        for one in found[:_MOST_LISTED]
    ]
    text = "\n\n".join(
        [*rows, 'To decide: a mail with "approve", "allow", "reject", "discard" or "ban", and the number.']
    )
    mail(tx, context, request, ("Awaiting approval", text if rows else "No post awaits approval."))
    return f"{len(found)} held posts listed"


def _notices(kinds: tuple[Kind, ...], tx: Tx, context: Context, request: Request) -> str:
    ahead = ledger.preview(tx, context, kinds, context.now + _AHEAD)
    found = [one for one in ahead if one.occurrence.group_id == request.group_id and one.occurrence.kind not in _OWN]
    charter = context.charters[request.group]
    rows = [
        f"{one.id or '-'}: {one.occurrence.summary}\n    {in_words(one.occurrence.due_at, charter)}\n    "
        f"to {one.occurrence.audience}"
        for one in found[:_MOST_LISTED]
    ]
    last = 'To keep one from going out: a mail with "stop" and its number. What has none yet gets one two days before.'
    text = "\n\n".join([*rows, last]) if rows else "Nothing is planned."
    mail(tx, context, request, ("What goes out by itself", text))
    return f"{len(found)} planned mails listed"


def _orders(tx: Tx, context: Context, request: Request) -> str:
    charter = context.charters[request.group]
    fresh = context.now - orders.LIFETIME
    found = [one for one in orders.waiting(tx, request.group_id) if one.state == "ordered" or one.created_at > fresh]
    rows = [
        f"{one.summary}\n    by {one.actor}, "
        + (f"done on {in_words(one.due_at, charter)}" if one.due_at else "waits for a yes")
        for one in found[:_MOST_LISTED]
    ]
    mail(tx, context, request, ("Orders that wait", "\n\n".join(rows) or "Nothing waits."))
    return f"{len(found)} orders listed"


def mail(tx: Tx, context: Context, request: Request, words: tuple[str, str]) -> None:
    """Mail a title and a text to whoever asked."""
    title, text = words
    charter = context.charters[request.group]
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=title,
            template="listing",
            facts={"acronym": charter.acronym, "title": title, "text": text},
            group=(request.group_id, request.group),
            recipients=(Addressee(request.actor.address, request.actor.member_id, request.actor.name),),
            sender_local=f"{request.group}-owner",
            sender_name=charter.acronym,
            in_reply_to=request.errand.message.message_id if request.errand else "",
            language=charter.language,
        ),
    )
