"""The pace of retries: the table of docs/delivery.md, RFC 5321 section 4.5.4.1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.outbox import retry
from cgbot.outbox.retry import Outcome, Tried

NOW = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)
END = NOW + timedelta(days=5)


@pytest.mark.parametrize(("attempt", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 55), (6, 55), (50, 55)])
def test_a_temporary_refusal_is_tried_again_after(attempt: int, minutes: int) -> None:
    state, due_at = retry.decide(Outcome("deferred", "451 4.3.0 later"), Tried(17, attempt, 0, END), NOW)
    assert state == "deferred"
    assert 0.8 * minutes <= (due_at - NOW) / timedelta(minutes=1) <= 1.2 * minutes
    assert due_at - NOW <= timedelta(seconds=4000)


def test_copies_that_failed_together_do_not_come_back_together() -> None:
    due = {retry.decide(Outcome("deferred", ""), Tried(number, 1, 0, END), NOW)[1] for number in range(100)}
    assert len(due) == 100
    assert max(due) - min(due) > timedelta(minutes=1)


def test_the_same_attempt_always_gives_the_same_time() -> None:
    assert retry.jitter(3, 2) == retry.jitter(3, 2)


@pytest.mark.parametrize(("attempt", "soon"), [(1, True), (10, True), (11, False)])
def test_a_server_without_room_is_asked_again_soon(attempt: int, *, soon: bool) -> None:
    _, due_at = retry.decide(Outcome("deferred", "452 4.3.1", retry_now=True), Tried(1, attempt, 0, END), NOW)
    assert (due_at == NOW + timedelta(minutes=1)) is soon


def test_a_permanent_refusal_is_final() -> None:
    assert retry.decide(Outcome("failed", "550 5.1.1 no such user"), Tried(1, 1, 0, END), NOW) == ("failed", NOW)


def test_sent_is_sent_however_late() -> None:
    assert retry.decide(Outcome("sent", "250 ok"), Tried(1, 9, 2, NOW - timedelta(days=1)), NOW) == ("sent", NOW)


def test_a_lost_answer_is_sent_once_more_and_no_further() -> None:
    lost = Outcome("in-doubt", "no answer")
    assert retry.decide(lost, Tried(1, 1, 0, END), NOW) == ("deferred", NOW + timedelta(minutes=1))
    assert retry.decide(lost, Tried(1, 2, 1, END), NOW) == ("failed", NOW)


def test_what_is_too_old_expires() -> None:
    assert retry.decide(Outcome("deferred", "451"), Tried(1, 90, 0, NOW), NOW) == ("expired", NOW)


def test_the_last_attempt_comes_just_before_the_end() -> None:
    end = NOW + timedelta(minutes=30)
    assert retry.decide(Outcome("deferred", "451"), Tried(1, 6, 0, end), NOW)[1] == end - timedelta(minutes=1)


@given(
    kind=st.sampled_from(["deferred", "in-doubt"]),
    attempts=st.integers(1, 200),
    in_doubt=st.integers(0, 3),
    left=st.integers(-600, 500_000),
    soon=st.booleans(),
)
def test_nothing_is_tried_again_within_half_a_minute(
    *, kind: retry.Kind, attempts: int, in_doubt: int, left: int, soon: bool
) -> None:
    tried = Tried(5, attempts, in_doubt, NOW + timedelta(seconds=left))
    state, due_at = retry.decide(Outcome(kind, "", retry_now=soon), tried, NOW)
    assert state != "deferred" or due_at - NOW >= timedelta(seconds=30)
