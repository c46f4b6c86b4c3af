"""Edge: the part of `cgbot members` about who joins: invitations, requests that wait, a person's further addresses."""

from __future__ import annotations

from typing import Annotated

import typer

from cgbot.cli.shell import Json, open_house, say, show
from cgbot.errors import Malformed, NotFound
from cgbot.groups import admission, invites, inviting, join_requests, members, own_addresses, records
from cgbot.groups.commands import OPERATOR

_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
_Address = Annotated[str, typer.Argument(help="The mail address.")]


def invite(group: _Group, addresses: Annotated[list[str], typer.Argument(help="Whom to invite.")]) -> None:
    """Invite people to join; each gets one mail, and is a member by answering it."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        done = house.db.write_now(inviting.invite, house.context(), found.id, addresses, OPERATOR)
    for one, why in done.left_out:
        typer.echo(f"{one} {why}", err=True)
    say(f"{len(done.invited)} invited to {found.name}")
    if done.left_out:
        raise typer.Exit(1)


def list_invites(group: _Group, *, as_json: Json = False) -> None:
    """List who was invited, and what became of it."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        now = house.context().now
        listed = [
            {"address": one.address, "state": inviting.state_of(one, now), "invited_by": one.invited_by,
             "invited_at": one.invited_at, "reminded_at": one.reminded_at, "answered_at": one.answered_at}
            for one in house.db.read_now(invites.of_group, found.id)
        ]  # fmt: skip
    show(as_json, listed, ("address", "state", "invited_by", "invited_at"), empty=f"{found.name} has invited nobody")


def requests(group: _Group, *, as_json: Json = False) -> None:
    """List who has asked to join and waits for a decision."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        listed = house.db.read_now(join_requests.waiting, found.id)
    show(as_json, listed, ("address", "name", "asked_at"), empty=f"nobody waits to join {found.name}")


def admit(group: _Group, address: _Address) -> None:
    """Let somebody in who has asked to join; they are told."""
    _decide(group, address, "approved", "")
    say(f"{address} is now member of {group}")


def turn_away(
    group: _Group, address: _Address, *, note: Annotated[str, typer.Option(help="Words for them.")] = ""
) -> None:
    """Turn somebody away who has asked to join; they are told."""
    _decide(group, address, "rejected", note)
    say(f"{address} was turned away from {group}")


def _decide(group: str, address: str, state: str, note: str) -> None:
    from cgbot.wiring import ON_JOIN  # noqa: PLC0415 - the other commands of `members` start without all the features

    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        waiting = house.db.read_now(join_requests.find_waiting, found.id, address)
        if waiting is None:
            raise NotFound(f"{address} does not wait to join {found.name}; `cgbot members requests` lists who does")
        house.db.write_now(admission.decide, house.context(), waiting, (state, OPERATOR, note), ON_JOIN)


def addresses(
    group: _Group,
    address: _Address,
    *,
    add: Annotated[str, typer.Option(help="A further address of this person; it is not asked.")] = "",
    remove: Annotated[str, typer.Option(help="One that they give up.")] = "",
) -> None:
    """List, add or remove the addresses of a member, from any of which they may post."""
    if add and remove:
        raise Malformed("either --add or --remove, not both")
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        member = house.db.read_now(members.require, found.id, address)
        if add:
            house.db.write_now(own_addresses.add, house.context(), member, add, OPERATOR)
        if remove:
            house.db.write_now(own_addresses.remove, house.context(), member, remove, OPERATOR)
        listed = house.db.read_now(own_addresses.of_person, member.person_id)
    for one in listed:
        say(f"{one}{'  (mail goes here)' if one == member.address else ''}")


def join(app: typer.Typer) -> None:
    """Put these commands beside the others of `cgbot members`."""
    app.command()(invite)
    app.command("invites")(list_invites)
    app.command()(requests)
    app.command()(admit)
    app.command("turn-away")(turn_away)
    app.command()(addresses)
