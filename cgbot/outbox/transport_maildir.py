"""
Edge: mail into Maildirs, one a recipient, for trying cgbot out and for its tests (no relay is set).

`data_dir/maildir/ADDRESS/{tmp,new,cur}`, readable by cgbot alone. A file is whole and on the disk before its name
appears in `new`. It begins with Return-Path and Delivered-To; then come the exact bytes.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cgbot.outbox.retry import Outcome
from cgbot.outbox.wire import Offer, Outgoing, impossible

if TYPE_CHECKING:
    from typing_extensions import Buffer

_ANYTHING: Final = Offer(pipelining=True, eight_bit=True, utf8=True, size=0)
_LONGEST: Final = 200  # a file name has at most 255 octets


class MaildirTransport:
    """Writes into the Maildirs under one folder; `name` makes file names that do not repeat."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._count = 0

    @property
    def is_open(self) -> bool:
        """There is nothing to open."""
        return True

    async def send(self, copy: Outgoing) -> Outcome:
        """Write one file, in a thread."""
        self._count += 1
        return await asyncio.to_thread(self._write, copy, f"{self._name}.{self._count:08d}")

    async def close(self) -> None:
        """Nothing stays open."""

    def cut(self) -> None:
        """A file is written in a moment."""

    def _write(self, copy: Outgoing, name: str) -> Outcome:
        refusal = impossible(copy, _ANYTHING)
        if refusal is not None:
            return refusal
        try:
            folder = self._made(copy.recipient)
            _store(folder, name, (_head(copy), copy.raw, memoryview(copy.body)[copy.start :]))
        except OSError as error:
            return Outcome("deferred", f"the Maildir cannot be written: {error.strerror or error}")
        return Outcome("sent", f"250 2.0.0 written to {folder.name}/new/{name}")

    def _made(self, recipient: str) -> Path:
        folder = self._folder / folder_name(recipient)
        if not (folder / "cur").is_dir():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            for name in ("tmp", "new", "cur"):
                (folder / name).mkdir(mode=0o700, exist_ok=True)
            for one in (folder, self._folder):
                _sync(one)
        return folder


def folder_name(recipient: str) -> str:
    """The address as the name of one folder: no slash, no leading dot, not too long."""
    name = recipient.replace("/", "_").replace("\0", "_")
    bare = name.lstrip(".")
    name = "_" * (len(name) - len(bare)) + bare
    return name.encode()[:_LONGEST].decode("utf-8", "ignore") or "_"


def _head(copy: Outgoing) -> bytes:
    return f"Return-Path: <{copy.return_path}>\r\nDelivered-To: {copy.recipient}\r\n".encode()


def _store(folder: Path, name: str, content: tuple[Buffer, ...]) -> None:
    draft = folder / "tmp" / name
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.writelines(content)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        _publish(draft, folder / "new")
    finally:
        draft.unlink()
    _sync(folder / "new")


def _publish(draft: Path, new: Path) -> None:
    """Give it a name that no mail has: after a restore a run is counted twice, and no mail may be written over."""
    for suffix in ("", *(f".{number}" for number in range(1, 1000))):
        try:
            os.link(draft, new / f"{draft.name}{suffix}")
        except FileExistsError:
            continue
        return
    raise FileExistsError(f"{new}: a thousand mails are called {draft.name}")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
