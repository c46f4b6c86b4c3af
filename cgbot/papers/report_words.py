"""
Pure rules: the words of an activity report, made from facts alone.

The sections follow the report skeleton of ITU-T SG17: introduction, summary, meetings with attendance, contributions,
discussion with permalinks, liaison statements, actions, meetings to come, members, participants. The same facts give
the same text. What the convener writes into it is the business of `report_text`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from cgbot.groups.charter import Charter
from cgbot.groups.members import Member
from cgbot.itu import typography
from cgbot.papers.report_facts import ActionFact, Facts, HeldMeeting, LiaisonFact, Talk
from cgbot.papers.report_text import Section, written

_WIDTH: Final = 76
_NONE: Final = "None."
_MARK_AHEAD: Final = re.compile(r"\n( *)([-*•|]) ")


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the facts: the group, to which meeting of its parent it reports, and who signs."""

    charter: Charter
    place: str
    first: date
    last: date
    conveners: tuple[Member, ...]
    list_address: str


def generate(frame: Frame, facts: Facts) -> str:
    """The whole text, each section under its title."""
    parts = [Section("Header", _header(frame)), Section("Abstract", _abstract(frame, facts))]
    parts += [Section(f"{number} {title}", body(frame, facts)) for number, (title, body) in enumerate(_SECTIONS, 1)]
    if facts.participants:
        parts.append(Section("Annex A Participants", _participants(facts)))
    return written(parts)


def title(charter: Charter) -> str:
    """The title of the document."""
    return f"Report of the activities of {charter.acronym} ({charter.title})"


def meeting_words(frame: Frame) -> str:
    """`Geneva, 1–10 June 2026`."""
    return typography.place_and_date(frame.place, frame.first, frame.last)


def _header(frame: Frame) -> str:
    charter = frame.charter
    fields = [
        ("Document", f"{charter.parent}-TDn"),
        ("Question(s)", "All/" + (typography.study_group(charter.parent) or charter.parent)),
        ("Meeting", meeting_words(frame)),
        ("Source", f"Convener {charter.acronym}"),
        ("Title", title(charter)),
        *[("Contact", contact) for contact in _contacts(frame)],
    ]
    return "\n".join(f"{name}: {value}" for name, value in fields)


def _contacts(frame: Frame) -> list[str]:
    """`name | organisation | country | address`; whom the charter names where nobody is a convener yet."""
    known = [one for one in frame.conveners if one.role in {"convener", "vice-convener"}]
    rows = [(one.name, one.organization, one.country, one.address) for one in known] or [
        (one.name, one.affiliation, "", one.address) for one in frame.charter.people
    ]
    return [" | ".join(_cell(cell) for cell in row if cell.strip()) for row in rows]


# ------------------------------------------------------------------------------------------------- the sections


def _abstract(frame: Frame, facts: Facts) -> str:
    charter = frame.charter
    return _paragraph(
        f"This TD contains the report of the activities of the {charter.title} ({charter.acronym})"
        f"{_since(frame, facts.since, ' since ')} to the {charter.parent} meeting ({meeting_words(frame)}). In this "
        f"period the group held {_count(len(facts.meetings), 'meeting')}, received "
        f"{_count(len(facts.papers), 'contribution')} and exchanged {_count(facts.mails.posts, 'message')} on its "
        "mailing list."
    )


def _since(frame: Frame, since: datetime | None, before: str) -> str:
    return f"{before}{typography.day(_local(frame, since))}" if since else ""


def _local(frame: Frame, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(frame.charter.zone)).date()


def _introduction(frame: Frame, facts: Facts) -> str:
    charter = frame.charter
    begun = f" It was established at the {charter.terms.established}." if charter.terms.established else ""
    duty = charter.terms.reporting.text
    lines = [
        f"The {charter.title} ({charter.acronym}) reports to {charter.parent_title or charter.parent}.{begun}",
        f'Its terms of reference say: "{_one_line(duty)}"' if duty else "",
        f"The group works by its mailing list {frame.list_address} and by virtual meetings.",
        f"This report covers its work since {typography.day(_local(frame, facts.since))}." if facts.since else "",
    ]
    return "\n\n".join(_paragraph(line) for line in lines if line)


def _summary(frame: Frame, facts: Facts) -> str:
    went_in = sum(one.direction == "in" for one in facts.mails.liaisons)
    done = sum(one.done for one in facts.actions)
    until = typography.day(_local(frame, facts.until))
    period = f"{typography.day(_local(frame, facts.since))} – {until}" if facts.since else f"until {until}"
    return _bullets(
        (
            f"Period: {period}",
            f"Meetings of the group: {len(facts.meetings)}",
            f"Contributions received: {len(facts.papers)}",
            f"Messages on the mailing list: {facts.mails.posts}, by {_count(facts.mails.authors, 'author')} in "
            f"{_count(facts.mails.threads, 'thread')}",
            f"Liaison statements seen: {went_in} incoming, {len(facts.mails.liaisons) - went_in} outgoing",
            f"Actions: {done} done, {len(facts.actions) - done} open",
        )
    )


def _meetings(frame: Frame, facts: Facts) -> str:
    if not facts.meetings:
        return f"{frame.charter.acronym} held no meeting in this period."
    return "\n\n".join(map(_meeting, facts.meetings))


def _meeting(one: HeldMeeting) -> str:
    where = f", {one.location}" if one.location else ""
    lines = [_paragraph(f"{_one_line(one.title)}: {one.when}{_one_line(where)}.")]
    organizations = ", ".join(f"{name} ({count})" for name, count in one.organizations)
    if one.recorded:
        lines.append(_bullet(f"Attendance: {_count(one.participants, 'participant')}: {organizations}"))
    elif one.participants:
        lines.append(_bullet(f"Had accepted the invitation (no attendance recorded): {organizations}"))
    else:
        lines.append(_bullet("No attendance recorded"))
    return "\n".join(lines)


def _papers(_: Frame, facts: Facts) -> str:
    rows = [
        (one.number, one.title + (f" ({one.note})" if one.note else ""), one.source, typography.day(one.received))
        for one in facts.papers
    ]
    return _table(("Number", "Title", "Source", "Received"), rows) if rows else _NONE


def _discussion(_: Frame, facts: Facts) -> str:
    mails = facts.mails
    if not mails.posts:
        return "There was no discussion on the mailing list in this period."
    intro = (
        f"{_count(mails.posts, 'message')} by {_count(mails.authors, 'author')} in {_count(mails.threads, 'thread')}. "
        "The threads with the most messages:"
    )
    return f"{_paragraph(intro)}\n\n{_bullets(map(_talk, mails.talks))}"


def _talk(one: Talk) -> str:
    counts = f"{_count(one.posts, 'message')}, {_count(one.authors, 'author')}"
    return f"{_one_line(one.subject)}: {counts} {one.url}"


def _liaisons(_: Frame, facts: Facts) -> str:
    found = facts.mails.liaisons
    groups = [("Incoming", "in"), ("Outgoing", "out")]
    pieces = [
        f"{name}:\n{_bullets(_liaison(one) for one in found if one.direction == direction)}"
        for name, direction in groups
        if any(one.direction == direction for one in found)
    ]
    return "\n\n".join(pieces) or _NONE


def _liaison(one: LiaisonFact) -> str:
    return f"{_one_line(one.title)} ({typography.day(one.day)}) {one.url}"


def _actions(_: Frame, facts: Facts) -> str:
    return _bullets(map(_action, facts.actions)) or _NONE


def _action(one: ActionFact) -> str:
    owner = f" ({_one_line(one.owner)})" if one.owner else ""
    until = f", by {typography.day(date.fromisoformat(one.due_on))}" if one.due_on and not one.done else ""
    return f"{'Done' if one.done else 'Open'}: {_one_line(one.text)}{owner}{until}"


def _ahead(_: Frame, facts: Facts) -> str:
    rows = [
        (one.when, one.title + (" (tentative)" if one.tentative else ""), one.location or "virtual")
        for one in facts.ahead
    ]
    return _table(("Date", "Meeting", "Place"), rows) if rows else "No meeting is planned."


def _members(frame: Frame, facts: Facts) -> str:
    now = facts.membership
    where = f" from {_count(now.organizations, 'organisation')}" if now.organizations else ""
    lands = f" in {_count(now.countries, 'country', 'countries')}" if now.countries else ""
    moved = f"; {now.joined} joined and {now.left} left in this period" if facts.since else ""
    return _paragraph(f"{frame.charter.acronym} has {_count(now.members, 'member')}{where}{lands}{moved}.")


def _participants(facts: Facts) -> str:
    rows = [(one.name, one.organization, one.country, str(one.meetings)) for one in facts.participants]
    return _table(("Name", "Organisation", "Country", "Meetings"), rows)


_SECTIONS: Final[Sequence[tuple[str, Callable[[Frame, Facts], str]]]] = (
    ("Introduction", _introduction),
    ("Executive summary", _summary),
    ("Meetings of the group", _meetings),
    ("Contributions", _papers),
    ("Discussion on the mailing list", _discussion),
    ("Liaison statements", _liaisons),
    ("Actions", _actions),
    ("Next meetings", _ahead),
    ("Membership", _members),
)


# ------------------------------------------------------------------------------------------------------ the lines


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _paragraph(text: str) -> str:
    return _filled(text, "", "")


def _bullet(text: str) -> str:
    return _filled(text, "- ", "  ")


def _bullets(texts: Iterable[str]) -> str:
    return "\n".join(map(_bullet, texts))


def _filled(text: str, first: str, next_: str) -> str:
    """Lines that no mail program needs to break; links stay whole, no line begins as a bullet or row by chance."""
    lines = textwrap.fill(
        _one_line(text), _WIDTH, initial_indent=first, subsequent_indent=next_,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return _MARK_AHEAD.sub(r" \2\n\1", lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in (head, *rows))


def _cell(text: str) -> str:
    """A cell of a table or of a contact; the bar is what cuts them."""
    return _one_line(text.replace("|", "/"))
