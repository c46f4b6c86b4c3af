"""A report's text: corrected by people, made anew of facts, and nothing of either lost."""

from __future__ import annotations

import random
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.papers import report_text
from cgbot.papers.report_text import (
    BEGIN,
    END,
    GONE,
    NEW,
    Section,
    between_marks,
    blocks,
    merge,
    same,
    sections,
    written,
)

HEADER = (
    "Question(s): All/17\nMeeting: Geneva, 2–10 June 2026\nTitle: Report of CG-AISEC\nContact: A | B | C | d@e.example"
)
BASE = written(
    (
        Section("Header", HEADER),
        Section("Abstract", "This TD contains the report."),
        Section("1 Introduction", "The group reports to SG17."),
        Section("2 Contributions", "| Number | Title |\n| C-0001 | First |"),
        Section("3 Actions", "- Open: draft the LS\n- Open: ask ETSI"),
    )
)


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def test_sections_come_back_as_they_were() -> None:
    assert written(sections(BASE)) == BASE
    assert [one.key for one in sections(BASE)] == ["header", "abstract", "introduction", "contributions", "actions"]


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("3 Meetings of the group", "meetings of the group"),
        ("3.1. Meetings", "meetings"),
        ("12) Meetings", "meetings"),
        ("Annex A Participants", "participants"),
        ("MEETINGS", "meetings"),
        ("2026", "2026"),
    ],
)
def test_a_section_is_known_by_its_title_without_number(title: str, key: str) -> None:
    assert Section(title, "").key == key


# ---------------------------------------------------------------------------------------------------------- merge


def test_what_nobody_corrected_follows_the_facts() -> None:
    fresh = changed(BASE, "| C-0001 | First |", "| C-0001 | First |\n| C-0002 | Second |")
    assert merge(BASE, BASE, fresh) == fresh


def test_what_was_corrected_stays_when_the_facts_are_the_same() -> None:
    mine = changed(BASE, "The group reports to SG17.", "The group, founded in 2024, reports to SG17.")
    assert merge(BASE, mine, BASE) == mine


def test_both_changed_different_sections() -> None:
    mine = changed(BASE, "The group reports to SG17.", "Ours.")
    fresh = changed(BASE, "| C-0001 | First |", "| C-0001 | First |\n| C-0002 | Second |")
    merged = merge(BASE, mine, fresh)
    assert "Ours." in merged
    assert "C-0002" in merged
    assert NEW not in merged


def test_both_changed_the_same_section() -> None:
    mine = changed(BASE, "- Open: ask ETSI", "- Open: ask ETSI and IEEE")
    fresh = changed(BASE, "- Open: draft the LS\n", "- Done: draft the LS\n- Open: write the ToR\n")
    body = report_text.section(merge(BASE, mine, fresh), "actions")
    assert body == (
        "- Open: draft the LS\n- Open: ask ETSI and IEEE\n\n"
        f"{NEW}\n\n- Done: draft the LS\n- Open: write the ToR\n\n"
        f"{GONE}\n\n- Open: draft the LS"
    )


def test_news_after_news_stand_under_one_mark() -> None:
    mine = changed(BASE, "- Open: ask ETSI", "- Open: ask IEEE")
    second = changed(BASE, "- Open: ask ETSI", "- Open: ask ETSI\n- Open: two")
    third = changed(second, "- Open: two", "- Open: two\n- Open: three")
    body = report_text.section(merge(second, merge(BASE, mine, second), third), "actions")
    assert body.count(NEW) == 1
    assert body.index("ask IEEE") < body.index(NEW) < body.index("two") < body.index("three")


def test_what_the_convener_wrote_in_by_hand_is_no_news() -> None:
    mine = changed(BASE, "- Open: ask ETSI", "- Open: ask ETSI\n- Open: two")
    fresh = changed(BASE, "- Open: ask ETSI", "- Open: ask ETSI\n- Open: two")
    assert merge(BASE, mine, fresh) == mine


def test_a_section_of_the_conveners_own_stays_where_it_is() -> None:
    mine = changed(BASE, "=== 2 Contributions ===", "=== 1bis Strategy ===\n\nOur view.\n\n=== 2 Contributions ===")
    fresh = changed(BASE, "- Open: ask ETSI", "- Open: ask ISO")
    merged = merge(BASE, mine, fresh)
    assert [one.title for one in sections(merged)][2:5] == ["1 Introduction", "1bis Strategy", "2 Contributions"]
    assert "ask ISO" in merged


def test_a_section_that_was_taken_out_comes_back_only_with_new_facts() -> None:
    mine = written([one for one in sections(BASE) if one.key != "contributions"])
    assert merge(BASE, mine, BASE) == mine
    fresh = changed(BASE, "| C-0001 | First |", "| C-0001 | First |\n| C-0002 | Second |")
    merged = merge(BASE, mine, fresh)
    assert report_text.section(merged, "contributions") == f"{NEW}\n\n| C-0002 | Second |"
    assert [one.key for one in sections(merged)] == [one.key for one in sections(BASE)]


def test_a_new_section_of_the_facts_takes_its_place() -> None:
    fresh = changed(BASE, "=== 3 Actions ===", "=== 3 Liaison statements ===\n\nNone.\n\n=== 4 Actions ===")
    merged = merge(BASE, changed(BASE, "reports to", "owes"), fresh)
    assert [one.key for one in sections(merged)][-3:] == ["contributions", "liaison statements", "actions"]


def test_an_untouched_section_whose_facts_are_gone_goes() -> None:
    fresh = written([one for one in sections(BASE) if one.key != "actions"])
    assert merge(BASE, BASE, fresh) == fresh


def test_two_sections_of_the_same_title() -> None:
    twice = written((*sections(BASE), Section("Note", "one"), Section("Note", "two")))
    assert merge(BASE, twice, BASE) == twice


def test_each_field_of_the_header_by_itself() -> None:
    mine = changed(BASE, "Question(s): All/17", "Question(s): 7/17, 15/17")
    fresh = changed(BASE, "Geneva, 2–10 June 2026", "Geneva, 1–10 June 2026")
    fields = report_text.header(merge(BASE, mine, fresh))
    assert fields["Question(s)"] == ("7/17, 15/17",)
    assert fields["Meeting"] == ("Geneva, 1–10 June 2026",)
    assert fields["Contact"] == ("A | B | C | d@e.example",)


def test_a_field_that_both_have_changed_keeps_both() -> None:
    mine = changed(BASE, "Geneva, 2–10 June 2026", "Geneva and remote, 2–10 June 2026")
    fresh = changed(BASE, "Geneva, 2–10 June 2026", "Geneva, 1–10 June 2026")
    merged = merge(BASE, mine, fresh)
    assert report_text.header(merged)["Meeting"] == ("Geneva and remote, 2–10 June 2026",)
    assert f"Meeting {NEW}: Geneva, 1–10 June 2026" in merged
    assert f"Meeting {NEW}: Geneva, 1–10 June 2026" in merge(fresh, merged, changed(fresh, "ask ETSI", "ask ISO"))


lines = st.lists(st.sampled_from(["- one", "- two", "- three", "a sentence", "| a | b |", ""]), max_size=5).map(
    "\n".join
)
texts = st.lists(
    st.tuples(st.sampled_from(["1 A", "2 B", "C"]), lines), min_size=1, max_size=3, unique_by=lambda x: x[0]
)
reports = texts.map(lambda parts: written([Section(*one) for one in sorted(parts, key=lambda x: x[0][-1])]))


@given(reports, reports, reports)
def test_nothing_is_ever_lost(base: str, mine: str, fresh: str) -> None:
    merged = merge(base, mine, fresh)
    assert same(merge(base, base, fresh), fresh)
    assert same(merge(base, mine, base), mine)
    assert same(merge(base, fresh, fresh), fresh)
    whole = {one.text for part in sections(merged) for one in blocks(part.body)}
    ours, old = sections(mine), {one.key: one.body for one in sections(base)}
    for part in ours:
        if not same(part.body, old.get(part.key, "")):
            assert {one.text for one in blocks(part.body)} <= whole
    for part in sections(fresh):
        news = {one.text for one in blocks(part.body)} - {one.text for one in blocks(old.get(part.key, ""))}
        assert news <= whole


# --------------------------------------------------------------------------------------------------------- blocks


def test_lines_are_read_whatever_a_mail_program_did_to_them() -> None:
    body = (
        "A paragraph\nthat goes on.\n\n- a bullet\n  that goes on\n- another\n\n"
        "| a | b |\n| long title that was\nbroken | x |\nEnd."
    )
    found = blocks(body)
    assert [(one.kind, one.text) for one in found] == [
        ("paragraph", "A paragraph that goes on."),
        ("bullet", "a bullet that goes on"),
        ("bullet", "another"),
        ("row", "| a | b |"),
        ("row", "| long title that was broken | x | End."),
    ]


def test_a_row_that_was_broken_at_a_bar() -> None:
    found = blocks("| a | b | c |\n| first\n| second | third |\n| 1 | 2 | 3 |")
    assert [one.cells for one in found] == [("a", "b", "c"), ("first", "second", "third"), ("1", "2", "3")]


# ------------------------------------------------------------------------------------------------------ in a mail


def mail(text: str) -> str:
    return f"Version 2.\n\n{BEGIN}\n\n{text}\n{END}\n"


def test_a_text_sent_back_unquoted() -> None:
    assert between_marks(f"Here it is.\n\n{mail(BASE)}-- \nJia\n") == BASE.strip("\n") + "\n"


@pytest.mark.parametrize("prefix", ["> ", ">", " > ", ">> ", "> > "])
def test_a_text_corrected_inside_the_quotation(prefix: str) -> None:
    quoted = "".join(f"{prefix}{line}".rstrip() + "\n" for line in mail(BASE).splitlines())
    quoted = quoted.replace(f"{prefix}The group reports to SG17.", "The group reports to SG17 and to nobody else.")
    found = between_marks(f"See my changes below.\n\nOn Monday CG-AISEC wrote:\n{quoted}")
    assert found is not None
    assert same(found, changed(BASE, "The group reports to SG17.", "The group reports to SG17 and to nobody else."))


def test_other_line_ends_and_breaks_are_no_correction() -> None:
    narrow = "\n".join(
        "\n".join(textwrap.wrap(line, 20, break_on_hyphens=False))
        if line and not line.startswith(("=", "-", "|"))
        else line
        for line in mail(BASE).split("\n")
    )
    found = between_marks(narrow.replace("\n", "\r\n").replace(" ", "\xa0"))
    assert found is not None
    assert same(found, BASE)


def test_links_and_bullets_as_mail_programs_write_them_are_no_correction() -> None:
    text = written((Section("1 A", "- see https://cg.example.org/cg-aisec/ABC/ of jia@example.org\n- two"),))
    other = text.replace("ABC/ ", "ABC/ <https://cg.example.org/cg-aisec/ABC/> ").replace("- ", "* ")
    other = other.replace("jia@example.org", "jia@example.org<mailto:jia@example.org>")
    found = between_marks(mail(other))
    assert found is not None
    assert same(found, text)
    assert [one.kind for one in blocks(report_text.section(found, "a"))] == ["bullet", "bullet"]


def test_no_text_and_a_text_that_was_cut() -> None:
    assert between_marks("approve\n\n> Version 2.\n") is None
    assert between_marks(mail(BASE).partition(END)[0]) == ""


@given(st.text(max_size=300))
def test_whatever_comes_back(text: str) -> None:
    between_marks(text)
    between_marks(mail(text))
    merge(BASE, text, BASE)
    blocks(text)
    report_text.header(text)


def test_a_large_text_is_read_quickly() -> None:
    rng = random.Random(7)
    rows = "\n".join(f"| {rng.random()} | {number} |" for number in range(5000))
    text = written((Section("1 Contributions", rows), Section("2 Odd", "=== \n" * 2000 + "> " * 5000 + "x" * 50000)))
    assert merge(text, text.replace("| 7 |", "| seven |"), text.replace("| 8 |", "| eight |"))


def test_an_abstract_has_less_than_two_hundred_words() -> None:
    """Rec. ITU-T A.2 I.1.2."""
    assert not report_text.abstract_is_long(written([Section("Abstract", "word " * 199)]))
    assert report_text.abstract_is_long(written([Section("Abstract", "word " * 200)]))
