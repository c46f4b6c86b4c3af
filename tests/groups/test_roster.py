"""Rosters: read strictly with a report by line, written so that they can be read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.context import Context
from cgbot.errors import Malformed
from cgbot.groups import importing, members, roster
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.store.db import Database


def test_the_columns_may_come_in_any_order_and_with_other_names() -> None:
    found = roster.parse("\ufeffName;E-Mail;Role;Affiliation\r\nJia;jia@example.org;convener;CMCC\r\n".encode())
    assert found.problems == ()
    (row,) = found.rows
    assert (row.line, row.address) == (2, "jia@example.org")
    assert row.values == {"name": "Jia", "role": "convener", "organization": "CMCC"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\nJia\n", "the column 'address' is missing"),
        ("address,rol\n", "line 1: 'rol' is not a column of a roster; did you mean 'role'?"),
        ("address,email\n", "line 1: the column 'address' is there twice"),
        ("", "the column 'address' is missing"),
    ],
)
def test_a_wrong_head_is_refused(text: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        roster.parse(text.encode())
    assert words in caught.value.public


def test_what_is_not_utf8_is_refused_with_its_line() -> None:
    with pytest.raises(Malformed, match="line 2: the file is not UTF-8"):
        roster.parse("address,name\na@example.org,Zoë\n".encode("latin-1"))


def test_each_bad_row_is_a_problem_with_its_line() -> None:
    text = (
        "address,role,delivery\n"
        "a@example.org,member,each\n"
        "nobody,member,each\n"
        "b@example.org,chair,hourly\n"
        "\n"
        "A@example.org,member,each\n"
        "c@example.org,member,each,more\n"
        "d@example.org\n"
    )
    found = roster.parse(text.encode())
    assert [row.address for row in found.rows] == ["a@example.org", "d@example.org"]
    assert [(one.line, one.text.partition(":")[0]) for one in found.problems] == [
        (3, "address"),
        (4, "role"),
        (4, "delivery"),
        (6, "A@example.org stands in line 2 already"),
        (7, "4 cells, but the first line names 3 columns"),
    ]


def test_a_broken_quotation_ends_the_reading() -> None:
    found = roster.parse(b'address,name\na@example.org,A\nb@example.org,"B"x\nc@example.org,C\n')
    assert [row.address for row in found.rows] == ["a@example.org"]
    assert found.problems[0].line == 3
    assert "is not CSV" in found.problems[0].text


TEXT = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), max_size=40).map(
    lambda text: " ".join(text.split()).lstrip("'").strip()
)


@given(TEXT, TEXT, st.booleans())
def test_what_is_written_is_read_again(name: str, organization: str, invitations: bool) -> None:
    settings = ("member", "daily", invitations, "active")
    member = Member(1, 1, 1, 1, name, "a@example.org", *settings, organization, "Korea", "Asia/Seoul", "ko")
    (row,) = roster.parse(roster.write([member]).encode()).rows
    assert row.values.get("name", "") == name
    assert row.values.get("organization", "") == organization
    assert row.values["invitations"] is invitations


def test_a_formula_is_not_given_to_a_spreadsheet() -> None:
    member = Member(1, 1, 1, 1, "=HYPERLINK(1)", "a@example.org", "member", "each", True, "active", "", "", "", "")
    assert ",'=HYPERLINK(1)," in roster.write([member])


def test_importing_adds_changes_and_leaves(db: Database, context: Context, group: Group) -> None:
    for new in (NewMember("a@example.org"), NewMember("b@example.org", role="observer"), NewMember("z@example.org")):
        db.write_now(members.add, context, group.id, new)
    text = "address,role,state,name\nA@example.org,convener,,\nb@example.org,observer,,\nc@example.org,,suspended,Zoë\n"
    rows, problems = db.read_now(importing.examine, context, roster.parse(text.encode()))
    assert problems == ()
    taken = db.write_now(importing.take, context, group.id, rows)
    assert taken.counts == {"added": 1, "changed": 1, "unchanged": 1}
    assert [one.address for one in taken.added] == ["c@example.org"]
    found = {one.address: (one.role, one.state, one.name) for one in db.read_now(members.list_members, group.id)}
    assert found == {
        "a@example.org": ("convener", "active", ""),
        "b@example.org": ("observer", "active", ""),
        "c@example.org": ("member", "suspended", "Zoë"),
        "z@example.org": ("member", "active", ""),
    }
    assert db.write_now(importing.take, context, group.id, rows).counts == {"unchanged": 3}


def test_an_address_of_our_own_is_a_problem_of_its_line(db: Database, context: Context, group: Group) -> None:
    found = roster.parse(b"address\na@example.org\ncg-aisec@lists.example.org\n")
    rows, problems = db.read_now(importing.examine, context, found)
    assert [row.line for row in rows] == [2]
    assert [(one.line, "itself" in one.text) for one in problems] == [(3, True)]
