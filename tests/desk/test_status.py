"""The picture that the operator sees first."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from cgbot.context import Context
from cgbot.desk import status
from cgbot.groups import members
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.notices.kinds import Kind, Occurrence
from cgbot.outbox import relay_state
from cgbot.outbox.silence import Silence
from cgbot.store import service
from cgbot.store.db import Database, Tx
from cgbot.store.tables import contents, deliveries


def test_an_empty_installation(db: Database, context: Context, group: Group) -> None:
    found = db.read_now(status.look, context, ())
    assert found.domain == "lists.example.org"
    assert [(one.name, one.members, one.conveners, one.held) for one in found.groups] == [("cg-aisec", 0, 0, 0)]
    assert found.errands == {"received": 0, "sorted": 0, "held": 0, "discarded": 0, "shelved": 0}
    assert set(found.deliveries) == {"queued", "leased", "sent", "deferred", "failed", "expired", "suppressed"}
    assert set(found.oldest.values()) == {None}
    assert (found.paused, found.notices) == (None, ())


def test_a_relay_that_does_not_answer_is_named(db: Database, context: Context, group: Group) -> None:
    silence = Silence("mx.example.org:25", context.now, 3, "connection refused")
    db.write_now(relay_state.keep, silence)
    found = db.read_now(status.look, context, ()).relay
    assert found == "the relay mx.example.org:25 does not answer since 2027-05-03 08:00 UTC: connection refused"
    db.write_now(relay_state.forget)
    assert db.read_now(status.look, context, ()).relay is None


def test_the_term_has_run_out_and_stops_nothing(db: Database, context: Context, group: Group) -> None:
    (one,) = db.read_now(status.look, context, ()).groups
    assert (one.term_until, one.term_over, one.closed) == ("2024-12-31", True, False)


def test_what_goes_out_and_what_is_next(db: Database, context: Context, group: Group) -> None:
    def fill(tx: Tx) -> None:
        members.add(tx, context, group.id, NewMember("c@example.org", role="convener"))
        content = tx.execute(
            sa.insert(contents)
            .values(
                group_id=group.id,
                kind="post",
                about="post 1",
                message_id="x@y",
                body=b"",
                marks={},
                created_at=context.now,
            )
            .returning(contents.c.id)
        ).scalar_one()
        for number, state in enumerate(("queued", "queued", "sent")):
            tx.execute(
                sa.insert(deliveries).values(
                    content_id=content,
                    recipient=f"r{number}@example.org",
                    return_path="",
                    slots={},
                    state=state,
                    due_at=context.now,
                    queued_at=context.now - timedelta(hours=number),
                    expires_at=context.now,
                )
            )
        service.pause(tx, "restored")

    due = Occurrence("reminder", "meeting 1", group.id, context.now + timedelta(days=1), "1 member", "Reminder")
    kind = Kind("reminder", "members", announced=True, plan=lambda _tx, _context, _until: [due], send=lambda *_: None)
    db.write_now(fill)
    found = db.read_now(status.look, context, (kind,))
    assert (found.deliveries["queued"], found.deliveries["sent"]) == (2, 1)
    assert found.oldest["queued"] == context.now - timedelta(hours=1)
    assert [(one.id, one.group, one.about, one.due) for one in found.notices] == [
        (None, "cg-aisec", "meeting 1", due.due_at)
    ]
    assert (found.groups[0].conveners, found.paused) == (1, "restored")
