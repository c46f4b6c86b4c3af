"""The first day of a group: a post, an answer, a search, a stranger, a meeting and a reply to it."""

from __future__ import annotations

import re
import smtplib
from email.message import Message

import icalendar
import pytest

from cgbot.archive import note
from cgbot.archive import proof as proofs
from tests.e2e.conftest import MEMBERS
from tests.harness import DOMAIN, LIST, Program, mail, wait_for

ID = "first-post@example.org"
# What no database can make different; the rounds of the other stories run on both.
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_post_reaches_the_archive_and_every_subscriber(program: Program) -> None:
    raw = mail("Scope of the threat model", Message_ID=f"<{ID}>")
    program.send(raw)
    status = program.idle()
    assert status["errands"]["sorted"] == 1
    assert status["deliveries"]["sent"] == 3
    for address in MEMBERS:
        (copy,) = program.maildir(address)
        assert copy["Delivered-To"] == address
        assert copy["Return-Path"].startswith("<cg-aisec-bounces+")
        assert copy["From"] == "A Delegate <delegate@example.org>"
        assert copy["Subject"] == "Scope of the threat model"
        assert "cg-aisec" in copy["List-Id"]
        assert copy["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    code, _, page = program.get("/cg-aisec/")
    assert code == 200
    assert b"Scope of the threat model" in page


@ONE
def test_the_copies_of_a_post_differ_only_in_what_is_personal(program: Program) -> None:
    program.send(mail("One content"))
    program.idle()
    bodies = {program.maildir(address)[0].get_payload() for address in MEMBERS}
    links = {program.maildir(address)[0]["List-Unsubscribe"] for address in MEMBERS}
    paths = {program.maildir(address)[0]["Return-Path"] for address in MEMBERS}
    assert (len(bodies), len(links), len(paths)) == (1, 3, 3)


@ONE
def test_the_raw_form_is_what_came_in(program: Program) -> None:
    raw = mail("Exact bytes", text="trailing space \n\ttab and =3D\n", Message_ID=f"<{ID}>", X_Odd="  two  spaces")
    program.send(raw)
    program.idle()
    code, _, body = program.get(f"/cg-aisec/{ID}/raw")
    assert (code, body) == (200, raw)
    wait_for(lambda: program.get(f"/cg-aisec/{ID}/proof")[0] == 200)  # signed at a tick
    proof = proofs.read_inclusion(program.get(f"/cg-aisec/{ID}/proof")[2].decode())
    key = program.cgbot("archive", "key").split()[-1]
    assert proofs.check_inclusion(proof, [note.verifier(key)], raw).checkpoint.size == 1
    assert proof.checkpoint.encode() == program.get("/cg-aisec/checkpoint")[2]


@ONE
def test_an_answer_stands_in_the_thread(program: Program) -> None:
    program.send(mail("Scope", Message_ID=f"<{ID}>"))
    program.send(mail("Re: Scope", text="I agree.\n", In_Reply_To=f"<{ID}>", References=f"<{ID}>"))
    program.idle()
    _, _, page = program.get(f"/cg-aisec/{ID}/")
    assert b"I agree." in page
    assert b"please see below" in page


def test_searching_finds_it(program: Program) -> None:
    program.send(mail("Workshop", text="Findings on Generative AI and its security.\n"))
    program.idle()
    code, _, page = program.get("/cg-aisec/search?q=%22Generative+AI%22")
    assert code == 200
    assert b"Workshop" in page
    _, _, page = program.get("/cg-aisec/search?q=%22AI+Generative%22")
    assert b"Workshop" not in page


@ONE
def test_the_liaison_statement_of_sg17_is_found(program: Program, corpora) -> None:  # type: ignore[no-untyped-def]
    text = next((corpora.parent / "seeds").glob("000_*.txt")).read_text("utf-8")
    head = (
        "From: A Delegate <delegate@example.org>\r\nTo: " + LIST + "\r\nSubject: Workshop and new group\r\n"
        f"Message-ID: <{ID}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    raw = (head + text.replace("\n", "\r\n") + "\r\n").encode()
    program.send(raw)
    program.send(mail("Re: Workshop and new group", text="Thank you.\n", In_Reply_To=f"<{ID}>"))
    program.idle()
    assert program.get(f"/cg-aisec/{ID}/raw")[2] == raw
    assert b"Workshop and new group" in program.get("/cg-aisec/search?q=%22Generative+AI%22")[2]
    assert b"Thank you." in program.get(f"/cg-aisec/{ID}/")[2]


def test_a_stranger_is_held_and_a_convener_approves_by_answering(program: Program) -> None:
    program.send(mail("Offer of a contribution", From="stranger@example.com"), sender="stranger@example.com")
    program.idle()
    assert not program.maildir("delegate@example.org")
    (notice,) = program.maildir("convener@example.org")
    assert "Offer of a contribution" in str(notice.as_string())
    answer = mail(f"Re: {notice['Subject']}", text="approve\n", From="convener@example.org", To=notice["Reply-To"])
    program.send(answer, notice["Reply-To"], sender="convener@example.org")
    program.idle()
    assert [copy["Subject"] for copy in program.maildir("delegate@example.org")] == ["Offer of a contribution"]
    assert program.json("held", "list") == []


def test_a_stranger_is_held_and_rejected_by_command(program: Program) -> None:
    program.send(mail("Buy now", From="stranger@example.com"), sender="stranger@example.com")
    program.idle()
    (held,) = program.json("held", "list")
    assert "not a member" in str(held["reasons"])
    program.cgbot("held", "reject", str(held["id"]))
    program.idle()
    again = program.run("held", "approve", str(held["id"]))
    assert again.returncode == 1
    assert "rejected" in again.stderr
    assert not program.maildir("stranger@example.com")  # an unproven address is told nothing
    assert not program.maildir("delegate@example.org")


@ONE
def test_an_unknown_address_is_refused_in_the_dialogue(program: Program) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        program.send(mail("Lost"), f"cg-unknown@{DOMAIN}")
    ((code, text),) = refused.value.recipients.values()
    assert code == 550
    assert text.startswith(b"5.1.1")


def _invitation(message: Message) -> icalendar.Event:
    (part,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    assert part.get_param("method") == "REQUEST"
    calendar = icalendar.Calendar.from_ical(part.get_payload(decode=True))
    assert calendar["METHOD"] == "REQUEST"
    return calendar.walk("VEVENT")[0]  # type: ignore[return-value]


def _schedule(program: Program) -> None:
    program.cgbot(
        "meetings", "schedule", "cg-aisec", "--title", "First meeting", "--start", "2031-05-16 09:00",
        "--end", "2031-05-16 10:00", "--join-url", "https://meet.example.org/cg",
    )  # fmt: skip


def test_a_meeting_reaches_everybody_as_an_invitation_of_their_own(program: Program) -> None:
    _schedule(program)
    program.idle()
    for address in MEMBERS:
        (message,) = program.maildir(address)
        event = _invitation(message)
        assert str(event["ATTENDEE"]).lower() == f"mailto:{address}"
        assert str(event["ORGANIZER"]).removeprefix("mailto:") in message["From"]
        assert event.start.isoformat() == "2031-05-16T09:00:00+02:00"
        others = set(MEMBERS) - {address}
        assert not any(other in message.as_string() for other in others)
    assert b"First meeting" in program.get("/cg-aisec/calendar.ics")[2]


def test_a_reply_changes_the_state_of_its_attendee(program: Program) -> None:
    _schedule(program)
    program.idle()
    (message,) = program.maildir("delegate@example.org")
    event = _invitation(message)
    organizer = str(event["ORGANIZER"]).removeprefix("mailto:")
    reply = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\n"
        f"UID:{event['UID']}\r\nSEQUENCE:{event.get('SEQUENCE', 0)}\r\nDTSTAMP:20310101T000000Z\r\n"
        f"ORGANIZER:mailto:{organizer}\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:delegate@example.org\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    answer = (
        f"From: delegate@example.org\r\nTo: {organizer}\r\nSubject: Accepted: First meeting\r\nMIME-Version: 1.0\r\n"
        f"Message-ID: <reply@example.org>\r\nContent-Type: text/calendar; method=REPLY; charset=utf-8\r\n\r\n{reply}"
    )
    program.send(answer.encode(), organizer)
    program.idle()
    (meeting,) = program.json("meetings", "list")
    answers = {one["address"]: one["partstat"] for one in program.json("meetings", "replies", str(meeting["id"]))}
    assert answers == {
        "convener@example.org": "NEEDS-ACTION",
        "delegate@example.org": "ACCEPTED",
        "observer@example.net": "NEEDS-ACTION",
    }


def test_a_moved_and_then_cancelled_meeting(program: Program) -> None:
    _schedule(program)
    program.idle()
    (meeting,) = program.json("meetings", "list")
    program.cgbot("meetings", "move", str(meeting["id"]), "--start", "2031-05-17 09:00", "--end", "2031-05-17 10:00")
    program.idle()
    program.cgbot("meetings", "cancel", str(meeting["id"]))
    program.idle()
    messages = program.maildir("delegate@example.org")
    texts = [
        part.get_payload(decode=True).decode()
        for message in messages
        for part in message.walk()
        if part.get_content_type() == "text/calendar"
    ]
    seen = sorted(
        (int(re.search(r"SEQUENCE:(\d+)", text)[1]), re.search(r"METHOD:(\w+)", text)[1])  # type: ignore[index]
        for text in texts
    )
    assert seen == [(0, "REQUEST"), (1, "REQUEST"), (2, "CANCEL")]
    assert b"STATUS:CANCELLED" in program.get("/cg-aisec/calendar.ics")[2]


@ONE
def test_the_feed_answers_304(program: Program) -> None:
    _schedule(program)
    program.idle()
    code, headers, body = program.get("/cg-aisec/calendar.ics")
    assert code == 200
    again, _, empty = program.get("/cg-aisec/calendar.ics", If_None_Match=headers["etag"])
    assert program.get("/cg-aisec/calendar.ics")[2] == body
    assert (again, empty) in {(304, b""), (200, body)}  # urllib cannot send a field with an underscore
    code, _, empty = program.get("/cg-aisec/calendar.ics", **{"If-None-Match": headers["etag"]})
    assert (code, empty) == (304, b"")


def test_a_mail_sent_twice_is_one_post(program: Program) -> None:
    raw = mail("Once")
    program.send(raw)
    program.send(raw)
    program.idle()
    assert [copy["Subject"] for copy in program.maildir("delegate@example.org")] == ["Once"]


def test_sigterm_ends_cleanly(program: Program) -> None:
    program.send(mail("Before the end"))
    assert program.stop() == 0
    program.start()
    wait_for(lambda: len(program.maildir("delegate@example.org")) == 1)


@ONE
def test_a_second_serve_refuses_to_start(program: Program) -> None:
    if "postgresql" in (program.folder / "config" / "cgbot.toml").read_text():
        pytest.skip("several processes may serve one PostgreSQL")
    second = program.run("serve")
    assert second.returncode == 75
    assert "serve" in second.stderr
