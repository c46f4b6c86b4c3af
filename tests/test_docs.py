"""The documentation: what it names exists, and what exists is named in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from click import Command, Context, Group

from cgbot.cli import shell
from cgbot.settings import bundled

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md")), ROOT / "changes/README.md"]
KINDS = {"added", "changed", "fixed", "incompatible", "security"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(group: Command, path: str) -> Iterator[tuple[str, Command]]:
    """Give every command with its whole name."""
    if not isinstance(group, Group):
        yield path, group
        return
    for word in group.list_commands(Context(group)):
        command = group.get_command(Context(group), word)
        assert command is not None
        if not command.hidden:
            yield from commands(command, f"{path} {word}")


COMMANDS = dict(commands(typer.main.get_command(shell.build()), "cgbot"))


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


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented_with_its_options(command: str) -> None:
    """Its line in docs/commands.md names it; each of its options stands somewhere on that page."""
    text = (ROOT / "docs/commands.md").read_text("utf-8")
    assert f"`{command}" in text
    options = {option for one in COMMANDS[command].params for option in one.opts if option.startswith("--")}
    section = text[text.index(f"`{command}") :]
    section = section[: section.find("\n\n`cgbot", 1)]
    assert sorted(option for option in options if option not in section) == []


def test_no_other_command_is_documented() -> None:
    text = (ROOT / "docs/commands.md").read_text("utf-8")
    named = {found.strip() for found in re.findall(r"^`(cgbot[a-z -]*[a-z])", text, re.MULTILINE)}
    assert named - set(COMMANDS) == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str) -> None:
    assert COMMANDS[command].help


def facts(path: Path) -> list[str]:
    first = path.read_text("utf-8").partition("\n")[0]
    return re.findall(r"\w+", first.partition(":")[2])


MAILS = sorted(path for path in (bundled("templates") / "mail").glob("*.txt") if path.name.count(".") == 1)


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_every_mail_is_documented_with_its_facts(path: Path) -> None:
    names = ", ".join(f"`{fact}`" for fact in facts(path))
    row = f"| `{path.stem}` | {names} |"
    assert any(line.startswith(row) for line in (ROOT / "docs/templates.md").read_text("utf-8").splitlines())
