"""
Use cases: what is told about members and lists by mail: whoami, who, lists (QUERIES, ANSWERS).

Who is in the group goes to members or to conveners, as the charter says, and only where it is proven who asks or the
member's own address has answered: a claim brings one mail that asks back, nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import NotAllowed
from cgbot.groups import (
    asking,
    bounce_letters,
    languages,
    member_letters,
    members,
    own_addresses,
    preferences,
    records,
    roles,
    setting,
    tokens,
)
from cgbot.groups.asking import LIFETIME, Answer, Asker, Reply, Words
from cgbot.groups.commands import Query, Request
from cgbot.groups.member_letters import Note, language_of
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.groups.tokens import Token
from cgbot.mail.address import fold

WHO: Final = "who"
_A_DAY: Final = timedelta(hours=24)
_MOST_ASKED: Final = 3


def _whoami(tx: Connection, context: Context, request: Request) -> str:
    member = members.require(tx, request.group_id, request.actor.address)
    language = language_of(context, member, request.group)
    others = [one for one in own_addresses.of_person(tx, member.person_id) if fold(one) != fold(member.address)]
    lines = [(languages.word(language, "address"), member.address)]
    lines += [(languages.word(language, "also"), ", ".join(others))] if others else []
    lines.append((languages.word(language, "role"), languages.word(language, f"role {member.role}")))
    if member.state != "active":
        lines.append((languages.word(language, "state"), languages.word(language, f"state {member.state}")))
        came_back = bounce_letters.evidence(tx, context, member, language)
        lines += [(languages.word(language, "came back"), f"{one['when']}: {one['said']}") for one in came_back]
    settings = {name: value for name, value in setting.current(context, member, request.group).items() if value != ""}
    facts = {"settings": [*lines, *preferences.in_lines(settings, language)]}
    member_letters.write(tx, context, member, Note("whoami", facts, _asked_by(request)))
    return "told who they are"


def _asked_by(request: Request) -> str:
    return request.errand.message.message_id if request.errand else ""


# --------------------------------------------------------------------------------------------------- who is in there


def _who(tx: Connection, context: Context, request: Request) -> str:
    """The members, to whom the charter lets have them. Raises NotAllowed."""
    member = members.require(tx, request.group_id, request.actor.address)
    if not _may_see(context, member, request.group):
        raise NotAllowed("the list of members of this group is for its conveners")
    if setting.is_proven(context, request):
        return _send_roster(tx, context, member, _asked_by(request))
    key = f"{member.group_id} {fold(member.address)}"
    if tokens.made_since(tx, WHO, ("key", key), context.now - _A_DAY) >= _MOST_ASKED:
        return "asked back often enough within the last day"
    facts = {"key": key, "group": str(member.group_id), "member": member.id}
    token = tokens.make(tx, context, WHO, facts, LIFETIME)
    language = language_of(context, member, request.group)
    told = {"until": in_words(context.now + LIFETIME, context.charters[request.group], language)}
    member_letters.write(tx, context, member, Note("who-confirm", told, _asked_by(request), Reply(token)))
    return "asked back by mail"


def _may_see(context: Context, member: Member, group: str) -> bool:
    return roles.may(member.role, "see the members") or context.charters[group].roster == "members"


def _send_roster(tx: Connection, context: Context, member: Member, in_reply_to: str) -> str:
    group = records.name_of(tx, member.group_id)
    language = language_of(context, member, group)
    listed = [one for one in members.list_members(tx, member.group_id) if one.state == "active"]
    people = [
        {"name": one.name, "address": one.address, "organization": one.organization,
         "role": "" if one.role == "member" else languages.word(language, f"role {one.role}")}
        for one in listed
    ]  # fmt: skip
    member_letters.write(tx, context, member, Note("who", {"people": people}, in_reply_to))
    return f"{len(people)} members listed"


def _take_who(tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """The member's own address has answered."""
    member = members.get_member(tx, int(token.facts["member"]))
    if member is None or member.state == "left" or not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "confirmed already, too late, or not a member any more")
    if not _may_see(context, member, errand.group):
        return Settled("discarded", f"{member.address} may not see the members any more")
    return Settled("sorted", _send_roster(tx, context, member, errand.message.message_id))


# ------------------------------------------------------------------------------------------------------------- lists


def _lists(tx: Connection, context: Context, request: Request) -> str:
    errand = request.errand
    language = languages.of_message(errand.message) if errand else ""
    return tell_lists(
        tx,
        context,
        Asker("lists", request.group_id, request.group, request.actor.address, request.actor.name,
              _asked_by(request), language),
    )  # fmt: skip


def tell_lists(tx: Connection, context: Context, asker: Asker) -> str:
    """Mail the groups of this service, which its pages show to everybody too."""
    language = asking.language_for(tx, context, asker)
    service = context.settings.service
    there = [
        (one.name, context.charters[one.name])
        for one in records.list_groups(tx)
        if one.closed_at is None and one.name in context.charters
    ]
    rows = [
        {"acronym": charter.acronym, "title": charter.title, "join_address": charter.address(service.domain, "join"),
         "policy": languages.word(language, f"policy {charter.joining}"), "url": f"{service.public_url}/{name}/"}
        for name, charter in there
    ]  # fmt: skip
    asking.write(tx, context, asker, Words("lists", also={"groups": rows}))
    return f"{len(rows)} groups listed"


ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType({WHO: _take_who})
QUERIES: Final[Sequence[Query]] = (
    Query("whoami", "receive posts", "whoami", "What the group knows of you.", _whoami, ("who am i", "qui suis-je")),
    Query("who", "receive posts", "who", "The members of the group, if it lets members have that list.", _who,
          ("members", "review", "qui")),
    Query("lists", "receive posts", "lists", "The groups of this service.", _lists, ("list groups", "listes")),
)  # fmt: skip
