"""One installation a story, with a mailbox for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Program, Relay, serving

MEMBERS = {
    "convener@example.org": "convener",
    "delegate@example.org": "member",
    "observer@example.net": "observer",
}


@pytest.fixture
def program(tmp_path: Path, database_url: str) -> Iterator[Program]:
    """cgbot on the embedded default (Maildir) and on PostgreSQL, serving, with three members."""
    url = "" if database_url.startswith("sqlite") else database_url
    with serving(Program(tmp_path, database_url=url).with_members(MEMBERS)) as running:
        yield running


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay() as running:
        yield running
