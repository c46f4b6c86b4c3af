"""A real cgbot behind the shipped Postfix: who is known, what is kept, and a retry after a lost answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.front import DOMAIN, Postfix
from tests.harness import LIST, Program, mail, serving, wait_for

KILLED = "intake.after-commit:kill"


@pytest.fixture
def program(tmp_path: Path, lmtp_port: int) -> Program:
    """cgbot with one member, not yet serving, that will listen where Postfix looks for it."""
    made = Program(tmp_path, CGBOT__LMTP__PORT=str(lmtp_port), CGBOT__SMTP__HOST="")
    made.cgbot("members", "add", "cg-aisec", "delegate@example.org", "--name", "Delegate")
    return made


@pytest.fixture
def running(program: Program) -> Iterator[Program]:
    with serving(program):
        yield program


def found(program: Program, words: str) -> int:
    """Count the posts that a search finds."""
    return len(program.json("archive", "search", "cg-aisec", words))


def test_postfix_knows_whom_cgbot_knows(running: Program, postfix: Postfix) -> None:
    """Each address of a group, and the service's own; a forged return path is unknown."""
    for known in ("cg-aisec", "cg-aisec-owner", "cg-aisec-join", "cg-aisec-request", "postmaster"):
        assert postfix.rcpt(f"{known}@{DOMAIN}")[0] == 250, known
    for unknown in ("nobody", "cg-other", "cg-aisec-nonsense"):
        code, text = postfix.rcpt(f"{unknown}@{DOMAIN}")
        assert (code, text[:5]) == (550, "5.1.1"), unknown


def test_a_post_through_postfix_is_archived_byte_for_byte(running: Program, postfix: Postfix) -> None:
    message = mail("Through the front", "Findings on Generative AI.\n")
    postfix.send(LIST, message, sender="delegate@example.org")
    wait_for(lambda: found(running, "Generative AI") == 1)
    running.idle()
    (post,) = running.json("archive", "search", "cg-aisec", "Generative AI")
    _, _, raw = running.get(f"/cg-aisec/{post['message_id']}/raw")
    assert raw.endswith(message)


def test_a_retry_after_a_lost_answer_is_one_post(program: Program, postfix: Postfix) -> None:
    """cgbot dies between the commit and its answer; Postfix brings the mail again with a new Received line."""
    with serving(program):
        assert postfix.rcpt(LIST)[0] == 250
    program.start(CGBOT_FAILPOINT=KILLED)
    postfix.send(LIST, mail("Once only", "Findings on quantum keys.\n"), sender="delegate@example.org")
    program.wait_dead()
    with serving(program):
        wait_for(lambda: bool(postfix.queue()))
        postfix.try_again()
        wait_for(lambda: not postfix.queue())
        program.idle()
        assert found(program, "quantum keys") == 1
        copies = [one for one in program.maildir("delegate@example.org") if "Once only" in one["Subject"]]
        assert len(copies) <= 1


def test_while_cgbot_is_away_mail_waits_in_front(program: Program, postfix: Postfix) -> None:
    with serving(program):
        assert postfix.rcpt(LIST)[0] == 250
    postfix.send(LIST, mail("Later", "Findings on threat models.\n"), sender="delegate@example.org")
    wait_for(lambda: "deferred" in "".join(postfix.queue()))
    with serving(program):
        postfix.try_again()
        wait_for(lambda: not postfix.queue())
        program.idle()
        assert found(program, "threat models") == 1
