"""Papers as Word files, made as their authors' programs make them."""

from __future__ import annotations

import io
import zipfile

import docx

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def contribution(title: str = "Proposed text for X.tr-ai", source: str = "Example University") -> bytes:
    """
    An ITU-T contribution of 2025: table 1 of nine rows and three columns, table 2 with the abstract.

    Rows as the template has them: three with logo, names and number, then Question(s), the banner, Source, Title and
    two contacts.
    """
    document = docx.Document()
    table = document.add_table(rows=9, cols=3)
    rows = [
        ("", "INTERNATIONAL TELECOMMUNICATION UNION", "SG17-Cn"),
        ("", "TELECOMMUNICATION STANDARDIZATION SECTOR", "STUDY GROUP 17"),
        ("", "STUDY PERIOD 2025-2028", "Original: English"),
        ("Question(s):", "7/17, 15/17", "Geneva, 1-10 June 2026"),
        ("CONTRIBUTION", "CONTRIBUTION", "CONTRIBUTION"),
        ("Source:", source, source),
        ("Title:", title, title),
        ("Contact:", "Zoë Müller\nExample University\nSwitzerland", "E-mail: zoe@example.org"),
        ("Contact:", "Yu Sato\nNICT\nJapan", "E-mail: yu@example.org"),
    ]
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    for number in (4, 5, 6):
        row = table.rows[number]
        row.cells[0 if number == 4 else 1].merge(row.cells[2]).text = rows[number][1]
    abstract = document.add_table(rows=1, cols=2)
    abstract.rows[0].cells[0].text = "Abstract:"
    abstract.rows[0].cells[1].text = "Which attacks on models\u00a0are new."
    document.add_paragraph("1 Introduction")
    return _saved(document)


def with_lines() -> bytes:
    """A paper whose header is lines, as older ones have it."""
    document = docx.Document()
    document.add_paragraph("Source:\tStudy Group 17")
    document.add_paragraph("Title:\tOlder papers have lines instead of a table")
    document.add_paragraph("The title: of a section is no title")
    return _saved(document)


def body(xml: str, *, before: str = "") -> bytes:
    """A Word file whose main part holds this."""
    return archive({"word/document.xml": f'{before}<w:document xmlns:w="{_W}"><w:body>{xml}</w:body></w:document>'})


def archive(parts: dict[str, str]) -> bytes:
    """An archive with these parts."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            file.writestr(name, text)
    return written.getvalue()


def row(*cells: str) -> str:
    """A row of a table, its cells as XML."""
    return "<w:tr>" + "".join(f"<w:tc>{one}</w:tc>" for one in cells) + "</w:tr>"


def paragraph(text: str) -> str:
    """A paragraph of one run."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def _saved(document: docx.document.Document) -> bytes:
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()
