"""
Text of a mail as HTML (pure rules).

Everything is escaped, and nothing of a mail becomes markup: links are the plain http and https ones that stand in the
text, quotations and signatures are dimmed, long quotations and what stands below the writer's words folded, addresses
masked for the anonymous. No word is left out, save that a text ends after 200,000 characters with a note. Every step
takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote

from markupsafe import Markup, escape

from cgbot.mail import quotation
from cgbot.mail.address import IN_TEXT
from cgbot.mail.headers import clean_text
from cgbot.mail.quotation import Kind
from cgbot.web.access import masked

_LINK: Final = re.compile(r"https?://[^\s<>\"'`{}|\\^\[\]]+")
_QUOTED: Final = re.compile(r"\s{0,3}>")
_WORD: Final = re.compile(r"\w+")
_LIMIT: Final = 200_000
# Quoted lines that may stand open: between the writer's own, and below them all.
_FOLDED: Final = {Kind.QUOTED: 12, Kind.REST: 3}
_LOOKED_AT: Final = 100_000  # characters in which a snippet is looked for


def as_html(text: str, *, mask: bool) -> Markup:
    """The text of a mail, its lines kept, as blocks that keep white space."""
    lines = [_cleaned(line) for line in text[:_LIMIT].strip("\n").split("\n")]
    blocks = [_block(lines[one.start : one.stop], one.kind, mask=mask) for one in quotation.parts(lines)]
    if len(text) > _LIMIT:
        blocks.append(Markup('<p class="meta">The text goes on: see it as it came in.</p>'))
    return Markup("").join(blocks)


def _cleaned(line: str) -> str:
    spread = line.replace("\t", "    ")
    kept = clean_text(spread, _LIMIT)
    return " " * (len(spread) - len(spread.lstrip(" "))) + kept if kept else ""


def _block(lines: list[str], kind: Kind, *, mask: bool) -> Markup:
    body = Markup("").join(_line(line, mask=mask) + "\n" for line in lines)
    if kind is Kind.OWN:
        return Markup("<div>{}</div>").format(body)
    if kind is Kind.SIGNATURE:
        return Markup('<div class="signature">{}</div>').format(body)
    count = sum(bool(line) for line in lines)
    if count <= _FOLDED[kind]:
        return Markup('<div class="quoted">{}</div>').format(body)
    return Markup('<details class="quoted"><summary>{} quoted lines</summary>{}</details>').format(count, body)


def _line(line: str, *, mask: bool) -> Markup:
    pieces: list[Markup] = []
    at = 0
    for match in _LINK.finditer(line):
        link = _without_end(match[0])
        pieces.append(_plain(line[at : match.start()], mask=mask))
        pieces.append(_masked_link(link) if mask else _link(link))
        at = match.start() + len(link)
    return Markup("").join([*pieces, _plain(line[at:], mask=mask)])


def _without_end(link: str) -> str:
    """Leave out the punctuation of the sentence that a link ends; a bracket only if it was opened outside."""
    unopened = link.count(")") - link.count("(")
    end = len(link)
    while end and link[end - 1] in ".,;:!?)":
        if link[end - 1] == ")":
            if unopened <= 0:
                break
            unopened -= 1
        end -= 1
    return link[:end]


def _link(link: str) -> Markup:
    return Markup('<a href="{0}" rel="nofollow noopener noreferrer">{0}</a>').format(link)


def _masked_link(link: str) -> Markup:
    """A link whose query carries an address is cut there; one in its path is rather a Message-ID in another archive."""
    end = re.search("[?#]", link)
    if end is None or "@" not in unquote(link[end.start() :]):
        return _link(link)
    return escape(link[: end.end()] + "…")


def without_addresses(text: str) -> str:
    """The text with every address masked."""
    if "@" not in text and "%40" not in text:
        return text
    return IN_TEXT.sub(lambda match: masked(match[0] if "@" in match[0] else match[0].replace("%40", "@", 1)), text)


def _plain(text: str, *, mask: bool) -> Markup:
    return escape(without_addresses(text) if mask else text)


# ------------------------------------------------------------------------------------------------------ snippets


def snippet(text: str, is_wanted: Callable[[str], bool], length: int = 240, *, mask: bool = True) -> Markup:
    """A piece of the text around the first word that was looked for, rather of what is not quoted; words marked."""
    piece = text[:_LOOKED_AT]
    lines = (without_addresses(piece) if mask else piece).split("\n")
    own = " ".join(" ".join(line for line in lines if not _QUOTED.match(line)).split())
    everything = " ".join(" ".join(lines).split())
    for flat in (own, everything):
        first = next(_wanted(flat, is_wanted), None)
        if first is not None:
            return _around(flat, first.start(), length, is_wanted)
    return _around(own or everything, 0, length, is_wanted)


def holds(text: str, is_wanted: Callable[[str], bool]) -> bool:
    """Say whether the beginning of a text, as far as a snippet is taken of it, has one of the words."""
    return next(_wanted(text[:_LOOKED_AT], is_wanted), None) is not None


def _wanted(flat: str, is_wanted: Callable[[str], bool]) -> Iterator[re.Match[str]]:
    known: dict[str, bool] = {}
    for match in _WORD.finditer(flat):
        word = match[0]
        if word not in known:
            known[word] = is_wanted(word)
        if known[word]:
            yield match


def _around(flat: str, place: int, length: int, is_wanted: Callable[[str], bool]) -> Markup:
    start = _word_start(flat, max(0, place - length // 4))
    piece = clean_text(flat[start : start + length], length)
    pieces = [escape("… " if start else "")]
    at = 0
    for match in _wanted(piece, is_wanted):
        pieces.append(escape(piece[at : match.start()]) + Markup("<mark>{}</mark>").format(match[0]))
        at = match.end()
    return Markup("").join([*pieces, escape(piece[at:]), " …" if start + length < len(flat) else ""])


def _word_start(flat: str, place: int) -> int:
    """The beginning of the next word, if one is near."""
    space = flat.find(" ", place, place + 20) if place else -1
    return space + 1 if space >= 0 else place
