"""
Everything that cgbot raises on purpose, and what each means to a mail server, a browser and a shell.

    CgbotError
    ├── Refused        permanent: the request is wrong and stays wrong     5xx      HTTP 4xx   exit 1
    │   ├── NoSuchAddress   550 5.1.1                                               404
    │   ├── NotAllowed      550 5.7.1                                               403
    │   ├── TooLarge        552 5.3.4                                               413
    │   ├── Malformed       554 5.6.0                                               400
    │   ├── NotFound        550 5.1.1                                               404
    │   └── Conflict        the state has moved on: 554 5.5.0                       409
    ├── Deferred       temporary: our own fault or a full house            451      HTTP 503   exit 75
    └── ConfigError    the configuration cannot be used                    451      HTTP 503   exit 2

The first argument is public: it names what was wrong and what is allowed. The private cause stays in `__cause__`
and the log. Anything that is not a CgbotError is a bug of ours and is answered as `Deferred` (RFC 5321 section
4.2.1: a temporary condition), never as a refusal.
"""

from __future__ import annotations

from typing import ClassVar


class CgbotError(Exception):
    """The root; `public` may be shown to whoever asked."""

    smtp: ClassVar[str] = "451 4.3.0"
    http: ClassVar[int] = 503
    exit_status: ClassVar[int] = 75

    def __init__(self, public: str) -> None:
        super().__init__(public)
        self.public = public


class Refused(CgbotError):
    """Permanent: repeating the request unchanged is of no use."""

    smtp = "550 5.7.0"
    http = 400
    exit_status = 1


class NoSuchAddress(Refused):
    """No group or person has this address (RFC 3463 section 3.2)."""

    smtp = "550 5.1.1"
    http = 404


class NotAllowed(Refused):
    """A rule forbids it, whoever asks again."""

    smtp = "550 5.7.1"
    http = 403


class TooLarge(Refused):
    """A limit of the group or the service; the text names the limit."""

    smtp = "552 5.3.4"
    http = 413


class Malformed(Refused):
    """The input cannot be read; the text names the line, field or value."""

    smtp = "554 5.6.0"
    http = 400


class NotFound(Refused):
    """A thing named by its id or name does not exist."""

    smtp = "550 5.1.1"
    http = 404


class Conflict(Refused):
    """The state has moved on: already released, already cancelled."""

    smtp = "554 5.5.0"
    http = 409


class Deferred(CgbotError):
    """Temporary: the same request may succeed later."""


class ConfigError(CgbotError):
    """
    The configuration cannot be used.

    Takes the file (or "environment"), the dotted key, and a sentence that names the value and what is allowed.
    """

    exit_status = 2

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {key}: {problem}" if key else f"{file}: {problem}")
        self.file = file
        self.key = key
        self.problem = problem
