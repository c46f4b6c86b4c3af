"""
Use cases: what somebody who is signed in sees of their memberships, and changes there.

The rules are those of `set` by mail (groups.setting, groups.preferences): the same fields, the same answers by mail.
A form sends every field; only those that differ count. A membership is named by its group, and is the visitor's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errors import NotFound
from cgbot.groups import languages, members, own_addresses, preferences, reactivation, records, setting, suspensions
from cgbot.groups.charter import Charter
from cgbot.groups.members import PERSON_FIELDS, Member
from cgbot.groups.own_addresses import OwnAddress
from cgbot.groups.preferences import ADD, REMOVE
from cgbot.groups.sign_in import Visitor

PLACE_FIELDS: Final = ("delivery", "away_until", "attachments", "digest_format", "invitations", "address")


@dataclass(frozen=True, slots=True)
class Place:
    """
    A membership: its settings as a form shows them, and what is in question about its mail.

    `evidence` is () where nothing is; `may_resume`: the member may have mail sent again; `closed`: only to be read.
    """

    charter: Charter
    member: Member
    values: Mapping[str, str]
    evidence: tuple[str, ...]
    may_resume: bool
    closed: bool


@dataclass(frozen=True, slots=True)
class OwnPage:
    """The memberships whose mail goes to the visitor's address, and what is known of the person."""

    places: tuple[Place, ...]
    person: Mapping[str, str]
    addresses: tuple[OwnAddress, ...]


def look(tx: Connection, context: Context, visitor: Visitor) -> OwnPage:
    """What there is; reads only."""
    places = tuple(_place(tx, context, one.group, one.member) for one in visitor.memberships)
    first = members.get_member(tx, visitor.memberships[0].member.id) if visitor.memberships else None
    person = {name: str(getattr(first, name)) for name in PERSON_FIELDS} if first else {}
    person |= {"language": languages.known(person.get("language", ""))}
    return OwnPage(places, person, own_addresses.listed(tx, visitor.person_id))


def _place(tx: Connection, context: Context, group: str, member: Member) -> Place:
    now = setting.current(context, member, group)
    values = {name: _in_form(now.get(name)) for name in PLACE_FIELDS} | {"address": member.address}
    question = suspensions.open_of(tx, member.id) if member.state == "suspended" else None
    evidence = tuple(reactivation.standing(tx, context, member)) if member.state == "suspended" else ()
    may_resume = question is not None and question.cause != "operator"
    closed = records.get_group(tx, group).closed_at is not None
    return Place(context.charters[group], member, values, evidence, may_resume, closed)


def _in_form(value: object) -> str:
    """A setting as the value of a form's field."""
    if value is None:
        return ""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


# ---------------------------------------------------------------------------------------------------- changing them


def own(tx: Connection, context: Context, visitor: Visitor, group: str) -> Member:
    """The visitor's place in this group, as it is now. Raises NotFound."""
    mine = next((one.member.id for one in visitor.memberships if one.group == group), 0)
    found = members.get_member(tx, mine)
    if found is None or found.state == "left" or group not in context.charters:
        raise NotFound("you are not a member of this group any more")
    return found


def settle(
    tx: Connection, context: Context, visitor: Visitor, group: str, fields: Mapping[str, str]
) -> Mapping[str, object]:
    """Change what differs of one membership or of the person, and what it was. Raises Refused."""
    member = own(tx, context, visitor, group)
    known = {name: value for name, value in fields.items() if name in {*PLACE_FIELDS, *PERSON_FIELDS}}
    today = context.now.astimezone(ZoneInfo(member.zone or context.charters[group].zone)).date()
    wanted = preferences.of_form(known, today)
    now = {**setting.current(context, member, group), "address": member.address}
    if languages.known(str(now["language"])) == wanted.get("language"):
        now["language"] = wanted["language"]  # "fr-CH" is shown as "fr", and stays
    differ = {name: value for name, value in wanted.items() if now.get(name) != value}
    if differ:
        setting.change(tx, context, member, differ)
    return differ


def add_address(tx: Connection, context: Context, visitor: Visitor, address: str) -> None:
    """Ask another address whether it is the visitor's. Raises Refused."""
    wanted = preferences.of_form({"address": address}, context.now.date())
    setting.change(tx, context, _any(tx, context, visitor), {ADD: wanted["address"]})


def remove_address(tx: Connection, context: Context, visitor: Visitor, address: str) -> None:
    """Give up an address. Raises Refused."""
    setting.change(tx, context, _any(tx, context, visitor), {REMOVE: address})


def resume(tx: Connection, context: Context, visitor: Visitor, group: str) -> bool:
    """Have mail sent again; False where it is sent already, or a convener has stopped it."""
    member = own(tx, context, visitor, group)
    return reactivation.heard_from(tx, context, member.group_id, member.address)


def _any(tx: Connection, context: Context, visitor: Visitor) -> Member:
    """The membership in whose name something about the person is done. Raises NotFound."""
    return own(tx, context, visitor, visitor.memberships[0].group if visitor.memberships else "")
