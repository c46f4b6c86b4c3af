"""
Reminders of a meeting, by the clock (use cases; `kinds` for the ledger).

The charter says how long before; what a reminder is about is "meeting 17, revision 2, 1 day before", so that a moved
meeting is reminded of again and nothing twice. It goes to those who are invited and have not said no, and expires when
the meeting begins; a late one is sent as long as the meeting is still ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from cgbot.context import Context
from cgbot.groups import members
from cgbot.groups import records as groups
from cgbot.meetings import invitations, records, wording
from cgbot.meetings.records import Meeting
from cgbot.notices.kinds import Kind, Occurrence, within
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.store.db import Tx

NAME: Final = "meeting-reminder"
_DAY: Final = timedelta(days=1)
PapersOf = Callable[[Tx, Context, Meeting], Sequence[str]]


def plan(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    """Every reminder of a meeting that has not begun, due by `until`."""
    names = {one.id: one.name for one in groups.list_groups(tx)}
    found: list[Occurrence] = []
    for meeting in records.of_group(tx, since=context.now):
        charter = context.charters.get(names[meeting.group_id])
        ahead = meeting.starts_at > context.now and meeting.state in {"tentative", "confirmed"}
        if charter is None or meeting.kind != "group" or not ahead:
            continue
        for before in charter.reminders:
            due = meeting.starts_at - before
            # A reminder whose time had passed when the meeting was called would only repeat the invitation.
            if due <= until and due > meeting.revised_at:
                found.append(_occurrence(tx, meeting, before, wording.when(meeting, charter)))
    return found


def _occurrence(tx: Tx, meeting: Meeting, before: timedelta, when: str) -> Occurrence:
    invited = [one for one in records.invited(tx, meeting.id) if one.partstat != "DECLINED"]
    return Occurrence(
        kind=NAME,
        about=f"meeting {meeting.id}, revision {meeting.revision}, {in_words(before)} before",
        group_id=meeting.group_id,
        due_at=meeting.starts_at - before,
        audience=f"{len(invited)} invited",
        summary=f"Reminder: {meeting.title}, {when}",
        facts={"meeting": meeting.id, "before": in_words(before)},
    )


def in_words(span: timedelta) -> str:
    """`1 day`, `2 hours`, `30 minutes`."""
    for unit, size in (("day", _DAY), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        count, rest = divmod(span, size)
        if count and not rest:
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{int(span.total_seconds())} seconds"


def send(papers_of: PapersOf, tx: Tx, context: Context, occurrence: Occurrence) -> None:
    """Queue the reminder, with the agenda, for those who may come."""
    meeting = records.get(tx, int(str(occurrence.facts["meeting"])))
    charter = context.charters[groups.name_of(tx, meeting.group_id)]
    told = _told(tx, meeting)
    if not told:
        return
    facts = invitations.facts(context, meeting, charter, companion=False)
    agenda = _agenda(meeting, papers_of(tx, context, meeting))
    letters.write(
        tx,
        context,
        Letter(
            kind="reminder",
            about=occurrence.about,
            template="meeting-reminder",
            facts={**facts, "before": occurrence.facts["before"], "agenda": agenda},
            group=(meeting.group_id, charter.name),
            recipients=told,
            sender_local=f"{charter.name}-owner",
            sender_name=charter.acronym,
            fields=(("References", f"<meeting-{meeting.uid}>"),),
            expires_at=meeting.starts_at,
            replaces=f"reminder of meeting {meeting.id}",
            language=charter.language,
        ),
    )


def _told(tx: Tx, meeting: Meeting) -> tuple[Addressee, ...]:
    active = {one.id: one for one in members.active_members(tx, meeting.group_id)}
    return tuple(
        Addressee(active[one.member_id].address, one.member_id, one.name)
        for one in records.invited(tx, meeting.id)
        if one.partstat != "DECLINED" and one.member_id in active
    )


def _agenda(meeting: Meeting, papers: Sequence[str]) -> str:
    """What the convener wrote, then the papers; "" where there is neither."""
    listed = "\n".join(("Papers:", *(f"  {one}" for one in papers))) if papers else ""
    return "\n\n".join(filter(None, (meeting.description.strip(), listed)))


def _none(_tx: Tx, _context: Context, _meeting: Meeting) -> Sequence[str]:
    return ()


def kinds(papers_of: PapersOf = _none) -> tuple[Kind, ...]:
    """The kinds of notice; `papers_of` gives the papers of a meeting, a line each."""
    # The meeting's own start ends it: the plan no longer gives a reminder of one that has begun.
    return (Kind(NAME, "invited", announced=True, plan=plan, send=partial(send, papers_of), late=within(_DAY)),)
