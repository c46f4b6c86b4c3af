"""
Words: how text is cut for the search, on every database alike (pure rules).

Text is folded (case, compatibility forms, diacritics), cut into words, and scripts without spaces into overlapping
pairs of characters. A query is cut by the same rules, so that what was typed finds what was written. The caps are
those within which FTS5 and tsvector keep the same: 16,000 words of a post, 255 places of one word, 800 kB of
different words; what is over them cannot be found, and a phrase never reaches across it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

GAP: Final = "·"  # stands where a word was left out: nobody can type it, since it is no letter and no digit
_MOST_CHARACTERS: Final = 400_000
_MOST_WORDS: Final = 16_000  # a tsvector knows places up to 16,383
_MOST_PLACES: Final = 255  # a tsvector keeps 255 places of a word
_MOST_OCTETS: Final = 800_000  # a tsvector holds 1 MiB
_LONGEST_WORD: Final = 40
_HEAD: Final = 500  # words of a subject, and of an author
_MOST_TERMS: Final = 32  # of a query
_FIRST_MARK: Final = 0x300
_VOICED: Final = frozenset("\u3099\u309a")  # they make another kana, not an accented one

_RUN: Final = re.compile("[0-9a-z\x80-\U0010ffff]+")  # between signs of ASCII nothing folds into another
# The signs of Indic, Thai, Lao, Khmer, Burmese and Tibetan vowels are no letters to `\w`, but inside words.
_SIGNS: Final = (
    "\u0900-\u0963\u0966-\u0df3\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ebc\u0ec8-\u0ecd\u0f71-\u0f84"
    "\u102b-\u103e\u1056-\u1059\u17b4-\u17d3"
)
_WORD: Final = re.compile(f"(?:[^\\W_]|[{_SIGNS}])+")
# Han, kana, hangul, Thai, Lao, Khmer, Burmese: written without spaces between words.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_UNSPACED_END: Final = re.compile(_UNSPACED.pattern + "$")


@dataclass(frozen=True, slots=True)
class Terms:
    """The words of a post, ready for the index."""

    subject: tuple[str, ...]
    author: tuple[str, ...]
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """
    One thing that a post must hold: words in a row; the last one may be the beginning of a word.

    `part` is the "subject" or the "author" where they must stand, "" where any part will do.
    """

    words: tuple[str, ...]
    prefix: bool = False
    part: str = ""


def terms(subject: str, author: str, body: str) -> Terms:
    """Cut a post into words; the body gives way when there are too many."""
    head, name = words(subject, _HEAD), words(author, _HEAD)
    text = words(body, _MOST_WORDS - len(head) - len(name))
    counts = Counter(head)
    counts.update(name)
    counts.update(text)
    if max(counts.values(), default=0) <= _MOST_PLACES and 4 * sum(map(len, counts)) <= _MOST_OCTETS:
        return Terms(tuple(head), tuple(name), tuple(text))
    return Terms(*_within_caps((head, name, text)))


def _within_caps(parts: Iterable[list[str]]) -> Iterator[tuple[str, ...]]:
    """Leave a gap for each word that would be too much."""
    places: Counter[str] = Counter()
    octets = 0
    for part in parts:
        kept = []
        for word in part:
            more = 0 if word in places else len(word.encode())
            if places[word] == _MOST_PLACES or octets + more > _MOST_OCTETS:
                kept.append(GAP)
                continue
            places[word] += 1
            octets += more
            kept.append(word)
        yield tuple(kept)


def words(content: str, most: int = _MOST_WORDS) -> list[str]:
    """Cut text into folded words; of the unspaced scripts, into pairs and a last single character."""
    runs = _RUN.findall(content[:_MOST_CHARACTERS].lower())
    if content.isascii():  # most mail is
        return [run[:_LONGEST_WORD] for run in runs[:most]]
    found: list[str] = []
    for run in runs:
        if run.isascii():
            found.append(run[:_LONGEST_WORD])
        else:
            found += _pieces(fold(run))
        if len(found) >= most:
            return found[:most]
    return found


def fold(content: str) -> str:
    """Lower case, compatibility forms made one, diacritics dropped."""
    if content.isascii():
        return content.lower()
    spread = unicodedata.normalize("NFKD", content.casefold())
    kept = "".join(
        char for char in spread if ord(char) < _FIRST_MARK or not unicodedata.combining(char) or char in _VOICED
    )
    return unicodedata.normalize("NFC", kept).casefold()


def _pieces(folded: str) -> Iterator[str]:
    for found in _WORD.finditer(folded):
        word = found[0]
        if word.isascii():
            yield word[:_LONGEST_WORD]
        else:
            yield from _cut(word)


def _cut(word: str) -> Iterator[str]:
    """Part the unspaced runs of a word from the rest of it."""
    at = 0
    for match in _UNSPACED.finditer(word):
        if at < match.start():
            yield word[at : match.start()][:_LONGEST_WORD]
        run = match[0]
        yield from (run[place : place + 2] for place in range(len(run)))
        at = match.end()
    if at < len(word):
        yield word[at:][:_LONGEST_WORD]


# ------------------------------------------------------------------------------------------------------- queries


def term(typed: str, *, may_be_beginning: bool, part: str = "") -> Term:
    """Cut what must stand next to each other; a star at its end makes the last word a beginning, where it may."""
    pieces = words(typed, _MOST_TERMS)
    last = (_WORD.findall(fold(typed)) or [""])[-1]
    tail = _UNSPACED_END.search(last)
    if tail is None or len(pieces) == _MOST_TERMS:
        return Term(tuple(pieces), may_be_beginning and typed.endswith("*"), part)
    if len(tail[0]) == 1:
        return Term(tuple(pieces), prefix=True, part=part)  # one character alone begins a pair, or ends a run
    # The pairs say it; the single last character would bind it to the end of a run.
    return Term(tuple(pieces[:-1]), part=part)


def finder(wanted: Sequence[Term]) -> Callable[[str], bool]:
    """Tell of a word as it stands in a text whether it was asked for: for marking what was found."""
    whole = {word for term in wanted for word in (term.words[:-1] if term.prefix else term.words)}
    beginnings = tuple(term.words[-1] for term in wanted if term.prefix)

    def is_wanted(word: str) -> bool:
        return any(piece in whole or piece.startswith(beginnings) for piece in words(word, _MOST_TERMS))

    return is_wanted
