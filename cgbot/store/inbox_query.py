"""
Queries as the clients of public-inbox write them (pure rules): `lei q` sends them to the archives that it asks.

Its prefixes become those of store.query. What cannot be answered truly, such as OR or a prefix for what is not indexed
here, is refused: a client must not take half an answer for a whole one. Its dates are of the Date field and ours of
the arrival, which differ for mail that was long on its way.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from cgbot.errors import Malformed

_PIECE: Final = re.compile(r'(?:([a-z]{1,12}):)?("[^"]*"?|[^\s"]+)', re.IGNORECASE)
_NAMES: Final = {
    "s": "subject:",
    "f": "from:",
    "m": "id:",
    "mid": "id:",
    "n": "filename:",
    **dict.fromkeys(("b", "bs", "q", "nq"), ""),  # texts and quotations are searched as one
}
_DATES: Final = {"d": "%Y%m%d", "dt": "%Y%m%d%H%M%S", "rt": "%s"}
_LAST: Final = 7_258_118_400 - 86_400  # the last day of 2199
_OTHERS: Final = frozenset(
    {"a", "t", "c", "tc", "l", "lid", "z", "df", "dfa", "dfb", "dfn", "dfhh", "dfctx", "dfpre", "dfpost", "dfblob",
     "patchid", "forpatchid", "xdfid", "kw"}
)  # fmt: skip
_BOOLEAN: Final = frozenset({"OR", "NOT", "XOR", "NEAR", "ADJ"})


def translate(typed: str) -> str:
    """The same query as store.query reads it. Raises Malformed for what it could not answer."""
    return " ".join(filter(None, (_piece(name.lower(), word) for name, word in _PIECE.findall(typed))))


def _piece(name: str, word: str) -> str:
    if name in _DATES:
        return _range(name, word.strip('"'))
    if name in _OTHERS:
        known = ", ".join(f"{one}:" for one in (*_NAMES, *_DATES))
        raise Malformed(f"{name}: is not searched here; {known} are")
    if not name and (word in _BOOLEAN or word[0] in "(-"):
        raise Malformed(f"{word[:40]!r} is not understood here: all that is asked for must occur")
    if not name and word in {"AND", "+"}:
        return ""
    if name in _NAMES:
        return f"{_NAMES[name]}{word}"
    return f"{name}:{word}" if name else word


def _range(name: str, given: str) -> str:
    """`FROM..TO`, either of them left out, both included; without dots the one day or second."""
    first, dots, last = given.partition("..")
    begin = _time(name, first) if first else None
    end = _time(name, last) if last else None if dots else begin
    after = [f"after:{begin:%Y-%m-%dT%H:%M:%S}"] if begin else []
    step = timedelta(days=1) if name == "d" else timedelta(seconds=1)
    before = [f"before:{end + step:%Y-%m-%dT%H:%M:%S}"] if end else []
    return " ".join(after + before)


def _time(name: str, given: str) -> datetime:
    digits = given.replace("-", "") if name == "d" else given
    try:
        if name == "rt":
            return datetime.fromtimestamp(min(int(digits), _LAST), UTC)
        return min(datetime.strptime(digits, _DATES[name]).replace(tzinfo=UTC), datetime.fromtimestamp(_LAST, UTC))
    except (ValueError, OverflowError, OSError) as error:
        example = {"d": "d:20270503..20270601", "dt": "dt:20270503100000..", "rt": "rt:1809331200.."}[name]
        raise Malformed(f"{name}:{given[:40]} is no range of dates; write it as {example}") from error
