"""
Use cases: members change their own settings and addresses by mail (QUERIES, ANSWERS).

A mail whose author is proven does it at once and is answered; any other is asked back by one mail to the member's own
address, whose answer does it. A new address is one only after a mail to it has been answered as well. What a mail that
nothing proves could have written freely is not shown in the mail that asks back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Conflict, Malformed, Refused
from cgbot.groups import (
    authentication,
    knocks,
    languages,
    member_letters,
    members,
    own_addresses,
    preferences,
    reactivation,
    reasons,
    records,
    tokens,
)
from cgbot.groups.asking import LIFETIME, Answer, Reply
from cgbot.groups.commands import Query, Request
from cgbot.groups.knocks import Knock
from cgbot.groups.member_letters import Note, language_of
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.groups.preferences import ADD, REMOVE, Reader
from cgbot.groups.tokens import Token
from cgbot.mail.address import fold
from cgbot.notices.kinds import at_wall_time

SET: Final = "set"
ADDRESS: Final = "address"
_A_DAY: Final = timedelta(hours=24)
_MOST_ASKED: Final = 5  # times a day that somebody is asked back
_FORM: Final = """set daily
set none until 2027-06-01
set organization Example Labs"""


def is_proven(context: Context, request: Request) -> bool:
    """Say whether it is proven who asks: on the pages, or by the mail's own authentication."""
    errand = request.errand
    if errand is None:
        return True
    return authentication.of(errand, context.settings).proves(errand.message.authors[0].address)


def answer(tx: Connection, context: Context, request: Request) -> str:
    """Do what a mail with `set`, `add address` or `remove address` asks, or ask back. Raises Refused in their words."""
    member = members.require(tx, request.group_id, request.actor.address)
    try:
        return _answer(tx, context, request, member)
    except Refused as error:
        said = reasons.say(error.public, language_of(context, member, request.group))
        raise type(error)(said) from error


def _answer(tx: Connection, context: Context, request: Request, member: Member) -> str:
    zone = member.zone or context.charters[request.group].zone
    today = context.now.astimezone(ZoneInfo(zone)).date()
    message = request.errand.message if request.errand else None
    names = {request.group, context.charters[request.group].acronym.lower()}
    subject, text = (message.subject, message.text) if message else (" ".join(("set", *request.words)), "")
    reader, asked_by = Reader(today, names), message.message_id if message else ""
    if is_proven(context, request):
        return change(tx, context, member, preferences.read(subject, text, reader), asked_by)
    try:
        wanted = preferences.read(subject, text, reader)
    except Malformed:
        raise Malformed(f"a line cannot be read; allowed are {preferences.ALLOWED}") from None  # none of its words
    return _ask_back(tx, context, member, wanted, asked_by)


def _ask_back(tx: Connection, context: Context, member: Member, wanted: Mapping[str, object], in_reply_to: str) -> str:
    key = f"{member.group_id} {fold(member.address)}"
    if tokens.made_since(tx, SET, ("key", key), context.now - _A_DAY) >= _MOST_ASKED:
        return "asked back often enough within the last day"
    facts = {"key": key, "group": str(member.group_id), "member": member.id, "wanted": _plain(wanted)}
    token = tokens.make(tx, context, SET, facts, LIFETIME)
    group = records.name_of(tx, member.group_id)
    language = language_of(context, member, group)
    told = {
        "settings": preferences.in_lines(wanted, language, hidden=True),
        "addresses": any(name in preferences.ADDRESSES for name in wanted),
        "until": in_words(context.now + LIFETIME, context.charters[group], language),
    }
    member_letters.write(tx, context, member, Note("set-confirm", told, in_reply_to, Reply(token)))
    return "asked back by mail"


def _plain(wanted: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in wanted.items()}


def change(
    tx: Connection, context: Context, member: Member, wanted: Mapping[str, object], in_reply_to: str = ""
) -> str:
    """Do it for somebody who is proven, and tell them. Raises Refused."""
    actor = member.address
    reactivation.heard_from(tx, context, member.group_id, actor)
    values = dict(wanted)
    fresh = str(values.pop(ADD, "") or "")
    gone = str(values.pop(REMOVE, "") or "")
    moved = str(values.pop("address", "") or "")
    if "away_until" in values:
        values["away_until"] = _instant(context, tx, member, values["away_until"])
    after = members.change(tx, context, member, values, actor)
    if gone:
        own_addresses.remove(tx, context, after, gone, actor)
    asked = fresh or moved
    is_mine = bool(moved) and own_addresses.is_proven(tx, after, moved)
    if is_mine:
        after = members.change(tx, context, after, {"address": moved}, actor)
    elif asked:
        _ask_address(tx, context, after, asked, replaces=bool(moved))
    facts = {
        "settings": _shown(tx, context, after, [*values, *(["address"] if is_mine else [])]),
        "gone": gone,
        "asked": "" if is_mine else asked,
    }
    to = (after.address, member.address) if is_mine else (after.address,)
    member_letters.write(tx, context, after, Note("set-done", facts, in_reply_to, to=tuple(dict.fromkeys(to))))
    return f"set: {', '.join(wanted)}"


def _instant(context: Context, tx: Connection, member: Member, value: object) -> datetime | None:
    """The beginning of a day in the member's zone, else the group's."""
    if value is None:
        return None
    day = value if isinstance(value, date) else date.fromisoformat(str(value))
    zone = member.zone or context.charters[records.name_of(tx, member.group_id)].zone
    return at_wall_time(day, time(0), zone)


def _shown(tx: Connection, context: Context, member: Member, names: Sequence[str]) -> Sequence[tuple[str, str]]:
    """How these settings are now, in the member's language; an absence that ended is not worth a line."""
    group = records.name_of(tx, member.group_id)
    language = language_of(context, member, group)
    values = current(context, member, group)
    lines = preferences.in_lines({name: values[name] for name in names if name in values}, language)
    if "address" in names:
        lines = [*lines, (languages.word(language, "address"), member.address)]
    return lines


def current(context: Context, member: Member, group: str) -> Mapping[str, object]:
    """What a member can set, as it is; an absence only while it lasts, as a day in the member's zone."""
    zone = ZoneInfo(member.zone or context.charters[group].zone)
    away = member.away_until if member.away_until and member.away_until > context.now else None
    shown: dict[str, object] = {"delivery": member.delivery}
    if away:
        shown["away_until"] = away.astimezone(zone).date()
    names = ("invitations", "attachments", "digest_format", "name", "organization", "country", "zone", "language")
    return {**shown, **{name: getattr(member, name) for name in names}}


# -------------------------------------------------------------------------------------------------------- addresses


def _ask_address(tx: Connection, context: Context, member: Member, address: str, *, replaces: bool) -> None:
    """Ask the new address itself. Raises Malformed for one of ours, Conflict where it was asked already."""
    members.checked(tx, context, members.NewMember(address))
    if reason := knocks.admit(tx, context, Knock(f"address {member.group_id}", address)):
        raise Conflict(f"{address} cannot be asked now: {reason}")
    facts = {"group": str(member.group_id), "member": member.id, "address": address, "replaces": replaces}
    token = tokens.make(tx, context, ADDRESS, facts, LIFETIME)
    group = records.name_of(tx, member.group_id)
    language = language_of(context, member, group)
    told = {
        "new": address,
        "replaces": replaces,
        "until": in_words(context.now + LIFETIME, context.charters[group], language),
    }
    member_letters.write(tx, context, member, Note("address-confirm", told, reply=Reply(token), to=(address,)))


def _take_address(tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """The new address has answered: it is the member's, and perhaps where mail goes."""
    member = _member_of(tx, context, errand, token)
    if member is None:
        return Settled("discarded", "confirmed already, too late, or not a member any more")
    address = str(token.facts["address"])
    actor = member.address
    try:
        with tx.begin_nested():
            own_addresses.add(tx, context, member, address, actor)
            after = member
            if token.facts["replaces"]:
                after = members.change(tx, context, member, {"address": address}, actor)
    except Refused as error:
        return _fail(tx, context, member, error.public)
    facts = {"new": address, "replaces": bool(token.facts["replaces"])}
    to = tuple(dict.fromkeys((after.address, actor)))
    member_letters.write(tx, context, after, Note("address-done", facts, errand.message.message_id, to=to))
    return Settled("sorted", f"{address} is an address of {actor}")


def _take_set(tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """The member has answered: what was asked for is theirs."""
    member = _member_of(tx, context, errand, token)
    if member is None:
        return Settled("discarded", "confirmed already, too late, or not a member any more")
    try:
        with tx.begin_nested():
            return Settled("sorted", change(tx, context, member, token.facts["wanted"], errand.message.message_id))
    except Refused as error:
        return _fail(tx, context, member, error.public)


def _member_of(tx: Connection, context: Context, errand: Errand, token: Token) -> Member | None:
    member = members.get_member(tx, int(token.facts["member"]))
    if member is None or member.state == "left" or not tokens.use(tx, errand.detail, context.now):
        return None
    return member


def _fail(tx: Connection, context: Context, member: Member, reason: str) -> Settled:
    told = reasons.say(reason, language_of(context, member, records.name_of(tx, member.group_id)))
    member_letters.write(tx, context, member, Note("set-refused", {"reason": told}))
    return Settled("sorted", f"refused: {reason}")


ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType({SET: _take_set, ADDRESS: _take_address})
QUERIES: Final[Sequence[Query]] = (
    Query("set", "receive posts", _FORM,
          "Change your settings, one a line: each, daily, weekly, none, none until a day; name, organization, country, "
          "zone, language; invitations on or off; attachments full or link; digest mime or plain; address.",
          answer),
    Query("add address", "receive posts", "add address other@example.org",
          "Post and write from another address of yours, too.", answer),
    Query("remove address", "receive posts", "remove address old@example.org", "Give up an address of yours.", answer),
)  # fmt: skip
