"""Posts that arrive, and answers to the mails about them, as the sorter hands them to the use cases."""

from __future__ import annotations

import itertools
from dataclasses import replace

import sqlalchemy as sa

from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import members, subscriptions
from cgbot.groups.members import Member, NewMember
from cgbot.groups.post_policy import PostPolicy
from cgbot.groups.records import Group
from cgbot.mail import message as messages
from cgbot.posts import authorship, errands, hold_reminders, holding, holds, post
from cgbot.posts.arrivals import Addressed, Arrival, add_arrivals
from cgbot.posts.holds import Hold
from cgbot.store import raw as raws
from cgbot.store.db import Database
from cgbot.store.tables import audit
from cgbot.store.tables import errands as errand_rows
from tests.groups.mailbag import Sent, outbox, token_of
from tests.groups.mailbag import errand as confirm_errand

LIST = "cg-aisec@lists.example.org"
FRONT = "192.0.2.250"  # the mail server in front, whose Authentication-Results count
_numbers = itertools.count(1)


def trusting(context: Context) -> Context:
    """The same with a front server that says who wrote what."""
    told = replace(context.settings.authentication, trusted=("mx.example.org",), trusted_peers=(FRONT,))
    return replace(context, settings=replace(context.settings, authentication=told))


def ruled(context: Context, **policy: object) -> Context:
    """The same with another [posts] in the group's file."""
    charters = {
        name: replace(one, posts=replace(PostPolicy(), **policy))  # type: ignore[arg-type]  # what a test wants
        for name, one in context.charters.items()
    }
    return replace(context, charters=charters)


def written(sender: str, subject: str = "A scope", text: str = "Please see below.", **fields: str) -> bytes:
    """A message to the list."""
    number = next(_numbers)
    head = {"From": sender, "To": LIST, "Subject": subject, "Message-ID": f"<post-{number}@example.org>", **fields}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in head.items())
    return f"{lines}\r\n{text} ({number})\r\n".encode()


def proven_by(domain: str) -> dict[str, str]:
    """The field that the front server writes when a signature of this domain verifies."""
    return {"Authentication_Results": f"mx.example.org; dkim=pass header.d={domain}"}


class Posts:
    """What arrives at one group, with what became of it."""

    def __init__(self, db: Database, context: Context, group: Group) -> None:
        self.db, self.context, self.group = db, context, group
        answers = {**holding.ANSWERS, **authorship.ANSWERS, **hold_reminders.ANSWERS}
        self._confirm = subscriptions.purposes(answers=answers)["confirm"]
        self._read = 0

    def member(self, address: str, role: str = "member", **values: object) -> Member:
        new = NewMember(address, role=role, **values)  # type: ignore[arg-type]  # what a test wants
        found: Member = self.db.write_now(members.add, self.context, self.group.id, new)
        return found

    def arrive(self, raw: bytes, *, mail_from: str = "x@example.org", peer: str = FRONT, gate: str = "") -> Settled:
        """Bring it to the posting address and settle it."""
        return self._settle(self._errand(raw, mail_from, peer, gate))

    def resort(self) -> list[Settled]:
        """Settle what was approved, as the sorter does."""
        settled = []
        for claimed in self.db.write_now(errands.claim, self.context.now, 100):
            body = self.db.read_now(raws.get, claimed.sha256)
            found = self._built(claimed.id, claimed.arrival_id, body, (claimed.mail_from, claimed.peer, claimed.gate))
            settled.append(self._settle(found))
        return settled

    def _errand(self, raw: bytes, mail_from: str, peer: str, gate: str) -> Errand:
        addressed = (Addressed(LIST, self.group.id, "post", gate=gate),)
        arrival = Arrival(raw, mail_from, self.context.now, "smtp", peer, "x", False, b"", addressed)
        (arrival_id,) = self.db.write_now(add_arrivals, [(arrival, raws.prepare(raw))])
        asked = sa.select(errand_rows.c.id).where(errand_rows.c.arrival_id == arrival_id)
        number = self.db.read_now(lambda tx: tx.execute(asked).scalar_one())
        return self._built(number, arrival_id, raw, (mail_from, peer, gate))

    def _built(self, number: int, arrival_id: int, raw: bytes, path: tuple[str, str, str]) -> Errand:
        message = messages.parse(raw)
        mail_from, peer, gate = path
        sha256 = raws.prepare(raw).sha256
        return Errand(number, arrival_id, self.group.id, self.group.name, LIST, "post", "", gate, 1, mail_from,
                      self.context.now, "smtp", peer, sha256, message, keep.prepare(message))  # fmt: skip

    def _settle(self, found: Errand) -> Settled:
        settled = self.db.write_now(post.take_post, self.context, found)
        self.db.write_now(errands.settle, found.id, settled, self.context.now)
        return settled

    def answer(self, letter: Sent, text: str, **fields: str) -> Settled:
        """Answer a mail of ours."""
        mail = confirm_errand(
            self.context, self.group, "confirm", text, detail=token_of(letter), sender=letter.recipient, **fields
        )
        return self.db.write_now(self._confirm, self.context, mail)

    @property
    def waiting(self) -> tuple[Hold, ...]:
        return self.db.read_now(holds.waiting, self.group.id)

    def news(self) -> list[Sent]:
        """The mails since the last look."""
        letters = outbox(self.db)
        new = letters[self._read :]
        self._read = len(letters)
        return new

    def trail(self) -> list[tuple[str, str, str]]:
        """(actor, action, subject) of the audit trail, oldest first."""
        columns = (audit.c.actor, audit.c.action, audit.c.subject)
        rows = self.db.read_now(lambda tx: tx.execute(sa.select(*columns).order_by(audit.c.id)).all())
        return [tuple(row) for row in rows]  # type: ignore[misc]  # three columns
