"""`cgbot held`: what waits, with the whole table, and what the operator decides."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cgbot import app
from cgbot.groups import records
from cgbot.posts.moderation import RULES
from tests.cli.commands import Installation, installed
from tests.posts.arriving import Posts, written


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Installation:
    """Two strangers' posts wait."""
    made = installed(tmp_path / "here", "", monkeypatch, capsys)
    made.ok("members", "add", "cg-aisec", "jia@example.org", "--role", "convener")
    with app.open_house() as house:
        posts = Posts(house.db, house.context(), house.db.read_now(records.get_group, "cg-aisec"))
        for sender in ("zoe@example.com", "spam@example.net"):
            assert posts.arrive(written(sender, f"From {sender}")).state == "held"
    return made


def test_what_waits_is_shown_with_the_whole_table(here: Installation) -> None:
    assert [one["author"] for one in here.json("held", "list", "cg-aisec")] == ["zoe@example.com", "spam@example.net"]
    shown = here.json("held", "show", "1")
    assert [row["rule"] for row in shown["rules"]] == [rule.name for rule in RULES]
    assert [row["rule"] for row in shown["rules"] if row["reason"]] == ["non-member"]
    said = here.ok("held", "show", "1")
    assert "* non-member     hold     the author is not a member of the group" in said
    assert "  loop           discard  it has been through this list already" in said
    assert "Please see below." in said


def test_authors_are_allowed_banned_listed_and_forgotten(here: Installation) -> None:
    assert here.ok("held", "allow", "1") == "held message 1 of zoe@example.com: approved\n"
    assert here.ok("held", "ban", "2", "--note", "spam") == "held message 2 of spam@example.net: discarded\n"
    assert here.ok("held", "sender", "cg-aisec", "@bulk.example", "ban").startswith("@bulk.example in cg-aisec: ban")
    listed = {one["key"]: (one["verdict"], one["note"]) for one in here.json("held", "senders", "cg-aisec")}
    assert listed == {
        "zoe@example.com": ("allow", ""),
        "spam@example.net": ("ban", "spam"),
        "@bulk.example": ("ban", ""),
    }
    here.ok("held", "sender", "cg-aisec", "@bulk.example", "forget")
    assert here.run("held", "sender", "cg-aisec", "@bulk.example", "forget").status == 1
    assert "one of allow, hold, ban and forget" in here.run("held", "sender", "cg-aisec", "a@b.example", "burn").err
    assert here.run("held", "ban", "2").status == 1
    acts = [(one["actor"], one["action"], one["subject"]) for one in here.json("held", "log", "cg-aisec")]
    assert acts == [
        ("operator", "sender forgotten", "@bulk.example"),
        ("operator", "sender banned", "@bulk.example"),
        ("operator", "sender banned", "spam@example.net"),
        ("operator", "ban", "held message 2"),
        ("operator", "sender allowed", "zoe@example.com"),
        ("operator", "source trusted", "zoe@example.com"),
        ("operator", "allow", "held message 1"),
    ]


def test_what_waits_reminds_the_conveners(here: Installation) -> None:
    with app.open_house() as house:
        now = house.context().now
        told = (now + timedelta(days=1, minutes=1)).isoformat()
    (reminder,) = here.json("notices", "run", "--now", told, "--send")
    assert (reminder["kind"], reminder["summary"]) == ("held-reminder", "The conveners are reminded of 2 held messages")


def test_an_emergency_is_turned_on_and_off(here: Installation) -> None:
    assert here.ok("held", "emergency", "cg-aisec", "on") == "every post of cg-aisec waits for a convener\n"
    assert "every post is held since" in here.run("held", "emergency", "cg-aisec", "on").err
    assert here.ok("held", "emergency", "cg-aisec", "off") == "cg-aisec takes posts as usual\n"
    assert here.run("held", "emergency", "cg-aisec", "maybe").status == 1


def test_the_check_says_whether_authors_are_proven(here: Installation) -> None:
    def moderation() -> list[tuple[str, str]]:
        found = here.run("check", "--json").out
        import json

        return [(one["state"], one["text"]) for one in json.loads(found) if one["subject"] == "moderation"]

    ((state, text),) = moderation()
    assert (state, "on the sender's word" in text) == ("warning", True)
    with (here.folder / "cgbot.toml").open("a") as file:
        file.write('[authentication]\ntrusted = ["mx.example.org"]\n')
    charter = here.folder / "groups" / "cg-aisec.toml"
    charter.write_text(charter.read_text().replace("[posts]\n", "[posts]\nemergency = true\n"))
    (held, proven) = moderation()
    assert "every post is held" in held[1]
    assert (proven[0], "DKIM or SPF proves its author" in proven[1]) == ("ok", True)
