"""
A paper comes in, changes, or is withdrawn (use cases).

`register` gives a number, or a revision of the author's own paper; the same files twice are one revision, and the same
files of a new paper are that paper once. What came after the call had closed is taken and marked late. A withdrawn or
replaced paper keeps its number and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NotAllowed, NotFound
from cgbot.groups import audit, members
from cgbot.groups.commands import OPERATOR, Actor
from cgbot.groups.roles import may
from cgbot.mail.address import fold
from cgbot.mail.headers import clean_text
from cgbot.meetings import records as meetings_of
from cgbot.meetings.records import Meeting
from cgbot.papers import agenda, calls, numbers, records
from cgbot.papers.numbers import Reference
from cgbot.papers.preparing import MOST_FILES, Bundle
from cgbot.papers.records import Call, Paper, PaperView
from cgbot.store import raw
from cgbot.store.db import Tx

_TITLE: Final = 300
_ABSTRACT: Final = 4000
_OPEN: Final = ("registered", "considered")
_GRACE: Final = timedelta(days=14)  # a call for no meeting takes late papers so long


@dataclass(frozen=True, slots=True)
class Submission:
    """
    A paper as its author gives it.

    `revises` and `replaces` name papers of the group; `mentions` is one that a subject or a file's name speaks of: the
    author's own is revised, and a paper about somebody else's is a paper of its own.
    """

    title: str
    source: str
    abstract: str
    author: Actor
    received_at: datetime
    bundle: Bundle
    revises: Reference | None = None
    replaces: Reference | None = None
    mentions: Reference | None = None
    errand_id: int | None = None


def register(tx: Tx, context: Context, group: tuple[int, str], given: Submission) -> PaperView:
    """
    Register a paper or a revision of one.

    Raises Malformed for no title, no file or too many; NotFound for a paper that is not there; NotAllowed for somebody
    else's; Conflict for one that was withdrawn.
    """
    title = clean_text(given.title, _TITLE).strip()
    if not title:
        raise Malformed("a paper needs a title: in the subject, or as `title:` on the first line")
    if not given.bundle.files:
        raise Malformed("the mail has neither a file nor a text")
    if len(given.bundle.files) > MOST_FILES:
        raise Malformed(f"more than {MOST_FILES} files: please put them into one archive")
    raw.put(tx, [prepared for _, prepared in given.bundle.files])
    before = _meant(tx, context, group, given)
    if before is not None:
        return _revise(tx, context, group, (given, before, title))
    paper = _new(tx, context, group, given, title)
    if given.replaces is not None:
        _replace(tx, context, group, (given, paper))
    return records.view(tx, records.get_paper(tx, paper.id))


def _meant(tx: Tx, context: Context, group: tuple[int, str], given: Submission) -> Paper | None:
    """The paper that this is a revision of, or the very same as; None for a new one."""
    if given.revises is not None:
        return own(tx, context, group, given.revises, given.author)
    if given.replaces is None and given.mentions is not None:
        named = records.find_paper(tx, group[0], given.mentions.number)
        if named is not None and named.state in _OPEN and _is_author(named, given.author):
            return named
    mine = (one for one in records.list_papers(tx, group[0]) if _is_author(one.paper, given.author))
    return next((one.paper for one in mine if one.paper.state in _OPEN and _is_same(given, one)), None)


def _is_same(given: Submission, view: PaperView) -> bool:
    """Say whether a paper's newest revision has these files, under whatever names."""
    coming = sorted(file.sha256 for file, _ in given.bundle.files)
    return bool(view.revisions) and coming == sorted(file.sha256 for file in view.newest.files)


def _new(tx: Tx, context: Context, group: tuple[int, str], given: Submission, title: str) -> Paper:
    call, meeting = _for_what(tx, context, group[0], given.received_at)
    late = call is not None and given.received_at > calls.ended_at(call)
    values: dict[str, Any] = {
        "title": title,
        "source": _source(given) or _organization(tx, given.author),
        "abstract": given.abstract[:_ABSTRACT],
        "author_name": given.author.name,
        "author_address": given.author.address,
        "member_id": given.author.member_id,
        "meeting_id": meeting.id if meeting else None,
        "call_id": call.id if call else None,
        "state": "registered",
        "late": late,
        "registered_at": context.now,
        "number": records.next_number(tx, group[0]),
    }
    promised = _promised(records.announced(tx, group[0], given.author.address), title)
    if promised is not None:
        paper = records.change_paper(tx, promised.id, values)
    else:
        paper = records.add_paper(tx, {"group_id": group[0], **values})
    _add_revision(tx, (paper, 0), given, late=late)
    _note(tx, context, paper, given.author.address, "paper registered")
    return paper


def _promised(announced: Sequence[Paper], title: str) -> Paper | None:
    """The announced paper that has come: the only one, or the one whose title has most words in common with it."""
    if len(announced) <= 1:
        return next(iter(announced), None)
    words = set(title.lower().split())
    common = [(len(words & set(one.title.lower().split())), one) for one in announced]
    most, paper = max(common, key=lambda pair: pair[0])
    return paper if most else None


def _revise(tx: Tx, context: Context, group: tuple[int, str], what: tuple[Submission, Paper, str]) -> PaperView:
    given, paper, title = what
    if paper.state not in _OPEN:
        raise Conflict(f"{_label(context, group, paper)} was withdrawn; send it as a new paper")
    before = records.view(tx, paper)
    if before.revisions and _is_same(given, before):
        return before
    call = records.get_call(tx, paper.call_id) if paper.call_id else None
    late = call is not None and given.received_at > calls.ended_at(call)
    changed = {
        "title": numbers.without(title, context.charters[group[1]].acronym) or paper.title,
        "source": _source(given) or paper.source,
        "abstract": given.abstract[:_ABSTRACT] or paper.abstract,
    }
    after = records.change_paper(tx, paper.id, changed)
    number = before.newest.revision + 1 if before.revisions else 0
    _add_revision(tx, (after, number), given, late=late)
    _note(tx, context, after, given.author.address, "paper revised")
    return records.view(tx, after)


def _add_revision(tx: Tx, which: tuple[Paper, int], given: Submission, *, late: bool) -> None:
    paper, number = which
    values = {
        "paper_id": paper.id,
        "revision": number,
        "errand_id": given.errand_id,
        "title": paper.title,
        "source": paper.source,
        "abstract": paper.abstract,
        "received_at": given.received_at,
        "late": late,
    }
    records.add_revision(tx, values, [file for file, _ in given.bundle.files])


def _replace(tx: Tx, context: Context, group: tuple[int, str], what: tuple[Submission, Paper]) -> None:
    given, paper = what
    assert given.replaces is not None  # noqa: S101 - the caller has looked
    old = own(tx, context, group, given.replaces, given.author)
    if old.id == paper.id:
        raise Malformed("a paper cannot replace itself")
    records.change_paper(tx, old.id, {"replaced_by": paper.id})
    _note(tx, context, old, given.author.address, "paper replaced")


def announce(tx: Tx, context: Context, group: tuple[int, str], author: Actor, title: str) -> Paper:
    """Note that somebody will send a paper; only they are reminded of it. Raises Malformed without a title."""
    title = clean_text(title, _TITLE).strip()
    if not title:
        raise Malformed("which paper? Write its title behind it")
    same = next((one for one in records.announced(tx, group[0], author.address) if one.title == title), None)
    if same is not None:
        return same
    call, meeting = _for_what(tx, context, group[0], context.now)
    values = {
        "group_id": group[0], "title": title, "source": "", "abstract": "", "author_name": author.name,
        "author_address": author.address, "member_id": author.member_id, "state": "announced",
        "meeting_id": meeting.id if meeting else None, "call_id": call.id if call else None,
        "announced_at": context.now,
    }  # fmt: skip
    paper = records.add_paper(tx, values)
    _note(tx, context, paper, author.address, "paper announced")
    return paper


def withdraw(tx: Tx, context: Context, group: tuple[int, str], what: Reference, actor: Actor) -> Paper:
    """Withdraw a paper: by its author, or a convener. Raises NotFound, NotAllowed and Conflict."""
    paper = own(tx, context, group, what, actor)
    if paper.state == "withdrawn":
        raise Conflict(f"{_label(context, group, paper)} has been withdrawn already")
    after = records.change_paper(tx, paper.id, {"state": "withdrawn"})
    _note(tx, context, after, actor.address, "paper withdrawn")
    return after


def consider(tx: Tx, context: Context, meeting: Meeting) -> None:
    """The papers on the agenda of a meeting that was held are considered."""
    for one in agenda.papers_of(tx, context, meeting):
        if one.paper.state == "registered":
            records.change_paper(tx, one.paper.id, {"state": "considered", "meeting_id": meeting.id})
            _note(tx, context, one.paper, OPERATOR, "paper considered")


def own(tx: Tx, context: Context, group: tuple[int, str], what: Reference, actor: Actor) -> Paper:
    """The paper, if this person may change it: its author, and whoever may call for contributions."""
    paper = records.find_paper(tx, group[0], what.number)
    name = numbers.label(context.charters[group[1]].acronym, what.number)
    if paper is None:
        raise NotFound(f"there is no paper {name}")
    if not (_is_author(paper, actor) or actor.address == OPERATOR or may(actor.role, "call for contributions")):
        raise NotAllowed(f"{name} is a paper of somebody else")
    return paper


def _is_author(paper: Paper, actor: Actor) -> bool:
    """A member may write from any of their addresses."""
    same_member = paper.member_id is not None and paper.member_id == actor.member_id
    return same_member or fold(paper.author_address) == fold(actor.address)


def _for_what(tx: Tx, context: Context, group_id: int, at: datetime) -> tuple[Call | None, Meeting | None]:
    """
    The call and the meeting that a paper is for.

    The call that closes next, else the last one whose meeting is still ahead (the paper is late then), else the next
    meeting of the group.
    """
    found = [one for one in records.list_calls(tx, group_id) if one.state != "withdrawn"]
    ahead = {one.id: one for one in meetings_of.of_group(tx, group_id, since=max(at, context.now)) if _is_on(one)}
    still = [one for one in found if calls.ended_at(one) >= at and (one.meeting_id is None or one.meeting_id in ahead)]
    missed = [one for one in found if calls.ended_at(one) < at and _is_just_missed(one, ahead, at)]
    call = next(iter(still), None) or (missed[-1] if missed else None)
    if missed and (call is None or _begins(missed[0], ahead) < _begins(call, ahead)):
        call = missed[0]  # a late paper for the next meeting, not an early one for the one after
    if call is not None:
        return call, ahead.get(call.meeting_id or 0)
    return None, next((one for one in ahead.values() if one.kind == "group"), None)


def _is_just_missed(call: Call, ahead: Mapping[int, Meeting], at: datetime) -> bool:
    """Say whether a paper that comes now still is for this call: its meeting is ahead, or it has just closed."""
    if call.meeting_id is None:
        return at - calls.ended_at(call) <= _GRACE
    return call.meeting_id in ahead


def _begins(call: Call, ahead: Mapping[int, Meeting]) -> datetime:
    meeting = ahead.get(call.meeting_id or 0)
    return meeting.starts_at if meeting else call.closes_at


def _is_on(meeting: Meeting) -> bool:
    return meeting.state in {"tentative", "confirmed"}


def _source(given: Submission) -> str:
    return clean_text(given.source, _TITLE).strip()


def _organization(tx: Tx, author: Actor) -> str:
    """Who submits a paper that names no source: the author's organisation."""
    member = members.get_member(tx, author.member_id) if author.member_id else None
    return member.organization if member else ""


def _label(context: Context, group: tuple[int, str], paper: Paper) -> str:
    return numbers.label(context.charters[group[1]].acronym, paper.number or 0)


def _note(tx: Tx, context: Context, paper: Paper, actor: str, act: str) -> None:
    entry = audit.Entry(actor, act, f"paper {paper.number or paper.id}", {"title": paper.title})
    audit.record(tx, context.now, paper.group_id, entry)
