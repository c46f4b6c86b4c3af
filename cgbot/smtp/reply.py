"""
What we say to a client (pure rules: RFC 5321 section 4.2 replies with RFC 3463 status codes).

One name a reply, so that docs/smtp-replies.md and the tests speak of the same thing. A text never repeats what the
client sent, except a number or an address that passed our grammar, and never says what went wrong inside.
"""

from __future__ import annotations

import re
from typing import Final

from cgbot.errors import CgbotError

GO_AHEAD: Final = "354 end the message with <CRLF>.<CRLF>"
OK: Final = "250 2.0.0 ok"
BYE: Final = "221 2.0.0 goodbye"
SENDER_OK: Final = "250 2.1.0 ok"
RECIPIENT_OK: Final = "250 2.1.5 ok"
VERIFY: Final = "252 2.5.0 send a message and see"
HELP: Final = "214 2.0.0 see RFC 5321; the people here read mail to postmaster"
START_TLS: Final = "220 2.0.0 ready to start TLS"

NOT_SMTP: Final = "554 5.5.1 this is a mail server"
TALKS_EARLY: Final = "554 5.5.1 wait for the greeting before you talk"
UNKNOWN_COMMAND: Final = "500 5.5.2 unknown command"
COMMAND_ENDING: Final = "500 5.5.2 a command ends with CRLF and holds no bare CR and no NUL"
EMPTY_COMMAND: Final = "500 5.5.2 an empty line is no command"
NOT_ASCII: Final = "500 5.5.2 a command is ASCII, its argument UTF-8"
NOT_IMPLEMENTED: Final = "502 5.5.1 not implemented"
NO_ARGUMENT: Final = "501 5.5.4 this command takes no argument"
HELLO_ARGUMENT: Final = "501 5.5.4 name yourself"
HELLO_FIRST: Final = "503 5.5.1 greet first"
MAIL_FIRST: Final = "503 5.5.1 MAIL comes first"
RECIPIENT_FIRST: Final = "503 5.5.1 no recipient was accepted"
NESTED_MAIL: Final = "503 5.5.1 one MAIL at a time"
MAIL_SYNTAX: Final = "501 5.5.4 the form is MAIL FROM:<address> [SIZE=n] [BODY=8BITMIME] [SMTPUTF8]"
RECIPIENT_SYNTAX: Final = "501 5.5.4 the form is RCPT TO:<address>"
BAD_PARAMETER: Final = "555 5.5.4 a parameter is not known here"
BODY_KINDS: Final = "501 5.5.4 BODY is 7BIT or 8BITMIME"
SENDER_ADDRESS: Final = "553 5.1.7 this is no address"
RECIPIENT_ADDRESS: Final = "553 5.1.3 this is no address"
NEEDS_UTF8: Final = "553 5.6.7 an address beyond ASCII needs SMTPUTF8"
NO_TLS: Final = "454 4.7.0 TLS is not available"
TLS_ALREADY: Final = "503 5.5.1 TLS is already on"
TLS_INJECTION: Final = "554 5.5.1 nothing may follow STARTTLS before TLS is on"

BARE_LINE_END: Final = "550 5.6.0 the message holds a bare CR or a bare LF; a line ends with CRLF"
NUL: Final = "550 5.6.0 the message holds a NUL octet"

FAULT: Final = "451 4.3.0 a fault on our side; try again later"
DISK_FULL: Final = "452 4.3.1 the disk is nearly full; try again later"
MEMORY_FULL: Final = "452 4.3.1 too many messages are being received; try again later"
CLOSING: Final = "421 4.3.2 the service is closing; try again later"
IDLE_COMMANDS: Final = "421 4.7.0 too many commands without a message"

_UNSAFE = re.compile(r"[^\x20-\x7e]+")


def line_too_long(limit: int) -> str:
    """A line of the message is over the limit."""
    return f"500 5.5.6 a line of the message is longer than {limit} octets"


def too_large(limit: int) -> str:
    """The message is over the limit, declared or counted (RFC 1870 section 6)."""
    return f"552 5.3.4 the message is larger than {limit} octets"


def command_too_long(limit: int) -> str:
    """A command line is over the limit."""
    return f"500 5.5.2 a command is at most {limit} octets long"


def too_many_recipients(limit: int) -> str:
    """RFC 5321 section 4.5.3.1.10: the sender tries the rest again."""
    return f"452 4.5.3 at most {limit} recipients at a time"


def too_many_errors(limit: int) -> str:
    """The client has been refused too often."""
    return f"421 4.7.0 {limit} errors are too many"


def too_many_connections(limit: int, whose: str) -> str:
    """`whose` is "in all" or "from your address"."""
    return f"421 4.7.0 at most {limit} connections {whose}; try again later"


def idle(seconds: float) -> str:
    """No command, or no octet of the message, came in time."""
    return f"421 4.4.2 nothing heard for {seconds:g} seconds"


def data_took_too_long(seconds: float) -> str:
    """The whole message took longer than allowed."""
    return f"421 4.4.2 a message may take at most {seconds:g} seconds"


def too_slow(rate: int) -> str:
    """The message came too slowly."""
    return f"421 4.4.2 slower than {rate} octets a second"


def taken(arrival_id: int) -> str:
    """The message is durable."""
    return f"250 2.0.0 {arrival_id} taken"


def for_error(error: BaseException) -> str:
    """
    The reply for what our own side raised: its own status and public text, or a temporary failure for a bug.

    A full disk anywhere among the causes is named (RFC 3463 X.3.1).
    """
    if not isinstance(error, CgbotError):
        return DISK_FULL if _disk_is_full(error) else FAULT
    if _disk_is_full(error):
        return DISK_FULL
    return clean(f"{error.smtp} {error.public}")


def clean(text: str) -> str:
    """One line of printable ASCII, at most 500 octets (RFC 5321 section 4.5.3.1.5)."""
    return _UNSAFE.sub("?", text)[:500]


def _disk_is_full(error: BaseException | None) -> bool:
    for _ in range(10):
        if error is None:
            return False
        if "disk is full" in str(error) or "No space left" in str(error):
            return True
        error = error.__cause__ or getattr(error, "orig", None)
    return False
