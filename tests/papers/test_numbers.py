"""How people write the number of a paper, and what is not one of ours."""

from __future__ import annotations

import pytest

from cgbot.papers import numbers
from cgbot.papers.numbers import Reference

GROUP = "CG-AISEC"


def test_a_number_is_written() -> None:
    assert numbers.label(GROUP, 7) == "CG-AISEC-C-0007"
    assert numbers.label(GROUP, 7, 1) == "CG-AISEC-C-0007R1"
    assert numbers.label(GROUP, 12345, 12) == "CG-AISEC-C-12345R12"


@pytest.mark.parametrize(
    ("text", "number", "revision"),
    [
        ("C-0007", 7, None),
        ("get c-7", 7, None),
        ("CG-AISEC-C-0007R1", 7, 1),
        ("cg-aisec-c-0007r1.docx", 7, 1),
        ("rev of C-0007", 7, None),
        ("Threats (C-0007 rev. 2)", 7, 2),
        ("CG-AISEC-C-0007-R3", 7, 3),
        ("CG-AISEC-C-0007_R2_clean.docx", 7, 2),
        ("my_C-0012_final.docx", 12, None),
        ("SG17-C-0141 and C-0007", 7, None),
        ("CG-AISEC C-0007.", 7, None),
    ],
)
def test_a_number_is_found(text: str, number: int, revision: int | None) -> None:
    assert numbers.find(text, GROUP) == Reference(number, revision)


@pytest.mark.parametrize(
    "text",
    ["", "C141", "C5R1", "SG17-C141", "SG17-C-0141", "T25-SG17-C-0141", "CG-OTHER-C-0001", "C-0000", "C-12345678",
     "ABC-123", "C-7x", "TD53/4", "C-\u0667"],
)  # fmt: skip
def test_what_is_no_number_of_ours(text: str) -> None:
    assert numbers.find(text, GROUP) is None


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("C-0007: Threats to models", "Threats to models"),
        ("Revision of CG-AISEC-C-0007: Threats", "Threats"),
        ("Threats (C-0007R1)", "Threats"),
        ("new version of C-0007 - Threats", "Threats"),
        ("rev of C-0007", ""),
        ("Threats to C-0008x", "Threats to C-0008x"),
        ("Threats", "Threats"),
    ],
)
def test_a_title_without_its_number(text: str, title: str) -> None:
    assert numbers.without(text, GROUP) == title


def test_a_long_text_is_read_to_a_point() -> None:
    assert numbers.find("A" * 5_000_000 + " C-0007", GROUP) is None
    assert numbers.find("C-" * 2_000_000, GROUP) is None
