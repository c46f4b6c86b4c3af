"""The gate's two tables: an address at RCPT, a message after its dot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cgbot.keys import Keys
from cgbot.mail.verp import return_path
from cgbot.posts import gate
from cgbot.posts.gate import Candidate, Directory, GroupPolicy, Recipient

KEYS = Keys((b"a key for tests only",))
GROUP = GroupPolicy(1, "cg-aisec", "cg-aisec.lists.example.org", max_size=1000)
COMPANION = replace(GROUP, is_companion=True)
DIRECTORY = Directory(
    "lists.example.org",
    {"cg-aisec": GROUP, "old-name": GROUP},
    frozenset({"post", "join", "bounces", "postmaster"}),
    KEYS,
)
LIMIT = 2000
HEADER = b"From: Ann <ann@example.org>\r\nSubject: hello\r\n"


def judged(head: bytes, purpose: str = "post", sender: str = "ann@example.org", **more: object) -> str:
    """The rule that speaks, "" if none does."""
    raw = head + b"\r\nbody\r\n"
    group = more.get("group", GROUP)
    recipient = Recipient("x@lists.example.org", purpose, "", group if isinstance(group, GroupPolicy) else None)
    size = more.get("size", len(raw))
    assert isinstance(size, int)
    verdict = gate.judge(Candidate(sender, size, gate.read_head(raw, LIMIT), recipient))
    return verdict.rule if verdict else ""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("cg-aisec@lists.example.org", "post"),
        ("CG-AISEC@Lists.Example.ORG", "post"),
        ("old-name@lists.example.org", "post"),
        ("cg-aisec-join@lists.example.org", "join"),
        ("postmaster@lists.example.org", "postmaster"),
        ("postmaster", "postmaster"),
        ("cg-aisec-liaisons@lists.example.org", "550 5.1.1 "),
        ("nobody@lists.example.org", "550 5.1.1 "),
        ("cg-aisec-bounces@lists.example.org", "550 5.1.1 "),
        ("cg-aisec-bounces+1.2.aaaaaaaaaaaaaaaa@lists.example.org", "550 5.1.1 "),
        ("cg-aisec@example.org", "550 5.7.1 "),
        ("cg-aisec@lists.example.org.evil.example", "550 5.7.1 "),
    ],
)
def test_an_address_is_known_or_refused(address: str, expected: str) -> None:
    found = gate.find_recipient(address, DIRECTORY)
    assert found.purpose == expected if isinstance(found, Recipient) else found.startswith(expected)


def test_a_return_path_that_we_signed_is_known() -> None:
    found = gate.find_recipient(return_path(KEYS, "cg-aisec", "lists.example.org", 17, 4), DIRECTORY)
    assert isinstance(found, Recipient)
    assert (found.purpose, found.group) == ("bounces", GROUP)
    forged = return_path(Keys((b"another key",)), "cg-aisec", "lists.example.org", 17, 4)
    assert gate.find_recipient(forged, DIRECTORY) == "550 5.1.1 this return path was not made here"


@pytest.mark.parametrize(
    ("head", "rule"),
    [
        (HEADER, ""),
        (b"Received: by a\r\n" * 50 + HEADER, ""),
        (b"Received: by a\r\n" * 51 + HEADER, "hops"),
        (b"received : by a\r\n" * 60 + HEADER, "hops"),
        (b"List-Id: CG-AISEC <cg-aisec.lists.example.org>\r\n" + HEADER, "loop"),
        (b"LIST-ID:\r\n <CG-AISEC.lists.example.org>\r\n" + HEADER, "loop"),
        (b"List-Id: <cg-aisec.lists.itu.int>\r\n" + HEADER, ""),
        (b"X-List-Id: <cg-aisec.lists.example.org>\r\n" + HEADER, ""),
        (b"X: " + b"x" * LIMIT + b"\r\n" + HEADER, "header-size"),
        (b"Subject: nobody\r\n", "from"),
        (b"", "from"),
        (HEADER + b"From: eve@example.net\r\n", "from"),
        (HEADER + b"FROM : eve@example.net\r\n", "from"),
        (b"From eve@example.net Thu May 16 2024\r\n" + HEADER, ""),
        (HEADER + b"Reply-To: x@example.org\r\n from: folded\r\n", ""),
    ],
)
def test_a_post_is_judged_by_its_header(head: bytes, rule: str) -> None:
    assert judged(head) == rule


def test_the_body_is_not_looked_at() -> None:
    raw = HEADER + b"\r\nFrom: eve@example.net\r\nList-Id: <cg-aisec.lists.example.org>\r\n"
    head = gate.read_head(raw, LIMIT)
    assert (head.authors, head.list_ids, head.size) == (1, (), len(HEADER))


@pytest.mark.parametrize(
    ("purpose", "sender", "rule"),
    [
        ("post", "", "null-sender"),
        ("contributions", "", "null-sender"),
        ("liaisons", "", "null-sender"),
        ("owner", "", ""),
        ("bounces", "", ""),
        ("meetings", "", ""),
        ("join", "", "automatic"),
        ("confirm", "", "automatic"),
        ("join", "ann@example.org", ""),
    ],
)
def test_the_null_sender_neither_posts_nor_commands(purpose: str, sender: str, rule: str) -> None:
    assert judged(HEADER, purpose, sender) == rule


@pytest.mark.parametrize(
    ("field", "is_automatic"),
    [
        (b"Auto-Submitted: auto-replied\r\n", True),
        (b"auto-submitted: auto-generated (by a robot)\r\n", True),
        (b"Auto-Submitted: no\r\n", False),
        (b"Auto-Submitted:\r\n auto-replied\r\n", True),
        (b"Precedence: bulk\r\n", True),
        (b"Precedence: first-class\r\n", False),
        (b"List-Id: <other.example.net>\r\n", True),
        (b"Subject: Auto-Submitted: auto-replied\r\n", False),
    ],
)
def test_a_robot_gives_no_commands_but_may_post_and_answer(field: bytes, is_automatic: bool) -> None:
    assert judged(HEADER + field, "confirm") == ("automatic" if is_automatic else "")
    assert judged(HEADER + field, "post") == ""
    assert judged(HEADER + field, "meetings") == ""


def test_the_group_has_a_limit_of_its_own() -> None:
    assert judged(HEADER, size=1000) == ""
    assert judged(HEADER, size=1001) == "size"
    assert judged(HEADER, size=10**9, group=replace(GROUP, max_size=None)) == ""


def test_a_companion_group_takes_what_its_host_sends() -> None:
    """Who sent it is decided by the sorter, on the host's List-Id and its authenticated server."""
    own = b"List-Id: <cg-aisec.lists.example.org>\r\n" + HEADER
    assert judged(own, group=COMPANION) == ""
    assert judged(HEADER, sender="", group=COMPANION) == ""
    assert judged(b"Received: by a\r\n" * 51 + HEADER, group=COMPANION) == "hops"


def test_reports_and_questions_about_our_mail_are_no_loop() -> None:
    own = b"List-Id: <cg-aisec.lists.example.org>\r\n" + HEADER
    assert judged(own, "owner") == judged(own, "bounces", "") == ""
    assert judged(b"Subject: report\r\n", "bounces", "") == judged(b"", "postmaster", group=None) == ""


def test_one_dialogue_has_one_reply() -> None:
    """It refuses only what every recipient refuses; the others' verdicts travel with their errands."""
    refuses = gate.no_single_author(
        Candidate("a@example.org", 1, gate.read_head(b"\r\n", LIMIT), Recipient("x", "post", "", GROUP))
    )
    assert refuses is not None
    drops = gate.Verdict("automatic", "", "discard")
    assert gate.refusal([refuses, refuses]) == refuses.reply
    assert gate.refusal([refuses, None]) == gate.refusal([refuses, drops]) == gate.refusal([drops]) == ""
    assert (refuses.note, drops.note) == ("hold:from", "discard:automatic")


def test_every_rule_has_a_reply_that_names_it_and_an_alternative_without_backscatter() -> None:
    codes = {
        "hops": "554 5.4.6",
        "loop": "554 5.4.6",
        "from": "550 5.6.0",
        "null-sender": "550 5.7.1",
        "size": "552 5.3.4",
    }
    heads = {
        "hops": b"Received: x\r\n" * 60,
        "loop": b"List-Id: <cg-aisec.lists.example.org>\r\n" + HEADER,
        "from": b"",
        "null-sender": HEADER,
        "size": HEADER,
    }
    for rule, head in heads.items():
        sender = "" if rule == "null-sender" else "ann@example.org"
        size = 2000 if rule == "size" else 10
        candidate = Candidate(sender, size, gate.read_head(head + b"\r\n", LIMIT), Recipient("x", "post", "", GROUP))
        verdict = gate.judge(candidate)
        assert verdict is not None
        assert (verdict.rule, verdict.reply[:9]) == (rule, codes[rule])
        assert verdict.otherwise in {"hold", "discard"}
