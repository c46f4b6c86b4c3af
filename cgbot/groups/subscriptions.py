"""
Use cases: joining and leaving by mail (PURPOSES join, leave, confirm), confirmed before anything changes.

Whoever writes to NAME-join@ or NAME-leave@ is sent one mail with a single-use address NAME-confirm+TOKEN@, the same
whether or not they are known here (RFC 3834: never to the null sender, a robot or a list; at most one a day to an
address, and so many an hour in all). Answering it does what was asked. In a companion group joining means "send me
invitations and reminders". What else must happen when somebody joins or leaves, and what other confirmations there
are, higher rooms hand down to `purposes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled
from cgbot.errors import Malformed
from cgbot.groups import members, profile, tokens
from cgbot.groups.members import Member, NewMember
from cgbot.groups.moments import in_words
from cgbot.groups.tokens import Token
from cgbot.mail import address, list_headers
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter

Hook = Callable[[Connection, Context, Member], None]
Answer = Callable[[Connection, Context, Errand, Token], Settled]

LIFETIME: Final = timedelta(hours=72)
_ASK_AGAIN: Final = timedelta(hours=24)
_AN_HOUR: Final = timedelta(hours=1)
_MOST_AN_HOUR: Final = 60


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks for what; the address is only claimed until it has answered."""

    purpose: str
    group_id: int
    group: str
    address: str
    name: str = ""
    message_id: str = ""


def purposes(
    *, on_join: Sequence[Hook] = (), on_leave: Sequence[Hook] = (), answers: Mapping[str, Answer] | None = None
) -> Purposes:
    """
    The use cases of this module.

    The hooks are called in the transaction in which somebody has joined or left; `answers` are other things that an
    answer to NAME-confirm+TOKEN@ can mean, by the token's purpose.
    """
    table: dict[str, Answer] = {
        **(answers or {}),
        "join": lambda tx, context, errand, token: _joined(tx, context, _asker_of(errand, token), on_join),
        "leave": lambda tx, context, errand, token: _left(tx, context, _asker_of(errand, token), on_leave),
    }

    def take_confirm(tx: Connection, context: Context, errand: Errand) -> Settled:
        return _confirm(tx, context, errand, table)

    return {"join": ask, "leave": ask, "confirm": take_confirm}


def ask(tx: Connection, context: Context, errand: Errand) -> Settled:
    """Send the one mail that asks back; nothing changes yet."""
    if robot := by_robot(errand):
        return Settled("discarded", robot)
    authors = errand.message.authors
    if len(authors) != 1 or not address.is_valid(authors[0].address):
        return Settled("discarded", "the From field does not name exactly one author")
    if address.domain_of(authors[0].address) == context.settings.service.domain:
        return Settled("discarded", "an address of cgbot itself")
    if errand.group_id is None:
        return Settled("discarded", "no group")
    author = authors[0]
    asker = _Asker(
        errand.purpose,
        errand.group_id,
        errand.group,
        author.address,
        _display_name(author.name),
        errand.message.message_id,
    )
    return _ask_back(tx, context, asker)


def by_robot(errand: Errand) -> str:
    """Why a message must never be answered (RFC 3834 section 2), "" when a person may have written it."""
    if list_headers.may_be_answered(errand.message, errand.mail_from):
        return ""
    return "from a robot, a list or nobody: never answered" if errand.mail_from else "the null sender is never answered"


def _ask_back(tx: Connection, context: Context, asker: _Asker) -> Settled:
    key = f"{asker.group_id} {address.fold(asker.address)}"
    if tokens.made_since(tx, asker.purpose, ("key", key), context.now - _ASK_AGAIN):
        return Settled("discarded", "asked back within the last day already")
    group = str(asker.group_id)
    if tokens.made_since(tx, asker.purpose, ("group", group), context.now - _AN_HOUR) >= _MOST_AN_HOUR:
        return Settled("discarded", f"more than {_MOST_AN_HOUR} requests within an hour")
    facts = {"key": key, "group": group, "address": asker.address, "name": asker.name}
    token = tokens.make(tx, context, asker.purpose, facts, LIFETIME)
    template = "join-confirm" if asker.purpose == "join" else "left-confirm"
    _write(tx, context, asker, template, f"{asker.group}-confirm+{token}")
    return Settled("sorted", "asked back by mail")


def _confirm(tx: Connection, context: Context, errand: Errand, answers: Mapping[str, Answer]) -> Settled:
    """Find what the token was made for and let it happen."""
    if robot := by_robot(errand):
        return Settled("discarded", robot)
    token = tokens.look(tx, errand.detail, context.now)
    if token is None or str(token.facts.get("group")) != str(errand.group_id) or token.purpose not in answers:
        return Settled("discarded", "nothing waits for this confirmation")
    if token.purpose not in {"join", "leave"}:
        return answers[token.purpose](tx, context, errand, token)
    if tokens.use(tx, errand.detail, context.now):
        return answers[token.purpose](tx, context, errand, token)
    if token.used:
        return Settled("discarded", "confirmed already")
    return _ask_back(tx, context, _asker_of(errand, token))


def _asker_of(errand: Errand, token: Token) -> _Asker:
    facts = token.facts
    return _Asker(
        purpose=token.purpose,
        group_id=int(facts["group"]),
        group=errand.group,
        address=str(facts["address"]),
        name=str(facts["name"]),
        message_id=errand.message.message_id,
    )


def _joined(tx: Connection, context: Context, asker: _Asker, hooks: Sequence[Hook]) -> Settled:
    known = members.find_member(tx, asker.group_id, asker.address)
    _write(tx, context, asker, "join-welcome")
    if known and known.state == "active":
        members.verify(tx, asker.address, context.now)
        return Settled("sorted", f"{asker.address} is a member already")
    if known and known.state == "suspended":
        member = members.change(tx, context, known, {"state": "active"}, asker.address)
    else:
        delivery = "none" if context.charters[asker.group].mode == "companion" else "each"
        new = NewMember(asker.address, name=asker.name, delivery=delivery, verified=True)
        member = members.add(tx, context, asker.group_id, new, asker.address)
        _tell_conveners(tx, context, asker)
    members.verify(tx, asker.address, context.now)
    for hook in hooks:
        hook(tx, context, member)
    return Settled("sorted", f"{asker.address} has joined")


def _left(tx: Connection, context: Context, asker: _Asker, hooks: Sequence[Hook]) -> Settled:
    _write(tx, context, asker, "left-done")
    member = members.find_member(tx, asker.group_id, asker.address)
    if member is None or member.state == "left":
        return Settled("sorted", f"{asker.address} was not a member")
    leave(tx, context, member, hooks)
    return Settled("sorted", f"{asker.address} has left")


def leave(tx: Connection, context: Context, member: Member, hooks: Sequence[Hook]) -> None:
    """End a membership that the member has proved to want: a confirmed mail, or a one-click POST (RFC 8058)."""
    members.remove(tx, context, member.group_id, member.address, member.address)
    for hook in hooks:
        hook(tx, context, member)


def _tell_conveners(tx: Connection, context: Context, asker: _Asker) -> None:
    told = tuple(Addressee(one.address, one.id, one.name) for one in members.conveners(tx, asker.group_id))
    if told:
        facts = {"acronym": context.charters[asker.group].acronym, "address": asker.address, "name": asker.name}
        letters.write(
            tx,
            context,
            Letter(
                kind="notice",
                about=f"{asker.address} joined",
                template="join-told",
                facts=facts,
                group=(asker.group_id, asker.group),
                recipients=told,
                sender_local=f"{asker.group}-owner",
                sender_name=context.charters[asker.group].acronym,
            ),
        )


def _write(tx: Connection, context: Context, asker: _Asker, template: str, confirm: str = "") -> None:
    """Queue a mail to the asker; with `confirm` it comes from the address that an answer must go to."""
    charter = context.charters[asker.group]
    domain = context.settings.service.domain
    facts: dict[str, object] = {
        "acronym": charter.acronym,
        "title": charter.title,
        "address": asker.address,
        "list_address": charter.posting_address(domain),
        "join_address": charter.address(domain, "join"),
        "leave_address": charter.address(domain, "leave"),
        "owner_address": charter.address(domain, "owner"),
        "companion": charter.companion is not None,
        "url": f"{context.settings.service.public_url}/{charter.name}/",
        "until": in_words(context.now + LIFETIME, charter),
    }
    sender = confirm or f"{asker.group}-owner"
    letters.write(
        tx,
        context,
        Letter(
            kind="confirmation" if confirm else "notice",
            about=f"{asker.purpose} {asker.address}",
            template=template,
            facts=facts,
            group=(asker.group_id, asker.group),
            recipients=(Addressee(asker.address, None, asker.name),),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{domain}" if confirm else "",
            in_reply_to=asker.message_id,
            expires_at=context.now + LIFETIME if confirm else None,
            language=charter.language,
        ),
    )


def _display_name(text: str) -> str:
    """A stranger's display name where it can be a member's name, else nothing."""
    try:
        return str(profile.check("name", text))
    except Malformed:
        return ""
