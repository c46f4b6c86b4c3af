"""`cgbot members sync`: what would change is shown first, and only --yes changes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgbot.app import open_house
from cgbot.groups import members
from cgbot.store.db import Tx
from cgbot.store.tables import audit, deliveries
from tests.cli.commands import Installation, installed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Installation:
    """A group of a convener and nine members, one of whom has a second address."""
    found = installed(tmp_path / "here", "", monkeypatch, capsys)
    rows = "".join(f"m{number}@example.org,,\n" for number in range(9))
    (found.folder / "first.csv").write_text(f"address,role,name\njia@example.org,convener,Jia\n{rows}")
    found.ok("members", "import", "cg-aisec", str(found.folder / "first.csv"), "--no-invite")
    found.ok("members", "addresses", "cg-aisec", "m1@example.org", "--add", "m1@example.com")
    return found


def sync(here: Installation, text: str, *options: str) -> tuple[int, list[str], str]:
    file = here.folder / "truth.csv"
    file.write_text(text)
    answer = here.run("members", "sync", "cg-aisec", str(file), *options)
    return answer.status, answer.out.splitlines(), answer.err


def addresses(here: Installation) -> set[str]:
    return {one["address"] for one in here.json("members", "list", "cg-aisec")}


TRUTH = (
    "address,name,role,delivery\njia@example.org,Jia,member,\nM1@example.com,Mia,,daily\nhu@example.org,Hu,,\n"
    + "".join(f"m{number}@example.org,,,\n" for number in range(2, 9))
)


def test_the_preview_tells_each_change_and_changes_nothing(here: Installation) -> None:
    before = here.ok("members", "export", "cg-aisec")
    status, lines, err = sync(here, TRUTH, "--remove")
    assert (status, err) == (0, "")
    assert lines == [
        "+ hu@example.org name 'Hu'",
        "~ m1@example.org: name '' -> 'Mia', delivery 'each' -> 'daily'",
        "- m0@example.org",
        "= line 2: jia@example.org stays convener, not member; `cgbot members set` changes that",
        "would be: 1 added, 1 changed, 1 removed, 8 unchanged; nothing was changed: --yes does it",
    ]
    assert here.ok("members", "export", "cg-aisec") == before
    _, lines, _ = sync(here, TRUTH)
    assert "not in the file: 1; they stay, --remove takes them out" in lines


def test_yes_does_it_quietly_and_the_second_time_nothing_is_left(here: Installation) -> None:
    status, lines, _ = sync(here, TRUTH, "--remove", "--yes")
    assert (status, lines[-1]) == (0, "1 added, 1 changed, 1 removed, 8 unchanged")
    assert "m0@example.org" not in addresses(here)
    _, lines, _ = sync(here, TRUTH, "--remove", "--yes")
    assert lines[-1] == "0 added, 0 changed, 0 removed, 10 unchanged"

    def look(tx: Tx) -> tuple[list[tuple[str, str, object]], int]:
        acts = tx.execute(audit.select().order_by(audit.c.id.desc()).limit(1)).all()
        return [(one.actor, one.action, one.detail) for one in acts], len(tx.execute(deliveries.select()).all())

    with open_house() as house:
        acts, mails = house.db.read_now(look)
    assert acts == [("operator", "roster synchronised", {"added": 1, "changed": 1, "removed": 1})]
    assert mails == 0


def test_who_is_new_is_welcomed_where_that_is_wanted(here: Installation) -> None:
    sync(here, "address\nhu@example.org\n", "--yes", "--welcome")
    assert "hu@example.org" in here.ok("outbox", "list")


def test_what_was_exported_changes_nothing(here: Installation) -> None:
    here.ok("members", "set", "cg-aisec", "m2@example.org", "--away-until", "2027-06-01 00:00", "--attachments", "link")
    here.ok("members", "set", "cg-aisec", "m3@example.org", "--state", "suspended", "--digest", "plain")
    status, lines, _ = sync(here, here.ok("members", "export", "cg-aisec"), "--remove", "--yes")
    assert (status, lines) == (0, ["0 added, 0 changed, 0 removed, 10 unchanged"])


def test_a_file_that_is_cut_off_removes_nobody(here: Installation) -> None:
    status, lines, err = sync(here, "address\nm0@example.org\n", "--remove")
    assert (status, lines[-1].partition(";")[0]) == (0, "would be: 0 added, 0 changed, 8 removed, 1 unchanged")
    assert err.startswith("--yes would refuse: 8 of 10 members would be removed, more than 20 %")
    status, _, err = sync(here, "address\nm0@example.org\n", "--remove", "--yes")
    assert (status, len(addresses(here))) == (1, 10)
    assert "--at-most 80 allows it" in err
    sync(here, "address\nm0@example.org\n", "--remove", "--yes", "--at-most", "80")
    assert addresses(here) == {"jia@example.org", "m0@example.org"}


def test_a_bad_row_is_told_by_line_and_nothing_is_changed(here: Installation) -> None:
    text = "address,role\nhu@example.org,\nnobody,\nm1@example.org,\nm1@example.com,\ncg-aisec@lists.example.org,\n"
    status, lines, err = sync(here, text, "--remove", "--yes")
    assert (status, [line.partition(":")[0] for line in err.splitlines()]) == (1, ["line 3", "line 5", "line 6"])
    assert "m1@example.com is another address of m1@example.org, who is in the file already" in err
    assert lines[-1].endswith("nothing was changed, since there are bad rows")
    assert len(addresses(here)) == 10


def test_who_has_left_of_their_own_accord_is_not_brought_back(here: Installation) -> None:
    with open_house() as house:
        group = 1
        for address, actor in (("m4@example.org", "m4@example.org"), ("m5@example.org", "operator")):
            house.db.write_now(members.remove, house.context(), group, address, actor)
    text = "address\nm4@example.org\nm5@example.org\n"
    _, lines, _ = sync(here, text, "--yes")
    assert "= line 2: m4@example.org has left of their own accord and is not brought back" in lines
    assert {"m4@example.org", "m5@example.org"} & addresses(here) == {"m5@example.org"}
    sync(here, text, "--yes", "--rejoin")
    assert {"m4@example.org", "m5@example.org"} <= addresses(here)


def test_the_plan_as_json(here: Installation) -> None:
    file = here.folder / "truth.csv"
    file.write_text(TRUTH)
    told = here.json("members", "sync", "cg-aisec", str(file), "--remove")
    assert told["added"] == [{"line": 4, "address": "hu@example.org", "name": "Hu"}]
    assert told["changed"][0]["fields"]["delivery"] == {"old": "each", "new": "daily"}
    assert (told["left"], told["unchanged"], told["done"]) == (["m0@example.org"], 8, False)
