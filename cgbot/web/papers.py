"""
The Documents page: the group's papers with their revisions and files, and the calls that are open (edge).

It is open as the archive is. Withdrawn and replaced papers stay and say so. A file is what its author sent, handed out
as a download that no browser runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.groups.charter import Charter
from cgbot.groups.moments import in_words
from cgbot.itu import typography
from cgbot.meetings import records as meetings
from cgbot.meetings import wording
from cgbot.papers import numbers, records
from cgbot.papers.records import Call, File, Paper, PaperView, Revision
from cgbot.store import raw
from cgbot.store.db import Tx
from cgbot.web import files
from cgbot.web.reading import Eyes, eyes
from cgbot.web.services import entered, number_of, services

_SMALL: Final = 10  # digits of a revision's or a file's number at most


@dataclass(frozen=True, slots=True)
class _Known:
    """What the page is made of; `meetings` says when each meeting is, by its id."""

    papers: tuple[PaperView, ...]
    calls: tuple[Call, ...]
    meetings: dict[int, str]


async def documents(request: Request) -> Response:
    """Papers, the newest first, under the calls that are open."""
    here = services(request)
    context = here.context()
    group, charter = entered(request)
    found = await here.db.read(_known, group.id, charter)
    show = eyes(request)
    facts = {
        "papers": [_row(one, found, charter, show) for one in reversed(found.papers)],
        "calls": [
            {
                "call": one,
                "closes": in_words(one.closes_at, charter),
                "meeting": found.meetings.get(one.meeting_id or 0),
            }
            for one in found.calls
            if one.closes_at > context.now
        ],
        "address": charter.address(context.settings.service.domain, "contributions"),
    }
    return await here.page(request, "papers.html", facts)


def _known(tx: Tx, group_id: int, charter: Charter) -> _Known:
    titles = {one.id: f"{one.title}, {wording.short(one, charter)}" for one in meetings.of_group(tx, group_id)}
    calls = records.list_calls(tx, group_id, only_open=True)
    return _Known(records.list_papers(tx, group_id), calls, titles)


def _row(view: PaperView, found: _Known, charter: Charter, show: Eyes) -> dict[str, Any]:
    paper = view.paper
    number = paper.number or 0
    return {
        "label": numbers.label(charter.acronym, number),
        "paper": paper,
        "title": show.line(paper.title),
        "source": show.line(paper.source or paper.author_name),
        "abstract": show.line(paper.abstract),
        "meeting": found.meetings.get(paper.meeting_id or 0, ""),
        "tags": _tags(paper, view.replaced_by, charter),
        "revisions": [_revision(one, number, charter, show) for one in reversed(view.revisions)],
    }


def _tags(paper: Paper, replaced_by: int | None, charter: Charter) -> list[str]:
    replaced = [f"replaced by {numbers.label(charter.acronym, replaced_by)}"] if replaced_by else []
    state = [paper.state] if paper.state in {"withdrawn", "considered"} else []
    return replaced + state + (["late"] if paper.late else [])


def _revision(one: Revision, number: int, charter: Charter, show: Eyes) -> dict[str, Any]:
    listed = [{"file": file, "name": show.line(file.filename), "place": at} for at, file in enumerate(one.files, 1)]
    return {
        "label": numbers.label(charter.acronym, number, one.revision),
        "revision": one.revision,
        "number": number,
        "when": _short(one.received_at, charter),
        "files": listed,
    }


def _short(instant: datetime, charter: Charter) -> str:
    local = instant.astimezone(ZoneInfo(charter.zone))
    return f"{typography.day(local.date())}, {local:%H:%M} {charter.zone_label}"


async def paper_file(request: Request) -> Response:
    """A file of a paper's revision."""
    here = services(request)
    group, _ = entered(request)
    revision, place = (str(request.path_params[name]) for name in ("revision", "file"))
    if not all(one.isascii() and one.isdecimal() and len(one) < _SMALL for one in (revision, place)):
        raise HTTPException(404)
    file = await here.db.read(_file, group.id, number_of(request), (int(revision), int(place)))
    return files.download(file.filename, file.content_type, await here.db.read(raw.get, file.sha256))


def _file(tx: Tx, group_id: int, number: int, which: tuple[int, int]) -> File:
    """The file at a place of a revision, counted from 1. Raises a page not found."""
    paper = records.find_paper(tx, group_id, number)
    revisions = records.view(tx, paper).revisions if paper else ()
    listed = next((one.files for one in revisions if one.revision == which[0]), ())
    if not 1 <= which[1] <= len(listed):
        raise HTTPException(404)
    return listed[which[1] - 1]


HANDLERS: Final = {"documents": documents, "paper_file": paper_file}
