"""What follows every link of a mail: scanners of mail servers, previews of mail programs, archives."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from email.message import Message
from typing import Any

import sqlalchemy as sa

from cgbot.store.db import Database, Tx
from cgbot.store.tables import metadata
from tests.harness import Program, Sent

HOME = "https://cg.example.org"
TIMES = 5
_URL = re.compile(r"""https?://[^\s<>"'()\[\]\\]+""")
# Counters of who knocks, when a process was last seen, since when a calendar feed is as it is (Last-Modified).
_RESTLESS = {"knocks", "service", "feeds"}


def links(message: Message) -> Iterator[str]:
    """Every http link in the fields, the text, the HTML and the calendar of a mail, ours and others'."""
    for part in message.walk():
        for value in part.values():
            yield from _in(re.sub(r"\r?\n[ \t]", "", str(value)))
        if part.get_content_maintype() == "text":
            raw = part.get_payload(decode=True)
            assert isinstance(raw, bytes)
            text = raw.decode("utf-8", "replace")
            yield from _in(re.sub(r"\r?\n[ \t]", "", text) if part.get_content_subtype() == "calendar" else text)


def _in(text: str) -> list[str]:
    return [one.rstrip(".,;:") for one in _URL.findall(text.replace("&amp;", "&"))]


def ours(sent: list[Sent]) -> set[str]:
    """The paths on our own pages that these mails name."""
    found = {link for one in sent for link in links(one.message) if link.startswith(HOME)}
    return {one.removeprefix(HOME).partition("#")[0] or "/" for one in found}


def crawl(program: Program, paths: set[str], times: int = TIMES) -> dict[str, set[int]]:
    """Fetch each of them so often by GET and by HEAD, without a cookie; the answers' codes by path."""
    host, _, port = program.addresses["web"].removeprefix("http://").rstrip("/").rpartition(":")
    found: dict[str, set[int]] = {}
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        for path in sorted(paths):
            for method in ("GET", "HEAD") * times:
                connection.request(method, path, headers={"User-Agent": "SafeLinks scanner"})
                answer = connection.getresponse()
                answer.read()
                found.setdefault(path, set()).add(answer.status)
    finally:
        connection.close()
    return found


def everything(db: Database) -> dict[str, list[Any]]:
    """Every row of every table but those that change by themselves."""

    def read(tx: Tx) -> dict[str, list[Any]]:
        tables = [one for one in metadata.sorted_tables if one.name not in _RESTLESS]
        return {one.name: sorted(map(repr, tx.execute(sa.select(one)))) for one in tables}

    return db.read_now(read)
