"""Edge: the part of `cgbot members` about mail that does not arrive: one member with the evidence."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cgbot.cli.shell import Json, as_plain, open_house, say, show_json
from cgbot.context import Context
from cgbot.groups import members, own_addresses, reactivation, records
from cgbot.store.db import Tx

_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
_Address = Annotated[str, typer.Argument(help="The mail address.")]


def show_member(group: _Group, address: _Address, *, as_json: Json = False) -> None:
    """Show what is known of a member, and what came back of mail to them."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        told = house.db.read_now(_told, house.context(), found.id, address)
    if as_json:
        show_json(told)
        return
    for name, value in told.items():
        for line in value if isinstance(value, list) else [value]:
            if line not in {"", None}:
                say(f"{name}: {line}")


def _told(tx: Tx, context: Context, group_id: int, address: str) -> dict[str, Any]:
    member = members.require(tx, group_id, address)
    hidden = {"id", "group_id", "person_id", "address_id"}
    known = {name: value for name, value in as_plain(member).items() if name not in hidden}
    return {
        **known,
        "addresses": list(own_addresses.of_person(tx, member.person_id)),
        "mail": reactivation.standing(tx, context, member),
    }


def join(app: typer.Typer) -> None:
    """Put these commands beside the others of `cgbot members`."""
    app.command("show")(show_member)
