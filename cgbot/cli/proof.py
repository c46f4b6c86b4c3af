"""
Edge: the commands of `cgbot archive` that prove: verify, prove, checkpoint, key, seal, erase.

What is checked with --proof needs no configuration and no database: a message, its proof, a key.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cgbot import log_keys
from cgbot.archive import log, note, proof, proving, sealing
from cgbot.archive import verify as verifying
from cgbot.archive.note import Verifier
from cgbot.archive.records import Post
from cgbot.cli.finding_posts import find_post
from cgbot.cli.shell import Json, noun, open_house, say, show_json
from cgbot.desk import erasing
from cgbot.errors import Malformed, NotFound
from cgbot.groups import records as groups
from cgbot.groups.records import Group
from cgbot.mail import message as messages

if TYPE_CHECKING:
    from cgbot.app import House

app = noun("Prove, verify, erase.")
_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
_Post = Annotated[str, typer.Argument(help="A permalink's 32 characters, or a Message-ID.")]
_Keys = Annotated[list[str] | None, typer.Option("--key", help="A verifier key, NAME+HEX+BASE64; our own without it.")]


@app.command()
def verify(
    group: Annotated[str, typer.Argument(help="A group; all of them when left out.")] = "",
    *,
    indexes: Annotated[
        bool, typer.Option("--indexes", help="Derive again what pages and search show, and compare.")
    ] = False,
    since: Annotated[
        Path | None, typer.Option("--since", help="A checkpoint that was kept: the log must have it as its beginning.")
    ] = None,
    proof_file: Annotated[
        Path | None, typer.Option("--proof", help="Check this proof instead, without the database.")
    ] = None,
    message: Annotated[Path | None, typer.Option("--message", help="The message that the proof is about.")] = None,
    key: _Keys = None,
    as_json: Json = False,
) -> None:
    """Hash everything again and compare it with the log and its signed heads; exit status 1 if anything differs."""
    given = tuple(note.verifier(one) for one in key or ())
    if proof_file is not None:
        say(_proven(proof_file, message, since, given))
        return
    with open_house() as house:
        if since is not None:
            say(_compared(house, group, since, given))
            return
        found = [_verified(house, one, given, indexes) for one in _chosen(house, group)]
    if as_json:
        show_json(found)
    else:
        for one in found:
            _tell(one)
    if any(one["faults"] for one in found):
        raise typer.Exit(1)


def _chosen(house: House, name: str) -> tuple[Group, ...]:
    return (house.db.read_now(groups.get_group, name),) if name else house.db.read_now(groups.list_groups)


def _proven(file: Path, message: Path | None, since: Path | None, keys: tuple[Verifier, ...]) -> str:
    """Check a proof by itself."""
    if not keys:
        raise Malformed("a proof is checked with the keys that you trust: name one with --key")
    if since is not None:
        before, after = proof.check_consistency(proof.read_consistency(_text(file)), keys, _kept(since))
        return f"ok: the log of {before.size} entries is the beginning of the one of {after.size} ({after.origin})"
    if message is None:
        raise Malformed("a proof is about a message: name its file with --message, or a checkpoint with --since")
    found = proof.check_inclusion(proof.read_inclusion(_text(file)), keys, _octets(message))
    return (
        f"ok: post {found.leaf.post_id}, received {found.leaf.received_at.isoformat()}, is entry {found.index} "
        f"of {found.checkpoint.size} in {found.checkpoint.origin}"
    )


def _octets(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}") from error


def _text(file: Path) -> str:
    """The text of a file, whatever its line ends are."""
    try:
        return _octets(file).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Malformed(f"{file} is not UTF-8") from error


def _kept(file: Path) -> str:
    """A checkpoint that was kept, by itself or in the mail that brought it."""
    text = _text(file)
    return note.find(text if "\n— " in text else messages.parse(text.encode()).text)


def _compared(house: House, name: str, since: Path, given: tuple[Verifier, ...]) -> str:
    text = _kept(since)
    origin = note.read(note.split(text)[0]).origin
    older = note.checkpoint(text, given or log_keys.load(house.settings, make=False).verifiers(origin))
    for group in _chosen(house, name):
        known = house.db.read_now(log.find, group.id)
        if name or (known is not None and known.origin == older.origin):
            added = house.db.read_now(proving.compare, group.id, older)
            return f"ok: the log of {group.name} begins with these {older.size} entries; {added} were added since"
    raise NotFound(f"no group here has the log {older.origin}")


def _verified(house: House, group: Group, given: tuple[Verifier, ...], indexes: bool) -> dict[str, object]:
    known = house.db.read_now(log.find, group.id)
    own = log_keys.load(house.settings, make=False).verifiers(known.origin if known else "")
    began = time.monotonic()
    count = octets = 0
    faults: list[str] = []
    length = house.db.read_now(log.size, group.id)
    with typer.progressbar(length=length, label=f"verifying {group.name}", file=sys.stderr) as bar:
        for step in verifying.verify(house.db, group.id, given or own, indexes=indexes):
            count, octets = count + step.messages, octets + step.octets
            faults += step.faults
            bar.update(step.entries)
    if known is not None and not (given or own):
        faults.append("there is no key to check signatures with: name one with --key")
    head = house.db.read_now(log.newest_head, group.id)
    return {
        "group": group.name,
        "messages": count,
        "octets": octets,
        "seconds": round(time.monotonic() - began, 2),
        "signed_entries": head.size if head else 0,
        "faults": faults,
    }


def _tell(found: dict[str, object]) -> None:
    faults, seconds = found["faults"], found["seconds"]
    assert isinstance(faults, list)  # noqa: S101 - _verified makes it
    assert isinstance(seconds, float)  # noqa: S101 - as above
    count, octets = int(str(found["messages"])), int(str(found["octets"]))
    for one in faults:
        say(f"{found['group']}: {one}")
    pace = f"{count / seconds:,.0f} messages and {octets / seconds / 1e6:,.1f} MB a second" if seconds else "at once"
    result = f"{len(faults)} things do not fit" if faults else "everything fits"
    say(
        f"{found['group']}: {result}: {count:,} messages, {octets / 1e6:,.1f} MB, {found['signed_entries']} entries "
        f"signed, in {seconds:.1f} s ({pace})"
    )


@app.command()
def prove(
    group: _Group,
    post: Annotated[str, typer.Argument(help="A permalink's 32 characters, or a Message-ID.")] = "",
    *,
    since: Annotated[
        Path | None, typer.Option("--since", help="A checkpoint that was kept: prove that nothing was changed since.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file instead.")] = None,
) -> None:
    """Print the proof that a message stands in the archive, for whoever does not trust us (docs/proof.md)."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        if since is not None:
            old = note.read(note.split(_kept(since))[0]).size
            text = house.db.read_now(proving.consistency, found.id, old).text()
        elif post:
            text = house.db.read_now(proving.inclusion, house.db.read_now(find_post, found.id, post).id).text()
        else:
            raise Malformed("name a post, or a checkpoint with --since")
    _hand_out(text, out)


@app.command()
def checkpoint(
    group: _Group, *, out: Annotated[Path | None, typer.Option("--out", help="Write it to this file instead.")] = None
) -> None:
    """Print the newest signed head of a group's log: keep it, and later compare with `verify --since`."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        text = house.db.read_now(proving.newest, found.id).note
    _hand_out(text, out)


def _hand_out(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8")
    say(f"written to {out}")


@app.command()
def key(
    *,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a further key, which signs beside the older.")] = False,
    retire: Annotated[bool, typer.Option("--retire", help="Let only the newest sign from now on.")] = False,
) -> None:
    """Print the keys that signed heads are checked with, a line a group and key."""
    with open_house() as house:
        change = log_keys.rotate if rotate else log_keys.retire if retire else log_keys.load
        keys = change(house.settings)
        for group in house.db.read_now(groups.list_groups):
            origin = house.db.read_now(sealing.origin_of, house.context(), group)
            current = {str(one.verifier) for one in keys.signers(origin)}
            for one in keys.verifiers(origin):
                say(f"{group.name} {one}{'' if str(one) in current else ' (retired)'}")


@app.command()
def seal() -> None:
    """Sign what was archived since the last head, as `serve` does every minute."""
    with open_house() as house:
        count = sealing.seal(house.db, house.context(), log_keys.load(house.settings))
    say(f"{count} heads were signed")


@app.command()
def erase(
    group: _Group,
    post: _Post,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; everybody who may read the archive can read it.")],
    by: Annotated[str, typer.Option("--by", help="Who ordered it.")] = "operator",
    number: Annotated[int, typer.Option("--of", help="Its number, where several share a Message-ID.")] = 0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase one post for good; what remains is that there was one, who ordered it, when and why."""
    with open_house() as house:
        found = house.db.read_now(groups.get_group, group)
        one = house.db.read_now(find_post, found.id, post, number)
        if not yes:
            _ask(one)
        done = erasing.erase_post(house.db, house.context(), one.id, by, reason)
    say(f"post {done.post_id} is erased")
    if done.not_sent:
        say(f"{done.not_sent} copies that had not gone out to members will not")
    if done.bytes_stay:
        say("its bytes stay, since another group's post, a paper or an undecided message needs them")
    say("members' mailboxes, quotations in answers and backups still have what they have")


def _ask(one: Post) -> None:
    say(f"post {one.id} of {one.received_at.isoformat()} by {one.author_name or one.author_address}: {one.subject}")
    typer.confirm("Erase it for good?", abort=True)
