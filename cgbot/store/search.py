"""
Full text search, the same on both databases (records).

One tokenizer of ours feeds SQLite's FTS5 and PostgreSQL's tsvector, so that both find the same posts: text is folded
(case, compatibility forms, diacritics), cut into words, and scripts without spaces into overlapping pairs of
characters. Words that are not ASCII are stored as hexadecimal, so that no engine cuts them again. The index holds no
text; a post's words are known from its raw message. At most 16,000 words of a post are searchable: beyond that
PostgreSQL no longer counts positions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

TABLES: Final[Mapping[str, tuple[str, ...]]] = {"sqlite": ("post_search",), "postgresql": ("post_search",)}
_MOST_WORDS: Final = 16_000
_LONGEST_WORD: Final = 40
_MOST_TERMS: Final = 32  # of a query
_FIRST_MARK: Final = 0x300
_WORDS: Final = re.compile(r"\w+")
# Han, kana, hangul, Thai, Lao, Khmer, Burmese: written without spaces between words.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_QUERY: Final = re.compile(r'"([^"]*)"?|(\S+)')
_ADD_FTS: Final = text("INSERT INTO post_search (rowid, subject, author, body) VALUES (:id, :subject, :author, :body)")
_ADD_TS: Final = text("INSERT INTO post_search (post_id, terms) VALUES (:id, CAST(:terms AS tsvector))")


@dataclass(frozen=True, slots=True)
class Terms:
    """The words of a post, ready for the index."""

    subject: tuple[str, ...]
    author: tuple[str, ...]
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a post must hold: words in a row; the last one may be the beginning of a word."""

    words: tuple[str, ...]
    prefix: bool = False


def create(tx: Connection) -> None:
    """Make the empty index."""
    if tx.dialect.name == "sqlite":
        tx.execute(
            text("CREATE VIRTUAL TABLE post_search USING fts5(subject, author, body, content='', tokenize='ascii')")
        )
        return
    tx.execute(text("CREATE TABLE post_search (post_id BIGINT PRIMARY KEY, terms TSVECTOR NOT NULL)"))
    tx.execute(text("CREATE INDEX ix_post_search_terms ON post_search USING gin (terms)"))


def drop(tx: Connection) -> None:
    """Throw the index away, to build it again."""
    tx.execute(text("DROP TABLE IF EXISTS post_search"))


# ------------------------------------------------------------------------------------------------- the tokenizer


def terms(subject: str, author: str, body: str) -> Terms:
    """Cut a post into words; the body gives way when there are too many."""
    first, second = words(subject)[:500], words(author)[:500]
    return Terms(tuple(first), tuple(second), tuple(words(body)[: _MOST_WORDS - len(first) - len(second)]))


def words(content: str) -> list[str]:
    """Cut text into folded words; of the unspaced scripts, into pairs and a last single character."""
    found: list[str] = []
    for word in _WORDS.findall(fold(content)):
        if word.isascii():
            found += [piece[:_LONGEST_WORD] for piece in word.split("_") if piece]
        else:
            found += _cut(word)
    return found


def fold(content: str) -> str:
    """Lower case, compatibility forms made one, diacritics dropped."""
    if content.isascii():
        return content.lower()
    spread = unicodedata.normalize("NFKD", content.casefold())
    kept = "".join(char for char in spread if ord(char) < _FIRST_MARK or not unicodedata.combining(char))
    return unicodedata.normalize("NFC", kept).casefold()


def _cut(word: str) -> list[str]:
    pieces: list[str] = []
    at = 0
    for match in _UNSPACED.finditer(word):
        pieces += [word[at : match.start()], *_pairs(match[0])]
        at = match.end()
    return [_stored(piece) for piece in (*pieces, word[at:]) for piece in piece.split("_") if piece]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run))]


def _stored(word: str) -> str:
    """A word as the engines see it: letters and digits of ASCII only."""
    short = word[:_LONGEST_WORD]
    return short if short.isascii() else "zq" + short.encode("utf-8", "replace").hex()


def parse(query: str) -> tuple[Term, ...]:
    """Read what somebody typed: words that must all occur, "phrases", and beginnings with a star."""
    found: list[Term] = []
    for phrase, word in _QUERY.findall(query):
        pieces = words(phrase or word)
        if not pieces:
            continue
        folded = fold(phrase or word)
        ends_in_one = bool(_UNSPACED.search(folded[-1:]))
        if ends_in_one and len(pieces) > 1:
            found.append(Term(tuple(pieces[:-1])))  # the pairs say it; the single last character would bind it
        else:
            found.append(Term(tuple(pieces), prefix=ends_in_one or (not phrase and word.endswith("*"))))
    return tuple(found[:_MOST_TERMS])


# ------------------------------------------------------------------------------------------------- the two engines


def add(tx: Connection, posts: Sequence[tuple[int, Terms]]) -> None:
    """Index posts by their ids."""
    if not posts:
        return
    if tx.dialect.name == "sqlite":
        tx.execute(
            _ADD_FTS,
            [_fts_row(post_id, found) for post_id, found in posts],
        )
        return
    tx.execute(
        _ADD_TS,
        [{"id": post_id, "terms": _vector(found)} for post_id, found in posts],
    )


def remove(tx: Connection, post_id: int, found: Terms) -> None:
    """Take a post out of the index; `found` must be what was put in."""
    if tx.dialect.name == "sqlite":
        tx.execute(
            text(
                "INSERT INTO post_search (post_search, rowid, subject, author, body) "
                "VALUES ('delete', :id, :subject, :author, :body)"
            ),
            _fts_row(post_id, found),
        )
        return
    tx.execute(text("DELETE FROM post_search WHERE post_id = :id"), {"id": post_id})


def find(tx: Connection, group_id: int, query: str, page: tuple[int, int] = (50, 0)) -> tuple[int, ...]:
    """The ids of a group's posts that hold all of the query, newest first; `page` is (how many, after how many)."""
    wanted = parse(query)
    if not wanted:
        return ()
    limit, offset = page
    if tx.dialect.name == "sqlite":
        match, join = " AND ".join(map(_fts_term, wanted)), "post_search.rowid = posts.id"
        condition = "post_search MATCH :match"
    else:
        match, join = " & ".join(map(_ts_term, wanted)), "post_search.post_id = posts.id"
        condition = "post_search.terms @@ CAST(:match AS tsquery)"
    rows = tx.execute(
        text(
            f"SELECT posts.id FROM post_search JOIN posts ON {join} WHERE {condition} AND posts.group_id = :group "  # noqa: S608 - fixed texts; what was typed is bound
            "ORDER BY posts.received_at DESC, posts.id DESC LIMIT :limit OFFSET :offset"
        ),
        {"match": match, "group": group_id, "limit": limit, "offset": offset},
    )
    return tuple(int(row.id) for row in rows)


def _fts_row(post_id: int, found: Terms) -> dict[str, object]:
    return {
        "id": post_id,
        "subject": " ".join(found.subject),
        "author": " ".join(found.author),
        "body": " ".join(found.body),
    }


def _fts_term(term: Term) -> str:
    return f'"{" ".join(term.words)}"{"*" if term.prefix else ""}'


def _ts_term(term: Term) -> str:
    pieces = [f"'{word}'" for word in term.words]
    if term.prefix:
        pieces[-1] += ":*"
    return f"({' <-> '.join(pieces)})"


def _vector(found: Terms) -> str:
    """A tsvector's text: each word with its places; a gap keeps phrases from crossing from one field into the next."""
    places: dict[str, list[int]] = {}
    start = 1
    for part in (found.subject, found.author, found.body):
        _place(places, part, start)
        start += len(part) + 2
    return " ".join(f"'{word}':{','.join(map(str, at))}" for word, at in places.items())


def _place(places: dict[str, list[int]], part: Iterable[str], start: int) -> None:
    for offset, word in enumerate(part):
        places.setdefault(word, []).append(start + offset)
