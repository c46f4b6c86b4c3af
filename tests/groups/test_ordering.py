"""An order by mail: shown to the member's own address, done once after a yes, and undone while there is time."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.groups import members, ordering, orders, records
from cgbot.groups.commands import OPERATOR, Actor, Request
from cgbot.groups.members import Member
from cgbot.groups.records import Group
from cgbot.notices import ledger
from cgbot.store.db import Database
from tests.groups.mailbag import Sent, errand, outbox, token_of
from tests.groups.ordering import CLOSE, COMMANDS, HURRY, KINDS, NOTE, STRIKE, Office


@pytest.fixture
def office(db: Database, context: Context, group: Group) -> Office:
    return Office(db, context, group)


@pytest.fixture
def jia(office: Office) -> Member:
    return office.join("jia")


@pytest.fixture
def bob(office: Office, jia: Member) -> Member:
    return office.join("bob", "vice-convener")


def subjects(letters: list[Sent]) -> list[str]:
    return [str(one.message["Subject"]) for one in letters]


def lines(letter: Sent) -> str:
    """The text with the line ends that a parsed mail has."""
    return letter.text.replace("\r\n", "\n")


def plain(letter: Sent) -> str:
    return " ".join(letter.text.split())


def test_the_whole_way(office: Office, bob: Member) -> None:
    letter = office.shown("jia", "7", title="First words")
    assert letter.recipient == "jia@example.org"
    assert letter.message["Subject"] == "[CG-AISEC] Please confirm: note 7: First words"
    assert "Note 7 would say 'First words'." in letter.text
    assert "until Thursday 6 May 2027, 10:00 Geneva time (CEST, 08:00 UTC)." in plain(letter)
    assert "asked for by a mail from jia@example.org" in letter.text
    assert "-------- the order --------\nnote 7\ntitle: First words\n-------- its end --------" in lines(letter)
    assert letter.message["Auto-Submitted"] == "auto-replied"
    assert letter.message["In-Reply-To"]
    assert letter.message["From"] == f"CG-AISEC <cg-aisec-confirm+{token_of(letter)}@lists.example.org>"
    assert office.noted() == []

    assert office.answer(letter, "yes").reason == "order 1 ordered"
    promise = office.mails()[-1]
    assert promise.message["Subject"] == "[CG-AISEC] Ordered: note 7: First words"
    assert "in 10 minutes, on Monday 3 May 2027, 10:10 Geneva time (CEST, 08:10 UTC)." in plain(promise)
    assert office.at(9.9).tick() == ()
    assert office.noted() == []

    (done,) = office.at(10).tick()
    assert (done.notice.occurrence.kind, done.notice.occurrence.about, done.state) == ("order", "order 1", "queued")
    assert office.noted() == ["note 7"]
    assert office.at(11).tick() == ()
    told, others = office.mails()[-2:]
    assert (told.recipient, told.message["Subject"]) == ("jia@example.org", "[CG-AISEC] Done: note 7: First words")
    assert lines(told) == "Noted: First words.\n"
    assert (others.recipient, others.message["Subject"]) == (
        "bob@example.org", "[CG-AISEC] Done by Jia: note 7: First words",
    )  # fmt: skip
    assert len(office.mails()) == 4
    assert office.trail() == [("jia@example.org", f"order {act}") for act in ("shown", "ordered", "done")]
    assert (office.orders()[0].outcome, office.orders()[0].message_id != "") == ("Noted: First words.", True)


@pytest.mark.parametrize("word", ["Yes", "yes, please.", "OK", "confirmed", "Hello,\n\nyes\n"])
def test_ways_to_say_yes(office: Office, jia: Member, word: str) -> None:
    office.answer(office.shown(), word)
    assert office.states() == ["ordered"]


@pytest.mark.parametrize("word", ["no", "No, thanks", "stop", "drop it", "cancel", "undo"])
def test_ways_to_say_no(office: Office, jia: Member, word: str) -> None:
    office.answer(office.shown(), word)
    assert office.states() == ["undone"]
    assert office.mails()[-1].text.startswith("It was dropped. Nothing has been done.")
    assert office.at(60).tick() == ()


def test_whoever_writes_the_preview_goes_to_the_member(office: Office, jia: Member) -> None:
    """The mail only claims to be from the convener; its second address leads to the first."""
    office.ask("jia", "7")
    assert [one.recipient for one in office.mails()] == ["jia@example.org"]
    assert office.states() == ["shown"]
    office.at(60).tick()
    assert office.noted() == []


def test_the_answer_may_come_from_another_address(office: Office, jia: Member) -> None:
    """The token proves who reads the mail; which program answers does not matter."""
    office.answer(office.shown(), "yes", sender="jia@phone.example")
    assert office.orders()[0].actor == "jia@example.org"


def test_without_its_token_a_yes_is_nothing(office: Office, jia: Member, bob: Member) -> None:
    letter = office.shown()
    letter.message.replace_header("Reply-To", "<cg-aisec-confirm+token000@lists.example.org>")
    assert office.answer(letter, "yes") == Settled("discarded", "nothing waits for this confirmation")
    assert office.states() == ["shown"]


@pytest.mark.parametrize("field", [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<x.y>"}])
def test_robots_order_nothing(office: Office, jia: Member, field: dict[str, str]) -> None:
    letter = office.shown()
    assert office.answer(letter, "yes", **field).state == "discarded"
    assert office.states() == ["shown"]
    assert len(office.mails()) == 1


def test_the_same_answer_twice_orders_once(office: Office, bob: Member) -> None:
    letter = office.shown()
    for _ in range(3):
        office.answer(letter, "yes")
    office.at(10).tick()
    for _ in range(2):
        assert office.at(11).answer(letter, "yes") == Settled("discarded", "ordered before")
    office.at(20).tick()
    assert office.noted() == ["note 7"]
    assert len(office.mails()) == 4


# --------------------------------------------------------------------------------------------------------- undone


@pytest.mark.parametrize("word", ["undo", "Undo, please", "stop", "no"])
def test_undone_in_time(office: Office, jia: Member, word: str) -> None:
    promise = office.ordered()
    office.at(9).answer(promise, word)
    assert office.mails()[-1].text.startswith("It was undone, and nobody else is told.")
    assert office.at(9).answer(promise, word) == Settled("discarded", "undone before")
    assert office.at(10).tick() == ()
    assert (office.states(), office.noted()) == (["undone"], [])
    assert office.trail()[-1] == ("jia@example.org", "order undone")


def test_a_no_to_the_preview_undoes_what_was_ordered_by_it(office: Office, jia: Member) -> None:
    letter = office.shown()
    office.answer(letter, "yes")
    office.at(5).answer(letter, "no")
    assert office.states() == ["undone"]


def test_a_planned_order_that_is_undone_is_not_carried_out(office: Office, jia: Member) -> None:
    """The ledger has written it down already when the answer arrives."""
    promise = office.ordered()
    office.db.write_now(ledger.plan, office.at(10).context, KINDS)
    office.at(10).answer(promise, "undo")
    (done,) = office.at(11).tick()
    assert done.state == "skipped"
    assert office.noted() == []


def test_undo_comes_too_late(office: Office, jia: Member) -> None:
    promise = office.ordered("jia", "7", title="A")
    office.at(10).tick()
    office.at(12).answer(promise, "undo")
    assert plain(office.mails()[-1]).startswith(
        'Nothing was undone: it cannot be undone any more: "note 7: A" was done by jia@example.org on '
        "Monday 3 May 2027, 10:10 Geneva time"
    )
    assert office.noted() == ["note 7"]


def test_other_words_leave_the_order_and_say_once_how_to_undo(office: Office, jia: Member) -> None:
    promise = office.ordered()
    office.answer(promise, "Thanks!")
    assert "undo" in office.mails()[-1].text
    count = len(office.mails())
    assert office.answer(promise, "Thanks!").state == "discarded"
    assert len(office.mails()) == count
    office.answer(office.mails()[-1], "undo")
    assert office.states() == ["undone"]


def test_with_no_time_to_undo_it_is_done_at_once(office: Office, bob: Member) -> None:
    office = office.with_minutes(0)
    letter = office.shown("jia", "7", title="A")
    assert "undo" not in letter.text
    assert office.answer(letter, "yes").reason == "order 1 done"
    assert office.noted() == ["note 7"]
    assert [one.recipient for one in office.mails()[1:]] == ["jia@example.org", "bob@example.org"]
    assert office.mails()[1].message["In-Reply-To"] is not None
    assert office.at(1).tick() == ()


# ------------------------------------------------------------------------------------------------------ corrections


def test_a_corrected_copy_is_shown_again(office: Office, jia: Member) -> None:
    first = office.shown("jia", "7", title="Wrong")
    quoted = "\n".join(f"> {one}" for one in first.text.splitlines()).replace("title: Wrong", "title: Right")
    assert office.answer(first, quoted).reason == "order 2 shown: note 7: Right"
    second = office.mails()[-1]
    assert second.message["Subject"] == "[CG-AISEC] Please confirm: note 7: Right"
    assert office.states() == ["replaced", "shown"]
    office.answer(first, "yes")
    assert "was replaced by a newer proposal" in office.mails()[-1].text
    office.answer(
        second, "yes\n\nOn 3 May 2027, CG-AISEC wrote:\n" + "\n".join(f"> {x}" for x in second.text.split("\n"))
    )
    assert office.states() == ["replaced", "ordered"]
    assert office.orders()[1].facts["title"] == "Right"


def test_the_same_correction_twice_shows_once(office: Office, jia: Member) -> None:
    first = office.shown("jia", "7", title="Wrong")
    office.answer(first, "title: Right")
    assert office.answer(first, "title: Right").state == "discarded"
    assert len(office.mails()) == 2


def test_a_corrected_number_and_a_corrected_command(office: Office, jia: Member) -> None:
    """What is corrected on the first line counts as well: it is never the old thing that is done."""
    first = office.shown("jia", "7", title="A")
    office.answer(first, "yes\n" + lines(first).replace("note 7\n", "note 8\n"))
    assert [one.about for one in office.orders()] == ["note 7", "note 8"]
    office.answer(office.mails()[-1], lines(first).replace("note 7\n", "strike out 9\n"))
    assert [(one.command, one.about, one.state) for one in office.orders()] == [
        ("note", "note 7", "replaced"), ("note", "note 8", "replaced"), ("strike", "note 9", "shown"),
    ]  # fmt: skip
    office.answer(office.mails()[-1], lines(office.mails()[-1]).replace("strike 9\n", "dance 9\n"))
    assert "was not understood" in office.mails()[-1].text
    assert office.states()[-1] == "shown"


def test_a_correction_that_cannot_be_leaves_the_old_proposal(office: Office, jia: Member) -> None:
    first = office.shown("jia", "7", title="A")
    office.answer(first, "title: bad")
    refused = office.mails()[-1]
    assert refused.message["Subject"] == "[CG-AISEC] Not done: note"
    assert "title: not known here; allowed are title, text." in refused.text
    assert "    note 7\n    title: Words of yours" in lines(refused)
    office.answer(first, "yes")
    assert office.states() == ["ordered"]


def test_a_no_with_a_correction_is_a_no(office: Office, jia: Member) -> None:
    office.answer(office.shown("jia", "7", title="A"), "no\ntitle: B")
    assert office.states() == ["undone"]


def test_what_is_not_understood_is_told_once(office: Office, jia: Member) -> None:
    letter = office.shown()
    office.answer(letter, "Perhaps on Monday?")
    told = office.mails()[-1]
    assert "was not understood, and nothing was done" in told.text
    assert office.answer(letter, "Perhaps on Monday?").state == "discarded"
    assert len(office.mails()) == 2
    office.answer(told, "yes")
    assert office.states() == ["ordered"]


# ------------------------------------------------------------------------------------------------------- two of them


def test_the_first_yes_wins_and_the_other_is_told(office: Office, bob: Member) -> None:
    hers, his = office.shown("jia", "7", title="Hers"), office.shown("bob", "7", title="His")
    office.answer(hers, "yes")
    office.at(1).answer(his, "yes")
    told = office.mails()[-1]
    assert told.recipient == "bob@example.org"
    assert (
        'Nothing was done: note 7: "note 7: Hers" was ordered by jia@example.org on Monday 3 May 2027, 10:00'
        in plain(told)
    )
    office.at(10).tick()
    office.at(12).answer(his, "yes")
    assert '"note 7: Hers" was done by jia@example.org' in plain(office.mails()[-1])
    assert office.noted() == ["note 7"]


def test_who_asks_after_it_was_done_may_order_again(office: Office, bob: Member) -> None:
    office.ordered("jia", "7")
    office.at(10).tick()
    later = office.at(11)
    later.answer(later.shown("bob", "7"), "yes")
    later.at(10).tick()
    assert office.noted() == ["note 7", "note 7"]


def test_who_was_undone_makes_room(office: Office, bob: Member) -> None:
    hers, his = office.shown("jia", "7"), office.shown("bob", "7")
    office.answer(hers, "yes")
    office.answer(hers, "undo")
    office.answer(his, "yes")
    assert office.states() == ["undone", "ordered"]


def test_two_commands_of_one_convener_about_one_thing_wait_side_by_side(office: Office, jia: Member) -> None:
    first, second = office.shown("jia", "7"), office.shown("jia", "7", command=STRIKE)
    office.answer(first, "yes")
    office.answer(second, "yes")
    assert office.states() == ["ordered", "ordered"]
    third = office.shown("jia", "7")
    office.answer(third, "yes")
    assert "was ordered by jia@example.org" in office.mails()[-1].text
    assert office.states() == ["ordered", "ordered", "shown"]


def test_a_newer_proposal_of_the_same_replaces_the_older(office: Office, bob: Member) -> None:
    office.shown("jia", "7", title="A")
    office.shown("bob", "7", title="B")
    office.shown("jia", "8", title="C")
    office.shown("jia", "7", title="D")
    assert office.states() == ["replaced", "shown", "shown", "shown"]


def at_once(*acts: Callable[[], object]) -> None:
    """Do all of it at the same time."""
    start = threading.Barrier(len(acts))

    def act(one: Callable[[], object]) -> None:
        start.wait()
        one()

    threads = [threading.Thread(target=act, args=(one,)) for one in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_two_answers_at_the_same_moment_one_wins(office: Office, bob: Member) -> None:
    for number in range(5):
        hers, his = office.shown("jia", str(number)), office.shown("bob", str(number))
        at_once(partial(office.answer, hers, "yes"), partial(office.answer, his, "yes"))
        assert sorted(office.states()[-2:]) == ["ordered", "shown"]
    told = [one for one in office.mails() if one.text.startswith("Nothing was done: note")]
    assert len(told) == 5


def test_done_or_undone_but_never_both(office: Office, jia: Member) -> None:
    late = office.at(10)
    for number in range(5):
        promise = office.ordered("jia", str(number))
        at_once(late.tick, partial(late.answer, promise, "undo"), late.tick)
        state = office.states()[-1]
        assert (state, office.noted().count(f"note {number}")) in {("done", 1), ("undone", 0)}


# ------------------------------------------------------------------------------------------------- what has changed


def test_what_no_longer_fits_fails_and_its_author_is_told(office: Office, bob: Member) -> None:
    office.ordered("jia", "7", title="too late")
    office.at(10).tick()
    told = office.mails()[-1]
    assert told.message["Subject"] == "[CG-AISEC] Not done: note 7: too late"
    assert "This could not be done: it is too late." in told.text
    assert (office.states(), office.noted()) == (["failed"], []), "nothing of it remains"
    assert [one.recipient for one in office.mails()].count("bob@example.org") == 0
    assert office.at(11).tick() == ()


def test_who_has_lost_the_role_orders_nothing_any_more(office: Office, jia: Member, bob: Member) -> None:
    letter, promise = office.shown("jia", "8"), office.ordered("bob", "7")
    demote = {"role": "member"}
    for one in (jia, bob):
        office.db.write_now(members.change, office.context, one, demote)
    office.answer(letter, "yes")
    assert "jia@example.org may not order this, or no longer" in plain(office.mails()[-1])
    office.at(10).tick()
    assert "bob@example.org may not call meetings any more" in plain(office.mails()[-1])
    assert office.noted() == []
    assert promise.recipient == "bob@example.org"


def test_who_has_left_is_not_answered(office: Office, jia: Member) -> None:
    letter = office.shown()
    office.db.write_now(members.remove, office.context, office.group.id, "jia@example.org")
    count = len(office.mails())
    assert office.answer(letter, "yes") == Settled("discarded", "jia@example.org has no order to answer")
    assert len(office.mails()) == count


def test_a_proposal_runs_out(office: Office, jia: Member) -> None:
    letter = office.shown()
    late = office.at(72 * 60)
    late.answer(letter, "yes")
    assert "the proposal has run out: please ask again" in late.mails()[-1].text
    assert office.db.write_now(orders.lapse, late.context.now) == 1
    assert office.states() == ["lapsed"]
    assert office.db.read_now(orders.waiting, office.group.id) == ()
    late.answer(letter, "yes")
    assert "has run out" in late.mails()[-1].text


def test_a_clock_that_stood_still_does_it_once_later(office: Office, jia: Member) -> None:
    """serve was down from the yes until a week later; until it is done it can still be undone."""
    office.ordered("jia", "7")
    promise = office.ordered("jia", "8")
    week = office.at(7 * 24 * 60)
    week.answer(promise, "undo")
    week.tick()
    week.at(1).tick()
    assert office.noted() == ["note 7"]
    assert office.states() == ["done", "undone"]


def test_a_command_that_has_gone(office: Office, jia: Member) -> None:
    office.ordered()
    office.db.write_now(lambda tx: orders.carry_out(tx, office.context, {}, 1))
    assert office.states() == ["failed"]


# -------------------------------------------------------------------------------------------------- who may, how often


def test_who_may_not_is_told_once_a_day(office: Office) -> None:
    office.join("mia", "member")
    office.ask("mia", "7")
    office.ask("mia", "8")
    (letter,) = office.mails()
    assert letter.message["Subject"] == "[CG-AISEC] Not done: note"
    assert 'done: "note" is open to the group\'s convener, vice-convener and secretary.' in plain(letter)
    assert "cg-aisec-owner@lists.example.org" in letter.text
    assert office.states() == []
    office.at(24 * 60 + 1).ask("mia", "7")
    assert len(office.mails()) == 2


def test_a_secretary_may_not_do_all(office: Office) -> None:
    office.join("sam", "secretary")
    office.ask("sam", "7", command=CLOSE)
    office.ask("sam", "7", command=NOTE)
    assert [one.command for one in office.orders()] == ["note"]


def test_so_many_an_hour(office: Office, bob: Member) -> None:
    """Whoever forges a convener's address fills a mailbox no further."""
    for number in range(40):
        office.ask("jia", str(number) if number % 2 else "7", title="bad" if number % 3 else "")
    *shown, told = subjects(office.mails())
    assert len(shown) == ordering.MOST_AN_HOUR
    assert told == "[CG-AISEC] Too many requests in your name"
    assert office.ask("bob", "7").state == "sorted"
    assert office.at(61).ask("jia", "7").state == "sorted"


def test_forged_requests_shut_nobody_out(office: Office, jia: Member) -> None:
    """Neither from another network, nor as a mail that proves its author, nor as an answer to our own mail."""
    (letter,) = [office.shown("jia", "7")]
    for number in range(40):
        office.ask("jia", str(number + 10))
    assert office.ask("jia", "8").state == "discarded"
    assert office.ask("jia", "8", peer="198.51.100.7").state == "sorted"
    assert office.answer(letter, "yes").reason == "order 1 ordered"
    assert subjects(office.mails())[-1] == "[CG-AISEC] Ordered: note 7:"
    for network in range(9):
        for number in range(20):
            office.ask("jia", str(number + 10), peer=f"203.0.{network}.1")
    assert office.ask("jia", "8", peer="203.0.113.99").state == "discarded"
    assert office.answer(letter, "undo").state == "sorted"
    proof = "mx.example.org; dkim=pass header.d=example.org"
    trusted = replace(office.context.settings.authentication, trusted=("mx.example.org",), trusted_peers=("192.0.2.1",))
    settings = replace(office.context.settings, authentication=trusted)
    proven = replace(office, context=replace(office.context, settings=settings))
    assert proven.ask("jia", "8", proof=proof).state == "sorted"
    assert len(subjects(office.mails())) < 100


def test_answers_to_answers_come_to_an_end(office: Office, bob: Member) -> None:
    hers, his = office.shown("jia", "7"), office.shown("bob", "7")
    office.answer(hers, "yes")
    for _ in range(100):
        office.answer(his, "yes")
    to_bob = [one for one in office.mails() if one.recipient == "bob@example.org"]
    assert len(to_bob) == 1 + ordering.MOST_AN_HOUR  # the preview, and the answers


def test_another_groups_token_is_nothing(office: Office, jia: Member, context: Context) -> None:
    other = replace(context.charters["cg-aisec"], name="cg-other", acronym="CG-OTHER")
    office.context = replace(context, charters={**context.charters, "cg-other": other})
    letter = office.shown()
    office.db.write_now(records.seed, office.context)
    found = office.db.read_now(records.find_group, "cg-other")
    assert found is not None
    office.group = found
    assert office.answer(letter, "yes").state == "discarded"


# ------------------------------------------------------------------------------------------------------ beside the mail


def test_the_operator_is_told_nothing(office: Office, jia: Member) -> None:
    request = Request(office.group.id, office.group.name, Actor(OPERATOR, role="convener"), ("7",), {"title": "A"})
    order, proposal = office.db.write_now(orders.place, office.context, NOTE, request)
    assert proposal.about == "note 7"
    office.db.write_now(orders.confirm, office.context, COMMANDS, order.id, Actor(OPERATOR, role="convener"))
    office.at(10).tick()
    assert office.noted() == ["note 7"]
    assert outbox(office.db) == []


def test_without_time_to_undo_a_yes_on_the_desk_is_told_as_well(office: Office, bob: Member) -> None:
    office = office.with_minutes(0)
    actor = office.db.read_now(orders.actor_of, office.group.id, "jia@example.org")
    request = Request(office.group.id, office.group.name, actor, ("7",), {"title": "A"})
    order, _ = office.db.write_now(orders.place, office.context, NOTE, request)
    assert office.db.write_now(ordering.confirm, office.context, COMMANDS, order.id, actor).state == "done"
    assert [one.recipient for one in office.mails()] == ["jia@example.org", "bob@example.org"]


def test_what_waits(office: Office, bob: Member) -> None:
    office.shown("jia", "8")
    office.ordered("bob", "7")
    found = office.db.read_now(orders.waiting, office.group.id)
    assert [(one.about, one.state, one.due_at) for one in found] == [
        ("note 7", "ordered", office.context.now + timedelta(minutes=10)), ("note 8", "shown", None),
    ]  # fmt: skip


def test_no_mail_of_an_order_holds_a_link(office: Office, bob: Member) -> None:
    """Nothing that a robot could do by following one."""
    office.ordered("jia", "7", title="A")
    office.at(10).tick()
    assert [one for one in office.mails() if re.search(r"https?://", one.text)] == []
    assert subjects(office.mails()) == [
        "[CG-AISEC] Please confirm: note 7: A", "[CG-AISEC] Ordered: note 7: A", "[CG-AISEC] Done: note 7: A",
        "[CG-AISEC] Done by Jia: note 7: A",
    ]  # fmt: skip


def test_what_cannot_wait_is_done_by_the_yes(office: Office, bob: Member) -> None:
    letter = office.shown("jia", "7", command=HURRY)
    assert "undo" not in letter.text
    assert office.answer(letter, "yes").reason == "order 1 done"
    assert office.noted() == ["note 7"]


def test_the_same_request_twice_is_shown_once(office: Office, jia: Member) -> None:
    """A server that was not sure sends a mail again."""
    mail = errand(office.context, office.group, "request", "note 7", sender="jia@example.org")
    actor = office.db.read_now(orders.actor_of, office.group.id, "jia@example.org")
    asked = Request(office.group.id, office.group.name, actor, ("7",), {}, mail)
    settled = [office.db.write_now(ordering.ask, office.context, NOTE, asked) for _ in range(2)]
    assert [one.state for one in settled] == ["sorted", "discarded"]
    assert office.states() == ["shown"]


OUTLOOK = (
    '<html><body><div>{said}</div><hr><div id="divRplyFwdMsg"><b>From:</b> CG-AISEC &lt;cg-aisec-confirm@x.org&gt;<br>'
    "<b>Sent:</b> Monday, May 3, 2027 10:00<br><b>To:</b> Jia<br><b>Subject:</b> Please confirm</div>"
    '<div class="PlainText">{original}</div></body></html>'
)
GMAIL = (
    '<div dir="ltr">{said}</div><br><div class="gmail_quote"><div class="gmail_attr">On Mon, May 3, 2027 at 10:00 AM '
    'CG-AISEC &lt;<a href="mailto:x@x.org">x@x.org</a>&gt; wrote:<br></div><blockquote class="gmail_quote">{original}'
    "</blockquote></div>"
)
PARAGRAPHS = "<p>{said}</p><p>{original}</p>"


@pytest.mark.parametrize("program", [OUTLOOK, GMAIL, PARAGRAPHS])
def test_answers_of_programs_that_write_html_alone(office: Office, jia: Member, program: str) -> None:
    def answer(letter: Sent, said: str, before: str = "", after: str = "") -> Settled:
        original = (
            html.escape(lines(letter)).replace(html.escape(before), after) if before else html.escape(lines(letter))
        )
        page = program.format(said=said, original=original.replace("\n", "<br>\n"))
        return office.answer(letter, page, MIME_Version="1.0", Content_Type="text/html; charset=utf-8")

    text = "One: two\n\n> quoted words\n- and a rule: three"
    first = office.shown("jia", "7", title="A <b>", text=text)
    answer(first, "", "title: A <b>", "title: Right")
    second = office.mails()[-1]
    assert second.message["Subject"] == "[CG-AISEC] Please confirm: note 7: Right"
    assert answer(second, "Yes, please").reason == "order 2 ordered"
    assert dict(office.orders()[1].fields) == {"title": "Right", "text": text}


def test_orders_of_a_group_without_a_charter_wait(office: Office, jia: Member) -> None:
    """Its file is gone for a while: the clock goes on for the others, and nothing is lost."""
    office.ordered()
    late = office.at(10)
    late.context = replace(late.context, charters={})
    assert late.tick() == ()
    assert office.states() == ["ordered"]
    office.at(11).tick()
    assert office.states() == ["done"]
