"""The log: one safe line an event, with its fields, and no secret."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from cgbot import configuration, logs
from cgbot.settings import Log, Secrets, Service, Settings


class Written(io.StringIO):
    """A stream that keeps what is written to it."""

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def written() -> Written:
    stream = Written()
    logs.configure(Log(form="json"), stream)
    return stream


def test_a_line_carries_its_fields(written: Written) -> None:
    with structlog.contextvars.bound_contextvars(post=17):
        structlog.get_logger("cgbot.test").info("archived", size=3)
    (event,) = written.events()
    assert (event["event"], event["post"], event["size"], event["level"]) == ("archived", 17, 3, "info")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", event["timestamp"])


def test_libraries_write_the_same_lines(written: Written) -> None:
    logging.getLogger("uvicorn.error").warning("port %d in use", 80)
    (event,) = written.events()
    assert (event["event"], event["logger"]) == ("port 80 in use", "uvicorn.error")


def test_what_is_said_in_a_session_is_not_logged(written: Written) -> None:
    """aiosmtpd would write each command, and each line of a mail, to these loggers."""
    logging.getLogger("mail.log").info("%r << %r", ("::1", 1), b"RCPT TO:<a@b>")
    logging.getLogger("mail.debug").debug("DATA readline: %r", b"secret words")
    assert written.getvalue() == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "hunter2"},
        {"relay_password": "hunter2"},
        {"new_token": "hunter2"},
        {"facts": {"one": {"token": "hunter2"}}},
        {"url": "postgresql://cgbot:hunter2@db/cgbot"},
        {"urls": ["x", "http://u:hunter2@h/"]},
        {"recipient": "cg-aisec-confirm+hunter2@lists.example.org"},
        {"path": "/calendar/hunter2hunter2.ics"},
        {"raw": b"hunter2"},
    ],
    ids=str,
)
def test_no_secret_is_written(written: Written, fields: dict[str, Any]) -> None:
    structlog.get_logger().warning("something", **fields)
    assert "hunter2" not in written.getvalue()
    assert len(written.events()) == 1


def test_no_secret_in_a_traceback(written: Written) -> None:
    try:
        raise OSError("cannot reach postgresql://cgbot:hunter2@db/cgbot")
    except OSError:
        structlog.get_logger().exception("database away")
    (event,) = written.events()
    assert "Traceback" in event["exception"]
    assert "cgbot:" not in event["exception"]
    assert "hunter2" not in event["exception"]


def test_no_key_of_a_whole_configuration(written: Written, tmp_path: Path) -> None:
    """Settings and keys themselves may be logged by mistake; nothing of a key's file shows."""
    settings = Settings(service=Service(data_dir=tmp_path), secrets=Secrets(directory=tmp_path))
    keys = configuration.load_keys(settings)
    structlog.get_logger().info("started", settings=settings, keys=keys, both=(settings, keys))
    text = written.getvalue()
    for key in keys.masters:
        assert key.hex() not in text
        assert repr(key)[2:-1] not in text


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_mail_cannot_forge_a_line(form: Any) -> None:
    stream = Written()
    logs.configure(Log(form=form), stream)
    structlog.get_logger().info("held", subject='x\n{"event": "approved"}\r\x1b[2J\u2028\u202e')
    (line,) = stream.getvalue().splitlines()
    assert not re.search(r"[\x00-\x1f\u2028\u202e]", line.rstrip("\n"))


def test_the_level_is_a_setting() -> None:
    stream = Written()
    logs.configure(Log(level="warning", form="json"), stream)
    structlog.get_logger().info("not this")
    logging.getLogger("x").info("nor this")
    structlog.get_logger().warning("this")
    assert [event["event"] for event in stream.events()] == ["this"]
