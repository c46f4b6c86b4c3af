"""Edge: `cgbot groups`, the groups and their terms of reference."""

from __future__ import annotations

from typing import Annotated

import typer

from cgbot.cli.shell import Json, as_plain, noun, open_house, say, show, show_json
from cgbot.errors import Conflict, NotFound
from cgbot.groups import records, renaming
from cgbot.groups.charter import Charter, Point

app = noun("The groups and their terms of reference.")


@app.command("list")
def list_groups(*, as_json: Json = False) -> None:
    """List the groups."""
    from cgbot.desk import status  # noqa: PLC0415 - the other commands do not count

    with open_house() as house:
        found = house.db.read_now(status.look, house.context(), ()).groups
    show(as_json, found, ("name", "acronym", "mode", "members", "conveners", "held", "term_until"))


@app.command("show")
def show_group(
    group: Annotated[str, typer.Argument(help="The group's name, also an older one.")], *, as_json: Json = False
) -> None:
    """Show a group's charter: its terms of reference, its people and its settings."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        charter = house.charters.get(found.name)
        versions = house.db.read_now(records.versions, found.id)
        differences = house.db.read_now(records.differences, charter) if charter else ()
    if charter is None:
        say(f"{found.name}: its file is gone; the database knows its terms of {versions[-1].valid_from:%d %B %Y}")
        return
    if as_json:
        plain = as_plain(charter)
        show_json({**{key: value for key, value in plain.items() if key != "source"}, "differences": differences})
        return
    for line in (*_describe(charter), *(f"note: {text}" for text in differences)):
        say(line)


@app.command()
def handover(
    group: Annotated[str, typer.Argument(help="The group's name.")],
    predecessor: Annotated[str, typer.Argument(help="Whose office it is: an address.")],
    successor: Annotated[str, typer.Argument(help="Who takes it: the address of a member.")],
    *,
    leave: Annotated[bool, typer.Option("--leave", help="The predecessor leaves the group.")] = False,
) -> None:
    """Hand an office over: what is open moves to the successor, who gets one mail with it."""
    from cgbot import wiring  # noqa: PLC0415 - the other commands do not plan
    from cgbot.desk import handover as handing  # noqa: PLC0415 - as above

    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        office = handing.Office(predecessor, successor, leave, wiring.shown_kinds(), wiring.ON_LEAVE)
        taken = house.db.write_now(handing.hand_over, house.context(), (found.id, found.name), office, "operator")
    say(f"{taken.address} is {taken.role} of {found.name} now, and is mailed what is open")


@app.command()
def rename(
    group: Annotated[str, typer.Argument(help="The group's name, as it is.")],
    name: Annotated[str, typer.Argument(help="Its new name, the part of the address before the @.")],
    *,
    acronym: Annotated[str, typer.Option(help="Its new acronym; the new name in capitals without it.")] = "",
    title: Annotated[str, typer.Option(help="Its new title, if that changes too.")] = "",
    tell: Annotated[bool, typer.Option("--tell", help="Write to the whole list about it.")] = False,
) -> None:
    """Give a group another name: its file is replaced; addresses and links of the old name keep working."""
    from cgbot.desk import renamed  # noqa: PLC0415 - the other commands write no mail

    with open_house() as house:
        was = house.db.read_now(records.get_group, group)
        charter = house.charters.get(was.name)
        if charter is None:
            raise NotFound(f"the file of {was.name} is gone; put it back first")
        other = house.db.read_now(records.find_group, name)
        if other is not None and other.id != was.id:
            raise Conflict(f"{name} is a name of {other.name}")
        text = renaming.renamed(charter, name, acronym=acronym, title=title)
        kept = renaming.put(house.settings.groups_directory, (was.name, name), text)
        house.reload()
        if tell:
            house.db.write_now(renamed.tell, house.context(), was.id, was.name)
        domain = house.settings.service.domain
    say(f"{was.name} is {name} now: {name}@{domain}; mail to {was.name}@{domain} and its links keep working")
    say(f"{name}.toml takes the place of {was.name}.toml, which is kept as {kept.name}")
    say("its members have been told" if tell else "nobody was told: --tell would have written to the list")


@app.command()
def succeed(
    old: Annotated[str, typer.Argument(help="The group that ends.")],
    new: Annotated[str, typer.Argument(help="The group that carries it on; its file NEW.toml must be there.")],
) -> None:
    """Let a group carry on another one: members and what is to come move, the old archive stays readable."""
    from cgbot.desk import succeeding  # noqa: PLC0415 - the other commands move nothing

    with open_house() as house:
        both = house.db.write_now(succeeding.begin, house.context(), old, new, "operator")
        carried, after = 0, 0
        while True:
            count, after = house.db.write_now(succeeding.carry, house.context(), both, after, "operator")
            carried += count
            if not after:
                break
        domain = house.settings.service.domain
    say(f"{both[1].name} carries on {both[0].name}, which is closed; its archive stays at /{both[0].name}/")
    say(f"mail to {both[0].name}@{domain} goes to {both[1].name}@{domain}")
    say(f"{carried} members were carried over, each with a mail that says how to leave")


_JOINING = {
    "open": "everybody may join",
    "approval": "the conveners approve who joins",
    "invitation": "joined by invitation",
    "closed": "nobody joins by mail",
}


def _describe(charter: Charter) -> list[str]:
    terms = charter.terms
    lines = [
        f"{charter.acronym} ({charter.name}): {charter.title}",
        f"reports to {charter.parent_title or charter.parent}: {terms.reporting.text or _months(charter)}",
        f"{charter.mode}, {charter.archive} archive, {charter.posting} may post, times in {charter.zone_label}",
        f"{_JOINING[charter.joining]}; the list of members is mailed to {charter.roster}",
        f"term {charter.term.period} until {charter.term.until or 'further notice'}",
        "",
        terms.objective,
        *(line for point in terms.mandate for line in _point(point)),
        "",
        "owes drafts of:",
        *(f"  {draft.text}" for draft in terms.owes),
        "",
        *(f"{one.role}: {' '.join(filter(None, (one.honorific, one.name)))}  {one.address}" for one in charter.people),
    ]
    return [line.rstrip() for line in lines]


def _months(charter: Charter) -> str:
    return f"{charter.terms.reporting.months_before} month(s) before each meeting"


def _point(point: Point) -> list[str]:
    return [f"  {point.label}. {point.text}", *(f"     {at}. {text}" for at, text in enumerate(point.points, 1))]
