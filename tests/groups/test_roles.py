"""The table of roles and actions, and the moments in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cgbot.groups.charter import Charter
from cgbot.groups.moments import in_words
from cgbot.groups.roles import ALLOWED, ROLES, may


def test_every_action_is_somebodys() -> None:
    assert all(allowed and allowed <= set(ROLES) for allowed in ALLOWED.values())


@pytest.mark.parametrize("role", ["convener", "vice-convener", "secretary"])
def test_conveners_decide_what_is_held(role: str) -> None:
    assert may(role, "decide what is held")
    assert may(role, "stop notices")


def test_a_secretary_approves_nothing_that_leaves_the_group() -> None:
    assert not may("secretary", "approve reports and statements")


def test_an_observer_reads_and_does_not_post() -> None:
    assert may("observer", "receive posts")
    assert not may("observer", "post")


def test_an_outsider_may_do_nothing() -> None:
    assert not any(may("", action) for action in ALLOWED)


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        (datetime(2024, 5, 16, 7, 0, tzinfo=UTC), "Thursday 16 May 2024, 09:00 Geneva time (CEST, 07:00 UTC)"),
        (
            datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
            "Friday 1 January 2027, 00:30 Geneva time (CET, 23:30 UTC on 31 December)",
        ),
    ],
)
def test_a_moment_names_its_zone_twice(charter: Charter, instant: datetime, words: str) -> None:
    assert in_words(instant, charter) == words
