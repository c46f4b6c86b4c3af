"""
A report as a Word file (use case around a child process; it runs outside any transaction).

`sheet` turns a report's text into what the template is filled with; `render` has it filled by
`report_docx_child` in a process of its own, within a time; `work` makes the files that are missing, for the clock and
the commands. A file that cannot be made is tried a few times and then left: the text goes out without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

import cgbot
from cgbot.context import Context
from cgbot.errors import CgbotError, Deferred
from cgbot.groups import records as groups
from cgbot.groups.charter import Charter
from cgbot.itu import typography
from cgbot.meetings import records as meetings_of
from cgbot.meetings.records import Meeting
from cgbot.papers import report_records, report_text
from cgbot.papers.report_facts import days_of
from cgbot.papers.report_records import Version
from cgbot.papers.report_text import Block, Section
from cgbot.store import raw
from cgbot.store.db import Database, Tx

CONTENT_TYPE: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEMPLATE: Final = Path("papers") / "report.docx"
MOST_TRIES: Final = 3
SECONDS: Final = 15.0
_CONTACT: Final = ("name", "organization", "country")
log = structlog.get_logger(__name__)


# -------------------------------------------------------------------------------------------- from text to sheet


def sheet(body: str, charter: Charter, meeting: Meeting) -> dict[str, Any]:
    """What the template is filled with: the header table's facts, the abstract, and the sections as blocks."""
    fields = report_text.header(body)
    period = typography.study_period(days_of(meeting)[0])
    number = typography.study_group(charter.parent)
    hidden = {report_text.HEADER, report_text.ABSTRACT}
    return {
        "number": _field(fields, "Document") or f"{charter.parent}-TDn",
        "study_group": f"STUDY GROUP {number}" if number else (charter.parent_title or charter.parent).upper(),
        "study_period": f"STUDY PERIOD {period}" if period else "",
        "original": "English",
        "questions": _field(fields, "Question(s)"),
        "meeting": _field(fields, "Meeting"),
        "source": _field(fields, "Source"),
        "title": _field(fields, "Title"),
        "contacts": [_contact(one) for one in fields.get("Contact", ())] or [_contact("")],
        "abstract": [one.text for one in report_text.blocks(report_text.section(body, report_text.ABSTRACT))],
        "sections": [_section(one) for one in report_text.sections(body) if one.key not in hidden],
    }


def _field(fields: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def _contact(text: str) -> dict[str, str]:
    """`name | organisation | country | e-mail | Tel: number`; what is not known may be left out."""
    cells = [cell.strip() for cell in text.split("|")]
    tel = next((cell.partition(":")[2].strip() for cell in cells if cell.lower().startswith("tel")), "")
    email = next((cell for cell in cells if "@" in cell), "")
    plain = [cell for cell in cells if cell != email and not cell.lower().startswith("tel")]
    return {**dict(zip(_CONTACT, [*plain, "", "", ""], strict=False)), "tel": tel, "email": email}


def _section(one: Section) -> dict[str, Any]:
    return {"title": one.title, "blocks": _blocks(report_text.blocks(one.body))}


def _blocks(found: Sequence[Block]) -> list[dict[str, Any]]:
    """Paragraphs and bullets as they are, rows that follow each other as one table with its head."""
    listed: list[dict[str, Any]] = []
    for place, one in enumerate(found):
        if one.kind != "row":
            listed.append({"kind": one.kind, "text": one.text})
        elif place and found[place - 1].kind == "row":
            listed[-1]["rows"].append(_cells(one, len(listed[-1]["head"])))
        else:
            listed.append({"kind": "table", "head": list(one.cells), "rows": []})
    return listed


def _cells(row: Block, count: int) -> list[str]:
    """As many cells as the head has; what is over joins the last."""
    first, rest = list(row.cells[: count - 1]), list(row.cells[count - 1 :])
    return [*first, *[""] * (count - 1 - len(first)), " / ".join(rest)]


# ------------------------------------------------------------------------------------------------ the child process


def render(folders: Sequence[Path], facts: Mapping[str, Any]) -> bytes:
    """Fill the first papers/report.docx of these folders; raises Deferred with the reason when it cannot be done."""
    template = next((folder / TEMPLATE for folder in folders if (folder / TEMPLATE).is_file()), None)
    if template is None:
        raise Deferred(f"there is no template {TEMPLATE}")
    order = json.dumps({"template": str(template.absolute()), "facts": facts})
    # Only what Python needs; the library's folder instead of the working directory.
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    environment["PYTHONPATH"] = str(Path(cgbot.__file__).parent.parent)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cgbot.papers.report_docx_child"],
            input=order.encode(),
            capture_output=True,
            timeout=SECONDS,
            env=environment,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise Deferred(f"the Word file was not ready within {SECONDS:.0f} seconds") from error
    except subprocess.CalledProcessError as error:
        raise Deferred(f"the Word file could not be made: {_last_line(error.stderr)}") from error
    return done.stdout


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:500] if lines else "the process ended without a word"


# -------------------------------------------------------------------------------------------------- what is missing


def work(db: Database, context: Context) -> int:
    """Make every Word file that is missing, each between two transactions; how many were made."""
    missing = db.read_now(report_records.without_docx, MOST_TRIES)
    return sum(make(db, context, one) for one in missing)


def make(db: Database, context: Context, version: Version) -> bool:
    """Make the Word file of one version; a failure is logged and counted."""
    try:
        facts = db.read_now(_facts, context, version)
        prepared = raw.prepare(render(context.settings.template_folders, facts))
    except Exception as error:  # whatever a convener's text or an operator's template did: the text goes out alone
        reason = error.public if isinstance(error, CgbotError) else repr(error)
        log.exception("no Word file", report=version.report_id, version=version.number, reason=reason)
        db.write_now(report_records.note_docx, version.id, None)
        return False
    db.write_now(keep, version.id, prepared)
    return True


def _facts(tx: Tx, context: Context, version: Version) -> dict[str, Any]:
    report = report_records.get(tx, version.report_id)
    name = next(one.name for one in groups.list_groups(tx) if one.id == report.group_id)
    return sheet(version.body, context.charters[name], meetings_of.get(tx, report.meeting_id))


def keep(tx: Tx, version_id: int, prepared: raw.Prepared) -> None:
    """Store the Word file of a version."""
    raw.put(tx, [prepared])
    report_records.note_docx(tx, version_id, prepared.sha256)
