"""Queries as clients of public-inbox write them, put into ours or refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.errors import Malformed
from cgbot.store.inbox_query import translate
from cgbot.store.query import parse


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("scope", "scope"),
        ('s:"terms of reference" f:jia', 'subject:"terms of reference" from:jia'),
        ("m:a1@example.org", "id:a1@example.org"),
        ('mid:"a 1@example.org"', 'id:"a 1@example.org"'),
        ("b:scope bs:scope q:scope nq:scope", "scope scope scope scope"),
        ("n:agenda.docx", "filename:agenda.docx"),
        ("one AND two", "one two"),
        ("d:20270503..20270504", "after:2027-05-03T00:00:00 before:2027-05-05T00:00:00"),
        ("d:2027-05-03..", "after:2027-05-03T00:00:00"),
        ("d:..20270504", "before:2027-05-05T00:00:00"),
        ("d:20270503", "after:2027-05-03T00:00:00 before:2027-05-04T00:00:00"),
        ("dt:20270503100000..20270503110000", "after:2027-05-03T10:00:00 before:2027-05-03T11:00:01"),
        ("rt:1809338400..", "after:2027-05-03T10:00:00"),  # seconds since 1970
        ("http://example.org/x", "http://example.org/x"),
        ("", ""),
    ],
)
def test_a_query_of_theirs(theirs: str, ours: str) -> None:
    assert translate(theirs) == ours
    assert parse(ours).problems == ()


@pytest.mark.parametrize(
    ("theirs", "problem"),
    [
        ("one OR two", "'OR' is not understood here: all that is asked for must occur"),
        ("NOT one", "'NOT' is not understood"),
        ("-one", "'-one' is not understood"),
        ("(one two)", "'[(]one' is not understood"),
        ("t:somebody", "t: is not searched here; s:, f:, m:, mid:, n:, b:, bs:, q:, nq:, d:, dt:, rt: are"),
        ("dfn:main.c", "dfn: is not searched here"),
        ("d:yesterday..", "d:yesterday is no range of dates; write it as d:20270503..20270601"),
        ("rt:soon", "rt:soon is no range of dates"),
        ("d:20270231", "d:20270231 is no range of dates"),
    ],
)
def test_what_could_not_be_answered_truly_is_refused(theirs: str, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        translate(theirs)


@given(st.text(max_size=80) | st.from_regex(r"(?:d|dt|rt):[-0-9.]{0,20}", fullmatch=True))
def test_anything_is_read_or_refused(theirs: str) -> None:
    with contextlib.suppress(Malformed):
        parse(translate(theirs))
