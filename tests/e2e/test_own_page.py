"""A member who lives with the pages: joins there, sets, leaves by one click, and comes back by a mailed link."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from email.message import Message
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.living import body, subject
from tests.harness import Program, Relay, mail, serving, wait_for

ZOE, LI = "zoe@example.net", "delegate@example.org"


class _Here(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, and not followed."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Browser:
    """A browser with one cookie, and the mailbox of its owner beside it."""

    def __init__(self, program: Program, owner: str) -> None:
        self.program, self.owner, self.cookie = program, owner, ""
        self._opener = urllib.request.build_opener(_Here)

    def get(self, path: str) -> str:
        return self._ask(path, None)

    def press(self, path: str, **fields: str) -> str:
        return self._ask(path, urllib.parse.urlencode(fields).encode())

    def _ask(self, path: str, form: bytes | None) -> str:
        url = self.program.addresses["web"].rstrip("/") + path
        headers = {"Sec-Fetch-Site": "same-origin", "Cookie": self.cookie}
        answer: HTTPResponse | urllib.error.HTTPError
        try:
            answer = self._opener.open(urllib.request.Request(url, form, headers), timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            self.cookie = answer.headers.get("Set-Cookie", self.cookie).partition(";")[0]
            return answer.read().decode()

    def mail(self, words: str) -> Message:
        """The newest mail with these words in its subject; waits for it."""

        def found() -> list[Message]:
            assert self.program.relay is not None
            return [one.message for one in self.program.relay.to(self.owner) if words in subject(one.message)]

        wait_for(lambda: bool(found()))
        return found()[-1]

    def link(self, message: Message, path: str) -> str:
        match = re.search(
            rf"https://cg\.example\.org({path}\S+?)>?\s", body(message) + str(message["List-Unsubscribe"]) + " "
        )
        assert match is not None
        return match[1]


@pytest.fixture
def program(tmp_path: Path, relay: Relay) -> Iterator[Program]:
    with serving(Program(tmp_path, relay=relay).with_members({LI: "member"})) as running:
        yield running


@pytest.mark.timeout(60)
def test_a_life_on_the_pages(program: Program) -> None:
    zoe = Browser(program, ZOE)
    assert "Look into your mailbox" in zoe.press("/cg-aisec/join/", address=ZOE)
    asked = zoe.mail("Please confirm: join")
    program.send(_answer(asked), _reply_to(asked), sender=ZOE)
    assert "https://cg.example.org/me/" in body(zoe.mail("Welcome"))

    zoe.press("/sign-in", address=ZOE, to="/me/")
    there = zoe.link(zoe.mail("Sign in"), "/sign-in/")
    assert "Your settings" not in zoe.get(there)
    zoe.press(there)
    saved = zoe.press("/me/", act="settings", group="cg-aisec", attachments="link", invitations="no")
    assert "Saved." in saved
    assert "over 1 MB by a link" in body(zoe.mail("Your settings"))

    # A post reaches her; whoever it is forwarded to can press its one-click button, and she undoes that.
    program.send(mail("First post"), sender=LI)
    button = zoe.link(zoe.mail("First post"), "/leave/")
    stranger = Browser(program, "")
    assert [("Leave the list" in stranger.get(button)) for _ in range(5)] == [True] * 5
    assert "has left the list" in stranger.press(button, **{"List-Unsubscribe": "One-Click"})
    back = zoe.link(zoe.mail("You have left"), "/rejoin/")
    assert [("Take the leaving back" in stranger.get(back)) for _ in range(5)] == [True] * 5
    assert "is a member of CG-AISEC again" in zoe.press(back)
    after = _member(program)
    assert (after["state"], after["invitations"]) == ("active", False)


def _member(program: Program) -> dict[str, Any]:
    return next(one for one in program.json("members", "list", "cg-aisec", "--all") if one["address"] == ZOE)


def _reply_to(message: Message) -> str:
    return str(message["Reply-To"]).strip("<>")


def _answer(message: Message) -> bytes:
    head = (
        f"From: {ZOE}\r\nTo: {_reply_to(message)}\r\nSubject: Re: {subject(message)}\r\nMessage-ID: <1@example.net>\r\n"
    )
    return f"{head}\r\nyes\r\n".encode()
