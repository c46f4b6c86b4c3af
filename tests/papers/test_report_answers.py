"""Conveners answer the report's mails, the secretariat confirms: all of it by mail."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage

import pytest

from cgbot.context import Context
from cgbot.errand import Settled
from cgbot.errors import NotFound
from cgbot.groups import members, ordering, orders, subscriptions
from cgbot.groups.commands import Request
from cgbot.groups.records import Group
from cgbot.meetings import records as meetings_of
from cgbot.meetings.records import Meeting
from cgbot.notices import ledger
from cgbot.papers import (
    report_answers,
    report_docx,
    report_orders,
    report_records,
    report_reminders,
    report_text,
)
from cgbot.papers.report_records import Report, Version
from cgbot.store.db import Database
from tests.groups.mailbag import Sent, errand, errand_of, outbox, token_of
from tests.papers.reporting import DAY, SECRETARIAT, geneva, owed, parent_meeting, people, play, with_secretariat

COMMANDS = {one.name: one for one in report_orders.COMMANDS}
PURPOSES = subscriptions.purposes(answers={**report_answers.ANSWERS, **ordering.answers(COMMANDS)})
KINDS = (*report_reminders.KINDS, ordering.kind(COMMANDS))
MORNING = "2027-04-03"


@pytest.fixture
def now(db: Database, context: Context, group: Group) -> Context:
    """The morning on which the draft has reached the conveners."""
    people(db, context, group)
    early = with_secretariat(context).at(geneva("2027-01-10"))
    parent_meeting(db, early, group, "2027-06-01")
    assert len(play(db, early, [MORNING])) == 3
    return early.at(geneva(MORNING, 11))


def letter_to(db: Database, who: str) -> Sent:
    """The last letter to somebody."""
    return next(one for one in reversed(outbox(db)) if one.recipient.startswith(who))


def answer(db: Database, now: Context, group: Group, letter: Sent, text: str, **fields: str) -> Settled:
    came = errand(
        now,
        group,
        "confirm",
        text,
        detail=token_of(letter),
        sender=letter.recipient,
        mail_from=letter.recipient,
        **fields,
    )
    return db.write_now(PURPOSES["confirm"], now, came)


def state(db: Database) -> Report:
    return db.read_now(report_records.get, 1)


def version(db: Database, number: int) -> Version:
    return db.read_now(report_records.version, 1, number)


def quoted(letter: Sent, old: str = "", new: str = "") -> str:
    text = letter.text.replace("\r\n", "\n")
    assert old in text
    return "On Saturday CG-AISEC wrote:\n" + "\n".join(
        f"> {line}".rstrip() for line in text.replace(old, new).split("\n")
    )


def meeting(db: Database) -> Meeting:
    return db.read_now(meetings_of.get, 1)


# ------------------------------------------------------------------------------------------------------- approved


@pytest.mark.parametrize("words", ["approve", "Approve.", "APPROVED", "  approve, thank you"])
def test_one_word_approves(db: Database, now: Context, group: Group, words: str) -> None:
    settled = answer(db, now, group, letter_to(db, "jia"), words)
    assert settled.state == "sorted"
    assert (state(db).state, state(db).approved_by, state(db).approved_version) == ("approved", "jia@example.org", 1)
    told = outbox(db)[-3:]
    assert [one.recipient for one in told] == ["jia@example.org", "hu@example.org", "sec@example.org"]
    assert "jia@example.org has approved version 1" in told[1].text
    assert f"you are shown the mail to {SECRETARIAT} before it goes" in " ".join(told[1].text.split())


def test_the_word_above_the_whole_quoted_mail_approves(db: Database, now: Context, group: Group) -> None:
    letter = letter_to(db, "jia")
    answer(db, now, group, letter, f"approve\n\n{quoted(letter)}")
    assert state(db).state == "approved"


def test_the_first_approval_counts_and_the_other_is_told(db: Database, now: Context, group: Group) -> None:
    first, second = letter_to(db, "jia"), letter_to(db, "hu")
    answer(db, now, group, first, "approve")
    answer(db, now, group, second, "approve")
    assert state(db).approved_by == "jia@example.org"
    told = letter_to(db, "hu")
    assert "jia@example.org has approved version 1 already, on 03 April 2027" in told.text


def test_a_secretary_drafts_but_does_not_approve(db: Database, now: Context, group: Group) -> None:
    answer(db, now, group, letter_to(db, "sec"), "approve")
    assert state(db).state == "drafted"
    assert "a convener or vice-convener approves reports" in letter_to(db, "sec").text


def test_who_is_no_convener_any_more_decides_nothing(db: Database, now: Context, group: Group) -> None:
    letter = letter_to(db, "hu")
    member = db.read_now(members.find_member, group.id, "hu@example.org")
    assert member is not None
    db.write_now(members.change, now, member, {"role": "member"})
    assert answer(db, now, group, letter, "approve").state == "discarded"
    db.write_now(members.remove, now, group.id, "hu@example.org")
    assert answer(db, now, group, letter, "approve").state == "discarded"
    assert state(db).state == "drafted"


def test_a_robot_decides_nothing(db: Database, now: Context, group: Group) -> None:
    settled = answer(db, now, group, letter_to(db, "jia"), "approve", Auto_Submitted="auto-replied")
    assert (settled.state, state(db).state) == ("discarded", "drafted")


def test_an_older_mail_does_not_approve_a_newer_version(db: Database, now: Context, group: Group) -> None:
    old = letter_to(db, "jia")
    answer(db, now, group, letter_to(db, "hu"), quoted(letter_to(db, "hu"), "reports to", "always reports to"))
    answer(db, now, group, old, "approve")
    assert state(db).state == "drafted"
    assert "version 1 is not the newest any more: version 2 is, by hu@example.org" in " ".join(
        letter_to(db, "jia").text.split()
    )


# ------------------------------------------------------------------------------------------------------ corrected


def test_a_text_corrected_in_the_answer_is_the_next_version(db: Database, now: Context, group: Group) -> None:
    letter = letter_to(db, "jia")
    text = quoted(letter, "> " * 0 + "Question(s): All/17", "Question(s): 7/17, 15/17")
    settled = answer(db, now, group, letter, f"Dear cgbot,\n\nmy changes are inside.\n\n{text}")
    assert "Your corrections are version 2" in settled.reason
    assert version(db, 2).made_by == "jia@example.org"
    assert report_text.header(version(db, 2).body)["Question(s)"] == ("7/17, 15/17",)
    assert version(db, 2).generated == version(db, 1).body
    assert "It comes to you and the other conveners" in letter_to(db, "jia").text
    report_docx.work(db, now)
    db.write_now(ledger.tick, now, KINDS)
    for who in ("jia", "hu", "sec"):
        assert "version 2" in str(letter_to(db, who).message["Subject"])
        assert len(list(letter_to(db, who).message.iter_attachments())) == 1


def test_a_text_sent_back_by_html_mail(db: Database, now: Context, group: Group) -> None:
    letter = letter_to(db, "jia")
    text = letter.text.replace("\r\n", "\n").replace("reports to", "gladly reports to")
    lines = "".join(f"<div>{line.replace('<', '&lt;') or '<br>'}</div>" for line in text.split("\n"))
    reply = EmailMessage(policy=email.policy.SMTP)
    reply["From"], reply["Subject"], reply["Message-ID"] = "jia@example.org", "Re: report", "<h@example.org>"
    reply.set_content(f"<html><body><p>See below</p>{lines}</body></html>", subtype="html")
    came = errand_of(now, group, bytes(reply), purpose="confirm", detail=token_of(letter), mail_from="jia@example.org")
    db.write_now(PURPOSES["confirm"], now, came)
    body = version(db, 2).body
    assert "gladly reports to" in body
    assert report_text.same(body.replace("gladly ", ""), version(db, 1).body)
    assert [one.key for one in report_text.sections(body)] == [
        one.key for one in report_text.sections(version(db, 1).body)
    ]


def test_a_correction_with_the_word_approve_is_not_approved_unseen(db: Database, now: Context, group: Group) -> None:
    letter = letter_to(db, "jia")
    settled = answer(db, now, group, letter, "approve\n\n" + quoted(letter, "reports to", "always reports to"))
    assert state(db).state == "drafted"
    assert "It was not approved, since its text is new" in settled.reason


def test_a_text_that_was_cut_changes_nothing(db: Database, now: Context, group: Group) -> None:
    letter = letter_to(db, "jia")
    text = quoted(letter).partition(report_text.END)[0]
    settled = answer(db, now, group, letter, f"approve\n\n{text}")
    assert "the line that ends the report is missing" in settled.reason
    assert state(db).state == "drafted"


def test_two_corrections_of_the_same_version(db: Database, now: Context, group: Group) -> None:
    jia, hu = letter_to(db, "jia"), letter_to(db, "hu")
    answer(db, now, group, jia, quoted(jia, "Question(s): All/17", "Question(s): 7/17"))
    answer(db, now, group, hu, quoted(hu, "reports to", "always reports to"))
    body = version(db, 3).body
    assert "Question(s): 7/17" in body
    assert "always reports to" in body


def test_an_answer_that_says_nothing_is_answered_once(db: Database, now: Context, group: Group) -> None:
    letter = letter_to(db, "jia")
    before = len(outbox(db))
    for _ in range(3):
        answer(db, now, group, letter, "Thank you!")
    assert len(outbox(db)) == before + 1
    assert "the answer was not understood" in outbox(db)[-1].text
    assert answer(db, now, group, letter_to(db, "jia"), "approve").state == "sorted"
    assert state(db).state == "approved"


def test_an_unchanged_text_is_told_how_to_approve(db: Database, now: Context, group: Group) -> None:
    letter = letter_to(db, "jia")
    settled = answer(db, now, group, letter, quoted(letter))
    assert "To approve it, answer with the word: approve" in settled.reason


def test_a_word_file_sent_back_is_not_read(db: Database, now: Context, group: Group) -> None:
    letter = letter_to(db, "jia")
    reply = EmailMessage(policy=email.policy.SMTP)
    reply["From"], reply["Subject"], reply["Message-ID"] = "jia@example.org", "Re: report", "<d@example.org>"
    reply.set_content("My version is attached.")
    reply.add_attachment(b"PK", maintype="application", subtype="octet-stream", filename="report.docx")
    came = errand_of(now, group, bytes(reply), purpose="confirm", detail=token_of(letter), mail_from="jia@example.org")
    db.write_now(PURPOSES["confirm"], now, came)
    assert "a Word file is not read" in letter_to(db, "jia").text


# ------------------------------------------------------------------------------------------------------ submitted


def submitted(db: Database, now: Context, group: Group) -> Context:
    """Approved by Jia, ordered by Hu, shown, confirmed, its time come; ten minutes later."""
    answer(db, now, group, letter_to(db, "jia"), "approve")
    answer(db, now, group, letter_to(db, "hu"), "submit")
    answer(db, now, group, letter_to(db, "hu"), "yes")
    later = now.at(now.now + DAY / 24)
    db.write_now(ledger.tick, later, KINDS)
    return later


def test_submit_is_shown_ordered_and_done(db: Database, now: Context, group: Group) -> None:
    answer(db, now, group, letter_to(db, "jia"), "approve")
    answer(db, now, group, letter_to(db, "hu"), "submit")
    shown = letter_to(db, "hu")
    assert "onfirm: Submit the report to SG17 (Geneva, 1–10 June 2027)" in str(shown.message["Subject"])
    assert f"This goes to {SECRETARIAT}" in shown.text
    assert "=== 3 Meetings of the group ===" in shown.text
    assert state(db).state == "approved"
    answer(db, now, group, shown, "yes")
    db.write_now(ledger.tick, now.at(now.now + DAY / 48), KINDS)
    assert state(db).state == "submitted"
    letter = next(one for one in outbox(db) if one.recipient == SECRETARIAT)
    assert len(list(letter.message.iter_attachments())) == 1
    assert "Zhiyuan HU, vice-convener of CG-AISEC" in letter.text
    assert f"has gone to {SECRETARIAT}" in letter_to(db, "jia").text


def test_what_was_corrected_after_the_order_is_not_sent(db: Database, now: Context, group: Group) -> None:
    letter = letter_to(db, "sec")
    answer(db, now, group, letter_to(db, "jia"), "approve")
    answer(db, now, group, letter_to(db, "hu"), "submit")
    answer(db, now, group, letter_to(db, "hu"), "yes")
    answer(db, now, group, letter, quoted(letter, "reports to", "always reports to"))
    db.write_now(ledger.tick, now.at(now.now + DAY / 24), KINDS)
    assert state(db).state == "drafted"
    assert SECRETARIAT not in [one.recipient for one in outbox(db)]
    assert "could not be done" in letter_to(db, "hu").text


def test_submit_before_the_approval_says_what_is_missing(db: Database, now: Context, group: Group) -> None:
    answer(db, now, group, letter_to(db, "jia"), "submit")
    assert "report 1 is not approved yet" in letter_to(db, "jia").text


# -------------------------------------------------------------------------------------------------- the receipt


def test_the_secretariats_answer_is_the_receipt(db: Database, now: Context, group: Group) -> None:
    later = submitted(db, now, group)
    letter = next(one for one in outbox(db) if one.recipient == SECRETARIAT)
    before = len(outbox(db))
    came = errand(
        later,
        group,
        "confirm",
        "Dear Hu,\nreceived, it will be TD123/P.\n\n> Please find enclosed",
        detail=token_of(letter),
        sender="TSB <someone.else@itu.example>",
        mail_from="someone.else@itu.example",
    )
    settled = db.write_now(PURPOSES["confirm"], later, came)
    assert settled.reason == "receipt noted, passed on to 3"
    assert (state(db).receipt_at, state(db).receipt) == (later.now, "Dear Hu,\nreceived, it will be TD123/P.")
    passed = outbox(db)[before:]
    assert [one.recipient for one in passed] == ["jia@example.org", "hu@example.org", "sec@example.org"]
    assert passed[0].message["From"] == "TSB <someone.else@itu.example>"
    again = later.at(later.now + DAY)
    settled = db.write_now(PURPOSES["confirm"], again, came)
    assert settled.reason == "passed on to 3"
    assert state(db).receipt_at == later.now


def test_an_out_of_office_is_no_receipt(db: Database, now: Context, group: Group) -> None:
    later = submitted(db, now, group)
    letter = next(one for one in outbox(db) if one.recipient == SECRETARIAT)
    settled = answer(db, later, group, letter, "I am on leave", Auto_Submitted="auto-replied")
    assert (settled.state, state(db).receipt_at) == ("discarded", None)


def test_the_receipts_address_takes_twenty_answers(db: Database, now: Context, group: Group) -> None:
    later = submitted(db, now, group)
    letter = next(one for one in outbox(db) if one.recipient == SECRETARIAT)
    outcomes = [answer(db, later, group, letter, f"Answer {number}").state for number in range(22)]
    assert outcomes == ["sorted"] * 20 + ["discarded"] * 2


# ------------------------------------------------------------------------------------------------ ordered by mail


def order(db: Database, now: Context, group: Group, name: str, *words: str) -> str:
    """Ask for a command as Hu, say yes, let its time come; the last mail to Hu."""
    actor = db.read_now(orders.actor_of, group.id, "hu@example.org")
    db.write_now(ordering.ask, now, COMMANDS[name], Request(group.id, group.name, actor, words))
    shown = letter_to(db, "hu")
    if "onfirm: " not in str(shown.message["Subject"]):
        return shown.text
    answer(db, now, group, shown, "yes")
    db.write_now(ledger.tick, now.at(now.now + DAY / 24), KINDS)
    return letter_to(db, "hu").text


def test_the_commands(db: Database, now: Context, group: Group) -> None:
    assert "Nothing has changed since version 1 of the report" in order(db, now, group, "draft report", "1")
    assert "there is no meeting 9" in order(db, now, group, "draft report", "meeting", "9")
    assert "'soon, please' is not understood" in order(db, now, group, "approve report", "soon,", "please")
    assert "there is no report 7" in order(db, now, group, "approve report", "7")
    text = order(db, now, group, "approve report", "1")
    assert "Version 1 of the report to SG17 (Geneva, 1–10 June 2027) is approved." in text
    assert "submit report 1" in text
    assert "report 1 is approved already" in order(db, now, group, "approve report")
    assert f"has gone to {SECRETARIAT}" in order(db, now.at(now.now + DAY), group, "submit report", "#1")
    assert "no report is owed" in order(db, now.at(now.now + DAY), group, "draft report")
    assert owed(db, now, meeting(db)).state == "submitted"


def test_the_newest_version_once_more(db: Database, now: Context, group: Group) -> None:
    (query,) = report_orders.QUERIES
    actor = db.read_now(orders.actor_of, group.id, "hu@example.org")
    before = len(outbox(db))
    asked = Request(group.id, group.name, actor, ("1",))
    assert db.write_now(query.answer, now, asked) == "version 1 of the report to SG17 (Geneva, 1–10 June 2027) was sent"
    (letter,) = outbox(db)[before:]
    assert (letter.recipient, len(list(letter.message.iter_attachments()))) == ("hu@example.org", 1)
    assert "What to do: answer this mail" in letter.text
    answer(db, now, group, letter, "approve")
    assert state(db).approved_by == "hu@example.org"
    db.write_now(query.answer, now, asked)
    assert "It is approved, or submitted already" in letter_to(db, "hu").text
    with pytest.raises(NotFound, match="there is no report 9"):
        db.write_now(query.answer, now, Request(group.id, group.name, actor, ("9",)))


def test_a_report_that_has_no_draft_yet(db: Database, now: Context, group: Group) -> None:
    following = parent_meeting(db, now, group, "2027-12-01")
    text = order(db, now, group, "draft report", str(following.id))
    assert "Version 1 of the report to SG17 (Geneva, 1–10 December 2027) is made" in text
    assert owed(db, now, following).state == "drafted"
