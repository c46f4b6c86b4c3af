"""A group that takes papers by mail: what is written to it goes the whole way through the sorter, as in `serve`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import sqlalchemy as sa

from cgbot import wiring
from cgbot.context import Context
from cgbot.groups import members
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Order
from cgbot.notices import ledger
from cgbot.papers import calls, records
from cgbot.papers.calls import Wanted
from cgbot.papers.records import Call, PaperView
from cgbot.posts import arrivals
from cgbot.posts.arrivals import Addressed, Arrival
from cgbot.posts.shelved import tell
from cgbot.posts.sorter import Desk, Sorter
from cgbot.store import raw
from cgbot.store.db import Database, Tx
from cgbot.store.tables import errands
from tests.groups.mailbag import Sent, outbox, token_of

DOMAIN = "lists.example.org"
JIA = "jia@example.org"
ZOE = "zoe@example.org"
YU = "yu@example.org"
File = tuple[str, bytes]
_HOURS = frozenset({5, 6, 7, 8, 9, 12, 22})  # UTC: the conveners' mornings, 9:00 in Geneva, 23:59 and what follows
PDF: File = ("paper.pdf", b"%PDF-1.7 a paper")


@dataclass
class Office:
    """The group, its people and their mail, on a day."""

    db: Database
    context: Context
    group: Group
    written: int = 0

    @property
    def key(self) -> tuple[int, str]:
        return self.group.id, self.group.name

    def at(self, when: datetime) -> Office:
        """The same office later; mail is counted on."""
        return replace(self, context=self.context.at(when))

    def later(self, **span: float) -> Office:
        return self.at(self.context.now + timedelta(**span))

    # ------------------------------------------------------------------------------------------------- people, dates

    def join(self, address: str, name: str, role: str = "member", organization: str = "") -> Member:
        new = NewMember(address, name, role, organization=organization)
        return self.db.write_now(members.add, self.context, self.group.id, new)

    def meeting(self, start: str, *, kind: str = "group", title: str = "Second meeting", days: int = 0) -> Meeting:
        when = schedule.read_when(start, days=days) if days else schedule.read_when(start, duration="60m")
        return self.db.write_now(schedule.schedule, self.context, self.group, Order(title, when, kind))

    def open_call(self, meeting: int | None = None, **more: Any) -> Call:
        wanted = Wanted(meeting, **more)
        return self.db.write_now(calls.open_call, self.context, self.key, wanted, "operator")

    def call(self, number: int) -> Call:
        return self.db.read_now(records.get_call, number)

    # ---------------------------------------------------------------------------------------------------------- mail

    def compose(self, sender: str, subject: str, text: str = "", *files: File, **fields: str) -> EmailMessage:
        """A mail as a program writes it, with files attached."""
        self.written += 1
        message = EmailMessage()
        message["From"] = sender
        message["To"] = f"cg-aisec-contributions@{DOMAIN}"
        if subject:
            message["Subject"] = subject
        message["Message-ID"] = f"<{self.context.now:%d%H%M%S}.{self.written}@example.org>"
        for name, value in fields.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        for name, content in files:
            message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
        return message

    def send(self, sender: str, subject: str, text: str = "", *files: File, **fields: str) -> str:
        """Mail a paper; how its errand was settled."""
        return self.deliver(self.compose(sender, subject, text, *files, **fields))

    def deliver(self, message: EmailMessage | bytes, purpose: str = "contributions", detail: str = "",
                gate: str = "", *, mail_from: str = ZOE) -> str:  # fmt: skip
        """Let a mail come in and be sorted: `state: reason` of its errand."""
        content = message if isinstance(message, bytes) else message.as_bytes()
        extension = f"-{purpose}+{detail}" if detail else f"-{purpose}"
        to = Addressed(f"cg-aisec{extension}@{DOMAIN}", self.group.id, purpose, detail, gate)
        arrival = Arrival(content, mail_from, self.context.now, "smtp", "192.0.2.1", "", tls=False, trace=b"",
                          recipients=(to,))  # fmt: skip
        self.db.write_now(arrivals.add_arrivals, [(arrival, raw.prepare(content))])
        last = self.db.read_now(lambda tx: int(tx.execute(sa.select(sa.func.max(errands.c.id))).scalar_one()))
        self.sort()
        return self.settled(last)

    def settled(self, errand_id: int) -> str:
        row = self.db.read_now(lambda tx: tx.execute(sa.select(errands).where(errands.c.id == errand_id)).one())
        return f"{row.state}: {row.reason}"

    def sort(self) -> None:
        """Sort until nothing is due."""

        async def run() -> None:
            sorter = Sorter(
                Desk(self.db, lambda: self.context, wiring.purposes(), tell, lambda: False, lambda: None,
                     wiring.preparers())
            )  # fmt: skip
            while await sorter.run_once():
                pass

        asyncio.run(run())

    def answer(self, letter: Sent, text: str = "yes", **more: Any) -> str:
        """Answer a letter at its one-time address."""
        message = self.compose(letter.recipient, f"Re: {letter.message['Subject']}", text)
        return self.deliver(message, "confirm", token_of(letter), **more)

    def register(self, sender: str, subject: str, text: str = "", *files: File, **fields: str) -> Sent:
        """Mail a paper and confirm it; the last letter to its author."""
        assert self.send(sender, subject, text, *(files or (PDF,)), **fields).startswith("held: its author was asked")
        self.answer(self.news(sender)[-1])
        return self.news(sender)[-1]

    def ask(self, sender: str, line: str) -> Sent:
        """Ask something of NAME-request@; the last letter to whoever asks."""
        self.deliver(self.compose(sender, line), "request")
        return self.news(sender)[-1]

    def news(self, address: str = "") -> list[Sent]:
        """Every letter to this address, or to anybody, oldest first."""
        return [one for one in outbox(self.db) if address in {"", one.recipient}]

    def subjects(self, address: str = "") -> list[str]:
        return [str(one.message["Subject"]) for one in self.news(address)]

    def tick(self) -> None:
        """The clock looks, the daily mail of planned notices included."""
        self.db.write_now(ledger.tick, self.context, wiring.kinds())

    def live(self, until: datetime) -> Office:
        """Let the clock look at the hours at which something of ours is due, until then."""
        office = self
        while office.context.now < until:
            office = office.later(hours=1)
            if office.context.now.hour in _HOURS or office.context.now >= until:
                office.tick()
        return office

    # -------------------------------------------------------------------------------------------------------- papers

    def papers(self) -> tuple[PaperView, ...]:
        return self.db.read_now(records.list_papers, self.group.id)

    def numbered(self) -> list[tuple[int | None, int, str, str]]:
        """Number, newest revision, title, state of each paper."""
        found = self.papers()
        return [(one.paper.number, one.newest.revision, one.paper.title, one.paper.state) for one in found]

    def contents(self, number: int) -> list[bytes]:
        """The bytes of the newest revision's files."""

        def read(tx: Tx) -> list[bytes]:
            paper = records.find_paper(tx, self.group.id, number)
            assert paper is not None
            return [raw.get(tx, file.sha256) for file in records.view(tx, paper).newest.files]

        return self.db.read_now(read)


def opened(db: Database, context: Context, group: Group) -> Office:
    """A convener, two members, and a meeting on Thursday 20 May 2027, 09:00 in Geneva."""
    office = Office(db, context, group)
    office.join(JIA, "Xiongwei Jia", "convener", "China Unicom")
    office.join(ZOE, "Zoë Müller", organization="ETRI")
    office.join(YU, "Yu Sato", organization="NICT")
    office.meeting("2027-05-20 09:00")
    return office
