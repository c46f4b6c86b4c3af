"""The posting policy, read as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cgbot.groups.post_policy import PostPolicy
from cgbot.posts.moderation import Submission, judge

MEMBER = Submission(
    author="delegate@example.org",
    role="member",
    gate="",
    own_copy=False,
    automatic=False,
    known_id=False,
    command="",
    size=4_000,
    max_size=1_000_000,
    posting="members",
    policy=PostPolicy(),
)


@pytest.mark.parametrize(
    ("change", "action", "rule"),
    [
        ({}, "accept", "accept"),
        ({"role": ""}, "hold", "non-member"),
        ({"role": "", "posting": "anyone"}, "accept", "accept"),
        ({"role": "observer"}, "hold", "role"),
        ({"role": "observer", "posting": "anyone"}, "accept", "accept"),
        ({"posting": "conveners"}, "hold", "conveners-only"),
        ({"posting": "conveners", "role": "secretary"}, "accept", "accept"),
        ({"own_copy": True}, "discard", "loop"),
        ({"own_copy": True, "role": ""}, "discard", "loop"),
        ({"automatic": True}, "discard", "robot"),
        ({"automatic": True, "role": "convener"}, "accept", "accept"),
        ({"size": 1_000_001}, "hold", "size"),
        ({"size": 1_000_000}, "accept", "accept"),
        ({"author": ""}, "hold", "author"),
        ({"known_id": True}, "hold", "message-id"),
        ({"command": "unsubscribe"}, "hold", "command"),
        ({"gate": "hold:two From fields"}, "hold", "gate-hold"),
        ({"gate": "discard:a loop"}, "discard", "gate-discard"),
        ({"gate": "approved:convener@example.org", "role": ""}, "accept", "approved"),
        ({"gate": "approved:convener@example.org", "known_id": True}, "accept", "approved"),
        ({"gate": "approved:convener@example.org", "own_copy": True}, "discard", "loop"),
    ],
)
def test_each_rule(change: dict[str, object], action: str, rule: str) -> None:
    verdict = judge(replace(MEMBER, **change)).verdict
    assert (verdict.action.value, verdict.rule) == (action, rule)


def test_all_that_fired_is_shown_in_the_order_of_the_rules() -> None:
    judgement = judge(replace(MEMBER, role="", size=2_000_000, known_id=True))
    assert [hit.rule for hit in judgement.hits] == ["message-id", "size", "non-member"]
    assert judgement.verdict is judgement.hits[0]
