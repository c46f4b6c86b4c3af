"""A group carries another one on: who is carried over, what moves, and what both remember."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from cgbot import wiring
from cgbot.context import Context
from cgbot.desk import actions as noting
from cgbot.desk import succeeding
from cgbot.errand import Errand
from cgbot.errors import Conflict, NotFound
from cgbot.groups import actions, bounces, leaving, members, orders, records, sign_in, succession, tokens
from cgbot.groups.actions import NewAction
from cgbot.groups.commands import Actor, Request
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.groups.succession import Links
from cgbot.mail import verp
from cgbot.meetings import records as meetings_of
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.notices import ledger
from cgbot.papers import calls
from cgbot.papers.calls import Wanted
from cgbot.posts.gate import Recipient, find_recipient
from cgbot.store.db import Database
from cgbot.store.tables import attendees, contents
from tests.archive import posting
from tests.groups.mailbag import Sent, errand_of, outbox, token_of
from tests.groups.test_bounces import report

NEW = "cg-aisec-strat"
DOMAIN = "lists.example.org"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Scene:
    db: Database
    context: Context
    old: Group
    new: Group

    def succeed(self) -> int:
        """As the command does; how many were carried over."""
        both = self.db.write_now(succeeding.begin, self.context, self.old.name, self.new.name, "operator")
        total, after = 0, 0
        while True:
            count, after = self.db.write_now(succeeding.carry, self.context, both, after, "operator")
            total += count
            if not after:
                return total

    def join(self, name: str, group: Group | None = None, **given: object) -> Member:
        new = NewMember(f"{name}@example.org", name=name.capitalize(), **given)  # type: ignore[arg-type]  # as the test says
        return self.db.write_now(members.add, self.context, (group or self.old).id, new)

    def member(self, name: str, group: Group | None = None) -> Member | None:
        return self.db.read_now(members.find_member, (group or self.new).id, f"{name}@example.org")

    def meeting(self, start: str = "2027-05-20 09:00") -> int:
        order = Order("First meeting", schedule.read_when(start, duration="60m"))
        return self.db.write_now(schedule.schedule, self.context, self.old, order).id

    def letters(self, subject: str) -> list[Sent]:
        return [one for one in outbox(self.db) if subject in str(one.message["Subject"])]


@pytest.fixture
def scene(db: Database, context: Context, group: Group) -> Scene:
    charter = replace(context.charters["cg-aisec"], name=NEW, acronym="CG-AISEC-STRAT", title="Strategy", source="new")
    both = replace(context, charters={**context.charters, NEW: charter})
    db.write_now(records.seed, both)
    return Scene(db, both, group, db.read_now(records.get_group, NEW))


def test_members_are_carried_over_as_they_were(scene: Scene) -> None:
    scene.join("jia", role="convener")
    scene.join("hu", role="vice-convener", delivery="none", invitations=False)
    ill = scene.join("ill")
    scene.db.write_now(members.change, scene.context, ill, {"state": "suspended"})
    scene.join("gone")
    scene.db.write_now(members.remove, scene.context, scene.old.id, "gone@example.org")
    scene.join("new", scene.new, role="convener")
    assert scene.succeed() == 3
    here = {one.name: one for one in scene.db.read_now(members.list_members, scene.new.id)}
    assert {name: (one.role, one.delivery, one.invitations, one.state) for name, one in here.items()} == {
        "Jia": ("convener", "each", True, "active"),
        "Hu": ("vice-convener", "none", False, "active"),
        "Ill": ("member", "each", True, "suspended"),
        "New": ("convener", "each", True, "active"),
    }


def test_each_is_told_once_with_a_way_out(scene: Scene) -> None:
    scene.join("jia", role="convener")
    scene.join("zoe")
    scene.join("zoe", scene.new)  # had joined by herself
    scene.succeed()
    (letter,) = scene.letters("CG-AISEC goes on as CG-AISEC-STRAT")
    assert letter.recipient == "jia@example.org"
    member = scene.member("jia")
    assert member is not None
    token = verp.member_token(scene.context.keys, "leave", NEW, member.id)
    assert f"https://cg.example.org/leave/{NEW}/{token}" in letter.text
    assert letter.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"{NEW}-leave@{DOMAIN}" in letter.text
    assert "https://cg.example.org/cg-aisec/" in letter.text
    assert scene.succeed() == 0
    assert len(scene.letters("goes on as")) == 1


def test_a_run_that_was_cut_off_goes_on_and_brings_nobody_back(scene: Scene) -> None:
    for number in range(succeeding.PORTION + 10):
        scene.join(f"m{number:02}")
    both = scene.db.write_now(succeeding.begin, scene.context, "cg-aisec", NEW, "operator")
    count, _ = scene.db.write_now(succeeding.carry, scene.context, both, 0, "operator")
    assert count == succeeding.PORTION
    scene.db.write_now(members.remove, scene.context, scene.new.id, "m00@example.org")
    assert scene.succeed() == 10
    assert len(scene.letters("goes on as")) == succeeding.PORTION + 10
    left = scene.member("m00")
    assert left is not None
    assert left.state == "left"


def test_every_address_of_the_old_group_is_the_successors(scene: Scene) -> None:
    jia = scene.join("jia", role="convener")
    path = verp.return_path(scene.context.keys, "cg-aisec", DOMAIN, 12, jia.id)
    scene.succeed()
    directory = scene.db.read_now(wiring.directory, scene.context)
    for address in (f"cg-aisec@{DOMAIN}", f"cg-aisec-request@{DOMAIN}", f"cg-aisec-leave@{DOMAIN}", path):
        found = find_recipient(address, directory)
        assert isinstance(found, Recipient)
        assert found.group is not None
        assert (found.group.group_id, found.group.name) == (scene.new.id, NEW)
    one: Errand = errand_of(
        scene.context, scene.new, report(), purpose="bounces", detail=path.partition("+")[2].partition("@")[0]
    )
    settled = scene.db.write_now(bounces.take_bounce, scene.context, replace(one, recipient=path))
    assert settled.reason == "bounce of jia@example.org: hard, failed 5.1.1"


def test_a_chain_leads_to_its_end(scene: Scene) -> None:
    charter = replace(scene.context.charters[NEW], name="cg-ai", acronym="CG-AI", source="third")
    three = replace(scene, context=replace(scene.context, charters={**scene.context.charters, "cg-ai": charter}))
    three.db.write_now(records.seed, three.context)
    third = three.db.read_now(records.get_group, "cg-ai")
    three.succeed()
    replace(three, old=scene.new, new=third).succeed()
    directory = three.db.read_now(wiring.directory, three.context)
    found = find_recipient(f"cg-aisec@{DOMAIN}", directory)
    assert isinstance(found, Recipient)
    assert found.group is not None
    assert found.group.name == "cg-ai"
    assert three.db.read_now(succession.links, scene.new.id) == Links(("cg-aisec",), "cg-ai")


def test_both_are_linked_and_the_old_one_is_closed(scene: Scene) -> None:
    scene.succeed()
    assert scene.db.read_now(succession.links, scene.old.id) == Links((), NEW)
    assert scene.db.read_now(succession.links, scene.new.id) == Links(("cg-aisec",), "")
    shown = scene.db.read_now(succession.shown, scene.context, scene.old.id)
    assert shown == {"continues": [], "continued_by": [(NEW, "CG-AISEC-STRAT")]}
    closed = scene.db.read_now(records.get_group, "cg-aisec")
    assert closed.closed_at == scene.context.now


def test_what_is_still_to_come_moves_with_its_answers(scene: Scene) -> None:
    jia, zoe = scene.join("jia", role="convener"), scene.join("zoe")
    number = scene.meeting()
    yes = sa.update(attendees).where(attendees.c.member_id == zoe.id).values(partstat="ACCEPTED")
    scene.db.write_now(lambda tx: tx.execute(yes))
    named = (scene.old.id, scene.old.name)
    action = scene.db.write_now(noting.note, scene.context, named, NewAction("draft", jia.id), "operator")
    scene.succeed()
    assert scene.db.read_now(meetings_of.get, number).group_id == scene.new.id
    invited = {one.address: one.partstat for one in scene.db.read_now(meetings_of.invited, number)}
    assert invited == {"jia@example.org": "NEEDS-ACTION", "zoe@example.org": "ACCEPTED"}
    ids = {one.member_id for one in scene.db.read_now(meetings_of.invited, number)}
    assert ids == {one.id for one in scene.db.read_now(members.list_members, scene.new.id)}
    moved = scene.db.read_now(actions.get, action.id)
    assert (moved.group_id, moved.owner) == (scene.new.id, "Jia")


def test_a_reply_to_the_old_organiser_counts(scene: Scene) -> None:
    zoe = scene.join("zoe")
    address = verp.organizer(scene.context.keys, "cg-aisec", DOMAIN, zoe.id)
    scene.meeting()
    scene.succeed()
    member = scene.db.read_now(members.in_group, zoe.id, scene.new.id)
    assert member is not None
    assert (member.group_id, member.address) == (scene.new.id, "zoe@example.org")
    directory = scene.db.read_now(wiring.directory, scene.context)
    assert isinstance(find_recipient(address, directory), Recipient)


def reminders(scene: Scene) -> int:
    counted = sa.select(sa.func.count()).select_from(contents).where(contents.c.kind == "reminder")
    return scene.db.read_now(lambda tx: int(tx.execute(counted).scalar_one()))


def test_a_reminder_that_was_sent_is_not_sent_again(scene: Scene) -> None:
    scene.join("jia", role="convener")
    scene.meeting()
    kinds = wiring.kinds()
    at = scene.context.now
    while at < scene.context.now + 4 * DAY:  # 14 days before is on 6 May
        scene.db.write_now(ledger.tick, scene.context.at(at), kinds)
        at += timedelta(hours=6)
    assert reminders(scene) == 1
    later = replace(scene, context=scene.context.at(at))
    later.succeed()
    for hours in range(0, 48, 6):
        scene.db.write_now(ledger.tick, scene.context.at(at + timedelta(hours=hours)), kinds)
    assert reminders(scene) == 1


def test_past_meetings_and_the_archive_stay(scene: Scene) -> None:
    scene.db.write_now(posting.put, scene.old.id, posting.mail("hello"))
    early = replace(scene, context=scene.context.at(scene.context.now - 60 * DAY))
    number = early.meeting("2027-04-01 09:00")
    scene.succeed()
    assert scene.db.read_now(meetings_of.get, number).group_id == scene.old.id


def test_what_was_signed_for_the_old_group_once_has_ended(scene: Scene) -> None:
    jia = scene.join("jia", role="convener")
    facts = {"group": str(scene.old.id), "address": jia.address, "hold": 1}
    token = scene.db.write_now(tokens.make, scene.context, "held", facts, DAY)
    actor = Actor(jia.address, jia.id, jia.name, jia.role)
    asked = Request(scene.old.id, scene.old.name, actor, (), {"text": "a new one"})
    order, _ = scene.db.write_now(orders.place, scene.context, wiring.commands()["action"], asked)
    scene.succeed()
    assert scene.db.read_now(tokens.look, token, scene.context.now) is None
    assert scene.db.read_now(orders.get, order.id).state == "lapsed"


def test_members_still_read_where_they_were_and_do_nothing_else(scene: Scene) -> None:
    scene.join("jia", role="convener")
    scene.succeed()
    visitor = scene.db.read_now(sign_in.would_send, scene.context, "jia@example.org")
    assert visitor is not None
    assert [(one.group, one.member.role) for one in visitor.memberships] == [
        (NEW, "convener"),
        ("cg-aisec", "observer"),
    ]
    assert visitor.desks == (NEW,)


def test_one_click_in_an_old_mail_leaves_the_successor_too(scene: Scene) -> None:
    jia = scene.join("jia")
    scene.succeed()
    scene.db.write_now(wiring.leave, scene.context, jia)
    states = [scene.member("jia", one) for one in (scene.old, scene.new)]
    assert [one.state for one in states if one] == ["left", "left"]
    (said,) = [one for one in outbox(scene.db) if "/rejoin/" in one.text]  # one mail, from the group that goes on
    assert said.message["Subject"] == f"You have left {scene.context.charters[NEW].acronym}"
    assert scene.db.write_now(leaving.undo, scene.context, token_of(said), wiring.ON_JOIN)
    states = [scene.member("jia", one) for one in (scene.old, scene.new)]
    assert [one.state for one in states if one] == ["active", "active"]


def test_what_cannot_follow(scene: Scene) -> None:
    begin = succeeding.begin
    with pytest.raises(Conflict, match="the same group"):
        scene.db.write_now(begin, scene.context, NEW, NEW, "operator")
    with pytest.raises(NotFound):
        scene.db.write_now(begin, scene.context, "cg-aisec", "cg-nobody", "operator")
    scene.join("jia", role="convener")
    number = scene.meeting()
    named = (scene.old.id, scene.old.name)
    call = scene.db.write_now(calls.open_call, scene.context, named, Wanted(meeting_id=number), "operator")
    with pytest.raises(Conflict, match=f"call {call.id} of cg-aisec is open"):
        scene.succeed()
    scene.db.write_now(calls.close_call, scene.context, call.id, "operator")
    scene.succeed()
    with pytest.raises(Conflict, match="is closed"):
        scene.db.write_now(begin, scene.context, NEW, "cg-aisec", "operator")
