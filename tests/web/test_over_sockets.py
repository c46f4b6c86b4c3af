"""A real `serve`: signed in by a link that came by mail, a held post approved in a browser, and out again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import httpx2
import pytest

from tests.harness import DOMAIN, LIST, Program, mail, serving, wait_for

CHAIR, READER = "chair@example.org", "reader@example.org"
ORIGIN = {"origin": "https://cg.example.org"}
REQUEST = f"cg-aisec-request@{DOMAIN}"


@pytest.fixture
def program(tmp_path: Path, database_url: str) -> Iterator[Program]:
    url = "" if database_url.startswith("sqlite") else database_url
    made = Program(tmp_path, database_url=url).with_members({CHAIR: "convener", READER: "member"})
    charter = tmp_path / "config" / "groups" / "cg-aisec.toml"
    charter.write_text(re.sub(r'^archive = ".*?"', 'archive = "members"', charter.read_text(), flags=re.MULTILINE))
    with serving(made) as running:
        yield running


def link_to(program: Program, address: str) -> str:
    """The path of the newest link in a mailbox."""
    texts = [bytes(one.get_payload(decode=True) or b"").decode() for one in program.maildir(address)]
    found = [re.search(r"https://cg\.example\.org(/sign-in/\w+)", one) for one in texts]
    return next((match[1] for match in reversed(found) if match), "")


def signed_in(program: Program, client: httpx2.Client, address: str) -> str:
    """Use the link's button; where it leads."""
    wait_for(lambda: bool(link_to(program, address)))
    there = link_to(program, address)
    assert client.get(there).status_code == 200
    done = client.post(there, headers=ORIGIN)
    assert done.status_code == 303
    client.headers["cookie"] = f"__Host-cgbot={SimpleCookie(done.headers['set-cookie'])['__Host-cgbot'].value}"
    return str(done.headers["location"])


def test_the_day_of_a_convener_in_a_browser(program: Program) -> None:
    program.send(mail("A paper of ours", From="author@outside.example"), LIST, sender="author@outside.example")
    program.send(mail("desk", "", From=CHAIR, To=REQUEST), REQUEST, sender=CHAIR)
    with httpx2.Client(base_url=program.addresses["web"], timeout=30) as client:
        assert client.get("/cg-aisec/").status_code == 403
        desk = signed_in(program, client, CHAIR)
        assert desk == "/desk/cg-aisec/"
        wait_for(lambda: "A paper of ours" in client.get(desk).text)
        (held,) = re.findall(r'href="(/desk/cg-aisec/held/\d+/)"', client.get(desk).text)
        assert client.post(held, data={"decision": "approve"}).status_code == 403  # from nowhere
        assert "is approved" in client.post(held, data={"decision": "approve"}, headers=ORIGIN).text
        wait_for(lambda: "A paper of ours" in client.get("/cg-aisec/").text)
        wait_for(lambda: "A paper of ours" in [str(one["Subject"]) for one in program.maildir(READER)])
        assert client.post("/sign-out", headers=ORIGIN).status_code == 303
        assert client.get(desk).headers["location"] == "/sign-in?to=/desk/cg-aisec/"


def test_a_member_signs_in_on_the_page(program: Program) -> None:
    with httpx2.Client(base_url=program.addresses["web"], timeout=30) as client:
        for address in (READER, "nobody@outside.example"):
            asked = client.post("/sign-in", data={"address": address, "to": "/cg-aisec/papers/"}, headers=ORIGIN)
            assert "Look into your mailbox" in asked.text
        assert signed_in(program, client, READER) == "/cg-aisec/papers/"
        assert client.get("/cg-aisec/papers/").status_code == 200
        assert client.get("/desk/cg-aisec/").status_code == 404
    program.idle()
    assert program.maildir("nobody@outside.example") == []
