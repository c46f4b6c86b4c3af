"""
What happens to a message that was sent to a group's posting address (pure rules).

RULES is the policy, read from top to bottom: each rule that fires gives its verdict with a reason, the first one
decides and all of them are shown to the conveners, in the whole table. Accept archives and distributes, hold waits for
a convener, discard tells nobody. Nothing is rejected here: a refusal belongs into the SMTP dialogue (posts.gate), later
it would be backscatter. docs/moderation.md is written from this table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from cgbot.groups.post_policy import PostPolicy
from cgbot.groups.roles import CONVENERS, may


class Action(StrEnum):
    """The disposition of an arrival."""

    ACCEPT = "accept"
    HOLD = "hold"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Submission:
    """Everything that the rules look at; what stands below `policy` is asked of the database and of the parts."""

    author: str  # the one address of the From field, "" where there is none
    role: str  # the author's role in the group, "" for somebody who is not a member
    gate: str  # "hold:…" or "discard:…" where the gate could not refuse; "approved:WHO" after a convener's yes
    own_copy: bool  # our own List-Id: the message has been through this list
    automatic: bool  # Auto-Submitted, a vacation notice, a delivery report (RFC 3834)
    generated: bool  # of these: written by a program on its own account, not as an answer
    known_id: bool  # the group has another message with this Message-ID
    command: str  # the word, where the whole message is a list command
    size: int  # octets
    max_size: int  # octets
    posting: str  # who may post: "members", "anyone" or "conveners"
    policy: PostPolicy
    standing: str = ""  # of a member: "free" or "held" where a convener has said so
    sender: str = ""  # what the group has decided about the address or its domain: "allow", "hold" or "ban"
    checked: bool = False  # something here authenticates mail
    proven: bool = False  # the author has proved to have written it
    emergency: str = ""  # since when every post is held, "" in normal times
    earlier_posts: int = 0  # of the author, counted up to policy.first_posts
    held_files: tuple[str, ...] = ()  # names of attachments that policy.attachments_held lists
    recipients: int = 1  # addresses in To and Cc
    names_list: bool = True  # one of them is the group's
    author_posts: int = 0  # within the last hour
    thread_posts: int = 0
    one_time: bool = False  # it names a reply address that still vouches for somebody


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says, with its name and a reason for people."""

    action: Action
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict that counts, and all that fired in the order of the rules."""

    verdict: Verdict
    hits: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `asks` says in words when it fires, `fires` gives the reason or ""."""

    name: str
    action: Action
    asks: str
    fires: Callable[[Submission], str]


@dataclass(frozen=True, slots=True)
class Row:
    """A rule as the table of one message shows it; `reason` is "" where it did not fire."""

    rule: str
    action: str
    asks: str
    reason: str


ACCEPTED: Final = Verdict(Action.ACCEPT, "accept", "a member's post")
_MAY_POST: Final = "conveners, secretaries and members"
_SHOWN_FILES: Final = 5
# What the gate's rules mean, for people.
_GATE: Final = MappingProxyType(
    {
        "hops": "more servers have taken it than a mail ever needs: a mail loop",
        "loop": "it has been on the list already: a mail loop",
        "header-size": "its header is larger than this service reads",
        "from": "it does not have exactly one From field",
        "null-sender": "its return path is empty: a report or a robot's answer",
        "size": "it is larger than this group takes",
        "automatic": "a robot cannot give commands",
    }
)


def judge(submission: Submission) -> Judgement:
    """Ask every rule; the first that fires decides, none means accept."""
    hits = tuple(Verdict(rule.action, rule.name, reason) for rule in RULES if (reason := rule.fires(submission)))
    return Judgement(hits[0] if hits else ACCEPTED, hits)


def table(hits: Iterable[Verdict]) -> tuple[Row, ...]:
    """The whole table with the reasons of what fired; what is no rule of posts stands above it."""
    reasons = {(hit.rule, str(hit.action)): hit.reason for hit in hits}
    known = {(rule.name, str(rule.action)) for rule in RULES}
    others = [Row(name, action, reason, reason) for (name, action), reason in reasons.items()
              if (name, action) not in known]  # fmt: skip
    rows = [Row(one.name, str(one.action), one.asks, reasons.get((one.name, str(one.action)), "")) for one in RULES]
    return (*others, *rows)


# ------------------------------------------------------------------------------------------------------- the rules


def own_copy(submission: Submission) -> str:
    """A loop: the list must not feed itself."""
    return "the message has been through this list already" if submission.own_copy else ""


def approved(submission: Submission) -> str:
    """Somebody who may has read it and let it through."""
    action, _, who = submission.gate.partition(":")
    return f"approved by {who}" if action == "approved" else ""


def banned(submission: Submission) -> str:
    """A convener has banned the address or its domain."""
    return "the conveners have banned this sender" if submission.sender == "ban" else ""


def dropped_by_gate(submission: Submission) -> str:
    """What would have been refused in the SMTP dialogue, but came through a front server."""
    return _gate(submission, Action.DISCARD)


def robot(submission: Submission) -> str:
    """Vacation notices and delivery reports are nobody's contribution; a convener's program may write."""
    if submission.automatic and not (submission.generated and submission.role in CONVENERS):
        return "an automatic message (RFC 3834), not written to the group by a person"
    return ""


def held_by_gate(submission: Submission) -> str:
    """The same, where a person may have written it."""
    return _gate(submission, Action.HOLD)


def _gate(submission: Submission, wanted: Action) -> str:
    action, _, rule = submission.gate.partition(":")
    return _GATE.get(rule, rule) if action == wanted else ""


def no_author(submission: Submission) -> str:
    """Without one author nobody can be asked or answered."""
    return "" if submission.author else "the From field does not name exactly one author"


def unproven(submission: Submission) -> str:
    """A sender's address alone proves nothing; asked of those whose posts would otherwise go out."""
    trusted = bool(submission.role) or submission.sender == "allow"
    if not trusted or submission.proven or not submission.checked or submission.policy.unproven == "accept":
        return ""
    return f"nothing proves that {submission.author} wrote it (no aligned DKIM signature or SPF result)"


def other_content(submission: Submission) -> str:
    """The same Message-ID with other content is never distributed unasked."""
    return "another message with the same Message-ID is in the archive" if submission.known_id else ""


def too_large(submission: Submission) -> str:
    """The group's own limit, where it is below that of the service."""
    if submission.size <= submission.max_size:
        return ""
    return f"{submission.size:,} octets; this group takes posts of up to {submission.max_size:,}"


def in_emergency(submission: Submission) -> str:
    """Every post waits, also a convener's."""
    return submission.emergency


def held_sender(submission: Submission) -> str:
    """A convener wants to see what this person or address writes."""
    if submission.standing == "held" or submission.sender == "hold":
        return "the conveners want to see what this author writes"
    return ""


def non_member(submission: Submission) -> str:
    """Only members post, and those whom the conveners have allowed."""
    if submission.posting == "anyone" or submission.role or submission.sender == "allow":
        return ""
    return "the author is not a member of the group"


def conveners_only(submission: Submission) -> str:
    """A list for announcements."""
    if submission.posting != "conveners" or not submission.role or submission.role in CONVENERS:
        return ""
    return "" if _is_free(submission) else "only conveners post to this group"


def role(submission: Submission) -> str:
    """Observers read and listen."""
    if submission.posting != "members" or not submission.role or may(submission.role, "post") or _is_free(submission):
        return ""
    return f"the author is {submission.role} in the group; {_MAY_POST} post"


def first_posts(submission: Submission) -> str:
    """A new member's first posts are read by a convener, until there are enough of them."""
    wanted = submission.policy.first_posts
    if not submission.role or submission.role in CONVENERS or _is_free(submission):
        return ""
    if submission.earlier_posts >= wanted:
        return ""
    return f"post {submission.earlier_posts + 1} of a new member; the conveners read the first {wanted}"


def _is_free(submission: Submission) -> bool:
    """A convener has let the author post from now on."""
    return submission.standing == "free" or submission.sender == "allow"


def attachments(submission: Submission) -> str:
    """Programs, and whatever else the group wants to look at first."""
    if not submission.held_files:
        return ""
    names = ", ".join(submission.held_files[:_SHOWN_FILES])
    more = len(submission.held_files) - _SHOWN_FILES
    return f"an attachment of a kind that is held: {names}{f' and {more} more' if more > 0 else ''}"


def list_command(submission: Submission) -> str:
    """A command that was sent to the whole list by mistake."""
    return f"looks like the command {submission.command!r}, sent to the whole list" if submission.command else ""


def too_many_recipients(submission: Submission) -> str:
    """A mail to half the world is rarely one to the group."""
    most = submission.policy.most_recipients
    return f"{submission.recipients} addresses in To and Cc; up to {most} are usual" if (
        most and submission.recipients > most
    ) else ""  # fmt: skip


def blind_copy(submission: Submission) -> str:
    """Spam hides whom it is for."""
    if submission.names_list or submission.policy.bcc == "accept":
        return ""
    return "neither To nor Cc names the list"


def flood(submission: Submission) -> str:
    """One author, or a program in their name, writes without end."""
    most = submission.policy.most_an_hour
    if not most or submission.author_posts < most:
        return ""
    return f"{submission.author_posts} posts of this author went out within the last hour; up to {most} do unasked"


def storm(submission: Submission) -> str:
    """Everybody answers everybody, or two robots each other."""
    most = submission.policy.thread_most_an_hour
    if not most or submission.thread_posts < most:
        return ""
    return f"{submission.thread_posts} posts of this thread went out within the last hour; up to {most} do unasked"


def names_one_time_address(submission: Submission) -> str:
    """An answer to one of our mails, or a copy of it, that went to the whole list."""
    if not submission.one_time:
        return ""
    return "it names a one-time reply address, with which its readers could answer for somebody; approved, that ends"


# The order is the policy: what is discarded stands above what is held; each line can be read aloud.
RULES: Final[tuple[Rule, ...]] = (
    Rule("loop", Action.DISCARD, "it has been through this list already", own_copy),
    Rule("approved", Action.ACCEPT, "a convener, or its author when asked, has said yes to it", approved),
    Rule("banned", Action.DISCARD, "the conveners have banned the sender or the sender's domain", banned),
    Rule("gate-discard", Action.DISCARD, "it would have been refused; a front server had taken it", dropped_by_gate),
    Rule("robot", Action.DISCARD, "it is an automatic answer, or a program wrote it, not a convener's", robot),
    Rule("command", Action.DISCARD, "it is a list command, sent to everybody; its author is answered", list_command),
    Rule("gate-hold", Action.HOLD, "it would have been refused, and a person may have written it", held_by_gate),
    Rule("author", Action.HOLD, "it does not name exactly one author", no_author),
    Rule("unproven", Action.HOLD, "nothing proves that this member wrote it; the member is asked", unproven),
    Rule("one-time", Action.HOLD, "it names a one-time reply address of somebody", names_one_time_address),
    Rule("message-id", Action.HOLD, "another message has the same Message-ID", other_content),
    Rule("size", Action.HOLD, "it is larger than the group takes", too_large),
    Rule("emergency", Action.HOLD, "every post is held for the time being", in_emergency),
    Rule("held-sender", Action.HOLD, "the conveners want to see what this author writes", held_sender),
    Rule("non-member", Action.HOLD, "the author is neither a member nor allowed to post", non_member),
    Rule("conveners-only", Action.HOLD, "only conveners post to this group", conveners_only),
    Rule("role", Action.HOLD, "the author is an observer", role),
    Rule("first-posts", Action.HOLD, "it is one of the first posts of a new member", first_posts),
    Rule("attachments", Action.HOLD, "it carries a program, or another file that is held", attachments),
    Rule("recipients", Action.HOLD, "it goes to unusually many addresses", too_many_recipients),
    Rule("bcc", Action.HOLD, "neither To nor Cc names the list (where the group asks for it)", blind_copy),
    Rule("flood", Action.HOLD, "its author has written very much within the last hour", flood),
    Rule("storm", Action.HOLD, "very much was written in its thread within the last hour", storm),
)  # fmt: skip
