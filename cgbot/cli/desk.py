"""Edge: `cgbot status`, `backup`, `restore` and `resume`: the whole installation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cgbot.app import read_settings
from cgbot.cli.shell import Json, open_house, say, show_json, table
from cgbot.desk.status import Status
from cgbot.keys import Keys
from cgbot.settings import Settings
from cgbot.store import service
from cgbot.store.db import Database


def status(*, as_json: Json = False) -> None:
    """Show arrivals by state, deliveries by state, the oldest of each, and what the clock sends next."""
    from cgbot import wiring  # noqa: PLC0415 - joins all rooms
    from cgbot.desk import status as desk  # noqa: PLC0415 - each command imports what it needs

    with open_house() as house:
        found = house.db.read_now(desk.look, house.context(), wiring.kinds())
    if as_json:
        show_json(found)
        return
    for line in _picture(found):
        say(line)


def _picture(found: Status) -> Iterator[str]:
    """The status in words, most pressing first."""
    yield f"{found.domain}, {found.now:%Y-%m-%d %H:%M} UTC"
    if found.paused:
        yield f"PAUSED, nothing is sent: {found.paused}; `cgbot resume` ends it"
    if found.relay:
        yield f"{found.relay}; what waits is sent when it does, `cgbot outbox flush` tries at once"
    for group in found.groups:
        over = f", its term ended on {group.term_until}" if group.term_over else ""
        yield f"{group.name}: {group.members} members, {group.conveners} conveners, {group.held} held{over}"
    for name, counts in (("errands", found.errands), ("deliveries", found.deliveries)):
        told = [f"{count} {state}" for state, count in counts.items() if count]
        yield f"{name}: {', '.join(told) or 'none'}"
    for state, since in found.oldest.items():
        if since is not None:
            yield f"oldest {state}: since {since:%Y-%m-%d %H:%M} UTC"
    if found.notices:
        rows = [(f"{one.due:%Y-%m-%d %H:%M} UTC", one.group, one.summary, one.state) for one in found.notices]
        yield from table(("next", "group", "what", "state"), rows)


def backup(file: Annotated[Path, typer.Argument(help="The file to write, such as cgbot.tar.zst.")]) -> None:
    """Write everything but the master keys to one file, while serve runs."""
    from cgbot.desk import backup as desk  # noqa: PLC0415 - each command imports what it needs

    with open_house() as house:
        made = desk.make(house.db, house.context(), file)
        keys = house.settings.secrets_directory
    say(f"{made.file}: {made.octets:,} octets, {', '.join(made.groups)}")
    say(f"The master keys are not in it: keep a copy of {keys} in another place.")


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    *,
    charters: Annotated[
        Path | None, typer.Option(help="Write the groups' files of the backup into this folder.")
    ] = None,
) -> None:
    """Fill an empty installation from a backup. It sends nothing until `cgbot resume`."""
    from cgbot.desk import backup as desk  # noqa: PLC0415 - each command imports what it needs

    settings = read_settings()
    settings.service.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = Database.open(settings.database_url)
    try:
        restored = desk.restore(db, file, datetime.now(UTC), _keys(settings))
    finally:
        db.close()
    say(f"restored {', '.join(restored.groups)} from the backup of {restored.made_at}")
    if not restored.same_keys:
        say(
            f"The master keys of the backup are not in {settings.secrets_directory}: copy them there before serve "
            "starts, or the links, organiser addresses and return paths that were sent no longer work."
        )
    missing = [name for name in restored.charters if not (settings.groups_directory / name).exists()]
    if charters is not None:
        say(f"groups' files written: {', '.join(_write(charters, restored.charters)) or 'all were there'}")
    elif missing:
        say(
            f"{settings.groups_directory} has no {', '.join(missing)}; `--charters FOLDER` takes them out of the backup"
        )
    say(
        f"Nothing is sent until `cgbot resume`. {restored.waiting} mails are on their way; what the old machine has "
        "sent since the backup would be sent again: look at `cgbot outbox list` and drop it first."
    )


def resume() -> None:
    """Send again after a restore."""
    with open_house() as house:
        reason = house.db.read_now(service.paused)
        ended = house.db.write_now(service.resume)
    say(f"sending again ({reason})" if ended else "nothing was paused")


def _keys(settings: Settings) -> Keys | None:
    """The master keys where there are some; a restore makes none."""
    from cgbot import configuration  # noqa: PLC0415 - one command

    return configuration.load_keys(settings) if any(settings.secrets_directory.glob("master-*")) else None


def _write(folder: Path, charters: Mapping[str, str]) -> list[str]:
    written = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in charters.items():
        path = folder / name
        if not path.exists():
            path.write_text(content, "utf-8")
            written.append(name)
    return written
