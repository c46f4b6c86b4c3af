"""`cgbot calls` and `cgbot contributions`, as an operator types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Installation, installed
from tests.papers import words


@pytest.fixture
def here(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Installation:
    """A group with two people, a meeting of its own on 20 May 2037 and one of SG17 from 1 June 2037."""
    made = installed(tmp_path / "here", database_url, monkeypatch, capsys)
    made.ok("members", "add", "cg-aisec", "jia@example.org", "--name", "Xiongwei Jia", "--role", "convener")
    made.ok("members", "add", "cg-aisec", "zoe@example.org", "--name", "Zoë Müller", "--organization", "ETRI")
    made.ok(
        "meetings", "schedule", "cg-aisec", "--title", "Second meeting", "--start", "2037-05-20 09:00", "--duration",
        "60m",
    )  # fmt: skip
    made.ok(
        "meetings", "schedule", "cg-aisec", "--kind", "parent", "--title", "SG17 meeting", "--start", "2037-06-01",
        "--days", "10",
    )  # fmt: skip
    return made


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """An ITU-T contribution."""
    file = tmp_path / "input.docx"
    file.write_bytes(words.contribution())
    return file


def queued(here: Installation) -> int:
    return int(here.json("status")["deliveries"]["queued"])


def test_calls(here: Installation, tmp_path: Path) -> None:
    assert "no call is open" in here.ok("calls", "list")
    text = tmp_path / "call.txt"
    text.write_text("We look for input.\n")
    before = queued(here)
    said = here.ok("calls", "open", "cg-aisec", "--text", str(text))
    assert said == (
        "call 1: Second meeting, open until Wednesday 13 May 2037, 23:59 Geneva time (CEST, 21:59 UTC) (seven-days)\n"
    )
    assert queued(here) == before + 2
    parent = here.json("calls", "open", "cg-aisec", "--meeting", "2")
    assert (parent["id"], parent["rule"], parent["closes_at"]) == (2, "twelve-days", "2037-05-19T21:59:00+00:00")
    assert [one["id"] for one in here.json("calls", "list")] == [1, 2]
    assert here.ok("calls", "close", "2") == "call 2: SG17 meeting is closed\n"
    assert [one["id"] for one in here.json("calls", "list", "cg-aisec")] == [1]
    assert [one["state"] for one in here.json("calls", "list", "--all")] == ["open", "closed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("open", "nobody"), "nobody"),
        (("open", "cg-aisec", "--meeting", "9"), "there is no meeting 9"),
        (("open", "cg-aisec", "--closes", "2020-01-01"), "would have closed"),
        (("open", "cg-aisec", "--closes", "2037-05-21"), "would close after the meeting begins"),
        (("open", "cg-aisec", "--published"), "a published date must be given"),
        (("close", "9"), "there is no call 9"),
    ],
)
def test_what_is_refused(here: Installation, arguments: tuple[str, ...], words: str) -> None:
    before = queued(here)
    answer = here.run("calls", *arguments)
    assert answer.status == 1
    assert words in answer.err
    assert queued(here) == before


def test_a_published_date(here: Installation) -> None:
    call = here.json("calls", "open", "cg-aisec", "--meeting", "2", "--closes", "2037-05-20", "--published")
    assert (call["rule"], call["closes_at"]) == ("published", "2037-05-20T21:59:00+00:00")


def test_papers(here: Installation, paper: Path, tmp_path: Path) -> None:
    assert "no paper yet" in here.ok("contributions", "list", "cg-aisec")
    before = queued(here)
    said = here.ok("contributions", "add", "cg-aisec", str(paper), "--author", "zoe@example.org")
    assert said == "CG-AISEC-C-0001  Proposed text for X.tr-ai (Example University)\n"
    other = tmp_path / "threats.pdf"
    other.write_bytes(b"%PDF one")
    second = here.json(
        "contributions", "add", "cg-aisec", str(other), "--author", "zoe@example.org", "--title", "Threats"
    )
    assert (second["number"], second["source"], second["meeting"]) == ("CG-AISEC-C-0002", "ETRI", 1)
    other.write_bytes(b"%PDF two")
    revised = here.json(
        "contributions", "add", "cg-aisec", str(other), "--author", "zoe@example.org", "--title", "Threats",
        "--revises", "C-0002",
    )  # fmt: skip
    assert revised["number"] == "CG-AISEC-C-0002R1"
    assert [one["files"] for one in revised["revisions"]] == [["threats.pdf"], ["threats.pdf"]]
    here.ok("contributions", "show", "cg-aisec", "2", "--out", str(tmp_path / "out"))
    assert (tmp_path / "out" / "threats.pdf").read_bytes() == b"%PDF two"
    assert here.ok("contributions", "withdraw", "cg-aisec", "C-0001") == "CG-AISEC-C-0001 is withdrawn\n"
    listed = here.json("contributions", "list", "cg-aisec")
    assert [(one["number"], one["state"], one["marks"]) for one in listed] == [
        ("CG-AISEC-C-0001", "withdrawn", "withdrawn"),
        ("CG-AISEC-C-0002R1", "registered", ""),
    ]
    assert queued(here) == before, "nobody gets a mail"
    assert "revision 1" in here.ok("contributions", "show", "cg-aisec", "CG-AISEC-C-0002")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "cg-aisec", "7"), "there is no paper C-0007"),
        (("show", "cg-aisec", "seven"), "is not the number of a paper"),
        (("withdraw", "cg-aisec", "C-0007"), "there is no paper CG-AISEC-C-0007"),
    ],
)
def test_what_is_not_there(here: Installation, arguments: tuple[str, ...], words: str) -> None:
    answer = here.run("contributions", *arguments)
    assert answer.status == 1
    assert words in answer.err
