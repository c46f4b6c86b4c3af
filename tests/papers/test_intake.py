"""Papers by mail, as people send them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cgbot.groups import leaving, members
from cgbot.papers import docx_header, records
from tests.groups.mailbag import Sent
from tests.papers import words
from tests.papers.mailing import JIA, PDF, YU, ZOE, Office

ATTENDS = "This is input to the correspondence group; contributions to SG17 itself go by its own posting."


def proven(office: Office) -> Office:
    """The same behind a server of ours that says who wrote a mail."""
    authentication = replace(
        office.context.settings.authentication, trusted=("mx.example.org",), trusted_peers=("192.0.2.1",)
    )
    settings = replace(office.context.settings, authentication=authentication)
    return replace(office, context=replace(office.context, settings=settings))


def passed(domain: str = "example.org") -> dict[str, str]:
    return {"Authentication_Results": f"mx.example.org; dkim=pass header.d={domain}; dmarc=pass header.from={domain}"}


def test_a_paper_gets_a_number_once_its_author_has_said_yes(office: Office) -> None:
    office.open_call()
    assert (
        office.send(ZOE, "Threats to models", "Please find attached.", PDF)
        == "held: its author was asked to confirm it"
    )
    question = office.news(ZOE)[-1]
    assert question.message["Subject"] == "[CG-AISEC] Please confirm your paper: Threats to models"
    assert office.numbered() == []
    office.answer(question)
    assert office.numbered() == [(1, 0, "Threats to models", "registered")]
    letter = office.news(ZOE)[-1]
    assert letter.message["Subject"] == "[CG-AISEC] CG-AISEC-C-0001 received: Threats to models"
    for line in (
        "Number:    CG-AISEC-C-0001\n",
        "Source:    ETRI\n",
        "Received:  Monday 3 May 2027, 10:00 Geneva time (CEST, 08:00 UTC)\n",
        "For:       Second meeting, Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC)\n",
        "File:      paper.pdf\n",
        ATTENDS,
        '"withdraw C-0001"',
    ):
        assert line in letter.text.replace("\r\n", "\n"), line
    assert "late" not in letter.text
    assert office.contents(1) == [PDF[1]]


def test_a_paper_from_a_proven_address_is_registered_at_once(office: Office) -> None:
    office = proven(office)
    assert office.send(ZOE, "Threats", "", PDF, **passed()) == "sorted: paper 1 revision 0"
    assert office.subjects(ZOE)[-1] == "[CG-AISEC] CG-AISEC-C-0001 received: Threats"


def test_a_claim_of_proof_from_elsewhere_proves_nothing(office: Office) -> None:
    assert office.send(ZOE, "Threats", "", PDF, **passed()).startswith("held: its author")


def test_a_paper_counts_from_when_it_came_in(office: Office) -> None:
    """Mailed in time, confirmed after the call had closed."""
    office.open_call(closes="2027-05-03 12:00")
    office.send(ZOE, "Threats", "", PDF)
    question = office.news(ZOE)[-1]
    tomorrow = office.later(days=1)
    tomorrow.answer(question)
    assert not tomorrow.papers()[0].paper.late
    assert "10:00 Geneva time" in tomorrow.news(ZOE)[-1].text


def test_a_late_paper_is_taken_and_marked(office: Office) -> None:
    office.open_call(closes="2027-05-03 12:00")
    late = office.later(hours=3)
    letter = late.register(ZOE, "Late thoughts")
    assert (
        "after the call had closed (Monday 3 May 2027, 12:00 Geneva time (CEST, 10:00 UTC)); it is marked as late"
        in (" ".join(letter.text.split()))
    )
    assert late.papers()[0].paper.late


def test_who_does_not_confirm_is_not_registered(office: Office) -> None:
    office.send(ZOE, "Threats", "", PDF)
    question = office.news(ZOE)[-1]
    assert office.answer(question, "what is this?") == "discarded: not a yes"
    assert office.later(days=15).answer(question).startswith("discarded")
    assert office.numbered() == []
    office.answer(question)
    assert office.answer(question) == "discarded: answered before, or too late"
    assert len(office.papers()) == 1


# ------------------------------------------------------------------------------------------ title, source, abstract


def test_the_mails_own_fields(office: Office) -> None:
    text = "title: Attacks on agents\nsource: Example University\nabstract: What is new\nsince 2026."
    office.register(ZOE, "my paper", f"Dear all,\n\n{text}\n\nBest, Z")
    (one,) = office.papers()
    assert (one.paper.title, one.paper.source) == ("Attacks on agents", "Example University")
    assert one.paper.abstract == "What is new\nsince 2026."


def test_the_header_table_of_a_word_file(office: Office) -> None:
    office.register(ZOE, "my paper", "see attached", ("CG-AISEC input.docx", words.contribution()))
    (one,) = office.papers()
    assert (one.paper.title, one.paper.source) == ("Proposed text for X.tr-ai", "Example University")
    assert one.paper.abstract == "Which attacks on models are new."


def test_the_mails_words_go_before_the_header_table(office: Office) -> None:
    office.register(ZOE, "my paper", "Title: Mine\n", ("input.docx", words.contribution()))
    (one,) = office.papers()
    assert (one.paper.title, one.paper.source) == ("Mine", "Example University")


@pytest.mark.parametrize("content", [b"PK\x03\x04 broken", words.archive({"word/document.xml": "<!DOCTYPE x []><x/>"})])
def test_a_broken_word_file_is_registered_by_the_mails_words(office: Office, content: bytes) -> None:
    office.register(ZOE, "Contribution: Threats", "", ("input.docx", content))
    assert office.numbered() == [(1, 0, "Threats", "registered")]
    assert office.contents(1) == [content]


def test_a_reader_that_never_ends_does_not_stop_a_paper(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docx_header, "SECONDS", 0.01)
    office.register(ZOE, "Threats", "", ("input.docx", words.contribution()))
    assert office.numbered() == [(1, 0, "Threats", "registered")]


def test_a_mail_without_a_subject_has_the_title_of_its_file(office: Office) -> None:
    office.register(ZOE, "", "", ("Threats_to models v2.pdf", b"x"))
    assert office.numbered() == [(1, 0, "Threats to models v2", "registered")]


def test_a_paper_may_be_the_text_of_the_mail(office: Office) -> None:
    office.send(ZOE, "On agents", "We propose that agents sign what they do.")
    office.answer(office.news(ZOE)[-1])
    assert office.numbered() == [(1, 0, "On agents", "registered")]
    assert office.contents(1) == [b"We propose that agents sign what they do.\n"]


def test_pictures_and_signatures_are_no_files(office: Office) -> None:
    message = office.compose(ZOE, "Threats", "Hello")
    message.add_alternative('<p>Hello <img src="cid:logo@x"></p>', subtype="html")
    for number, (name, content_id) in enumerate((("logo.png", "<logo@x>"), ("paper.pdf", "<paper@x>"))):
        message.add_attachment(
            b"%d" % number, maintype="application", subtype="octet-stream", filename=name, cid=content_id
        )
    message.add_attachment(b"-----BEGIN", maintype="application", subtype="pgp-signature", filename="signature.asc")
    office.deliver(message)
    office.answer(office.news(ZOE)[-1])
    assert [file.filename for file in office.papers()[0].newest.files] == ["paper.pdf"]


def test_files_of_one_name_are_kept_apart(office: Office) -> None:
    office.register(ZOE, "Threats", "", ("a.pdf", b"one"), ("a.pdf", b"two"))
    assert [file.filename for file in office.papers()[0].newest.files] == ["a.pdf", "a-2.pdf"]
    assert office.contents(1) == [b"one", b"two"]


# --------------------------------------------------------------------------------------------------------- revisions


@pytest.mark.parametrize(
    ("subject", "text", "name"),
    [
        ("C-0001: Threats to models and agents", "", "x.pdf"),
        ("Threats to models and agents (CG-AISEC-C-0001R1)", "", "x.pdf"),
        ("Threats to models and agents", "", "CG-AISEC-C-0001_R1.pdf"),
        ("Threats to models and agents", "rev of C-0001\n", "x.pdf"),
        ("Threats to models and agents", "revises: C-0001\n", "x.pdf"),
        ("Re: [CG-AISEC] C-0001: Threats to models and agents", "", "x.pdf"),
    ],
)
def test_a_revision(office: Office, subject: str, text: str, name: str) -> None:
    office.register(ZOE, "Threats")
    letter = office.register(ZOE, subject, text, (name, b"new"))
    assert office.numbered() == [(1, 1, "Threats to models and agents", "registered")]
    assert "Number:    CG-AISEC-C-0001R1\r\n" in letter.text
    assert office.contents(1) == [b"new"]


def test_a_revision_without_a_title_keeps_it(office: Office) -> None:
    office.register(ZOE, "Threats")
    office.register(ZOE, "Rev of C-0001", "", ("x.pdf", b"new"))
    office.register(ZOE, "C-0001", "", ("x.pdf", b"newest"))
    assert office.numbered() == [(1, 2, "Threats", "registered")]


def test_the_same_files_twice_are_one_revision(office: Office) -> None:
    office.register(ZOE, "Threats")
    again = office.register(ZOE, "C-0001: Threats")
    assert "Number:    CG-AISEC-C-0001\r\n" in again.text
    twice = office.register(ZOE, "Threats", "I send it again")
    assert "Number:    CG-AISEC-C-0001\r\n" in twice.text
    assert office.numbered() == [(1, 0, "Threats", "registered")]


def test_a_paper_about_somebody_elses_is_a_paper_of_its_own(office: Office) -> None:
    office.register(ZOE, "Threats")
    office.register(YU, "Comments on C-0001", "", ("comments.pdf", b"I disagree"))
    assert office.numbered() == [(1, 0, "Threats", "registered"), (2, 0, "Comments on C-0001", "registered")]


def test_a_number_that_nobody_has_is_part_of_the_title(office: Office) -> None:
    office.register(ZOE, "Input on SG17 C-0141")
    assert office.numbered() == [(1, 0, "Input on SG17 C-0141", "registered")]


def test_nobody_revises_somebody_elses(office: Office) -> None:
    office.register(ZOE, "Threats")
    letter = office.register(YU, "Mine now", "revises: C-0001\n", ("x.pdf", b"other"))
    assert letter.message["Subject"] == "[CG-AISEC] Not registered: Mine now"
    assert "CG-AISEC-C-0001 is a paper of somebody else" in letter.text
    assert office.numbered() == [(1, 0, "Threats", "registered")]


def test_a_withdrawn_paper_is_not_revised(office: Office) -> None:
    office.register(ZOE, "Threats")
    office.answer(office.ask(ZOE, "withdraw C-0001"))
    office = office.later(minutes=11)
    office.tick()
    assert office.numbered() == [(1, 0, "Threats", "withdrawn")]
    office.register(ZOE, "C-0001: Threats", "", ("x.pdf", b"new"))
    assert office.numbered()[1] == (2, 0, "C-0001: Threats", "registered")


def test_a_paper_replaces_another(office: Office) -> None:
    office.register(ZOE, "Threats")
    office.register(ZOE, "Threats, anew", "replaces: C-0001\n", ("x.pdf", b"new"))
    first, second = office.papers()
    assert (first.replaced_by, second.paper.title) == (2, "Threats, anew")
    listing = office.ask(YU, "documents").text
    assert "CG-AISEC-C-0001  Threats (ETRI) [replaced by CG-AISEC-C-0002]" in listing


def test_thanks_are_no_revision(office: Office) -> None:
    """Answers to the acknowledgement go to the conveners."""
    letter = office.register(ZOE, "Threats")
    message = office.compose(ZOE, f"Re: {letter.message['Subject']}", "Thanks!")
    message["In-Reply-To"] = letter.message["Message-ID"]
    assert office.deliver(message) == "sorted: passed on to 1"
    assert office.numbered() == [(1, 0, "Threats", "registered")]
    assert "Thanks!" in office.news(JIA)[-1].text


def test_withdrawing_at_the_address_of_papers(office: Office) -> None:
    office.register(ZOE, "Threats")
    assert (
        office.send(ZOE, "withdraw C-0001", "Best regards\nZoë")
        == "sorted: order 1 shown: withdraw CG-AISEC-C-0001: Threats"
    )
    assert office.send(ZOE, "Re: your paper", "get C-0001") == "sorted: sent CG-AISEC-C-0001"


# ------------------------------------------------------------------------------------------------- who is not a member


def test_a_strangers_paper_waits_for_the_conveners(office: Office) -> None:
    stranger = "eve@elsewhere.example"
    assert office.send(f"Eve <{stranger}>", "My input", "", PDF) == (
        f"held: a contribution: {stranger} is not a member"
    )
    assert office.news(stranger) == []
    notice = office.news(JIA)[-1]
    assert "the paper gets a number" in notice.text
    office.answer(notice, "approve")
    assert office.numbered() == [(1, 0, "My input", "registered")]
    assert office.papers()[0].paper.author_name == "Eve"
    assert office.news(stranger) == [], "the address may be anybody's"


def test_a_proven_stranger_is_told(office: Office) -> None:
    office = proven(office)
    stranger = "eve@elsewhere.example"
    office.send(stranger, "My input", "", PDF, **passed("elsewhere.example"))
    office.answer(office.news(JIA)[-1], "approve")
    assert office.subjects(stranger) == ["[CG-AISEC] CG-AISEC-C-0001 received: My input"]


def test_a_discarded_paper_is_gone(office: Office) -> None:
    office.send("eve@elsewhere.example", "Buy now", "", PDF)
    office.answer(office.news(JIA)[-1], "discard")
    assert office.numbered() == []


def test_an_observers_paper_waits_too(office: Office) -> None:
    office.join("obs@example.org", "Observer", "observer")
    assert office.send("obs@example.org", "My input", "", PDF).startswith(
        "held: a contribution: obs@example.org is an ob"
    )
    office.answer(office.news(JIA)[-1], "approve")
    assert "received: My input" in office.subjects("obs@example.org")[-1]


def test_what_the_gate_holds_waits(office: Office) -> None:
    message = office.compose(ZOE, "Threats", "", PDF)
    assert office.deliver(message, gate="hold:size") == "held: a contribution: size"
    assert office.deliver(office.compose(ZOE, "Threats 2", "", PDF), gate="discard:loop") == "discarded: loop"


def test_who_leaves_before_the_yes_is_a_stranger(office: Office) -> None:
    office.send(ZOE, "Threats", "", PDF)
    question = office.news(ZOE)[-1]
    member = office.db.read_now(members.find_member, office.group.id, ZOE)
    assert member is not None
    office.db.write_now(leaving.leave, office.context, [member], ())
    office.answer(question)
    assert office.numbered() == []


# ---------------------------------------------------------------------------------------------------- robots, hostility


@pytest.mark.parametrize(
    "fields",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<other.example.org>"}],
)
def test_robots_are_not_answered(office: Office, fields: dict[str, str]) -> None:
    before = len(office.news())
    assert office.send(ZOE, "Out of office", "I am away", **fields).startswith("discarded")
    assert len(office.news()) == before


def test_the_null_sender_is_not_answered(office: Office) -> None:
    assert office.deliver(office.compose(ZOE, "Threats", "", PDF), mail_from="").startswith("discarded")


def test_two_authors_are_none(office: Office) -> None:
    assert office.send(f"{ZOE}, {YU}", "Threats", "", PDF).startswith("discarded: the From field")


def test_a_mail_with_nothing_in_it(office: Office) -> None:
    office.send(ZOE, "Threats", "")
    office.answer(office.news(ZOE)[-1])
    assert "the mail has neither a file nor a text" in " ".join(office.news(ZOE)[-1].text.split())
    assert office.numbered() == []


def test_too_many_files(office: Office) -> None:
    letter = office.register(ZOE, "Threats", "", *((f"{n}.pdf", b"%d" % n) for n in range(21)))
    assert "more than 20 files" in letter.text
    assert office.numbered() == []


def test_papers_do_not_flood_their_author(office: Office) -> None:
    """Somebody else writes in a member's name: twenty questions an hour at most."""
    before = len(office.news(ZOE))
    for number in range(22):
        office.send(ZOE, f"Paper {number}", "", (f"{number}.pdf", b"%d" % number))
    assert len(office.news(ZOE)) - before == 20
    assert office.news(JIA)[-1].message["Subject"].endswith("Paper 21")


def test_a_hostile_title_is_one_line(office: Office) -> None:
    office.send(ZOE, "x", "title: Threats\x00\x1b[31m to models\u202e\n", PDF)
    office.answer(office.news(ZOE)[-1])
    (one,) = office.papers()
    assert "\x00" not in one.paper.title
    assert "\x1b" not in one.paper.title


# ------------------------------------------------------------------------------------------------------------ announced


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("I will contribute: Threats to models", ""),
        ("announce Threats to models", "Best regards"),
        ("for the meeting", "Hello,\n\nI will contribute: Threats to models\n"),
    ],
)
def test_an_announced_paper(office: Office, subject: str, text: str) -> None:
    office.open_call()
    office.send(ZOE, subject, text)
    office.answer(office.news(ZOE)[-1])
    letter = office.news(ZOE)[-1]
    assert letter.message["Subject"] == "[CG-AISEC] Announced: Threats to models"
    assert "The call closes on Thursday 13 May 2027, 23:59 Geneva time" in letter.text
    assert office.numbered() == []
    office.register(ZOE, "Threats to models, final")
    assert office.numbered() == [(1, 0, "Threats to models, final", "registered")]


def announce(office: Office, title: str) -> Sent:
    office.send(ZOE, f"I will contribute: {title}")
    office.answer(office.news(ZOE)[-1])
    return office.news(ZOE)[-1]


def test_of_two_announced_papers_the_one_that_came_is_there(office: Office) -> None:
    announce(office, "Threats to models")
    announce(office, "Requirements of operators")
    announce(office, "Requirements of operators")
    office.register(ZOE, "Operators' requirements of models: requirements")
    waiting = office.db.read_now(records.announced, office.group.id)
    assert [one.title for one in waiting] == ["Threats to models"]


def test_an_announcement_without_a_title(office: Office) -> None:
    office.send(ZOE, "I will contribute:", "")
    office.answer(office.news(ZOE)[-1])
    assert "which paper? Write its title behind it" in office.news(ZOE)[-1].text


def test_the_question_has_a_day(office: Office) -> None:
    office.send(ZOE, "Threats", "", PDF)
    question = office.news(ZOE)[-1]
    assert "Monday 17 May 2027" in question.text
    assert office.later(days=14, minutes=1).answer(question).startswith("discarded")
