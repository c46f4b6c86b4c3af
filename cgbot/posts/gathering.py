"""
What the rules of moderation look at, gathered for one message (use case: reads only).

Every post goes through here, so it asks one question for all. Counts stop at the limit that they are compared with. The
last hour is that before the message came in, so that a backlog is judged as it would have been.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, ScalarSelect, Select, bindparam, func, select

from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups import authentication, members, one_time, senders, tokens
from cgbot.groups.charter import Charter
from cgbot.groups.members import Member
from cgbot.groups.roles import CONVENERS
from cgbot.mail import list_headers
from cgbot.mail.address import domain_of, fold
from cgbot.mail.message import Message
from cgbot.posts import emergency, list_words, proofs
from cgbot.posts.held_files import held_files
from cgbot.posts.moderation import Submission
from cgbot.store.db import Tx
from cgbot.store.tables import addresses, posts, service, thread_ids
from cgbot.store.tables import members as member_rows

_AN_HOUR: Final = timedelta(hours=1)


def _counted(found: Select[int], most: str) -> ScalarSelect[int]:
    return select(func.count()).select_from(found.limit(bindparam(most)).subquery()).scalar_subquery()


_SINCE = select(posts.c.id).where(
    posts.c.group_id == bindparam("group_id"), posts.c.received_at > bindparam("since"), posts.c.imported.is_(False)
)
_THREADS = select(thread_ids.c.thread_id).where(
    thread_ids.c.group_id == bindparam("group_id"),
    thread_ids.c.message_id.in_(bindparam("references", expanding=True)),
)
# One question for all: each of them alone would cost as much.
_ASKED: Final = select(
    select(service.c.value).where(service.c.key == bindparam("switch")).scalar_subquery().label("switch"),
    senders.of(bindparam("author")).label("address"),
    senders.of(bindparam("domain")).label("domain"),
    _counted(_SINCE.where(func.lower(posts.c.author_address) == bindparam("author")), "most").label("of_author"),
    _counted(_SINCE.where(posts.c.thread_id.in_(_THREADS)), "most_of_thread").label("of_thread"),
)
_JOINED = select(member_rows.c.joined_at).where(member_rows.c.id == bindparam("member_id")).scalar_subquery()
_OF_PERSON: Final = select(
    _counted(
        select(posts.c.id).where(
            posts.c.group_id == bindparam("group_id"),
            posts.c.received_at >= _JOINED,
            func.lower(posts.c.author_address).in_(
                select(addresses.c.key).where(addresses.c.person_id == bindparam("person_id"))
            ),
        ),
        "most",
    )
)


def submission(tx: Tx, context: Context, errand: Errand, *, known_id: bool) -> Submission:
    """Everything that the rules look at; `known_id`: the archive has other content under this Message-ID."""
    charter = context.charters[errand.group]
    message = errand.message
    author = message.authors[0].address if len(message.authors) == 1 else ""
    member = _member(tx, errand, author)
    known = _known(tx, errand, charter, author)
    checked = authentication.is_available(context.settings)
    return Submission(
        author=author,
        role=member.role if member else "",
        gate=errand.gate,
        own_copy=list_headers.seen_here(message, charter.list_id(context.settings.service.domain)),
        automatic=list_headers.is_automatic(message),
        generated=list_headers.is_generated(message),
        known_id=known_id,
        command=list_words.list_command(message, {charter.name, charter.acronym.lower(), *charter.formerly}),
        size=len(message.raw),
        max_size=charter.max_post_size,
        posting=charter.posting,
        policy=charter.posts,
        standing=member.posting if member else "",
        sender=known.address or ("" if member else known.domain) or "",  # a domain's is no word about a member
        checked=checked,
        proven=checked and proofs.evidence(tx, context, errand, author).proven,
        emergency=emergency.read(charter, known.switch),
        earlier_posts=_earlier(tx, charter, member),
        held_files=held_files(message, charter.posts.attachments_held),
        recipients=len(message.to) + len(message.cc),
        names_list=_names_list(message, {errand.recipient, charter.address(context.settings.service.domain)}),
        author_posts=known.of_author,
        thread_posts=known.of_thread,
        one_time=any(_is_alive(tx, context, token) for token in one_time.tokens_in(message)),
    )


def _is_alive(tx: Tx, context: Context, token: str) -> bool:
    found = tokens.look(tx, token, context.now)
    return found is not None and not found.expired


def _known(tx: Tx, errand: Errand, charter: Charter, author: str) -> Row[Any]:
    """What was decided, and how many posts of the author and of the thread came within the hour before this one."""
    given = {
        "group_id": errand.group_id,
        "switch": emergency.key(errand.group_id or 0),
        "author": fold(author) if author else "",
        "domain": f"@{domain_of(author)}",
        "since": errand.received_at - _AN_HOUR,
        "references": list(errand.facts.references) if errand.facts else [],
        "most": charter.posts.most_an_hour,
        "most_of_thread": charter.posts.thread_most_an_hour,
    }
    return tx.execute(_ASKED, given).one()


def _member(tx: Tx, errand: Errand, author: str) -> Member | None:
    found = members.find_member(tx, errand.group_id or 0, author) if author else None
    return found if found and found.state != "left" else None


def _names_list(message: Message, ours: set[str]) -> bool:
    keys = {fold(one) for one in ours}
    return any(fold(one.address) in keys for one in (*message.to, *message.cc))


def _earlier(tx: Tx, charter: Charter, member: Member | None) -> int:
    """How many posts a member who is no convener has in the archive since they joined, up to the number that counts."""
    most = charter.posts.first_posts
    if member is None or member.role in CONVENERS or not most:
        return 0
    given = {"group_id": member.group_id, "member_id": member.id, "person_id": member.person_id, "most": most}
    return int(tx.execute(_OF_PERSON, given).scalar_one())
