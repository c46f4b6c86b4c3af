"""Numbers that are given once, what a paper is for, and what becomes of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from cgbot.errors import Conflict, NotAllowed, NotFound
from cgbot.groups import orders
from cgbot.groups.commands import Actor
from cgbot.meetings import attendance, schedule
from cgbot.meetings import records as meetings
from cgbot.papers import agenda, contributions, records
from cgbot.papers.contributions import Submission
from cgbot.papers.numbers import Reference
from cgbot.papers.preparing import Bundle
from cgbot.papers.records import File, PaperView
from cgbot.store import raw
from tests.papers.mailing import JIA, YU, ZOE, Office


def bundle(content: bytes) -> Bundle:
    prepared = raw.prepare(content)
    return Bundle(((File("paper.pdf", "application/pdf", len(content), prepared.sha256), prepared),))


def submit(office: Office, author: str, title: str, content: bytes | None = None, **more: object) -> PaperView:
    actor = office.db.read_now(orders.actor_of, office.group.id, author)
    content = content if content is not None else f"{author} {title}".encode()
    given = Submission(title, "", "", actor, office.context.now, bundle(content), **more)  # type: ignore[arg-type]
    return office.db.write_now(contributions.register, office.context, office.key, given)


def held(office: Office, meeting_id: int) -> None:
    office.db.write_now(attendance.hold, office.context, meeting_id, [attendance.Person("Ada")], JIA)
    meeting = office.db.read_now(meetings.get, meeting_id)
    office.db.write_now(contributions.consider, office.context, meeting)


def test_many_papers_at_once_get_a_number_each(office: Office) -> None:
    ready = threading.Barrier(8)

    def send(number: int) -> int:
        ready.wait()
        return submit(office, ZOE, f"Paper {number}", b"%d" % number).paper.number or 0

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(send, range(8)))
    assert sorted(given) == list(range(1, 9))


def test_many_revisions_at_once_get_a_number_each(office: Office) -> None:
    submit(office, ZOE, "Threats")
    ready = threading.Barrier(6)

    def send(number: int) -> None:
        ready.wait()
        submit(office, ZOE, "Threats", b"%d" % number, revises=Reference(1))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(send, range(6)))
    (one,) = office.papers()
    assert [revision.revision for revision in one.revisions] == list(range(7))


def test_a_number_is_never_given_again(office: Office) -> None:
    for number in (1, 2):
        submit(office, ZOE, f"Paper {number}")
    office.db.write_now(contributions.withdraw, office.context, office.key, Reference(2), Actor(ZOE))
    assert submit(office, YU, "Paper 3").paper.number == 3


def test_who_may_withdraw(office: Office) -> None:
    submit(office, ZOE, "Threats")
    yu = office.db.read_now(orders.actor_of, office.group.id, YU)
    jia = office.db.read_now(orders.actor_of, office.group.id, JIA)
    with pytest.raises(NotAllowed, match="a paper of somebody else"):
        office.db.write_now(contributions.withdraw, office.context, office.key, Reference(1), yu)
    with pytest.raises(NotFound, match="no paper CG-AISEC-C-0009"):
        office.db.write_now(contributions.withdraw, office.context, office.key, Reference(9), jia)
    office.db.write_now(contributions.withdraw, office.context, office.key, Reference(1), jia)
    with pytest.raises(Conflict, match="has been withdrawn already"):
        office.db.write_now(contributions.withdraw, office.context, office.key, Reference(1), jia)
    (one,) = office.papers()
    assert agenda.line(one, "CG-AISEC") == "CG-AISEC-C-0001  Threats (ETRI) [withdrawn]"


def test_the_same_files_of_another_author_are_another_paper(office: Office) -> None:
    assert submit(office, ZOE, "Joint paper", b"same").paper.number == 1
    assert submit(office, YU, "Joint paper", b"same").paper.number == 2
    assert submit(office, ZOE, "Joint paper", b"same").paper.number == 1


def test_a_paper_is_for_the_call_that_closes_next(office: Office) -> None:
    plenary = office.meeting("2027-06-01", kind="parent", title="SG17 meeting", days=8)
    later = office.open_call(plenary.id)
    own = office.open_call(1)
    assert submit(office, ZOE, "One").paper.call_id == own.id
    after = office.at(datetime(2027, 5, 14, 12, tzinfo=UTC))
    late = submit(after, ZOE, "Two").paper
    assert (late.call_id, late.meeting_id, late.late) == (own.id, 1, True), "late for the next meeting"
    after = office.at(datetime(2027, 5, 21, 12, tzinfo=UTC))
    third = submit(after, ZOE, "Three").paper
    assert (third.call_id, third.meeting_id, third.late) == (later.id, plenary.id, True), (
        "SG17's call closed on the 19th"
    )


def test_a_paper_without_a_call_is_for_the_next_meeting(office: Office) -> None:
    one = submit(office, ZOE, "One").paper
    assert (one.call_id, one.meeting_id, one.late) == (None, 1, False)


def test_a_call_for_no_meeting_takes_late_papers_for_a_while(office: Office) -> None:
    office.db.write_now(schedule.cancel, office.context, 1)
    call = office.open_call(closes="2027-05-05", title="Living list")
    assert submit(office, ZOE, "One").paper.call_id == call.id
    late = submit(office.later(days=5), ZOE, "Two").paper
    assert (late.call_id, late.late) == (call.id, True)
    much_later = submit(office.later(days=20), ZOE, "Three").paper
    assert (much_later.call_id, much_later.late) == (None, False)


def test_a_late_revision_of_a_paper_in_time(office: Office) -> None:
    office.open_call()
    submit(office, ZOE, "Threats")
    after = office.at(datetime(2027, 5, 15, tzinfo=UTC))
    view = submit(after, ZOE, "Threats", b"new", revises=Reference(1))
    assert (view.paper.late, view.newest.late) == (False, True)
    assert agenda.line(view, "CG-AISEC") == "CG-AISEC-C-0001R1  Threats (ETRI) [late]"


def test_a_meeting_that_was_held_considers_its_papers(office: Office) -> None:
    submit(office, ZOE, "One")
    submit(office, ZOE, "Two")
    office.db.write_now(contributions.withdraw, office.context, office.key, Reference(2), Actor(ZOE))
    after = office.at(datetime(2027, 5, 20, 12, tzinfo=UTC))
    submit(after, ZOE, "After it")
    held(after, 1)
    assert [one.paper.state for one in after.papers()] == ["considered", "withdrawn", "registered"]
    view = submit(after, ZOE, "One", b"as agreed", revises=Reference(1))
    assert (view.paper.state, view.newest.revision) == ("considered", 1)


def test_papers_of_a_cancelled_meeting_go_on_the_next_agenda(office: Office) -> None:
    submit(office, ZOE, "One")
    office.db.write_now(schedule.cancel, office.context, 1)
    submit(office, ZOE, "Two")
    second = office.meeting("2027-06-10 09:00", title="Third meeting")
    third = office.meeting("2027-07-08 09:00", title="Fourth meeting")
    submit(office, YU, "Three")

    def titles(meeting: object) -> list[str]:
        return [one.paper.title for one in office.db.read_now(agenda.papers_of, office.context, meeting)]

    assert titles(second) == ["One", "Two", "Three"]
    assert titles(third) == []
    after = office.at(datetime(2027, 6, 10, 12, tzinfo=UTC))
    held(after, second.id)
    assert {(one.paper.state, one.paper.meeting_id) for one in after.papers()} == {("considered", second.id)}


def test_a_file_is_found_by_its_name(office: Office) -> None:
    submit(office, ZOE, "One", b"content")
    file = office.db.read_now(records.get_file, office.group.id, 1, 0, "paper.pdf")
    assert office.db.read_now(raw.get, file.sha256) == b"content"
    for wanted in ((1, 1, "paper.pdf"), (2, 0, "paper.pdf"), (1, 0, "other.pdf")):
        with pytest.raises(NotFound):
            office.db.read_now(records.get_file, office.group.id, *wanted)
