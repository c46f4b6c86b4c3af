"""A round of the group's work by mail alone: call, papers, meeting, report, digests, hand-over; host and companion."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import icalendar
import pytest

from cgbot.papers import report_text
from tests.e2e import robots
from tests.e2e.living import World, body, living, subject, words
from tests.e2e.test_companion import COMPANION, HOST_LIST
from tests.harness import DOMAIN, Program, Relay

CONVENER = "convener@example.org"
VICE = "vice@example.org"
ALICE = "alice@example.org"
BOB = "bob@example.org"
READER = "reader@example.org"
SECRETARIAT = "tsbsg17@example.net"
ROLES = {CONVENER: "convener", VICE: "vice-convener", ALICE: "member", BOB: "member", READER: "member"}


@pytest.fixture(params=["host", "companion"])
def world(request: pytest.FixtureRequest, tmp_path: Path, database_url: str, relay: Relay) -> Iterator[World]:
    """A group on 1 March 2027, 08:00 UTC, in either mode."""
    url = "" if database_url.startswith("sqlite") else database_url
    program = Program(tmp_path, relay=relay, database_url=url)
    charter = tmp_path / "config" / "groups" / "cg-aisec.toml"
    text = charter.read_text().replace('language = "en"', f'language = "en"\nsecretariat = "{SECRETARIAT}"')
    if request.param == "companion":
        text = text.replace('mode = "host"', 'mode = "companion"') + COMPANION
    charter.write_text(text)
    settings = tmp_path / "config" / "cgbot.toml"  # at once: the time to undo is a story of its own
    settings.write_text(settings.read_text().replace("[notices]", "[notices]\nundo_minutes = 0"))
    program.travel("2027-03-01 08:00:00")
    program.with_members(ROLES)
    with living(program, relay, "2027-03-01 08:00:00") as made:
        made.is_companion = request.param == "companion"  # type: ignore[attr-defined]
        yield made


def order(world: World, who: str, command: str, text: str = "") -> str:
    """Ask, look at what comes back, say yes; what was done in words."""
    world.write(who, "request", command, text)
    world.answer(who, world.one(who, "please confirm"), "yes")
    return words(world.one(who, "done:"))


def paper(world: World, who: str, title: str, text: str, content: bytes) -> str:
    """Mail a paper with a file and confirm it; the acknowledgement."""
    message = world.compose(who, "contributions", title, text)
    message.add_attachment(content, maintype="application", subtype="pdf", filename="paper.pdf")
    world.send(who, "contributions", message)
    world.answer(who, world.one(who, "confirm your paper"), "yes")
    return words(world.one(who, "received"))


def calendar(message: Message) -> icalendar.Event:
    (part,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    return icalendar.Calendar.from_ical(part.get_payload(decode=True)).walk("VEVENT")[0]  # type: ignore[return-value]


def reply(world: World, who: str, invitation: Message, partstat: str) -> None:
    """Press a button of the invitation, as a mail program does."""
    event = calendar(invitation)
    organizer = str(event["ORGANIZER"]).removeprefix("mailto:")
    answer = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\n"
        f"UID:{event['UID']}\r\nSEQUENCE:{event.get('SEQUENCE', 0)}\r\nDTSTAMP:{world.now:%Y%m%dT%H%M%SZ}\r\n"
        f"ORGANIZER:mailto:{organizer}\r\nATTENDEE;PARTSTAT={partstat}:mailto:{who}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    message = world.compose(who, organizer, f"Answer: {subject(invitation)}")
    message.set_content(answer, subtype="calendar", params={"method": "REPLY"})
    world.send(who, organizer, message)


def read_everything(world: World, *but: str) -> None:
    for who in (*ROLES, HOST_LIST, SECRETARIAT):
        if who not in but:
            world.news(who)


def to_list(world: World, *said: str) -> Message:
    """What went to the whole list: a member's copy, or the mail to the host's list."""
    return world.one(HOST_LIST if world.is_companion else READER, *said)  # type: ignore[attr-defined]


@pytest.mark.timeout(300)
def test_a_round_of_the_groups_work(world: World) -> None:
    program = world.program

    # The parent's meeting and the group's own are called, and papers to it.
    assert "Meeting 1" in order(
        world, CONVENER, "schedule", "title: SG17 meeting\nkind: parent\nstart: 2027-05-12\ndays: 9\nlocation: Geneva\n"
    )
    done = order(world, CONVENER, "schedule", "title: Second meeting\nstart: 25 March 2027 09:00\nduration: 60m\n")
    assert "Thursday 25 March 2027, 09:00-10:00 Geneva time (CET, 08:00-09:00 UTC)" in done
    read_everything(world)
    assert "Thursday 18 March 2027, 23:59 Geneva time" in order(world, CONVENER, "open call", "meeting: 2\n")
    call = words(to_list(world, "call for contributions by 18 March 2027"))
    assert "This is 7 calendar days before the meeting." in call
    assert f"cg-aisec-contributions@{DOMAIN}" in call
    read_everything(world)

    # The meeting moves by a day, and the call with it.
    assert "Friday 26 March 2027" in order(world, VICE, "move 2", "start: 26 March 2027 09:00\n")
    world.until("2027-03-02 08:00:00")
    moved = world.one(READER, "second meeting")
    assert "26 March 2027" in subject(moved)
    assert "NOW Friday 19 March 2027, 23:59" in words(world.one(CONVENER, "moved to 19 March 2027"))

    # Two answer, one of them no.
    reply(world, ALICE, next(one for one in reversed(world.news(ALICE)) if one.is_multipart()), "ACCEPTED")
    reply(world, BOB, next(one for one in reversed(world.news(BOB)) if one.is_multipart()), "DECLINED")
    answers = {one["address"]: one["partstat"] for one in program.json("meetings", "replies", "2")}
    assert (answers[ALICE], answers[BOB], answers[READER]) == ("ACCEPTED", "DECLINED", "NEEDS-ACTION")

    # Papers: one that is revised, one in time, one late.
    world.until("2027-03-15 09:00:00")
    read_everything(world)
    first = paper(world, ALICE, "Threats to models", "source: Example University\n", b"%PDF-1.4 one")
    assert "CG-AISEC-C-0001 Title" in first
    assert "contributions to SG17 itself go by its own posting" in first
    assert "CG-AISEC-C-0001R1" in paper(world, ALICE, "C-0001: Threats to models", "", b"%PDF-1.4 two")
    assert "marked as late" not in paper(world, BOB, "Requirements of operators", "", b"%PDF-1.4 three")
    world.until("2027-03-20 09:00:00")
    assert "2 papers received" in " ".join(map(subject, world.news(CONVENER)))
    assert "marked as late" in paper(world, BOB, "Late thoughts", "", b"%PDF-1.4 four")
    world.write(READER, "request", "agenda")
    agenda = words(world.one(READER, "agenda"))
    assert "CG-AISEC-C-0001R1 Threats to models (Example University)" in agenda
    assert "CG-AISEC-C-0003 Late thoughts (Bob) [late]" in agenda
    world.write(READER, "request", "get C-0001")
    (file,) = [part for part in world.one(READER, "C-0001R1").walk() if part.get_filename() == "paper.pdf"]
    assert file.get_payload(decode=True) == b"%PDF-1.4 two"

    # The meeting is held; who only reads has had at most six mails for the whole of it.
    world.until("2027-03-26 12:00:00")
    cycle = [
        one
        for one in world.everything(READER)
        if "Agenda" not in one and "C-0001R1" not in one and "report" not in one.lower()
    ]
    assert len(cycle) <= 6, cycle
    order(world, CONVENER, "held 2", "present: all who said yes\n  Carol Guest, Example Ministry, Switzerland\n")
    (held,) = [one for one in program.json("meetings", "list", "--all") if one["id"] == 2]
    assert held["state"] == "held"

    # The report: due on 12 April, drafted from what happened, corrected, approved, submitted, received.
    world.until("2027-04-05 09:00:00")
    draft = [one for one in world.news(CONVENER) if report_text.BEGIN in body(one)][-1]
    text = body(draft)
    told = " ".join(text.split())
    for fact in ("Second meeting", "Example Ministry", "CG-AISEC-C-0001R1", "Late thoughts"):
        assert fact in told, text
    marked = text[text.index(report_text.BEGIN) :]
    world.answer(CONVENER, draft, marked.replace("Second meeting", "Second meeting (virtual)"), quote=False)
    world.until_files_are_made()
    assert "Second meeting (virtual)" in body(world.one(CONVENER, "version 3"))
    world.answer(VICE, world.one(VICE, "version 3"), "approve")
    read_everything(world)
    submitted = order(world, CONVENER, "submit report 1")
    assert SECRETARIAT in submitted or "secretariat" in submitted.lower()
    report = world.one(SECRETARIAT, "report")
    assert "Second meeting (virtual)" in body(report)
    assert any((part.get_filename() or "").endswith(".docx") for part in report.walk())
    world.answer(SECRETARIAT, report, "Received with thanks; it will be TD 512.")
    assert "TD 512" in " ".join(body(one) for one in world.news(CONVENER))

    # Each Monday a digest; and the successor starts with what is open.
    digests = [one for one in world.everything(CONVENER) if "The week:" in one]
    assert 3 <= len(digests) <= 6, digests
    world.write(CONVENER, "request", "hand over", f"to: {ALICE}\n")
    world.answer(CONVENER, world.one(CONVENER, "please confirm"), "yes")
    world.one(CONVENER, "alice is convener now")
    taken = [one for one in world.news(ALICE) if "You are convener now" in subject(one)]
    assert len(taken) == 1
    assert "hand" not in body(taken[0]).lower()  # what has just been done does not wait any more
    assert "Convener has ordered this" in body(world.one(VICE, "done by convener", "goes from"))
    roles = {one["address"]: one["role"] for one in program.json("members", "list", "cg-aisec")}
    assert (roles[ALICE], roles[CONVENER]) == ("convener", "member")

    # No link in any of these mails does anything by being followed.
    program.idle()
    before = robots.everything(world._house.db)
    codes = robots.crawl(program, robots.ours(world.relay.sent), times=1)
    assert robots.everything(world._house.db) == before
    assert "/cg-aisec/meetings/" in codes
    assert all(found <= {200, 303, 404} for found in codes.values()), codes
