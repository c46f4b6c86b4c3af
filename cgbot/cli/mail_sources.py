"""
Edge: the files in which archives come, read message by message, however large they are.

mbox (with gz, xz, bz2 or zip around it; pipermail's months and HyperKitty's exports are such), Maildir, single
messages, a LISTSERV log, our own JSON lines, a public-inbox repository, and a folder of any of these. What a file is
is seen from its beginning, not from its name. A file that is damaged gives what can be read of it and a `Trouble`.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import io
import json
import lzma
import os
import re
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final, cast

from cgbot.archive.importing import Given, content_hash
from cgbot.errors import Malformed
from cgbot.mail import mbox
from cgbot.mail.mbox import Dialect

_PACKED: Final[dict[bytes, Callable[[IO[bytes]], IO[bytes]]]] = {
    b"\x1f\x8b": lambda stream: cast("IO[bytes]", gzip.GzipFile(fileobj=stream)),
    b"\xfd7zXZ\x00": lambda stream: cast("IO[bytes]", lzma.LZMAFile(stream)),  # noqa: SIM115 - who calls it closes it
    b"BZh": lambda stream: cast("IO[bytes]", bz2.BZ2File(stream)),
}
_ZIP: Final = b"PK\x03\x04"
_PEEK: Final = 2000
_RULE: Final = re.compile(rb"={73}\r?\n?")
_FIELD: Final = re.compile(rb"[!-9;-~]{1,80}[ \t]*:")
_DAMAGED: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)
_LINE: Final = 1 << 20
# Mail shrinks to a tenth or so. What shrinks to a thousandth is made to fill a disk.
_MOST_TIMES: Final = 1000
_HARMLESS: Final = 256 << 20
_GIT: Final = ("git", "-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that gave no message: where, and why."""

    origin: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read: the most octets of a message, and how the mbox files quote."""

    largest: int
    dialect: Dialect = "mboxrd"


def read(path: Path, how: Reading) -> Iterator[Given | Trouble]:
    """Every message of a file or a folder, and what gives none."""
    try:
        if path.is_dir():
            yield from _folder(path, how)
            return
        with path.open("rb") as stream:
            yield from _stream(stream, str(path), path.stat().st_size, how)
    except _DAMAGED as error:
        yield Trouble(str(path), f"it cannot be read to its end: {error or type(error).__name__}")
    except Malformed as error:
        yield Trouble(str(path), error.public)


def _folder(path: Path, how: Reading) -> Iterator[Given | Trouble]:
    if repositories := _repositories(path):
        yield from _public_inbox(repositories, how)
        return
    for one in sorted(path.rglob("*"), key=lambda one: one.parts):
        # In a Maildir, tmp holds what was never delivered; a file with a dot is none of mail's.
        if one.is_file() and one.parent.name != "tmp" and not one.name.startswith("."):
            yield from read(one, how)


def _stream(stream: IO[bytes], origin: str, size: int, how: Reading) -> Iterator[Given | Trouble]:
    peeked = cast("io.BufferedReader", stream).peek(_PEEK)[:_PEEK]
    opener = next((one for magic, one in _PACKED.items() if peeked.startswith(magic)), None)
    if opener is not None:
        with opener(stream) as plain:
            yield from _stream(io.BufferedReader(_Bounded(plain, size)), origin, size, how)
    elif peeked.startswith(_ZIP):
        yield from _zip(stream, origin, how)
    elif peeked.startswith(b"From "):
        yield from _mbox(stream, origin, how)
    elif _RULE.match(peeked):
        yield from _listserv(stream, origin, how)
    elif peeked.startswith(b'{"'):
        yield from _json_lines(stream, origin, how)
    elif _FIELD.match(peeked):
        yield from _single(stream, origin, how)
    elif peeked.strip():
        yield Trouble(origin, "it is no mbox, message, LISTSERV log, zip file, nor JSON lines of ours")


class _Bounded(io.RawIOBase):
    """What comes out of a packed file, as long as it is in proportion to the file."""

    def __init__(self, plain: IO[bytes], size: int) -> None:
        self._plain = plain
        self._left = max(_HARMLESS, size * _MOST_TIMES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        piece = self._plain.read(len(view))
        self._left -= len(piece)
        if self._left < 0:
            raise Malformed("it becomes more than a thousand times as large when it is unpacked")
        view[: len(piece)] = piece
        return len(piece)


def _zip(stream: IO[bytes], origin: str, how: Reading) -> Iterator[Given | Trouble]:
    with zipfile.ZipFile(stream) as packed:
        for one in packed.infolist():
            if one.is_dir():
                continue
            with packed.open(one) as plain:
                inner = io.BufferedReader(_Bounded(plain, one.compress_size))
                yield from _stream(inner, f"{origin}, {one.filename}", one.compress_size, how)


def _mbox(stream: IO[bytes], origin: str, how: Reading) -> Iterator[Given | Trouble]:
    for number, one in enumerate(mbox.read(stream, how.largest, how.dialect), 1):
        where = f"{origin}, message {number}"
        if one.cut or len(one.raw) > how.largest:
            yield Trouble(where, _too_large(how))
        else:
            yield Given(one.raw, one.at, where, certain=one.ours)


def _too_large(how: Reading) -> str:
    return f"it is larger than {how.largest} octets (limits.message_size)"


def _single(stream: IO[bytes], origin: str, how: Reading) -> Iterator[Given | Trouble]:
    raw = stream.read(how.largest + 1)
    yield Trouble(origin, _too_large(how)) if len(raw) > how.largest else Given(raw, None, origin)


def _listserv(stream: IO[bytes], origin: str, how: Reading) -> Iterator[Given | Trouble]:
    """Messages that each stand below a line of 73 equals signs."""
    number, octets, lines = 0, 0, []
    while True:
        line = stream.readline(_LINE)
        if line and not _RULE.fullmatch(line):
            octets += len(line)
            if octets <= how.largest:
                lines.append(line)
            continue
        if octets:
            number += 1
            where = f"{origin}, message {number}"
            yield Trouble(where, _too_large(how)) if octets > how.largest else Given(b"".join(lines), None, where)
        octets, lines = 0, []
        if not line:
            return


def _json_lines(stream: IO[bytes], origin: str, how: Reading) -> Iterator[Given | Trouble]:
    most = how.largest * 4 // 3 + _LINE
    for number, line in enumerate(iter(lambda: stream.readline(most), b""), 1):
        where = f"{origin}, line {number}"
        try:
            told = json.loads(line)
            at = datetime.fromisoformat(told["received_at"])
            raw = base64.b64decode(told["raw"], validate=True)
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
            yield Trouble(where, 'it is no line of an export: {"received_at": …, "raw": …}')
            continue
        if len(raw) > how.largest:
            yield Trouble(where, _too_large(how))
        elif at.tzinfo is None:
            yield Trouble(where, "its time has no zone")
        else:
            yield Given(raw, at, where, certain=True)


# ------------------------------------------------------------------------------------------------ public-inbox


def _repositories(path: Path) -> list[Path]:
    """The epochs of a public-inbox v2 archive, oldest first: git/0.git, git/1.git and so on, or one of them."""
    inner = [one for one in (path / "git").glob("*.git") if one.stem.isdigit()]
    if inner:
        return sorted(inner, key=lambda one: int(one.stem))
    return [path] if (path / "HEAD").is_file() and (path / "objects").is_dir() else []


def _public_inbox(repositories: list[Path], how: Reading) -> Iterator[Given | Trouble]:
    """Each commit adds one message as the file `m`; a file `d` is one that was taken away again."""
    gone: set[bytes] = set()
    for repository in repositories:
        for _, raw in _blobs(repository, "d", how):
            if raw is not None:
                gone.add(content_hash(raw))
    for repository in repositories:
        for commit, raw in _blobs(repository, "m", how):
            where = f"{repository}, commit {commit[:12]}"
            if raw is None:
                yield Trouble(where, _too_large(how))
            elif content_hash(raw) in gone:
                yield Trouble(where, "it was removed from that archive")
            else:
                yield Given(raw, None, where)


def _blobs(repository: Path, name: str, how: Reading) -> Iterator[tuple[str, bytes | None]]:
    """The file of this name in each commit that has one, oldest first; None where it is too large."""
    command = (*_GIT, f"--git-dir={repository}")
    surroundings = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    listed = subprocess.run(  # noqa: S603 - git's own name, and a path that the operator gave
        (*command, "rev-list", "--reverse", "HEAD"), capture_output=True, env=surroundings, check=False
    )
    if listed.returncode:
        raise Malformed(f"git cannot read {repository}: {listed.stderr.decode(errors='replace').strip()[:200]}")
    with subprocess.Popen(  # noqa: S603 - as above
        (*command, "cat-file", "--batch"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=surroundings
    ) as git:
        assert git.stdin is not None and git.stdout is not None  # noqa: S101, PT018 - both are pipes
        for commit in listed.stdout.decode("ascii").split():
            git.stdin.write(f"{commit}:{name}\n".encode())
            git.stdin.flush()
            told = git.stdout.readline().split()
            if len(told) != 3 or told[1] != b"blob":  # noqa: PLR2004 - "SHA blob SIZE", or "… missing"
                continue
            size = int(told[2])
            yield commit, _blob(git.stdout, size, how.largest)
        git.stdin.close()


def _blob(stream: IO[bytes], size: int, largest: int) -> bytes | None:
    """The octets of a blob, None where they are too many; the line end behind them is read too."""
    if size <= largest:
        return stream.read(size + 1)[:-1]
    left = size + 1
    while left > 0:
        left -= len(stream.read(min(left, _LINE))) or left
    return None
