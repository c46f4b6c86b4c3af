"""Calls and papers by mail to NAME-request@: orders with a preview, and questions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cgbot.groups.commands import Actor
from cgbot.papers import contributions, queries
from cgbot.papers.numbers import Reference
from tests.groups.mailbag import Sent
from tests.papers.mailing import JIA, YU, ZOE, Office


def said(letter: Sent) -> str:
    return " ".join(letter.text.split())


def done(office: Office, sender: str, line: str, text: str = "") -> Office:
    """Ask, say yes, and let the time to undo pass."""
    office.deliver(office.compose(sender, line, text), "request")
    preview = office.news(sender)[-1]
    assert "Please confirm" in str(preview.message["Subject"]), preview.text
    office.answer(preview)
    later = office.later(minutes=11)
    later.tick()
    return later


def test_a_call_by_mail(office: Office) -> None:
    preview = office.ask(JIA, "open call")
    text = said(preview)
    assert "This call for contributions would go to 3 members" in text
    assert "closes on Thursday 13 May 2027, 23:59 Geneva time (CEST, 21:59 UTC)" in text
    assert "This is 7 calendar days before the meeting." in text
    before = len(office.news())
    later = done(office, JIA, "open call", "meeting: 1\ntext:\nWe look for input.\n\nOn agents.\n.\n")
    call = later.call(1)
    assert (call.meeting_id, call.text, call.opened_by) == (1, "We look for input.\n\nOn agents.", JIA)
    assert (
        len([one for one in later.news()[before:] if "Call for contributions by" in str(one.message["Subject"])]) == 3
    )


def test_a_published_date_by_mail(office: Office) -> None:
    office.meeting("2027-06-01", kind="parent", title="SG17 meeting", days=8)
    preview = office.ask(JIA, "open call meeting: 2; closes: 2027-05-20; published: yes")
    assert "This is the date that the secretariat has published." in said(preview)
    later = done(office, JIA, "open call", "meeting: 2\ncloses: 2027-05-20\npublished: yes\n")
    assert later.call(1).rule == "published"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("open call meeting: 9", "there is no meeting 9"),
        ("open call meeting: next", "is not the number of a meeting"),
        ("open call closes: 2026-01-01", "would have closed"),
        ("open call deadline: 2027-05-10", "deadline: not known here; allowed are meeting, closes"),
        ("close call", "the number of the call is missing"),
        ("close call 4", "there is no call 4"),
        ("withdraw", "the number of the paper is missing"),
        ("withdraw C-0004", "there is no paper CG-AISEC-C-0004"),
    ],
)
def test_what_cannot_be_done(office: Office, line: str, words: str) -> None:
    assert words in said(office.ask(JIA, line))


def test_a_member_does_not_call(office: Office) -> None:
    assert "open to the group's" in said(office.ask(ZOE, "open call"))


def test_closing_by_mail(office: Office) -> None:
    office.open_call()
    assert "Papers that come later are marked late. Nobody gets a mail." in said(office.ask(JIA, "close call 1"))
    assert done(office, JIA, "close call 1").call(1).state == "closed"


def test_withdrawing_by_mail(office: Office) -> None:
    office.register(ZOE, "Threats")
    assert "is a paper of somebody else" in said(office.ask(YU, "withdraw C-0001"))
    assert "It stays on the Documents page and says so" in said(office.ask(ZOE, "withdraw CG-AISEC-C-0001"))
    later = done(office, ZOE, "withdraw C-0001")
    assert later.numbered() == [(1, 0, "Threats", "withdrawn")]


def test_the_world_changes_before_an_order_is_carried_out(office: Office) -> None:
    office.answer(office.ask(JIA, "open call"))
    office.open_call()
    later = office.later(minutes=11)
    later.tick()
    assert "call 1 for meeting 1 is open already" in said(later.news(JIA)[-1])


# ---------------------------------------------------------------------------------------------------------- questions


def test_a_paper_is_mailed_back(office: Office) -> None:
    office.register(ZOE, "Threats", "abstract: What is new.\n", ("a.pdf", b"one"), ("b.pdf", b"two"))
    office.register(ZOE, "C-0001: Threats", "", ("a.pdf", b"three"))
    newest = office.ask(YU, "get C-0001")
    assert newest.message["Subject"] == "[CG-AISEC] CG-AISEC-C-0001R1"
    assert [part.get_content() for part in newest.message.iter_attachments()] == [b"three"]
    assert "What is new." in newest.text
    first = office.ask(YU, "get c-1r0")
    assert [part.get_filename() for part in first.message.iter_attachments()] == ["a.pdf", "b.pdf"]
    assert "has no revision 4" in said(office.ask(YU, "get C-0001R4"))
    assert "there is no paper CG-AISEC-C-0007" in said(office.ask(YU, "get C-0007"))


def test_a_withdrawn_paper_can_still_be_had_and_says_so(office: Office) -> None:
    office.register(ZOE, "Threats")
    later = done(office, ZOE, "withdraw C-0001")
    letter = later.ask(YU, "get C-0001")
    assert "[withdrawn]" in letter.text
    assert list(letter.message.iter_attachments())


def test_what_is_too_large_for_a_mail(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.register(ZOE, "Threats", "", ("a.pdf", b"x" * 200))
    monkeypatch.setattr(queries, "MOST_OCTETS", 100)
    letter = office.ask(YU, "get C-0001")
    assert "too large for a mail; they are at https://cg.example.org/cg-aisec/papers/" in said(letter)
    assert not list(letter.message.iter_attachments())


def test_an_outsider_gets_no_paper(office: Office) -> None:
    office.register(ZOE, "Threats")
    letter = office.ask("eve@elsewhere.example", "get C-0001")
    assert not list(letter.message.iter_attachments())
    assert "Threats" not in letter.text


def test_the_list_of_papers(office: Office) -> None:
    assert "No paper has come in yet." in office.ask(YU, "documents").text
    office.open_call()
    office.register(ZOE, "Threats")
    office.register(YU, "Operators", "", ("o.pdf", b"o"))
    text = office.ask(YU, "contributions").text.replace("\r\n", "\n")
    assert "CG-AISEC-C-0001  Threats (ETRI)\nCG-AISEC-C-0002  Operators (NICT)\n" in text
    assert "Second meeting: until Thursday 13 May 2027, 23:59 Geneva time (CEST, 21:59 UTC)" in text
    assert "To get one, write: get C-0002" in text


def test_the_agenda(office: Office) -> None:
    office.open_call(closes="2027-05-03 12:00")
    office.register(ZOE, "Threats")
    late = office.later(hours=5)
    late.register(YU, "Late thoughts", "", ("o.pdf", b"o"))
    late.db.write_now(contributions.withdraw, late.context, late.key, Reference(1), Actor(JIA, role="convener"))
    letter = late.ask(YU, "next")
    assert letter.message["Subject"] == "[CG-AISEC] Agenda of Second meeting"
    text = letter.text.replace("\r\n", "\n")
    assert "Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)" in text
    assert "CG-AISEC-C-0001  Threats (ETRI) [withdrawn]" in text
    assert "CG-AISEC-C-0002  Late thoughts (NICT) [late]" in text


def test_no_meeting_no_agenda(office: Office) -> None:
    after = office.at(datetime(2027, 5, 21, tzinfo=UTC))
    assert "no meeting of the group is planned" in said(after.ask(YU, "agenda"))


def test_the_reminder_of_a_meeting_has_the_papers(office: Office) -> None:
    office.register(ZOE, "Threats")
    end = office.live(datetime(2027, 5, 19, 9, tzinfo=UTC))
    reminder = next(one for one in reversed(end.news(YU)) if "In 1 day" in str(one.message["Subject"]))
    assert "CG-AISEC-C-0001  Threats (ETRI)" in reminder.text
