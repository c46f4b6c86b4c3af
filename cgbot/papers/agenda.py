"""
The agenda of a meeting of the group, with its papers (records).

Papers by number with their newest revision; late ones, withdrawn ones and replaced ones say so.
"""

from __future__ import annotations

from collections.abc import Sequence

from cgbot.groups.charter import Charter
from cgbot.meetings import wording
from cgbot.meetings.records import Meeting
from cgbot.papers import numbers, records
from cgbot.papers.records import PaperView
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


def of_meeting(tx: Tx, meeting: Meeting, charter: Charter) -> str:
    """The agenda: what the convener wrote, then the papers."""
    papers = _papers(tx, meeting, charter) or "No paper has come in yet."
    head = f"{meeting.title}\n{wording.when(meeting, charter)}"
    return "\n\n".join(filter(None, (head, meeting.description, papers)))


def items(tx: Tx, meeting: Meeting, charter: Charter) -> str:
    """What the convener wrote and the papers, for a mail that says the rest; "" where there is neither."""
    return "\n\n".join(filter(None, (meeting.description, _papers(tx, meeting, charter))))


def _papers(tx: Tx, meeting: Meeting, charter: Charter) -> str:
    papers = lines(records.list_papers(tx, meeting.group_id, meeting.id), charter.acronym)
    return "Papers:\n" + "\n".join(f"  {one}" for one in papers) if papers else ""
