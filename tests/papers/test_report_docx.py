"""The Word file: every fact of the text is in it, it opens, and what makes it stays out of the way."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docx
import pytest

from cgbot.context import Context
from cgbot.errors import Deferred
from cgbot.groups.charter import Charter
from cgbot.groups.records import Group
from cgbot.papers import report_docx, report_records, report_text
from cgbot.papers.report_docx import render, sheet
from cgbot.papers.report_text import Section, written
from cgbot.settings import Settings
from cgbot.store import raw
from cgbot.store.db import Database
from tests.conftest import ROOT
from tests.papers.reporting import drafted, geneva, owed, parent_meeting, people

FOLDERS = Settings().template_folders
TEXT = written(
    (
        Section(
            "Header",
            "Document: SG17-TD123/P\nQuestion(s): All/17\nMeeting: Geneva, 1–10 June 2026\nSource: Convener CG-AISEC\n"
            "Title: Report of <CG-AISEC> & friends\n"
            "Contact: Xiongwei Jia | China Unicom | China | jia@example.org | Tel: +86 10 1234\n"
            "Contact: Zhiyuan HU | vivo | China | hu@example.org",
        ),
        Section("Abstract", "Short: a < b & c > d {{ not a template }} 人工智能.\n\nA second paragraph."),
        Section(
            "1 Introduction", "We write {% raw %} and \x07 control\x00 characters.\n\n- a bullet & more\n- another"
        ),
        Section(
            "2 Contributions", "| Number | Title |\n| C-0001 | On <LLM> |\n| C-0002 | too | many | cells |\n| C-0003 |"
        ),
        Section("Annex A Participants", "| Name | Organisation | Country |\n| Zoë | ETRI | Korea |"),
    )
)


@pytest.fixture
def facts(charter: Charter) -> dict[str, Any]:
    return sheet(TEXT, charter, meeting_on("2026-06-01", "2026-06-11"))


def meeting_on(start: str, end: str) -> Any:
    """All that a header needs of a meeting: its days."""
    return SimpleNamespace(zone="Europe/Zurich", starts_at=geneva(start, 0), ends_at=geneva(end, 0))


def words(document: Any) -> list[str]:
    """Every paragraph, those of tables too, in the order of the document."""
    return [
        "".join(node.text or "" for node in element.iter() if node.tag.endswith("}t"))
        for element in document.element.body.iter()
        if element.tag.endswith("}p")
    ]


def test_every_fact_of_the_text_can_be_read_back(facts: dict[str, Any]) -> None:
    document = docx.Document(io.BytesIO(render(FOLDERS, facts)))
    read = words(document)
    for line in (
        "SG17-TD123/P", "STUDY GROUP 17", "STUDY PERIOD 2025-2028", "Original: English", "Question(s):", "All/17",
        "Geneva, 1–10 June 2026", "TD", "Source:", "Convener CG-AISEC", "Title:", "Report of <CG-AISEC> & friends",
        "Contact:", "Xiongwei Jia", "China Unicom", "China", "Tel: +86 10 1234", "E-mail: jia@example.org",
        "Zhiyuan HU", "E-mail: hu@example.org", "Abstract:", "A second paragraph.",
        "Short: a < b & c > d {{ not a template }} 人工智能.", "1 Introduction",
        "We write {% raw %} and  control characters.", "a bullet & more", "another", "2 Contributions",
        "C-0001", "On <LLM>", "too / many / cells", "C-0003", "Annex A Participants", "Zoë",
    ):  # fmt: skip
        assert line in read, line
    assert read[-1] == "_______________________"
    assert not [line for line in read if "{%" in line and "raw" not in line]


def test_the_header_table_is_that_of_a_td(facts: dict[str, Any]) -> None:
    """Rows of the ITU-T template: publisher, number and group; Question(s); banner; source; title; contacts."""
    document = docx.Document(io.BytesIO(render(FOLDERS, facts)))
    table = document.tables[0]
    first = [row.cells[0].text for row in table.rows]
    assert first == ["ITU-T", "ITU-T", "ITU-T", "Question(s):", "TD", "Source:", "Title:", "Contact:", "Contact:"]
    assert [row.cells[2].text for row in table.rows[:4]] == [
        "SG17-TD123/P",
        "STUDY GROUP 17",
        "Original: English",
        "Geneva, 1–10 June 2026",
    ]
    assert document.tables[1].cell(0, 0).text == "Abstract:"
    styles = {p.text: p.style.name for p in document.paragraphs if p.style is not None}
    assert (styles["1 Introduction"], styles["a bullet & more"]) == ("Heading 1", "List Bullet")
    listed = [[[cell.text for cell in row.cells] for row in one.rows] for one in document.tables[2:]]
    assert listed == [
        [["Number", "Title"], ["C-0001", "On <LLM>"], ["C-0002", "too / many / cells"], ["C-0003", ""]],
        [["Name", "Organisation", "Country"], ["Zoë", "ETRI", "Korea"]],
    ]


def test_every_page_but_the_first_has_its_number(facts: dict[str, Any]) -> None:
    document = docx.Document(io.BytesIO(render(FOLDERS, facts)))
    section = document.sections[0]
    assert section.different_first_page_header_footer
    assert [paragraph.text for paragraph in section.header.paragraphs] == ["- 1 -", "SG17-TD123/P"]
    assert " PAGE " in section.header._element.xml
    assert document.core_properties.title == "Report of <CG-AISEC> & friends"


def test_another_body_than_a_study_group_and_an_empty_report(charter: Charter) -> None:
    other = replace(charter, parent="TSAG", parent_title="Telecommunication advisory group")
    made = sheet("Nothing but a line.", other, meeting_on("2031-01-10", "2031-01-12"))
    assert (made["number"], made["study_group"]) == ("TSAG-TDn", "TELECOMMUNICATION ADVISORY GROUP")
    assert made["study_period"] == ""
    assert "Nothing but a line." in words(docx.Document(io.BytesIO(render(FOLDERS, made))))


def test_a_contact_of_whom_little_is_known(charter: Charter) -> None:
    text = written([Section("Header", "Contact: Jia | jia@example.org\nContact: Hu | Tel: +1 2 | China Unicom")])
    made = sheet(text, charter, meeting_on("2026-06-01", "2026-06-11"))
    assert made["contacts"] == [
        {"name": "Jia", "organization": "", "country": "", "tel": "", "email": "jia@example.org"},
        {"name": "Hu", "organization": "China Unicom", "country": "", "tel": "+1 2", "email": ""},
    ]


def test_an_operators_own_template_comes_first(facts: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    own = docx.Document()
    own.add_paragraph("Ours: {{ title }}")
    own.save(str(tmp_path / "papers" / "report.docx"))
    assert words(docx.Document(io.BytesIO(render([tmp_path, *FOLDERS], facts)))) == [
        "Ours: Report of <CG-AISEC> & friends"
    ]


def test_a_broken_template_says_what_is_wrong(facts: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "report.docx").write_bytes(b"no document")
    with pytest.raises(Deferred, match=r"could not be made: .*PackageNotFoundError"):
        render([tmp_path], facts)
    with pytest.raises(Deferred, match=r"there is no template papers/report\.docx"):
        render([tmp_path / "nowhere"], facts)


def test_the_template_is_what_its_script_makes(tmp_path: Path) -> None:
    """The bundled file can be made anew; nobody has changed it by hand."""
    script = [sys.executable, "scripts/make_report_template.py", str(tmp_path / "report.docx")]
    subprocess.run(script, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}, check=True)
    parts = [_parts(folder / "report.docx") for folder in (tmp_path, ROOT / "templates" / "papers")]
    assert parts[0] == parts[1]


def _parts(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist() if "core.xml" not in name}


def test_the_office_libraries_stay_out_of_serve() -> None:
    code = "import sys, cgbot.wiring, cgbot.serving; print([one for one in ('docx', 'docxtpl') if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_child_takes_so_much_memory_and_time_and_no_more() -> None:
    code = "from cgbot.papers import report_docx_child as child; child.limit(); "
    greedy = [code + "bytes(child.MEMORY)", code + "import resource; print(resource.getrlimit(resource.RLIMIT_CPU))"]
    memory, cpu = (
        subprocess.run([sys.executable, "-c", one], cwd=ROOT, capture_output=True, text=True, check=False)
        for one in greedy
    )
    assert memory.stderr.rstrip().endswith("MemoryError")
    assert cpu.stdout == "(10, 10)\n"


def test_what_is_missing_is_made_once_and_kept(db: Database, context: Context, group: Group) -> None:
    people(db, context, group)
    meeting = parent_meeting(db, context, group, "2027-06-01")
    version = drafted(db, context, meeting)
    assert report_docx.work(db, context) == 1
    assert report_docx.work(db, context) == 0
    stored = db.read_now(report_records.version, version.report_id, 1)
    assert stored.docx is not None
    content = db.read_now(raw.get, stored.docx)
    read = words(docx.Document(io.BytesIO(content)))
    title = report_text.header(version.body)["Title"][0]
    assert title in read
    assert "E-mail: jia@example.org" in read
    for one in report_text.sections(version.body)[2:]:
        assert one.title in read
    assert owed(db, context, meeting).state == "drafted"


def test_a_file_that_cannot_be_made_is_tried_three_times(
    db: Database, context: Context, group: Group, tmp_path: Path
) -> None:
    people(db, context, group)
    version = drafted(db, context, parent_meeting(db, context, group, "2027-06-01"))
    (tmp_path / "own" / "papers").mkdir(parents=True)
    (tmp_path / "own" / "papers" / "report.docx").write_bytes(b"no document")
    settings = replace(context.settings, service=replace(context.settings.service, templates=tmp_path / "own"))
    broken = replace(context, settings=settings)
    assert [report_docx.work(db, broken) for _ in range(5)] == [0] * 5
    stored = db.read_now(report_records.version, version.report_id, 1)
    assert (stored.docx, stored.docx_tries) == (None, report_docx.MOST_TRIES)


@pytest.mark.skipif(not (shutil.which("soffice") and shutil.which("pdftotext")), reason="LibreOffice is not installed")
def test_it_opens_in_libreoffice(facts: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "report.docx").write_bytes(render(FOLDERS, facts))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), "report.docx"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=100)
    done = subprocess.run(
        ["pdftotext", "-layout", "report.pdf", "-"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    for text in ("SG17-TD123/P", "STUDY GROUP 17", "Geneva, 1–10 June 2026", "Convener CG-AISEC", "jia@example.org",
                 "1 Introduction", "On <LLM>", "Annex A Participants"):  # fmt: skip
        assert text in done.stdout
