"""Edge: `cgbot contributions`, the papers of a group."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated

import typer

from cgbot.cli.shell import Json, noun, open_house, say, show, show_json
from cgbot.errors import Malformed
from cgbot.groups import orders
from cgbot.groups import records as groups
from cgbot.groups.charter import Charter
from cgbot.groups.commands import OPERATOR, Actor
from cgbot.papers import agenda, contributions, docx_header, numbers, records
from cgbot.papers.contributions import Submission
from cgbot.papers.numbers import Reference
from cgbot.papers.preparing import Bundle
from cgbot.papers.records import File, PaperView
from cgbot.store import raw
from cgbot.store.db import Tx

app = noun("Papers: list, show, add, withdraw.")
_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
_Number = Annotated[str, typer.Argument(help="C-0007, or 7.")]


@app.command("list")
def list_papers(group: _Group, *, as_json: Json = False) -> None:
    """List the papers by number, withdrawn ones too."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        charter = house.charters[found.name]
        rows = house.db.read_now(records.list_papers, found.id)
    show(
        as_json, [_plain(one, charter) for one in rows], ("number", "state", "title", "source", "marks"), "no paper yet"
    )


@app.command("show")
def show_paper(
    group: _Group,
    number: _Number,
    *,
    out: Annotated[Path | None, typer.Option("--out", help="A folder for the files of the newest revision.")] = None,
    as_json: Json = False,
) -> None:
    """Show a paper with its revisions, and write its files."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        charter = house.charters[found.name]
        view = house.db.read_now(_find, found.id, _reference(number, charter))
        for file in view.newest.files if out else ():
            out = out or Path()
            out.mkdir(parents=True, exist_ok=True)
            (out / Path(file.filename).name).write_bytes(house.db.read_now(raw.get, file.sha256))
    if as_json:
        show_json(_plain(view, charter))
        return
    say(agenda.line(view, charter.acronym))
    for one in view.revisions:
        say(f"  revision {one.revision}, {one.received_at:%Y-%m-%d %H:%M} UTC{', late' if one.late else ''}")
        for file in one.files:
            say(f"    {file.filename} ({file.size} octets)")


@app.command()
def add(
    group: _Group,
    file: Annotated[Path, typer.Argument(help="The paper.", exists=True, dir_okay=False, readable=True)],
    *,
    author: Annotated[str, typer.Option("--author", help="Whose paper it is: an address.")],
    title: Annotated[str, typer.Option("--title", help="The title; that of the file's header table without it.")] = "",
    source: Annotated[str, typer.Option("--source", help="Who submits it.")] = "",
    revises: Annotated[str, typer.Option("--revises", help="It is a new version of this paper: C-0007.")] = "",
    as_json: Json = False,
) -> None:
    """Register a paper that came another way; nobody gets a mail."""
    content = file.read_bytes()
    header = docx_header.read_header(content) if file.suffix.lower() == ".docx" else None
    prepared = raw.prepare(content)
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    bundle = Bundle(((File(file.name, kind, len(content), prepared.sha256), prepared),), header)
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        charter = house.charters[found.name]
        context = house.context()
        actor = house.db.read_now(orders.actor_of, found.id, author)
        given = Submission(
            title=title or (header.title if header else "") or file.stem,
            source=source or (header.source if header else ""),
            abstract=header.abstract if header else "",
            author=actor,
            received_at=context.now,
            bundle=bundle,
            revises=_reference(revises, charter) if revises else None,
        )
        view = house.db.write_now(contributions.register, context, (found.id, found.name), given)
    if as_json:
        show_json(_plain(view, charter))
    else:
        say(agenda.line(view, charter.acronym))


@app.command()
def withdraw(group: _Group, number: _Number) -> None:
    """Withdraw a paper; it stays listed and says so."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        charter = house.charters[found.name]
        what = _reference(number, charter)
        operator = Actor(OPERATOR, role="convener")
        house.db.write_now(contributions.withdraw, house.context(), (found.id, found.name), what, operator)
    say(f"{numbers.label(charter.acronym, what.number)} is withdrawn")


def _find(tx: Tx, group_id: int, what: Reference) -> PaperView:
    paper = records.find_paper(tx, group_id, what.number)
    if paper is None:
        raise Malformed(f"there is no paper C-{what.number:04}; `cgbot contributions list` shows them")
    return records.view(tx, paper)


def _reference(text: str, charter: Charter) -> Reference:
    found = numbers.find(text, charter.acronym)
    if found is None and text.isascii() and text.isdigit():
        found = Reference(int(text))
    if found is None:
        raise Malformed(f"{text!r} is not the number of a paper: write C-0007")
    return found


def _plain(view: PaperView, charter: Charter) -> dict[str, object]:
    newest = view.revisions[-1] if view.revisions else None
    return {
        "number": numbers.label(charter.acronym, view.paper.number or 0, newest.revision if newest else 0),
        "state": view.paper.state,
        "title": view.paper.title,
        "source": view.paper.source,
        "author": view.paper.author_address,
        "meeting": view.paper.meeting_id,
        "late": view.paper.late,
        "marks": ", ".join(agenda.marks_of(view, charter.acronym)),
        "revisions": [
            {
                "revision": one.revision,
                "received": one.received_at,
                "late": one.late,
                "files": [file.filename for file in one.files],
            }
            for one in view.revisions
        ],
    }
