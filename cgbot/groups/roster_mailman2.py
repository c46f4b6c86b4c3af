"""
Pure rules: the rosters of Mailman 2: what `list_members` and `config_list -o` print, and config.pck itself.

The files of `list_members` are told apart by their names (roster_found.LISTS), config_list's by its assignments, which
are read as data, never run; config.pck is read by roster_pickle, which makes no object of it. Bits and states are those
of Mailman 2.1's Defaults.py and MemberAdaptor.py.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Final

from cgbot.errors import Malformed
from cgbot.groups import roster_pickle
from cgbot.groups.roster_found import OWN_POSTS, Files, Found, Place, mailbox, shown, take_lists, text_of

_NOT_OWN: Final = 2
_PLAIN_DIGEST: Final = 8
_CONCEAL: Final = 16
_MODERATE: Final = 128
_NO_MAIL: Final = {1: "", 2: "", 3: "an administrator had switched off their mail", 4: ""}
_BY_BOUNCE: Final = 4
_VERDICTS: Final = MappingProxyType(
    {
        "ban_list": "ban",
        "discard_these_nonmembers": "ban",
        "reject_these_nonmembers": "ban",
        "hold_these_nonmembers": "hold",
        "accept_these_nonmembers": "allow",
    }
)
_OFFICES: Final = MappingProxyType({"owner": "owner", "moderator": "moderator"})
_NOT_MOVED: Final = "only people are carried over, not the settings of the list: those are in the group's file"
_LONGEST_TEXT: Final = 4_000_000


def read(files: Files) -> Found:
    """Gather what a folder of such files, or one of them, tells."""
    found = Found()
    lists: dict[str, bytes] = {}
    for name, data in sorted(files.items()):
        if name.endswith(".pck"):
            _take_pickle(found, name, data)
        elif PurePosixPath(name).suffix in {".db", ".last", ".mbox", ".html"}:
            found.remark(Place(name), "not read")
        elif "ban_list =" in text_of(data[:_LONGEST_TEXT]):
            _take_config(found, name, text_of(data[:_LONGEST_TEXT]))
        else:
            lists[name] = data
    take_lists(found, lists, alone=len(files) == 1)
    return found


# ---------------------------------------------------------------------------------------------------- config_list -o


def _take_config(found: Found, file: str, text: str) -> None:
    """The owners, moderators and bans of a list's configuration."""
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        found.problem(Place(file, getattr(error, "lineno", 0) or 0), "is not what config_list -o writes")
        return
    for statement in statements:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            key = statement.targets[0].id
            if key in _VERDICTS or key in _OFFICES:
                _take_setting(found, Place(file, statement.lineno), key, _literal(statement.value))
    found.remark(Place(file), _NOT_MOVED)


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None


def _take_setting(found: Found, place: Place, key: str, value: Any) -> None:
    """One setting that names people: a list of addresses or patterns."""
    if not isinstance(value, list | tuple):
        found.problem(place, f"{key} is not a list of addresses")
        return
    for item in value:
        text = _text(item)
        if key in _OFFICES:
            name, address = mailbox(text) or ("", text)
            found.leader(place, address, name, _OFFICES[key])
        elif text.startswith("@") and "." not in text:
            found.remark(place, f"{key} {shown(text)}: the members of another list; not taken over")
        else:
            found.decision(place, text, _VERDICTS[key])
    if value and key == "reject_these_nonmembers":
        found.remark(place, "whose posts were refused with a notice: they are discarded here")


def _text(value: object) -> str:
    """A text of Python 2, whose octets were read as if in ISO 8859-1."""
    if not isinstance(value, str):
        return ""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


# -------------------------------------------------------------------------------------------------------- config.pck


def _take_pickle(found: Found, file: str, data: bytes) -> None:
    if PurePosixPath(file).name != "config.pck" and b"digest_members" not in data:
        found.remark(Place(file), "not read: it holds no members")
        return
    try:
        facts = roster_pickle.plain(data)
    except Malformed as error:
        found.problem(Place(file), error.public)
        return
    if not isinstance(facts, dict) or "members" not in facts:
        found.problem(Place(file), "holds no members: it is not the config.pck of a list")
        return
    for key, digest in (("members", False), ("digest_members", True)):
        for address, written in sorted(_mapping(facts.get(key)).items(), key=lambda item: str(item[0])):
            _take_member(found, file, facts, (_text(address), _text(written), digest))
    for key in (*_OFFICES, *_VERDICTS):
        _take_setting(found, Place(file), key, facts.get(key) or [])
    found.remark(Place(file), _NOT_MOVED)


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _take_member(found: Found, file: str, facts: Mapping[str, Any], who: tuple[str, str, bool]) -> None:
    """One member: `who` is the folded address, how it was written where that differs, and whether digests are sent."""
    key, written, digest = who
    bits = _mapping(facts.get("user_options")).get(key, 0)
    bits = bits if isinstance(bits, int) else 0
    values: dict[str, object] = {"delivery": "daily" if digest else "each"}
    if digest:
        values["digest_format"] = "plain" if bits & _PLAIN_DIGEST else "mime"
    if bits & _MODERATE:
        values["posting"] = "held"
    if language := _mapping(facts.get("language")).get(key):
        values["language"] = _text(language).replace("_", "-")
    remarks = _switch_off(values, _mapping(facts.get("delivery_status")).get(key))
    remarks += ["was hidden from the list of members"] if bits & _CONCEAL else []
    remarks += [OWN_POSTS] if bits & _NOT_OWN else []
    place = Place(file)
    found.person(place, written or key, _text(_mapping(facts.get("usernames")).get(key)), values)
    for remark in remarks:
        found.remark(place, f"{key}: {remark}")


def _switch_off(values: dict[str, object], status: object) -> list[str]:
    """Take account of (why, when) somebody's mail was switched off; what is to be told of it."""
    why = status[0] if isinstance(status, tuple | list) and status else 0
    if why == _BY_BOUNCE:
        values["state"] = "suspended"
        return ["their mail had bounced: suspended"]
    if isinstance(why, int) and why in _NO_MAIL:
        values["delivery"] = "none"
        return [_NO_MAIL[why]] if _NO_MAIL[why] else []
    return []
