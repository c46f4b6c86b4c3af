"""What somebody wrote, without what their mail program put around it."""

from __future__ import annotations

import pytest

from cgbot.groups import own_words

ORIGINAL = "> Nothing has been done yet.\n> -------- the order --------\n> cancel 12\n"
OUTLOOK = (
    "From: CG-AISEC <cg-aisec-confirm+x@lists.example.org>\nSent: Monday, 3 May 2027 10:00\n"
    "To: Chair\nSubject: Please confirm\n\nNothing has been done yet.\n"
)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "yes\n\nOn Mon, 3 May 2027 at 10:00, CG-AISEC wrote:\n" + ORIGINAL,
        "yes\n\nOn Mon, May 3, 2027 at 10:00 AM CG-AISEC\n<cg-aisec-confirm+x@lists.example.org> wrote:\n\n" + ORIGINAL,
        "yes\n\nOn Mon, May 3, 2027 at 10:00 AM CG-AISEC <cg@lists.example.org> wrote:\nwithout marks of quotation\n",
        "On Mon, 3 May 2027 at 10:00, CG-AISEC wrote:\n" + ORIGINAL + "\nyes",
        "CG-AISEC writes:\n" + ORIGINAL + "yes",
        ORIGINAL + "yes\n> more of it\n",
        "yes\n" + OUTLOOK,
        "yes\n\n" + OUTLOOK.replace("From", "Von").replace("Sent", "Gesendet"),
        "yes\n\n" + OUTLOOK.replace("From:", "De :").replace("Sent:", "Envoyé :"),
        "yes\n\n________________________________\n" + OUTLOOK,
        "yes\n-----Original Message-----\nFrom: x\n",
        "yes\n-------- Forwarded Message --------\nSubject: x\n",
        "yes\n\nLe lun. 3 mai 2027 à 10:00, CG-AISEC a écrit :\n" + ORIGINAL,
        "yes\n\nAm 03.05.2027 um 10:00 schrieb CG-AISEC:\n" + ORIGINAL,
        "yes\n-- \nA Delegate\nTitle: Professor",
        "yes\n--\nA Delegate",
        "yes\n\nSent from my telephone\n",
        "yes\nGet Outlook for iOS\n",
    ],
)
def test_only_the_writers_words_remain(text: str) -> None:
    assert [line for line in own_words.own_lines(text) if line.strip()] == ["yes"]


@pytest.mark.parametrize(
    "text",
    [
        "title: On the road\nlink: https://example.org/x",
        "From: the convener\nTo all",
        "A --- B\n---\nOn Monday we meet",
        "The chair wrote: come at nine",
        "____\nsigned",
    ],
)
def test_what_looks_a_little_like_an_original_stays(text: str) -> None:
    assert own_words.own_lines(text) == text.splitlines()


def test_blanks_of_every_kind_are_blanks() -> None:
    text = "\ufeffmove\u00a012\r\nstart:\t20\u202fMay\u200b 2027\r\n"
    assert own_words.own_lines(text) == ["move 12", "start: 20 May 2027"]


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["yes"], 0),
        (["", "  ", "yes"], 2),
        (["Hello,", "", "yes"], 2),
        (["Dear colleagues of CG-AISEC,", "yes"], 1),
        (["Good morning!", "yes"], 1),
        (["Bonjour", "yes"], 1),
        (["Hi"], None),
        ([], None),
        (["Help"], 0),
        (["Hello there is a meeting to be called on Monday", "x"], 0),
    ],
)
def test_a_greeting_is_passed_over(lines: list[str], place: int | None) -> None:
    assert own_words.first(lines) == place


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("link: https://a.example/x<https://a.example/x>", "link: https://a.example/x"),
        ("link: https://a.example/x <https://safelinks.example/?url=y>", "link: https://a.example/x"),
        ("who: hu@example.org<mailto:hu@example.org>", "who: hu@example.org"),
        ("who: Hu <hu@example.org>", "who: Hu <hu@example.org>"),
        ("link: <https://a.example/x>", "link: <https://a.example/x>"),
        ("a < b > c", "a < b > c"),
    ],
)
def test_a_link_that_was_written_twice_is_read_once(line: str, read: str) -> None:
    assert own_words.all_lines(line) == [read]


@pytest.mark.parametrize(
    "line",
    ["________", "From: x", "on " + "x 1 " * 60, "a " * 140, "> ", "On 3 May 2027, x wrote:", "www." * 900 + "<",
     "a@" * 1900, " " * 3900 + "(", "-- x", "Hi", "\u00e9" * 3000],
)  # fmt: skip
def test_many_lines_of_one_kind(line: str) -> None:
    """Rules and header fields look ahead, and must come to an end."""
    assert len(own_words.own_lines(f"{line}\n" * 10_000)) <= 5000


def test_a_huge_text_is_cut() -> None:
    lines = own_words.own_lines("x" * 10_000 + "\n" + "y\n" * 100_000)
    assert len(lines[0]) == 4000
    assert len(lines) == 5000
