"""
Members' digests, daily and weekly (use cases; KINDS for the ledger).

All who chose the same rhythm in the same zone are due together, at HOUR on their own clocks; weekly ones on the day of
the charter's digest. Each gets what came in since their mark, as multipart/digest or as plain text, in one mail; who
has the same mark and form shares one content. The marks move in the transaction that queues the mails, so nobody gets
a post twice, and one digest covers whatever a stop has left out. Nobody gets an empty one; who is away is owed nothing.
In companion mode the list's host makes the digests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cgbot.archive import records as archive
from cgbot.archive.records import Post
from cgbot.context import Context
from cgbot.failpoints import reach
from cgbot.groups import digest_marks, members, records
from cgbot.groups.charter import Charter
from cgbot.groups.digest_marks import Mark
from cgbot.groups.members import Member
from cgbot.itu import typography
from cgbot.mail import compose, digest, list_headers, verp
from cgbot.mail import message as messages
from cgbot.mail.compose import NewMail
from cgbot.mail.digest import Entry
from cgbot.mail.message import Caps
from cgbot.notices.kinds import Kind, Late, Occurrence, at_wall_time
from cgbot.outbox import queue
from cgbot.outbox.queue import Copy, Mail, Timing
from cgbot.posts import distribution
from cgbot.store import raw
from cgbot.store.db import Tx

NAME: Final = "member-digest"
OWED: Final = "member-digest-owed"
HOUR: Final = 6
MOST: Final = 60  # posts that travel whole; those after them are listed with their links
_MOST_OCTETS: Final = 2_000_000
_WEEKLY: Final = "weekly"


@dataclass(frozen=True, slots=True)
class _Range:
    """Which posts, in which form: after this id, up to that one."""

    after: int
    until: int
    form: str


# -------------------------------------------------------------------------------------------------- when it is due


def _plan(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    found: list[Occurrence] = []
    for group in records.list_groups(tx):
        charter = context.charters.get(group.name)
        if charter is None or charter.mode == "companion" or group.closed_at is not None:
            continue
        for rhythm, zone in members.rhythms(tx, group.id, digest_marks.MODES):
            place = zone or charter.zone
            found.extend(
                _occurrence(group.id, (rhythm, zone, place), day, due)
                for day, due in _days(charter, rhythm, place, context.now, until)
                if due > group.created_at
            )
    return found


def _days(charter: Charter, rhythm: str, zone: str, now: datetime, until: datetime) -> list[tuple[date, datetime]]:
    """The last one whose time has come, and those due by `until`."""
    today = now.astimezone(ZoneInfo(zone)).date()
    days = range(-7, (until - now).days + 3)
    found: list[tuple[date, datetime]] = []
    for day in (today + timedelta(days=one) for one in days):
        due = at_wall_time(day, time(HOUR), zone)
        if due > until or (rhythm == _WEEKLY and day.weekday() != charter.digest.weekday):
            continue
        found = [(day, due)] if due <= now else [*found, (day, due)]
    return found


def _occurrence(group_id: int, who: tuple[str, str, str], day: date, due: datetime) -> Occurrence:
    rhythm, zone, place = who
    return Occurrence(
        kind=NAME,
        about=f"{rhythm} digest {day} in {place}" + ("" if zone else ", the group's zone"),
        group_id=group_id,
        due_at=due,
        audience=f"{rhythm} readers in {place}",
        summary=f"The {rhythm} digest of {typography.weekday(day)}",
        facts={"rhythm": rhythm, "zone": zone, "day": day.isoformat()},
    )


def _plan_owed(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    """What is owed to members who went back to single posts in the middle of a day or a week."""
    groups = [one for one in records.list_groups(tx) if one.name in context.charters and one.closed_at is None]
    groups = [one for one in groups if context.charters[one.name].mode != "companion"]
    return [
        Occurrence(
            kind=OWED,
            about=f"posts up to {mark.until_id} to member {mark.member_id}",
            group_id=group.id,
            due_at=mark.at,
            audience="one member",
            summary="The last digest of a member who gets each post now",
            facts={"member": mark.member_id},
        )
        for group in groups
        for mark in digest_marks.owed(tx, group.id)
        if mark.at <= until
    ]


# ------------------------------------------------------------------------------------------------- what is sent


def _send(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    rhythm, zone = str(occurrence.facts["rhythm"]), str(occurrence.facts["zone"])
    newest = digest_marks.newest_post(tx, occurrence.group_id, occurrence.due_at)
    ranges: dict[_Range, list[Member]] = defaultdict(list)
    for member, mark in _readers(tx, occurrence.group_id, rhythm, zone):
        is_away = member.away_until is not None and context.now < member.away_until
        if mark is not None and not is_away and mark.post_id < newest:
            ranges[_Range(mark.post_id, newest, member.digest_format)].append(member)
        if mark is None or mark.post_id < newest:
            digest_marks.put(tx, member.id, newest, context.now)
    reach("digests.marked")
    day = date.fromisoformat(str(occurrence.facts["day"]))
    for wanted, readers in ranges.items():
        _write(tx, context, occurrence.group_id, (wanted, rhythm, day), readers)
        reach("digests.written")


def _readers(tx: Tx, group_id: int, rhythm: str, zone: str) -> list[tuple[Member, Mark | None]]:
    found = [one for one in members.each_active(tx, group_id) if one.delivery == rhythm and one.zone == zone]
    marks = digest_marks.find(tx, tuple(one.id for one in found))
    return [(one, marks.get(one.id)) for one in found]


def _send_owed(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    member = members.get_member(tx, int(str(occurrence.facts["member"])))
    mark = digest_marks.find(tx, (member.id,)).get(member.id) if member else None
    if member is None or mark is None or mark.until_id is None:
        return
    digest_marks.forget(tx, member.id)
    wanted = _Range(mark.post_id, mark.until_id, member.digest_format)
    charter = context.charters[records.name_of(tx, occurrence.group_id)]
    day = context.now.astimezone(ZoneInfo(member.zone or charter.zone)).date()
    _write(tx, context, occurrence.group_id, (wanted, "last", day), [member])


def _write(tx: Tx, context: Context, group_id: int, what: tuple[_Range, str, date], readers: Sequence[Member]) -> None:
    """Queue one content for all of these readers."""
    wanted, rhythm, day = what
    group = records.name_of(tx, group_id)
    charter = context.charters[group]
    posts = archive.between(tx, group_id, wanted.after, wanted.until)
    if not posts:
        return
    message_id = f"{context.new_token()}@{context.settings.service.domain}"
    found = _entries(tx, context, charter, posts)
    entries = tuple(found.values())
    facts = {**_told(context, charter, posts, found.keys()), "rhythm": rhythm, "day": typography.weekday(day)}
    mail = _mail(context, charter, (entries, wanted.form, message_id), facts)
    about = f"{rhythm} digest, posts {posts[0].id} to {posts[-1].id}"
    content_id = queue.add_content(tx, Mail("digest", about, group_id, message_id, compose.compose(mail)), context.now)
    copies = (_copy(context, group, content_id, one) for one in readers)
    queue.add_copies(tx, content_id, copies, Timing(context.now, context.now + distribution.LIFETIME))


def _link(context: Context, charter: Charter, one: Post) -> str:
    """The page of a post; "" for what its author wanted in no archive."""
    return "" if one.unlisted else f"{context.settings.service.public_url}/{charter.name}/{one.permalink}/"


def _told(context: Context, charter: Charter, posts: Sequence[Post], whole: Collection[int]) -> dict[str, object]:
    service = context.settings.service
    topics = [
        {
            "number": number,
            "subject": one.subject or "(no subject)",
            "author": one.author_name or one.author_address,
            "link": _link(context, charter, one),
            "whole": one.id in whole,
        }
        for number, one in enumerate(posts, 1)
    ]
    return {
        "acronym": charter.acronym,
        "title": charter.title,
        "topics": topics,
        "list_address": charter.posting_address(service.domain),
        "request_address": charter.address(service.domain, "request"),
        "archive": f"{service.public_url}/{charter.name}/",
    }


def _mail(
    context: Context, charter: Charter, what: tuple[Sequence[Entry], str, str], facts: dict[str, object]
) -> NewMail:
    entries, form, message_id = what
    words = context.render(NAME, facts, charter.language)
    is_plain = form == "plain"
    ending = f"End of {charter.acronym} Digest"
    return NewMail(
        from_name=charter.acronym,
        from_address=charter.posting_address(context.settings.service.domain),
        to=compose.slot(compose.TO),
        subject=words.subject,
        text=digest.plain(entries, words.text, ending) if is_plain else words.text,
        date=context.now,
        message_id=message_id,
        fields=(("Auto-Submitted", "auto-generated"),),
        extra=distribution.described(context, charter.name).fields(),
        parts=() if is_plain or not entries else (digest.mime(entries, message_id),),
    )


def _entries(tx: Tx, context: Context, charter: Charter, posts: Sequence[Post]) -> dict[int, Entry]:
    """The posts that travel, by id: the first MOST, no more than some megabytes, none whose octets are damaged."""
    limits = context.settings.limits
    caps = Caps(limits.header_size, limits.parts, limits.depth)
    stored = raw.get_some(tx, [one.sha256 for one in posts[:MOST]])
    found: dict[int, Entry] = {}
    octets = 0
    for one in posts[:MOST]:
        octets += min(one.size, digest.LARGEST)
        if octets > _MOST_OCTETS:
            break
        link = _link(context, charter, one)
        content = stored.get(one.sha256)
        if isinstance(content, bytes):  # one bad post keeps nobody from the others
            found[one.id] = Entry(messages.parse(content, caps), link)
    return found


def _copy(context: Context, group: str, content_id: int, member: Member) -> Copy:
    domain = context.settings.service.domain
    return Copy(
        recipient=member.address,
        member_id=member.id,
        return_path=verp.return_path(context.keys, group, domain, content_id, member.id),
        slots={
            compose.TO: member.address,
            list_headers.ONE_CLICK: distribution.one_click(context, group, member.id),
        },
    )


KINDS: Final[tuple[Kind, ...]] = (
    Kind(NAME, "members", announced=False, plan=_plan, send=_send, late=Late(None)),
    Kind(OWED, "members", announced=False, plan=_plan_owed, send=_send_owed, late=Late(None)),
)
