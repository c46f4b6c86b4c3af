"""
What members can ask about papers by mail (use cases; QUERIES): get, documents, agenda, next.

The answers go to the member's own address. What is mailed is bounded: larger papers are fetched from the pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cgbot.context import Context
from cgbot.errors import NotFound, TooLarge
from cgbot.groups.commands import Query, Request
from cgbot.groups.moments import in_words
from cgbot.mail.compose import Enclosure
from cgbot.meetings import records as meetings_of
from cgbot.meetings.records import Meeting
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.papers import agenda, numbers, orders, records
from cgbot.store import raw
from cgbot.store.db import Tx

MOST_OCTETS: Final = 15 * 1024 * 1024


def _get(tx: Tx, context: Context, request: Request) -> str:
    """Mail the files of a paper's newest revision, or of the one that was named."""
    what = orders.reference(context, request)
    acronym = context.charters[request.group].acronym
    paper = records.find_paper(tx, request.group_id, what.number)
    if paper is None:
        raise NotFound(f"there is no paper {numbers.label(acronym, what.number)}")
    view = records.view(tx, paper)
    wanted = [one for one in view.revisions if what.revision in {None, one.revision}]
    if not wanted:
        raise NotFound(f"{numbers.label(acronym, what.number)} has no revision {what.revision}")
    newest = wanted[-1]
    if sum(file.size for file in newest.files) > MOST_OCTETS:
        page = f"{context.settings.service.public_url}/{request.group}/papers/"
        raise TooLarge(f"its files are too large for a mail; they are at {page}")
    name = numbers.label(acronym, what.number, newest.revision)
    enclosed = tuple(Enclosure(one.filename, one.content_type, raw.get(tx, one.sha256)) for one in newest.files)
    _mail(tx, context, request, (name, agenda.line(view, acronym) + _abstract(newest.abstract)), enclosed)
    return f"sent {name}"


def _abstract(text: str) -> str:
    return f"\n\n{text}" if text else ""


def _documents(tx: Tx, context: Context, request: Request) -> str:
    """Mail the list of papers."""
    charter = context.charters[request.group]
    found = records.list_papers(tx, request.group_id)
    open_calls = [
        f"{one.title}: until {in_words(one.closes_at, charter)}"
        for one in records.list_calls(tx, request.group_id, only_open=True)
    ]
    text = "\n".join(agenda.lines(found, charter.acronym)) or "No paper has come in yet."
    text += "\n\nOpen calls for contributions:\n" + "\n".join(open_calls) if open_calls else ""
    text += f"\n\nTo get one, write: get C-{found[-1].paper.number:04}" if found else ""
    _mail(tx, context, request, ("Documents", text))
    return f"{len(found)} papers listed"


def _agenda(tx: Tx, context: Context, request: Request) -> str:
    """Mail the agenda of the next meeting."""
    charter = context.charters[request.group]
    meeting = next_meeting(tx, context, request.group_id)
    _mail(tx, context, request, (f"Agenda of {meeting.title}", agenda.of_meeting(tx, context, meeting, charter)))
    return f"agenda of meeting {meeting.id}"


def next_meeting(tx: Tx, context: Context, group_id: int) -> Meeting:
    """The group's next meeting. Raises NotFound where none is planned."""
    ahead = meetings_of.of_group(tx, group_id, since=context.now)
    found = next((one for one in ahead if one.kind == "group" and one.state in {"tentative", "confirmed"}), None)
    if found is None:
        raise NotFound("no meeting of the group is planned")
    return found


def _mail(
    tx: Tx, context: Context, request: Request, words: tuple[str, str], enclosed: tuple[Enclosure, ...] = ()
) -> None:
    charter = context.charters[request.group]
    title, text = words
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=title,
            template="listing",
            facts={"acronym": charter.acronym, "title": title, "text": text},
            group=(request.group_id, request.group),
            recipients=(Addressee(request.actor.address, request.actor.member_id, request.actor.name),),
            sender_local=f"{request.group}-owner",
            sender_name=charter.acronym,
            in_reply_to=request.errand.message.message_id if request.errand else "",
            language=charter.language,
            enclosures=enclosed,
        ),
    )


QUERIES: Final[Sequence[Query]] = (
    Query("get", "read the members' archive", "get C-0007", "The files of a paper.", _get),
    Query("documents", "read the members' archive", "documents", "The list of papers and open calls.", _documents,
          ("contributions", "papers")),
    Query("agenda", "be invited to meetings", "agenda", "The agenda of the next meeting, with its papers.", _agenda,
          ("next", "next meeting")),
)  # fmt: skip
