"""
The agenda of a meeting of the group, with its papers (records).

Papers by number with their newest revision; late ones, withdrawn ones and replaced ones say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cgbot.context import Context
from cgbot.groups import records as groups
from cgbot.groups.charter import Charter
from cgbot.meetings import records as meetings_of
from cgbot.meetings import wording
from cgbot.meetings.records import Meeting
from cgbot.papers import numbers, records
from cgbot.papers.records import Paper, PaperView
from cgbot.store.db import Tx


def lines(papers: Sequence[PaperView], acronym: str) -> list[str]:
    """One line for each paper, as delegates read them."""
    return [line(one, acronym) for one in papers]


def line(one: PaperView, acronym: str) -> str:
    """`CG-AISEC-C-0007R1  Title (Source) [late]`."""
    name = numbers.label(acronym, one.paper.number or 0, one.newest.revision if one.revisions else 0)
    source = one.paper.source or one.paper.author_name or one.paper.author_address
    marks = "".join(f" [{mark}]" for mark in marks_of(one, acronym))
    return f"{name}  {one.paper.title} ({source}){marks}"


def marks_of(one: PaperView, acronym: str) -> list[str]:
    """What a reader must know of a paper: late, withdrawn, replaced."""
    marks = ["withdrawn"] if one.paper.state == "withdrawn" else []
    if one.replaced_by is not None:
        marks.append(f"replaced by {numbers.label(acronym, one.replaced_by)}")
    newest = one.revisions[-1] if one.revisions else None
    if one.paper.late or (newest is not None and newest.late):
        marks.append("late")
    return marks


def papers_of(tx: Tx, context: Context, meeting: Meeting) -> tuple[PaperView, ...]:
    """
    The papers on a meeting's agenda, by number.

    Those that came in for it; at the group's own next meeting also those for none, or for one that was cancelled.
    """
    mine = records.list_papers(tx, meeting.group_id)
    others = _without_meeting(tx, context, meeting)
    return tuple(
        one
        for one in mine
        if one.paper.meeting_id == meeting.id or (one.paper.state == "registered" and others(one.paper))
    )


def _without_meeting(tx: Tx, context: Context, meeting: Meeting) -> Callable[[Paper], bool]:
    """Say of a paper whether it waits for no other meeting than this one."""
    others = [one for one in meetings_of.of_group(tx, meeting.group_id) if one.id != meeting.id]
    ahead = [one for one in others if one.state in {"tentative", "confirmed"} and one.ends_at > context.now]
    is_next = meeting.kind == "group" and meeting.state != "cancelled"
    is_next = is_next and not any(one.kind == "group" and one.starts_at < meeting.starts_at for one in ahead)
    off = {None, *(one.id for one in others if one.state == "cancelled")}

    def waits(paper: Paper) -> bool:
        came_before = paper.registered_at is not None and paper.registered_at <= meeting.ends_at
        return is_next and came_before and paper.meeting_id in off

    return waits


def of_meeting(tx: Tx, context: Context, meeting: Meeting, charter: Charter) -> str:
    """The agenda: what the convener wrote, then the papers."""
    papers = lines(papers_of(tx, context, meeting), charter.acronym)
    parts = [f"{meeting.title}\n{wording.when(meeting, charter)}"]
    parts += [meeting.description] if meeting.description else []
    parts.append("Papers:\n" + "\n".join(f"  {one}" for one in papers) if papers else "No paper has come in yet.")
    return "\n\n".join(parts)


def listed(tx: Tx, context: Context, meeting: Meeting) -> tuple[str, ...]:
    """The papers of a meeting, a line each, for its reminder."""
    acronym = context.charters[groups.name_of(tx, meeting.group_id)].acronym
    return tuple(lines([one for one in papers_of(tx, context, meeting) if one.paper.state != "withdrawn"], acronym))
