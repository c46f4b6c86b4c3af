"""
What a refusal means for the address: hard, soft or content (pure rules: RFC 3463, RFC 5248, RFC 7504).

`hard`: nobody gets mail there, now or later. `soft`: it may pass (a full mailbox, a server that is down, a reason that
nobody gives). `content`: this mail or its sender was not wanted (spam, policy, authentication, size), which says
nothing about the address. Servers are generous with codes and honest in words, so words of content and of what passes
count before the code; a server that does not know the user only after it has read the mail refuses the mail. The words
are those that common mail servers ship.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

Verdict = Literal["hard", "soft", "content"]

_CODE: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_REPLY: Final = re.compile(r"(?<![\d.@-])([245])\d\d(?=[ \t:,;-]|$)")
_LONGEST: Final = 4000


def _words(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


# The mail or its sender: filters, blocklists, authentication (RFC 7372), relaying, size, form.
_CONTENT: Final = _words(
    r"\bspam", r"\bvirus", r"\bUBE\b", r"\bbulk\b", r"\bphish", r"\bmalware",
    r"black ?list", r"block ?list", r"\bblocked\b(?!\. LPN)", r"\bRBL\b", r"\bDNSBL", r"spamhaus", r"\bsorbs\b",
    r"reputation", r"\bbanned\b",
    r"\bpolic(?:y|ies)\b", r"\bSPF\b", r"\bDKIM\b", r"\bDMARC\b", r"authenticat", r"Purported",
    r"\bPTR\b", r"reverse (?:DNS|lookup)", r"client ip\b", r"client host rejected",
    r"\bHELO\b.{0,40}(?:reject|invalid)",
    r"\brelay(?:ing)?\b", r"(?:after|in reply to) MAIL FROM", r"\bFrom: Domain",
    r"not (?:permitted|allowed) to (?:send|post)", r"you are not (?:allowed|permitted)", r"may not have permission",
    r"sender (?:address )?(?:is )?(?:rejected|denied|invalid|verify|blocked)", r"verif\w+ (?:failed|of sender)",
    r"not verified",
    r"content (?:reject|filter|scan|polic|not)", r"(?:message|mail|its|your) content", r"\bfiltered\b",
    r"message rejected", r"not RFC", r"multiple addresses in From",
    r"(?:message|mail|header|size)s? (?:is |are )?(?:too (?:large|big|long)|exceeds)", r"size limit",
    r"(?:message|mail) (?:length|size)\b",
    r"(?:attachment|file)s? (?:type |name )?(?:is |are )?(?:not|reject|block|forbid)", r"not authorized",
    r"too many hops", r"duplicated message-id",
    r"(?:mail|message) (?:was |is )?(?:not accepted|refused|denied)", r"volume or user complaints",
    r"your (?:ip|host|network|domain)\b",
)  # fmt: skip
# The mailbox or the server, for now.
_PASSES: Final = _words(
    r"quota", "一杯", r"mailbox (?:is )?full", r"is full\b", r"full mailbox", r"out of storage", r"mailfull",
    r"disk (?:space|full)", r"too much mail", r"over\w* (?:storage|limit)",
    r"insufficient (?:system |disk )?(?:storage|space)",
    r"(?:mailbox|account|recipient)\b.{0,40}(?:suspend|disabled|frozen|inactive|blocked|locked|bloque)",
    r"(?:disabled|inactive|suspended) (?:recipient|mailbox|account|user)", r"timed? ?-?out", r"expired",
    r"retry time", r"too long",
    r"connection (?:refused|reset|lost)", r"no route to host", r"network is unreachable", r"temporar",
    r"try (?:again )?later", r"not found, try again", r"couldn'?t create", r"(?:mailer|system) error",
    r"\b550:? : User unknown",  # a Japanese operator's filter says just this
    r"has been (?:in the queue|unable)", r"could not be delivered for",
    r"service (?:is )?(?:currently )?unavailable", r"service not available",
)  # fmt: skip
# The address, for good.
_NOBODY: Final = _words(
    r"user(?:name)? (?:is )?unknown", r"unknown (?:user|recipient|address|local|mailbox|or illegal)",
    r"no such (?:user|address|mailbox|person|recipient|local|account)",
    r"(?:recipient|address|user|mailbox|account|alias)\b.{0,80}\b(?:does not|doesn'?t|do not|did not|not)"
    r" (?:exist|found|known|recogni)",
    r"doesn'?t have an? .{0,60}account",
    r"not (?:a )?(?:known|valid|registered|our|listed)\b.{0,20}(?:user|customer|mailbox|recipient|address)",
    r"invalid (?:recipient|mailbox|address|user|final delivery)", r"bad (?:destination|recipient|address)",
    r"recipient (?:not found|invalid)",
    r"recipient\s+address\s+rejected(?:[. ]*$|: *(?:access denied|undeliverable|unknown))", r"no valid recipient",
    "見つかりません", "存在しません",
    r"mailbox (?:unavailable|not found|unknown)", r"RecipN\w*NotFound|RecipNotFound|RecipientNotFound",
    r"user not found", r"no (?:mailbox|account) (?:here|by|with)",
    r"no longer (?:on|valid|active|available|with|works|employed)", r"has moved", r"not listed in", r"unrouteable",
    r"(?:address|e-?mail) (?:you|that).{0,60}(?:typo|misspel|does not exist)", r"this user doesn",
    r"not our customer", r"isn'?t (?:a |in )",
)  # fmt: skip
_DEFINITE: Final = _words(r"doesn'?t have an? .{0,60}account")  # said after the mail too, and meant
_NO_HOST: Final = _words(
    r"(?:host|domain)(?: name)? (?:is )?(?:unknown|not found|invalid|does not exist)",
    r"(?:unknown|invalid|no such) (?:host|domain)", r"host or domain name not found", r"no such domain",
    r"couldn'?t find any host", r"unrouteable (?:mail )?domain", r"(?:does not|doesn'?t|not) accept (?:any )?mail\b",
    r"null mx", r"name server.{0,30}not found", r"domain name.{0,40}not.{0,10}exist",
    r"nullMX", r"no mx record", r"no mail exchanger", r"cannot find.{0,30}(?:domain|host)",
    r"cannot be resolved|could not be resolved",
)  # fmt: skip
# In reply to what the server said it: after the whole mail.
_AFTER_DATA: Final = _words(
    r"in reply to (?:end of )?DATA", r"after end of data", r">>> ?(?:DATA|\.)[^\n]*\s+<<< ?(?!503)[45]",
    r"like our (?:final )?DATA",
    r"SMTP command\s+DATA\b",
)  # fmt: skip
_AT_RCPT: Final = _words(r">>> ?RCPT[^\n]*\s+<<< ?[45]", r"<<< ?503\b", r"no valid recipients")  # no recipient was left
_URL: Final = re.compile(r"(https?://[^/\s]+)\S*")
_ADDRESS: Final = re.compile(r"<?[^\s<>@:;,]+@[^\s<>@:;,]+>?")

_BY_CODE: Final = MappingProxyType[str, Verdict]({
    "1.0": "soft", "1.7": "content", "1.8": "content", "1.9": "soft", "2.1": "hard", "2.3": "content",
    "3.2": "soft", "3.3": "content", "3.4": "content", "4.4": "hard", "4.6": "content", "7.27": "hard", "7.13": "soft",
})  # fmt: skip
_BY_SUBJECT: Final = MappingProxyType[str, Verdict](
    {"1": "hard", "2": "soft", "3": "soft", "4": "soft", "5": "soft", "6": "content", "7": "content"}
)
_NO_SUCH_USER: Final = frozenset({"5.1.1", "5.1.6", "5.1.10"})  # with words to the same effect: whatever else is said
_HOST_TAKES_NONE: Final = frozenset({"521", "556"})  # RFC 7504


@dataclass(frozen=True, slots=True)
class Report:
    """
    One recipient, "" where it cannot be read.

    `action` is failed, delayed, delivered, relayed or expanded; `status` as `5.1.1`, "" if unknown; `after_data`: the
    refusal came when the server had read the mail; `notice` what is told beside the diagnostic where that says nothing.
    """

    recipient: str
    action: str
    status: str
    diagnostic: str
    after_data: bool = False
    notice: str = field(default="", compare=False)

    @property
    def verdict(self) -> Verdict | None:
        """What it means for the address; None when nothing has failed."""
        if self.action == "delayed":
            return "soft"
        words = f"{self.diagnostic} {self.notice}"
        return judge(self.status, words, after_data=self.after_data) if self.action == "failed" else None


def judge(status: str, words: str, *, after_data: bool = False) -> Verdict:
    """
    Say what a refusal with this enhanced status ("" when unknown) and these words means for the address.

    `after_data`: the server refused after it had read the mail.
    """
    said = _URL.sub(r"\1", _ADDRESS.sub("<>", words[:_LONGEST]))
    if _PASSES.search(said):
        return "soft"
    if status in _NO_SUCH_USER and _NOBODY.search(said) and not after_data:
        return "hard"
    if _CONTENT.search(said):
        return "content"
    if _NOBODY.search(said) or _NO_HOST.search(said):
        return "soft" if after_data and not _DEFINITE.search(said) else "hard"
    if status.startswith("4"):
        return "soft"
    reply = _REPLY.search(said)
    return "hard" if reply and reply[0] in _HOST_TAKES_NONE else _by_code(status)


def says_something(words: str) -> bool:
    """Say whether these words speak of a refusal at all."""
    return any(one.search(words[:_LONGEST]) for one in (_PASSES, _CONTENT, _NOBODY, _NO_HOST))


def is_after_data(notice: str) -> bool:
    """Say whether a notice tells that the server refused after it had read the mail."""
    return bool(_AFTER_DATA.search(notice)) and not _AT_RCPT.search(notice)


def _by_code(status: str) -> Verdict:
    _, _, rest = status.partition(".")
    subject = rest.partition(".")[0]
    return _BY_CODE.get(rest) or _BY_SUBJECT.get(subject, "soft")


def status_of(field: str, words: str) -> str:
    """Give the code of RFC 3463: the field's own, that of the words where it says no more than the class."""
    own, said = _CODE.search(field), _CODE.search(words)
    if own and (own.group(2, 3) != ("0", "0") or said is None or said[1] != own[1]):
        return own[0]
    if said:
        return said[0]
    reply = _REPLY.search(field) or _REPLY.search(words)
    return f"{reply[1]}.0.0" if reply else ""
