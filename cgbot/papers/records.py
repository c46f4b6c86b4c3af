"""
Calls, papers, their revisions and files (records).

A number is the highest one so far plus one, and unique; a withdrawn or replaced paper stays where it is and says so.
Nothing here sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from cgbot.errors import NotFound
from cgbot.store.tables import calls, paper_files, paper_revisions, papers


@dataclass(frozen=True, slots=True)
class Call:
    """A call for contributions; `rule` says who decides when it closes (see the table)."""

    id: int
    group_id: int
    meeting_id: int | None
    title: str
    text: str
    closes_at: datetime
    rule: str
    state: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    message_id: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper as its newest revision has it; no `number` for one that is only announced."""

    id: int
    group_id: int
    number: int | None
    title: str
    source: str
    abstract: str
    author_name: str
    author_address: str
    member_id: int | None
    meeting_id: int | None
    call_id: int | None
    state: str
    replaced_by: int | None
    late: bool
    announced_at: datetime | None
    registered_at: datetime | None


@dataclass(frozen=True, slots=True)
class File:
    """A file of a revision; the bytes are in store.raw under `sha256`."""

    filename: str
    content_type: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a paper as it came in."""

    id: int
    paper_id: int
    revision: int
    title: str
    source: str
    abstract: str
    received_at: datetime
    late: bool
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class PaperView:
    """A paper with its revisions, oldest first, and the number of the paper that replaces it."""

    paper: Paper
    revisions: tuple[Revision, ...]
    replaced_by: int | None

    @property
    def newest(self) -> Revision:
        """The newest revision; a registered paper has one."""
        return self.revisions[-1]


# ------------------------------------------------------------------------------------------------------------ calls


def add_call(tx: Connection, values: dict[str, Any]) -> Call:
    """Write a new call."""
    (call_id,) = tuple(tx.execute(insert(calls).values(**values)).inserted_primary_key or ())
    return get_call(tx, int(call_id))


def get_call(tx: Connection, call_id: int) -> Call:
    """The call of this number. Raises NotFound."""
    row = tx.execute(select(calls).where(calls.c.id == call_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no call {call_id}; `cgbot calls list` shows them")
    return Call(**row._mapping)


def list_calls(tx: Connection, group_id: int | None = None, *, only_open: bool = False) -> tuple[Call, ...]:
    """Calls by the time at which they close."""
    wanted = select(calls).order_by(calls.c.closes_at, calls.c.id)
    if group_id is not None:
        wanted = wanted.where(calls.c.group_id == group_id)
    if only_open:
        wanted = wanted.where(calls.c.state == "open")
    return tuple(Call(**row._mapping) for row in tx.execute(wanted))


def change_call(tx: Connection, call_id: int, values: dict[str, Any]) -> Call:
    """Write changed columns of a call."""
    tx.execute(update(calls).where(calls.c.id == call_id).values(**values))
    return get_call(tx, call_id)


# ----------------------------------------------------------------------------------------------------------- papers


def next_number(tx: Connection, group_id: int) -> int:
    """The number that the group's next paper gets: the highest one plus one, withdrawn ones counted."""
    highest = tx.execute(select(func.max(papers.c.number)).where(papers.c.group_id == group_id)).scalar_one()
    return int(highest or 0) + 1


def add_paper(tx: Connection, values: dict[str, Any]) -> Paper:
    """Write a new paper."""
    (paper_id,) = tuple(tx.execute(insert(papers).values(**values)).inserted_primary_key or ())
    return get_paper(tx, int(paper_id))


def get_paper(tx: Connection, paper_id: int) -> Paper:
    """The paper with this id. Raises NotFound."""
    row = tx.execute(select(papers).where(papers.c.id == paper_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no paper with the id {paper_id}")
    return Paper(**row._mapping)


def find_paper(tx: Connection, group_id: int, number: int) -> Paper | None:
    """The group's paper of this number."""
    mine = (papers.c.group_id == group_id) & (papers.c.number == number)
    row = tx.execute(select(papers).where(mine)).one_or_none()
    return Paper(**row._mapping) if row else None


def change_paper(tx: Connection, paper_id: int, values: dict[str, Any]) -> Paper:
    """Write changed columns of a paper."""
    tx.execute(update(papers).where(papers.c.id == paper_id).values(**values))
    return get_paper(tx, paper_id)


def announced(tx: Connection, group_id: int, address: str | None = None) -> tuple[Paper, ...]:
    """Papers that were announced and have not come, of one author or of all."""
    mine = (papers.c.group_id == group_id) & (papers.c.state == "announced")
    rows = tx.execute(select(papers).where(mine).order_by(papers.c.id))
    found = tuple(Paper(**row._mapping) for row in rows)
    return found if address is None else tuple(one for one in found if one.author_address == address)


def add_revision(tx: Connection, values: dict[str, Any], files: Sequence[File]) -> None:
    """Write a revision with its files, whose bytes are stored already."""
    (revision_id,) = tuple(tx.execute(insert(paper_revisions).values(**values)).inserted_primary_key or ())
    rows = [
        {"revision_id": revision_id, "filename": one.filename, "content_type": one.content_type, "size": one.size,
         "sha256": one.sha256}
        for one in files
    ]  # fmt: skip
    if rows:
        tx.execute(insert(paper_files), rows)


def list_papers(tx: Connection, group_id: int, meeting_id: int | None = None) -> tuple[PaperView, ...]:
    """The group's numbered papers by number, of one meeting or all, withdrawn and replaced ones too."""
    mine = (papers.c.group_id == group_id) & papers.c.number.is_not(None)
    if meeting_id is not None:
        mine &= papers.c.meeting_id == meeting_id
    found = [Paper(**row._mapping) for row in tx.execute(select(papers).where(mine).order_by(papers.c.number))]
    versions = _revisions(tx, [one.id for one in found])
    numbers = {
        row.id: row.number
        for row in tx.execute(select(papers.c.id, papers.c.number).where(papers.c.group_id == group_id))
    }
    return tuple(PaperView(one, versions.get(one.id, ()), numbers.get(one.replaced_by or 0)) for one in found)


def view(tx: Connection, paper: Paper) -> PaperView:
    """One paper with its revisions."""
    by = get_paper(tx, paper.replaced_by).number if paper.replaced_by else None
    return PaperView(paper, _revisions(tx, [paper.id]).get(paper.id, ()), by)


def get_file(tx: Connection, group_id: int, number: int, revision: int, filename: str) -> File:
    """A file of a paper's revision. Raises NotFound."""
    paper = find_paper(tx, group_id, number)
    versions = _revisions(tx, [paper.id]).get(paper.id, ()) if paper else ()
    files = (file for one in versions if one.revision == revision for file in one.files if file.filename == filename)
    found = next(files, None)
    if found is None:
        raise NotFound("there is no such file")
    return found


def _revisions(tx: Connection, ids: Sequence[int]) -> dict[int, tuple[Revision, ...]]:
    found: dict[int, tuple[Revision, ...]] = {}
    names = [name for name in Revision.__dataclass_fields__ if name != "files"]
    for start in range(0, len(ids), 500):
        mine = paper_revisions.c.paper_id.in_(ids[start : start + 500])
        rows = tx.execute(select(paper_revisions).where(mine).order_by(paper_revisions.c.revision)).all()
        files = _files(tx, [row.id for row in rows])
        for row in rows:
            one = Revision(**{name: getattr(row, name) for name in names}, files=files.get(row.id, ()))
            found[row.paper_id] = (*found.get(row.paper_id, ()), one)
    return found


def _files(tx: Connection, ids: Sequence[int]) -> dict[int, tuple[File, ...]]:
    found: dict[int, tuple[File, ...]] = {}
    for row in tx.execute(select(paper_files).where(paper_files.c.revision_id.in_(ids)).order_by(paper_files.c.id)):
        file = File(row.filename, row.content_type, row.size, bytes(row.sha256))
        found[row.revision_id] = (*found.get(row.revision_id, ()), file)
    return found
