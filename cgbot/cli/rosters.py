"""Edge: the part of `cgbot members` about whole rosters: `sync` with its preview, and how rows are taken in slices."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from cgbot.app import House
from cgbot.cli.shell import Json, as_plain, open_house, say, show_json, visible
from cgbot.context import Context
from cgbot.errors import Conflict, NotFound
from cgbot.groups import asking, importing, records, roster, roster_sync
from cgbot.groups.asking import Asker, Words
from cgbot.groups.members import Member
from cgbot.groups.records import Group
from cgbot.groups.roster import Row
from cgbot.groups.roster_sync import Change, Plan, Wanted
from cgbot.meetings import invitations
from cgbot.store.db import Tx

_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without it nothing is changed.")]
Invite = Annotated[bool, typer.Option("--invite", help="Invite who is new to the meetings that are planned.")]
Welcome = Annotated[bool, typer.Option("--welcome", help="Send who is new the mail that welcomes members.")]
Rejoin = Annotated[bool, typer.Option("--rejoin", help="Also bring back who has left of their own accord.")]
_AT_MOST: Final = 20
_MANY: Final = 500
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Greeting:
    """What who is new is sent: the invitations to come, the mail that welcomes."""

    invite: bool = False
    welcome: bool = False


def sync(
    group: _Group,
    file: Annotated[Path, typer.Argument(help="A CSV roster; - reads standard input.")],
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Also remove who is not in the file; no convener.")] = False,
    at_most: Annotated[
        int, typer.Option(help="Remove no more than so many per cent of the members.", min=0, max=100)
    ] = _AT_MOST,
    rejoin: Rejoin = False,
    invite: Invite = False,
    welcome: Welcome = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Show what would make the members those of a roster, and with --yes do it, without a mail to who is new."""
    with open_house() as house:
        found = house.db.read_now(records.get_group, group)
        wanted = Wanted(remove=remove, rejoin=rejoin)
        parsed = roster.parse(read(file))
        plan = house.db.read_now(roster_sync.plan, house.context(), found.id, parsed, wanted)
        refused = roster_sync.too_many(plan, at_most)
        doing = yes and not plan.problems
        if doing and refused:
            raise Conflict(refused)
        if doing:
            _carry_out(house, found, plan, (file.name, Greeting(invite, welcome)))
    if as_json:
        show_json({**told(plan), "refused": "" if doing else refused, "done": doing})
    else:
        show_plan(plan, done=doing, removing=remove)
        if refused and not doing and not plan.problems:
            typer.echo(f"--yes would refuse: {refused}", err=True)
    if plan.problems:
        raise typer.Exit(1)


def _carry_out(house: House, group: Group, plan: Plan, how: tuple[str, Greeting]) -> None:
    file, greeting = how
    counts = take(house, group, plan.rows, greeting)
    for portion in slices(plan.left, "removing"):
        counts["removed"] += house.db.write_now(_part, house.context(), portion)
    if counts:
        what = ("roster synchronised", file)
        house.db.write_now(roster_sync.note, house.context(), group.id, what, counts)


def take(house: House, group: Group, rows: Sequence[Row], greeting: Greeting) -> Counter[str]:
    """Add and change members; how many of which."""
    counts: Counter[str] = Counter()
    for portion in slices(rows, "writing"):
        counts.update(house.db.write_now(_take_portion, house.context(), group, portion, greeting))
    return counts


def slices(items: Sequence[_T], label: str) -> Iterator[Sequence[_T]]:
    """What is written in one transaction each, so that mail that comes in meanwhile is not kept waiting."""
    starts = range(0, len(items), importing.SLICE)
    portions = (items[start : start + importing.SLICE] for start in starts)
    if len(items) < _MANY or not sys.stderr.isatty():
        yield from portions
        return
    with typer.progressbar(portions, length=len(starts), label=label, file=sys.stderr) as bar:
        yield from bar


def _take_portion(tx: Tx, context: Context, group: Group, rows: Sequence[Row], greeting: Greeting) -> Counter[str]:
    taken = importing.take(tx, context, group.id, rows)
    for member in taken.added:
        if greeting.welcome:
            asker = Asker("join", group.id, group.name, member.address, member.name)
            asking.write(tx, context, asker, Words("join-welcome"))
        if greeting.invite:
            invitations.welcome(tx, context, member)
    return taken.counts


def _part(tx: Tx, context: Context, gone: Sequence[Member]) -> int:
    removed = roster_sync.remove(tx, context, gone)
    for member in removed:
        invitations.part(tx, context, member)
    return len(removed)


def read(file: Path) -> bytes:
    """The bytes of a file, or of standard input for "-". Raises NotFound."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}") from error


# ------------------------------------------------------------------------------------------------------ the preview


def told(plan: Plan) -> dict[str, Any]:
    """The plan for JSON."""
    return {
        "added": [{"line": one.line, "address": one.address, **as_plain(one.values)} for one in plan.added],
        "changed": [
            {"line": one.line, "address": one.address,
             "fields": {name: {"old": old, "new": new} for name, (old, new) in one.fields.items()}}
            for one in plan.changed
        ],
        "left": [one.address for one in plan.left],
        "not_in_file": [one.address for one in plan.missing],
        "unchanged": plan.unchanged,
        "kept": plan.kept,
        "problems": plan.problems,
    }  # fmt: skip


def show_plan(plan: Plan, *, done: bool, removing: bool) -> None:
    """Say what would change, or has, one member a line, and the sum."""
    for problem in plan.problems:
        typer.echo(visible(str(problem)), err=True)
    for line in [*added_lines(plan.added), *changed_lines(plan.changed)]:
        say(line)
    for one in plan.left:
        say(f"- {one.address}")
    for kept in plan.kept:
        say(f"= {kept}")
    if plan.missing and not removing:
        say(f"not in the file: {len(plan.missing)}; they stay, --remove takes them out")
    sums = f"{len(plan.added)} added, {len(plan.changed)} changed, {len(plan.left)} removed, {plan.unchanged} unchanged"
    say(sums if done else f"would be: {sums}; {_why_not(plan)}")


def _why_not(plan: Plan) -> str:
    if plan.problems:
        return "nothing was changed, since there are bad rows"
    return "nothing was changed: --yes does it" if plan.rows or plan.left else "there is nothing to change"


def added_lines(rows: Iterable[Row]) -> list[str]:
    """Each new member, with what the file tells."""
    return [
        " ".join([f"+ {row.address}", *(f"{name} {as_plain(value)!r}" for name, value in row.values.items())])
        for row in rows
    ]


def changed_lines(changes: Iterable[Change]) -> list[str]:
    """Each changed member, as "role 'member' -> 'secretary'"."""
    return [f"~ {one.address}: {', '.join(_fields(one.fields))}" for one in changes]


def _fields(fields: Mapping[str, tuple[object, object]]) -> list[str]:
    return [f"{name} {as_plain(old)!r} -> {as_plain(new)!r}" for name, (old, new) in fields.items()]


def join(app: typer.Typer) -> None:
    """Put this command beside the others of `cgbot members`."""
    app.command()(sync)
