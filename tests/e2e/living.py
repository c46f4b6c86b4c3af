"""People who live with a group by mail alone: mailboxes, answers, and a clock that the story sets."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import getaddresses
from pathlib import Path

from cgbot import app, configuration, wiring
from cgbot.notices import ledger
from cgbot.papers import report_docx, report_records
from tests.harness import DOMAIN, Program, Relay, wait_for

_MOST_LOOKS = 20


class World:
    """One installation at a time of its own, and what everybody has read so far."""

    def __init__(self, program: Program, relay: Relay, start: str) -> None:
        self.program = program
        self.relay = relay
        self._set(_moment(start))
        self._read: Counter[str] = Counter()
        self._written = 0
        # A look at the same database from here: the command would take a second each time.
        self._house = app.open_house(configuration.load(program.env, Path(program.env["CGBOT_CONFIG"])))

    def close(self) -> None:
        """Let go of the database."""
        self._house.close()

    # ------------------------------------------------------------------------------------------------ the clock

    def until(self, moment: str) -> None:
        """Live on until this moment (UTC): every notice finds the clock awake when it is due."""
        end = _moment(moment)
        for _ in range(_MOST_LOOKS):
            due = self._due(end)
            for one in due:
                self._jump(one)
            if not due:
                break
        else:
            raise AssertionError("the ledger does not come to an end")
        self._jump(end)

    def later(self, minutes: int = 1) -> None:
        """Let some minutes go by in which nothing is planned."""
        self._jump(self.now + timedelta(minutes=minutes))

    def until_files_are_made(self) -> None:
        """Live on until every report has its Word file: it is made beside the clock, by another process."""
        self.later()
        wait_for(lambda: not self._house.db.read_now(report_records.without_docx, report_docx.MOST_TRIES))
        self.later()

    def _due(self, end: datetime) -> list[datetime]:
        """A second after each moment at which something is planned, from now to then."""
        context = self._house.context(self.now)
        listed = self._house.db.read_now(ledger.preview, context, wiring.kinds(), end)
        moments = {one.occurrence.due_at.replace(microsecond=0) + timedelta(seconds=1) for one in listed}
        return sorted(one for one in moments if self.now < one <= end)

    @property
    def now(self) -> datetime:
        """What the clock of the installation says: the moment to which it was set, and what has gone by since."""
        return self._set_to + timedelta(seconds=time.monotonic() - self._set_at)

    def _set(self, moment: datetime) -> None:
        self._set_to, self._set_at = moment, time.monotonic()
        self.program.travel(_text(moment))

    def _jump(self, moment: datetime) -> None:
        if moment > self.now:
            self._set(moment)
        self.program.ticked(moment.timestamp())
        self.program.idle()

    # ------------------------------------------------------------------------------------------------- the mail

    def write(self, sender: str, recipient: str, subject: str, text: str = "", **fields: str) -> EmailMessage:
        """Write a mail as a mail program would; `recipient` may be an extension such as "request"."""
        return self.send(sender, recipient, self.compose(sender, recipient, subject, text, **fields))

    def compose(self, sender: str, recipient: str, subject: str, text: str = "", **fields: str) -> EmailMessage:
        """A mail that is not sent yet, to put something into it."""
        self._written += 1
        message = EmailMessage()
        message["From"] = f"{sender.partition('@')[0].capitalize()} <{sender}>"
        message["To"] = _address(recipient)
        message["Subject"] = subject
        message["Date"] = self.now.strftime("%a, %d %b %Y %H:%M:%S +0000")
        message["Message-ID"] = f"<written-{self._written}@{sender.partition('@')[2]}>"
        for name, value in fields.items():
            message[name.replace("_", "-")] = value
        message.set_content(text or "\n")
        return message

    def send(self, sender: str, recipient: str, message: EmailMessage) -> EmailMessage:
        """Hand it over and wait until everything that follows from it has been delivered."""
        raw = re.sub(rb"\r?\n", b"\r\n", message.as_bytes())
        self.program.send(raw, _address(recipient), sender=sender)
        self.program.idle()
        return message

    def answer(self, sender: str, message: Message, text: str, *, quote: bool = True) -> None:
        """Answer a mail as a mail program does, the original quoted below."""
        to = getaddresses([message["Reply-To"] or message["From"]])[0][1]
        quoted = "\n".join(f"> {line}" for line in body(message).splitlines()) if quote else ""
        fields = {"In_Reply_To": message["Message-ID"], "References": message["Message-ID"]}
        self.write(
            sender,
            to,
            f"Re: {subject(message)}",
            f"{text}\n\nOn {message['Date']} {message['From']} wrote:\n{quoted}\n",
            **fields,
        )

    def news(self, address: str) -> list[Message]:
        """What this person has got since they looked last."""
        messages = [one.message for one in self.relay.to(address)]
        new = messages[self._read[address] :]
        self._read[address] = len(messages)
        return new

    def one(self, address: str, *words: str) -> Message:
        """The one new mail whose subject has these words; the others are read too."""
        new = self.news(address)
        found = [one for one in new if all(word.lower() in subject(one).lower() for word in words)]
        assert len(found) == 1, f"{words} in {[subject(one) for one in new]}: {[body(one) for one in new]}"
        return found[0]

    def everything(self, address: str) -> list[str]:
        """The subject of every mail that ever went to this address."""
        return [subject(one.message) for one in self.relay.to(address)]


@contextmanager
def living(program: Program, relay: Relay, start: str) -> Iterator[World]:
    """A world from its beginning to its end."""
    world = World(program, relay, start)
    program.start()
    try:
        yield world
    finally:
        world.close()
        if program.running:
            program.stop()


def subject(message: Message) -> str:
    """The subject as a reader sees it."""

    return str(make_header(decode_header(str(message["Subject"]).replace("\r", "").replace("\n", ""))))


def body(message: Message) -> str:
    """The text that a reader sees."""
    for part in message.walk():
        if part.get_content_type() == "text/plain" and part.get_filename() is None:
            raw = part.get_payload(decode=True)
            assert isinstance(raw, bytes)
            return raw.decode(part.get_content_charset() or "utf-8").replace("\r\n", "\n")
    return ""


def words(message: Message) -> str:
    """The text without its line breaks."""
    return " ".join(body(message).split())


def _address(recipient: str) -> str:
    return recipient if "@" in recipient else f"cg-aisec-{recipient}@{DOMAIN}" if recipient else f"cg-aisec@{DOMAIN}"


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
