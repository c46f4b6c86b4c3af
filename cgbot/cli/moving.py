"""Edge: `cgbot members migrate`, the roster of another list program, with a preview of who would come and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cgbot.app import House
from cgbot.cli import rosters
from cgbot.cli.rosters import Greeting, Invite, Rejoin, Welcome, Yes
from cgbot.cli.shell import Json, open_house, say, show_json, visible
from cgbot.errors import Malformed, NotFound
from cgbot.groups import records, roster_move, roster_sync
from cgbot.groups.commands import OPERATOR
from cgbot.groups.records import Group
from cgbot.groups.roster_found import Remark
from cgbot.groups.roster_move import FOLDERS, PROGRAMS, Move, Offices

_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
_LARGEST: Final = 64_000_000
_MOST_FILES: Final = 5000
_MOST_LINES: Final = 12  # of one remark, before the others are only counted


def migrate(
    group: _Group,
    path: Annotated[Path, typer.Argument(help="A file of the old program, or a folder of them.")],
    *,
    program: Annotated[str, typer.Option("--from", help=f"The old program: {', '.join(PROGRAMS)}.")],
    owners_as: Annotated[str, typer.Option(help="Give its owners a role: convener, vice-convener, secretary.")] = "",
    moderators_as: Annotated[str, typer.Option(help="Give its moderators such a role.")] = "",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Go on although there are bad lines.")] = False,
    rejoin: Rejoin = False,
    invite: Invite = False,
    welcome: Welcome = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Show who would come from another list program, and with --yes bring them; nobody is sent a mail."""
    offices = {office: role for office, role in (("owner", owners_as), ("moderator", moderators_as)) if role}
    with open_house() as house:
        group_found = house.db.read_now(records.get_group, group)
        files, unread = _files(path)
        gathered = roster_move.read(program, files, house.context().now)
        wanted = Offices(offices, rejoin)
        move = house.db.read_now(roster_move.plan, house.context(), group_found.id, gathered, wanted)
        doing = yes and (skip_bad or not move.problems)
        if doing:
            _carry_out(house, group_found, move, (f"{program} {path.name}", Greeting(invite, welcome)))
    if as_json:
        show_json({**_told(move, unread), "done": doing})
    else:
        _show(move, unread, done=doing)
    if move.problems and not skip_bad:
        raise typer.Exit(1)


def _files(path: Path) -> tuple[dict[str, bytes], list[str]]:
    """The files by name, one folder deep where people are in it; and what was not read. Raises NotFound, Malformed."""
    if not path.exists():
        raise NotFound(f"{path} cannot be read: there is no such file or folder")
    if not path.is_dir():
        return {path.name: _read(path)}, []
    found: dict[str, bytes] = {}
    unread = []
    for one in sorted(path.iterdir()):
        inside = [one] if one.is_file() else sorted(one.iterdir()) if one.name in FOLDERS and one.is_dir() else []
        unread += [] if inside or one.name in FOLDERS else [one.name]
        for file in inside:
            name = file.relative_to(path).as_posix()
            if file.is_file() and file.stat().st_size <= _LARGEST and len(found) < _MOST_FILES:
                found[name] = _read(file)
            else:
                unread.append(name)
    if not found:
        raise Malformed(f"{path} has no files to read")
    return found, unread


def _read(file: Path) -> bytes:
    if file.is_file() and file.stat().st_size > _LARGEST:
        raise Malformed(f"{file} is larger than {_LARGEST:,} octets")
    return rosters.read(file)


def _carry_out(house: House, group: Group, move: Move, how: tuple[str, Greeting]) -> None:
    source, greeting = how
    rows, bounced = roster_move.without_state(move.plan.rows)
    counts: Counter[str] = rosters.take(house, group, rows, greeting)
    counts["suspended"] = _in_slices(house, group, roster_move.suspend, bounced)
    counts["decisions"] = _in_slices(house, group, roster_move.settle, move.decisions)
    counts["addresses"] = _in_slices(house, group, roster_move.add_others, move.others)
    if any(counts.values()):
        house.db.write_now(roster_sync.note, house.context(), group.id, ("roster moved here", source), +counts)


def _in_slices(house: House, group: Group, write: Callable[..., int], items: Sequence[object]) -> int:
    """How many of these were written."""
    portions = rosters.slices(items, "writing")
    return sum(house.db.write_now(write, house.context(), group.id, portion, OPERATOR) for portion in portions)


# ------------------------------------------------------------------------------------------------------ the preview


def _told(move: Move, unread: Sequence[str]) -> dict[str, Any]:
    """The move for JSON."""
    told = rosters.told(move.plan)
    return {
        **{name: told[name] for name in ("added", "changed", "unchanged")},
        "leaders": [
            {"address": one.address, "name": one.name, "office": one.office, "place": str(one.place)}
            for one in move.leaders
        ],
        "senders": [{"key": one.key, "verdict": one.verdict, "place": str(one.place)} for one in move.decisions],
        "addresses": [{"address": one.address, "of": one.of} for one in move.others],
        "not_read": list(unread),
        "remarks": [{"place": str(one.place), "text": one.text} for one in move.remarks],
        "problems": [{"place": str(one.place), "text": one.text} for one in move.problems],
    }


def _show(move: Move, unread: Sequence[str], *, done: bool) -> None:
    for problem in move.problems:
        typer.echo(visible(str(problem)), err=True)
    for line in [*rosters.added_lines(move.plan.added), *rosters.changed_lines(move.plan.changed)]:
        say(line)
    for leader in move.leaders:
        say(f"{leader.office} there: {leader.address}{f' ({leader.name})' if leader.name else ''}")
    for one in move.decisions:
        say(f"{one.verdict}: {one.key}")
    for other in move.others:
        say(f"further address of {other.of}: {other.address}")
    for line in _remark_lines(move.remarks):
        say(line)
    if unread:
        say(f"not read: {', '.join(unread)}")
    _sum_up(move, done=done)


def _sum_up(move: Move, *, done: bool) -> None:
    plan = move.plan
    sums = f"{len(plan.added)} added, {len(plan.changed)} changed, {plan.unchanged} unchanged"
    sums += f", {len(move.decisions)} senders decided about, {len(move.others)} further addresses"
    if done:
        say(sums)
    elif move.problems:
        say(f"would be: {sums}; nothing was changed: --skip-bad passes over the {len(move.problems)} bad lines")
    else:
        say(f"would be: {sums}; nothing was changed: --yes does it")


def _remark_lines(remarks: Sequence[Remark]) -> list[str]:
    """Each remark; what is said of many people is said once, with the first of them."""
    by_text: dict[str, list[str]] = {}
    for one in remarks:
        about, colon, what = one.text.partition(": ")
        is_about = bool(colon) and "@" in about and " " not in about
        key = what if is_about else one.text
        by_text.setdefault(key, []).append(f"{one.place} ({about})" if is_about else str(one.place))
    return [f"note: {text}: {_first(places)}" for text, places in by_text.items()]


def _first(places: Sequence[str]) -> str:
    more = len(places) - _MOST_LINES
    return ", ".join(places[:_MOST_LINES]) + (f" and {more} more (all with --json)" if more > 0 else "")


def join(app: typer.Typer) -> None:
    """Put this command beside the others of `cgbot members`."""
    app.command()(migrate)
