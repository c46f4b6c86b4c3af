"""
What happens to a message that was sent to a group's posting address (pure rules).

RULES is the policy, read from top to bottom: each rule that fires gives a verdict with a reason, the first one decides
and all of them are shown to the conveners. Accept archives and distributes, hold waits for a convener, discard tells
nobody. Nothing is rejected here: a refusal belongs into the SMTP dialogue (posts.gate), later it would be backscatter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cgbot.groups.roles import CONVENERS, may


class Action(StrEnum):
    """The disposition of an arrival."""

    ACCEPT = "accept"
    HOLD = "hold"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Submission:
    """Everything that the rules look at."""

    author: str  # the one address of the From field, "" where there is none
    role: str  # the author's role in the group, "" for somebody who is not a member
    gate: str  # "hold:…" or "discard:…" where the gate could not refuse; "approved:WHO" after a convener's yes
    own_copy: bool  # our own List-Id: the message has been through this list
    automatic: bool  # Auto-Submitted, a vacation notice, a delivery report (RFC 3834)
    known_id: bool  # the group has another message with this Message-ID
    command: str  # the word, where the whole message is a list command
    size: int  # octets
    max_size: int  # octets
    posting: str  # who may post: "members", "anyone" or "conveners"


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


Rule = Callable[[Submission], Verdict | None]
_MAY_POST: Final = "conveners, secretaries and members"
ACCEPTED: Final = Verdict(Action.ACCEPT, "accept", "a member's post")


def judge(submission: Submission) -> Judgement:
    """Ask every rule; the first that fires decides, none means accept."""
    hits = tuple(hit for rule in RULES if (hit := rule(submission)) is not None)
    return Judgement(hits[0] if hits else ACCEPTED, hits)


def own_copy(submission: Submission) -> Verdict | None:
    """A loop: the list must not feed itself."""
    if submission.own_copy:
        return Verdict(Action.DISCARD, "loop", "the message has been through this list already")
    return None


def approved(submission: Submission) -> Verdict | None:
    """A convener has read it and let it through."""
    action, _, who = submission.gate.partition(":")
    return Verdict(Action.ACCEPT, "approved", f"approved by {who}") if action == "approved" else None


def from_the_gate(submission: Submission) -> Verdict | None:
    """What would have been refused in the SMTP dialogue, but came through a front server."""
    action, _, reason = submission.gate.partition(":")
    if action in (Action.HOLD, Action.DISCARD):
        return Verdict(Action(action), "gate", reason)
    return None


def robot(submission: Submission) -> Verdict | None:
    """Vacation notices and delivery reports are nobody's contribution."""
    if submission.automatic and submission.role not in CONVENERS:
        return Verdict(Action.DISCARD, "robot", "an automatic message (RFC 3834), not written to the group by a person")
    return None


def too_large(submission: Submission) -> Verdict | None:
    """The group's own limit, where it is below that of the service."""
    if submission.size > submission.max_size:
        return Verdict(
            Action.HOLD, "size", f"{submission.size:,} octets; this group takes posts of up to {submission.max_size:,}"
        )
    return None


def no_author(submission: Submission) -> Verdict | None:
    """Without one author nobody can be asked or answered."""
    if not submission.author:
        return Verdict(Action.HOLD, "author", "the From field does not name exactly one author")
    return None


def other_content(submission: Submission) -> Verdict | None:
    """The same Message-ID with other content is never distributed unasked."""
    if submission.known_id:
        return Verdict(Action.HOLD, "message-id", "another message with the same Message-ID is in the archive")
    return None


def list_command(submission: Submission) -> Verdict | None:
    """A command that was sent to the whole list by mistake."""
    if submission.command:
        return Verdict(Action.HOLD, "command", f"looks like the command {submission.command!r}, sent to the whole list")
    return None


def not_allowed_to_post(submission: Submission) -> Verdict | None:
    """The group's posting rule."""
    if submission.posting == "anyone":
        return None
    if not submission.role:
        return Verdict(Action.HOLD, "non-member", "the author is not a member of the group")
    if submission.posting == "conveners" and submission.role not in CONVENERS:
        return Verdict(Action.HOLD, "conveners-only", "only conveners post to this group")
    if not may(submission.role, "post"):
        return Verdict(Action.HOLD, "role", f"the author is {submission.role} in the group; {_MAY_POST} post")
    return None


RULES: Final[tuple[Rule, ...]] = (
    own_copy,
    approved,
    from_the_gate,
    robot,
    too_large,
    no_author,
    other_content,
    list_command,
    not_allowed_to_post,
)
