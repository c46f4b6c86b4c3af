"""
Write the generated half of docs/commands.md, configuration.md, mail-commands.md, moderation.md and templates.md.

What stands above the line GENERATED in each page is written by hand and kept. A test compares the pages with what this
script would write, so that a new option, setting or fact cannot stay undocumented.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Any

import typer.main

from cgbot import allowed, settings, wiring
from cgbot.cli import shell
from cgbot.groups import roles
from cgbot.groups.commands import Command, Query
from cgbot.posts import moderation

DOCS = Path(__file__).parent.parent / "docs"
GENERATED = "<!-- Below this line scripts/document.py writes. -->\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Give every command with its whole name; typer brings a click of its own, so they are known by what they have."""
    yield from _below(typer.main.get_command(shell.build()), "cgbot")


def _below(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for word, found in command.commands.items():
        if not found.hidden:
            yield from _below(found, f"{name} {word}")


def options(command: Any) -> list[Any]:
    """The options of a command, without --help."""
    return [one for one in command.params if one.param_type_name == "option" and not one.hidden and one.name != "help"]


def commands_page() -> str:
    """One section a noun, one paragraph a command."""
    lines: list[str] = []
    noun = ""
    for name, command in commands():
        if name.split()[1] != noun:
            noun = name.split()[1]
            lines += [f"## {noun}", ""]
        arguments = [_argument(one) for one in command.params if one.param_type_name == "argument"]
        lines += [f"`{' '.join([name, *arguments])}`", "", _words(command.help), ""]
        lines += [f"- `{_option(one)}`: {_words(one.help)}{_default(one)}" for one in options(command)]
        lines += [""] if options(command) else []
    return "\n".join(lines).rstrip() + "\n"


def _argument(one: Any) -> str:
    shown = (one.metavar or one.name or "").upper().strip("[]")
    text = f"{shown}…" if one.nargs != 1 else shown
    return text if one.required else f"[{text}]"


def _option(one: Any) -> str:
    names = "`, `".join([*one.opts, *one.secondary_opts])
    if one.is_flag:
        return names
    kind = one.metavar or getattr(one.type_descriptor.annotation, "__name__", "text")
    return f"{names} {'TEXT' if kind == 'str' else kind.upper()}"


def _default(one: Any) -> str:
    plain = isinstance(one.default, str | int | Path) and not isinstance(one.default, bool) and str(one.default)
    return f" Default: `{one.default}`." if plain else ""


def _words(text: str | None) -> str:
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def configuration_page() -> str:
    """One table a section; meaning, default and rule are the program's own."""
    lines: list[str] = []
    section = ""
    for key in settings.all_keys():
        if key.section != section:
            section = key.section
            head = _words(settings.sections()[section].__doc__)
            lines += [
                "",
                f"## [{section}]",
                "",
                head,
                "",
                "| key | default | meaning | allowed |",
                "| --- | --- | --- | --- |",
            ]
        lines.append(f"| `{key}` | `{shown(key)}` | {key.meaning} | {_rule(key)} |")
    return "\n".join(lines[1:]) + "\n"


def shown(key: settings.Key) -> str:
    """Write a default as the TOML file does."""
    if key.default is None:
        return '""'
    if isinstance(key.default, int):
        return str(key.default)
    if isinstance(key.default, tuple):
        return "[" + ", ".join(f'"{one}"' for one in key.default) + "]"
    return key.default.isoformat() if isinstance(key.default, time) else f'"{key.default}"'


def _rule(key: settings.Key) -> str:
    if key.type.startswith("Literal"):
        return "one of " + ", ".join(re.findall(r"\w+", key.type.removeprefix("Literal")))
    return "" if key.rule is allowed.ANYTHING else key.rule.text


def templates_page() -> str:
    """One row a mail: its name, its facts, its English subject."""
    rows = ["| mail | facts | subject |", "| --- | --- | --- |"]
    folder = settings.bundled("templates") / "mail"
    for path in sorted(folder.glob("*.txt")):
        if path.name.count(".") == 1:
            facts = re.findall(r"\w+", path.read_text("utf-8").partition("\n")[0].partition(":")[2])
            subject = " ".join((folder / f"{path.stem}.subject.txt").read_text("utf-8").split()).replace("|", "\\|")
            rows.append(f"| `{path.stem}` | {', '.join(f'`{fact}`' for fact in facts)} | `{subject}` |")
    return "\n".join(rows) + "\n"


# Who reads the page, from those who may least on.
_READERS = (("everybody in the group", "observer"), ("a member", "member"), ("a secretary", "secretary"),
            ("a convener or vice-convener", "convener"))  # fmt: skip


def mail_page() -> str:
    """Two sections for each role that may more than the one before, one paragraph and example a command."""
    lines: list[str] = []
    told: set[str] = set()
    tables: Mapping[str, Iterable[Command | Query]] = {
        "ask": wiring.queries().values(),
        "order": wiring.commands().values(),
    }
    for head, role in _READERS:
        for what, table in tables.items():
            found = [one for one in table if roles.may(role, one.action) and one.name not in told]
            told |= {one.name for one in found}
            lines += [f"## What {head} can {what}", ""] if found else []
            for one in sorted(found, key=lambda one: one.name):
                lines += [one.help, "", *(f"    {line}" for line in one.form.splitlines()), ""]
                said = " or ".join(f"`{name}`" for name in one.also)
                lines += [f"Said as well: {said}.", ""] if said else []
    return "\n".join(lines).rstrip() + "\n"


def moderation_page() -> str:
    """The table of rules, in their order."""
    rows = ["| rule | verdict | when |", "| --- | --- | --- |"]
    return "\n".join([*rows, *(f"| {one.name} | {one.action} | {one.asks} |" for one in moderation.RULES)]) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "configuration.md": configuration_page,
    "mail-commands.md": mail_page,
    "moderation.md": moderation_page,
    "templates.md": templates_page,
}


def whole(page: str) -> str:
    """Give a page as it should be: what is written by hand, then what is made here."""
    by_hand = (DOCS / page).read_text("utf-8").partition(GENERATED)[0]
    return f"{by_hand}{GENERATED}\n{PAGES[page]()}"


def main() -> None:
    """Write all pages."""
    for page in PAGES:
        (DOCS / page).write_text(whole(page), "utf-8")


if __name__ == "__main__":
    main()
