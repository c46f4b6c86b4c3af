"""Somebody who was erased is hidden in what others have written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.archive import forgotten
from cgbot.archive.forgotten import Forgotten
from cgbot.context import Context
from cgbot.keys import Keys
from cgbot.store.db import Database

KEYS = Keys((b"k" * 32,))
SHOWN = [
    ("write to jane@example.org.", "write to [erased]."),
    ("JANE@Example.ORG", "[erased]"),
    ("On Mon, 3 May 2027, Jane Doe <jane@example.org> wrote:", "On Mon, 3 May 2027, [erased] <[erased]> wrote:"),
    ('From: "Jane  Doe" <jane@example.org>', 'From: "[erased]" <[erased]>'),
    ("Dear Jane Doe (jane@example.org)", "Dear [erased] ([erased])"),
    ("see https://x.example/?m=jane%40example.org", "see https://x.example/?m=[erased]"),
    ("Bob <bob@example.org> and jane.x@example.org", "Bob <bob@example.org> and jane.x@example.org"),
    ("Bob, jane@example.org, Jane", "Bob, [erased], Jane"),
    ("nobody", "nobody"),
]  # fmt: skip


@pytest.fixture
def gone(db: Database, context: Context) -> Forgotten:
    db.write_now(forgotten.remember, context.keys, ["jane@example.org", "Jane  Doe", " "])
    db.write_now(forgotten.remember, context.keys, ["Jane@example.org"])
    return db.read_now(forgotten.everybody, context.keys)


def test_addresses_and_the_names_before_them_are_hidden(gone: Forgotten) -> None:
    assert len(gone.marks) == 2
    for text, shown in SHOWN:
        assert gone.hide(text) == shown
        assert gone.hide_octets(text.encode() + b"\r\n\xff\xfe") == shown.encode() + b"\r\n\xff\xfe"


def test_another_key_finds_nobody(gone: Forgotten) -> None:
    assert Forgotten(KEYS, gone.marks).hide("jane@example.org") == "jane@example.org"


@given(st.binary(max_size=300))
def test_everything_else_stays(content: bytes) -> None:
    assert Forgotten(KEYS, frozenset({"x"})).hide_octets(content) == content
