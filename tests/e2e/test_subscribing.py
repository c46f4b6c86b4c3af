"""How people come, stay on their own terms, and go: by mail alone, over real SMTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.living import World, body, subject, words
from tests.harness import DOMAIN, Program, Relay, serving

CONVENER, MIA, ZOE, LI = "convener@example.org", "mia@example.org", "zoe@example.net", "li@example.com"
PROOF = {"Authentication_Results": "mx.example.org; dmarc=pass header.from=example.org"}


class Today(World):
    """A world in which no time goes by; a clock that is set costs seconds a mail."""

    def _set(self, moment: datetime) -> None:
        self._set_to, self._set_at = moment, time.monotonic()


@pytest.fixture
def world(tmp_path: Path, relay: Relay) -> Iterator[World]:
    """A group that is joined by approval; its front server says who is proven."""
    program = Program(tmp_path, relay=relay)
    charter = tmp_path / "config" / "groups" / "cg-aisec.toml"
    charter.write_text(charter.read_text() + '\n[subscription]\npolicy = "approval"\nwho = "members"\n')
    settings = tmp_path / "config" / "cgbot.toml"
    text = settings.read_text().replace("[notices]", "[notices]\nundo_minutes = 0")
    settings.write_text(f'{text}\n[authentication]\ntrusted = ["mx.example.org"]\n')
    with serving(program.with_members({CONVENER: "convener", MIA: "member"})):
        made = Today(program, relay, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
        yield made
        made.close()


@pytest.mark.timeout(120)
def test_coming_staying_and_going(world: World) -> None:
    # Zoe, whose mail program speaks French, follows the plain mailto link of the List-Subscribe field.
    world.write(ZOE, "join", "", Accept_Language="fr")
    asked = world.one(ZOE, "merci de confirmer : rejoindre CG-AISEC")
    world.answer(ZOE, asked, "oui")
    assert "attend ses responsables" in subject(world.one(ZOE))
    question = world.one(CONVENER, "asks to join")
    assert f"Zoe ({ZOE}) asks to join" in words(question)
    world.answer(CONVENER, question, "approve")
    assert "Bienvenue" in subject(world.one(ZOE))
    world.one(CONVENER, "was approved")

    # Somebody else claims to be her: nothing happens but one mail, which shows none of their words.
    world.write(ZOE, "request", "set name CHEAP PILLS", "set none\n")
    assert "PILLS" not in body(world.one(ZOE, "merci de confirmer : vos réglages"))

    # What a proven mail sets is done at once; a second address is confirmed from there.
    until = world.now.date() + timedelta(days=40)
    world.write(MIA, "request", f"set none until {until}", "add address mia@home.example\n", **PROOF)
    assert f"No posts until: {until:%A} {until.day} {until:%B %Y}" in words(world.one(MIA, "your settings"))
    world.answer("mia@home.example", world.one("mia@home.example", "please confirm"), "yes")
    world.one(MIA, "is an address of yours")
    world.write(CONVENER, f"cg-aisec@{DOMAIN}", "First post", "Hello everybody.\n", **PROOF)
    assert subject(world.one(ZOE)) == "First post"
    assert world.news(MIA) == []

    # Li is invited and comes; a command to the whole list reaches nobody else, and is asked back.
    world.write(CONVENER, "request", "invite", f"addresses: {LI}")
    world.answer(CONVENER, world.one(CONVENER, "please confirm"), "yes")
    world.answer(LI, world.one(LI, "an invitation to join CG-AISEC"), "Gladly.")
    world.one(LI, "welcome")
    for who in (CONVENER, ZOE):
        world.news(who)
    world.write(LI, f"cg-aisec@{DOMAIN}", "Re: First post", "unsubscribe\n")
    world.answer(LI, world.one(LI, "please confirm: leave"), "yes")
    world.one(LI, "you have left")
    assert [world.news(who) for who in (CONVENER, ZOE, MIA)] == [[], [], []]
    members = {one["address"]: one for one in world.program.json("members", "list", "cg-aisec", "--all")}
    assert {who: one["state"] for who, one in members.items()} == {
        CONVENER: "active", MIA: "active", ZOE: "active", LI: "left",
    }  # fmt: skip
    assert (members[ZOE]["name"], members[ZOE]["language"]) == ("Zoe", "fr")
