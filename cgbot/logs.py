"""
What is written to standard error: one event a line, for readers on a terminal, as JSON lines elsewhere (structlog).

Everything passes here, the libraries' own loggers too. A line carries the fields that are bound around it
(`structlog.contextvars.bound_contextvars(post=17)`: post, errand, delivery, meeting, group). No secret leaves: fields
with telling names are blanked, so are passwords in URLs and one-time tokens in addresses and links, octets become
their number, and control characters are escaped, so that nothing from a mail can forge a line. What aiosmtpd would
log of each command and line of mail is turned off.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from cgbot.settings import Log

_SECRET_NAMES: Final = re.compile(r"passw|secret|token|authorization|cookie|master|private", re.IGNORECASE)
_SECRET_TEXTS: Final = (
    re.compile(r"(?<=://)([^\s:/@]*):[^\s@]+(?=@)"),
    re.compile(r"(-confirm\+|-meetings\+)[^\s@]+(?=@)"),
    re.compile(r"(/(?:calendar|sign-in|confirm|unsubscribe)/)[^\s/?#\"']{8,}"),
    re.compile(r"([?&]token=)[^\s&#\"']+"),
)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_BLANK: Final = "…"
_QUIET: Final = ("mail.log", "mail.debug", "uvicorn.access", "apscheduler", "sqlalchemy", "alembic", "asyncio")


def configure(log: Log, stream: TextIO | None = None) -> None:
    """Set up all logging of the process; the last call wins, so a reload may change level and form."""
    target = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    readable = log.form == "console" or (log.form == "auto" and target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(readable, target)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(log.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Blank what may not be written, wherever it stands in the line."""
    return {name: _safe(name, value) for name, value in event.items()}


def _safe(name: str, value: Any) -> Any:
    if name.startswith("_"):  # logging's own records, removed before the line is written
        return value
    if _SECRET_NAMES.search(name):
        return _BLANK
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} octets>"
    if isinstance(value, dict):
        return {str(key): _safe(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe("", item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _safe_text(str(value), lines=name in {"exception", "stack"})


def _safe_text(text: str, *, lines: bool) -> str:
    for pattern in _SECRET_TEXTS:
        text = pattern.sub(rf"\1{_BLANK}", text)
    escaped = [_CONTROLS.sub(lambda found: ascii(found[0])[1:-1], line) for line in text.split("\n")]
    return ("\n" if lines else "\\n").join(escaped)


def _renderer(readable: bool, target: TextIO) -> Processor:
    if readable:
        return structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(ensure_ascii=False)
