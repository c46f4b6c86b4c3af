"""A list that lives elsewhere: what its host sends is archived, never redistributed; meetings are announced there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import DOMAIN, Program, Relay, mail, serving, wait_for

HOST_LIST = "cg-aisec@lists.host.example"
COMPANION = f"""
[companion]
list = "{HOST_LIST}"
list_id = "cg-aisec.lists.host.example"
peer = "127.0.0.1"
subscribed = "cg-aisec@{DOMAIN}"
"""
CONVENER = "convener@example.org"


@pytest.fixture
def companion(tmp_path: Path, database_url: str, relay: Relay) -> Iterator[Program]:
    url = "" if database_url.startswith("sqlite") else database_url
    program = Program(tmp_path, relay=relay, database_url=url)
    charter = tmp_path / "config" / "groups" / "cg-aisec.toml"
    charter.write_text(charter.read_text().replace('mode = "host"', 'mode = "companion"') + COMPANION)
    program.with_members({CONVENER: "convener"})
    program.cgbot("members", "set", "cg-aisec", CONVENER, "--delivery", "none", "--no-invitations")
    with serving(program) as running:
        yield running


def from_host(subject: str, **fields: str) -> bytes:
    return mail(subject, List_Id="AI security <cg-aisec.lists.host.example>", **fields)


def test_the_hosts_post_is_archived_and_not_redistributed(companion: Program, relay: Relay) -> None:
    companion.send(from_host("From the host"))
    companion.send(from_host("From the host", Received="by another.example; Mon, 3 May 2027 08:00:00 +0000"))
    companion.idle()
    assert relay.sent == []
    assert b"From the host" in companion.get("/cg-aisec/")[2]


def test_the_hosts_notices_go_to_the_conveners_and_are_never_answered(companion: Program, relay: Relay) -> None:
    companion.send(mail("confirm 1234", From="cg-aisec-confirm+1234@lists.host.example"), sender="bounce@host.example")
    companion.idle()
    assert [(one.recipient, one.message["Subject"]) for one in relay.sent] == [(CONVENER, "confirm 1234")]
    assert b"confirm 1234" not in companion.get("/cg-aisec/")[2]


def test_a_meeting_is_announced_to_the_list_and_who_joined_is_invited(companion: Program, relay: Relay) -> None:
    join = f"cg-aisec-join@{DOMAIN}"
    companion.send(mail("join", From="delegate@example.org", To=join), join)
    wait_for(lambda: bool(relay.to("delegate@example.org")))
    (asked,) = relay.to("delegate@example.org")
    confirm = asked.message["Reply-To"].strip("<>")
    companion.send(mail("Re: join", "yes", From="delegate@example.org", To=confirm), confirm)
    wait_for(lambda: len(relay.to("delegate@example.org")) == 2)
    companion.cgbot(
        "meetings", "schedule", "cg-aisec", "--title", "First meeting", "--start", "2031-05-16 09:00",
        "--duration", "60m", "--join-url", "https://meet.example.org/cg",
    )  # fmt: skip
    companion.idle()
    (announcement,) = relay.to(HOST_LIST)
    text = announcement.message.get_payload(decode=True)
    assert isinstance(text, bytes)
    for said in (b"Friday 16 May 2031, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)", b"https://meet.example.org/cg",
                 join.encode()):  # fmt: skip
        assert said in text
    assert announcement.message.get_content_type() == "text/plain"
    assert "text/calendar" in [part.get_content_type() for part in relay.to("delegate@example.org")[-1].message.walk()]
    assert relay.to(CONVENER) == [] or all("joined" in one.message["Subject"] for one in relay.to(CONVENER))
