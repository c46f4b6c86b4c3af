"""
What must not be distributed is refused while the other server is there, or held or discarded; nobody is written to.

Each case is one message, brought once by SMTP from the network and once by LMTP from the server in front. Whatever
happens, no mail goes to an address that has not proved itself (G11): only conveners and the member who is named as the
author are ever told.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cgbot.context import Context
from cgbot.groups import records as groups
from cgbot.keys import Keys
from cgbot.posts import gate
from cgbot.posts.gate import GroupPolicy, Recipient
from cgbot.store.db import Database
from tests.posts.arriving import LIST, Posts, trusting, written

OWN = "<cg-aisec.lists.example.org>"
MEMBER = "hu@example.org"
STRANGER = "victim@example.net"
LIMIT = 4000
GROUP = GroupPolicy(1, "cg-aisec", OWN.strip("<>"), max_size=20_000)
TOLD = {"convener@example.org", MEMBER}


@pytest.fixture
def posts(sqlite_url: str, context: Context) -> Iterator[Posts]:
    db = Database.open(sqlite_url)
    db.write_now(groups.seed, context)
    found = Posts(db, trusting(context), db.read_now(groups.get_group, "cg-aisec"))
    found.member("convener@example.org", "convener")
    found.member(MEMBER)
    yield found
    db.close()


@pytest.mark.parametrize(
    ("raw", "mail_from", "reply", "state"),
    [
        (written(STRANGER), STRANGER, "", "held"),
        (written(MEMBER), STRANGER, "", "held"),  # in a member's name
        (written(STRANGER, List_Id=OWN), STRANGER, "554 5.4.6", "discarded"),
        (b"Received: by a\r\n" * 60 + written(STRANGER), STRANGER, "554 5.4.6", "discarded"),
        (b"From: boss@example.org\r\n" + written(STRANGER), STRANGER, "550 5.6.0", "held"),
        (written(STRANGER).replace(b"From:", b"X-From:"), STRANGER, "550 5.6.0", "held"),
        (b"X-Pad: " + b"x" * LIMIT + b"\r\n" + written(STRANGER), STRANGER, "550 5.6.0", "held"),
        (written(STRANGER), "", "550 5.7.1", "discarded"),
        (written(STRANGER, text="x" * 21_000), STRANGER, "552 5.3.4", "held"),
        (written(STRANGER, Auto_Submitted="auto-replied"), STRANGER, "", "discarded"),
        (written(MEMBER, Auto_Submitted="auto-replied"), MEMBER, "", "discarded"),
        (written(STRANGER, Content_Type="multipart/report; report-type=delivery-status"), STRANGER, "", "discarded"),
        (written("nobody in particular"), STRANGER, "", "held"),
    ],
)  # fmt: skip
def test_the_verdict_in_the_dialogue_and_behind_a_front_server(
    posts: Posts, raw: bytes, mail_from: str, reply: str, state: str
) -> None:
    verdicts = gate.pass_through(mail_from, gate.read_head(raw, LIMIT), len(raw), [Recipient(LIST, "post", "", GROUP)])
    assert gate.refusal(verdicts)[:9] == reply
    note = verdicts[0].note if verdicts[0] else ""  # behind a front server the errand carries the verdict
    settled = posts.arrive(raw, mail_from=mail_from, gate=note)
    assert settled.state == state
    sent = posts.news()
    assert {one.recipient for one in sent} <= TOLD
    assert state == "held" or not sent


def test_what_is_rejected_or_banned_is_not_told_to_an_unproven_author(posts: Posts) -> None:
    for word in ("reject: off topic", "discard", "ban"):
        posts.arrive(written(STRANGER))
        posts.answer(posts.news()[0], word)
        assert {one.recipient for one in posts.news()} <= TOLD


def test_a_bounce_with_a_forged_return_path_is_refused() -> None:
    directory = gate.Directory(
        "lists.example.org", {"cg-aisec": GROUP}, frozenset({"post", "bounces"}), Keys((b"a key for tests only",))
    )
    for address in ("cg-aisec-bounces@lists.example.org", "cg-aisec-bounces+7.3.aaaaaaaaaaaaaaaa@lists.example.org"):
        assert str(gate.find_recipient(address, directory)).startswith("550 5.1.1")
