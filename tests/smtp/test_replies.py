"""The table of replies that users read says what the server says."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cgbot.errors import Deferred, NotAllowed
from cgbot.smtp import reply
from cgbot.smtp.limits import Limits

TABLE = (Path(__file__).parents[2] / "docs" / "smtp-replies.md").read_text()
LIMITS = Limits()


@pytest.mark.parametrize("name", [name for name in dir(reply) if name.isupper() and not name.startswith("_")])
def test_every_fixed_reply_is_in_the_table(name: str) -> None:
    assert f"`{getattr(reply, name)}`" in TABLE


@pytest.mark.parametrize(
    "text",
    [
        reply.line_too_long(LIMITS.line_length),
        reply.too_large(LIMITS.message_size),
        reply.command_too_long(LIMITS.command_length),
        reply.too_many_recipients(LIMITS.recipients),
        reply.too_many_errors(LIMITS.errors),
        reply.too_many_connections(LIMITS.connections, "in all"),
        reply.too_many_connections(LIMITS.connections_per_peer, "from your address"),
        reply.idle(LIMITS.idle_seconds),
        reply.data_took_too_long(LIMITS.data_seconds),
        reply.too_slow(LIMITS.data_rate),
        reply.taken(17),
    ],
)
def test_every_reply_with_a_number_is_in_the_table(text: str) -> None:
    assert f"`{text}`" in TABLE


def test_an_error_of_ours_is_temporary_and_private() -> None:
    assert reply.for_error(RuntimeError("secret")) == reply.FAULT
    assert reply.for_error(Deferred("come back")) == "451 4.3.0 come back"
    assert reply.for_error(NotAllowed("no\r\n250 ok")) == "550 5.7.1 no?250 ok"


def test_a_full_disk_is_named_wherever_it_hides() -> None:
    hidden = Deferred("not now")
    hidden.__cause__ = RuntimeError("x")
    hidden.__cause__.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert reply.for_error(hidden) == reply.DISK_FULL
    assert reply.for_error(OSError(errno.ENOSPC, "No space left on device")) == reply.DISK_FULL
