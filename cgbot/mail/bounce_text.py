"""
Bounces that are no delivery reports: what a server tells in prose (pure rules).

Reads Exim's X-Failed-Recipients, what flufl.bounce recognises of some thirty servers, and else the addresses that a
mail daemon names before the copy of our mail. What each server said is the passage around the address. flufl.bounce
raises on some mail and believes what it reads, so it is kept in here, sees a bounded part, and its findings must be
addresses. An answer that a person's program wrote (vacation, out of office, challenge) never is a bounce.
"""

from __future__ import annotations

import email
import logging
import re
from typing import Final

from flufl.bounce import all_failures

from cgbot.mail import address, refusals
from cgbot.mail.address import parse_mailboxes
from cgbot.mail.message import Message
from cgbot.mail.refusals import Report

_OCTETS: Final = 200_000
_NOTICE: Final = 20_000
_MOST: Final = 50
_PASSAGE: Final = 12  # lines around an address
_COPY: Final = re.compile(
    r"^[ \t]*(?:[-=_*]{2,80}[^\n]{0,80}(?:cop(?:y|ies)|original|returned|unsent|mail info|below this line)[^\n]*"
    r"|[-=_*]{2,80}[^\n]{0,80}message (?:header|follow)[^\n]*"
    r"|(?:the )?(?:original |returned )?message headers? follow[^\n]*|original message:?"
    r"|(?:Return-Path|Received):[^\n]*|original (?:message|mail) (?:follows|as follows|headers)[^\n]*"
    r"|below is a copy[^\n]*|[^\n]{0,60}copy of (?:the|your) (?:original )?message[^\n]*|original-recipient:[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_OF_SENDER: Final = re.compile(
    r"^[ \t]*(?:mail from|from|cc|reply-to|message-id):[^\n]*$", re.IGNORECASE | re.MULTILINE
)
_DAEMONS: Final = (
    "mailer-daemon", "mail-daemon", "mailerdaemon", "postmaster", "post_master", "mmdf", "uucp", "mailadmin",
    "mail-admin",
)  # fmt: skip
_SUBJECT: Final = re.compile(
    r"undeliver|returned mail|failure notice|delivery (?:status|fail|notif|problem|report|has)|error sending"
    r"|loop alert|(?:mail|delivery|message) (?:system )?(?:fail|error)|not delivered|could not|unzustellbar"
    r"|non remis|メールエラー",
    re.IGNORECASE,
)
_SAID: Final = re.compile(r"could not be delivered to|unable to deliver|delivery has failed", re.IGNORECASE)
_BY_PROGRAM: Final = re.compile(
    r"^\W*(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response|antwort)|auto:"
    r"|out of (?:the )?office|away from|vacation"
    r"|on leave|abwesen|réponse automatique|absence|fuera de la oficina|respuesta automática|please confirm|challenge)",
    re.IGNORECASE,
)
_DELAY: Final = re.compile(
    r"\bwarning\b|(?:is|been) delayed|delivery delay|temporary failure report|still trying"
    r"|(?:will|to) (?:continue|keep|retry)|will be retried|do not need to re-?send",
    re.IGNORECASE,
)
_FOR_GOOD: Final = re.compile(
    r"permanent (?:error|failure)|given up|giving up|gave up|couldn'?t be delivered", re.IGNORECASE
)

# flufl.bounce logs what it raises, with the hostile mail's traceback; here that is no news.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)


def is_auto_reply(message: Message) -> bool:
    """Say whether a person's program answered for them (RFC 3834), which some servers send from the null sender."""
    if any(message.header(name) for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder")):
        return True
    if _BY_PROGRAM.search(message.subject):
        return True
    submitted = message.header("Auto-Submitted").lower()
    return "auto-replied" in submitted and "vacation" in submitted + message.header("User-Agent").lower()


def read(message: Message) -> tuple[Report, ...]:
    """Read who did not get our mail; () for anything that is no bounce."""
    if is_auto_reply(message):
        return ()
    notice = notice_of(message)
    failed = [box.address for box in parse_mailboxes(message.header("X-Failed-Recipients"))]
    delayed: list[str] = []
    if not failed:
        delayed, failed = _recognised(message.raw)
    if not failed and not delayed and _is_from_daemon(message):
        named = _named(message, notice) or ([""] if refusals.says_something(notice) else [])
        is_late = _DELAY.search(notice) and not _FOR_GOOD.search(notice)
        delayed, failed = (named, []) if is_late else ([], named)
    found = [(one, "failed") for one in failed[:_MOST]] + [(one, "delayed") for one in delayed[:_MOST]]
    everybody = frozenset(one.lower() for one, _ in found)
    return tuple(_report(one, action, notice, everybody) for one, action in found)


def said_about(text: str, recipient: str, everybody: frozenset[str] = frozenset()) -> str:
    """Give the passage of a notice that speaks of a recipient: from where it is named, up to another one of them."""
    lines = text.splitlines()
    wanted = recipient.lower()
    at = next((place for place, line in enumerate(lines) if wanted and wanted in line.lower()), None)
    if at is None:
        return ""
    others = everybody - {wanted}
    end = at + 1
    while end < len(lines) and end - at < _PASSAGE and not _ends(lines[end].lower(), others):
        end += 1
    return "\n".join(lines[at:end])


def _ends(line: str, others: frozenset[str]) -> bool:
    """Say whether something else begins here: another recipient, or a dialogue with another server."""
    return "while talking to" in line or any(one in line for one in others)


def notice_of(message: Message) -> str:
    """The words before the copy of our mail."""
    text = message.text[:_NOTICE]
    copy = _COPY.search(text)
    return text[: copy.start()] if copy and text[: copy.start()].strip() else text


def _recognised(raw: bytes) -> tuple[list[str], list[str]]:
    """What flufl.bounce finds: (delayed, failed)."""
    bounded = raw[:_OCTETS].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        delayed, failed = all_failures(email.message_from_bytes(bounded))
    except Exception:  # noqa: BLE001 - hostile mail: it raises IndexError, AttributeError and others
        return [], []
    return _valid(delayed), _valid(failed)


def _valid(found: frozenset[bytes]) -> list[str]:
    texts = sorted(one.decode("utf-8", "replace") for one in found)
    return [one for one in texts if address.is_valid(one)]


def _is_from_daemon(message: Message) -> bool:
    authors = " ".join(value[:500].lower() for value in message.headers("From"))
    if any(name in authors for name in _DAEMONS) or "<>" in authors:
        return True
    return bool(_SUBJECT.search(message.subject) or _SAID.search(message.text[:500]))


def _named(message: Message, notice: str) -> list[str]:
    """The addresses that a notice names, without those of its own header."""
    own = {box.address.lower() for box in (*message.authors, *message.to, *message.sender, *message.reply_to)}
    found = dict.fromkeys(match[0] for match in _ADDRESS.finditer(_OF_SENDER.sub("", notice)))
    named = [one for one in found if one.lower() not in own and address.is_valid(one)]
    others = frozenset(one.lower() for one in named)
    refused = [one for one in named if refusals.says_something(said_about(notice, one, others))]
    return [one for one in refused or named if not one.lower().startswith(_DAEMONS)]


def _report(recipient: str, action: str, notice: str, everybody: frozenset[str]) -> Report:
    passage = said_about(notice, recipient, everybody)
    passage = passage if refusals.says_something(passage) else notice
    status = refusals.status_of("", passage) or refusals.status_of("", notice)
    after_data = refusals.is_after_data(notice if len(everybody) == 1 else passage)
    return Report(recipient, action, status, " ".join(passage.split()), after_data)
