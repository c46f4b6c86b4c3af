"""Joining and leaving by mail: nothing changes before its address has answered, and no robot is answered."""

from __future__ import annotations

import dataclasses
import threading
from datetime import timedelta

import pytest

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.groups import charter as charters
from cgbot.groups import knocks, members, subscriptions
from cgbot.groups.knocks import Knock
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.store.db import Database, Tx
from tests.groups.mailbag import errand, outbox, token_of

PURPOSES = subscriptions.purposes()
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def settle(db: Database, context: Context, one: Errand) -> Settled:
    return db.write_now(PURPOSES[one.purpose], context, one)


def confirm(context: Context, group: Group, token: str, **fields: str) -> Errand:
    return errand(context, group, "confirm", "yes", detail=token, **fields)


def states(db: Database, group: Group) -> dict[str, str]:
    return {one.address: one.state for one in db.read_now(members.list_members, group.id, everybody=True)}


def test_joining_takes_two_mails(db: Database, context: Context, group: Group) -> None:
    assert settle(db, context, errand(context, group, "join")).state == "sorted"
    assert states(db, group) == {}
    (asked,) = outbox(db)
    assert asked.recipient == "zoe@example.org"
    assert str(asked.message["Reply-To"]) in str(asked.message["From"]) or token_of(asked) in str(asked.message["From"])
    assert asked.message["Auto-Submitted"] == "auto-replied"
    assert "Confirm by Thursday 6 May 2027, 10:00 Geneva time (CEST, 08:00 UTC)" in asked.text
    settled = settle(db, context, confirm(context, group, token_of(asked)))
    assert settled == Settled("sorted", "zoe@example.org has joined")
    assert states(db, group) == {"zoe@example.org": "active"}
    assert outbox(db)[1].message["Subject"] == "Welcome to CG-AISEC"


def test_the_new_member_has_the_name_of_the_mail_and_a_proven_address(
    db: Database, context: Context, group: Group
) -> None:
    settle(db, context, errand(context, group, "join"))
    settle(db, context, confirm(context, group, token_of(outbox(db)[0])))
    member = db.read_now(members.find_member, group.id, "zoe@example.org")
    assert member is not None
    assert (member.name, member.role, member.delivery, member.invitations) == ("Zoë", "member", "each", True)


def test_a_member_is_asked_in_the_same_words(db: Database, context: Context, group: Group) -> None:
    settle(db, context, errand(context, group, "join"))
    db.write_now(members.add, context, group.id, NewMember("known@example.org"))
    settle(db, context, errand(context, group, "join", sender="Zoë <known@example.org>"))
    first, second = (letter.text for letter in outbox(db))
    assert second == first.replace("zoe@example.org", "known@example.org")
    settle(db, context, confirm(context, group, token_of(outbox(db)[1])))
    assert outbox(db)[2].message["Subject"] == "Welcome to CG-AISEC"
    assert states(db, group) == {"known@example.org": "active"}


def test_leaving_takes_two_mails(db: Database, context: Context, group: Group) -> None:
    db.write_now(members.add, context, group.id, NewMember("zoe@example.org"))
    settle(db, context, errand(context, group, "leave"))
    assert states(db, group) == {"zoe@example.org": "active"}
    settle(db, context, confirm(context, group, token_of(outbox(db)[0])))
    assert states(db, group) == {"zoe@example.org": "left"}
    assert outbox(db)[1].message["Subject"] == "You have left CG-AISEC"


def test_a_stranger_who_leaves_is_answered_like_a_member(db: Database, context: Context, group: Group) -> None:
    settle(db, context, errand(context, group, "leave"))
    settle(db, context, confirm(context, group, token_of(outbox(db)[0])))
    assert [str(letter.message["Subject"]) for letter in outbox(db)] == [
        "Please confirm: leave CG-AISEC",
        "You have left CG-AISEC",
    ]


@ONE
@pytest.mark.parametrize("purpose", ["join", "leave", "confirm"])
@pytest.mark.parametrize(
    "robot",
    [
        {"mail_from": ""},
        {"Auto_Submitted": "auto-replied"},
        {"Content_Type": "multipart/report; report-type=delivery-status; boundary=x"},
        {"Precedence": "bulk"},
        {"List_Id": "<other.example.org>"},
        {"mail_from": "MAILER-DAEMON@example.org"},
    ],
    ids=["null sender", "automatic", "report", "bulk", "another list", "mailer-daemon"],
)
def test_a_robot_is_never_answered(
    db: Database, context: Context, group: Group, purpose: str, robot: dict[str, str]
) -> None:
    settle(db, context, errand(context, group, "join"))
    token = token_of(outbox(db)[0])
    settled = settle(db, context, errand(context, group, purpose, detail=token, sender="r@example.org", **robot))
    assert settled.state == "discarded"
    assert len(outbox(db)) == 1
    assert states(db, group) == {}


@ONE
@pytest.mark.parametrize(
    "subject",
    ["Automatic reply: Please confirm: join CG-AISEC", "Out of Office: Re: Please confirm", "AutoReply: x",
     "Réponse automatique : Merci", "自动回复：Please confirm", "Absence du bureau"],
)  # fmt: skip
def test_an_absence_notice_without_the_fields_confirms_nothing(
    db: Database, context: Context, group: Group, subject: str
) -> None:
    settle(db, context, errand(context, group, "join"))
    token = token_of(outbox(db)[0])
    assert settle(db, context, confirm(context, group, token, Subject=subject)).state == "discarded"
    assert states(db, group) == {}
    assert settle(db, context, confirm(context, group, token, Subject="Re: Please confirm")).state == "sorted"


def test_a_victim_who_is_named_twice_at_once_is_asked_once(db: Database, context: Context, group: Group) -> None:
    start = threading.Barrier(3)

    def race() -> None:
        start.wait()
        settle(db, context, errand(context, group, "join"))

    threads = [threading.Thread(target=race) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outbox(db)) == 1


@ONE
@pytest.mark.parametrize(
    "sender", ["", "nobody", "a@example.org, b@example.org", "cg-aisec@lists.example.org", "x@lists.example.org"]
)
def test_who_cannot_be_asked_is_not(db: Database, context: Context, group: Group, sender: str) -> None:
    assert settle(db, context, errand(context, group, "join", sender=sender)).state == "discarded"
    assert outbox(db) == []


def test_a_victim_is_asked_once_a_day(db: Database, context: Context, group: Group) -> None:
    for hour in range(30):
        later = context.at(context.now + timedelta(hours=hour))
        settle(
            db, later, errand(later, group, "join", sender="Victim@example.org" if hour % 2 else "victim@EXAMPLE.org")
        )
    assert len(outbox(db)) == 2


def test_a_machines_literal_address_is_not_mailed_to(db: Database, context: Context, group: Group) -> None:
    settle(db, context, errand(context, group, "join", sender="cg-aisec-request@[127.0.0.1]"))
    assert outbox(db) == []


def test_a_flood_of_strangers_ends(db: Database, context: Context, group: Group) -> None:
    """60 an hour in all, 20 to one domain, 30 from one network that connects itself."""
    for number in range(70):
        sender = f"v{number}@d{number // 2}.example.org"
        settle(db, context, errand(context, group, "join", sender=sender, peer=f"192.0.{number}.1"))
    assert len(outbox(db)) == 60
    later = context.at(context.now + timedelta(minutes=61))
    for number in range(30):
        settle(
            db, later, errand(later, group, "join", sender=f"w{number}@one.example.org", peer=f"2001:db8:{number}::1")
        )
    assert len(outbox(db)) == 80
    later = later.at(later.now + timedelta(minutes=61))
    for number in range(40):
        settle(db, later, errand(later, group, "join", sender=f"x@e{number}.example.org", peer=f"2001:db8::{number}"))
    assert len(outbox(db)) == 110


@ONE
def test_what_our_front_server_brings_is_no_network(db: Database, context: Context, group: Group) -> None:
    for number in range(40):
        settle(db, context, errand(context, group, "join", sender=f"x@e{number}.example.org", peer="127.0.0.1"))
    assert len(outbox(db)) == 40


@ONE
def test_who_is_proven_bombs_nobody(db: Database, context: Context, group: Group) -> None:
    """A whole company may join within the hour, where it is proven that each of them asks."""
    authentication = dataclasses.replace(context.settings.authentication, trusted=("mx.example.org",))
    settings = dataclasses.replace(context.settings, authentication=authentication)
    trusting = dataclasses.replace(context, settings=settings)
    proof = {"Authentication_Results": "mx.example.org; dmarc=pass header.from=company.example", "peer": "127.0.0.1"}
    for number in range(70):
        settle(db, trusting, errand(context, group, "join", sender=f"p{number}@company.example", **proof))
    assert len(outbox(db)) == 70
    settle(db, trusting, errand(context, group, "join", sender="p1@company.example", **proof))
    assert len(outbox(db)) == 70


@ONE
def test_a_victim_with_many_tags_is_one_victim(db: Database, context: Context, group: Group) -> None:
    for number in range(5):
        settle(db, context, errand(context, group, "join", sender=f"victim+{number}@example.org"))
    assert len(outbox(db)) == 1


@ONE
def test_three_times_a_week(db: Database, context: Context, group: Group) -> None:
    for day in range(8):
        later = context.at(context.now + timedelta(days=day, minutes=day))
        settle(db, later, errand(later, group, "join"))
    assert len(outbox(db)) == 4  # on the days 0, 1, 2 and 7


@ONE
def test_ten_a_day_to_one_address_from_all_groups(db: Database, context: Context, group: Group) -> None:
    admitted = [
        db.write_now(knocks.admit, context, Knock(f"join {number}", "zoe@example.org")) == "" for number in range(12)
    ]
    assert admitted == [True] * 10 + [False] * 2


def test_a_token_works_once(db: Database, context: Context, group: Group) -> None:
    settle(db, context, errand(context, group, "join"))
    token = token_of(outbox(db)[0])
    settle(db, context, confirm(context, group, token))
    db.write_now(members.remove, context, group.id, "zoe@example.org")
    assert settle(db, context, confirm(context, group, token)) == Settled("discarded", "confirmed already")
    assert states(db, group) == {"zoe@example.org": "left"}


def test_whoever_says_neither_is_asked_once_more(db: Database, context: Context, group: Group) -> None:
    """A person may have meant yes; what a ticket system answers every time must not become a conversation."""
    settle(db, context, errand(context, group, "join"))
    token = token_of(outbox(db)[0])
    unclear = [errand(context, group, "confirm", "Your ticket 7 was opened.", detail=token) for _ in range(3)]
    assert [settle(db, context, one).state for one in unclear] == ["sorted", "discarded", "discarded"]
    _, again = outbox(db)
    assert again.message["Subject"] == "[CG-AISEC] Yes or no?"
    assert token_of(again) == token
    assert "yes, alone on the first line, by\nThursday 6 May 2027, 10:00 Geneva time" in again.text.replace("\r", "")
    assert states(db, group) == {}
    assert settle(db, context, confirm(context, group, token)).reason == "zoe@example.org has joined"


def test_no_ends_the_question(db: Database, context: Context, group: Group) -> None:
    settle(db, context, errand(context, group, "join"))
    token = token_of(outbox(db)[0])
    assert settle(db, context, errand(context, group, "confirm", "No!", detail=token)).reason == "answered no"
    assert settle(db, context, confirm(context, group, token)).state == "discarded"
    assert len(outbox(db)) == 1


def test_two_confirmations_at_once_make_one_member(db: Database, context: Context, group: Group) -> None:
    settle(db, context, errand(context, group, "join"))
    one = confirm(context, group, token_of(outbox(db)[0]))
    start = threading.Barrier(3)
    found: list[str] = []

    def race() -> None:
        start.wait()
        found.append(settle(db, context, one).state)

    threads = [threading.Thread(target=race) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["discarded", "discarded", "sorted"]
    assert len(outbox(db)) == 2


def test_a_late_confirmation_is_asked_again(db: Database, context: Context, group: Group) -> None:
    settle(db, context, errand(context, group, "join"))
    late = context.at(context.now + timedelta(hours=73))
    settled = settle(db, late, confirm(late, group, token_of(outbox(db)[0])))
    assert settled == Settled("sorted", "asked back by mail")
    assert states(db, group) == {}
    settle(db, late, confirm(late, group, token_of(outbox(db)[1])))
    assert states(db, group) == {"zoe@example.org": "active"}


@pytest.mark.parametrize("token", ["", "guess", "token000000000000000000999"])
def test_a_guess_confirms_nothing(db: Database, context: Context, group: Group, token: str) -> None:
    settled = settle(db, context, confirm(context, group, token))
    assert settled == Settled("discarded", "nothing waits for this confirmation")


def test_a_token_of_another_group_confirms_nothing(db: Database, context: Context, group: Group) -> None:
    settle(db, context, errand(context, group, "join"))
    other = dataclasses.replace(confirm(context, group, token_of(outbox(db)[0])), group_id=group.id + 1)
    assert settle(db, context, other).state == "discarded"


def test_a_suspended_member_is_active_again(db: Database, context: Context, group: Group) -> None:
    member = db.write_now(members.add, context, group.id, NewMember("zoe@example.org", role="convener"))
    db.write_now(members.change, context, member, {"state": "suspended"})
    settle(db, context, errand(context, group, "join"))
    settle(db, context, confirm(context, group, token_of(outbox(db)[0])))
    assert db.read_now(members.find_member, group.id, "zoe@example.org") == member


def test_the_conveners_hear_of_a_new_member(db: Database, context: Context, group: Group) -> None:
    db.write_now(members.add, context, group.id, NewMember("jia@example.org", role="convener"))
    settle(db, context, errand(context, group, "join"))
    settle(db, context, confirm(context, group, token_of(outbox(db)[0])))
    told = [letter for letter in outbox(db) if letter.recipient == "jia@example.org"]
    assert [str(letter.message["Subject"]) for letter in told] == ["CG-AISEC: zoe@example.org has joined"]


def test_higher_rooms_hear_of_it_in_the_same_transaction(db: Database, context: Context, group: Group) -> None:
    heard: list[tuple[str, str]] = []

    def on_join(_tx: Tx, _context: Context, member: Member) -> None:
        heard.append(("join", member.address))

    def on_leave(_tx: Tx, _context: Context, member: Member) -> None:
        heard.append(("leave", member.address))

    purposes = subscriptions.purposes(on_join=(on_join,), on_leave=(on_leave,))
    for number, purpose in enumerate(("join", "leave")):
        db.write_now(purposes[purpose], context, errand(context, group, purpose))
        token = token_of(outbox(db)[2 * number])
        db.write_now(purposes["confirm"], context, confirm(context, group, token))
    assert heard == [("join", "zoe@example.org"), ("leave", "zoe@example.org")]


def test_a_display_name_that_attacks_is_left_out(db: Database, context: Context, group: Group) -> None:
    settle(db, context, errand(context, group, "join", sender="=?utf-8?q?A=E2=80=AEB=0D=0ABcc:_x?= <zoe@example.org>"))
    settle(db, context, confirm(context, group, token_of(outbox(db)[0])))
    member = db.read_now(members.find_member, group.id, "zoe@example.org")
    assert member is not None
    assert all(one.isprintable() for one in member.name)
    assert all(letter.message["Bcc"] is None for letter in outbox(db))


COMPANION = """
name = "cg-aisec"
acronym = "CG-AISEC"
title = "AI security"
parent = "SG17"
mode = "companion"
[companion]
list = "cg-aisec@lists.itu.int"
list_id = "cg-aisec.lists.itu.int"
peer = "192.0.2.25"
"""


def test_in_a_companion_group_joining_means_invitations(db: Database, context: Context, group: Group) -> None:
    charter = charters.parse(COMPANION, "cg-aisec.toml")
    context = dataclasses.replace(context, charters={charter.name: charter})
    settle(db, context, errand(context, group, "join"))
    assert "invitations and reminders" in outbox(db)[0].text
    settle(db, context, confirm(context, group, token_of(outbox(db)[0])))
    member = db.read_now(members.find_member, group.id, "zoe@example.org")
    assert member is not None
    assert (member.delivery, member.invitations) == ("none", True)
    assert "cg-aisec@lists.itu.int" in outbox(db)[1].text
