"""
Invitations: who is asked to a meeting, and how (use cases).

Each member with invitations on gets a mail of their own with one ATTENDEE, From the same address as the ORGANIZER
(calendars refuse what is addressed to a list): a static address for each subscriber, whose signed part tells who
answers. One frozen content serves all. A newer mail about the same meeting replaces one that is still queued, and what
speaks of a meeting expires with it. In a companion group the list gets an announcement that suffices alone; who has
joined here is invited besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cgbot.context import Context
from cgbot.groups import members
from cgbot.groups import records as groups
from cgbot.groups.charter import Charter
from cgbot.groups.members import Member
from cgbot.ical import itip
from cgbot.ical.event import Event
from cgbot.mail import verp
from cgbot.mail.compose import FROM, TO, Calendar, NewMail, compose, slot
from cgbot.mail.frozen import Frozen
from cgbot.meetings import records, worded, wording
from cgbot.meetings.records import Meeting
from cgbot.outbox import letters, queue
from cgbot.outbox.letters import Addressee, Letter
from cgbot.outbox.queue import Copy, Mail, Timing
from cgbot.store.db import Tx

_STATUS: Final = {"tentative": "TENTATIVE", "cancelled": "CANCELLED"}
_AFTER_CANCELLED: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class _Mail:
    """
    One kind of mail about a meeting: its template, and the iTIP object that goes with it.

    `words` go to the template as `comment`; what does not say how the meeting stands `replaces` nothing in the queue.
    """

    template: str
    method: str
    content: Frozen
    words: str = ""
    replaces: bool = True


def event(meeting: Meeting, charter: Charter, public_url: str, *, join_link: bool) -> Event:
    """The meeting as a calendar sees it; the join link is for those who are invited only."""
    return Event(
        uid=meeting.uid,
        sequence=meeting.sequence,
        revised_at=meeting.revised_at,
        created_at=meeting.created_at,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        zone=meeting.zone,
        whole_days=meeting.whole_days,
        summary=f"{charter.acronym}: {meeting.title}" if meeting.kind == "group" else meeting.title,
        description=meeting.description,
        location=meeting.location,
        url=f"{public_url}/{charter.name}/meetings/",
        join_url=meeting.join_url if join_link else "",
        status=_STATUS.get(meeting.state, "CONFIRMED"),
    )


def invite(tx: Tx, context: Context, meeting: Meeting, *, ask_again: bool) -> int:
    """Invite everybody who wants invitations, or send the update; how many mails to members were queued."""
    charter = _charter(tx, context, meeting.group_id)
    wanted = [one for one in members.active_members(tx, meeting.group_id) if one.invitations]
    records.invite(tx, meeting, [one.id for one in wanted], ask_again=ask_again)
    update = meeting.revision > 1
    built = event(meeting, charter, context.settings.service.public_url, join_link=True)
    mail = _Mail("meeting-updated" if update else "meeting-invitation", "REQUEST", itip.request(built, context.now))
    count = _send(tx, context, meeting, mail, wanted)
    _announce(tx, context, meeting, charter, "meeting-updated" if update else "meeting-announced")
    return count


def call_off(tx: Tx, context: Context, meeting: Meeting) -> int:
    """Tell everybody who was invited that the meeting is cancelled."""
    charter = _charter(tx, context, meeting.group_id)
    invited = [one.member_id for one in records.invited(tx, meeting.id)]
    told = [one for member_id in invited if (one := members.get_member(tx, member_id)) and one.state == "active"]
    built = event(meeting, charter, context.settings.service.public_url, join_link=True)
    mail = _Mail("meeting-cancelled", "CANCEL", itip.cancel(built, context.now, whole=True))
    count = _send(tx, context, meeting, mail, told)
    _announce(tx, context, meeting, charter, "meeting-cancelled")
    return count


def welcome(tx: Tx, context: Context, member: Member) -> None:
    """Invite a new subscriber to the meetings to come."""
    if not member.invitations:
        return
    charter = _charter(tx, context, member.group_id)
    for meeting in _to_come(tx, context, member.group_id):
        records.invite(tx, meeting, [member.id], ask_again=True)
        built = event(meeting, charter, context.settings.service.public_url, join_link=True)
        mail = _Mail("meeting-invitation", "REQUEST", itip.request(built, context.now))
        _send(tx, context, meeting, mail, [member])


def part(tx: Tx, context: Context, member: Member) -> None:
    """Take the meetings to come out of the calendar of somebody who has left (RFC 5546 section 3.2.5)."""
    charter = _charter(tx, context, member.group_id)
    for meeting in _to_come(tx, context, member.group_id):
        if records.find_attendee(tx, meeting.id, member.id) is None:
            continue
        # Un-inviting counts, so that inviting again stands above it.
        after = records.change(tx, meeting.id, {"sequence": meeting.sequence + 1, "revised_at": context.now})
        built = event(after, charter, context.settings.service.public_url, join_link=False)
        mail = _Mail("meeting-uninvited", "CANCEL", itip.cancel(built, context.now, whole=False))
        _send(tx, context, after, mail, [member])
        records.forget(tx, meeting.id, member.id)


def send_again(tx: Tx, context: Context, meeting: Meeting, member: Member) -> None:
    """Send one attendee the invitation as it stands (RFC 5546 section 3.2.6); SEQUENCE and answer stay."""
    charter = _charter(tx, context, meeting.group_id)
    built = event(meeting, charter, context.settings.service.public_url, join_link=True)
    mail = _Mail("meeting-invitation", "REQUEST", itip.request(built, context.now))
    _send(tx, context, meeting, mail, [member])


def keep_time(tx: Tx, context: Context, meeting: Meeting, member: Member, comment: str) -> None:
    """Tell an attendee that the time they proposed is not taken (RFC 5546 section 3.2.8)."""
    charter = _charter(tx, context, meeting.group_id)
    built = event(meeting, charter, context.settings.service.public_url, join_link=False)
    content = itip.decline_counter(built, context.now, comment)
    mail = _Mail("meeting-kept", "DECLINECOUNTER", content, words=comment, replaces=False)
    _send(tx, context, meeting, mail, [member])


def _to_come(tx: Tx, context: Context, group_id: int) -> list[Meeting]:
    found = records.of_group(tx, group_id, since=context.now)
    return [one for one in found if one.kind == "group" and one.state in {"tentative", "confirmed"}]


def _charter(tx: Tx, context: Context, group_id: int) -> Charter:
    return context.charters[next(one.name for one in groups.list_groups(tx) if one.id == group_id)]


# ------------------------------------------------------------------------------------------- one mail, many copies


def _send(tx: Tx, context: Context, meeting: Meeting, mail: _Mail, told: Sequence[Member]) -> int:
    """Queue one frozen content with a copy for each member."""
    if not told:
        return 0
    charter = _charter(tx, context, meeting.group_id)
    domain = context.settings.service.domain
    message_id = worded.message_id(meeting.id, meeting.sequence, context.new_token(), domain)
    frozen = _compose(context, meeting, charter, mail, message_id)
    about = f"meeting {meeting.id} revision {meeting.revision}"
    content_id = queue.add_content(tx, Mail("invitation", about, meeting.group_id, message_id, frozen), context.now)
    copies = [_copy(tx, context, meeting, charter, (content_id, one)) for one in told]
    replaces = f"meeting {meeting.id}" if mail.replaces else None
    return queue.add_copies(tx, content_id, copies, _timing(context, meeting), replaces=replaces)


def _timing(context: Context, meeting: Meeting) -> Timing:
    ends = meeting.ends_at if meeting.state != "cancelled" else max(meeting.ends_at, context.now + _AFTER_CANCELLED)
    return Timing(context.now, letters.give_up(context.now, ends))


def _compose(context: Context, meeting: Meeting, charter: Charter, mail: _Mail, message_id: str) -> Frozen:
    domain = context.settings.service.domain
    given = facts(context, meeting, charter, companion=False) | ({"comment": mail.words} if not mail.replaces else {})
    words = context.render(mail.template, given, charter.language)
    return compose(
        NewMail(
            from_name=charter.acronym,
            from_address=slot(FROM),
            to=slot(TO),
            subject=words.subject,
            text=words.text,
            html=words.html or _as_html(words.text),
            date=context.now,
            message_id=message_id,
            calendar=Calendar(mail.method, mail.content),
            fields=(
                # All mails about one meeting stand together in a mail program.
                ("References", f"<meeting-{meeting.uid}>"),
                ("Auto-Submitted", "auto-generated"),
                ("List-Id", f"<{charter.list_id(domain)}>"),
                ("List-Help", f"<mailto:{charter.address(domain, 'request')}?subject=help>"),
            ),
        )
    )


def _as_html(text: str) -> str:
    """The same words for clients that show only the HTML part beside an invitation."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    style = "font-family: sans-serif; white-space: pre-wrap"
    return f'<!DOCTYPE html>\n<html lang="en"><body><div style="{style}">{escaped}</div></body></html>\n'


def facts(context: Context, meeting: Meeting, charter: Charter, *, companion: bool) -> dict[str, object]:
    """What the templates about a meeting are told."""
    service = context.settings.service
    return {
        "acronym": charter.acronym,
        "title": meeting.title,
        "when": wording.when(meeting, charter),
        "when_short": wording.short(meeting, charter),
        "location": meeting.location,
        "join_url": meeting.join_url,
        "description": meeting.description,
        "tentative": meeting.state == "tentative",
        "page": f"{service.public_url}/{charter.name}/meetings/",
        "calendar_url": f"{service.public_url}/{charter.name}/calendar.ics",
        "join_address": charter.address(service.domain, "join"),
        "companion": companion,
    }


def _copy(tx: Tx, context: Context, meeting: Meeting, charter: Charter, whom: tuple[int, Member]) -> Copy:
    content_id, member = whom
    domain = context.settings.service.domain
    organizer = verp.organizer(context.keys, charter.name, domain, member.id)
    state = records.find_attendee(tx, meeting.id, member.id)
    role = "OPT-PARTICIPANT" if member.role == "observer" else "REQ-PARTICIPANT"
    return Copy(
        recipient=member.address,
        member_id=member.id,
        return_path=verp.return_path(context.keys, charter.name, domain, content_id, member.id),
        slots={
            FROM: organizer,
            TO: member.address,
            itip.ORGANIZER: itip.organizer_line(organizer, charter.acronym),
            itip.ATTENDEE: itip.attendee_line(
                member.address, member.name, role=role, partstat=state.partstat if state else "NEEDS-ACTION"
            ),
        },
    )


# ------------------------------------------------------------------------------------------------ a companion's list


def _announce(tx: Tx, context: Context, meeting: Meeting, charter: Charter, template: str) -> None:
    """In a companion group, write to the list that lives elsewhere: plain words that suffice alone."""
    if charter.companion is None:
        return
    domain = context.settings.service.domain
    letters.write(
        tx,
        context,
        Letter(
            kind="announcement",
            about=f"meeting {meeting.id} revision {meeting.revision}",
            template=template,
            facts=facts(context, meeting, charter, companion=True),
            group=(meeting.group_id, charter.name),
            recipients=(Addressee(charter.companion.list_address, None, ""),),
            sender_local=charter.name,
            sender_name=charter.acronym,
            reply_to=charter.companion.list_address,
            fields=(("References", f"<meeting-{meeting.uid}>"), ("X-Loop", charter.address(domain))),
            expires_at=_timing(context, meeting).expires_at,
            replaces=f"announcement of meeting {meeting.id}",
            language=charter.language,
        ),
    )
