"""The documentation: what it names exists, and what exists is named in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import document

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md")), ROOT / "changes/README.md"]
KINDS = {"added", "changed", "fixed", "incompatible", "security"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


COMMANDS = dict(document.commands())


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    inside = [target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in target]
    assert [target for target in inside if not (page.parent / target).exists()] == []


def test_every_decision_is_listed() -> None:
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", (ROOT / "docs/adr/README.md").read_text("utf-8"))
    assert listed == sorted(path.name for path in (ROOT / "docs/adr").glob("0*.md"))


def test_changelog_fragments_have_a_known_kind() -> None:
    fragments = [path for path in (ROOT / "changes").glob("*.md") if path.name != "README.md"]
    assert [path.name for path in fragments if path.name.split(".")[-2] not in KINDS] == []


@pytest.mark.parametrize("page", document.PAGES)
def test_a_generated_page_is_up_to_date(page: str) -> None:
    """Every command with its options, every setting with its default, every mail with its facts."""
    assert (ROOT / "docs" / page).read_text("utf-8") == document.whole(page), "run make docs"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_says_what_it_does(command: str) -> None:
    found = COMMANDS[command]
    silent = [one.opts[0] for one in document.options(found) if not one.help]
    assert found.help
    assert silent == []


@pytest.mark.parametrize("page", ["README.md", "docs/operation.md"])
def test_the_commands_that_a_page_shows_exist(page: str) -> None:
    """`cgbot members add …` in a text is a command of the program."""
    shown = re.findall(
        r"(?:bin/|`|&& |^ {4})cgbot ([a-z]+(?: [a-z]+)?)", (ROOT / page).read_text("utf-8"), re.MULTILINE
    )
    names = {name.removeprefix("cgbot ") for name in COMMANDS}
    assert [one for one in shown if one not in names and one.split()[0] not in names] == []
