"""Mail to a member comes back for three days: a probe and a suspension, through the whole program."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.groups.test_bounces import report
from tests.harness import DOMAIN, Program, Relay, Sent, mail, serving, wait_for

ZOE = "zoe@example.org"
MEMBERS = {"convener@example.org": "convener", "delegate@example.org": "member", ZOE: "member"}


def test_mail_comes_back(tmp_path: Path, relay: Relay) -> None:
    """Case 37, with a refusal by the relay on the first day and reports on the others; and case 36 beside it."""
    program = Program(tmp_path, relay=relay)
    program.travel("2027-05-03 08:00:00")
    relay.answer = lambda one: "550 5.1.1 no such user" if one == ZOE else "250 2.1.5 ok"
    with serving(program.with_members(MEMBERS)):
        program.send(mail("First day"))
        program.idle()
        relay.answer = lambda _one: "250 2.1.5 ok"
        for day, subject in ((4, "Second day"), (5, "Third day")):
            program.travel(f"2027-05-0{day} 08:00:00")
            program.ticked(datetime(2027, 5, day, 8, tzinfo=UTC).timestamp())
            program.send(mail(subject))
            wait_for(lambda subject=subject: bool(_copies(relay, subject)))  # type: ignore[misc]  # the default binds it
            _report(program, _copies(relay, subject)[0])
        wait_for(lambda: bool(_copies(relay, "CG-AISEC: does mail reach you?")))
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            program.send(report(), f"cg-aisec-bounces+1.1.aaaaaaaaaaaaaaaa@{DOMAIN}", sender="")
        assert {code for code, _ in refused.value.recipients.values()} == {550}
        (probe,) = _copies(relay, "CG-AISEC: does mail reach you?")
        _report(program, probe)
        wait_for(lambda: bool(relay.counts(f"CG-AISEC: {ZOE} gets no mail any more")))
        program.send(mail("While suspended"))
        wait_for(lambda: len(relay.counts("While suspended")) == 2)
        assert relay.counts("CG-AISEC: 1 copy of post 1 could not be delivered") == {"convener@example.org": 1}
    assert not _copies(relay, "While suspended")


def _copies(relay: Relay, subject: str) -> list[Sent]:
    return [one for one in relay.to(ZOE) if one.message["Subject"] == subject]


def _report(program: Program, copy: Sent) -> None:
    program.send(report(), copy.mail_from, sender="")
    program.idle()  # before the clock is set on
