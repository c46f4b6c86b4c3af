"""Edge: what `cgbot check` says of the archive's log: what was signed last still stands; it looks no deeper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from cgbot.archive import log, note, proving
from cgbot.cli.finding import Finding, fail, good, warn
from cgbot.errors import CgbotError
from cgbot.groups import records

_SUBJECT: Final = "archive"
_LATE: Final = timedelta(hours=1)


def of_groups(tx: Connection, now: datetime) -> Iterator[Finding]:
    """One line a group whose archive was ever signed."""
    for group in records.list_groups(tx):
        head = log.newest_head(tx, group.id)
        if head is None:
            continue
        try:
            added = proving.compare(tx, group.id, note.read(note.split(head.note)[0])) + log.waiting(tx, group.id)
        except CgbotError as error:
            yield fail(_SUBJECT, f"{group.name}: {error.public}; `cgbot archive verify` names what has changed")
            continue
        text = f"{group.name}: {head.size} entries signed on {head.signed_at:%d %B %Y}"
        if added and head.signed_at < now - _LATE:
            yield warn(_SUBJECT, f"{text}, and {added} since that are not: does the clock of `serve` run?")
        else:
            yield good(_SUBJECT, text)
