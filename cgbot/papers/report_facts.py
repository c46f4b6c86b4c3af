"""
Records: what has happened in a group since its last report.

Everything comes from what is stored: meetings with attendance, papers, posts and threads, liaison statements known by
their titles, actions, members, meetings to come. Our own announcements do not count as posts. Days are those of the
group's zone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, distinct, func, select

from cgbot.context import Context
from cgbot.groups.charter import Charter
from cgbot.itu import liaisons
from cgbot.meetings import records as meetings_of
from cgbot.meetings import wording
from cgbot.meetings.records import Meeting
from cgbot.papers import numbers
from cgbot.store.tables import actions, attendance, attendees, members, paper_revisions, papers, people, posts, threads

_MOST_THREADS: Final = 10
_UNKNOWN: Final = "no organisation given"


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who took part, and in how many of the meetings."""

    name: str
    organization: str
    country: str
    meetings: int


@dataclass(frozen=True, slots=True)
class HeldMeeting:
    """A meeting that has been; `recorded` says whether attendance was taken, else it is who had said yes."""

    title: str
    when: str
    location: str
    participants: int
    organizations: tuple[tuple[str, int], ...]
    recorded: bool


@dataclass(frozen=True, slots=True)
class PaperFact:
    """A contribution to the group; `note` is "late", "withdrawn" or both."""

    number: str
    title: str
    source: str
    received: date
    note: str


@dataclass(frozen=True, slots=True)
class Talk:
    """A thread by what was written in it in the period."""

    subject: str
    posts: int
    authors: int
    url: str


@dataclass(frozen=True, slots=True)
class LiaisonFact:
    """A liaison statement among the posts."""

    direction: str
    title: str
    day: date
    url: str


@dataclass(frozen=True, slots=True)
class Mails:
    """Figures of the list, and the threads with the most posts."""

    posts: int
    authors: int
    threads: int
    talks: tuple[Talk, ...]
    liaisons: tuple[LiaisonFact, ...]


@dataclass(frozen=True, slots=True)
class ActionFact:
    """An action; `done` in the period or still open."""

    text: str
    owner: str
    due_on: str
    done: bool


@dataclass(frozen=True, slots=True)
class Ahead:
    """A meeting to come."""

    when: str
    title: str
    location: str
    tentative: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """How many members there are, and who came and went in the period."""

    members: int
    organizations: int
    countries: int
    joined: int
    left: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it; `since` is None where the group has never reported: then it is everything."""

    since: datetime | None
    until: datetime
    meetings: tuple[HeldMeeting, ...]
    participants: tuple[Participant, ...]
    papers: tuple[PaperFact, ...]
    mails: Mails
    actions: tuple[ActionFact, ...]
    ahead: tuple[Ahead, ...]
    membership: Membership


def gather(tx: Connection, context: Context, group_id: int, charter: Charter, since: datetime | None) -> Facts:
    """Everything that the report tells, from `since` to now."""
    known = meetings_of.of_group(tx, group_id)
    held = [one for one in known if _has_been(one, since, context.now)]
    seen = {one.id: _attendance(tx, one.id) for one in held}
    return Facts(
        since=since,
        until=context.now,
        meetings=tuple(_held(tx, one, charter, seen[one.id]) for one in held),
        participants=_participants([row for rows in seen.values() for row in rows]),
        papers=_papers(tx, charter, group_id, since),
        mails=_mails(tx, context, group_id, charter, since),
        actions=_actions(tx, group_id, since),
        ahead=tuple(_ahead(one, charter) for one in known if _is_ahead(one, context.now)),
        membership=_membership(tx, group_id, since),
    )


def _after(column: Any, since: datetime | None) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = column > since if since is not None else column.is_not(None)
    return condition


# ------------------------------------------------------------------------------------------------------- meetings


def _has_been(one: Meeting, since: datetime | None, now: datetime) -> bool:
    ended = one.ends_at <= now and (since is None or one.ends_at > since)
    return ended and one.kind == "group" and one.state in {"confirmed", "held", "reported"}


def _is_ahead(one: Meeting, now: datetime) -> bool:
    return one.starts_at > now and one.state in {"tentative", "confirmed"}


def _attendance(tx: Connection, meeting_id: int) -> list[Participant]:
    """Who took part; the organisation is the one that was recorded, else the person's own."""
    joined = attendance.outerjoin(members, attendance.c.member_id == members.c.id).outerjoin(
        people, members.c.person_id == people.c.id
    )
    columns = (attendance.c.name, attendance.c.organization, attendance.c.country)
    theirs = (people.c.organization.label("own"), people.c.country.label("land"))
    wanted = select(*columns, *theirs).select_from(joined).where(attendance.c.meeting_id == meeting_id)
    rows = tx.execute(wanted.order_by(attendance.c.name))
    return [Participant(row.name, row.organization or row.own or "", row.country or row.land or "", 1) for row in rows]


def _accepted(tx: Connection, meeting_id: int) -> list[str]:
    """The organisations of those who had said yes, one each."""
    joined = attendees.join(members, attendees.c.member_id == members.c.id).join(
        people, members.c.person_id == people.c.id
    )
    said_yes = (attendees.c.meeting_id == meeting_id) & (attendees.c.partstat == "ACCEPTED")
    return list(tx.execute(select(people.c.organization).select_from(joined).where(said_yes)).scalars())


def _held(tx: Connection, one: Meeting, charter: Charter, seen: Sequence[Participant]) -> HeldMeeting:
    organizations = [row.organization for row in seen] if seen else _accepted(tx, one.id)
    return HeldMeeting(
        title=one.title,
        when=wording.when(one, charter),
        location=one.location,
        participants=len(organizations),
        organizations=_counted(organizations),
        recorded=bool(seen),
    )


def _counted(names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Names with their number, the largest first, those without a name last."""
    counted = Counter(" ".join(name.split()) or _UNKNOWN for name in names)
    return tuple(sorted(counted.items(), key=lambda one: (one[0] == _UNKNOWN, -one[1], one[0].casefold())))


def _participants(rows: Sequence[Participant]) -> tuple[Participant, ...]:
    counted = Counter((row.name, row.organization, row.country) for row in rows)
    found = [Participant(*who, count) for who, count in counted.items()]
    return tuple(sorted(found, key=lambda one: (one.organization.casefold(), one.name.casefold())))


def _ahead(one: Meeting, charter: Charter) -> Ahead:
    return Ahead(wording.when(one, charter), one.title, one.location, one.state == "tentative")


# --------------------------------------------------------------------------------------------------------- papers


def _papers(tx: Connection, charter: Charter, group_id: int, since: datetime | None) -> tuple[PaperFact, ...]:
    newest = select(func.max(paper_revisions.c.revision)).where(paper_revisions.c.paper_id == papers.c.id)
    rows = tx.execute(
        select(*papers.c, newest.scalar_subquery().label("revision"))
        .where(papers.c.group_id == group_id, papers.c.number.is_not(None), _after(papers.c.registered_at, since))
        .order_by(papers.c.number)
    )
    return tuple(_paper(row, charter) for row in rows)


def _paper(row: Any, charter: Charter) -> PaperFact:
    notes = ["late"] * row.late + ["withdrawn"] * (row.state == "withdrawn") + ["replaced"] * bool(row.replaced_by)
    received = row.registered_at.astimezone(ZoneInfo(charter.zone)).date()
    number = numbers.label(charter.acronym, row.number, row.revision or 0)
    return PaperFact(number, row.title, row.source or row.author_name, received, ", ".join(notes))


# ---------------------------------------------------------------------------------------------------------- mails


def _mails(tx: Connection, context: Context, group_id: int, charter: Charter, since: datetime | None) -> Mails:
    """Figures are counted where the posts are, so that a long archive costs no memory."""
    ours = f"%@{context.settings.service.domain.lower()}"
    author = func.lower(posts.c.author_address)
    mine = (
        (posts.c.group_id == group_id)
        & _after(posts.c.received_at, since)
        & ~author.like(ours)
        & posts.c.unlisted.is_(False)
    )
    counted = select(func.count(), func.count(distinct(author)), func.count(distinct(posts.c.thread_id))).where(mine)
    number, authors, of_threads = tx.execute(counted).one()
    url = f"{context.settings.service.public_url}/{charter.name}/"
    return Mails(
        posts=number,
        authors=authors,
        threads=of_threads,
        talks=_talks(tx, mine, url),
        liaisons=_liaisons(tx, mine, url, ZoneInfo(charter.zone)),
    )


def _talks(tx: Connection, mine: ColumnElement[bool], url: str) -> tuple[Talk, ...]:
    """The threads with the most posts of the period; the link is to the first of these."""
    number = func.count().label("number")
    authors = func.count(distinct(func.lower(posts.c.author_address))).label("authors")
    rows = tx.execute(
        select(threads.c.id, threads.c.subject, number, authors)
        .select_from(posts.join(threads, posts.c.thread_id == threads.c.id))
        .where(mine)
        .group_by(threads.c.id, threads.c.subject)
        .order_by(number.desc(), threads.c.id)
        .limit(_MOST_THREADS)
    ).all()
    found: list[Talk] = []
    for row in rows:
        first = select(posts.c.permalink, posts.c.subject).where(mine, posts.c.thread_id == row.id)
        begun = tx.execute(first.order_by(posts.c.received_at, posts.c.id).limit(1)).one()
        subject = row.subject or begun.subject or "(no subject)"
        found.append(Talk(subject, row.number, row.authors, f"{url}{begun.permalink}/"))
    return tuple(found)


def _liaisons(tx: Connection, mine: ColumnElement[bool], url: str, zone: ZoneInfo) -> tuple[LiaisonFact, ...]:
    """Each statement once, at its first post."""
    columns = posts.c["permalink", "subject", "received_at"]
    likely = func.lower(posts.c.subject).like("%ls%/%")
    rows = tx.execute(select(*columns).where(mine, likely).order_by(posts.c.received_at, posts.c.id))
    found: dict[str, LiaisonFact] = {}
    for row in rows:
        one = liaisons.recognise(row.subject)
        if one is not None:
            day = row.received_at.astimezone(zone).date()
            fact = LiaisonFact(one.direction, one.title, day, f"{url}{row.permalink}/")
            found.setdefault(one.title.casefold(), fact)
    return tuple(found.values())


# ------------------------------------------------------------------------------------------- actions and members


def _actions(tx: Connection, group_id: int, since: datetime | None) -> tuple[ActionFact, ...]:
    joined = actions.outerjoin(members, actions.c.owner_id == members.c.id).outerjoin(
        people, members.c.person_id == people.c.id
    )
    done = (actions.c.state == "done") & _after(actions.c.done_at, since)
    rows = tx.execute(
        select(actions.c.text, people.c.name, actions.c.due_on, actions.c.state)
        .select_from(joined)
        .where(actions.c.group_id == group_id, done | (actions.c.state == "open"))
        .order_by(actions.c.state.desc(), actions.c.due_on, actions.c.id)
    )
    return tuple(ActionFact(row.text, row.name or "", row.due_on, row.state == "done") for row in rows)


def _membership(tx: Connection, group_id: int, since: datetime | None) -> Membership:
    rows = tx.execute(
        select(members.c.state, members.c.joined_at, members.c.left_at, people.c.organization, people.c.country)
        .select_from(members.join(people, members.c.person_id == people.c.id))
        .where(members.c.group_id == group_id)
    ).all()
    now = [row for row in rows if row.state != "left"]
    came = [row for row in now if since is not None and row.joined_at > since]
    went = [row for row in rows if row.state == "left" and row.left_at and (since is None or row.left_at > since)]
    return Membership(
        members=len(now),
        organizations=len({" ".join(row.organization.casefold().split()) for row in now if row.organization.strip()}),
        countries=len({row.country.casefold().strip() for row in now if row.country.strip()}),
        joined=len(came),
        left=len(went),
    )


def days_of(meeting: Meeting) -> tuple[date, date]:
    """The first and the last day of a meeting, in its own zone."""
    zone = ZoneInfo(meeting.zone)
    last = (meeting.ends_at - timedelta(microseconds=1)).astimezone(zone).date()
    return meeting.starts_at.astimezone(zone).date(), last
