"""Hostile words to NAME-request@ and to the list: read in linear time, and refused in one way only."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbot.errors import Malformed
from cgbot.groups import preferences
from cgbot.groups.preferences import Reader
from cgbot.mail import message as messages
from cgbot.posts import list_words

READER = Reader(date(2027, 5, 3), ("cg-aisec",))
PIECES = st.sampled_from(
    ["set", "add", "remove", "address", "none", "until", "1", "June", "juin", "2027-02-30", "jusqu’au", ":", "=", "\n",
     "zone", "digest", " ", "\t", "@", "<a@b.c>", "name", "Re:", "each", "0", "31.12.9999", "é", "\u202e", "\x00",
     "-- \n"]
)  # fmt: skip


def refusal(subject: str, text: str) -> str:
    """Why it cannot be read, "" where it can."""
    try:
        found = preferences.read(subject, text, READER)
    except Malformed as error:
        return error.public
    preferences.in_lines(found, "fr", hidden=True)
    return "" if found else "nothing"


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join), st.lists(PIECES, max_size=8).map(" ".join))
def test_settings_are_read_or_refused(text: str, subject: str) -> None:
    reason = refusal(subject, text)
    assert reason.isprintable()
    assert reason != "nothing"
    assert isinstance(list_words.list_command(messages.parse(text.encode("utf-8", "replace"))), str)


@pytest.mark.parametrize(
    "text",
    ["set " * 100_000, "set none until " + "1 " * 100_000, "re: " * 100_000, "set daily\n" * 50_000, " " * 500_000,
     "add address " + "<" * 200_000, "unsubscribe " + "please " * 50_000, "set zone " + "a/" * 100_000],
)  # fmt: skip
def test_much_of_it_takes_no_time(text: str) -> None:
    started = time.process_time()
    for subject, body in ((text, ""), ("", text)):
        assert len(refusal(subject, body)) < 3000
        mail = messages.parse(f"Subject: {subject[:900]}\r\n\r\n{body}".encode())
        list_words.list_command(mail)
    assert time.process_time() - started < 2
