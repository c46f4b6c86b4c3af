"""The header table of an ITU-T contribution (layout: domain rules 1.7), and files that are made to hurt."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile

import pytest

from cgbot.papers import docx_header, docx_header_child
from cgbot.papers.docx_header import Header, read_header
from tests.papers import words
from tests.papers.words import paragraph, row


def test_the_header_table_of_a_contribution() -> None:
    assert read_header(words.contribution()) == Header(
        title="Proposed text for X.tr-ai",
        source="Example University",
        questions="7/17, 15/17",
        abstract="Which attacks on models are new.",
    )


def test_lines_of_an_older_layout() -> None:
    found = read_header(words.with_lines())
    assert found == Header("Older papers have lines instead of a table", "Study Group 17")


def test_words_in_content_controls_and_tracked_changes() -> None:
    controlled = f"<w:sdt><w:sdtContent>{paragraph('New title')}</w:sdtContent></w:sdt>"
    changed = (
        "<w:p><w:ins><w:r><w:t>NICT,</w:t><w:br/><w:t>Japan</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>nobody</w:delText></w:r></w:del></w:p>"
    )
    rows = row(paragraph("Title (always in English):"), controlled) + row(paragraph("SOURCE :"), changed)
    controlled_row = f"<w:sdt><w:sdtContent>{row(paragraph('Abstract'), paragraph('Short.'))}</w:sdtContent></w:sdt>"
    found = read_header(words.body(f"<w:tbl>{rows}{controlled_row}</w:tbl>"))
    assert found == Header("New title", "NICT, Japan", "", "Short.")


@pytest.mark.parametrize("value", ["[Insert title]", "<Title>", "Click or tap here to enter text."])
def test_what_a_template_says_is_no_title(value: str) -> None:
    shown = value.replace("<", "&lt;").replace(">", "&gt;")
    rows = row(paragraph("Title:"), paragraph(shown)) + row(paragraph("Source:"), paragraph("ETRI"))
    found = read_header(words.body(f"<w:tbl>{rows}</w:tbl>"))
    assert found is not None
    assert (found.title, found.source) == ("", "ETRI")


def test_the_first_row_of_a_name_counts() -> None:
    rows = "".join(row(paragraph("Title:"), paragraph(text)) for text in ("One", "Two"))
    found = read_header(words.body(f"<w:tbl>{rows}</w:tbl>"))
    assert found is not None
    assert found.title == "One"


def test_a_text_without_a_header_has_none() -> None:
    assert read_header(words.body(paragraph("Dear all, please find my thoughts below."))) is None


BOMB = "<!DOCTYPE x [" + '<!ENTITY a "ha">' + '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">' + "]>"
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
TITLE = f"<w:tbl>{row(paragraph('Title:'), paragraph('&a;'))}</w:tbl>"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"PK\x03\x04" + bytes(200),
        b"\xd0\xcf\x11\xe0" + bytes(600),  # a .doc of 1997 under a new name
        b"%PDF-1.7 not a Word file",
        words.contribution()[:2000],
        words.archive({"other.xml": "<x/>"}),
        words.archive({"word/document.xml": "no XML at all"}),
        words.archive({"word/document.xml": "<w:document xmlns:w='x'>" + "<a>" * 50}),
        words.body(TITLE, before=BOMB),
        words.body(TITLE, before=OUTSIDE),
        words.archive({f"part{number}.xml": "" for number in range(docx_header_child.MOST_ENTRIES + 1)}),
    ],
    ids=lambda value: str(len(value)),
)
def test_what_cannot_be_read_has_no_header(content: bytes) -> None:
    assert read_header(content) is None


def header(title: str) -> str:
    return f"<w:tbl>{row(paragraph('Title:'), paragraph(title))}</w:tbl>"


@pytest.mark.parametrize(
    "filling", [" ", "<w:p/>", "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"]
)
def test_a_zip_bomb_is_looked_at_and_not_unpacked(filling: str) -> None:
    count = 20 * docx_header_child.LOOKED_AT // len(filling)
    content = words.body(header("Above it") + filling * count)
    assert len(content) < 200_000
    found = read_header(content)
    assert found is not None
    assert found.title == "Above it"
    assert read_header(words.body(filling * count + header("Below it"))) is None


def test_what_an_archive_says_of_its_sizes_is_not_believed() -> None:
    content = bytearray(words.body(header("Above it") + " " * (3 * docx_header_child.LOOKED_AT)))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        place = archive.start_dir
    content[place + 24 : place + 28] = (100).to_bytes(4, "little")  # the uncompressed size in the directory
    assert read_header(bytes(content)) is None


def test_too_large_a_file_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docx_header, "LARGEST", 100)
    assert read_header(words.contribution()) is None


def test_a_child_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docx_header, "SECONDS", 0.001)
    assert read_header(words.contribution()) is None


def test_deeply_nested_elements() -> None:
    depth = 200_000
    content = words.body("<w:p>" * depth + "</w:p>" * depth)
    assert read_header(content) is None


def test_a_very_long_title_is_cut() -> None:
    rows = row(paragraph("Title:"), paragraph("long " * 100_000))
    found = read_header(words.body(f"<w:tbl>{rows}</w:tbl>"))
    assert found is not None
    assert len(found.title) <= 300


def test_nothing_of_an_office_library_is_loaded_here() -> None:
    code = "import sys, cgbot.papers.intake; print('docx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
