"""Edge: `cgbot members`, who is in a group."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from cgbot.cli import bounced, joining, moving, rosters
from cgbot.cli.rosters import Greeting
from cgbot.cli.shell import Json, as_plain, noun, open_house, say, show, show_json
from cgbot.cli.times import instant
from cgbot.context import Context
from cgbot.errors import Malformed
from cgbot.groups import importing, members, records, roster
from cgbot.groups.members import Member, NewMember
from cgbot.groups.roster import Problem
from cgbot.meetings import invitations
from cgbot.store.db import Tx

app = noun("Who is in a group.")
joining.join(app)
rosters.join(app)
moving.join(app)
bounced.join(app)
_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
_Address = Annotated[str, typer.Argument(help="The member's mail address.")]
_Name = Annotated[str | None, typer.Option(help="The person's name.")]
_Role = Annotated[str | None, typer.Option(help="convener, vice-convener, secretary, member or observer.")]
_Delivery = Annotated[str | None, typer.Option(help="each, daily, weekly or none.")]
_Invitations = Annotated[bool | None, typer.Option("--invitations/--no-invitations", help="Invited to meetings.")]
_Organization = Annotated[str | None, typer.Option(help="Whom the person works for.")]
_Country = Annotated[str | None, typer.Option(help="The person's country.")]
_Zone = Annotated[str | None, typer.Option(help="Time zone, such as Asia/Seoul.")]
_Language = Annotated[str | None, typer.Option(help="Language tag, such as en.")]
_Attachments = Annotated[str | None, typer.Option(help="full, or link for parts over 1 MB.")]
_Format = Annotated[str | None, typer.Option("--digest", help="Form of digests: mime or plain.")]
_Away = Annotated[str | None, typer.Option("--away-until", help="No posts until this date; empty: no longer away.")]
_Notice = Annotated[bool, typer.Option("--invite/--no-invite", help="Invite them to the meetings that are planned.")]
_COLUMNS = ("address", "name", "role", "delivery", "state", "organization", "country")


@app.command("list")
def list_members(
    group: _Group,
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Also those who have left.")] = False,
    as_json: Json = False,
) -> None:
    """List the members."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        listed = house.db.read_now(members.list_members, found.id, everybody=everybody)
    show(as_json, listed, _COLUMNS, empty=f"{found.name} has no members")


@app.command()
def add(
    group: _Group,
    address: _Address,
    *,
    name: _Name = None,
    role: _Role = None,
    delivery: _Delivery = None,
    invitations: _Invitations = None,
    organization: _Organization = None,
    country: _Country = None,
    zone: _Zone = None,
    language: _Language = None,
    invite: _Notice = True,
) -> None:
    """Make somebody a member."""
    given = _given(
        name=name,
        role=role,
        delivery=delivery,
        invitations=invitations,
        organization=organization,
        country=country,
        zone=zone,
        language=language,
    )
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        member = house.db.write_now(_add, house.context(), found.id, NewMember(address, **given), invite)
    say(f"{member.address} is now {member.role} of {found.name}")


@app.command()
def remove(group: _Group, address: _Address) -> None:
    """End a membership; what the person wrote keeps its author."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        member = house.db.write_now(_remove, house.context(), found.id, address)
    say(f"{member.address} is no longer a member of {found.name}")


@app.command("set")
def set_member(
    group: _Group,
    address: _Address,
    *,
    new_address: Annotated[str | None, typer.Option("--address", help="Where mail goes from now on.")] = None,
    name: _Name = None,
    role: _Role = None,
    delivery: _Delivery = None,
    invitations: _Invitations = None,
    state: Annotated[str | None, typer.Option(help="active or suspended (no mail).")] = None,
    organization: _Organization = None,
    country: _Country = None,
    zone: _Zone = None,
    language: _Language = None,
    attachments: _Attachments = None,
    digest: _Format = None,
    away_until: _Away = None,
) -> None:
    """Change what is known of a member."""
    given = _given(
        address=new_address,
        name=name,
        role=role,
        delivery=delivery,
        invitations=invitations,
        state=state,
        organization=organization,
        country=country,
        zone=zone,
        language=language,
        attachments=attachments,
        digest_format=digest,
    )
    if not given and away_until is None:
        raise Malformed("nothing to change: give at least one option, such as --role or --delivery")
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        before = house.db.read_now(members.require, found.id, address)
        if away_until is not None:
            zone_of = before.zone or house.settings.notices.zone
            given["away_until"] = instant(away_until, zone_of) if away_until else None
        after = house.db.write_now(members.change, house.context(), before, given)
    say(f"{after.address}: {', '.join(_differences(before, after, given)) or 'nothing changed'}")


def _differences(before: Member, after: Member, names: Iterable[str]) -> list[str]:
    """What changed, each as "role 'member' -> 'secretary'"."""
    pairs = [(name, as_plain(getattr(before, name)), as_plain(getattr(after, name))) for name in names]
    return [f"{name} {old!r} -> {new!r}" for name, old, new in pairs if old != new]


@app.command("import")
def import_members(
    group: _Group,
    file: Annotated[Path, typer.Argument(help="A CSV roster; - reads standard input.")],
    *,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the good rows although there are bad ones.")
    ] = False,
    invite: _Notice = True,
    as_json: Json = False,
) -> None:
    """Add and change members from a roster; nothing is imported while a row is bad."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        rows, problems = house.db.read_now(importing.examine, house.context(), roster.parse(rosters.read(file)))
        counts: Counter[str] = Counter()
        if skip_bad or not problems:
            counts = rosters.take(house, found, rows, Greeting(invite=invite))
    _report(as_json=as_json, counts=counts, problems=problems, rows=len(rows))
    if problems and not skip_bad:
        raise typer.Exit(1)


@app.command()
def export(
    group: _Group,
    *,
    out: Annotated[Path | None, typer.Option(help="The file to write; without it, standard output.")] = None,
) -> None:
    """Write the members as a CSV roster that `import` reads."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        text = roster.write(house.db.read_now(members.list_members, found.id))
    if out is None:
        sys.stdout.write(text)
        return
    with out.open("x", encoding="utf-8", newline="") as stream:
        stream.write(text)
    say(f"{text.count(chr(10)) - 1} members written to {out}")


def _given(**options: object) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _add(tx: Tx, context: Context, group_id: int, new: NewMember, invite: bool) -> Member:
    member = members.add(tx, context, group_id, new)
    if invite:
        invitations.welcome(tx, context, member)
    return member


def _remove(tx: Tx, context: Context, group_id: int, address: str) -> Member:
    member = members.remove(tx, context, group_id, address)
    invitations.part(tx, context, member)
    return member


def _report(*, as_json: bool, counts: Counter[str], problems: tuple[Problem, ...], rows: int) -> None:
    if as_json:
        show_json({"imported": dict(counts), "problems": problems})
        return
    for problem in problems:
        typer.echo(str(problem), err=True)
    if counts or not problems:
        say(", ".join(f"{counts[word]} {word}" for word in ("added", "changed", "unchanged")))
    elif problems:
        say(f"nothing was imported; {rows} good rows would be with --skip-bad")
