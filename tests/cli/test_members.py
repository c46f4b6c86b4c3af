"""`cgbot members` and `cgbot groups`, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Installation, installed


@pytest.fixture
def here(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Installation:
    return installed(tmp_path / "here", database_url, monkeypatch, capsys)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Installation:
    """For what does not depend on the database."""
    return installed(tmp_path / "here", "", monkeypatch, capsys)


def test_the_exact_form_of_adding(here: Installation) -> None:
    said = here.ok(
        "members", "add", "cg-aisec", "hu@example.org", "--name", "Zhiyuan HU", "--role", "vice-convener",
        "--delivery", "each", "--organization", "Org", "--country", "China", "--zone", "Asia/Shanghai",
        "--language", "zh",
    )  # fmt: skip
    assert said == "hu@example.org is now vice-convener of cg-aisec\n"
    (member,) = here.json("members", "list", "cg-aisec")
    assert (member["name"], member["zone"], member["state"]) == ("Zhiyuan HU", "Asia/Shanghai", "active")


def test_adding_twice_and_unknown_groups_and_roles(small: Installation) -> None:
    small.ok("members", "add", "cg-aisec", "a@example.org")
    again = small.run("members", "add", "cg-aisec", "A@example.org")
    assert (again.status, again.err) == (1, "cgbot: a@example.org is a member already, as member\n")
    unknown = small.run("members", "add", "cg-x", "a@example.org")
    assert (unknown.status, "no group 'cg-x'" in unknown.err) == (1, True)
    wrong = small.run("members", "add", "cg-aisec", "b@example.org", "--role", "chair")
    assert (wrong.status, "role: 'chair' is not allowed: one of convener" in wrong.err) == (1, True)
    assert len(small.json("members", "list", "cg-aisec")) == 1


def test_changing_says_what_changed(small: Installation) -> None:
    small.ok("members", "add", "cg-aisec", "a@example.org")
    said = small.ok("members", "set", "cg-aisec", "a@example.org", "--role", "secretary", "--delivery", "each")
    assert said == "a@example.org: role 'member' -> 'secretary'\n"
    assert small.run("members", "set", "cg-aisec", "a@example.org").status == 1
    assert small.run("members", "set", "cg-aisec", "x@example.org", "--role", "member").status == 1
    said = small.ok("members", "set", "cg-aisec", "a@example.org", "--address", "b@example.org", "--state", "suspended")
    assert said.startswith("b@example.org: address 'a@example.org' -> 'b@example.org', state")


def test_removing(small: Installation) -> None:
    small.ok("members", "add", "cg-aisec", "a@example.org")
    assert (
        small.ok("members", "remove", "cg-aisec", "a@example.org")
        == "a@example.org is no longer a member of cg-aisec\n"
    )
    assert small.json("members", "list", "cg-aisec") == []
    assert [one["state"] for one in small.json("members", "list", "cg-aisec", "--all")] == ["left"]
    assert small.run("members", "remove", "cg-aisec", "a@example.org").status == 1


BAD = "address,role\na@example.org,member\nnobody,member\nb@example.org,chair\n"


def test_a_bad_roster_is_reported_by_line_and_nothing_is_imported(here: Installation, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text(BAD)
    answer = here.run("members", "import", "cg-aisec", str(file))
    assert answer.status == 1
    assert [line.partition(":")[0] for line in answer.err.splitlines()] == ["line 3", "line 4"]
    assert answer.out == "nothing was imported; 1 good rows would be with --skip-bad\n"
    assert here.json("members", "list", "cg-aisec") == []
    answer = here.run("members", "import", "cg-aisec", str(file), "--skip-bad")
    assert (answer.status, answer.out) == (0, "1 added, 0 changed, 0 unchanged\n")


def test_a_large_roster_goes_in_and_comes_out(here: Installation, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("address,name\n" + "".join(f"m{number}@example.org,Member {number}\n" for number in range(230)))
    assert here.ok("members", "import", "cg-aisec", str(file)) == "230 added, 0 changed, 0 unchanged\n"
    assert here.ok("members", "import", "cg-aisec", str(file)) == "0 added, 0 changed, 230 unchanged\n"
    out = tmp_path / "out.csv"
    assert here.ok("members", "export", "cg-aisec", "--out", str(out)).startswith("230 members written")
    assert here.json("members", "import", "cg-aisec", str(out)) == {"imported": {"unchanged": 230}, "problems": []}
    assert here.ok("members", "export", "cg-aisec").count("\n") == 231


def test_a_roster_that_is_not_there(small: Installation, tmp_path: Path) -> None:
    answer = small.run("members", "import", "cg-aisec", str(tmp_path / "none.csv"))
    assert (answer.status, "cannot be read: No such file" in answer.err) == (1, True)


def test_a_group_is_shown_with_its_terms(small: Installation) -> None:
    said = small.ok("groups", "show", "cg-aisec")
    assert "     3. identify what potential areas of standardization,\n" in said
    assert "vice-convener: Ms. Zhiyuan HU\n" in said
    shown = small.json("groups", "show", "CG-AISEC")
    assert (shown["acronym"], shown["term"]["until"], shown["reminders"]) == (
        "CG-AISEC",
        "2024-12-31",
        [1209600.0, 86400.0],
    )
    assert small.run("groups", "show", "cg-x").status == 1


def test_the_groups_are_listed(small: Installation) -> None:
    small.ok("members", "add", "cg-aisec", "a@example.org", "--role", "convener")
    (one,) = small.json("groups", "list")
    assert (one["name"], one["members"], one["conveners"]) == ("cg-aisec", 1, 1)
