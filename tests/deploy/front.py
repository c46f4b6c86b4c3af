"""Debian's Postfix as a front server: where it runs, and what a stranger can ask of it."""

from __future__ import annotations

import smtplib
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
DOMAIN = "lists.example.org"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Postfix:
    """One running front server; strangers reach it from 127.0.0.1, cgbot's own address is 127.0.0.2."""

    port: int
    config: Path
    log: Path

    def rcpt(self, recipient: str) -> tuple[int, str]:
        """Ask for a recipient as a stranger does, and give the reply."""
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname="stranger.example") as client:
            client.ehlo()
            client.mail("stranger@example.com")
            code, text = client.rcpt(recipient)
            return code, text.decode()

    def send(self, recipient: str, message: bytes, sender: str = "stranger@example.com") -> None:
        """Hand a mail over as a stranger does; raises when it is refused."""
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname="stranger.example") as client:
            client.sendmail(sender, [recipient], message)

    def try_again(self) -> None:
        """Take everything in the queue up at once, as the queue manager does after its pause."""
        subprocess.run(["postqueue", "-c", self.config, "-f"], check=True)

    def queue(self) -> list[str]:
        """Give what waits in the queue, a JSON line a mail."""
        shown = subprocess.run(["postqueue", "-c", self.config, "-j"], check=True, capture_output=True, text=True)
        return shown.stdout.splitlines()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
