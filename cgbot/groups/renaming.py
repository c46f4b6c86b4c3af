"""
The file of a group under a new name (rules, and the exchange of the two files).

A group is renamed by its file: NEW.toml with `formerly = ["OLD"]` in the place of OLD.toml. `records.seed` then gives
the group its new name; its old names keep receiving mail and redirecting pages, whatever was signed under them counts.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from cgbot.errors import ConfigError, Conflict, Malformed
from cgbot.groups import charter as charters
from cgbot.groups.charter import Charter


def renamed(charter: Charter, name: str, *, acronym: str = "", title: str = "") -> str:
    """
    The text of the group's file under its new name, comments and order kept.

    The acronym becomes the new name in capitals where none is given, the title stays. Raises Conflict for the name that
    it has, Malformed where the file is written in a way that is not understood here, ConfigError for a name that is
    not allowed.
    """
    if name == charter.name:
        raise Conflict(f"the group is called {name} already")
    formerly = [one for one in (*charter.formerly, charter.name) if one != name]
    text = _set(charter.source, "name", name)
    text = _set(text, "acronym", acronym or name.upper())
    if title:
        text = _set(text, "title", title)
    text = re.sub(r"(?m)^formerly\s*=\s*\[[^\]]*\]\s*\n", "", text)
    line = f"formerly = {json.dumps(formerly)}"
    text = re.sub(r"(?m)^(name\s*=.*)$", lambda match: f"{match[1]}\n{line}", text, count=1)
    again = charters.parse(text, f"{name}.toml")
    if (again.name, again.formerly) != (name, tuple(formerly)):
        raise _by_hand(charter)
    return text


def put(folder: Path, names: tuple[str, str], text: str) -> Path:
    """
    Put NEW.toml in the place of OLD.toml, which is kept as OLD.toml.was; the name of that one.

    Each step leaves a folder that can be read, and the whole can be done again. Raises Conflict where another NEW.toml
    is there, ConfigError where the folder cannot be written.
    """
    old, new = (folder / f"{name}.toml" for name in names)
    kept, draft = old.with_name(f"{old.name}.was"), new.with_name(f"{new.name}.new")
    if new.exists() and new.read_text("utf-8") != text:
        raise Conflict(f"{new} is there already: move it away first")
    try:
        if not new.exists():
            draft.write_text(text, "utf-8")
            draft.chmod(old.stat().st_mode & 0o777)
            draft.rename(new)
        old.rename(kept)
    except OSError as error:
        raise ConfigError(str(folder), "", f"the file cannot be replaced: {error.strerror}") from error
    return kept


def _set(text: str, key: str, value: str) -> str:
    """Give a key of the top table a new value; a comment behind it is dropped."""
    head, rest = _split(text)
    written = json.dumps(value, ensure_ascii=False)
    head, count = re.subn(rf"(?m)^{key}\s*=.*$", lambda _: f"{key} = {written}", head, count=1)
    if not count:
        raise Malformed(f"the line `{key} = …` was not found in the group's file; please write the new file by hand")
    return head + rest


def _split(text: str) -> tuple[str, str]:
    """What stands before the first table, and the rest."""
    match = re.search(r"(?m)^\s*\[", text)
    return (text[: match.start()], text[match.start() :]) if match else (text, "")


def _by_hand(charter: Charter) -> Malformed:
    return Malformed(f"{charter.file} cannot be rewritten by a command; write NEW.toml by hand, with formerly = […]")
