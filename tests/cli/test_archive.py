"""`cgbot archive`: what a mail holds is shown, and cannot steer the terminal that shows it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from cgbot import app
from cgbot.archive import keep
from cgbot.cli import shell
from cgbot.groups import records
from cgbot.mail import message as messages
from tests.archive.files import attached, pdf
from tests.archive.posting import mail, put
from tests.cli.commands import Installation, installed

# Colours and a cleared screen, a title, the eight-bit CSI, backspaces, a reversed direction.
NASTY = "red \x1b[31;5m \x1b[2J \x1b]0;owned\x07 \x9b31m \x08\x08\x7f \u202egnp.exe\u2066 \x00end"
RAW = mail("nasty", f"Dear all,\n{NASTY}\n\tindented\n", Content_Type="text/plain; charset=utf-8")
LINK = keep.prepare(messages.parse(RAW)).permalink
TERMINAL = set("\x00\x07\x08\x1b\x7f\x9b\u202e\u2066\r")


@pytest.fixture
def here(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Installation:
    made = installed(tmp_path / "here", database_url, monkeypatch, capsys)
    with app.open_house() as house:
        group = house.db.read_now(records.get_group, "cg-aisec")
        house.db.write_now(put, group.id, RAW)
        house.db.write_now(put, group.id, mail("second", "Nothing odd here: naïve, 日本, 👩‍💻.\n"), 1)
    return made


@pytest.mark.parametrize("named", [LINK, LINK.lower(), "nasty@example.org", "<nasty@example.org>"])
def test_a_post_is_shown_with_its_control_characters_as_escapes(here: Installation, named: str) -> None:
    shown = here.ok("archive", "show", "cg-aisec", named)
    assert "message id: nasty@example.org" in shown
    assert "Dear all,\nred \\x1b[31;5m" in shown
    assert "\n\tindented\n" in shown
    assert "\\u202egnp.exe" in shown
    assert not TERMINAL & set(shown)


def test_json_too(here: Installation) -> None:
    answer = here.run("archive", "show", "cg-aisec", LINK, "--json")
    assert not TERMINAL & set(answer.out)
    assert "\x1b[31;5m" in here.json("archive", "show", "cg-aisec", LINK)["text"]


def test_raw_is_the_exact_bytes(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))
    with pytest.raises(SystemExit) as ended:
        shell.main(["archive", "show", "cg-aisec", LINK, "--raw"])
    assert (ended.value.code or 0) == 0
    assert written.getvalue() == RAW


def test_what_is_not_odd_is_left_alone(here: Installation) -> None:
    assert "Nothing odd here: naïve, 日本, 👩‍💻." in here.ok("archive", "show", "cg-aisec", "second@example.org")


def test_search(here: Installation) -> None:
    found = here.json("archive", "search", "cg-aisec", "indented")
    assert [(one["subject"], one["permalink"]) for one in found] == [("About nasty", LINK)]
    assert here.ok("archive", "search", "cg-aisec", "nothere").strip() == "no post holds all of it"


def test_a_post_that_is_not_there(here: Installation) -> None:
    answer = here.run("archive", "show", "cg-aisec", "no\x1b[2Jsuch@example.org")
    assert (answer.status, answer.err) == (1, "cgbot: there is no post 'no\\x1b[2Jsuch@example.org' in this group\n")


def test_rebuild(here: Installation, tmp_path: Path) -> None:
    assert "2 posts are indexed again" in here.ok("archive", "rebuild")
    (tmp_path / "one.eml").write_bytes(attached("minutes", ("minutes.pdf", "application/pdf", pdf("quorum"))))
    here.ok("archive", "import", "cg-aisec", str(tmp_path / "one.eml"))
    assert here.ok("archive", "search", "cg-aisec", "quorum").strip() == "no post holds all of it"
    assert "3 posts are indexed again" in here.ok("archive", "rebuild")
    found = here.json("archive", "search", "cg-aisec", "quorum")
    assert [one["subject"] for one in found] == ["About minutes"]
