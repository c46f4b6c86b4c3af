"""
Use cases: an order by mail, from the request to the word that it was done.

Whoever a request claims to be from, the preview goes to that member's own address, and only an answer to its one-time
address orders anything: a sender's address proves nothing. "yes" orders, "no" drops, corrected fields bring a new
preview, "undo" takes an order back while its time lasts. When it has been carried out its author is told, and the other
conveners in one line: the first answer wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Refused
from cgbot.groups import members, orders, records, request_form, tokens
from cgbot.groups.commands import OPERATOR, Actor, Command, Proposal, Request
from cgbot.groups.moments import in_words
from cgbot.groups.orders import Commands, Order
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.mail.address import fold
from cgbot.notices.kinds import Kind
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter

ASKED: Final = "order"
UNDO: Final = "order-undo"
MOST_AN_HOUR: Final = 30
_AN_HOUR: Final = timedelta(hours=1)
_YES: Final = frozenset({"yes", "ok", "okay", "go", "confirm", "confirmed", "approve", "approved", "oui"})
_NO: Final = frozenset({"no", "stop", "drop", "cancel", "non"})
_UNDO: Final = frozenset({"undo", "stop", "cancel", "no"})


def answers(commands: Commands) -> Mapping[str, Answer]:
    """What an answer to NAME-confirm+TOKEN@ means, by the purpose of its token."""
    return MappingProxyType({ASKED: partial(_take_answer, commands), UNDO: partial(_take_undo, commands)})


def kind(commands: Commands) -> Kind:
    """The notices that carry orders out."""
    return orders.kind(commands, tell)


def ask(tx: Connection, context: Context, command: Command, request: Request) -> Settled:
    """Show what was asked for to the member's own address, or say why it cannot be."""
    if too_many(tx, context, request.group_id, request.actor):
        return Settled("discarded", f"more than {MOST_AN_HOUR} requests within an hour")
    try:
        with tx.begin_nested():
            order, proposal = orders.place(tx, context, command, request)
    except Refused as error:
        return _refuse(tx, context, command, request, error.public)
    _show(tx, context, command, request, (order, proposal))
    return Settled("sorted", f"order {order.id} shown: {order.summary}")


def too_many(tx: Connection, context: Context, group_id: int, actor: Actor) -> bool:
    """Say whether this address has been written to often enough within the hour."""
    return tokens.made_since(tx, ASKED, ("key", _key(group_id, actor)), context.now - _AN_HOUR) >= MOST_AN_HOUR


def _key(group_id: int, actor: Actor) -> str:
    return f"{group_id} {fold(actor.address)}"


def _facts(group_id: int, actor: Actor, order_id: int) -> Mapping[str, object]:
    return {"key": _key(group_id, actor), "group": str(group_id), "address": actor.address, "order": order_id}


def _refuse(tx: Connection, context: Context, command: Command, request: Request, reason: str) -> Settled:
    tokens.make(tx, context, ASKED, _facts(request.group_id, request.actor, 0), _AN_HOUR)  # counts like a preview
    facts = {"reason": reason, "form": command.form, "name": command.name}
    message_id = request.errand.message.message_id if request.errand else ""
    _write(tx, context, (request.group_id, request.actor), "order-refused", facts, message_id)
    return Settled("sorted", f"refused: {reason}")


def _show(tx: Connection, context: Context, command: Command, request: Request, shown: tuple[Order, Proposal]) -> None:
    order, proposal = shown
    token = tokens.make(tx, context, ASKED, _facts(request.group_id, request.actor, order.id), orders.LIFETIME)
    facts = {
        "summary": proposal.summary,
        "preview": proposal.preview,
        "block": request_form.write(command.name, request.words, proposal.fields),
        "until": in_words(context.now + orders.LIFETIME, context.charters[request.group]),
        "minutes": context.settings.notices.undo_minutes,
    }
    message_id = request.errand.message.message_id if request.errand else ""
    _write(tx, context, (request.group_id, request.actor), "order-shown", facts, message_id, token)


# ------------------------------------------------------------------------------------------------------ answers


def _take_answer(commands: Commands, tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """Order, drop or show anew, as the answer to a preview says."""
    actor = orders.actor_of(tx, int(token.facts["group"]), str(token.facts["address"]))
    if not token.facts["order"] or not actor.role:
        return Settled("discarded", f"{actor.address} has no order to answer")
    order = orders.get(tx, int(token.facts["order"]))
    if token.expired:
        return _say(tx, context, errand, (order, actor, ""), "The proposal has run out. Please ask again.")
    word = request_form.first_word(errand.message.text)
    changed = request_form.corrected(errand.message.text, order.fields)
    if changed is not None and word not in _NO:
        return _ask_again(commands, tx, context, errand, (order, actor, changed))
    if word not in _YES | _NO:
        if not tokens.use(tx, errand.detail, context.now):
            return Settled("discarded", "not understood again, and answered before")
        again = tokens.make(tx, context, ASKED, token.facts, orders.LIFETIME)
        return _say(tx, context, errand, (order, actor, again), "")
    if not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "answered before")
    return _decide(commands, tx, context, errand, (order, actor, word))


def _decide(
    commands: Commands, tx: Connection, context: Context, errand: Errand, said: tuple[Order, Actor, str]
) -> Settled:
    order, actor, word = said
    try:
        with tx.begin_nested():
            if word in _NO:
                orders.undo(tx, context, order.id, actor)
                return _say(tx, context, errand, (order, actor, ""), "It was dropped. Nothing has been done.")
            order = orders.confirm(tx, context, commands, order.id, actor)
    except Refused as error:
        return _say(tx, context, errand, (order, actor, ""), f"Nothing was done: {error.public}.")
    if order.state == "ordered":
        _promise(tx, context, errand, order, actor)
    else:
        tell(tx, context, order, errand.message.message_id)
    return Settled("sorted", f"order {order.id} {order.state}")


def _ask_again(
    commands: Commands,
    tx: Connection,
    context: Context,
    errand: Errand,
    said: tuple[Order, Actor, Mapping[str, str]],
) -> Settled:
    order, actor, fields = said
    command = commands.get(order.command)
    if command is None:
        return Settled("discarded", f"there is no command {order.command!r} any more")
    words = tuple(str(one) for one in order.facts.get("words", ()))
    group = records.name_of(tx, order.group_id)
    return ask(tx, context, command, Request(order.group_id, group, actor, words, fields, errand))


def _promise(tx: Connection, context: Context, errand: Errand, order: Order, actor: Actor) -> None:
    assert order.due_at is not None  # noqa: S101 - it has just been ordered
    lifetime = order.due_at - context.now
    token = tokens.make(tx, context, UNDO, _facts(order.group_id, actor, order.id), lifetime)
    charter = context.charters[records.name_of(tx, order.group_id)]
    facts = {"summary": order.summary, "due": in_words(order.due_at, charter)}
    _write(tx, context, (order.group_id, actor), "order-placed", facts, errand.message.message_id, token)


def _take_undo(commands: Commands, tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:  # noqa: ARG001 - every answer has the same shape
    """Take an order back."""
    actor = orders.actor_of(tx, int(token.facts["group"]), str(token.facts["address"]))
    order = orders.get(tx, int(token.facts["order"]))
    if not actor.role or request_form.first_word(errand.message.text) not in _UNDO:
        return Settled("discarded", "no word that undoes anything")
    if not tokens.use(tx, errand.detail, context.now) and not token.expired:
        return Settled("discarded", "undone before")
    try:
        orders.undo(tx, context, order.id, actor)
    except Refused as error:
        return _say(tx, context, errand, (order, actor, ""), f"Nothing was undone: {error.public}.")
    return _say(tx, context, errand, (order, actor, ""), "It was undone. Nothing has been done, and nobody was told.")


def _say(tx: Connection, context: Context, errand: Errand, what: tuple[Order, Actor, str], outcome: str) -> Settled:
    """Answer an answer; no outcome: it was not understood, and the token is for another try."""
    order, actor, token = what
    facts = {"summary": order.summary, "outcome": outcome}
    _write(tx, context, (order.group_id, actor), "order-answered", facts, errand.message.message_id, token)
    return Settled("sorted", outcome or "not understood, and told so once")


# --------------------------------------------------------------------------------------------------------- the end


def tell(tx: Connection, context: Context, order: Order, in_reply_to: str = "") -> None:
    """Tell the author of an order how it ended, and the other conveners what was done."""
    if order.state not in {"done", "failed"} or order.actor == OPERATOR:
        return
    actor = orders.actor_of(tx, order.group_id, order.actor)
    facts = {"summary": order.summary, "outcome": order.outcome, "done": order.state == "done"}
    _write(tx, context, (order.group_id, actor), "order-done", facts, in_reply_to)
    others = [one for one in members.conveners(tx, order.group_id) if one.id != order.member_id]
    if order.state == "done":
        facts |= {"actor": actor.name or actor.address}
        for one in others:
            other = Actor(one.address, one.id, one.name, one.role)
            _write(tx, context, (order.group_id, other), "order-told", facts)


def _write(
    tx: Connection,
    context: Context,
    whom: tuple[int, Actor],
    template: str,
    facts: Mapping[str, object],
    *more: str,
) -> None:
    """Queue a mail to one person; `more`: the Message-ID that it answers, and a token that its answer goes to."""
    in_reply_to, token = (*more, "", "")[:2]
    group_id, actor = whom
    name = records.name_of(tx, group_id)
    charter = context.charters[name]
    sender = f"{name}-confirm+{token}" if token else f"{name}-owner"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"{template} {facts.get('summary', '')}"[:200],
            template=template,
            facts={"acronym": charter.acronym, **facts},
            group=(group_id, name),
            recipients=(Addressee(actor.address, actor.member_id, actor.name),),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{context.settings.service.domain}" if token else "",
            in_reply_to=in_reply_to,
            language=charter.language,
        ),
    )
