"""
Text of a mail as HTML (pure rules).

Everything is escaped; links are the plain http and https ones that stand in the text, quoted runs are dimmed, and
addresses are masked for the anonymous. Nothing of a mail becomes markup.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Final

from markupsafe import Markup, escape

from cgbot.mail.headers import clean_text
from cgbot.web.access import masked

_LINK: Final = re.compile(r"https?://[^\s<>\"'`{}|\\^\[\]]+[^\s<>\"'`{}|\\^\[\].,;:!?)]")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_QUOTED: Final = re.compile(r"\s{0,3}>")
_LIMIT: Final = 400_000


def as_html(text: str, *, mask: bool) -> Markup:
    """The text of a mail, its lines kept."""
    lines = [clean_text(line.replace("\t", "    "), 4000) if line.strip() else "" for line in _kept(text)]
    pieces = []
    for quoted, run in groupby(lines, key=lambda line: bool(_QUOTED.match(line))):
        body = Markup("\n").join(_line(line, mask=mask) for line in run)
        pieces.append(Markup('<span class="quoted">{}</span>').format(body) if quoted else body)
    return Markup("\n").join(pieces)


def _kept(text: str) -> list[str]:
    return text[:_LIMIT].strip("\n").split("\n")


def _line(line: str, *, mask: bool) -> Markup:
    pieces: list[Markup] = []
    at = 0
    for match in _LINK.finditer(line):
        pieces.append(_plain(line[at : match.start()], mask=mask))
        pieces.append(Markup('<a href="{0}" rel="nofollow noopener noreferrer">{0}</a>').format(match[0]))
        at = match.end()
    return Markup("").join([*pieces, _plain(line[at:], mask=mask)])


def _plain(text: str, *, mask: bool) -> Markup:
    return escape(_ADDRESS.sub(lambda match: masked(match[0]), text) if mask else text)


def snippet(text: str, words: tuple[str, ...], length: int = 240) -> str:
    """A piece of the text around the first of these words."""
    flat = " ".join(text.split())
    lowered = flat.lower()
    places = [place for word in words if (place := lowered.find(word.lower())) >= 0]
    start = max(0, (min(places) if places else 0) - length // 4)
    piece = flat[start : start + length]
    return f"{'… ' if start else ''}{piece}{' …' if start + length < len(flat) else ''}"
