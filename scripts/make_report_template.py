"""
Make templates/papers/report.docx: the Word template of an activity report, with the header table of an ITU-T TD.

    PYTHONPATH=. .venv/bin/python scripts/make_report_template.py

The document is written by python-docx, so that what it holds can be read here; docxtpl fills it later. An operator's
own papers/report.docx may look different, as long as it uses the same names.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

PLACE: Final = Path(__file__).parent.parent / "templates" / "papers" / "report.docx"
FONT: Final = "Times New Roman"
WIDTHS: Final = (Cm(2.6), Cm(8.8), Cm(5.6))


def main() -> None:
    """Write the template, to the file named or to its place."""
    document = Document()
    set_page(document)
    set_styles(document)
    header_table(document)
    abstract_table(document)
    body(document)
    rule = document.add_paragraph("_______________________")
    rule.alignment = WD_ALIGN_PARAGRAPH.CENTER
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PLACE
    target.parent.mkdir(parents=True, exist_ok=True)
    document.save(str(target))


def set_page(document: Any) -> None:
    """A4 with margins of 2 cm; "- n -" and the document's number on every page but the first."""
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Cm(2)
    section.header_distance = Cm(1)
    section.different_first_page_header_footer = True
    paragraph = section.header.paragraphs[0]
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.add_run("- ")
    field(paragraph, "PAGE")
    paragraph.add_run(" -")
    number = section.header.add_paragraph("{{ number }}", style="Header")
    number.alignment = WD_ALIGN_PARAGRAPH.CENTER


def field(paragraph: Any, instruction: str) -> None:
    """A field that the word processor fills."""
    run = paragraph.add_run()
    for kind, text in (("begin", ""), ("", instruction), ("separate", ""), ("text", "1"), ("end", "")):
        if kind == "text":
            run.add_text(text)
        elif kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)
        else:
            words = OxmlElement("w:instrText")
            words.set(qn("xml:space"), "preserve")
            words.text = f" {text} "
            run._r.append(words)


def set_styles(document: Any) -> None:
    """Times New Roman 12 as in ITU-T's templates; black headings."""
    normal = document.styles["Normal"]
    set_font(normal, 12)
    normal.paragraph_format.space_before, normal.paragraph_format.space_after = Pt(6), Pt(0)
    heading = document.styles["Heading 1"]
    set_font(heading, 12)
    heading.font.bold = True
    heading.font.color.rgb = None
    color = heading.element.rPr.find(qn("w:color"))
    if color is not None:
        heading.element.rPr.remove(color)
    heading.paragraph_format.space_before, heading.paragraph_format.space_after = Pt(18), Pt(4)
    bullet = document.styles["List Bullet"]
    bullet.paragraph_format.space_before = Pt(3)
    bullet.paragraph_format.space_after = Pt(0)
    table = document.styles.add_style("Report Table", 3)
    table.base_style = document.styles["Table Grid"]
    set_font(document.styles["Header"], 9)
    document.styles["Header"].paragraph_format.space_before = Pt(0)
    document.styles["Header"].paragraph_format.space_after = Pt(0)


def set_font(style: Any, size: int) -> None:
    """The font for every script."""
    style.font.name, style.font.size = FONT, Pt(size)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
        fonts.set(qn(name), FONT)
    for name in ("w:asciiTheme", "w:hAnsiTheme", "w:cstheme", "w:eastAsiaTheme"):
        if fonts.get(qn(name)) is not None:
            del fonts.attrib[qn(name)]


def header_table(document: Any) -> None:
    """The first table of a TD: publisher, number and group, Questions and meeting, banner, source, title, contacts."""
    table = document.add_table(rows=10, cols=3)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    set_widths(table, WIDTHS)
    publisher(table)
    put(table.cell(3, 0), "Question(s):", bold=True)
    put(table.cell(3, 1), "{{ questions }}")
    put(table.cell(3, 2), "{{ meeting }}", align=WD_ALIGN_PARAGRAPH.RIGHT)
    put(table.cell(4, 0).merge(table.cell(4, 2)), "TD", bold=True, align=WD_ALIGN_PARAGRAPH.CENTER)
    for row, name, value in ((5, "Source:", "{{ source }}"), (6, "Title:", "{{ title }}")):
        put(table.cell(row, 0), name, bold=True)
        put(table.cell(row, 1).merge(table.cell(row, 2)), value)
    contacts(table)
    edges(table.rows[2], bottom=12)
    edges(table.rows[6], bottom=6)
    edges(table.rows[8], bottom=6)


def set_widths(table: Any, widths: Sequence[int]) -> None:
    """The widths of columns and cells; no row is cut by the end of a page."""
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for row in table.rows:
        keep_together(row)
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width


def publisher(table: Any) -> None:
    """The first three rows."""
    put(table.cell(0, 0).merge(table.cell(2, 0)), "ITU-T", bold=True, size=20)
    middle = table.cell(0, 1).merge(table.cell(2, 1))
    put(middle, "INTERNATIONAL TELECOMMUNICATION UNION", size=9)
    add(middle, "TELECOMMUNICATION STANDARDIZATION SECTOR", bold=True, size=9)
    add(middle, "{{ study_period }}", size=9)
    right = WD_ALIGN_PARAGRAPH.RIGHT
    put(table.cell(0, 2), "{{ number }}", bold=True, size=16, align=right)
    put(table.cell(1, 2), "{{ study_group }}", bold=True, size=14, align=right)
    put(table.cell(2, 2), "Original: {{ original }}", bold=True, align=right)


def contacts(table: Any) -> None:
    """One row a contact."""
    put(table.cell(7, 0), "{%tr for contact in contacts %}")
    put(table.cell(8, 0), "Contact:", bold=True)
    put(table.cell(8, 1), "{{ contact.name }}")
    add(table.cell(8, 1), "{{ contact.organization }}")
    add(table.cell(8, 1), "{{ contact.country }}")
    put(table.cell(8, 2), "Tel: {{ contact.tel }}")
    add(table.cell(8, 2), "E-mail: {{ contact.email }}")
    put(table.cell(9, 0), "{%tr endfor %}")


def abstract_table(document: Any) -> None:
    """The second table."""
    gap = document.add_paragraph()
    gap.paragraph_format.space_before = Pt(0)
    table = document.add_table(rows=1, cols=2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    set_widths(table, (WIDTHS[0], WIDTHS[1] + WIDTHS[2]))
    put(table.cell(0, 0), "Abstract:", bold=True)
    put(table.cell(0, 1), "{%p for paragraph in abstract %}")
    add(table.cell(0, 1), "{{ paragraph }}")
    add(table.cell(0, 1), "{%p endfor %}")


def body(document: Any) -> None:
    """The sections: headings with paragraphs, bullets and tables."""
    document.add_paragraph("{%p for section in sections %}")
    document.add_paragraph("{{ section.title }}", style="Heading 1")
    document.add_paragraph("{%p for block in section.blocks %}")
    document.add_paragraph("{%p if block.kind == 'bullet' %}")
    document.add_paragraph("{{ block.text }}", style="List Bullet")
    document.add_paragraph("{%p elif block.kind == 'table' %}")
    listing(document)
    after = document.add_paragraph("{%p else %}")
    after.paragraph_format.space_before = Pt(0)
    document.add_paragraph("{{ block.text }}")
    for end in ("{%p endif %}", "{%p endfor %}", "{%p endfor %}"):
        document.add_paragraph(end)


def listing(document: Any) -> None:
    """A table of any number of columns: its head, and its rows."""
    table = document.add_table(rows=4, cols=3)
    table.style = document.styles["Report Table"]
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for cell, text in zip(
        table.rows[0].cells, ("{%tc for cell in block.head %}", "{{ cell }}", "{%tc endfor %}"), strict=True
    ):
        put(cell, text, bold=True, size=10)
    put(table.cell(1, 0), "{%tr for row in block.rows %}", size=10)
    for cell, text in zip(
        table.rows[2].cells, ("{%tc for cell in row %}", "{{ cell }}", "{%tc endfor %}"), strict=True
    ):
        put(cell, text, size=10)
    put(table.cell(3, 0), "{%tr endfor %}", size=10)
    repeat(table.rows[0])
    for row in table.rows:
        keep_together(row)


def put(cell: Any, text: str, *, bold: bool = False, size: int = 0, align: Any = None) -> None:
    """Write a cell's first paragraph."""
    style(cell.paragraphs[0], text, bold, size)
    cell.paragraphs[0].alignment = align


def add(cell: Any, text: str, *, bold: bool = False, size: int = 0) -> None:
    """Write one more paragraph into a cell."""
    style(cell.add_paragraph(), text, bold, size)


def style(paragraph: Any, text: str, bold: bool, size: int) -> None:
    """Write a run."""
    run = paragraph.add_run(text)
    run.bold = bold or None
    if size:
        run.font.size = Pt(size)
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(2)


def edges(row: Any, *, bottom: int) -> None:
    """A line below a row, in eighths of a point."""
    for cell in row._tr.tc_lst:  # also those that go on with a cell above
        properties = cell.get_or_add_tcPr()
        borders = OxmlElement("w:tcBorders")
        line = OxmlElement("w:bottom")
        for name, value in (("val", "single"), ("sz", str(bottom)), ("space", "0"), ("color", "auto")):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
        properties.append(borders)


def repeat(row: Any) -> None:
    """A table's head stands on every page."""
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def keep_together(row: Any) -> None:
    """A row is not cut by the end of a page."""
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


if __name__ == "__main__":
    main()
