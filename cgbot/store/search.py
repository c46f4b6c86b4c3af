"""
Full text search, the same on both databases (records).

One tokenizer of ours (`store.words`) feeds SQLite's FTS5 and PostgreSQL's tsvector, so that both find the same posts;
neither engine cuts or folds anything itself. The index holds no text: a post's words are known from its raw message.
Who may see a group is the business of whoever asks; a group's posts never answer for another group's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, text

from cgbot.store.columns import UtcTime
from cgbot.store.query import Query, parse
from cgbot.store.words import GAP, Term, Terms

TABLES: Final[Mapping[str, tuple[str, ...]]] = {"sqlite": ("post_search",), "postgresql": ("post_search",)}
_ADD_FTS: Final = text("INSERT INTO post_search (rowid, subject, author, body) VALUES (:id, :subject, :author, :body)")
_ADD_TS: Final = text("INSERT INTO post_search (post_id, terms) VALUES (:id, CAST(:terms AS tsvector))")
_REMOVE_FTS: Final = text(
    "INSERT INTO post_search (post_search, rowid, subject, author, body) "
    "VALUES ('delete', :id, :subject, :author, :body)"
)
_REMOVE_TS: Final = text("DELETE FROM post_search WHERE post_id = :id")
# CROSS JOIN fixes the order for SQLite: the index first. The other way round it asks the index anew for every post.
_FTS: Final = "post_search CROSS JOIN posts ON post_search.rowid = posts.id"
_TS: Final = "post_search JOIN posts ON post_search.post_id = posts.id"
_FIND: Final = (
    "SELECT posts.id FROM {source} WHERE {conditions} "
    "ORDER BY posts.received_at DESC, posts.id DESC LIMIT :limit OFFSET :offset"
)
_WEIGHTS: Final = {"subject": "A", "author": "B"}  # how a tsvector knows the parts of a post


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


def find(tx: Connection, group_id: int, typed: str, page: tuple[int, int] = (50, 0)) -> tuple[int, ...]:
    """The ids of a group's posts that match (store.query), newest first; `page` is (how many, after how many)."""
    wanted = parse(typed)
    if wanted.is_empty:
        return ()
    given: dict[str, object] = {"group": group_id, "limit": page[0], "offset": page[1]}
    source, conditions = "posts", ["posts.group_id = :group", "NOT posts.unlisted"]
    if wanted.terms:
        source, match, given["match"] = _match(tx.dialect.name, wanted.terms)
        conditions.insert(0, match)
    for condition, values in _narrowed(wanted):
        conditions.append(condition)
        given |= values
    statement = text(_FIND.format(source=source, conditions=" AND ".join(conditions)))
    times = [bindparam(name, type_=UtcTime()) for name in ("after", "before") if name in given]
    return tuple(int(row.id) for row in tx.execute(statement.bindparams(*times), given))


def _match(engine: str, wanted: Iterable[Term]) -> tuple[str, str, str]:
    """The index beside the posts, how it is asked, and what for."""
    if engine == "sqlite":
        return _FTS, "post_search MATCH :match", " AND ".join(map(_fts_term, wanted))
    return _TS, "post_search.terms @@ CAST(:match AS tsquery)", " & ".join(map(_ts_term, wanted))


def _narrowed(wanted: Query) -> Iterator[tuple[str, dict[str, object]]]:
    """What the row of a post must be beside its words."""
    if wanted.after:
        yield "posts.received_at >= :after", {"after": wanted.after}
    if wanted.before:
        yield "posts.received_at < :before", {"before": wanted.before}
    if wanted.message_id:
        yield "posts.message_id = :message_id", {"message_id": wanted.message_id}
    if wanted.has_files:
        yield "posts.attachments > 0", {}
    for number, name in enumerate(wanted.filenames):
        literal = re.sub(r"[/%_]", r"/\g<0>", name)
        yield f"posts.files LIKE :file{number} ESCAPE '/'", {f"file{number}": f"%{literal}%"}


def _fts_row(post_id: int, found: Terms) -> dict[str, object]:
    return {
        "id": post_id,
        "subject": " ".join(found.subject),
        "author": " ".join(found.author),
        "body": " ".join(found.body),
    }


def _fts_term(term: Term) -> str:
    part = f"{term.part} : " if term.part else ""
    return f'{part}"{" ".join(term.words)}"{"*" if term.prefix else ""}'


def _ts_term(term: Term) -> str:
    weight = _WEIGHTS.get(term.part, "")
    pieces = [f"'{word}'{':' if weight else ''}{weight}" for word in term.words]
    if term.prefix:
        pieces[-1] = f"'{term.words[-1]}':*{weight}"
    return f"({' <-> '.join(pieces)})"


def _vector(found: Terms) -> str:
    """A tsvector's text: each word with its places; a gap keeps phrases from crossing from one field into the next."""
    places: dict[str, list[str]] = {}
    start = 1
    for part, weight in ((found.subject, "A"), (found.author, "B"), (found.body, "")):
        _place(places, part, start, weight)
        start += len(part) + 2
    return " ".join(f"'{word}':{','.join(at)}" for word, at in places.items())


def _place(places: dict[str, list[str]], part: Iterable[str], start: int, weight: str) -> None:
    for offset, word in enumerate(part):
        if word != GAP:
            places.setdefault(word, []).append(f"{start + offset}{weight}")
