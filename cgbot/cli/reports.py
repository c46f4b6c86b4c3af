"""Edge: `cgbot reports`, the activity reports that a group owes its parent."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer

from cgbot.app import House
from cgbot.cli.shell import Json, noun, open_house, say, show, show_json
from cgbot.errors import Malformed, NotFound
from cgbot.groups import records as groups
from cgbot.itu import typography
from cgbot.papers import report, report_docx, report_letters, report_orders, report_records
from cgbot.papers.report import Correction, Owed
from cgbot.papers.report_records import Version
from cgbot.store import raw
from cgbot.store.db import Tx

app = noun("The activity reports to the parent: drafted from facts, approved and submitted by conveners.")
_ACTOR: Final = "operator"
_Id = Annotated[int, typer.Argument(help="The number that `cgbot reports list` shows.")]
_COLUMNS: Final = ("id", "group", "to", "due", "state", "version")


@app.command("list")
def list_reports(
    group: Annotated[str, typer.Argument(help="A group; all of them when left out.")] = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those of past meetings too.")] = False,
    as_json: Json = False,
) -> None:
    """List the reports that are owed, with the day on which each is due; one without a number has no draft yet."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group) if group else None
        group_id = found.id if found else None
        rows = list(house.db.read_now(report.owed, house.context(), group_id))
        if everything:
            known = {one.meeting.id for one in rows}
            past = house.db.read_now(_past, house, group_id)
            rows = [*(one for one in past if one.meeting.id not in known), *rows]
        listed = [{**_plain(one), "version": _version(house, one)} for one in rows]
    show(as_json, listed, _COLUMNS, empty="no report is owed")


def _past(tx: Tx, house: House, group_id: int | None) -> tuple[Owed, ...]:
    found = report_records.of_group(tx, group_id)
    return tuple(report.to_meeting(tx, house.context(), one.meeting_id) for one in found)


@app.command()
def draft(
    group: Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")],
    *,
    meeting: Annotated[int, typer.Option("--meeting", help="The parent's meeting; the next one without it.")] = 0,
    edit: Annotated[
        Path | None, typer.Option("--edit", help="A file with the corrected text, as show gives it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the draft, or make it anew of what has happened since; corrections stay. --edit takes a corrected text."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        one = house.db.read_now(_owed, house, found.id, meeting)
        if edit is None:
            made = house.db.write_now(report.draft, house.context(), one, _ACTOR)
        else:
            made = house.db.write_now(_correct, house, one, _text(edit))
        ready = made.docx is not None or report_docx.make(house.db, house.context(), made)
    if as_json:
        show_json(_plain_version(made))
        return
    say(f"report {made.report_id}, version {made.number}, to {one.to}, due on {typography.weekday(one.due)}")
    say("the conveners get it by mail" if ready else "its Word file could not be made; see the log")


def _owed(tx: Tx, house: House, group_id: int, meeting_id: int) -> Owed:
    if not meeting_id:
        return report.next_of(tx, house.context(), group_id)
    one = report.to_meeting(tx, house.context(), meeting_id)
    if one.group.id != group_id:
        raise NotFound(f"there is no meeting {meeting_id} in this group")
    return one


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Malformed(f"{file} cannot be read: {error}") from error


def _correct(tx: Tx, house: House, one: Owed, text: str) -> Version:
    last = report_records.latest(tx, one.report.id) if one.report else None
    if last is None:
        raise NotFound("there is no draft to correct yet: make it first, without --edit")
    return report.correct(tx, house.context(), last.report_id, Correction(_ACTOR, text, last.number))


@app.command("show")
def show_report(
    report_id: _Id,
    *,
    number: Annotated[int, typer.Option("--version", help="A version; the newest without it.")] = 0,
    docx: Annotated[Path | None, typer.Option("--docx", help="Write the Word file here instead.")] = None,
    as_json: Json = False,
) -> None:
    """Show a report's text, as `draft --edit` takes it, or write its Word file."""
    with open_house() as house:
        one = house.db.read_now(report.of, house.context(), report_id)
        version = house.db.read_now(_chosen, report_id, number)
        if docx is not None:
            _write(house, one, version, docx)
    if docx is not None:
        say(f"{docx}: report {report_id}, version {version.number}")
    elif as_json:
        show_json({**_plain(one), **_plain_version(version), "receipt": one.report.receipt if one.report else ""})
    else:
        say(version.body.rstrip("\n"))


def _chosen(tx: Tx, report_id: int, number: int) -> Version:
    if number:
        return report_records.version(tx, report_id, number)
    last = report_records.latest(tx, report_id)
    if last is None:
        raise NotFound(f"report {report_id} has no draft yet")
    return last


def _write(house: House, one: Owed, version: Version, file: Path) -> None:
    """Write the stored Word file, or make it now; what goes wrong is said."""
    if version.docx is not None:
        content = house.db.read_now(raw.get, version.docx)
    else:
        facts = report_docx.sheet(version.body, one.charter, one.meeting)
        content = report_docx.render(house.settings.template_folders, facts)
        house.db.write_now(report_docx.keep, version.id, raw.prepare(content))
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Malformed(f"{file} cannot be written: {error.strerror}") from error


@app.command()
def approve(report_id: _Id, *, as_json: Json = False) -> None:
    """Approve the newest version; the conveners are told."""
    with open_house() as house:
        one = house.db.read_now(report.of, house.context(), report_id)
        house.db.write_now(report_orders.approve, house.context(), one, _ACTOR, None)
        one = house.db.read_now(report.of, house.context(), report_id)
    _say_done(one, as_json, f"report {report_id} to {one.to} is approved")


@app.command()
def submit(report_id: _Id, *, as_json: Json = False) -> None:
    """Send an approved report to the secretariat; the conveners are told."""
    with open_house() as house:
        for version in house.db.read_now(report_records.without_docx, report_docx.MOST_TRIES):
            if version.report_id == report_id:
                report_docx.make(house.db, house.context(), version)
        one = house.db.read_now(report.of, house.context(), report_id)
        house.db.write_now(report_orders.submit, house.context(), one, _ACTOR)
        one = house.db.read_now(report.of, house.context(), report_id)
    _say_done(one, as_json, f"report {report_id} to {one.to} is on its way to {one.charter.secretariat}")


def _say_done(one: Owed, as_json: bool, text: str) -> None:
    if as_json:
        show_json(_plain(one))
    else:
        say(text)


def _version(house: House, one: Owed) -> int | None:
    last = house.db.read_now(report_records.latest, one.report.id) if one.report else None
    return last.number if last else None


def _plain(one: Owed) -> dict[str, object]:
    mine = one.report
    due: date = one.due
    return {
        "id": mine.id if mine else None,
        "group": one.group.name,
        "meeting": one.meeting.id,
        "to": one.to,
        "due": due,
        "comments_until": report_letters.comments_until(one),
        "state": one.state,
        "approved_by": mine.approved_by if mine else "",
        "approved_version": mine.approved_version if mine else None,
        "submitted_at": mine.submitted_at if mine else None,
        "receipt_at": mine.receipt_at if mine else None,
    }


def _plain_version(version: Version) -> dict[str, object]:
    names = ("report_id", "number", "made_at", "made_by", "body")
    return {**{name: getattr(version, name) for name in names}, "docx": version.docx is not None}
