"""
A mail of the group to its whole list (use case): archived as a post, so that whoever looks finds it later.

In a host group it becomes a post from NAME-owner@: stored, archived and distributed in this transaction, to everybody
who receives mail of the list in whatever form. In a companion group it goes to the host's list, and is archived when
it comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import members
from cgbot.groups.charter import Charter
from cgbot.mail import compose
from cgbot.mail import message as messages
from cgbot.mail.compose import NewMail
from cgbot.mail.frozen import fill
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import arrivals, distribution, errands
from cgbot.posts.arrivals import Addressed, Arrival
from cgbot.store import raw
from cgbot.store.db import Tx
from cgbot.store.tables import errands as errand_rows

LIFETIME: Final = timedelta(days=5)
PROTOCOL: Final = "own"
# A digest comes too late for what asks for something by a day.
RECEIVING: Final = frozenset({"each", "daily", "weekly"})


@dataclass(frozen=True, slots=True)
class Announcement:
    """What to say: a template with its facts; `in_reply_to` the Message-ID of an earlier announcement."""

    about: str
    template: str
    facts: Mapping[str, object]
    in_reply_to: str = ""
    reply_to: str = ""


def announce(tx: Tx, context: Context, group: tuple[int, str], what: Announcement) -> str:
    """Write to the whole list; the Message-ID, "" where the host's list carries it."""
    charter = context.charters[group[1]]
    if charter.companion is not None:
        _to_host(tx, context, group, charter, what)
        return ""
    message_id = f"{context.new_token()}@{context.settings.service.domain}"
    errand = _arrived(tx, context, group, _composed(context, charter, what, message_id))
    assert errand.facts is not None  # noqa: S101 - _arrived prepares it
    post_id = keep.add(tx, errand, errand.facts)
    distribution.distribute(tx, context, errand, post_id, RECEIVING)
    errands.settle(tx, errand.id, Settled("sorted", f"post {post_id}: {what.about}"), context.now)
    return message_id


def audience(tx: Tx, context: Context, group: tuple[int, str]) -> str:
    """Whom an announcement reaches, for the conveners."""
    charter = context.charters[group[1]]
    if charter.companion is not None:
        return f"the list {charter.companion.list_address}"
    count = sum(one.delivery in RECEIVING for one in members.active_members(tx, group[0]))
    return f"{count} member{'s' if count != 1 else ''}"


def _composed(context: Context, charter: Charter, what: Announcement, message_id: str) -> bytes:
    domain = context.settings.service.domain
    words = context.render(what.template, {"acronym": charter.acronym, **what.facts}, charter.language)
    fields = [("Auto-Submitted", "auto-generated")]
    if what.reply_to:
        fields.append(("Reply-To", f"<{what.reply_to}>"))
    if what.in_reply_to:
        fields += [("In-Reply-To", f"<{what.in_reply_to}>"), ("References", f"<{what.in_reply_to}>")]
    frozen = compose.compose(
        NewMail(
            from_name=charter.acronym,
            from_address=charter.address(domain, "owner"),
            to=charter.address(domain),
            subject=words.subject,
            text=words.text,
            html=words.html or "",
            date=context.now,
            message_id=message_id,
            fields=tuple(fields),
        )
    )
    return fill(frozen, {})


def _arrived(tx: Tx, context: Context, group: tuple[int, str], content: bytes) -> Errand:
    """The mail as if it had come in, with its errand."""
    group_id, name = group
    address = context.charters[name].address(context.settings.service.domain)
    sender = context.charters[name].address(context.settings.service.domain, "owner")
    prepared = raw.prepare(content)
    arrival = Arrival(content, sender, context.now, PROTOCOL, "local", "", tls=False, trace=b"",
                      recipients=(Addressed(address, group_id, "post"),))  # fmt: skip
    (arrival_id,) = arrivals.add_arrivals(tx, [(arrival, prepared)])
    errand_id = tx.execute(select(errand_rows.c.id).where(errand_rows.c.arrival_id == arrival_id)).scalar_one()
    message = messages.parse(content)
    return Errand(
        id=int(errand_id),
        arrival_id=arrival_id,
        group_id=group_id,
        group=name,
        recipient=address,
        purpose="post",
        detail="",
        gate="",
        attempts=0,
        mail_from=sender,
        received_at=context.now,
        protocol=PROTOCOL,
        peer="local",
        sha256=prepared.sha256,
        message=message,
        facts=keep.prepare(message),
    )


def _to_host(tx: Tx, context: Context, group: tuple[int, str], charter: Charter, what: Announcement) -> None:
    assert charter.companion is not None  # noqa: S101 - the caller has looked
    domain = context.settings.service.domain
    letters.write(
        tx,
        context,
        Letter(
            kind="announcement",
            about=what.about,
            template=what.template,
            facts={"acronym": charter.acronym, **what.facts},
            group=group,
            recipients=(Addressee(charter.companion.list_address, None, ""),),
            sender_local=charter.name,
            sender_name=charter.acronym,
            reply_to=what.reply_to or charter.companion.list_address,
            fields=(("X-Loop", charter.address(domain)),),
            expires_at=context.now + LIFETIME,
            language=charter.language,
        ),
    )
