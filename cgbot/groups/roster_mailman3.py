"""
Pure rules: the rosters of Mailman 3: what its REST API gives as JSON, and what `mailman members` prints.

An entry of JSON is told by its fields: one with a role is a membership (/lists/LIST/roster/ROLE, /members), one with a
registration is an address (/addresses), any other with an `email` is a ban (/lists/LIST/bans). A roster does not say
whose mail is switched off: the files of `mailman members --nomail WHY` do, or entries of /members/ID/preferences that
somebody has put into the memberships as `preferences`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from cgbot.groups.roster_found import OWN_POSTS, Files, Found, Other, Person, Place, shown, take_lists, text_of
from cgbot.mail.address import fold

_MODES: Final = MappingProxyType(
    {
        "regular": {"delivery": "each"},
        "mime_digests": {"delivery": "daily", "digest_format": "mime"},
        "plaintext_digests": {"delivery": "daily", "digest_format": "plain"},
        "summary_digests": {"delivery": "daily", "digest_format": "mime"},
    }
)
_POSTING: Final = MappingProxyType({"hold": "held", "reject": "held", "discard": "held", "accept": "free"})
_OUTSIDE: Final = MappingProxyType({"accept": "allow", "hold": "hold", "reject": "ban", "discard": "ban"})
_KNOWN: Final = frozenset(
    {
        "address", "bounce_score", "last_bounce_received", "last_warning_sent", "total_warnings_sent", "delivery_mode",
        "delivery_status", "email", "list_id", "subscription_mode", "role", "user", "moderation_action", "display_name",
        "self_link", "member_id", "http_etag", "preferences", "original_email", "registered_on", "verified_on",
    }
)  # fmt: skip


def read(files: Files) -> Found:
    """Gather what a folder of such files, or one of them, tells."""
    found = Found()
    lists: dict[str, bytes] = {}
    users: dict[str, str] = {}
    registered: list[tuple[Place, Mapping[str, Any]]] = []
    of_lists: set[str] = set()
    for name, data in sorted(files.items()):
        if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in {b"{", b"["}:
            lists[name] = data
            continue
        for place, entry in _entries(found, name, text_of(data)):
            if "registered_on" in entry or "original_email" in entry:
                registered.append((place, entry))
            else:
                of_lists.add(str(entry.get("list_id") or ""))
                _take(found, place, entry, users)
    if len(of_lists - {""}) > 1:
        text = f"are of several lists: {', '.join(sorted(of_lists - {''}))}; get /lists/LIST/roster/member"
        found.problem(Place("the memberships"), text)
    _take_registered(found, registered, users)
    for name in [name for name in lists if re.search(r"non-?members?\b", name.lower())]:
        del lists[name]
        found.remark(Place(name), "not read: it does not say what was decided; get roster/nonmember as JSON")
    take_lists(found, lists, alone=len(files) == 1)
    return found


def _entries(found: Found, file: str, text: str) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Each entry with the line on which it begins, as nearly as that can be told."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        found.problem(Place(file, getattr(error, "lineno", 0)), "is not the JSON of Mailman's REST API")
        return
    entries = document.get("entries", [document]) if isinstance(document, dict) else document
    total = document.get("total_size") if isinstance(document, dict) else None
    if total == 0:
        return
    if isinstance(total, int) and isinstance(entries, list) and total > len(entries):
        text = f"has {len(entries)} entries of {total}: get it once more without count and page"
        found.problem(Place(file), text)
    for number, entry in enumerate(entries if isinstance(entries, list) else [], 1):
        if isinstance(entry, dict) and isinstance(entry.get("email"), str):
            yield Place(f"{file} entry {number}"), entry
        else:
            found.problem(Place(f"{file} entry {number}"), f"has no email: {shown(str(entry))}")


def _take(found: Found, place: Place, entry: Mapping[str, Any], users: dict[str, str]) -> None:
    """One membership, or a ban."""
    email, role = str(entry["email"]), entry.get("role")
    name = str(entry.get("display_name") or "")
    for other in sorted(set(entry) - _KNOWN):
        found.remark(place, f"{email}: {other} {shown(str(entry[other]))} is not carried over")
    if role in {"owner", "moderator"}:
        found.leader(place, email, name, str(role))
    elif role == "nonmember":
        action = str(entry.get("moderation_action") or "defer")
        if action in _OUTSIDE:
            found.decision(place, email, _OUTSIDE[action])
        if action == "reject":
            found.remark(place, f"{email}: posts were refused with a notice: they are discarded here")
    elif role == "member":
        _take_member(found, place, entry, users)
    elif role is None:
        found.decision(place, email, "ban")
    else:
        found.problem(place, f"{email}: {shown(str(role))} is not a role of Mailman")


def _take_member(found: Found, place: Place, entry: Mapping[str, Any], users: dict[str, str]) -> None:
    email = str(entry["email"])
    preferences = entry.get("preferences")
    told = {**entry, **(preferences if isinstance(preferences, dict) else {})}
    user = str(entry.get("user") or "")
    if user and user in users:
        found.others.append(Other(place, email, users[user]))
        found.remark(place, f"{email}: a second address of {users[user]}, who is a member once; it may post too")
        return
    if user:
        users[user] = email
    values: dict[str, object] = dict(_MODES.get(str(told.get("delivery_mode", "regular")), {"delivery": "each"}))
    if told.get("preferred_language"):
        values["language"] = str(told["preferred_language"]).replace("_", "-")
    action = str(told.get("moderation_action") or "defer")
    if action in _POSTING:
        values["posting"] = _POSTING[action]
    found.person(place, email, str(entry.get("display_name") or ""), values)
    for remark in _switch_off(told, action, found.people.get(fold(email))):
        found.remark(place, f"{email}: {remark}")


def _switch_off(told: Mapping[str, Any], action: str, person: Person | None) -> Sequence[str]:
    """Switch off mail that was, and give what is to be told of a membership."""
    remarks = []
    status = str(told.get("delivery_status") or "enabled")
    if status == "by_bounces" and person:
        person.values["state"] = "suspended"
        remarks.append("their mail had bounced: suspended")
    elif status != "enabled" and person:
        person.values["delivery"] = "none"
        if status == "by_moderator":
            remarks.append("an administrator had switched off their mail")
    if action in {"reject", "discard"}:
        remarks.append(f"their posts were set to {action}; here they are held")
    if str(told.get("delivery_mode")) == "summary_digests":
        remarks.append("summaries do not exist here: a daily digest")
    if told.get("receive_own_postings") is False:
        remarks.append(OWN_POSTS)
    return remarks


def _take_registered(
    found: Found, registered: Sequence[tuple[Place, Mapping[str, Any]]], users: Mapping[str, str]
) -> None:
    """The verified addresses of those who are members; the server's other addresses are nobody's concern."""
    for place, entry in registered:
        of = users.get(str(entry.get("user") or ""))
        email = str(entry.get("original_email") or entry["email"])
        if of is None or fold(email) == fold(of) or fold(email) in {fold(one.address) for one in found.others}:
            continue
        if entry.get("verified_on"):
            found.others.append(Other(place, email, of))
        else:
            found.remark(place, f"{email}: an address of {of} that was never verified is not carried over")
