"""What the shipped Postfix configuration promises, with a small LMTP server in cgbot's place."""

from __future__ import annotations

import smtplib
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import pytest

from tests.deploy.front import DOMAIN, Postfix
from tests.harness import wait_for

KNOWN = {f"cg-aisec@{DOMAIN}", f"cg-aisec-owner@{DOMAIN}"}
MAIL = b"From: stranger@example.com\r\nTo: cg-aisec@lists.example.org\r\nSubject: Hello\r\n\r\n.A first line\r\n"


@dataclass(slots=True)
class Hall:
    """An LMTP server that knows a few addresses, keeps what it takes, and can lose its answers."""

    lose_answers: int = 0
    asked: list[str] = field(default_factory=list)
    taken: list[tuple[str, bytes]] = field(default_factory=list)

    def talk(self, lines: BinaryIO, out: BinaryIO) -> None:
        """Hold one dialogue (RFC 2033)."""
        recipients: list[str] = []
        out.write(b"220 hall LMTP\r\n")
        for line in lines:
            words = line.decode().strip()
            verb = words[:4].upper()
            if verb == "RCPT":
                out.write(self.answer(words.partition("<")[2].partition(">")[0], recipients))
            elif verb == "DATA":
                out.write(b"354 go on\r\n")
                content = self.read_content(lines)
                self.taken += [(recipient, content) for recipient in recipients]
                if self.lose_answers:
                    self.lose_answers -= 1
                    return
                out.write(b"250 2.0.0 kept\r\n" * len(recipients))
                recipients = []
            elif verb == "QUIT":
                out.write(b"221 2.0.0 bye\r\n")
                return
            else:
                out.write(b"250-hall\r\n250 8BITMIME\r\n" if verb == "LHLO" else b"250 2.0.0 fine\r\n")

    def answer(self, recipient: str, recipients: list[str]) -> bytes:
        self.asked.append(recipient)
        if recipient not in KNOWN:
            return b"550 5.1.1 no such address\r\n"
        recipients.append(recipient)
        return b"250 2.1.5 known\r\n"

    @staticmethod
    def read_content(lines: BinaryIO) -> bytes:
        content = b""
        while (line := lines.readline()) not in {b".\r\n", b""}:
            content += line.removeprefix(b".")
        return content


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@pytest.fixture
def hall(lmtp_port: int) -> Iterator[Hall]:
    hall = Hall()

    class Dialogue(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            hall.talk(self.rfile, self.wfile)  # type: ignore[arg-type]

    with Server(("127.0.0.1", lmtp_port), Dialogue) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield hall
        server.shutdown()
        thread.join()


def without_trace(content: bytes) -> bytes:
    """Drop what a front server adds above the mail."""
    return content[content.index(b"From: ") :]


def test_postfix_itself_refuses_an_unknown_recipient(postfix: Postfix, hall: Hall) -> None:
    code, text = postfix.rcpt(f"nobody@{DOMAIN}")
    assert (code, text[:5]) == (550, "5.1.1")
    assert hall.taken == []
    assert postfix.queue() == []


def test_postfix_is_no_open_relay(postfix: Postfix, hall: Hall) -> None:
    code, text = postfix.rcpt("somebody@example.net")
    assert (code, text[:5]) == (554, "5.7.1")
    assert hall.asked == []


def test_without_an_answer_the_client_is_told_to_come_back(postfix: Postfix) -> None:
    """Nobody listens: our own fault is never a refusal."""
    code, _ = postfix.rcpt(f"cg-aisec@{DOMAIN}")
    assert code == 450


def test_a_mail_is_handed_over_by_lmtp(postfix: Postfix, hall: Hall) -> None:
    postfix.send(f"cg-aisec@{DOMAIN}", MAIL)
    wait_for(lambda: len(hall.taken) == 1)
    ((recipient, content),) = hall.taken
    assert recipient == f"cg-aisec@{DOMAIN}"
    assert without_trace(content) == MAIL
    assert content.startswith((b"Return-Path: <stranger@example.com>", b"Received: "))
    wait_for(lambda: not postfix.queue())


def test_a_new_group_is_reached_without_a_restart(postfix: Postfix, hall: Hall) -> None:
    """No table is copied: each address is asked for when it first comes."""
    for address in sorted(KNOWN):
        assert postfix.rcpt(address)[0] == 250
    assert set(hall.asked) == KNOWN


def test_a_lost_answer_brings_the_mail_again(postfix: Postfix, hall: Hall) -> None:
    """The same bytes below the trace lines come once more; telling them apart is cgbot's part."""
    assert postfix.rcpt(f"cg-aisec@{DOMAIN}")[0] == 250
    hall.lose_answers = 1
    postfix.send(f"cg-aisec@{DOMAIN}", MAIL)
    wait_for(lambda: len(hall.taken) == 1)
    wait_for(lambda: "deferred" in "".join(postfix.queue()))
    postfix.try_again()
    wait_for(lambda: len(hall.taken) == 2)
    first, second = (without_trace(content) for _, content in hall.taken)
    assert first == second == MAIL
    wait_for(lambda: not postfix.queue())


def test_a_mail_too_large_is_refused_in_the_dialogue(postfix: Postfix, hall: Hall) -> None:
    assert postfix.rcpt(f"cg-aisec@{DOMAIN}")[0] == 250
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        postfix.send(f"cg-aisec@{DOMAIN}", MAIL + b"x" * 26_000_001)
    assert caught.value.smtp_code == 552
    assert hall.taken == []


def test_a_nul_is_refused_in_the_dialogue(postfix: Postfix, hall: Hall) -> None:
    """Behind the dialogue it would be a bounce to whoever is named as the sender."""
    assert postfix.rcpt(f"cg-aisec@{DOMAIN}")[0] == 250
    with pytest.raises(smtplib.SMTPDataError) as caught:
        postfix.send(f"cg-aisec@{DOMAIN}", MAIL + b"a NUL: \0\r\n")
    assert caught.value.smtp_code == 550
    assert hall.taken == []
