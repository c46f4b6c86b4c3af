"""What a relay takes from the program, byte by byte: signed as the records that `cgbot check` shows promise."""

from __future__ import annotations

from pathlib import Path

import dkim

from cgbot import configuration, signing_keys
from tests.e2e.conftest import MEMBERS
from tests.harness import DOMAIN, Program, Relay, mail, serving


def test_posts_and_letters_arrive_signed(tmp_path: Path) -> None:
    with Relay() as relay, serving(Program(tmp_path, relay=relay).with_members(MEMBERS)) as program:
        program.send(mail("Signed", text="Dear all,\n.dot \n\n\n"))
        program.send(mail("help"), f"cg-aisec-request@{DOMAIN}")
        program.idle()
        settings = configuration.load(program.env, Path(program.env["CGBOT_CONFIG"]))
        keys = signing_keys.load(settings, make=False)
        assert keys is not None
        zone = {name: text.encode() for name, text in keys.records()}

        def fetch(name: bytes, timeout: int = 5) -> bytes | None:
            return zone.get(name.decode().rstrip("."))

        assert len(relay.counts("Signed")) == len(MEMBERS)
        assert len(relay.sent) == len(MEMBERS) + 1
        for sent in relay.sent:
            for place in (0, 1):
                verifier = dkim.DKIM(sent.data)
                assert verifier.verify(place, dnsfunc=fetch)
                assert verifier.domain == DOMAIN.encode()
        post = next(one.data for one in relay.sent if b"\r\nSubject: Signed" in one.data)
        assert b"list-unsubscribe : list-unsubscribe-post" in b" ".join(post.split()).lower()
        for file in settings.secrets_directory.glob("dkim-*"):
            assert file.stat().st_mode & 0o777 == 0o600


def test_a_relay_that_signs_itself(tmp_path: Path) -> None:
    made = Program(tmp_path, CGBOT__SIGNING__ENABLED="no")
    with serving(made.with_members(MEMBERS)) as program:
        program.send(mail("Unsigned"))
        program.idle()
        (letter, *_) = program.maildir("delegate@example.org")
        assert letter["DKIM-Signature"] is None
        assert not list((tmp_path / "var/secrets").glob("dkim-*"))
