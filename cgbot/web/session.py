"""
The cookie of a session, and the forms that pages send (edge; RFC 6265bis, HTML form encoding).

Over https the cookie has the prefix __Host-, so that no other host of the domain can set it. Only a browser's forms
are read: fields by name, at most a mebibyte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from cgbot.errors import Malformed, TooLarge
from cgbot.groups.sign_in import SESSION_LIFETIME
from cgbot.settings import Settings

_TOKEN: Final = re.compile(r"[a-z0-9]{20,64}")
_MOST_OCTETS: Final = 1024 * 1024
_MOST_FIELDS: Final = 150


def read(request: Request, settings: Settings) -> str:
    """The session that a request names, "" for none."""
    token = request.cookies.get(_name(settings), "")
    return token if _TOKEN.fullmatch(token) else ""


def begin(answer: Response, settings: Settings, token: str) -> None:
    """Give the browser a session."""
    _set(answer, settings, token, int(SESSION_LIFETIME.total_seconds()))


def forget(answer: Response, settings: Settings) -> None:
    """Let the browser forget its session."""
    _set(answer, settings, "", 0)


def _set(answer: Response, settings: Settings, value: str, seconds: int) -> None:
    answer.set_cookie(
        _name(settings), value, max_age=seconds, path="/", secure=_is_secure(settings), httponly=True, samesite="lax"
    )


def _name(settings: Settings) -> str:
    return "__Host-cgbot" if _is_secure(settings) else "cgbot"


def _is_secure(settings: Settings) -> bool:
    return settings.service.public_url.lower().startswith("https:")


async def form(request: Request) -> Mapping[str, str]:
    """The fields of a form, line ends as LF. Raises TooLarge and Malformed."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MOST_OCTETS:
            raise TooLarge(f"a form of more than {_MOST_OCTETS} octets")
    try:
        fields = parse_qsl(content.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Malformed("this form cannot be read") from error
    return {name: value.replace("\r\n", "\n").replace("\0", "") for name, value in fields}
