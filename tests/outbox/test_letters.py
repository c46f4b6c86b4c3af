"""Letters of ours: RFC 3834 fields, signed return paths, one copy for each."""

from __future__ import annotations

import email
from datetime import timedelta

import pytest
from sqlalchemy import select

from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.mail import verp
from cgbot.mail.frozen import fill
from cgbot.outbox import letters, queue
from cgbot.outbox.letters import Addressee, Letter
from cgbot.store.db import Database
from cgbot.store.tables import deliveries

FACTS = {"acronym": "CG-AISEC", "outcome": "Released.", "hold": 7}


def letter(group: Group | None, *recipients: Addressee, in_reply_to: str = "") -> Letter:
    return Letter(
        kind="notice",
        about="held message 7",
        template="held-decided",
        facts=FACTS,
        group=(group.id, group.name) if group else None,
        recipients=recipients,
        sender_local="cg-aisec-owner",
        sender_name="CG-AISEC",
        reply_to="cg-aisec-confirm+abc@lists.example.org",
        in_reply_to=in_reply_to,
    )


def test_each_recipient_gets_a_copy_of_its_own(db: Database, context: Context, group: Group) -> None:
    told = letter(group, Addressee("a@x.org", None), Addressee("b@x.org", None, "Bee"))
    content_id = db.write_now(letters.write, context, told)
    rows = db.read_now(lambda tx: tx.execute(select(deliveries).order_by(deliveries.c.id)).all())
    frozen = db.read_now(queue.content, content_id)
    mails = [email.message_from_bytes(fill(frozen, row.slots)) for row in rows]
    assert [one["To"] for one in mails] == ["<a@x.org>", "<b@x.org>"]
    assert mails[0]["From"] == "CG-AISEC <cg-aisec-owner@lists.example.org>"
    assert mails[0]["Auto-Submitted"] == "auto-generated"
    assert mails[0]["Reply-To"] == "<cg-aisec-confirm+abc@lists.example.org>"
    assert mails[0]["Message-ID"].endswith("@lists.example.org>")
    assert mails[0]["Date"] == "Mon, 03 May 2027 08:00:00 +0000"
    detail = rows[0].return_path.partition("-bounces+")[2].partition("@")[0]
    assert verp.read_return_path(context.keys, "cg-aisec", detail) == (content_id, 0)
    assert rows[0].expires_at == context.now + timedelta(days=5)


def test_an_answer_says_what_it_answers(db: Database, context: Context, group: Group) -> None:
    content_id = db.write_now(letters.write, context, letter(group, Addressee("a@x.org", None), in_reply_to="q@x.org"))
    mail = email.message_from_bytes(fill(db.read_now(queue.content, content_id), {"to": "a@x.org"}))
    assert (mail["In-Reply-To"], mail["References"]) == ("<q@x.org>", "<q@x.org>")
    assert mail["Auto-Submitted"] == "auto-replied"


def test_the_service_itself_has_the_null_return_path(db: Database, context: Context) -> None:
    db.write_now(letters.write, context, letter(None, Addressee("operator@example.org", None)))
    assert db.read_now(lambda tx: tx.execute(select(deliveries.c.return_path)).scalar_one()) == ""


@pytest.mark.parametrize(
    ("moment", "expected"), [(None, 5), (timedelta(days=2), 2), (timedelta(days=90), 5)], ids=["none", "soon", "far"]
)
def test_a_mail_is_given_up_at_its_moment_and_after_five_days_at_the_latest(
    context: Context, moment: timedelta | None, expected: int
) -> None:
    given = context.now + moment if moment else None
    assert letters.give_up(context.now, given) == context.now + timedelta(days=expected)
