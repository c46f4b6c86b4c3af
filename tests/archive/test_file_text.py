"""The text of attached files: what is read of each format, and what a hostile file costs."""

from __future__ import annotations

import zlib

import pytest

from cgbot.archive import file_text
from cgbot.mail.message import Attachment
from tests.archive import files

BOMB = b"PK\3\4" + zlib.compress(bytes(1_000_000))
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODF = 'xmlns:text="t" xmlns:office="o" xmlns:table="b"'


def part(filename: str, kind: str, content: bytes) -> Attachment:
    return Attachment(filename, kind, "", content)


@pytest.mark.parametrize(
    ("filename", "kind", "content", "text"),
    [
        ("a.pdf", "application/pdf", files.pdf("membership inference"), "membership inference"),
        ("misnamed.bin", "application/octet-stream", files.pdf("found"), "found"),
        ("a.docx", WORD, files.docx("model", "inversion &amp; co"), "model\ninversion & co"),
        (
            "a.pptx",
            "application/octet-stream",
            files.archive(ppt__slides__slide10="<a><t>ten</t></a>", ppt__slides__slide2="<a><t>two</t><u>x</u></a>"),
            "two\nten",
        ),
        (
            "a.xlsx",
            "application/octet-stream",
            files.archive(xl__sharedStrings="<sst><si><t>Delegate</t></si><si><t>State</t></si></sst>"),
            "Delegate\nState",
        ),
        (
            "a.odt",
            "application/vnd.oasis.opendocument.text",
            files.archive(content=f"<office:x {ODF}><text:p>Begriff <text:span>eins</text:span></text:p></office:x>"),
            "Begriff eins",
        ),
        ("a.txt", "application/octet-stream", "Größe\n".encode(), "Größe"),
        (
            "a.csv",
            "text/csv",
            "a;Größe der Änderungen für Prüfer\n".encode("latin-1"),
            "a;Größe der Änderungen für Prüfer",
        ),
        ("a.html", "text/html", b"<title>no</title><p>words<script>alert(1)</script>", "words"),
        ("photo.jpg", "image/jpeg", b"\xff\xd8\xff", ""),
        ("a.zip", "application/zip", files.docx("hidden"), ""),
        ("a.txt", "text/plain", b"a\0b", ""),
        ("broken.pdf", "application/pdf", b"%PDF-1.4 broken", ""),
        ("bomb.docx", WORD, BOMB, ""),
        ("x.docx", WORD, files.archive(word__document='<!DOCTYPE a [<!ENTITY b "c">]><a><t>&b;</t></a>'), ""),
        ("empty.pdf", "application/pdf", b"", ""),
    ],
)
def test_what_is_read(filename: str, kind: str, content: bytes, text: str) -> None:
    found = file_text.read(part(filename, kind, content))
    assert [line.strip() for line in found.splitlines() if line.strip()] == text.splitlines()


def test_a_file_that_unpacks_to_gigabytes_costs_no_more_than_its_beginning() -> None:
    huge = "<a><t>" + "x" * 200_000_000 + "</t></a>"
    assert len(file_text.read(part("a.docx", WORD, files.archive(word__document=huge)))) <= file_text.LONGEST
