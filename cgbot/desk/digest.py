"""
The conveners' weekly digest (use cases; `kind` for the ledger).

Each convener gets one a week at an hour of their own zone: what came in since the last one, what is held, what is due
in four weeks, who has not answered, what bounced, what the clock will send; once a month that the term has run out; the
newest signed head of the archive, which later proves what was there by then. One that has nothing to say is left out
when the one before it had nothing either; that is remembered in the audit trail, in the transaction that sends. After a
stop the newest covers the gap, and what came in is counted from the last one that was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from cgbot.archive import log
from cgbot.context import Context
from cgbot.desk import awaiting
from cgbot.desk.awaiting import Awaiting
from cgbot.groups import audit, members, records, term
from cgbot.groups.audit import Entry
from cgbot.groups.charter import Charter
from cgbot.groups.members import Member
from cgbot.groups.moments import in_words
from cgbot.itu import liaisons, typography
from cgbot.meetings import records as meetings_of
from cgbot.meetings import wording
from cgbot.notices.kinds import Kind, Late, Occurrence, at_wall_time
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.papers import agenda
from cgbot.papers import records as papers_of
from cgbot.store.tables import posts, threads

NAME: Final = "convener-digest"
_NEWS: Final = posts.c.imported.is_(False) & posts.c.unlisted.is_(False)
_SENT: Final = "digest"
_WEEK: Final = timedelta(days=7)
_FOUR_WEEKS: Final = timedelta(days=28)
_REPORT: Final = MappingProxyType({"due": "no draft yet"})
_ANSWERS_WITHIN: Final = timedelta(days=14)
_LATEST: Final = timedelta(days=2)  # after that the next one covers it, and counts from the last that was sent
_AHEAD: Final = timedelta(days=14)
_MOST: Final = 10
Section = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CameIn:
    """What came in: the number of posts and authors, and the threads that had most of them."""

    posts: int
    authors: int
    threads: tuple[tuple[str, int, str], ...]  # subject, posts, permalink of the first


def kind(kinds: Sequence[Kind]) -> Kind:
    """The digest as a kind, over the kinds that it looks ahead with."""
    return Kind(
        NAME,
        "conveners",
        announced=False,
        plan=_plan,
        send=partial(_send, tuple(kinds)),
        late=Late(_LATEST),
    )


# ------------------------------------------------------------------------------------------------------ when it is due


def _plan(tx: Connection, context: Context, until: datetime) -> list[Occurrence]:
    found: list[Occurrence] = []
    for group in records.list_groups(tx):
        charter = context.charters.get(group.name)
        if charter is None or group.closed_at is not None:
            continue
        for one in members.conveners(tx, group.id):
            found.extend(
                _occurrence(group.id, one, day, due)
                for day, due in _weeks(charter, one, context.now, until)
                if due > group.created_at
            )
    return found


def _weeks(charter: Charter, member: Member, now: datetime, until: datetime) -> list[tuple[date, datetime]]:
    """The last digest whose time has come, and those due by `until`: a fortnight ahead, more go without saying."""
    zone = member.zone or charter.zone
    until = min(until, now + _AHEAD)
    today = now.astimezone(ZoneInfo(zone)).date()
    monday = today - timedelta(days=today.weekday())
    found: list[tuple[date, datetime]] = []
    for week in range(-1, max(0, (until - now) // _WEEK) + 3):
        day = monday + week * _WEEK + timedelta(days=charter.digest.weekday)
        due = at_wall_time(day, time(charter.digest.hour), zone)
        if due <= now:
            found = [(day, due)]
        elif due <= until:
            found.append((day, due))
    return found


def _occurrence(group_id: int, member: Member, day: date, due: datetime) -> Occurrence:
    year, week, _ = day.isocalendar()
    return Occurrence(
        kind=NAME,
        about=f"digest {year}-W{week:02} member {member.id}",
        group_id=group_id,
        due_at=due,
        audience=member.name or member.address,
        summary=f"The week's digest of {member.name or member.address}",
        facts={"member": member.id},
    )


# ------------------------------------------------------------------------------------------------------- what it says


def _send(kinds: Sequence[Kind], tx: Connection, context: Context, occurrence: Occurrence) -> None:
    """Write to one convener, unless there is nothing to say for the second time."""
    member = members.get_member(tx, int(str(occurrence.facts["member"])))
    if member is None or member.state != "active":
        return
    group = records.name_of(tx, occurrence.group_id)
    subject = f"member {member.id}"
    before = audit.find(tx, occurrence.group_id, _SENT, subject)
    last = before[-1][0] if before else None
    since = max(last or occurrence.due_at - _WEEK, context.now - _FOUR_WEEKS)
    sections = gather(tx, context, kinds, (occurrence.group_id, group), since)
    if reminder := _term(context, context.charters[group], last):
        sections = (*sections, reminder)
    is_empty = not sections
    was_empty = bool(before) and bool(before[-1][1].get("empty"))
    audit.record(tx, context.now, occurrence.group_id, Entry("clock", _SENT, subject, {"empty": is_empty}))
    if not (is_empty and was_empty):
        _write(tx, context, occurrence, (member, group), (sections, since))


def _write(
    tx: Connection,
    context: Context,
    occurrence: Occurrence,
    whom: tuple[Member, str],
    what: tuple[Sequence[Section], datetime],
) -> None:
    member, group = whom
    sections, since = what
    charter = context.charters[group]
    letters.write(
        tx,
        context,
        Letter(
            kind="digest",
            about=occurrence.about,
            template=NAME,
            facts={
                "acronym": charter.acronym,
                "since": in_words(since, charter),
                "sections": list(sections),
                "checkpoint": head.note if (head := log.newest_head(tx, occurrence.group_id)) else "",
                "in_short": ", ".join(str(one["short"]) for one in sections if one["short"])[:150],
                "desk": f"{context.settings.service.public_url}/desk/{group}/",
                "request_address": charter.address(context.settings.service.domain, "request"),
            },
            group=(occurrence.group_id, group),
            recipients=(Addressee(member.address, member.id, member.name),),
            sender_local=f"{group}-owner",
            sender_name=charter.acronym,
            expires_at=context.now + _WEEK,
            replaces=f"digest of member {member.id}",
            language=charter.language,
        ),
    )


def gather(
    tx: Connection, context: Context, kinds: Sequence[Kind], group: tuple[int, str], since: datetime
) -> tuple[Section, ...]:
    """The sections that have something in them: title, words for the subject, lines, and how many are left out."""
    found = awaiting.look(tx, context, kinds, group[0])
    charter = context.charters[group[1]]
    made = (
        _came_in(tx, context, group, since),
        _liaisons(tx, context, group, since),
        _papers(tx, group[0], charter, since),
        _held(found, charter),
        _applicants(found, charter),
        _due(context, found, charter),
        _unanswered(tx, context, found, charter),
        _bounced(found),
        _ordered(found),
        _ahead(found, charter, context.now),
    )
    return tuple(one for one in made if one is not None)


def _term(context: Context, charter: Charter, last: datetime | None) -> Section | None:
    """That the term has run out, with the first digest of a month."""
    zone = ZoneInfo(charter.zone)
    today = context.now.astimezone(zone).date()
    if last is not None and (last.astimezone(zone).year, last.astimezone(zone).month) == (today.year, today.month):
        return None
    return _section("Term", "", [term.over(charter, today)] if term.is_over(charter, today) else [])


def _section(title: str, short: str, lines: Sequence[str], more: int = 0) -> Section | None:
    if not lines:
        return None
    left = max(0, len(lines) - _MOST) + more
    return {"title": title, "short": short, "lines": list(lines[:_MOST]), "left": left}


def _came_in(tx: Connection, context: Context, group: tuple[int, str], since: datetime) -> Section | None:
    came = came_in(tx, group[0], since)
    base = f"{context.settings.service.public_url}/{group[1]}"
    lines = [f"{subject} ({_plural(count, 'post')})\n{base}/{link}/" for subject, count, link in came.threads]
    title = f"What came in: {_plural(came.posts, 'post')} by {_plural(came.authors, 'author')}"
    return _section(title, _plural(came.posts, "post"), lines)


def _liaisons(tx: Connection, context: Context, group: tuple[int, str], since: datetime) -> Section | None:
    """Liaison statements that posts speak of, by their titles: they bring deadlines of their own."""
    mine = (posts.c.group_id == group[0]) & (posts.c.received_at > since) & _NEWS
    rows = tx.execute(select(posts.c.subject, posts.c.permalink).where(mine).order_by(posts.c.id))
    base = f"{context.settings.service.public_url}/{group[1]}"
    found = {one.title: row.permalink for row in rows if (one := liaisons.recognise(row.subject))}
    lines = [f"{title}\n{base}/{link}/" for title, link in found.items()]
    return _section("Liaison statements on the list", _plural(len(lines), "liaison"), lines)


def came_in(tx: Connection, group_id: int, since: datetime) -> CameIn:
    """The posts since then, by thread."""
    mine = (posts.c.group_id == group_id) & (posts.c.received_at > since) & _NEWS
    count, authors = tx.execute(
        select(func.count(), func.count(posts.c.author_address.distinct())).select_from(posts).where(mine)
    ).one()
    first = func.min(posts.c.id)
    grouped = (
        select(threads.c.subject, func.count().label("posts"), first.label("first"))
        .select_from(posts.join(threads, posts.c.thread_id == threads.c.id))
        .where(mine)
        .group_by(threads.c.id, threads.c.subject)
        .order_by(func.count().desc(), first)
    )
    rows = tx.execute(grouped).all()
    links = {row.id: row.permalink for row in tx.execute(
        select(posts.c.id, posts.c.permalink).where(posts.c.id.in_([row.first for row in rows[:_MOST]]))
    )}  # fmt: skip
    listed = tuple((row.subject or "(no subject)", int(row.posts), links.get(row.first, "")) for row in rows)
    return CameIn(int(count), int(authors), listed)


def _papers(tx: Connection, group_id: int, charter: Charter, since: datetime) -> Section | None:
    new = [one for one in papers_of.list_papers(tx, group_id) if one.revisions and one.newest.received_at > since]
    return _section("Papers", _plural(len(new), "paper"), agenda.lines(new, charter.acronym))


def _held(found: Awaiting, charter: Charter) -> Section | None:
    lines = [
        f"{one.id}: {one.subject or '(no subject)'}, from {one.author or 'an unreadable address'}, since "
        f"{in_words(one.held_at, charter)}: {', '.join(one.reasons)}"
        f"{' (its author was asked)' if one.waits_for_author else ''}"
        for one in found.held
    ]
    return _section("Awaiting approval", f"{len(lines)} held", lines)


def _applicants(found: Awaiting, charter: Charter) -> Section | None:
    lines = [
        f"{one.address}{f' ({one.name})' if one.name else ''}, since {in_words(one.asked_at, charter)}: "
        f'"admit {one.address}" or "turn away {one.address}"'
        for one in found.applicants
    ]
    return _section("Waiting to join", f"{len(lines)} waiting to join", lines)


def _due(context: Context, found: Awaiting, charter: Charter) -> Section | None:
    last = context.now + _FOUR_WEEKS
    zone = ZoneInfo(charter.zone)
    dated: list[tuple[datetime, str]] = [
        (one.call.closes_at, f"the call for contributions closes: {one.call.title} ({_plural(one.papers, 'paper')})")
        for one in found.calls
    ]
    dated += [
        (_start(one.due, zone), f"the report to {one.to} is due ({_REPORT.get(one.state, one.state)})")
        for one in found.reports
        if one.state != "submitted"
    ]
    dated += [
        (_start(date.fromisoformat(one.due_on), zone), f"action {one.id}: {one.text} ({one.owner or 'nobody'})")
        for one in found.actions
        if one.due_on
    ]
    lines = [(at, f"{typography.weekday(at.astimezone(zone).date())}: {text}") for at, text in dated]
    lines += [
        (one.meeting.starts_at, f"{wording.when(one.meeting, charter)}: meeting {one.meeting.id}, {one.meeting.title}")
        for one in found.meetings
    ]
    soon = [text for at, text in sorted(lines) if at <= last]
    return _section("Due in the next four weeks", f"{len(soon)} due", soon)


def _start(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _unanswered(tx: Connection, context: Context, found: Awaiting, charter: Charter) -> Section | None:
    lines = []
    for one in found.meetings:
        if one.meeting.starts_at > context.now + _ANSWERS_WITHIN:
            continue
        silent = [
            each.name or each.address
            for each in meetings_of.invited(tx, one.meeting.id)
            if each.partstat == "NEEDS-ACTION"
        ]
        if silent:
            shown = ", ".join(silent[:_MOST]) + (f" and {len(silent) - _MOST} more" if len(silent) > _MOST else "")
            lines.append(f"{one.meeting.title}, {wording.short(one.meeting, charter)}: {shown}")
    return _section("Who has not answered", "", lines)


def _bounced(found: Awaiting) -> Section | None:
    """Whose mail came back, and what did not arrive for other reasons."""
    lines = [
        f"{one.address}: {_plural(one.times, 'bounce')}, {one.status or one.diagnostic}"
        + (", gets no mail any more" if one.member and one.member.state == "suspended" else "")
        for one in found.bounced
    ]
    known = {one.address for one in found.bounced}
    lost = [one for one in found.outgoing.failed if one.recipient not in known]
    lines += [f"{one.recipient}: {one.about}, {one.state}: {one.reply}" for one in lost]
    more = max(0, found.outgoing.failures - len(found.outgoing.failed))
    return _section("Mail that did not arrive", f"{len(lines) + more} undelivered", lines, more)


def _ordered(found: Awaiting) -> Section | None:
    state = {"ordered": "ordered", "shown": "waits for a yes"}
    lines = [f"{one.summary} ({one.actor}, {state[one.state]})" for one in found.orders]
    return _section("Orders", "", lines)


def _ahead(found: Awaiting, charter: Charter, now: datetime) -> Section | None:
    """Only what goes to others than the conveners, within the week: the rest they know."""
    soon = [one for one in found.notices if one.occurrence.due_at <= now + _WEEK and one.occurrence.kind != NAME]
    lines = [
        f"{in_words(one.occurrence.due_at, charter)}: {one.occurrence.summary}, to {one.occurrence.audience}"
        for one in soon
    ]
    return _section("What the clock will send this week", "", lines)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
