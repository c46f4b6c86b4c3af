"""A forged post, its author's word, and an emergency, over real SMTP: one installation, one day."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

from tests.e2e.conftest import MEMBERS
from tests.harness import Program, mail, serving

DELEGATE = "delegate@example.org"
CONVENER = "convener@example.org"
HU = "hu@example.net"
PROVEN = {"Authentication_Results": "mx.example.org; dkim=pass header.d=example.org"}


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """One that believes the Authentication-Results of a server on this machine."""
    made = Program(tmp_path, CGBOT__AUTHENTICATION__TRUSTED="mx.example.org")
    with serving(made.with_members({**MEMBERS, HU: "member"})) as running:
        yield running


def answer(program: Program, letter: Message, text: str, sender: str) -> None:
    raw = mail(f"Re: {letter['Subject']}", text=text, From=sender, To=letter["Reply-To"])
    program.send(raw, letter["Reply-To"], sender=sender)
    program.idle()


def post(program: Program, subject: str, sender: str, **fields: str) -> None:
    program.send(mail(subject, **fields), sender=sender)
    program.idle()


def subjects(program: Program, address: str) -> list[str]:
    return [str(one["Subject"]) for one in program.maildir(address)]


def test_a_post_that_nothing_proves_waits_for_its_author(program: Program) -> None:
    post(program, "Forged", "mallory@example.com")
    (asked,) = program.maildir(DELEGATE)
    assert "Did you write to the list?" in asked["Subject"]
    assert not program.maildir(CONVENER)  # nothing to the list, and nothing that a convener must do
    shown = program.json("held", "show", "1")
    assert (shown["state"], shown["waits_for_author"]) == ("waiting", True)
    assert [row["rule"] for row in shown["rules"] if row["reason"]] == ["unproven"]

    post(program, "Forged again", "mallory@example.com")
    assert len(program.maildir(DELEGATE)) == 1  # one question a day
    assert "Awaiting approval: Forged again" in subjects(program, CONVENER)[0]
    answer(program, asked, "No, that was not me.\n", DELEGATE)
    post(program, "Proven", DELEGATE, **PROVEN)
    assert "Proven" in subjects(program, CONVENER)

    post(program, "First", HU, From=HU)  # by a server that nothing authenticates
    (question,) = [one for one in program.maildir(HU) if "Did you write" in str(one["Subject"])]
    answer(program, question, "", HU)
    post(program, "Second", HU, From=HU)
    assert {"First", "Second"} <= set(subjects(program, DELEGATE))
    post(program, "Third", "mallory@example.com", From=HU)  # the same name by another way
    assert "Third" not in subjects(program, DELEGATE)

    program.cgbot("held", "emergency", "cg-aisec", "on")
    post(program, "In an emergency", DELEGATE, **PROVEN)
    waiting = program.json("held", "list")
    assert [one["subject"] for one in waiting] == ["Forged again", "Third", "In an emergency"]
    assert "every post is held" in waiting[-1]["reasons"][0]
    (notice,) = [one for one in program.maildir(CONVENER) if "approval: In an emerg" in str(one["Subject"])]
    answer(program, notice, "approve\n", CONVENER)
    assert "In an emergency" in subjects(program, DELEGATE)
