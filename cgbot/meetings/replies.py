"""
Answers to invitations (use case; PURPOSES meetings).

The address names the subscriber by a signed part, the mail is from whom a trusted server says it is: both are
"verified", the address alone is "unverified" (it counts, and the subscriber is told in one line, so that a forgery is
seen), neither changes nothing. Answers are ordered per attendee by (SEQUENCE, DTSTAMP) (RFC 5546 section 2.1.5); a
stale one is kept and not applied. A REPLY, or a yes in words where there is no calendar (worded), changes one
attendee's state and nothing else; a COUNTER is shown to the conveners too (counters), a REFRESH gets the invitation
again, and what a convener forwards is an order (forwarded). What asks to cancel or change a meeting from outside is
kept and ignored. Robots are never answered; a delivery report is no answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled, UseCase
from cgbot.groups import authentication, members
from cgbot.groups.members import Member
from cgbot.ical import itip
from cgbot.ical.itip import Answer, Attendee
from cgbot.mail import dsn, verp
from cgbot.mail.address import fold
from cgbot.meetings import counters, forwarded, invitations, records, worded, wording
from cgbot.meetings.counters import Counter
from cgbot.meetings.records import AttendeeState, Meeting
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.posts import owner
from cgbot.store.db import Tx

VERIFIED: Final = "verified"
UNVERIFIED: Final = "unverified"
# Google's calendar answers for its users: From its own address, Reply-To theirs, signed by google.com.
_GOOGLE: Final = "calendar-notification@google.com"
_MOST_CALENDARS: Final = 2  # an answer has one, some programs enclose it once more
_SKEW: Final = timedelta(days=1)  # how far ahead the clock of an attendee's calendar may be
_A_DAY: Final = timedelta(days=1)
_SENT_AGAIN: Final = "sent again"
_WORDS: Final = {"ACCEPTED": "yes", "DECLINED": "no", "TENTATIVE": "maybe"}


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Who answers, as far as it is proven; `by_address` from the signed address, `by_author` from the author."""

    member: Member | None
    level: str


def take(tx: Tx, context: Context, errand: Errand) -> Settled:
    """Find who answers what, and apply it if it is the newest word."""
    if not errand.mail_from and dsn.reports(errand.message):
        return Settled("discarded", "a delivery report, no answer")
    settled = forwarded.take(tx, context, errand)
    if settled is not None:
        return settled
    calendars = errand.message.calendars[:_MOST_CALENDARS]
    answers = [answer for one in calendars for answer in itip.read(one)] or _worded(tx, errand)
    if not answers:
        return _not_understood(tx, context, errand)
    answer = next((one for one in answers if one.method in {"REPLY", "COUNTER", "REFRESH"}), answers[0])
    evidence = _evidence(tx, context, errand)
    meeting = records.find_uid(tx, answer.uid)
    if meeting is not None and meeting.group_id != errand.group_id:
        meeting = None
    outcome = _apply(tx, context, errand, (answer, meeting, evidence))
    reply_id = _note(tx, errand, (answer, meeting, evidence), outcome)
    if outcome == records.PROPOSAL and meeting is not None and evidence.member is not None:
        proven = evidence.level == VERIFIED
        counters.tell(tx, context, errand, Counter(meeting, evidence.member, proven, answer.comment, reply_id))
    return Settled("sorted", f"{answer.method}: {outcome}")


def _worded(tx: Tx, errand: Errand) -> list[Answer]:
    """The answer of somebody whose signed address has come back with yes, no or maybe."""
    found = worded.read(errand.message, errand.mail_from) if errand.detail else None
    meeting = records.find(tx, found[0]) if found else None
    if found is None or meeting is None:
        return []
    _, sequence, partstat, comment = found
    attendee = Attendee("", partstat)
    return [Answer("REPLY", meeting.uid, (attendee,), sequence=sequence, stamp=errand.received_at, comment=comment)]


def _evidence(tx: Tx, context: Context, errand: Errand) -> _Evidence:
    """Who answers: by the signed address, and by an author that is proven (calendar replies in three tiers)."""
    group_id = errand.group_id or 0
    named = verp.read_member_token(context.keys, "meetings", errand.addressed, errand.detail)
    by_address = members.in_group(tx, named, group_id) if named is not None else None
    found = authentication.of(errand, context.settings)
    authors = [one.address for one in errand.message.authors]
    proven = [one for one in authors if found.proves(one)]
    if any(fold(one) == _GOOGLE for one in authors) and found.dkim_passed("google.com"):
        proven += [one.address for one in errand.message.reply_to]
    by_author = next((one for address in proven if (one := members.find_member(tx, group_id, address))), None)
    if by_address and by_address.group_id == group_id and by_address.state != "left":
        same = by_author is not None and by_author.id == by_address.id
        return _Evidence(by_address, VERIFIED if same else UNVERIFIED)
    return _Evidence(by_author, VERIFIED if by_author else "none")


def _apply(tx: Tx, context: Context, errand: Errand, what: tuple[Answer, Meeting | None, _Evidence]) -> str:
    """What becomes of the answer, in a word or two; it is kept with the reply."""
    answer, meeting, evidence = what
    if meeting is None:
        return "unknown meeting"
    if answer.method not in {"REPLY", "COUNTER", "REFRESH"}:
        return "ignored"
    if evidence.member is None:
        return "nobody we know"
    state = records.find_attendee(tx, meeting.id, evidence.member.id)
    if state is None:
        return "not invited"
    if answer.method == "REFRESH":
        return _refresh(tx, context, meeting, evidence.member)
    return _count(tx, context, errand, (answer, meeting, evidence), state)


def _count(
    tx: Tx, context: Context, errand: Errand, what: tuple[Answer, Meeting, _Evidence], state: AttendeeState
) -> str:
    """Write the answer of somebody who is invited, if it is the newest word."""
    answer, meeting, evidence = what
    assert evidence.member is not None  # noqa: S101 - `_apply` has looked
    partstat = _partstat(answer, evidence.member, tx)
    if partstat is None:
        return "no answer in it"
    if answer.sequence is not None and answer.sequence < state.invited_sequence:
        return "to the previous time"
    answer = _bounded(errand, answer, meeting)
    if not _is_newer(answer, state):
        return "stale"
    records.answer(tx, meeting.id, evidence.member.id, _values(context, answer, evidence, partstat))
    _tell(tx, context, errand, (meeting, evidence, partstat), state)
    is_proposal = answer.method == "COUNTER" and counters.proposed(errand, meeting) is not None
    return records.PROPOSAL if is_proposal else "applied"


def _refresh(tx: Tx, context: Context, meeting: Meeting, member: Member) -> str:
    """Send the invitation again to the address that we know, at most once a day (RFC 5546 section 3.2.6)."""
    if meeting.state not in {"tentative", "confirmed"} or meeting.ends_at <= context.now or member.state != "active":
        return "nothing to send again"
    if records.answered_with(tx, meeting.id, member.id, _SENT_AGAIN, context.now - _A_DAY):
        return "sent again within the last day already"
    invitations.send_again(tx, context, meeting, member)
    return _SENT_AGAIN


def _partstat(answer: Answer, member: Member, tx: Tx) -> str | None:
    """The member's own PARTSTAT: the one attendee there is, or the one with an address of theirs."""
    mine = [one for one in answer.attendees if _is_address_of(tx, one.address, member)]
    chosen = mine or (list(answer.attendees) if len(answer.attendees) == 1 else [])
    partstat = chosen[0].partstat if chosen else ""
    if answer.method == "COUNTER" and partstat in {"", "NEEDS-ACTION"}:
        return "TENTATIVE"
    return partstat if partstat in itip.PARTSTATS else None


def _is_address_of(tx: Tx, address: str, member: Member) -> bool:
    found = members.find_member(tx, member.group_id, address)
    return found is not None and found.id == member.id


def _bounded(errand: Errand, answer: Answer, meeting: Meeting) -> Answer:
    """Nobody answers a SEQUENCE that was never sent, or far from now: a forged one would outrank all later ones."""
    latest = errand.received_at + _SKEW
    stamp = min(answer.stamp, latest) if answer.stamp else None
    return replace(answer, sequence=min(answer.sequence or 0, meeting.sequence), stamp=stamp)


def _is_newer(answer: Answer, state: AttendeeState) -> bool:
    """A higher SEQUENCE wins, then a later DTSTAMP; the same word twice is stale."""
    if state.sequence is None or state.dtstamp is None:
        return True
    given = (answer.sequence or 0, answer.stamp or state.dtstamp)
    return given > (state.sequence, state.dtstamp)


def _values(context: Context, answer: Answer, evidence: _Evidence, partstat: str) -> dict[str, object]:
    return {
        "partstat": partstat,
        "sequence": answer.sequence or 0,
        "dtstamp": answer.stamp or context.now,
        "evidence": evidence.level,
        "comment": answer.comment,
        "answered_at": context.now,
    }


def _note(tx: Tx, errand: Errand, what: tuple[Answer, Meeting | None, _Evidence], outcome: str) -> int:
    answer, meeting, evidence = what
    return records.note_reply(
        tx,
        {
            "errand_id": errand.id,
            "meeting_id": meeting.id if meeting else None,
            "member_id": evidence.member.id if evidence.member else None,
            "method": answer.method[:40],
            "partstat": next((one.partstat for one in answer.attendees), "")[:40],
            "sequence": answer.sequence,
            "dtstamp": answer.stamp,
            "comment": answer.comment,
            "evidence": evidence.level,
            "outcome": outcome,
            "received_at": errand.received_at,
        },
    )


def _tell(
    tx: Tx, context: Context, errand: Errand, what: tuple[Meeting, _Evidence, str], before: AttendeeState
) -> None:
    """One line to the subscriber when only the address vouches for the answer, and only when it changes something."""
    meeting, evidence, partstat = what
    member = evidence.member
    if member is None or evidence.level == VERIFIED or before.partstat == partstat:
        return
    charter = context.charters[errand.group]
    facts = {
        "acronym": charter.acronym,
        "title": meeting.title,
        "when": wording.when(meeting, charter),
        "answer": _WORDS.get(partstat, partstat.lower()),
        "owner_address": charter.address(context.settings.service.domain, "owner"),
    }
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"answer to meeting {meeting.id}",
            template="meeting-answer-noted",
            facts=facts,
            group=(meeting.group_id, charter.name),
            recipients=(Addressee(member.address, member.id, member.name),),
            sender_local=f"{charter.name}-owner",
            sender_name=charter.acronym,
            expires_at=meeting.ends_at,
            language=charter.language,
        ),
    )


def _not_understood(tx: Tx, context: Context, errand: Errand) -> Settled:
    """A person wrote words to the address of an invitation: the conveners read it; robots stop here."""
    settled = owner.take(tx, context, errand)
    return Settled(settled.state, f"no calendar answer in it; {settled.reason}")


PURPOSES: Final[Purposes] = MappingProxyType[str, UseCase]({"meetings": take})
