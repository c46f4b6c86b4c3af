"""
Full text search, the same on both databases (records).

One tokenizer of ours (`store.words`) feeds SQLite's FTS5 and PostgreSQL's tsvector, so that both find the same posts;
neither engine cuts or folds anything itself. The index holds no text: a post's words are known from its raw message.
Who may see a group is the business of whoever asks; a group's posts never answer for another group's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, text

from cgbot.store.words import GAP, Term, Terms, parse

TABLES: Final[Mapping[str, tuple[str, ...]]] = {"sqlite": ("post_search",), "postgresql": ("post_search",)}
_ADD_FTS: Final = text("INSERT INTO post_search (rowid, subject, author, body) VALUES (:id, :subject, :author, :body)")
_ADD_TS: Final = text("INSERT INTO post_search (post_id, terms) VALUES (:id, CAST(:terms AS tsvector))")
_REMOVE_FTS: Final = text(
    "INSERT INTO post_search (post_search, rowid, subject, author, body) "
    "VALUES ('delete', :id, :subject, :author, :body)"
)
_REMOVE_TS: Final = text("DELETE FROM post_search WHERE post_id = :id")
# CROSS JOIN fixes the order for SQLite: the index first. The other way round it asks the index anew for every post.
_FIND_FTS: Final = text(
    "SELECT posts.id FROM post_search CROSS JOIN posts ON post_search.rowid = posts.id "
    "WHERE post_search MATCH :match AND posts.group_id = :group "
    "ORDER BY posts.received_at DESC, posts.id DESC LIMIT :limit OFFSET :offset"
)
_FIND_TS: Final = text(
    "SELECT posts.id FROM post_search JOIN posts ON post_search.post_id = posts.id "
    "WHERE post_search.terms @@ CAST(:match AS tsquery) AND posts.group_id = :group "
    "ORDER BY posts.received_at DESC, posts.id DESC LIMIT :limit OFFSET :offset"
)


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


def add(tx: Connection, posts: Sequence[tuple[int, Terms]]) -> None:
    """Index posts by their ids; none of them may be there already."""
    if not posts:
        return
    if tx.dialect.name == "sqlite":
        tx.execute(_ADD_FTS, [_fts_row(post_id, found) for post_id, found in posts])
    else:
        tx.execute(_ADD_TS, [{"id": post_id, "terms": _vector(found)} for post_id, found in posts])


def remove(tx: Connection, post_id: int, found: Terms) -> None:
    """Take a post out of the index; `found` must be what was put in."""
    if tx.dialect.name == "sqlite":
        tx.execute(_REMOVE_FTS, _fts_row(post_id, found))
    else:
        tx.execute(_REMOVE_TS, {"id": post_id})


def find(tx: Connection, group_id: int, query: str, page: tuple[int, int] = (50, 0)) -> tuple[int, ...]:
    """The ids of a group's posts that hold all of the query, newest first; `page` is (how many, after how many)."""
    wanted = parse(query)
    if not wanted:
        return ()
    limit, offset = page
    given = {"group": group_id, "limit": limit, "offset": offset}
    if tx.dialect.name == "sqlite":
        rows = tx.execute(_FIND_FTS, {"match": " AND ".join(map(_fts_term, wanted)), **given})
    else:
        rows = tx.execute(_FIND_TS, {"match": " & ".join(map(_ts_term, wanted)), **given})
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
        if word != GAP:
            places.setdefault(word, []).append(start + offset)
