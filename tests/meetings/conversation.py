"""Mail between a convener and the group: what is sent in, what comes back, answers to it, and the clock."""

from __future__ import annotations

import itertools
from datetime import timedelta
from email.message import EmailMessage

from cgbot import wiring
from cgbot.context import Context
from cgbot.groups import members
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.meetings import records
from cgbot.meetings.records import Meeting
from cgbot.notices import ledger
from cgbot.store.db import Database
from tests.groups.mailbag import Sent, errand_of, outbox, token_of

CONVENER = "convener@example.org"
_numbers = itertools.count(1)


class Conversation:
    """A group with a convener, a vice-convener and a member, and a postman between them and it."""

    def __init__(self, db: Database, context: Context, group: Group) -> None:
        self.db, self.context, self.group = db, context, group
        self.convener = self.member(CONVENER, "Carla Convener", "convener")
        self.vice = self.member("vice@example.org", "Victor Vice", "vice-convener")
        self.delegate = self.member("delegate@example.org", "Dana Delegate", "member")
        self.purposes = wiring.purposes()
        self.seen = 0

    def member(self, address: str, name: str, role: str) -> Member:
        new = NewMember(address, name=name, role=role, organization="Example Org")
        return self.db.write_now(members.add, self.context, self.group.id, new)

    def send(self, raw: EmailMessage | bytes, purpose: str = "meetings", detail: str = "", robot: bool = False) -> str:
        """Bring a mail in; what became of it."""
        content = raw if isinstance(raw, bytes) else raw.as_bytes()
        mail_from = "" if robot else "somebody@example.org"
        errand = errand_of(self.context, self.group, content, purpose=purpose, detail=detail, mail_from=mail_from)
        return self.db.write_now(self.purposes[purpose], self.context, errand).reason

    def say(self, text: str, subject: str = "", author: str = CONVENER) -> str:
        """A request to NAME-request@."""
        return self.send(letter(text, subject, author), "request")

    def answer(self, mail: Sent, text: str, author: str = CONVENER) -> str:
        """Answer a mail at the address that it asks for."""
        return self.send(letter(text, f"Re: {mail.message['Subject']}", author), "confirm", token_of(mail))

    def news(self) -> list[Sent]:
        """What has been written since the last look."""
        everything = outbox(self.db)
        found, self.seen = everything[self.seen :], len(everything)
        return found

    def wait(self, span: timedelta) -> None:
        """Let time pass, and the clock tick at its end."""
        self.context = self.context.at(self.context.now + span)
        self.db.write_now(ledger.tick, self.context, wiring.kinds())

    def meetings(self) -> tuple[Meeting, ...]:
        return self.db.read_now(records.of_group, self.group.id)


def letter(text: str, subject: str = "", author: str = CONVENER) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = author, subject, f"<{next(_numbers)}@example.org>"
    message.set_content(text)
    return message
