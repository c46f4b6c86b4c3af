"""`cgbot reports`: the activity report as an operator makes it."""

from __future__ import annotations

import io
from pathlib import Path

import docx
import pytest

from tests.cli.commands import Installation, installed


@pytest.fixture
def here(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Installation:
    """A group with a convener, and a meeting of SG17 on 1 to 10 June 2037."""
    made = installed(tmp_path / "here", database_url, monkeypatch, capsys)
    made.ok("members", "add", "cg-aisec", "jia@example.org", "--name", "Xiongwei Jia", "--role", "convener")
    made.ok(
        "meetings", "schedule", "cg-aisec", "--kind", "parent", "--title", "SG17 meeting", "--start", "2037-06-01",
        "--days", "10", "--location", "Geneva",
    )  # fmt: skip
    return made


def with_secretariat(here: Installation) -> None:
    file = here.folder / "groups" / "cg-aisec.toml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("[posts]", 'secretariat = "tsbsg17@itu.example"\n\n[posts]', 1), "utf-8")


def queued(here: Installation) -> int:
    return int(here.json("status")["deliveries"]["queued"])


def test_what_is_owed(here: Installation) -> None:
    (one,) = here.json("reports", "list", "cg-aisec")
    assert (one["id"], one["group"], one["to"]) == (None, "cg-aisec", "SG17 (Geneva, 1–10 June 2037)")
    assert (one["due"], one["comments_until"], one["state"]) == ("2037-05-01", "2037-04-24", "due")
    assert "SG17 (Geneva, 1–10 June 2037)  2037-05-01  due" in here.ok("reports", "list")


def test_a_content_week_owes_none(here: Installation) -> None:
    here.ok(
        "meetings", "schedule", "cg-aisec", "--kind", "parent", "--no-report", "--title", "Content week", "--start",
        "2037-03-30", "--days", "4",
    )  # fmt: skip
    assert len(here.json("reports", "list")) == 1
    assert here.run("reports", "draft", "cg-aisec", "--meeting", "2").err.startswith("cgbot: meeting 2 takes no report")


def test_from_the_draft_to_the_secretariat(here: Installation, tmp_path: Path) -> None:
    said = here.ok("reports", "draft", "cg-aisec")
    assert said == (
        "report 1, version 1, to SG17 (Geneva, 1–10 June 2037), due on Friday 1 May 2037\n"
        "the conveners get it by mail\n"
    )
    text = here.ok("reports", "show", "1")
    assert text.startswith("=== Header ===\n\nDocument: SG17-TDn\n")
    corrected = tmp_path / "corrected.txt"
    corrected.write_text(text.replace("Question(s): All/17", "Question(s): 7/17"), "utf-8")
    made = here.json("reports", "draft", "cg-aisec", "--edit", str(corrected))
    assert (made["report_id"], made["number"], made["made_by"]) == (1, 2, "operator")
    here.ok("reports", "show", "1", "--docx", str(tmp_path / "report.docx"))
    document = docx.Document(io.BytesIO((tmp_path / "report.docx").read_bytes()))
    assert document.tables[0].cell(3, 1).text == "7/17"
    assert here.ok("reports", "approve", "1") == "report 1 to SG17 (Geneva, 1–10 June 2037) is approved\n"
    refused = here.run("reports", "submit", "1")
    assert (refused.status, "names no secretariat" in refused.err) == (1, True)
    with_secretariat(here)
    before = queued(here)
    assert here.ok("reports", "submit", "1").endswith("is on its way to tsbsg17@itu.example\n")
    assert queued(here) == before + 2  # to the secretariat, and word of it to the convener
    (one,) = here.json("reports", "list")
    assert (one["state"], one["version"], one["approved_by"]) == ("submitted", 2, "operator")
    assert "no report is owed" in here.run("reports", "draft", "cg-aisec").err


def test_approving_twice_and_things_that_are_not_there(here: Installation, tmp_path: Path) -> None:
    assert "there is no report 1" in here.run("reports", "show", "1").err
    assert "no draft to correct yet" in here.run("reports", "draft", "cg-aisec", "--edit", __file__).err
    here.ok("reports", "draft", "cg-aisec")
    assert "has no version 3" in here.run("reports", "show", "1", "--version", "3").err
    assert "cannot be read" in here.run("reports", "draft", "cg-aisec", "--edit", str(tmp_path / "none")).err
    assert "none of the report's titles" in here.run("reports", "draft", "cg-aisec", "--edit", __file__).err
    here.ok("reports", "approve", "1")
    assert "operator has approved version 1 already" in here.run("reports", "approve", "1").err
    assert "cannot be written" in here.run("reports", "show", "1", "--docx", str(tmp_path)).err


def test_a_drill_of_the_clock_makes_and_sends_the_draft(here: Installation) -> None:
    played = lambda *more: [  # noqa: E731 - a short name
        one["kind"]
        for one in here.json("notices", "run", "--now", "2037-04-03 09:00", *more)
        if one["kind"].startswith("report") and one["state"] == "queued"
    ]
    assert played() == ["report-draft"]
    assert here.json("reports", "list")[0]["state"] == "due"
    assert played("--send") == ["report-draft", "report-version"]
    assert played("--send") == []
    (one,) = here.json("reports", "list", "--all")
    assert one["state"] == "drafted"
    assert here.json("reports", "show", str(one["id"]))["docx"] is True
