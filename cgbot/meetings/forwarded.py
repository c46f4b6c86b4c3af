"""
What a convener forwards to NAME-meetings@ (use case): a calendar invitation, or the note with the link to join.

It becomes an order that is shown first: a new meeting, or the link of the meeting that the invitation or the note is
about. The mail only claims to be from a convener, so the preview goes to that convener's own address and nothing
changes without a yes from there (groups.ordering). What is not certain (a time without a zone, no end, two meetings on
that day) is asked, never guessed. A forwarded series gives its first meeting only, and the preview says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Malformed
from cgbot.groups import ordering, orders, roles, subscriptions
from cgbot.groups.charter import Charter
from cgbot.groups.commands import Actor, Command, Proposal, Request
from cgbot.ical import incoming
from cgbot.ical.incoming import Offered
from cgbot.mail.address import fold
from cgbot.meetings import joining, records, wording
from cgbot.meetings import orders as meeting_orders
from cgbot.meetings.joining import Note
from cgbot.meetings.records import Meeting
from cgbot.store.db import Tx

_INVITES: Final = frozenset({"", "REQUEST", "PUBLISH"})
_PREFIXES: Final = ("invitation:", "updated invitation:", "fw:", "fwd:", "tr:", "wg:")
_GOOGLE: Final = "calendar-notification@google.com"
_TEXT: Final = 4000


def take(tx: Tx, context: Context, errand: Errand) -> Settled | None:
    """Show the convener what it would become; None where it is nothing of the kind, or from somebody else."""
    actor = _convener(tx, errand)
    if actor is None or errand.group_id is None or errand.detail:
        return None
    request = Request(errand.group_id, errand.group, actor, errand=errand)
    offered = next((one for each in errand.message.calendars if (one := incoming.read(each)) is not None), None)
    if offered is not None:
        if offered.method not in _INVITES or records.find_uid(tx, offered.uid) is not None:
            return None
        return _of_invitation(tx, context, request, offered)
    if errand.message.calendars or subscriptions.by_robot(errand):
        return None
    note = joining.read(f"{errand.message.subject}\n{errand.message.text}", errand.message.html)
    return _of_note(tx, context, request, note) if note else None


def _convener(tx: Tx, errand: Errand) -> Actor | None:
    """The convener from whom it claims to be; Google's calendar names its user in Reply-To."""
    message = errand.message
    authors = message.reply_to if [fold(one.address) for one in message.authors] == [_GOOGLE] else message.authors
    if not errand.mail_from or len(authors) != 1:
        return None
    actor = orders.actor_of(tx, errand.group_id or 0, authors[0].address)
    return actor if actor.role and roles.may(actor.role, "call meetings") else None


# --------------------------------------------------------------------------------------------------- an invitation


def _of_invitation(tx: Tx, context: Context, request: Request, offered: Offered) -> Settled:
    charter = context.charters[request.group]
    found = joining.links("\n".join((*offered.links, offered.location, offered.description)))
    same = [one for one in _ahead(tx, context, request.group_id) if one.starts_at == offered.starts_at]
    if found and len(same) == 1:
        return _ask_link(tx, context, request, same[0], (found[0], f"{_from(offered)} It is at the time of this one."))
    fields = _fields(offered, charter, found[0] if found else "")
    words = [_from(offered), *_remarks(offered), *(_clash(one) for one in same)]
    asked = dataclasses.replace(request, fields=fields)
    if "?" in fields.values():
        return ordering.ask(tx, context, _unclear(_command("schedule"), " ".join(words), offered), asked)
    return ordering.ask(tx, context, _with_words(_command("schedule"), " ".join(words)), asked)


def _fields(offered: Offered, charter: Charter, link: str) -> Mapping[str, str]:
    title = _title(offered.summary, charter)
    location = "" if joining.links(offered.location) else offered.location
    text = joining.without_way_in(offered.description)[:_TEXT]
    fields = {"title": title, **_times(offered, charter), "location": location, "link": link, "text": text}
    fields["tentative"] = "yes" if offered.tentative else ""
    return {key: value for key, value in fields.items() if value}


def _title(summary: str, charter: Charter) -> str:
    """The summary without what calendars and our own feed put before it."""
    title = " ".join(summary.split())
    for prefix in (*_PREFIXES, f"{charter.acronym.lower()}:"):
        if title.lower().startswith(prefix):
            title = title[len(prefix) :].strip()
    return title or "Meeting"


def _times(offered: Offered, charter: Charter) -> Mapping[str, str]:
    """The time as the form has it; a question mark for what the invitation does not say."""
    start, end = offered.start, offered.end
    if not isinstance(start, datetime):
        return {"start": start.isoformat(), "end": ((end or start + timedelta(days=1)) - timedelta(days=1)).isoformat()}
    if offered.starts_at is None or not isinstance(end, datetime):
        zone = "?" if offered.starts_at is None else offered.zone
        ends = {"end": _wall(end)} if isinstance(end, datetime) else {"duration": "?"}
        return {"start": _wall(start), **ends, "zone": zone}
    length = end.replace(tzinfo=ZoneInfo(offered.zone)).astimezone(UTC) - offered.starts_at
    zone = _zone(offered.zone, (offered.starts_at, offered.starts_at + length), charter)
    instants = (offered.starts_at, offered.starts_at + length)
    return {"start": _in_zone(instants[0], zone), "end": _in_zone(instants[1], zone), "zone": zone}


def _zone(name: str, instants: Sequence[datetime], charter: Charter) -> str:
    """The group's own zone where the clocks show the same there, and for UTC."""
    own = ZoneInfo(charter.zone)
    same = all(one.astimezone(own).utcoffset() == one.astimezone(ZoneInfo(name)).utcoffset() for one in instants)
    return charter.zone if same or name == "UTC" else name


def _in_zone(instant: datetime, zone: str) -> str:
    """A wall time; with its offset where the clocks show it twice."""
    local = instant.astimezone(ZoneInfo(zone))
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return local.isoformat(timespec="minutes") if twice else _wall(local)


def _wall(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _from(offered: Offered) -> str:
    by = f" of {offered.organizer}" if offered.organizer else ""
    return f'This comes from the calendar invitation "{offered.summary}"{by}, which was sent to the meetings address.'


def _remarks(offered: Offered) -> list[str]:
    found = []
    if offered.recurring:
        found.append("It is a series: only its first meeting would be called.")
    if offered.whole_days:
        found.append('It has days and no time. If it is a meeting of the parent body, add the line "kind: parent".')
    return found


def _clash(meeting: Meeting) -> str:
    return f"Meeting {meeting.id}, {meeting.title}, begins at the same time already."


# --------------------------------------------------------------------------------------------------- a joining note


def _of_note(tx: Tx, context: Context, request: Request, note: Note) -> Settled:
    ahead = _ahead(tx, context, request.group_id)
    passcode = f'\n\nThe note also says: "{note.passcode}". A link mostly carries it already.' if note.passcode else ""
    others = f"\n\nOther links in it: {', '.join(note.others[:3])}" if note.others else ""
    words = "This comes from a note that was sent to the meetings address."
    found = _matching(ahead, note, context.charters[request.group])
    if not note.days:
        found = [one for one in ahead if one.kind == "group" and not one.join_url][:1]
        words += " It names no day: this is the next meeting without a link."
    if len(found) == 1:
        return _ask_link(tx, context, request, found[0], (note.link, words + passcode + others))
    return _ask_which(tx, context, request, found or ahead, note.link)


def _matching(meetings: Sequence[Meeting], note: Note, charter: Charter) -> list[Meeting]:
    """The meetings on a day that the note names; several on one day are told apart by the times in it."""
    found = [one for one in meetings if any(start.date() in note.days for start in _starts(one, charter))]
    if len(found) <= 1:
        return found
    timed = [one for one in found if any(start.time() in note.times for start in _starts(one, charter))]
    return timed or found


def _starts(meeting: Meeting, charter: Charter) -> list[datetime]:
    """Its start as clocks show it: where it is, where the group is, and in UTC."""
    zones = {meeting.zone, charter.zone, "UTC"}
    return [meeting.starts_at.astimezone(ZoneInfo(one)).replace(tzinfo=None) for one in zones]


def _ahead(tx: Tx, context: Context, group_id: int) -> list[Meeting]:
    found = records.of_group(tx, group_id, since=context.now)
    return [one for one in found if one.state in {"tentative", "confirmed"} and one.starts_at > context.now]


def _ask_link(tx: Tx, context: Context, request: Request, meeting: Meeting, what: tuple[str, str]) -> Settled:
    link, words = what
    asked = dataclasses.replace(request, words=(str(meeting.id),), fields={"link": link})
    return ordering.ask(tx, context, _with_words(_command("link"), words), asked)


def _ask_which(tx: Tx, context: Context, request: Request, meetings: Sequence[Meeting], link: str) -> Settled:
    """Ask to which meeting a link belongs."""

    def propose(_tx: Tx, context: Context, asked: Request) -> Proposal:
        if not meetings:
            raise Malformed(f"no meeting is planned to which {link} could belong; call it first, with the link")
        charter = context.charters[asked.group]
        listed = "\n".join(f"  {one.id}: {one.title}, {wording.when(one, charter)}" for one in meetings[:20])
        preview = (
            f"To which meeting does this link belong?\n\n  {link}\n\n{listed}\n\nAnswer with one line, such as\n\n"
            f"  meeting: {meetings[0].id}\n\nA yes alone does nothing."
        )
        facts = {"fields": dict(asked.fields), "meeting": 0}
        return Proposal(f"link {link}"[:200], "a link to join: of which meeting?", preview, asked.fields, facts)

    asked = dataclasses.replace(request, fields={"meeting": "?", "link": link})
    return ordering.ask(tx, context, dataclasses.replace(_command("link"), propose=propose), asked)


# ------------------------------------------------------------------------------------------------------- proposals


def _command(name: str) -> Command:
    return next(one for one in meeting_orders.commands() if one.name == name)


def _with_words(command: Command, words: str) -> Command:
    """The same command, whose preview says first where it comes from."""

    def propose(tx: Tx, context: Context, request: Request) -> Proposal:
        proposal = command.propose(tx, context, request)
        return dataclasses.replace(proposal, preview=f"{words}\n\n{proposal.preview}")

    return dataclasses.replace(command, propose=propose)


def _unclear(command: Command, words: str, offered: Offered) -> Command:
    """The same command, shown with the question that must be answered before it can be ordered."""

    def propose(_tx: Tx, _context: Context, request: Request) -> Proposal:
        doubt = offered.doubt or "the invitation does not say when it ends"
        field = "zone: Geneva" if request.fields.get("zone") == "?" else "duration: 60m"
        preview = (
            f"{words}\n\nIt cannot be called as it is: {doubt}. Which is meant? Answer with one line, such as\n\n"
            f"  {field}\n\nor with the lines below corrected where the question mark is. A yes alone does nothing."
        )
        about = f"new meeting {request.fields['start']} {request.fields['title']}"[:200]
        facts = {"words": [], "fields": dict(request.fields)}
        return Proposal(about, f"meeting {request.fields['title']}: a question", preview, request.fields, facts)

    return dataclasses.replace(command, propose=propose)
