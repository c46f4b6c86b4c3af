"""What a subject is about (RFC 5256 section 2.1)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail import message as messages
from cgbot.mail.subjects import Base, base


@pytest.mark.parametrize(
    ("subject", "text", "is_reply"),
    [
        ("Work plan", "work plan", False),
        ("Re: Work plan", "work plan", True),
        ("RE:  re: Work\tplan ", "work plan", True),
        ("Re[2]: Work plan", "work plan", True),
        ("[CG-AISEC] Re: Work plan", "work plan", True),
        ("Re: [CG-AISEC] Work plan", "work plan", True),
        ("[CG-AISEC] Work plan", "work plan", False),
        ("[CG-AISEC]", "[cg-aisec]", False),
        ("Work plan (fwd)", "work plan", True),
        ("[Fwd: Re: Work plan]", "work plan", True),
        ("[fwd: a] b", "b", False),  # begins as a forward, and does not end as one
        ("AW: Work plan", "work plan", True),
        ("SV: Antw: Work plan", "work plan", True),
        ("答复：工作计划", "工作计划", True),
        ("Recall: Work plan", "recall: work plan", False),
        ("Reply to LS/i on AI", "reply to ls/i on ai", False),
        ("Re:", "", True),
        ("", "", False),
    ],
)
def test_the_base_of_a_subject(subject: str, text: str, is_reply: bool) -> None:
    assert base(subject) == Base(text, is_reply)


PIECES = ("Re:", "fwd:", "[a]", "[", "]", "(fwd)", " ", "x", "[fwd: ")


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_a_base_has_no_other_base(subject: str) -> None:
    once = base(subject)
    assert base(once.text) == Base(once.text, False)


def test_a_hostile_subject_takes_no_time() -> None:
    for piece in ("[fwd:", "[a]", "re:", "(fwd)", "[", "re [", " "):
        base(piece * 100_000)


def test_subjects_sort_as_an_imap_server_must_sort_them(corpora: Path) -> None:
    """The mails 9, 10, 1 … of the file, by base subject (RFC 5256 section 3, RFC 5051), then as they came."""
    file = corpora / "06-threading-quoting" / "imaptest" / "sort-subject.mbox"
    mails = re.split(rb"^From [^\n]*\n", file.read_bytes(), flags=re.MULTILINE)[1:]
    bases = [base(messages.parse(mail).subject).text.upper() for mail in mails]
    order = sorted(range(1, len(mails) + 1), key=lambda number: (bases[number - 1], number))
    assert order == [9, 10, 1, 14, 3, 5, 11, 6, 15, 2, 7, 12, 13, 8, 4]
