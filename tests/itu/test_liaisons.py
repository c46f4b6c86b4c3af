"""Titles of liaison statements as SG17 and its neighbours have written them (domain.md 1.8 and section 6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.itu.liaisons import Liaison, recognise

TITLES = [
    ("LS/i on Comments sought on A.RA", "in", False, "", ""),
    ("LS/i/r on E.RAA4Q.TSCA … (reply to SG2-LS63)", "in", True, "SG2-LS63", ""),
    ("LS/o/r updates of DLT security woks in SG 17", "out", True, "", ""),
    ("LS/o on X.1281.Amd [to Secure Identity Alliance (SIA)]", "out", False, "", "Secure Identity Alliance (SIA)"),
    ("LS/i on security of IMT-2030 [from ITU-T Study Group 11]", "in", False, "", "ITU-T Study Group 11"),
    ("LS/o on 11 new work item established in this Content Week", "out", False, "", ""),
]


@pytest.mark.parametrize(("title", "direction", "is_reply", "reply_to", "bodies"), TITLES)
def test_a_title(title: str, direction: str, is_reply: bool, reply_to: str, bodies: str) -> None:
    found = recognise(title)
    assert found is not None
    assert (found.direction, found.is_reply, found.reply_to, found.bodies) == (direction, is_reply, reply_to, bodies)
    assert found.title == title


@pytest.mark.parametrize("before", ["Re: ", "[CG-AISEC] ", "Re: [cg-aisec] Fwd: ", "AW: Re[2]: ", "  "])
def test_what_mail_programs_and_lists_put_before_it(before: str) -> None:
    assert recognise(f"{before}LS/i on Comments sought on A.RA") == Liaison(
        "in", is_reply=False, title="LS/i on Comments sought on A.RA"
    )


@pytest.mark.parametrize(
    "subject", ["", "Re:", "LSA/i on", "The LS/o on X.1281", "LS on AI", "LS/x on AI", "LS/output of the meeting", "Ls"]
)
def test_what_is_none(subject: str) -> None:
    assert recognise(subject) is None


@given(st.text(max_size=200))
def test_whatever_it_is(subject: str) -> None:
    recognise(subject)
