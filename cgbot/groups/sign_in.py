"""
Use cases: signing in to the pages by a mailed link, and the sessions that come of it.

A link is sent to the address that mail of a membership goes to now, works once and for an hour; whether an address is
known is told to nobody. What a session proves is that somebody reads that address: it opens the groups whose mail goes
there, for thirty days, and ends with the membership. Links and sessions are rows of `tokens`, hashes alone. QUERIES
is the same by mail: "desk" to NAME-request@ is answered with a link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, or_, select

from cgbot.context import Context
from cgbot.groups import audit, members, tokens
from cgbot.groups.commands import Query, Request
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.groups.roles import may
from cgbot.mail import address as addresses
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.store.tables import addresses as addresses_rows
from cgbot.store.tables import groups, successions
from cgbot.store.tables import members as member_rows

LINK: Final = "sign-in"
SESSION: Final = "session"
LINK_LIFETIME: Final = timedelta(hours=1)  # mail servers that greylist take up to half of it
SESSION_LIFETIME: Final = timedelta(days=30)
_AN_HOUR: Final = timedelta(hours=1)
_MOST_TO_ONE: Final = 3
_MOST_IN_ALL: Final = 100
_READER: Final = "observer"


@dataclass(frozen=True, slots=True)
class Membership:
    """A group, by its current name, and the signed-in person's place in it."""

    group: str
    member: Member


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody signed in: the address that they read, and their memberships with it, by the group's name."""

    person_id: int
    address: str
    name: str
    memberships: tuple[Membership, ...]

    def member(self, group_id: int) -> Member | None:
        """Their place in this group, None where they have none."""
        return next((one.member for one in self.memberships if one.member.group_id == group_id), None)

    def role(self, group_id: int) -> str:
        """Their role in this group, "" for an outsider."""
        member = self.member(group_id)
        return member.role if member else ""

    @property
    def desks(self) -> tuple[str, ...]:
        """The names of the groups whose desk they may see."""
        return tuple(one.group for one in self.memberships if may(one.member.role, "see the desk"))


@dataclass(frozen=True, slots=True)
class Session:
    """A session that has just begun: the cookie's value, and the page that was asked for, "" for none."""

    token: str
    visitor: Visitor
    to: str


def ask(tx: Connection, context: Context, address: str, to: str = "") -> bool:
    """Mail a link to this address if it is a member's; False when nothing was sent, for whatever reason."""
    visitor = would_send(tx, context, address)
    if visitor is None:
        return False
    _send(tx, context, visitor, to)
    return True


def would_send(tx: Connection, context: Context, address: str) -> Visitor | None:
    """Whom `ask` would send a link; None for a stranger, or after too many. Reads only."""
    key = addresses.fold(address)
    visitor = _visitor(tx, context, key) if addresses.is_valid(address) else None
    return None if visitor is None or _too_many(tx, context, key) else visitor


def asked_for(tx: Connection, context: Context, link: str) -> Visitor | None:
    """Whom a link would sign in; None for one that is used, over, or was never made. Reads only."""
    token = tokens.look(tx, link, context.now)
    if token is None or token.purpose != LINK or token.used or token.expired:
        return None
    return _visitor(tx, context, str(token.facts["key"]))


def begin(tx: Connection, context: Context, link: str) -> Session | None:
    """Use the link up and begin a session; None where `asked_for` gives None."""
    visitor = asked_for(tx, context, link)
    token = tokens.look(tx, link, context.now)
    if visitor is None or token is None or not tokens.use(tx, link, context.now):
        return None
    members.verify(tx, visitor.address, context.now)
    audit.record(tx, context.now, None, audit.Entry(visitor.address, "signed in", visitor.address))
    facts = {"key": addresses.fold(visitor.address), "person": str(visitor.person_id)}
    return Session(tokens.make(tx, context, SESSION, facts, SESSION_LIFETIME), visitor, str(token.facts["to"]))


def find(tx: Connection, context: Context, session: str) -> Visitor | None:
    """Who is signed in under this session; None for one that has ended. Reads only."""
    token = tokens.look(tx, session, context.now)
    if token is None or token.purpose != SESSION or token.used or token.expired:
        return None
    return _visitor(tx, context, str(token.facts["key"]))


def go_on(tx: Connection, context: Context, visitor: Visitor) -> str:
    """A session in place of those that a leaving has ended; "" for whoever has no membership any more."""
    key = addresses.fold(visitor.address)
    if _visitor(tx, context, key) is None:
        return ""
    return tokens.make(tx, context, SESSION, {"key": key, "person": str(visitor.person_id)}, SESSION_LIFETIME)


def end(tx: Connection, context: Context, session: str) -> None:
    """End one session; one that has ended stays so."""
    token = tokens.look(tx, session, context.now)
    if token is not None and token.purpose == SESSION:
        tokens.use(tx, session, context.now)


def end_all(tx: Connection, person_id: int) -> int:
    """End every session of a person, and every link on its way to them; how many there were."""
    return tokens.revoke(tx, ("person", str(person_id)))


# ------------------------------------------------------------------------------------------------------- the person


def _visitor(tx: Connection, context: Context, key: str) -> Visitor | None:
    """The person whose current mail goes to this address; an address that they have given up proves nothing."""
    rows = tx.execute(_CURRENT, {"key": key}).all()
    found = [
        Membership(row.name, replace(member, role=_READER) if row.closed_at else member)
        for row in rows
        if row.name in context.charters and (member := members.get_member(tx, row.id)) is not None
    ]
    if not found:
        return None
    first = found[0].member
    return Visitor(first.person_id, first.address, first.name, tuple(found))


_CURRENT: Final = (
    select(member_rows.c.id, groups.c.name, groups.c.closed_at)
    .select_from(member_rows.join(addresses_rows).join(groups, member_rows.c.group_id == groups.c.id))
    .where(addresses_rows.c.key == bindparam("key"), member_rows.c.state != "left")
    # Of the closed ones those that go on under another name: their members still read there, and do nothing else.
    .where(or_(groups.c.closed_at.is_(None), groups.c.id.in_(select(successions.c.predecessor_id))))
    .order_by(groups.c.closed_at.is_not(None), groups.c.name)
)


def _too_many(tx: Connection, context: Context, key: str) -> bool:
    since = context.now - _AN_HOUR
    if tokens.made_since(tx, LINK, ("key", key), since) >= _MOST_TO_ONE:
        return True
    return tokens.made_since(tx, LINK, ("service", "all"), since) >= _MOST_IN_ALL


# ---------------------------------------------------------------------------------------------------------- the mail


def _send(tx: Connection, context: Context, visitor: Visitor, to: str, answers: str = "") -> None:
    facts = {"key": addresses.fold(visitor.address), "person": str(visitor.person_id), "service": "all", "to": to}
    link = tokens.make(tx, context, LINK, facts, LINK_LIFETIME)
    first = visitor.memberships[0]
    charter = context.charters[first.group]
    language = first.member.language or charter.language
    letters.write(
        tx,
        context,
        Letter(
            kind="confirmation",
            about=f"sign-in of {visitor.address}",
            template="sign-in",
            facts={
                "acronym": charter.acronym,
                "groups": [context.charters[one.group].acronym for one in visitor.memberships],
                "address": visitor.address,
                "link": f"{context.settings.service.public_url.rstrip('/')}/sign-in/{link}",
                "until": in_words(context.now + LINK_LIFETIME, charter, language),
                "desk": bool(visitor.desks),
                "owner_address": charter.address(context.settings.service.domain, "owner"),
            },
            group=(first.member.group_id, charter.name),
            recipients=(Addressee(visitor.address, first.member.id, visitor.name),),
            sender_local=f"{charter.name}-owner",
            sender_name=charter.acronym,
            in_reply_to=answers,
            expires_at=context.now + LINK_LIFETIME,
            language=language,
        ),
    )


def _answer(tx: Connection, context: Context, request: Request) -> str:
    """Send a link to the address of a member, wherever the request claims to come from."""
    key = addresses.fold(request.actor.address)
    visitor = _visitor(tx, context, key)
    if visitor is None:
        return "not an address that a member's mail goes to"
    if _too_many(tx, context, key):
        return f"{_MOST_TO_ONE} links within the last hour already"
    to = f"/desk/{request.group}/" if request.group in visitor.desks else f"/{request.group}/"
    _send(tx, context, visitor, to, request.errand.message.message_id if request.errand else "")
    return "sent a link to sign in"


QUERIES: Final[Sequence[Query]] = (
    Query(
        name="desk",
        action="read the members' archive",
        form="desk",
        help="A link that signs you in to the pages.",
        answer=_answer,
        also=("sign in",),
    ),
)
