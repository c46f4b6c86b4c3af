"""
Edge: `cgbot archive import` and `export`, an archive on its way in or out.

An import is read as a stream, made ready in processes of its own and written in short transactions, so that a running
`serve` goes on beside it. It can be stopped at any moment and begun again: what is there is not taken twice. Nothing is
delivered.
"""

from __future__ import annotations

import gzip
import multiprocessing
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer

from cgbot.archive import bulk, exporting, importing
from cgbot.archive.exporting import Wanted
from cgbot.archive.importing import Given, Ready
from cgbot.archive.records import Post
from cgbot.cli import mail_sources
from cgbot.cli.finding_posts import find_post
from cgbot.cli.mail_sources import Reading, Trouble
from cgbot.cli.shell import Json, noun, open_house, say, show_json
from cgbot.errors import Malformed
from cgbot.groups import audit
from cgbot.groups import records as groups
from cgbot.mail import mbox

if TYPE_CHECKING:
    from cgbot.app import House

app = noun("Move an archive in or out.")
_Group = Annotated[str, typer.Argument(help="The group's name, such as cg-aisec.")]
_PORTION: Final = 100  # messages of a transaction
_PORTION_OCTETS: Final = 2 << 20
_AHEAD: Final = 3  # portions for each process that prepares them
_BREATH: Final = 0.01  # seconds in which others may write between two portions
_SHOWN: Final = 20  # of each kind of finding, without --json
_EXTENSIONS: Final = {".gz": "mbox", ".mbox": "mbox", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_FORMS: Final = ("mbox", "maildir", "eml", "jsonl")


@dataclass(slots=True)
class Report:
    """What became of an import: how many messages were taken or there; what was odd or refused, and where it stood."""

    taken: int = 0
    there: int = 0
    odd: list[dict[str, str]] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)

    def note(self, one: Ready, verdict: str) -> None:
        """Count one message."""
        if verdict == "erased":
            self.refused.append({"where": one.origin, "why": "it was erased from this archive and stays away"})
            return
        if verdict == "there":
            self.there += 1
            return
        self.taken += 1
        self.odd += [{"where": one.origin, "what": what} for what in one.odd]
        if verdict == "other-content":
            what = "another message of the archive has the same Message-ID and another content; both are kept"
            self.odd.append({"where": one.origin, "what": what})


@app.command("import")
def import_archive(
    group: _Group,
    files: Annotated[list[Path], typer.Argument(help="Files or folders.", exists=True)],
    *,
    quoting: Annotated[
        str, typer.Option("--mbox", help=f"How the mbox files quote: {', '.join(mbox.DIALECTS)}.")
    ] = mbox.DIALECTS[0],
    as_json: Json = False,
) -> None:
    """
    Take an older archive in: mbox (gz, xz, bz2, zip), Maildir, single messages, pipermail, LISTSERV, public-inbox.

    Nothing is delivered, and what is there already is not taken again, so that it can be stopped and run anew.
    """
    if quoting not in mbox.DIALECTS:
        raise Malformed(f"{quoting!r} is no way to quote that cgbot knows: {', '.join(mbox.DIALECTS)}")
    dialect = next(one for one in mbox.DIALECTS if one == quoting)
    with open_house() as house:
        report = _import(house, group, files, Reading(house.settings.limits.message_size, dialect))
    if as_json:
        show_json(
            {"group": group, "taken": report.taken, "there": report.there, "odd": report.odd, "refused": report.refused}
        )
    else:
        _tell(report)
    if report.refused:
        raise typer.Exit(1)


def _import(house: House, name: str, files: list[Path], how: Reading) -> Report:
    group = house.db.read_now(groups.get_group, name)
    report = Report()
    with _progress(files) as advance:
        for portion in _prepared(_given(files, how, report, advance), house.context().now):
            for one in portion:
                if one.old is None:
                    report.refused.append({"where": one.origin, "why": one.reason})
            good = [one for one in portion if one.old is not None]
            olds = [one.old for one in good if one.old is not None]
            verdicts = house.db.write_now(bulk.take, house.context().keys, group.id, olds)
            for one, verdict in zip(good, verdicts, strict=True):
                report.note(one, verdict)
            time.sleep(_BREATH)
    about = f"{report.taken} taken, {report.there} there already, {len(report.refused)} refused"
    entry = audit.Entry("operator", "import an archive", about)
    house.db.write_now(audit.record, house.context().now, group.id, entry)
    return report


def _given(files: list[Path], how: Reading, report: Report, advance: Any) -> Iterator[Given]:
    """What was found, message by message; what gives none is noted."""
    for file in files:
        for one in mail_sources.read(file, how):
            if isinstance(one, Trouble):
                report.refused.append({"where": one.origin, "why": one.reason})
            else:
                advance(one)
                yield one


@contextmanager
def _progress(files: list[Path]) -> Iterator[Any]:
    """A bar on a terminal: octets of messages against octets of files, which is exact for what is not packed."""
    if not sys.stderr.isatty():
        yield lambda _one: None
        return
    with typer.progressbar(length=sum(map(_octets, files)), label="importing", file=sys.stderr) as bar:
        yield lambda one: bar.update(len(one.raw))


def _octets(path: Path) -> int:
    if path.is_dir():
        return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    return path.stat().st_size


# -------------------------------------------------------------------------------------------------- preparing


def _prepared(given: Iterator[Given], now: datetime) -> Iterator[list[Ready]]:
    """Portions ready to be written, in their order; of a longer archive prepared in processes of their own."""
    portions = _portions(given)
    for portion in islice(portions, 2):  # a few messages are done before a process has started
        yield _prepare(portion, now)
    first = next(portions, None)
    if first is None:
        return
    workers = max(1, min(3, (os.cpu_count() or 2) - 1))  # one processor writes
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        waiting: deque[Future[list[Ready]]] = deque([pool.submit(_prepare, first, now)])
        for portion in portions:
            waiting.append(pool.submit(_prepare, portion, now))
            if len(waiting) > workers * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _prepare(portion: list[Given], now: datetime) -> list[Ready]:
    return [importing.prepare(one, now) for one in portion]


def _portions(given: Iterator[Given]) -> Iterator[list[Given]]:
    portion: list[Given] = []
    octets = 0
    for one in given:
        if portion and (len(portion) == _PORTION or octets + len(one.raw) > _PORTION_OCTETS):
            yield portion
            portion, octets = [], 0
        portion.append(one)
        octets += len(one.raw)
    if portion:
        yield portion


def _tell(report: Report) -> None:
    say(
        f"{report.taken} taken, {report.there} there already, {len(report.refused)} refused, {len(report.odd)} oddities"
    )
    for what, count in Counter(one["what"] for one in report.odd).most_common():
        say(f"odd, {count} times: {what}")
        for one in [one for one in report.odd if one["what"] == what][:_SHOWN]:
            say(f"  {one['where']}")
    for one in report.refused[:_SHOWN]:
        say(f"refused: {one['where']}: {one['why']}")
    if len(report.refused) > _SHOWN:
        say(f"and {len(report.refused) - _SHOWN} more; --json names all of them")


# -------------------------------------------------------------------------------------------------- exporting


@app.command("export")
def export_archive(
    group: _Group,
    to: Annotated[Path, typer.Argument(help="A new file (.mbox, .mbox.gz, .jsonl, .jsonl.gz) or folder.")],
    *,
    form: Annotated[str, typer.Option("--form", help=f"{', '.join(_FORMS)}; by the name without it.")] = "",
    since: Annotated[str, typer.Option("--since", help="Received from this day on, in UTC: 2027-05-03.")] = "",
    until: Annotated[str, typer.Option("--until", help="Received before this day.")] = "",
    thread: Annotated[str, typer.Option("--thread", help="A post of the thread: permalink or Message-ID.")] = "",
    author: Annotated[str, typer.Option("--author", help="Written by this address.")] = "",
    query: Annotated[str, typer.Option("--query", help="What a search finds.")] = "",
) -> None:
    """Write the archive, or a part of it, in a form that others read; what `import` reads again byte for byte."""
    chosen = form or _form_of(to)
    if chosen not in _FORMS:
        raise Malformed(f"{chosen!r} is no form that cgbot writes: {', '.join(_FORMS)}")
    if to.exists():
        raise Malformed(f"{to} is there already; name a new file or folder")
    with open_house() as house:
        group_id = house.db.read_now(groups.get_group, group).id
        thread_id = house.db.read_now(find_post, group_id, thread).thread_id if thread else None
        wanted = Wanted(group_id, _day("--since", since), _day("--until", until), thread_id, author, query)
        found = exporting.each(house.db, house.db.read_now(exporting.find, wanted))
        count, damaged = _WRITERS[chosen](to, found)
    say(f"{count} messages written to {to}")
    if damaged:
        raise Malformed(f"{damaged} messages are damaged and were left out; cgbot archive verify names them")


def _form_of(to: Path) -> str:
    suffixes = [one for one in to.suffixes if one != ".gz"]
    if not to.suffixes:
        return "maildir"
    return _EXTENSIONS.get(suffixes[-1] if suffixes else to.suffix, "")


def _day(option: str, given: str) -> datetime | None:
    if not given:
        return None
    try:
        return datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Malformed(f"{option} {given!r} is no day: write 2027-05-03") from None


def _to_file(to: Path, found: Iterator[tuple[Post, bytes | None]], line: Any) -> tuple[int, int]:
    """Write a file under another name first, so that what has the right name is whole."""
    count = damaged = 0
    beside = to.with_name(f".{to.name}.partial")
    with _opened(beside, packed=to.suffix == ".gz") as stream:
        for one, content in found:
            if content is None:
                damaged += 1
                continue
            stream.write(line(one, content))
            count += 1
    beside.replace(to)
    return count, damaged


@contextmanager
def _opened(path: Path, *, packed: bool) -> Iterator[IO[bytes]]:
    """A file for writing; packed without a name or a time, so that the same archive gives the same octets."""
    with path.open("xb") as stream:
        if not packed:
            yield stream
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as wrapped:
            yield wrapped  # type: ignore[misc]  # it has what a stream of octets needs


def _to_mbox(to: Path, found: Iterator[tuple[Post, bytes | None]]) -> tuple[int, int]:
    return _to_file(to, found, lambda one, content: mbox.mboxrd(content, one.received_at))


def _to_json_lines(to: Path, found: Iterator[tuple[Post, bytes | None]]) -> tuple[int, int]:
    return _to_file(to, found, lambda one, content: f"{exporting.as_json(one, content)}\n".encode())


def _into(to: Path, found: Iterator[tuple[Post, bytes | None]], name: Any) -> tuple[int, int]:
    count = damaged = 0
    for one, content in found:
        if content is None:
            damaged += 1
            continue
        path = to / name(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        count += 1
    return count, damaged


def _to_maildir(to: Path, found: Iterator[tuple[Post, bytes | None]]) -> tuple[int, int]:
    for one in ("cur", "new", "tmp"):
        (to / one).mkdir(parents=True)
    return _into(to, found, lambda one: f"cur/{int(one.received_at.timestamp())}.P{one.id}.cgbot:2,S")


def _to_tree(to: Path, found: Iterator[tuple[Post, bytes | None]]) -> tuple[int, int]:
    to.mkdir(parents=True)
    return _into(to, found, lambda one: f"{one.received_at:%Y/%m}/{one.permalink}-{one.id}.eml")


_WRITERS: Final = {"mbox": _to_mbox, "maildir": _to_maildir, "eml": _to_tree, "jsonl": _to_json_lines}
