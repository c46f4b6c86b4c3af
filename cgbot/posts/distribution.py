"""
A post goes out: one durable delivery per subscriber (use case).

Every active subscriber with delivery `each` who is not away gets a copy, the author too, as a proof that it went out.
One frozen content serves all; what differs is the return path and the one-click link. The bytes of the post are those
that came in; only list header fields are added (mail.list_headers). Who wants links gets a second content, without the
large attachments (mail.shortened). `forward` is the same for the people behind a service address: NAME-owner@,
postmaster@.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand
from cgbot.groups import members
from cgbot.groups.members import Member
from cgbot.mail import authenticity, from_field, list_headers, shortened, verp
from cgbot.mail.frozen import Frozen, fill, join
from cgbot.mail.list_headers import ListHeaders
from cgbot.outbox import queue
from cgbot.outbox.queue import Copy, Mail, Timing
from cgbot.store.db import Tx

# RFC 5321 section 4.5.4.1: give up after four to five days.
LIFETIME: Final = timedelta(days=5)


def described(context: Context, group: str) -> ListHeaders:
    """The list of a group, as its header fields name it."""
    charter = context.charters[group]
    service = context.settings.service
    return ListHeaders(
        group=group,
        domain=service.domain,
        list_id=charter.list_id(service.domain),
        title=charter.title,
        archive_url=f"{service.public_url}/{group}/",
    )


def one_click(context: Context, group: str, member_id: int) -> str:
    """The address with which a member leaves by one click (RFC 8058); valid for the life of the subscription."""
    token = verp.member_token(context.keys, "leave", group, member_id)
    return f"{context.settings.service.public_url}/leave/{group}/{token}"


def distribute(tx: Tx, context: Context, errand: Errand, post_id: int, wanted: Collection[str] = ("each",)) -> int:
    """Queue a copy of the post for each subscriber with one of these delivery modes; the number of copies."""
    assert errand.group_id is not None  # noqa: S101 - a post has a group
    if errand.facts is None:
        return 0
    url = f"{context.settings.service.public_url}/{errand.group}/{errand.facts.permalink}/"
    link = "" if errand.facts.unlisted else url  # no page shows what its author wanted in no archive
    short = shortened.shorten(errand.message.raw, link) if link else None

    def readers(*, links: bool) -> Iterator[Member]:
        found = members.each_active(tx, errand.group_id or 0)
        here = (one for one in found if one.delivery in wanted and not _is_away(one, context))
        return (one for one in here if (short is not None and one.attachments == "link") is links)

    count = _queue(tx, context, errand, (post_id, errand.message.raw, link), readers(links=False))
    if short is not None:
        count += _queue(tx, context, errand, (post_id, short, link), readers(links=True))
    return count


def _queue(tx: Tx, context: Context, errand: Errand, what: tuple[int, bytes, str], readers: Iterator[Member]) -> int:
    """Queue these octets of a post for these readers; nothing is written where there are none."""
    post_id, raw, link = what
    first = next(readers, None)
    if first is None or errand.facts is None:
        return 0
    frozen = _written(context, errand, raw, link)
    mail = Mail("post", f"post {post_id}", errand.group_id, errand.facts.message_id, frozen)
    content_id = queue.add_content(tx, mail, context.now)
    return queue.add_copies(
        tx,
        content_id,
        (_copy(context, errand.group, content_id, one) for one in chain((first,), readers)),
        Timing(context.now, context.now + LIFETIME),
    )


def _written(context: Context, errand: Errand, raw: bytes, link: str) -> Frozen:
    """
    The list's copy, with what our own check has found; in the list's name where the author's would get it refused.

    That is decided on the octets that go out, with the keys that the check has found.
    """
    settings, lists = context.settings, described(context, errand.group)
    ours = {*settings.authentication.trusted, settings.service.domain}
    frozen = list_headers.redistribute(raw, lists, link, ours=ours)
    checked = errand.checked
    if checked is None:
        return frozen
    as_sent = fill(frozen, {list_headers.ONE_CLICK: lists.archive_url})
    if authenticity.must_rewrite(as_sent, checked, settings.authentication.rewrite_from):
        frozen = from_field.rewrite(frozen, lists.address(), context.charters[errand.group].acronym)
    return join([checked.results(settings.service.domain), frozen])


def _is_away(member: Member, context: Context) -> bool:
    """Say whether the member wants no posts now ("set none until")."""
    return member.away_until is not None and context.now < member.away_until


def _copy(context: Context, group: str, content_id: int, member: Member) -> Copy:
    domain = context.settings.service.domain
    return Copy(
        recipient=member.address,
        member_id=member.id,
        return_path=verp.return_path(context.keys, group, domain, content_id, member.id),
        slots={list_headers.ONE_CLICK: one_click(context, group, member.id)},
    )


def forward(tx: Tx, context: Context, errand: Errand, kind: str, recipients: Sequence[tuple[str, int | None]]) -> int:
    """Queue the message as it is for these (address, member id); it must not be answered by a bounce."""
    frozen = list_headers.forward(errand.message.raw, errand.recipient)
    mail = Mail(kind, f"errand {errand.id}", errand.group_id, errand.message.message_id, frozen)
    content_id = queue.add_content(tx, mail, context.now)
    copies = [Copy(recipient, member_id, "", {}) for recipient, member_id in recipients]
    return queue.add_copies(tx, content_id, copies, Timing(context.now, context.now + LIFETIME))
