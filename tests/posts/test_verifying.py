"""A post from its arrival to the wire: checked by us, rewritten where it must be, signed and sealed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import dkim
import pytest
import sqlalchemy as sa

from cgbot import wiring
from cgbot.context import Context
from cgbot.groups import members
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.mail import list_headers, signing
from cgbot.mail.authenticity import LookupFailed
from cgbot.mail.frozen import fill
from cgbot.mail.headers import split
from cgbot.mail.message import Message, parse
from cgbot.mail.signing import Stamp
from cgbot.outbox import queue
from cgbot.outbox.signer import Signer
from cgbot.outbox.wire import Outgoing, dotted
from cgbot.posts import arrivals, shelved
from cgbot.posts.arrivals import Addressed, Arrival
from cgbot.posts.errands import Claimed
from cgbot.posts.sorter import Desk, Sorter
from cgbot.posts.verifying import Verifier
from cgbot.store import raw as raws
from cgbot.store.db import Database
from cgbot.store.tables import contents, deliveries, errands
from tests.mail.keys_for_tests import published, signing_keys

ANN = "ann@example.com"
LIST = "cg-aisec@lists.example.org"
OURS = signing_keys()
THEIRS = signing_keys("example.com")
ZONE = {**published(OURS), **published(THEIRS), ("_dmarc.example.com", "TXT"): ["v=DMARC1; p=reject"],
        ("example.com", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"]}  # fmt: skip


class World:
    """A group whose mail is checked by us, with a DNS of its own."""

    def __init__(self, db: Database, context: Context, group: Group, zone: Mapping[tuple[str, str], list[str]]) -> None:
        told = replace(context.settings.authentication, check="own")
        self.context = replace(context, settings=replace(context.settings, authentication=told))
        self.db, self.group = db, group
        self.zone = zone
        db.write_now(members.add, self.context, group.id, NewMember(address=ANN, name="Ann Lee"))

    def ask(self, name: str, kind: str) -> list[str]:
        return self.zone.get((name, kind), [])

    def post(self, raw: bytes, peer: str = "203.0.113.1") -> str:
        """Let it come in; what became of it."""
        arrival = Arrival(raw, ANN, self.context.now, "smtp", peer, "", tls=False, trace=b"",
                          recipients=(Addressed(LIST, self.group.id, "post"),))  # fmt: skip
        self.db.write_now(arrivals.add_arrivals, [(arrival, raws.prepare(raw))])
        verifier = Verifier(lambda: self.context.settings, self.ask)
        desk = Desk(self.db, lambda: self.context, wiring.purposes(), shelved.tell, lambda: False, lambda: None,
                    wiring.preparers(), check=verifier.check)  # fmt: skip
        asyncio.run(Sorter(desk).run_once())
        verifier.close()
        row = self.db.read_now(lambda tx: tx.execute(sa.select(errands).order_by(errands.c.id.desc())).first())
        return f"{row.state}: {row.reason}"

    def sent(self, kind: str = "post") -> list[bytes]:
        """Each copy as it stands on the wire."""
        # dkimpy goes by the real clock, for which the tests' moment is in the future.
        past = datetime(2023, 5, 3, tzinfo=UTC)
        self.db.write_now(lambda tx: tx.execute(sa.update(contents).values(created_at=past)))
        signer = Signer(self.db, OURS, "lists.example.org")
        rows = self.db.read_now(
            lambda tx: tx.execute(
                sa.select(deliveries).join(contents).where(contents.c.kind == kind).order_by(deliveries.c.id)
            ).all()
        )
        return [asyncio.run(self._signed(signer, row)) for row in rows]

    async def _signed(self, signer: Signer, row: sa.Row[tuple[object, ...]]) -> bytes:
        frozen = self.db.read_now(queue.content, row.content_id)
        copy = Outgoing(row.return_path, row.recipient, fill(frozen, row.slots))
        return (await signer.sign(row.content_id, frozen, copy)).raw


@pytest.fixture
def world(db: Database, context: Context, group: Group) -> World:
    return World(db, context, group, dict(ZONE))


def written(signed: bool, **fields: str) -> bytes:
    head = {"From": f"Ann Lee <{ANN}>", "To": LIST, "Subject": "A scope", "Message_ID": "<1@example.com>", **fields}
    raw = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in head.items()).encode() + b"\r\nHello\r\n"
    block, body = split(raw)
    return signing.sign(block, Stamp(signing.body_hash(body), 1_700_000_000), THEIRS) + raw if signed else raw


def verdicts(raw: bytes) -> dict[str, set[bool]]:
    """What dkimpy says of each signature, by its domain."""
    verifier = dkim.DKIM(raw)
    found: dict[str, set[bool]] = {}
    for place in range(sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers)):
        passed = verifier.verify(place, dnsfunc=fetch)
        found.setdefault(verifier.domain.decode(), set()).add(passed)
    return found


def fetch(name: bytes, timeout: int = 5) -> bytes | None:
    found = ZONE.get((name.decode().rstrip("."), "TXT"))
    return found[0].encode() if found else None


def test_a_signed_post_keeps_its_author(world: World) -> None:
    assert world.post(written(True)).startswith("sorted")
    (copy,) = world.sent()
    message = parse(copy)
    assert message.header("From") == f"Ann Lee <{ANN}>"
    assert "dkim=pass header.d=example.com" in message.header("Authentication-Results")
    assert b"\r\nARC-Message-Signature: i=1; " in copy
    assert copy.startswith(b"ARC-Seal: i=1; cv=none; ")
    assert verdicts(copy) == {"lists.example.org": {True}, "example.com": {True}}
    assert dkim.arc_verify(copy, dnsfunc=fetch)[0] == b"pass"
    assert dotted(copy) == copy
    assert copy.endswith(split(written(True))[1])
    assert world.sent() == [copy]  # a retry is the same octets


def test_a_post_proven_by_its_server_alone_goes_out_in_the_lists_name(world: World) -> None:
    """Proven to us by SPF; to others nothing would prove it, and the domain asks them to reject it."""
    assert world.post(written(False), peer="192.0.2.1").startswith("sorted")
    message = parse(world.sent()[0])
    assert message.header("From") == f"Ann Lee via CG-AISEC <{LIST}>"
    assert message.header("Reply-To") == message.header("X-Original-From") == f"Ann Lee <{ANN}>"


def test_an_unproven_post_is_held_and_a_silent_dns_loses_nothing(world: World) -> None:
    assert world.post(written(False)).startswith("held")

    def silent(name: str, _kind: str) -> list[str]:
        raise LookupFailed(name)

    world.ask = silent  # type: ignore[method-assign]  # DNS has gone
    assert world.post(written(True, Message_ID="<2@example.com>")).startswith("held")


def test_results_that_claim_to_be_ours_do_not_travel(world: World) -> None:
    for number, forged in enumerate(
        (
            "lists.example.org; dkim=pass header.d=forged.example",
            "(x;) LISTS.example.org 1; dkim=pass header.d=forged.example",
            '"lists\\.example.org"; dkim=pass header.d=forged.example',
            "lists.\r\n example.org; arc=pass; dkim=pass header.d=forged.example",
        )
    ):
        raw = written(True, Message_ID=f"<f{number}@example.com>", Authentication_Results=forged)
        assert world.post(raw).startswith("sorted")
    for copy in world.sent():
        assert b"forged.example" not in copy
        assert b"ARC-Authentication-Results: i=1; lists.example.org;" in copy


def test_mail_to_the_owners_that_claims_to_be_ours_is_not_signed(world: World) -> None:
    raw = b"From: cg-aisec@lists.example.org\r\nAuthentication-Results: lists.example.org; dkim=pass\r\n\r\nx\r\n"
    frozen = list_headers.forward(raw, "cg-aisec-owner@lists.example.org")
    content = queue.Mail("owner", "x", None, "1@x", frozen)
    content_id = world.db.write_now(queue.add_content, content, world.context.now)
    signer = Signer(world.db, OURS, "lists.example.org")
    copy = Outgoing("", "a@example.net", fill(frozen, {}))
    assert asyncio.run(signer.sign(content_id, frozen, copy)) == copy


def claimed(peer: str = "203.0.113.1") -> Claimed:
    now = datetime(2027, 5, 3, tzinfo=UTC)
    return Claimed(1, 1, 1, "cg-aisec", LIST, "post", "", "", 1, ANN, now, "smtp", peer, b"", 1)


@pytest.mark.parametrize("settings_check", ["none", "own"])
def test_slow_dns_is_waited_for_a_bounded_time(context: Context, settings_check: str) -> None:
    """Every question hangs; the portion is answered all the same, and nothing is asked where nothing is checked."""
    told = replace(context.settings.authentication, check=settings_check)
    settings = replace(context.settings, authentication=told)
    gone = threading.Event()

    def hang(name: str, _kind: str) -> list[str]:
        gone.wait(20)
        raise LookupFailed(name)

    verifier = Verifier(lambda: settings, hang, seconds=0.05)
    mails: list[tuple[Claimed, Message]] = [(claimed(), parse(written(True))) for _ in range(40)]
    found = verifier.check(mails)
    gone.set()
    verifier.close()
    expected = {None} if settings_check == "none" else {"temperror"}
    assert {one and one.dmarc for one in found} == expected
