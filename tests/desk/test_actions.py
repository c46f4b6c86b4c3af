"""Actions: noted by a convener, reminded to the owner alone, ended by an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from cgbot import wiring
from cgbot.context import Context
from cgbot.desk import action_words
from cgbot.desk import actions as use_cases
from cgbot.errors import Conflict, Malformed, NotAllowed, NotFound
from cgbot.groups import actions, members, orders
from cgbot.groups.actions import NewAction
from cgbot.groups.commands import Actor, Request
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.notices import ledger
from cgbot.store.db import Database
from tests.conftest import NOW
from tests.groups.mailbag import Sent, errand, outbox, token_of

DAY = timedelta(days=1)
COMMANDS = {one.name: one for one in use_cases.COMMANDS}


@dataclass(frozen=True)
class Scene:
    db: Database
    context: Context
    group: Group
    jia: Member  # the convener
    hu: Member

    def note(self, text: str, due_on: str = "", now: datetime = NOW) -> int:
        new = NewAction(text, self.hu.id, due_on)
        named = (self.group.id, self.group.name)
        return self.db.write_now(use_cases.note, self.context.at(now), named, new, self.jia.address).id

    def play(self, start: datetime, end: datetime, step: timedelta = DAY) -> list[tuple[datetime, Sent]]:
        """The letters of the reminders, with the hour in which each went out."""
        found = []
        now = start
        while now <= end:
            before = len(outbox(self.db))
            self.db.write_now(ledger.tick, self.context.at(now), use_cases.KINDS)
            found += [(now, one) for one in outbox(self.db)[before:]]
            now += step
        return found

    def request(self, asker: Member, *words: str, **fields: str) -> Request:
        actor = Actor(asker.address, asker.id, asker.name, asker.role)
        return Request(self.group.id, self.group.name, actor, words, fields)

    def answer(self, letter: Sent, text: str, now: datetime) -> str:
        mail = errand(self.context, self.group, "confirm", text, detail=token_of(letter), sender="hu@example.org")
        return self.db.write_now(wiring.purposes()["confirm"], self.context.at(now), mail).reason


@pytest.fixture
def scene(db: Database, context: Context, group: Group) -> Scene:
    jia = db.write_now(
        members.add, context, group.id, NewMember("jia@example.org", name="Xiongwei Jia", role="convener")
    )
    hu = db.write_now(
        members.add, context, group.id, NewMember("hu@example.org", name="Zhiyuan HU", zone="Asia/Shanghai")
    )
    return Scene(db, context, group, jia, hu)


def test_the_owner_is_told_once_and_nobody_else(scene: Scene) -> None:
    number = scene.note("draft the liaison statement to TSAG", "2027-06-01")
    (letter,) = outbox(scene.db)
    assert letter.recipient == "hu@example.org"
    assert letter.message["Subject"] == f"[CG-AISEC] Action {number} is yours"
    assert "draft the liaison statement to TSAG (Zhiyuan HU, due Tuesday 1 June 2027)" in letter.text


def test_the_ladder_of_reminders_at_nine_in_the_owners_morning(scene: Scene) -> None:
    scene.note("draft the liaison statement", "2027-06-01")
    assert scene.play(NOW, datetime(2027, 5, 25, 0, 59, tzinfo=UTC), timedelta(hours=24)) == []
    sent = scene.play(datetime(2027, 5, 24, 1, tzinfo=UTC), datetime(2027, 7, 20, tzinfo=UTC))
    # 7 days and 1 day before, the day after, then weekly, four in all; 09:00 in Shanghai is 01:00 UTC.
    days = [(5, 25), (5, 31), (6, 2), (6, 9), (6, 16), (6, 23)]
    assert [at for at, _ in sent] == [datetime(2027, month, day, 1, tzinfo=UTC) for month, day in days]
    assert {letter.recipient for _, letter in sent} == {"hu@example.org"}
    assert sent[0][1].message["Subject"] == "[CG-AISEC] Your action: due within a week"
    assert "due Tuesday 1 June 2027" in sent[0][1].text
    assert sent[2][1].message["Subject"] == "[CG-AISEC] 1 of your actions is overdue"
    assert "was due Tuesday 1 June 2027, 1 day ago" in sent[2][1].text


def test_what_somebody_owes_stands_in_one_mail(scene: Scene) -> None:
    scene.note("the first", "2027-06-01")
    scene.note("the second", "2027-06-01")
    scene.note("in the autumn", "2027-10-01")
    ((_, letter),) = scene.play(datetime(2027, 5, 24, 1, tzinfo=UTC), datetime(2027, 5, 26, 1, tzinfo=UTC))
    assert "the first" in letter.text
    assert "the second" in letter.text
    assert "in the autumn" not in letter.text


def test_after_a_stop_the_newest_covers_the_gap(scene: Scene) -> None:
    scene.note("draft the liaison statement", "2027-06-01")
    back = datetime(2027, 6, 10, 12, tzinfo=UTC)
    sent = scene.play(back, back + DAY)
    assert [letter.message["Subject"] for _, letter in sent] == ["[CG-AISEC] 1 of your actions is overdue"]


def test_one_owners_reminder_does_not_cover_anothers(scene: Scene) -> None:
    scene.note("draft the liaison statement", "2027-06-01")
    named = (scene.group.id, scene.group.name)
    new = NewAction("chair the meeting", scene.jia.id, "2027-06-01")
    scene.db.write_now(use_cases.note, scene.context, named, new, "operator")
    late = datetime(2027, 5, 25, 8, tzinfo=UTC)  # 09:00 has passed in Shanghai and in Geneva
    assert {letter.recipient for _, letter in scene.play(late, late)} == {"hu@example.org", "jia@example.org"}


def test_two_clocks_send_one_mail(scene: Scene) -> None:
    scene.note("draft the liaison statement", "2027-06-01")
    morning = scene.context.at(datetime(2027, 5, 25, 1, tzinfo=UTC))
    before = len(outbox(scene.db))
    for _ in range(3):
        scene.db.write_now(ledger.tick, morning, wiring.kinds())
    assert len([one for one in outbox(scene.db)[before:] if "action" in str(one.message["Subject"])]) == 1


def test_no_reminder_of_what_is_done_or_of_somebody_who_has_left(scene: Scene) -> None:
    done = scene.note("draft the liaison statement", "2027-06-01")
    scene.db.write_now(actions.end, scene.context, done, "done", "hu@example.org")
    scene.note("the other one", "2027-06-01")
    scene.db.write_now(members.remove, scene.context, scene.group.id, "hu@example.org")
    assert scene.play(datetime(2027, 5, 24, tzinfo=UTC), datetime(2027, 6, 3, tzinfo=UTC)) == []


@pytest.mark.parametrize("said", ["done", "Done.", "done 1", "DONE #1\r\n\r\n> done 2"])
def test_answering_done_ends_it(scene: Scene, said: str) -> None:
    number = scene.note("draft the liaison statement", "2027-06-01")
    ((_, letter),) = scene.play(datetime(2027, 5, 25, 1, tzinfo=UTC), datetime(2027, 5, 25, 1, tzinfo=UTC))
    assert scene.answer(letter, said, NOW + 22 * DAY) == f"{number}: done: draft the liaison statement"
    assert scene.db.read_now(actions.get, number).state == "done"
    assert "done: draft the liaison statement" in outbox(scene.db)[-1].text
    again = scene.answer(letter, said, NOW + 22 * DAY)
    assert again == f"{number}: action {number} is done already"


def test_done_without_a_number_among_several_is_asked_about_once(scene: Scene) -> None:
    first, second = scene.note("the first", "2027-06-01"), scene.note("the second", "2027-06-01")
    ((_, letter),) = scene.play(datetime(2027, 5, 25, 1, tzinfo=UTC), datetime(2027, 5, 25, 1, tzinfo=UTC))
    for _ in range(3):
        scene.answer(letter, "done", NOW + 22 * DAY)
    told = [one for one in outbox(scene.db) if one.message["Subject"] == "[CG-AISEC] Your actions"]
    assert len(told) == 1
    assert f"{first}, {second}" in told[0].text
    scene.answer(letter, f"done {first} and {second}", NOW + 22 * DAY)
    assert scene.db.read_now(actions.of_group, scene.group.id) == ()


def test_nobody_ends_anothers_action(scene: Scene) -> None:
    mine = scene.note("draft the liaison statement", "2027-06-01")
    zoe = scene.db.write_now(members.add, scene.context, scene.group.id, NewMember("zoe@example.org"))
    with pytest.raises(NotAllowed):
        scene.db.read_now(COMMANDS["done"].propose, scene.context, scene.request(zoe, str(mine)))
    ((_, letter),) = scene.play(datetime(2027, 5, 25, 1, tzinfo=UTC), datetime(2027, 5, 25, 1, tzinfo=UTC))
    named = (scene.group.id, scene.group.name)
    other = scene.db.write_now(use_cases.note, scene.context, named, NewAction("not hers"), "jia@example.org")
    assert "its owner or a convener can end it" in scene.answer(letter, f"done {other.id}", NOW + 22 * DAY)


def test_a_convener_orders_one_by_mail(scene: Scene) -> None:
    fields = {"who": "HU Zhiyuan", "due": "1 June 2027", "text": "draft the\nliaison statement"}
    asked = scene.request(scene.jia, **fields)
    order, proposal = scene.db.write_now(orders.place, scene.context, COMMANDS["action"], asked)
    assert "who: Zhiyuan HU <hu@example.org>" in proposal.preview
    assert "due: Tuesday 1 June 2027" in proposal.preview
    assert proposal.fields == {"who": "hu@example.org", "due": "2027-06-01", "text": "draft the\nliaison statement"}
    scene.db.write_now(orders.confirm, scene.context, COMMANDS, order.id, asked.actor)
    done = scene.db.write_now(orders.carry_out, scene.context.at(NOW + DAY), COMMANDS, order.id)
    assert (done.state, done.outcome) == (
        "done",
        "Action 1 is noted: draft the liaison statement (Zhiyuan HU, due Tuesday 1 June 2027).",
    )
    with pytest.raises(NotAllowed):
        scene.db.write_now(orders.place, scene.context, COMMANDS["action"], scene.request(scene.hu, text="mine"))


def test_an_owner_ends_theirs_by_order_and_again_says_why_not(scene: Scene) -> None:
    number = scene.note("draft the liaison statement")
    asked = scene.request(scene.hu, str(number))
    first, _ = scene.db.write_now(orders.place, scene.context, COMMANDS["done"], asked)
    scene.db.write_now(orders.confirm, scene.context, COMMANDS, first.id, asked.actor)
    scene.db.write_now(actions.end, scene.context, number, "done", "operator")
    failed = scene.db.write_now(orders.carry_out, scene.context, COMMANDS, first.id)
    assert (failed.state, failed.outcome) == ("failed", f"action {number} is done already")
    with pytest.raises(Conflict):
        scene.db.write_now(actions.end, scene.context, number, "dropped", "operator")


@pytest.mark.parametrize(
    ("fields", "problem", "words"),
    [
        ({"text": ""}, Malformed, "text is missing"),
        ({"text": "x", "due": "soon"}, Malformed, "'soon' is not a day"),
        ({"text": "x", "due": "2027-05-02"}, Malformed, "Sunday 2 May 2027 is over"),
        ({"text": "x", "who": "nobody"}, NotFound, "no member is called 'nobody'"),
        ({"text": "x", "who": "Wang"}, Malformed, "could be a@example.org, b@example.org"),
        ({"text": "x", "meeting": "99"}, NotFound, "no meeting 99"),
        ({"text": "x", "until": "2027-06-01"}, Malformed, "until: not known here"),
        ({"text": "x" * 2001}, Malformed, "longer than 2000"),
    ],
)
def test_what_cannot_be_noted_says_why(
    scene: Scene, fields: dict[str, str], problem: type[Exception], words: str
) -> None:
    for address in ("a@example.org", "b@example.org"):
        new = NewMember(address, name=f"Wang {address[0].upper()}")
        scene.db.write_now(members.add, scene.context, scene.group.id, new)
    with pytest.raises(problem, match=words):
        scene.db.read_now(action_words.read, scene.context, (scene.group.id, scene.group.name), fields)


def test_the_list_comes_by_mail(scene: Scene) -> None:
    scene.note("without a day")
    scene.note("draft the liaison statement", "2027-05-10")
    asked = scene.request(scene.hu)
    scene.db.write_now(use_cases.QUERIES[0].answer, scene.context.at(NOW + 9 * DAY), asked)
    lines = outbox(scene.db)[-1].text.splitlines()
    assert lines[0] == "2: OVERDUE draft the liaison statement (Zhiyuan HU, due Monday 10 May 2027)"
    assert lines[1] == "1: without a day (Zhiyuan HU)"
