"""
Pure rules: the rosters of mlmmj: the folder of a list, with one address a line in files by first letter.

subscribers.d gets each post, digesters.d digests, nomailsubs.d nothing; control/owner and control/moderators name
people. What else is in control, the access rules among it, is about the list and is only told. The output of
`mlmmj-list` can be read too, in files called subscribers, digesters and nomail.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cgbot.groups.roster_found import LISTS, Files, Found, Place, Sense, lines_of, sense, shown, take_list, take_lists
from cgbot.mail.address import fold

_FOLDERS: Final[Mapping[str, Sense]] = MappingProxyType(
    {
        "nomailsubs.d": sense("", delivery="none"),
        "digesters.d": sense("", delivery="daily"),
        "subscribers.d": sense("", delivery="each"),
    }
)
_CONTROL: Final = MappingProxyType(
    {
        "owner": sense("", "owner"),
        "moderators": sense("", "moderator"),
        "submod": sense("", "moderator"),
    }
)
_LISTS: Final = (*LISTS, sense("digesters", delivery="daily"), sense("subscribers", delivery="each"))
# The switches of control that a group here has as well, and where.
_SWITCHES: Final = MappingProxyType(
    {
        "closedlist": 'nobody can join or leave by mail: subscription.policy = "closed"',
        "closedlistsub": 'nobody can join by mail: subscription.policy = "closed"',
        "moderated": "posts wait for a moderator: see docs/moderation.md",
        "modnonsubposts": "posts of others wait for a moderator: so they do here",
        "subonlypost": "only subscribers post: posts of others wait for a convener here",
        "nosubonlydenymails": "who may not post is not told so",
        "nosubconfirm": "joining needed no confirmation: here it always does",
    }
)


def read(files: Files) -> Found:
    """Gather what the folder of a list, or some of its files, tells."""
    found = Found()
    several: dict[str, set[str]] = {}
    others = dict(files)
    for folder, meant in _FOLDERS.items():
        for name in sorted(_below(folder, others)):
            data = others.pop(name)
            take_list(found, name, data, meant)
            _note(several, name, data, folder)
    for name in sorted(_below("control", others)):
        _take_control(found, name, others.pop(name))
    take_lists(found, others, _LISTS, alone=len(files) == 1)
    for key, folders in several.items():
        if len(folders) > 1 and key in found.people:
            text = f"{found.people[key].address}: stands in {' and '.join(sorted(folders))}; the last counts"
            found.remark(found.people[key].place, text)
    return found


def _below(folder: str, files: Files) -> list[str]:
    return [name for name in files if folder in name.split("/")[:-1]]


def _note(several: dict[str, set[str]], name: str, data: bytes, folder: str) -> None:
    for _, line in lines_of(name, data):
        several.setdefault(fold(line), set()).add(folder)


def _take_control(found: Found, name: str, data: bytes) -> None:
    """One file of control: people, or something to be told."""
    switch = name.rpartition("/")[2]
    if switch in _CONTROL:
        take_list(found, name, data, _CONTROL[switch])
    elif switch == "access":
        for place, line in lines_of(name, data):
            found.remark(place, f"the access rule {shown(line)} is not carried over; see docs/moderation.md")
    elif switch in _SWITCHES:
        found.remark(Place(name), _SWITCHES[switch])
    else:
        found.remark(Place(name), "a setting of the list is not carried over")
