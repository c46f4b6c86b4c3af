"""
Use cases: an order by mail, from the request to the word that it was done.

Whoever a request claims to be from, the preview goes to that member's own address, and only an answer to its one-time
address orders anything: a sender's address proves nothing. "yes" orders, "no" drops, corrected fields bring a new
preview, "undo" takes an order back while its time lasts. What an answer means is decided by the order's state, so that
the same answer twice does it once. When it has been carried out its author is told, and the other conveners in one
line: the first answer wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Refused
from cgbot.groups import authentication, consent, knocks, members, orders, records, request_form, roles, tokens
from cgbot.groups.commands import OPERATOR, Actor, Command, Request, by_every_name
from cgbot.groups.moments import in_words
from cgbot.groups.orders import Commands, Order
from cgbot.groups.request_form import Correction
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.mail.address import fold
from cgbot.notices.kinds import Kind
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter

ASKED: Final = "order"
UNDO: Final = "order-undo"
MOST_AN_HOUR: Final = 30
_MOST_UNPROVEN: Final = 90  # in one name, from wherever
_SURE: Final = frozenset({"answer", "proven"})
_ANSWERED: Final = "confirm"  # the purpose of an address that only our own mail has named
_FLOOD: Final = "order-flood"
_DECLINED: Final = "order-declined"
_AN_HOUR: Final = timedelta(hours=1)
_A_DAY: Final = timedelta(hours=24)
_NO: Final = frozenset({"no", "stop", "drop", "cancel", "reject", "undo", "non"})


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer: the mail, the order that it is about, whose address the token proves, and the first word."""

    errand: Errand
    order: Order
    actor: Actor
    word: str


@dataclass(frozen=True, slots=True)
class _Post:
    """A mail to come: the template, its facts, the Message-ID that it answers, where an answer to it goes."""

    template: str
    facts: Mapping[str, object]
    in_reply_to: str = ""
    token: str = ""
    lifetime: timedelta | None = None


def answers(commands: Commands) -> Mapping[str, Answer]:
    """What an answer to NAME-confirm+TOKEN@ means, by the purpose of its token."""
    take = partial(_take_answer, commands)
    return MappingProxyType({ASKED: take, UNDO: take})


def kind(commands: Commands) -> Kind:
    """The notices that carry orders out."""
    return orders.kind(commands, tell)


# ------------------------------------------------------------------------------------------------------ the question


def ask(tx: Connection, context: Context, command: Command, request: Request) -> Settled:
    """Show what was asked for to the member's own address, or say why it cannot be."""
    return _ask(tx, context, command, request)[0]


def _ask(tx: Connection, context: Context, command: Command, request: Request) -> tuple[Settled, Order | None]:
    if too_many(tx, context, request):
        _tell_flood(tx, context, request)
        return Settled("discarded", f"more than {MOST_AN_HOUR} requests within an hour"), None
    if orders.was_asked(tx, context, request):
        return Settled("discarded", "the same mail has asked before"), None
    if not orders.is_open_to(request.actor, command):
        return decline(tx, context, request, (command.name, command.action)), None
    try:
        with tx.begin_nested():
            order, proposal = orders.place(tx, context, command, request)
    except Refused as error:
        return refuse(tx, context, request, (command.name, command.form, error.public)), None
    _show(tx, context, request, order, (proposal.preview, orders.minutes_to_undo(context, command)))
    return Settled("sorted", f"order {order.id} shown: {order.summary}"), order


def too_many(tx: Connection, context: Context, request: Request) -> bool:
    """
    Say whether requests in this name have been answered often enough within the hour.

    Those that prove who wrote them count by themselves, as answers to our own mail do, and the others by the network
    that they come from: whoever forges requests shuts the convener out of nothing.
    """
    since = context.now - _AN_HOUR
    origin = _origin(context, request)
    if tokens.made_since(tx, ASKED, ("key", _key(request, origin)), since) >= MOST_AN_HOUR:
        return True
    unproven = origin not in _SURE
    return unproven and tokens.made_since(tx, ASKED, ("unproven", _key(request, "")), since) >= _MOST_UNPROVEN


def _origin(context: Context, request: Request) -> str:
    """Where a request comes from: a proven author, an answer to our own mail or the desk, else the network."""
    errand = request.errand
    if errand is None or errand.purpose == _ANSWERED:
        return "answer"
    if authentication.of(errand, context.settings).proves(request.actor.address):
        return "proven"
    return knocks.network_of(errand.peer, context.settings)


def _key(request: Request, origin: str) -> str:
    return f"{request.group_id} {fold(request.actor.address)} {origin}".rstrip()


def _count(tx: Connection, context: Context, request: Request) -> None:
    """Let a mail that no answer is expected to count like a preview."""
    tokens.make(tx, context, ASKED, _facts(context, request, 0), _AN_HOUR)


def _facts(context: Context, request: Request, order_id: int) -> Mapping[str, object]:
    actor, origin = request.actor, _origin(context, request)
    facts = {"key": _key(request, origin), "group": str(request.group_id), "address": actor.address, "order": order_id}
    return facts if origin in _SURE else facts | {"unproven": _key(request, "")}


def _tell_flood(tx: Connection, context: Context, request: Request) -> None:
    """Tell whoever the requests claim to be from, once an hour, that no more are answered."""
    key = {"key": _key(request, "")}
    if tokens.made_since(tx, _FLOOD, ("key", key["key"]), context.now - _AN_HOUR):
        return
    tokens.make(tx, context, _FLOOD, key, _AN_HOUR)
    _write(tx, context, (request.group_id, (request.actor,)), _Post("order-flood", {"most": MOST_AN_HOUR}))


def decline(tx: Connection, context: Context, request: Request, what: tuple[str, roles.Action]) -> Settled:
    """Tell a member, at most once a day, that a command (its name, the action) is not theirs to give."""
    name, action = what
    key = _key(request, "")
    if tokens.made_since(tx, _DECLINED, ("key", key), context.now - _A_DAY):
        return Settled("discarded", f"{request.actor.role} may not {action}, and was told so within the last day")
    tokens.make(tx, context, _DECLINED, {"key": key}, _A_DAY)
    able = [role for role in roles.ROLES if roles.may(role, action)]
    reason = f'"{name}" is open to the group\'s {", ".join(able[:-1])} and {able[-1]}'
    return refuse(tx, context, request, (name, "", reason))


def refuse(tx: Connection, context: Context, request: Request, why: tuple[str, str, str]) -> Settled:
    """Say why something cannot be done; `why`: the command's name, how it is written, the reason."""
    name, form, reason = why
    _count(tx, context, request)
    owner = context.charters[request.group].address(context.settings.service.domain, "owner")
    facts = {"name": name, "form": form, "reason": reason, "owner_address": owner}
    _write(tx, context, (request.group_id, (request.actor,)), _Post("order-refused", facts, _asked_by(request)))
    return Settled("sorted", f"refused: {reason}")


def _asked_by(request: Request) -> str:
    return request.errand.message.message_id if request.errand else ""


def _show(tx: Connection, context: Context, request: Request, order: Order, shown: tuple[str, int]) -> None:
    """Mail the preview, and how long it can be undone."""
    preview, minutes = shown
    token = tokens.make(tx, context, ASKED, _facts(context, request, order.id), orders.LIFETIME)
    authors = request.errand.message.authors if request.errand else ()
    facts = {
        "summary": order.summary,
        "preview": preview,
        "block": _block(order),
        "until": in_words(context.now + orders.LIFETIME, context.charters[request.group]),
        "minutes": minutes,
        "sender": authors[0].address if authors else request.actor.address,
    }
    post = _Post("order-shown", facts, _asked_by(request), token, orders.LIFETIME)
    _write(tx, context, (request.group_id, (request.actor,)), post)


def _block(order: Order) -> str:
    """The order between its marks, as it was sent and is compared with."""
    return request_form.write(order.command, _words(order), order.fields)


def _words(order: Order) -> tuple[str, ...]:
    return tuple(str(one) for one in order.facts.get("words", ()))


# ------------------------------------------------------------------------------------------------------ answers


def _take_answer(commands: Commands, tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """Order, drop, undo or show anew, as the answer to a preview, or to the word that it is ordered, says."""
    actor = orders.actor_of(tx, int(token.facts["group"]), str(token.facts["address"]))
    if not token.facts["order"] or not actor.role:
        return Settled("discarded", f"{actor.address} has no order to answer")
    order = orders.get(tx, int(token.facts["order"]))
    said = _Said(errand, order, actor, request_form.first_word(errand.message.text))
    if said.word in _NO:
        return _take_back(tx, context, said)
    changed = request_form.corrected(errand.message.text, _block(order)) if order.state == "shown" else None
    if changed is not None:
        return _ask_again(commands, tx, context, said, changed)
    if consent.is_yes(errand.message.text):
        return _order(commands, tx, context, said)
    return _misunderstood(tx, context, said)


def _take_back(tx: Connection, context: Context, said: _Said) -> Settled:
    if said.order.state == "undone":
        return Settled("discarded", "undone before")
    try:
        with tx.begin_nested():
            orders.undo(tx, context, said.order.id, said.actor)
    except Refused as error:
        return _say(tx, context, said, f"Nothing was undone: {error.public}.")
    told = "dropped. Nothing has been done." if said.order.state == "shown" else "undone, and nobody else is told."
    return _say(tx, context, said, f"It was {told}")


def _ask_again(commands: Commands, tx: Connection, context: Context, said: _Said, changed: Correction) -> Settled:
    """Show what came back corrected, and let the old proposal go if it could be shown."""
    names = by_every_name(commands)
    form = request_form.read("", changed.line, names) if changed.line else None
    if changed.line and form is None:
        return _misunderstood(tx, context, said)
    name = names[form.command] if form else said.order.command
    words = form.words if form else _words(said.order)
    group = records.name_of(tx, said.order.group_id)
    request = Request(said.order.group_id, group, said.actor, words, changed.fields, said.errand)
    settled, order = _ask(tx, context, commands[name], request)
    if order is not None:
        orders.replace(tx, context, said.order)
    return settled


def _request(tx: Connection, said: _Said) -> Request:
    """The answer as a request of its author."""
    group = records.name_of(tx, said.order.group_id)
    return Request(said.order.group_id, group, said.actor, errand=said.errand)


def _order(commands: Commands, tx: Connection, context: Context, said: _Said) -> Settled:
    if said.order.state in {"ordered", "done", "failed"} and said.order.actor == said.actor.address:
        return Settled("discarded", "ordered before")
    try:
        with tx.begin_nested():
            order = orders.confirm(tx, context, commands, said.order.id, said.actor)
    except Refused as error:
        return _say(tx, context, said, f"Nothing was done: {error.public}.")
    if order.state == "ordered":
        _promise(tx, context, said, order)
    else:
        tell(tx, context, order, said.errand.message.message_id)
    return Settled("sorted", f"order {order.id} {order.state}")


def order_at_once(commands: Commands, tx: Connection, context: Context, name: str, request: Request) -> Settled:
    """Order what a notice has shown and the mail that answers it asks for: no second preview, the same time to undo."""
    assert request.errand is not None  # noqa: S101 - it is the answer
    command = commands[name]
    try:
        with tx.begin_nested():
            order, _ = orders.place(tx, context, command, request)
    except Refused as error:
        return refuse(tx, context, request, (command.name, command.form, error.public))
    return _order(commands, tx, context, _Said(request.errand, order, request.actor, "yes"))


def _promise(tx: Connection, context: Context, said: _Said, order: Order) -> None:
    assert order.due_at is not None  # noqa: S101 - it has just been ordered
    facts = _facts(context, _request(tx, said), order.id)
    token = tokens.make(tx, context, UNDO, facts, order.due_at - context.now)
    charter = context.charters[records.name_of(tx, order.group_id)]
    told = {
        "summary": order.summary,
        "due": in_words(order.due_at, charter),
        "minutes": context.settings.notices.undo_minutes,
    }
    post = _Post("order-placed", told, said.errand.message.message_id, token)
    _write(tx, context, (order.group_id, (said.actor,)), post)


def _misunderstood(tx: Connection, context: Context, said: _Said) -> Settled:
    """Say once what the answers are, as long as one is waited for."""
    if said.order.state not in {"shown", "ordered"} or not tokens.use(tx, said.errand.detail, context.now):
        return Settled("discarded", "not understood, and nothing waits for an answer or it was told so before")
    return _say(tx, context, said, "")


def _say(tx: Connection, context: Context, said: _Said, outcome: str) -> Settled:
    """Answer an answer; no outcome: it was not understood, and may be given again."""
    request = _request(tx, said)
    if too_many(tx, context, request):
        return Settled(
            "discarded", f"{outcome or 'not understood'} (not told: more than {MOST_AN_HOUR} within an hour)"
        )
    _count(tx, context, request)
    facts = {"summary": said.order.summary, "outcome": outcome, "ordered": said.order.state == "ordered"}
    token = "" if outcome else said.errand.detail
    post = _Post("order-answered", facts, said.errand.message.message_id, token)
    _write(tx, context, (said.order.group_id, (said.actor,)), post)
    return Settled("sorted", outcome or "not understood, and told so once")


# --------------------------------------------------------------------------------------------------------- the end


def confirm(tx: Connection, context: Context, commands: Commands, order_id: int, actor: Actor) -> Order:
    """As orders.confirm, for the desk; where there is no time to undo, those who must know the end are told."""
    order = orders.confirm(tx, context, commands, order_id, actor)
    tell(tx, context, order)
    return order


def tell(tx: Connection, context: Context, order: Order, in_reply_to: str = "") -> None:
    """Tell the author of an order how it ended, and the other conveners what was done."""
    if order.state not in {"done", "failed"} or order.actor == OPERATOR:
        return
    actor = orders.actor_of(tx, order.group_id, order.actor)
    facts = {"summary": order.summary, "outcome": order.outcome, "done": order.state == "done"}
    _write(tx, context, (order.group_id, (actor,)), _Post("order-done", facts, in_reply_to))
    others = [one for one in members.conveners(tx, order.group_id) if one.id != order.member_id]
    if order.state == "done" and others:
        told = tuple(Actor(one.address, one.id, one.name, one.role) for one in others)
        facts |= {"actor": actor.name or actor.address}
        _write(tx, context, (order.group_id, told), _Post("order-told", facts))


def _write(tx: Connection, context: Context, whom: tuple[int, tuple[Actor, ...]], post: _Post) -> None:
    """Queue a mail to people of a group."""
    group_id, people = whom
    name = records.name_of(tx, group_id)
    charter = context.charters[name]
    sender = f"{name}-confirm+{post.token}" if post.token else f"{name}-owner"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"{post.template} {post.facts.get('summary', '')}"[:200],
            template=post.template,
            facts={"acronym": charter.acronym, **post.facts},
            group=(group_id, name),
            recipients=tuple(Addressee(one.address, one.member_id, one.name) for one in people),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{context.settings.service.domain}" if post.token else "",
            in_reply_to=post.in_reply_to,
            expires_at=context.now + post.lifetime if post.lifetime else None,
            language=_language(tx, people) or charter.language,
        ),
    )


def _language(tx: Connection, people: tuple[Actor, ...]) -> str:
    """The own language of one person, "" for several."""
    member = members.get_member(tx, people[0].member_id) if len(people) == 1 and people[0].member_id else None
    return member.language if member else ""
