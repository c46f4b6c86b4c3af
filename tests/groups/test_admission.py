"""Who may join, by the group's policy, and the people whom conveners invite."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from cgbot import wiring
from cgbot.context import Context
from cgbot.desk import awaiting
from cgbot.errand import Settled
from cgbot.errors import Conflict, Malformed
from cgbot.groups import admission, invites, inviting, join_requests, members, senders
from cgbot.groups import charter as charters
from cgbot.groups.asking import Asker
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.notices import ledger
from cgbot.posts import upkeep
from cgbot.store.db import Database
from tests.groups.mailbag import Sent, errand, outbox, token_of

PURPOSES = wiring.purposes()
KINDS = inviting.KINDS
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass
class Door:
    """A group of some policy, its conveners Jia and Hu, and Zoe in front of it."""

    db: Database
    context: Context
    group: Group

    def take(self, purpose: str, text: str = "", sender: str = "Zoë <zoe@example.org>", **fields: str) -> Settled:
        one = errand(self.context, self.group, purpose, text, sender=sender, **fields)
        return self.db.write_now(PURPOSES[purpose], self.context, one)

    def answer(self, letter: Sent, text: str = "yes", sender: str = "", **fields: str) -> Settled:
        return self.take("confirm", text, sender or letter.recipient, detail=token_of(letter), **fields)

    def joins(self) -> Settled:
        """Zoe asks and confirms."""
        self.take("join")
        return self.answer(self.to("zoe")[-1], sender="Zoë <zoe@example.org>")

    def to(self, name: str) -> list[Sent]:
        return [one for one in outbox(self.db) if one.recipient == f"{name}@example.org"]

    def subjects(self, name: str) -> list[str]:
        return [str(one.message["Subject"]) for one in self.to(name)]

    def member(self, name: str = "zoe") -> Member | None:
        return self.db.read_now(members.find_member, self.group.id, f"{name}@example.org")

    def later(self, **span: float) -> Door:
        return replace(self, context=self.context.at(self.context.now + timedelta(**span)))

    def order(self, text: str) -> Settled:
        """Jia orders something by mail and says yes."""
        self.take("request", text, "Jia <jia@example.org>")
        return self.answer(self.to("jia")[-1])

    def tick(self) -> None:
        self.db.write_now(ledger.tick, self.context, wiring.kinds())


@pytest.fixture
def door(db: Database, context: Context, group: Group) -> Door:
    for name in ("jia", "hu"):
        new = NewMember(f"{name}@example.org", name=name.title(), role="convener")
        db.write_now(members.add, context, group.id, new)
    return Door(db, context, group)


def with_policy(door: Door, policy: str) -> Door:
    source = door.context.charters["cg-aisec"].source + f'\n[subscription]\npolicy = "{policy}"\nwho = "members"\n'
    charter = charters.parse(source, "cg-aisec.toml")
    assert charter.roster == "members"
    return replace(door, context=replace(door.context, charters={charter.name: charter}))


def test_by_approval_the_first_answer_counts_and_the_others_are_told(door: Door) -> None:
    door = with_policy(door, "approval")
    assert door.joins() == Settled("sorted", "zoe@example.org waits for the conveners")
    assert door.member() is None
    assert door.subjects("zoe")[-1] == "Your request to join CG-AISEC waits for its conveners"
    assert door.subjects("jia") == door.subjects("hu") == ["CG-AISEC: zoe@example.org asks to join"]
    assert door.answer(door.to("hu")[0], "Approve, we know her.\n\n> quoted").reason == "zoe@example.org was approved"
    found = door.member()
    assert found is not None
    assert (found.state, found.name, found.delivery) == ("active", "Zoë", "each")
    assert door.subjects("zoe")[-1] == "Welcome to CG-AISEC"
    assert door.subjects("jia")[-1] == door.subjects("hu")[-1] == "CG-AISEC: zoe@example.org was approved"
    late = door.answer(door.to("jia")[0], "reject")
    assert late.reason == "the request of zoe@example.org was approved by hu@example.org already"
    assert door.subjects("jia")[-1] == "Re: CG-AISEC: zoe@example.org asks to join"
    again = door.member()
    assert again is not None
    assert again.state == "active"


@ONE
def test_a_rejected_request_and_the_words_for_it(door: Door) -> None:
    door = with_policy(door, "approval")
    door.joins()
    assert door.answer(door.to("jia")[0], "Thanks, I will see").reason == "not understood, and told so once"
    assert door.answer(door.to("jia")[-1], "hm").state == "discarded"
    assert door.answer(door.to("jia")[0], "reject: delegates only").state == "sorted"
    assert "They say: delegates only" in door.to("zoe")[-1].text
    assert door.member() is None
    again = door.later(hours=25)
    again.joins()
    assert len(door.db.read_now(join_requests.waiting, door.group.id)) == 1


@ONE
def test_who_may_not_decide(door: Door) -> None:
    door = with_policy(door, "approval")
    door.joins()
    asked = door.to("jia")[0]
    assert door.answer(asked, "approve", Auto_Submitted="auto-replied").state == "discarded"
    assert door.later(days=15).answer(asked, "approve").state == "discarded"
    door.db.write_now(members.remove, door.context, door.group.id, "jia@example.org")
    assert door.answer(asked, "approve").state == "discarded"
    assert door.member() is None


@ONE
def test_asking_twice_waits_once(door: Door) -> None:
    door = with_policy(door, "approval")
    door.joins()
    assert door.later(hours=25).joins().reason == "zoe@example.org waits for the conveners already"
    assert len(door.to("jia")) == 1


@ONE
def test_a_flood_of_requests_is_listed_and_not_mailed(door: Door) -> None:
    door = with_policy(door, "approval")
    for number in range(22):
        asker = Asker("join", door.group.id, "cg-aisec", f"a{number}@example.org")
        door.db.write_now(admission.admit, door.context, asker, ())
    assert len(door.to("jia")) == 20
    found = door.db.read_now(awaiting.look, door.context, (), door.group.id)
    assert len(found.applicants) == 22


@ONE
def test_a_request_is_decided_from_scratch(door: Door) -> None:
    door = with_policy(door, "approval")
    door.joins()
    door.take("request", "applicants", "jia@example.org")
    assert "zoe@example.org (Zoë)" in door.to("jia")[-1].text
    door.order("admit zoe@example.org")
    door.later(minutes=11).tick()
    assert door.member() is not None
    door.take("request", "turn away zoe@example.org", "jia@example.org")
    assert "does not wait to join" in " ".join(door.to("jia")[-1].text.split())


@ONE
def test_the_operator_decides_where_there_is_no_convener(door: Door) -> None:
    door = with_policy(door, "approval")
    for name in ("jia", "hu"):
        door.db.write_now(members.remove, door.context, door.group.id, f"{name}@example.org")
    door.joins()
    door.answer(door.to("operator")[0], "approve")
    assert door.member() is not None


@ONE
@pytest.mark.parametrize(
    ("policy", "words"), [("invitation", "by invitation of its conveners"), ("closed", "takes no new members by mail")]
)
def test_who_cannot_join_is_told_only_when_the_address_has_answered(door: Door, policy: str, words: str) -> None:
    before = door.take("join", sender="a@example.org")
    asked = door.to("a")[0].text
    door = with_policy(door, policy)
    assert door.take("join", sender="b@example.org") == before
    assert door.to("b")[0].text == asked.replace("a@example.org", "b@example.org")
    assert door.joins().reason == f"zoe@example.org cannot join: {policy}"
    assert words in " ".join(door.to("zoe")[-1].text.split())
    assert door.member() is None


@ONE
def test_a_banned_address_is_answered_as_in_a_closed_group(door: Door) -> None:
    door.db.write_now(senders.decide, door.context, door.group.id, ("zoe@example.org", "ban", ""), "jia@example.org")
    assert door.joins().reason == "zoe@example.org cannot join: closed"


# ------------------------------------------------------------------------------------------------------ invitations


def test_conveners_invite_by_mail_and_see_what_became_of_it(door: Door) -> None:
    door = with_policy(door, "invitation")
    door.order("invite zoe@example.org, li@example.org, hu@example.org, zoe@EXAMPLE.org")
    assert "hu@example.org is a member already" in " ".join(door.to("jia")[0].text.split())
    door.later(minutes=11).tick()
    door = door.later(minutes=12)
    asked = door.to("zoe")[0]
    assert asked.message["Subject"] == "An invitation to join CG-AISEC"
    assert "Jia invites zoe@example.org to join CG-AISEC" in asked.text
    assert door.answer(asked, "With pleasure!", "Zoë Z. <zoe@example.org>").reason == "zoe@example.org has joined"
    found = door.member()
    assert found is not None
    assert found.name == "Zoë Z."
    assert door.answer(door.to("li")[0], "No, thank you").reason == "li@example.org has declined"
    assert door.member("li") is None
    assert door.answer(door.to("li")[0], "yes").state == "discarded"
    door.take("request", "invites", "jia@example.org")
    listed = " ".join(door.to("jia")[-1].text.split())
    assert "1 accepted, 1 declined" in listed
    assert "li@example.org: declined invited by jia@example.org" in listed
    assert "zoe@example.org has joined" in door.subjects("hu")[-1]


@ONE
def test_who_was_invited_may_also_join_by_the_address(door: Door) -> None:
    door.db.write_now(inviting.invite, door.context, door.group.id, ["zoe@example.org"], "operator")
    door = with_policy(door, "invitation")
    assert door.joins().reason == "zoe@example.org has joined"
    (one,) = door.db.read_now(invites.of_group, door.group.id)
    assert one.state == "accepted"


@ONE
def test_one_reminder_after_a_week_and_the_end_after_three(door: Door) -> None:
    door.db.write_now(inviting.invite, door.context, door.group.id, ["zoe@example.org"], "jia@example.org")
    for day in range(30):
        door.later(days=day, minutes=1).tick()
    assert door.subjects("zoe") == ["An invitation to join CG-AISEC", "Reminder: an invitation to join CG-AISEC"]
    reminder = door.to("zoe")[1]
    assert door.later(days=22).answer(reminder).state == "discarded"
    door.db.write_now(upkeep.tidy, door.later(days=22).context)
    (one,) = door.db.read_now(invites.of_group, door.group.id)
    assert one.state == "expired"
    again = door.later(days=23)
    again.db.write_now(inviting.invite, again.context, door.group.id, ["Zoe@example.org"], "jia@example.org")
    assert again.answer(door.to("zoe")[-1] if door.subjects("zoe")[2:] else outbox(door.db)[-1]).state == "sorted"
    again.later(days=8).tick()
    assert len([one for one in outbox(door.db) if one.message["Subject"].startswith("Reminder")]) == 1


@ONE
def test_whom_conveners_cannot_invite(door: Door) -> None:
    def check(*addresses: str) -> inviting.Wanted:
        return door.db.read_now(inviting.check, door.context, door.group.id, addresses)

    door.db.write_now(senders.decide, door.context, door.group.id, ("@evil.example", "ban", ""), "jia@example.org")
    door.db.write_now(inviting.invite, door.context, door.group.id, ["li@example.org"], "operator")
    found = check("cg-aisec-join@lists.example.org", "jia@example.org", "x@evil.example", "li@example.org", "nobody")
    assert found.invited == ()
    reasons = Counter(reason.split(":")[0].split(";")[0] for _, reason in found.left_out)
    assert set(reasons) >= {"is a member already", "is banned", "is invited already", "address"}
    with pytest.raises(Malformed, match="1 to 50 at a time, not 51"):
        check(*(f"a{number}@example.org" for number in range(51)))
    with pytest.raises(Malformed):
        check()
    for portion in range(6):
        addresses = [f"a{portion}.{number}@example.org" for number in range(49)]
        door.db.write_now(inviting.invite, door.context, door.group.id, addresses, "operator")
    with pytest.raises(Conflict, match="300 people within a day"):
        check(*(f"b{number}@example.org" for number in range(6)))
    door.take("request", "invite\naddresses: Li Wei <li@example.org>; hu@@example.org", "jia@example.org")
    assert "addresses: no mail address: hu@@example.org" in " ".join(door.to("jia")[-1].text.split())
    door.take("request", "invite zoe@example.org\nnote: come!", "jia@example.org")
    assert "note: not known here; allowed is addresses" in " ".join(door.to("jia")[-1].text.split())
