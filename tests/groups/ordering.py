"""A group whose conveners order notes: two commands that only write into the audit trail, and mail around them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.errors import Conflict, Malformed
from cgbot.groups import audit, members, ordering, orders, subscriptions
from cgbot.groups.audit import Entry
from cgbot.groups.commands import Command, Ordered, Proposal, Request
from cgbot.groups.members import Member, NewMember
from cgbot.groups.orders import Order
from cgbot.groups.records import Group
from cgbot.notices import ledger
from cgbot.notices.ledger import Done
from cgbot.store.db import Database, Tx
from cgbot.store.tables import audit as audit_rows
from cgbot.store.tables import orders as rows
from tests.groups.mailbag import Sent, errand, outbox, token_of


def propose(tx: Tx, context: Context, request: Request) -> Proposal:
    """A note has a number and a title."""
    if not request.words:
        raise Malformed("the number is missing")
    title = request.fields.get("title", "")
    if set(request.fields) - {"title", "text"} or title == "bad":
        raise Malformed(f"{', '.join(request.fields)}: not known here; allowed are title, text")
    number = request.words[0]
    return Proposal(f"note {number}", f"note {number}: {title}", f"Note {number} would say {title!r}.",
                    dict(request.fields), {"number": number, "title": title})  # fmt: skip


def take(tx: Tx, context: Context, ordered: Ordered) -> str:
    """Note it once and for all."""
    if audit.find(tx, ordered.group_id, "closed", "notes"):
        raise Conflict("the notes have been closed")
    subject = f"note {ordered.facts['number']}"
    audit.record(tx, context.now, ordered.group_id, Entry(ordered.actor.address, "noted", subject, {}))
    if ordered.facts["title"] == "too late":
        raise Conflict("it is too late")
    return f"Noted: {ordered.facts['title']}."


NOTE: Final = Command("note", "call meetings", "note 7\ntitle: Words of yours", "A note is taken.", propose, take)
STRIKE: Final = Command("strike", "call meetings", "strike 7", "A note is struck.", propose, take, ("strike out",))
CLOSE: Final = Command(
    "close", "approve reports and statements", "close 7", "The notes are closed.", propose, take
)  # a secretary may not
HURRY: Final = Command("hurry", "call meetings", "hurry 7", "A note is taken at once.", propose, take, waits=False)
COMMANDS: Final = MappingProxyType({one.name: one for one in (NOTE, STRIKE, CLOSE, HURRY)})
CONFIRM: Final = subscriptions.purposes(answers=ordering.answers(COMMANDS))["confirm"]
KINDS: Final = (ordering.kind(COMMANDS),)


@dataclass
class Office:
    """Who sits there, and the mail of each."""

    db: Database
    context: Context
    group: Group

    def join(self, name: str, role: str = "convener") -> Member:
        """Somebody new; their address is NAME@example.org."""
        new = NewMember(f"{name}@example.org", name=name.title(), role=role)
        return self.db.write_now(members.add, self.context, self.group.id, new)

    def at(self, minutes: float) -> Office:
        """The same some minutes later."""
        from datetime import timedelta

        return replace(self, context=self.context.at(self.context.now + timedelta(minutes=minutes)))

    def with_minutes(self, minutes: int) -> Office:
        """The same with another time to undo."""
        settings = self.context.settings
        changed = replace(settings, notices=replace(settings.notices, undo_minutes=minutes))
        return replace(self, context=replace(self.context, settings=changed))

    def ask(
        self, sender: str, *words: str, command: Command = NOTE, peer: str = "192.0.2.1", proof: str = "", **fields: str
    ) -> Settled:
        """Somebody claims to be SENDER@example.org and orders; `proof` is an Authentication-Results field."""
        proven = {"Authentication_Results": proof} if proof else {}
        mail = errand(self.context, self.group, "request", "…", sender=f"{sender}@example.org", peer=peer, **proven)

        def ask(tx: Tx) -> Settled:
            actor = orders.actor_of(tx, self.group.id, f"{sender}@example.org")
            request = Request(self.group.id, self.group.name, actor, words, fields, mail)
            return ordering.ask(tx, self.context, command, request)

        return self.db.write_now(ask)

    def answer(self, letter: Sent, text: str, sender: str = "", **fields: str) -> Settled:
        """Answer a letter, from its recipient's address or another one."""
        mail = errand(
            self.context,
            self.group,
            "confirm",
            text,
            detail=token_of(letter),
            sender=sender or letter.recipient,
            **fields,
        )
        return self.db.write_now(CONFIRM, self.context, mail)

    def shown(self, sender: str = "jia", *words: str, command: Command = NOTE, **fields: str) -> Sent:
        """Ask, and get the preview."""
        self.ask(sender, *(words or ("7",)), command=command, **fields)
        return outbox(self.db)[-1]

    def ordered(self, sender: str = "jia", *words: str, command: Command = NOTE, **fields: str) -> Sent:
        """Ask and say yes, and get the word that it is ordered."""
        self.answer(self.shown(sender, *words, command=command, **fields), "yes")
        return outbox(self.db)[-1]

    def tick(self) -> tuple[Done, ...]:
        """Let the clock look."""
        return self.db.write_now(ledger.tick, self.context, KINDS)

    def mails(self) -> list[Sent]:
        """Every letter, oldest first."""
        return outbox(self.db)

    def noted(self) -> list[str]:
        """What was carried out."""
        found = sa.select(audit_rows.c.subject).where(audit_rows.c.action == "noted").order_by(audit_rows.c.id)
        return self.db.read_now(lambda tx: list(tx.execute(found).scalars()))

    def orders(self) -> list[Order]:
        """Every order there ever was."""
        found = sa.select(rows.c.id).order_by(rows.c.id)
        return self.db.read_now(lambda tx: [orders.get(tx, one) for one in tx.execute(found).scalars()])

    def states(self) -> list[str]:
        """The states of all orders."""
        return [one.state for one in self.orders()]

    def trail(self) -> list[tuple[str, str]]:
        """Who did what to orders."""
        found = sa.select(audit_rows.c.actor, audit_rows.c.action).where(audit_rows.c.action.like("order %"))
        return self.db.read_now(
            lambda tx: [(one.actor, one.action) for one in tx.execute(found.order_by(audit_rows.c.id))]
        )
