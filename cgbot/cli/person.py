"""Edge: `cgbot person`, what is kept of one person: hand it out, or erase it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from cgbot import wiring
from cgbot.cli.shell import as_plain, noun, open_house, say
from cgbot.desk import person as persons
from cgbot.errors import Conflict

app = noun("What is kept of one person: export, erase.")
_Address = Annotated[str, typer.Argument(help="One of the person's addresses.")]


@app.command()
def export(
    address: _Address,
    *,
    out: Annotated[Path, typer.Option("--out", help="The zip file to write; it must not be there yet.")],
) -> None:
    """Write all that is kept of a person into one file: every row that names them, and their posts as they came in."""
    if out.exists():
        raise Conflict(f"{out} is there already")
    count = 0
    with open_house() as house:
        found = house.db.read_now(persons.find, address)
        rows = house.db.read_now(persons.rows_of, found)
        with zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("person.json", json.dumps(as_plain(rows), indent=2, ensure_ascii=False))
            for name, content in persons.messages_of(house.db, found):
                archive.writestr(name, content)
                count += 1
    say(f"{sum(map(len, rows.values()))} rows of {len(rows)} tables and {count} posts are in {out}")


@app.command()
def erase(
    address: _Address,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands beside each erased post.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person's posts and data everywhere; what others did and wrote stays, and the archive still verifies."""
    with open_house() as house:
        found = house.db.read_now(persons.find, address)
        if not yes:
            say(f"{', '.join(found.addresses)}: {len(found.member_ids)} memberships")
            typer.confirm("Erase this person, with all their posts, for good?", abort=True)
        done = persons.erase(house.db, house.context(), found, reason, wiring.ON_LEAVE)
    say(f"{done.posts} posts are erased, {done.memberships} memberships ended, {done.rows} values replaced")
    say("what others have written or quoted, mailboxes, contributions' files, bans and backups stay as they are")
