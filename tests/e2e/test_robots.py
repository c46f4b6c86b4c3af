"""A robot follows every link of every mail five times: nothing changes, and the links still work for their reader."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from urllib.parse import urlencode

import pytest

from cgbot.groups import bounce_letters, members, records
from cgbot.store.db import Tx
from tests.e2e import robots
from tests.e2e.living import World
from tests.e2e.test_subscribing import PROOF, Today
from tests.harness import DOMAIN, Program, Relay, serving

CONVENER, MIA, READER, BOB = "convener@example.org", "mia@example.org", "reader@example.org", "bob@example.org"
CARL = "carl@example.org"
ZOE, LI, STRANGER = "zoe@example.net", "li@example.com", "stranger@example.net"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
EVERYBODY = {CONVENER: "convener", MIA: "member", READER: "member", BOB: "member", CARL: "member"}
LIST = f"cg-aisec@{DOMAIN}"


@pytest.fixture
def world(tmp_path: Path, relay: Relay) -> Iterator[World]:
    program = Program(tmp_path, relay=relay)
    settings = tmp_path / "config" / "cgbot.toml"
    text = settings.read_text().replace("[notices]", "[notices]\nundo_minutes = 0")
    settings.write_text(f'{text}\n[authentication]\ntrusted = ["mx.example.org"]\n')
    program.with_members(EVERYBODY)
    program.cgbot("members", "set", "cg-aisec", READER, "--delivery", "daily")
    with serving(program):
        made = Today(program, relay, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
        yield made
        made.close()


def push(program: Program, path: str, **fields: str) -> int:
    """Press the button of a page, or do what a mail program does with a one-click link; the answer's code."""
    host, _, port = program.addresses["web"].removeprefix("http://").rstrip("/").rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        headers = {"Origin": robots.HOME, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, urlencode(fields), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def path_in(message: Message, beginning: str) -> str:
    found = {one.removeprefix(robots.HOME) for one in robots.links(message)}
    (path,) = {one for one in found if one.startswith(beginning)}
    return path


def probe(tx: Tx, world: World, address: str) -> None:
    group = records.get_group(tx, "cg-aisec")
    member = members.find_member(tx, group.id, address)
    assert member is not None
    bounce_letters.probe(tx, world._house.context(world.now), member)


def live(world: World) -> None:
    """A day on which mails of many kinds go out and wait for an answer."""
    program = world.program
    world.write(CONVENER, LIST, "A post", "Hello everybody.\n", **PROOF)
    world.write(MIA, LIST, "Not proven", "This is really me.\n")
    world.write(STRANGER, LIST, "From outside", "May I speak?\n")
    world.write(ZOE, "join", "")
    world.write(BOB, "leave", "")
    assert push(program, path_in(latest(world, CARL, "A post"), "/leave/")) == 200
    world.write(CONVENER, "request", "invite", f"addresses: {LI}")
    world.answer(CONVENER, world.one(CONVENER, "please confirm"), "yes")
    for command in ("help", "lists", "whoami"):
        world.write(MIA, "request", command)
    world.write(MIA, "request", "set language fr")
    start = (world.now + timedelta(days=9)).strftime("%Y-%m-%d 09:00")
    program.cgbot(
        "meetings", "schedule", "cg-aisec", "--title", "Seventh meeting", "--start", start, "--duration", "60m",
        "--join-url", "https://meet.example.com/secret",
    )  # fmt: skip
    world._house.db.write_now(probe, world, BOB)
    assert push(program, "/sign-in", address=MIA) == 200
    tomorrow = f"{world.now + timedelta(days=2):%Y-%m-%d} 12:00"
    program.cgbot("notices", "run", "--now", tomorrow, "--send")
    program.idle()


def latest(world: World, who: str, *said: str) -> Message:
    found = [one.message for one in world.relay.to(who)]
    return next(one for one in reversed(found) if all(word in str(one["Subject"]) for word in said))


@pytest.mark.timeout(120)
def test_nothing_changes_by_a_robot(world: World) -> None:
    live(world)
    paths = robots.ours(world.relay.sent)
    assert {one.split("/")[1] for one in paths} >= {"cg-aisec", "desk", "leave", "me", "rejoin", "sign-in"}
    before = robots.everything(world._house.db)
    codes = robots.crawl(world.program, paths)
    assert robots.everything(world._house.db) == before
    assert not {path: found for path, found in codes.items() if len(found) > 1 or not found <= {200, 303}}
    the_links_still_work(world)


def the_links_still_work(world: World) -> None:
    """Each token that was mailed does for its reader what the mail says."""
    program = world.program
    undo = path_in(latest(world, CARL, "You have left"), "/rejoin/")
    assert push(program, undo) == 200
    assert push(program, path_in(latest(world, READER, "Digest of"), "/leave/"), **ONE_CLICK) == 200
    assert push(program, path_in(latest(world, MIA, "Sign in"), "/sign-in/")) == 303
    for who, said, answer in (
        (ZOE, "confirm: join", "yes"),
        (LI, "invitation to join", "yes"),
        (BOB, "confirm: leave", "yes"),
        (MIA, "your settings", "yes"),
        (MIA, "Did you write", "yes"),
        (CONVENER, "Awaiting approval: From outside", "approve"),
    ):
        world.answer(who, latest(world, who, said), answer)
    listed = {one["address"]: one for one in program.json("members", "list", "cg-aisec", "--all")}
    assert {who: one["state"] for who, one in listed.items()} == dict.fromkeys(
        (CONVENER, MIA, CARL, ZOE, LI), "active"
    ) | dict.fromkeys((READER, BOB), "left")
    assert listed[MIA]["language"] == "fr"
    for subject in ("Not proven", "From outside"):
        assert set(world.relay.counts(subject)) == {CONVENER, MIA, CARL, ZOE, LI}
