"""The parts of a mail's text: folded rightly, and nothing ever dropped."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail import quotation
from cgbot.mail.quotation import Kind

PIECES = [
    "words",
    "",
    "> quoted",
    ">> twice",
    "-- ",
    "--",
    "____________",
    "On Mon, 3 May 2027 at 10:00, Alice wrote:",
    "From: Alice <alice@example.org>",
    "Sent: Monday, 3 May 2027 10:00",
    "-----Original Message-----",
    "Sent from my telephone",
    "2027年5月3日(月) 10:00 Alice <alice@example.org>:",
    "Dne 3. 5. 2027 10:00 Alice napsal(a):",
    "\u00a0",
    "x" * 400,
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20)), max_size=30))
def test_the_parts_are_all_the_lines_once(lines: list[str]) -> None:
    found = quotation.parts(lines)
    assert [number for one in found for number in range(one.start, one.stop)] == list(range(len(lines)))


# "." is the writer's word, ">" a quotation between their lines, "s" a signature, "|" the rest.
@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("yes\n\nOn Mon, 3 May 2027, Alice wrote:\n> no\n", ".||||"),
        ("On Mon, 3 May 2027, Alice wrote:\n> no\nyes\n> why\nso\n> end", ".>.>.|"),
        ("> only\n> a quotation", ">>"),
        ("yes\n-- \nBob\nITU", ".sss"),
        ("yes\n-- \nBob\n\nOn Mon, 3 May 2027, Alice wrote:\n> no", ".ss|||"),
        ("yes\n\nFrom: Alice\nSent: Monday\n\nno", ".|||||"),
        ("yes\n\n3. května 2027\n\nDne 3. 5. 2027 10:00 Alice napsal(a):\nano", "...|||"),
        ("yes\n\n2027年5月3日(月) 10:00 Alice <alice@example.org>:\n> no", ".|||"),
        ("A\n====\nB\n====\nC", "....."),
        ("In 3.2 she wrote:\nthe text", ".."),
        ("", "."),
    ],
)
def test_each_line_is_of_its_part(text: str, kinds: str) -> None:
    letters = {Kind.OWN: ".", Kind.QUOTED: ">", Kind.SIGNATURE: "s", Kind.REST: "|"}
    found = quotation.parts(text.split("\n"))
    assert "".join(letters[one.kind] * (one.stop - one.start) for one in found) == kinds


def test_the_replies_of_the_corpus(corpora: Path) -> None:
    """Thirty-seven of 39 to the letter; the other two have an attribution without a verb, or one with blank lines."""
    folder = corpora / "06-threading-quoting" / "email_reply_trimmer"
    wrong = [
        email.stem
        for email in sorted((folder / "emails").iterdir())
        if quotation.reply(email.read_text()) != (folder / "trimmed" / email.name).read_text().strip("\n").rstrip()
    ]
    assert wrong == ["embedded_email_11", "embedded_email_12"]
