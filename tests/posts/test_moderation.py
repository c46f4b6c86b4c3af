"""The posting policy, read as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cgbot.groups.post_policy import PostPolicy
from cgbot.posts.moderation import RULES, Action, Submission, Verdict, judge, table

MEMBER = Submission(
    author="delegate@example.org",
    role="member",
    gate="",
    own_copy=False,
    automatic=False,
    generated=False,
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
        ({"automatic": True, "role": "convener"}, "discard", "robot"),  # an out-of-office notice
        ({"automatic": True, "generated": True, "role": "convener"}, "accept", "accept"),
        ({"automatic": True, "generated": True}, "discard", "robot"),
        ({"size": 1_000_001}, "hold", "size"),
        ({"size": 1_000_000}, "accept", "accept"),
        ({"author": ""}, "hold", "author"),
        ({"known_id": True}, "hold", "message-id"),
        ({"one_time": True}, "hold", "one-time"),
        ({"one_time": True, "role": "convener"}, "hold", "one-time"),
        ({"command": "unsubscribe"}, "discard", "command"),
        ({"gate": "hold:two From fields"}, "hold", "gate-hold"),
        ({"gate": "discard:a loop"}, "discard", "gate-discard"),
        ({"gate": "approved:convener@example.org", "role": ""}, "accept", "approved"),
        ({"gate": "approved:convener@example.org", "known_id": True}, "accept", "approved"),
        ({"gate": "approved:convener@example.org", "own_copy": True}, "discard", "loop"),
        ({"sender": "ban"}, "discard", "banned"),
        ({"sender": "ban", "gate": "approved:convener@example.org"}, "accept", "approved"),
        ({"gate": "hold:size", "automatic": True}, "discard", "robot"),
        ({"checked": True}, "hold", "unproven"),
        ({"checked": True, "proven": True}, "accept", "accept"),
        ({"checked": True, "role": "convener"}, "hold", "unproven"),
        ({"checked": True, "role": ""}, "hold", "non-member"),
        ({"checked": True, "role": "", "sender": "allow"}, "hold", "unproven"),
        ({"checked": True, "role": "", "posting": "anyone"}, "accept", "accept"),
        ({"checked": True, "policy": PostPolicy(unproven="accept")}, "accept", "accept"),
        ({"emergency": "every post is held"}, "hold", "emergency"),
        ({"emergency": "every post is held", "role": "convener"}, "hold", "emergency"),
        ({"emergency": "every post is held", "gate": "approved:c@example.org"}, "accept", "approved"),
        ({"standing": "held"}, "hold", "held-sender"),
        ({"role": "", "sender": "hold", "posting": "anyone"}, "hold", "held-sender"),
        ({"role": "", "sender": "allow"}, "accept", "accept"),
        ({"role": "observer", "standing": "free"}, "accept", "accept"),
        ({"posting": "conveners", "standing": "free"}, "accept", "accept"),
        ({"policy": PostPolicy(first_posts=2), "earlier_posts": 1}, "hold", "first-posts"),
        ({"policy": PostPolicy(first_posts=2), "earlier_posts": 2}, "accept", "accept"),
        ({"policy": PostPolicy(first_posts=2), "standing": "free"}, "accept", "accept"),
        ({"policy": PostPolicy(first_posts=2), "role": "secretary"}, "accept", "accept"),
        ({"policy": PostPolicy(first_posts=2), "role": "", "posting": "anyone"}, "accept", "accept"),
        ({"held_files": ("setup.exe",)}, "hold", "attachments"),
        ({"recipients": 51}, "hold", "recipients"),
        ({"recipients": 51, "policy": PostPolicy(most_recipients=0)}, "accept", "accept"),
        ({"names_list": False}, "accept", "accept"),
        ({"names_list": False, "policy": PostPolicy(bcc="hold")}, "hold", "bcc"),
        ({"author_posts": 500}, "hold", "flood"),
        ({"author_posts": 499}, "accept", "accept"),
        ({"author_posts": 10_000, "policy": PostPolicy(most_an_hour=0)}, "accept", "accept"),
        ({"thread_posts": 500}, "hold", "storm"),
        ({"thread_posts": 5, "policy": PostPolicy(thread_most_an_hour=5)}, "hold", "storm"),
    ],
)
def test_each_rule(change: dict[str, object], action: str, rule: str) -> None:
    verdict = judge(replace(MEMBER, **change)).verdict
    assert (verdict.action.value, verdict.rule) == (action, rule)


def test_all_that_fired_is_shown_in_the_order_of_the_rules() -> None:
    judgement = judge(replace(MEMBER, role="", size=2_000_000, known_id=True))
    assert [hit.rule for hit in judgement.hits] == ["message-id", "size", "non-member"]
    assert judgement.verdict is judgement.hits[0]


def test_the_table_of_a_message_shows_every_rule_and_what_fired() -> None:
    hits = judge(replace(MEMBER, role="", size=2_000_000)).hits
    rows = table(hits)
    assert [row.rule for row in rows] == [rule.name for rule in RULES]
    assert {row.rule: row.reason for row in rows if row.reason} == {
        "size": "2,000,000 octets; this group takes posts of up to 1,000,000",
        "non-member": "the author is not a member of the group",
    }
    paper = table([Verdict(Action.HOLD, "contributions", "a contribution: no call is open")])
    assert (paper[0].rule, paper[0].reason) == ("contributions", "a contribution: no call is open")


def test_what_is_discarded_stands_above_what_is_held() -> None:
    verdicts = [rule.action for rule in RULES if rule.action is not Action.ACCEPT]
    first_hold = verdicts.index(Action.HOLD)
    # What the gate would have held waits until the robots are gone; nothing is discarded below it.
    assert Action.DISCARD not in verdicts[first_hold:]
    assert len({rule.name for rule in RULES}) == len(RULES)
