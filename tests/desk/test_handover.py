"""An office is handed over: what waits moves, what the predecessor held ends, one mail each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from cgbot import wiring
from cgbot.context import Context
from cgbot.desk import actions as noting
from cgbot.desk import handover
from cgbot.desk.handover import Office
from cgbot.errors import Malformed, NotFound
from cgbot.groups import actions, audit, members, orders, sign_in, tokens
from cgbot.groups.actions import NewAction
from cgbot.groups.commands import Actor, Request
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.posts import holding
from cgbot.posts.arrivals import Addressed, Arrival, add_arrivals
from cgbot.store import raw
from cgbot.store.db import Database, Tx
from cgbot.store.tables import errands
from tests.groups.mailbag import Sent, errand, outbox, token_of

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Scene:
    db: Database
    context: Context
    group: Group
    jia: Member
    hu: Member

    def hand_over(self, actor: str = "operator", **given: object) -> Member:
        office = Office("jia@example.org", "hu@example.org", kinds=wiring.shown_kinds(), on_leave=wiring.ON_LEAVE)
        office = replace(office, **given)  # type: ignore[arg-type]  # as the test says
        named = (self.group.id, self.group.name)
        return self.db.write_now(handover.hand_over, self.context, named, office, actor)

    def member(self, address: str) -> Member:
        found = self.db.read_now(members.find_member, self.group.id, address)
        assert found is not None
        return found

    def to(self, address: str) -> list[Sent]:
        return [one for one in outbox(self.db) if one.recipient == address]

    def token(self, purpose: str, member: Member, **facts: object) -> str:
        whole = {"group": str(self.group.id), "address": member.address, **facts}
        return self.db.write_now(tokens.make, self.context, purpose, whole, DAY)

    def expired(self, token: str) -> bool:
        found = self.db.read_now(tokens.look, token, self.context.now)
        return found is None or found.expired


@pytest.fixture
def scene(db: Database, context: Context, group: Group) -> Scene:
    jia = db.write_now(members.add, context, group.id, NewMember("jia@example.org", name="Jia", role="convener"))
    hu = db.write_now(members.add, context, group.id, NewMember("hu@example.org", name="Hu"))
    return Scene(db, context, group, jia, hu)


def test_roles_are_exchanged_and_both_are_told(scene: Scene) -> None:
    assert scene.hand_over().role == "convener"
    assert (scene.member("hu@example.org").role, scene.member("jia@example.org").role) == ("convener", "member")
    (taken,), (given,) = scene.to("hu@example.org"), scene.to("jia@example.org")
    assert taken.message["Subject"] == "[CG-AISEC] You are convener now: what is open"
    assert given.message["Subject"] == "[CG-AISEC] Hu is convener now"
    ((_, detail),) = scene.db.read_now(audit.find, scene.group.id, "office handed over", "jia@example.org")
    assert (detail["to"], detail["role"]) == ("hu@example.org", "convener")


def test_a_vice_convener_becomes_convener_and_the_predecessor_may_leave(scene: Scene) -> None:
    scene.db.write_now(members.change, scene.context, scene.hu, {"role": "vice-convener"})
    scene.hand_over(leave=True)
    assert (scene.member("hu@example.org").role, scene.member("jia@example.org").state) == ("convener", "left")
    assert [one.message["Subject"] for one in scene.to("jia@example.org")] == ["[CG-AISEC] Hu is convener now"]


def test_actions_and_waiting_orders_move(scene: Scene) -> None:
    named = (scene.group.id, scene.group.name)
    mine = scene.db.write_now(noting.note, scene.context, named, NewAction("draft", scene.jia.id), "operator")
    done = scene.db.write_now(noting.note, scene.context, named, NewAction("old", scene.jia.id), "operator")
    scene.db.write_now(actions.end, scene.context, done.id, "done", "operator")
    actor = Actor(scene.jia.address, scene.jia.id, scene.jia.name, scene.jia.role)
    asked = Request(scene.group.id, scene.group.name, actor, (), {"text": "a new one"})
    command = wiring.commands()["action"]
    order, _ = scene.db.write_now(orders.place, scene.context, command, asked)
    scene.db.write_now(orders.confirm, scene.context, wiring.commands(), order.id, actor)
    scene.hand_over()
    assert scene.db.read_now(actions.get, mine.id).owner == "Hu"
    assert scene.db.read_now(actions.get, done.id).owner == "Jia"
    moved = scene.db.write_now(orders.carry_out, scene.context.at(scene.context.now + DAY), wiring.commands(), order.id)
    assert (moved.state, moved.actor, moved.member_id) == ("done", "hu@example.org", scene.hu.id)


def test_what_the_predecessor_held_ends_and_nobody_elses(scene: Scene) -> None:
    others = [scene.token("held", scene.hu, hold=1), scene.token("held", replace(scene.jia, address="x@example.org"))]
    elsewhere = scene.token("held", scene.jia, group="77")
    mine = [scene.token(purpose, scene.jia, hold=1) for purpose in ("held", "planned-notices", "order", "report")]
    scene.db.write_now(sign_in.ask, scene.context, "jia@example.org")
    link = scene.to("jia@example.org")[-1].text.partition("/sign-in/")[2].split()[0]
    session = scene.db.write_now(sign_in.begin, scene.context, link)
    assert session is not None
    assert scene.db.read_now(sign_in.find, scene.context, session.token) is not None
    scene.hand_over()
    assert [scene.expired(one) for one in mine] == [True] * 4
    assert scene.db.read_now(sign_in.find, scene.context, session.token) is None
    assert [scene.expired(one) for one in (*others, elsewhere)] == [False] * 3


def held(scene: Scene) -> Sent:
    """Hold a post; the notice to the convener."""
    message = errand(scene.context, scene.group, "post", "Buy now", Subject="Offer")

    def hold(tx: Tx) -> None:
        prepared = raw.prepare(message.message.raw)
        to = (Addressed("cg-aisec@lists.example.org", scene.group.id, "post"),)
        author, now = "zoe@example.org", scene.context.now
        arrival = Arrival(message.message.raw, author, now, "smtp", "192.0.2.1", "", False, b"", to)
        (arrival_id,) = add_arrivals(tx, [(arrival, prepared)])
        number = tx.execute(sa.select(errands.c.id).where(errands.c.arrival_id == arrival_id)).scalar_one()
        one = replace(message, id=int(number), arrival_id=arrival_id)
        holding.keep_for_conveners(tx, scene.context, one, ("a stranger",))

    scene.db.write_now(hold)
    return scene.to("jia@example.org")[-1]


def test_a_held_post_is_the_successors_to_decide(scene: Scene) -> None:
    notice = held(scene)
    scene.hand_over()
    assert "1: Offer, from zoe@example.org" in " ".join(scene.to("hu@example.org")[-1].text.split())
    answer = errand(scene.context, scene.group, "confirm", "approve", detail=token_of(notice), sender="jia@example.org")
    settled = scene.db.write_now(wiring.purposes()["confirm"], scene.context, answer)
    assert settled.state == "discarded"
    actor = Actor("hu@example.org", scene.hu.id, "Hu", "convener")
    asked = Request(scene.group.id, scene.group.name, actor, ("1",))
    order, _ = scene.db.write_now(orders.place, scene.context, wiring.commands()["approve"], asked)
    assert order.state == "shown"


def test_the_successors_mail_has_all_that_is_open(scene: Scene) -> None:
    order = Order("First meeting", schedule.read_when("2027-05-20 09:00", duration="60m"))
    scene.db.write_now(schedule.schedule, scene.context, scene.group, order)
    named = (scene.group.id, scene.group.name)
    new = NewAction("draft the liaison statement", scene.jia.id, "2027-05-14")
    scene.db.write_now(noting.note, scene.context, named, new, "operator")
    scene.hand_over()
    text = " ".join(scene.to("hu@example.org")[-1].text.split())
    assert "Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC): meeting 1, First meeting" in text
    assert "Friday 14 May 2027: action 1: draft the liaison statement (Hu)" in text
    assert "You have taken over from Jia as convener of CG-AISEC" in text


@pytest.mark.parametrize(
    ("given", "problem", "words"),
    [
        ({"successor": "nobody@example.org"}, NotFound, "`cgbot members add` makes them one first"),
        ({"predecessor": "nobody@example.org"}, NotFound, "nobody@example.org is not a member"),
        ({"successor": "JIA@example.org"}, Malformed, "are the same person"),
        ({"predecessor": "zoe@example.org"}, Malformed, "zoe@example.org is member"),
        ({"successor": "gone@example.org"}, NotFound, "gone@example.org is not a member"),
        ({"successor": "ill@example.org"}, Malformed, "ill@example.org is suspended"),
    ],
)
def test_what_is_refused_changes_nothing(
    scene: Scene, given: dict[str, str], problem: type[Exception], words: str
) -> None:
    for name in ("zoe", "gone", "ill"):
        scene.db.write_now(members.add, scene.context, scene.group.id, NewMember(f"{name}@example.org"))
    scene.db.write_now(members.remove, scene.context, scene.group.id, "gone@example.org")
    scene.db.write_now(members.change, scene.context, scene.member("ill@example.org"), {"state": "suspended"})
    with pytest.raises(problem, match=words):
        scene.hand_over(**given)
    assert scene.member("jia@example.org").role == "convener"
    assert scene.to("hu@example.org") == []


def test_by_mail_the_writers_own_office(scene: Scene) -> None:
    actor = Actor("jia@example.org", scene.jia.id, "Jia", "convener")
    commands = wiring.commands()
    asked = Request(scene.group.id, scene.group.name, actor, (), {"to": "hu@example.org"})
    order, proposal = scene.db.write_now(orders.place, scene.context, commands["hand over"], asked)
    assert "Hu would become convener in place of Jia, who stays a member." in proposal.preview
    scene.db.write_now(orders.confirm, scene.context, commands, order.id, actor)
    done = scene.db.write_now(orders.carry_out, scene.context.at(scene.context.now + DAY), commands, order.id)
    assert (done.state, done.outcome, done.actor) == ("done", "Hu is convener now.", "jia@example.org")
    (taken,) = [
        one for one in scene.to("hu@example.org") if "You are convener now" in one.text or "taken over" in one.text
    ]
    assert "goes from" not in taken.text  # it is not one of the orders that wait
    bare = Request(scene.group.id, scene.group.name, actor, (), {})
    with pytest.raises(Malformed, match="to whom"):
        scene.db.write_now(orders.place, scene.context, commands["hand over"], bare)
