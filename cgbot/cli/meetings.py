"""Edge: `cgbot meetings`, calling and changing meetings; times without an offset are Geneva time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from cgbot.cli.shell import Json, noun, open_house, say, show, show_json
from cgbot.errors import Malformed
from cgbot.groups import records as groups
from cgbot.groups.charter import Charter
from cgbot.itu import wall
from cgbot.meetings import records, schedule, wording
from cgbot.meetings.schedule import Changes, Order, When

app = noun("Meetings, invitations, replies.")
_Id = Annotated[int, typer.Argument(help="The number that `cgbot meetings list` shows.")]
_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
_Start = Annotated[str, typer.Option("--start", help='"2027-05-20 09:00", or a date for whole days.')]
_End = Annotated[str, typer.Option("--end", help='"2027-05-20 10:00", or the last day.')]
_Duration = Annotated[str, typer.Option("--duration", help="60m, 2h, 1h30m, instead of --end.")]
_Days = Annotated[int, typer.Option("--days", help="Number of whole days, instead of --end.")]
_Zone = Annotated[str, typer.Option("--tz", help="Time zone of the start, such as Asia/Seoul.")]


@app.command("schedule")
def schedule_meeting(
    group: _Group,
    *,
    title: Annotated[str, typer.Option("--title", help="What the meeting is called.")],
    start: _Start,
    end: _End = "",
    duration: _Duration = "",
    days: _Days = 0,
    kind: Annotated[str, typer.Option("--kind", help=", ".join(schedule.KINDS))] = "group",
    zone: _Zone = wall.GENEVA,
    location: Annotated[str, typer.Option("--location", help="Where it is.")] = "",
    join_url: Annotated[str, typer.Option("--join-url", help="Where to join; only those invited see it.")] = "",
    description: Annotated[str, typer.Option("--description", help="Agenda or other words.")] = "",
    tentative: Annotated[bool, typer.Option("--tentative", help="Not certain yet.")] = False,
    past: Annotated[bool, typer.Option("--past", help="Record a meeting that has been; invites nobody.")] = False,
    report: Annotated[
        bool | None,
        typer.Option(
            "--report/--no-report",
            help="Whether the group's report is due before it. With --kind parent it is: enter the parent's plenaries "
            "so, and a content week or a virtual plenary about one topic with --no-report.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Call a meeting and invite to it."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        order = Order(
            title=title,
            when=schedule.read_when(start, end, duration=duration, days=days, zone=zone),
            kind=kind,
            location=location,
            join_url=join_url,
            description=description,
            tentative=tentative,
            past=past,
            takes_report=report,
        )
        meeting = house.db.write_now(schedule.schedule, house.context(), found, order)
        invited = house.db.read_now(records.invited, meeting.id)
        text = wording.when(meeting, house.charters[found.name])
    if as_json:
        show_json({**_plain(meeting), "invited": len(invited)})
        return
    say(f"meeting {meeting.id}: {meeting.title}, {text}")
    say(f"{len(invited)} invitations are on their way" if invited else "nobody is invited")


@app.command()
def move(
    meeting_id: _Id,
    *,
    start: _Start = "",
    end: _End = "",
    duration: _Duration = "",
    days: _Days = 0,
    zone: Annotated[str, typer.Option("--tz", help="Time zone of the start; the meeting's own if left out.")] = "",
    title: Annotated[str | None, typer.Option("--title", help="What the meeting is called.")] = None,
    location: Annotated[str | None, typer.Option("--location", help="Where it is.")] = None,
    join_url: Annotated[str | None, typer.Option("--join-url", help="Where to join.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="Agenda or other words.")] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="A tentative meeting takes place.")] = False,
    as_json: Json = False,
) -> None:
    """Change a meeting and tell those who are invited."""
    with open_house() as house:
        before = house.db.read_now(records.get, meeting_id)
        changes = Changes(
            when=_new_when(before, (start, end, duration, days, zone)),
            title=title,
            location=location,
            join_url=join_url,
            description=description,
            confirm=confirm,
        )
        meeting = house.db.write_now(schedule.move, house.context(), meeting_id, changes)
        text = wording.when(meeting, _charter(house.charters, house.db.read_now(groups.list_groups), meeting.group_id))
    if as_json:
        show_json(_plain(meeting))
    elif meeting.revision == before.revision:
        say(f"meeting {meeting.id}: nothing is different, nobody is told")
    else:
        say(f"meeting {meeting.id}: {meeting.title}, {text}; those who are invited are told")


def _new_when(before: records.Meeting, given: tuple[str, str, str, int, str]) -> When | None:
    start, end, duration, days, zone = given
    if not start:
        if end or duration or days or zone:
            raise Malformed("a new end, duration or zone needs --start too")
        return None
    if not (end or duration or days):
        if before.whole_days:
            days = (before.ends_at - before.starts_at).days
        else:
            duration = f"{int((before.ends_at - before.starts_at).total_seconds() // 60)}m"
    return schedule.read_when(start, end, duration=duration, days=days, zone=zone or before.zone)


@app.command()
def cancel(meeting_id: _Id) -> None:
    """Cancel a meeting and tell those who were invited."""
    with open_house() as house:
        meeting = house.db.write_now(schedule.cancel, house.context(), meeting_id)
    say(f"meeting {meeting.id}: {meeting.title} is cancelled; those who were invited are told")


@app.command("list")
def list_meetings(
    group: Annotated[str, typer.Argument(help="A group; all of them when left out.")] = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Past ones too.")] = False,
    as_json: Json = False,
) -> None:
    """List meetings by their start."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group) if group else None
        since = None if everything else house.context().now
        rows = house.db.read_now(records.of_group, found.id if found else None, since)
    show(as_json, [_plain(one) for one in rows], ("id", "kind", "title", "wall_start", "zone", "state", "sequence"))


@app.command("show")
def show_meeting(meeting_id: _Id, *, as_json: Json = False) -> None:
    """Show one meeting."""
    with open_house() as house:
        meeting = house.db.read_now(records.get, meeting_id)
        text = wording.when(meeting, _charter(house.charters, house.db.read_now(groups.list_groups), meeting.group_id))
    if as_json:
        show_json(_plain(meeting))
        return
    say(f"{meeting.title} ({meeting.kind}, {meeting.state})")
    for name, value in (("when", text), ("where", meeting.location), ("join", meeting.join_url), ("uid", meeting.uid)):
        say(f"{name + ':':7}{value or '-'}")
    say(f"revision {meeting.revision}, SEQUENCE {meeting.sequence}")


@app.command()
def replies(meeting_id: _Id, *, as_json: Json = False) -> None:
    """Show who is invited and what they answered."""
    with open_house() as house:
        house.db.read_now(records.get, meeting_id)
        rows = house.db.read_now(records.invited, meeting_id)
    show(as_json, rows, ("address", "name", "organization", "partstat", "evidence", "comment"), "nobody is invited")


def _charter(charters: Mapping[str, Charter], known: tuple[groups.Group, ...], group_id: int) -> Charter:
    return charters[next(one.name for one in known if one.id == group_id)]


def _plain(meeting: records.Meeting) -> dict[str, object]:
    return {name: getattr(meeting, name) for name in meeting.__dataclass_fields__}
