"""The search finds the same posts on both databases: those that the rules of `words` name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgbot.store import raw, search, words
from cgbot.store.db import Database, Tx
from cgbot.store.query import parse
from cgbot.store.tables import groups, posts, threads
from cgbot.store.words import GAP, Term, Terms
from tests.archive.posting import START, mail, put

TEXTS = {
    1: ("Terms of reference", "Xiongwei Jia jia@example.org", "Security for AI and Security by AI in generative AI."),
    2: ("Réunion du 16 mai", "Zoé Müller", "La sécurité de l’intelligence artificielle générative; voir X.1234."),
    3: ("人工智能安全", "胡志远", "关于生成式人工智能安全性的联络声明。"),
    4: ("Безопасность", "Иван Ёлкин", "Генеративный искусственный интеллект и его безопасность"),
    5: ("الأمن", "علي", "أَمْن الذكاء الاصطناعي التوليدي"),
    6: ("Re: X.ai-sec", "bob", "e-mail x_y 2.0 foo bar foo baz AI安全 the the the"),
    7: ("", "", ""),
}
QUERIES = {
    "security": {1},
    "SECURITY ai": {1},
    '"generative AI"': {1},
    '"AI generative"': set(),
    "secur*": {1, 2},
    "sécurité": {2},
    "securite": {2},
    "x.1234": {2},
    '"x 1234"': {2},
    "x*": {1, 2, 6},
    "jia@example.org": {1},
    '"reference xiongwei"': set(),  # a phrase stays within the subject, the author or the text
    "人工智能": {3},
    "安全": {3, 6},
    "安": {3, 6},
    "智能安全": {3},
    "全智": set(),
    "AI安": {6},
    "безопасн*": {4},
    "елкин": {4},
    "امن": {5},
    "e-mail": {6},
    '"foo bar foo baz"': {6},
    '"foo foo"': set(),
    "z*": {2},
    "from:jia": {1},
    "from:example*": {1},
    "from:security": set(),
    "subject:security": set(),
    'subject:"du 16" sécurité': {2},
    "subject:安全": {3},
    "from:志": {3},
    "subject:x* foo": {6},
    "FROM:bob from:alice": set(),
    "wherefrom:bob": set(),
    "": set(),
    "…": set(),
}


@pytest.fixture
def filled(db: Database) -> tuple[Database, int]:
    """The texts above as posts of one group, and another group with all of them again."""

    def fill(tx: Tx) -> int:
        for group_id, offset in ((1, 0), (2, 100)):
            tx.execute(sa.insert(groups).values(id=group_id, name=f"group{group_id}", created_at=START))
            place(tx, group_id, sorted(TEXTS), offset)
            search.add(tx, [(offset + number, words.terms(*text)) for number, text in TEXTS.items()])
        return 1

    return db, db.write_now(fill)


def place(tx: Tx, group_id: int, numbers: list[int], offset: int = 0) -> None:
    """Rows for posts with these ids, the later the newer."""
    bytes_of_all = raw.prepare(b"x")
    raw.put(tx, [bytes_of_all])
    thread = {"group_id": group_id, "subject": "", "started_at": START, "last_at": START, "posts": 1}
    thread_id = tx.execute(sa.insert(threads).values(thread).returning(threads.c.id)).scalar_one()
    blank = {"message_id": "", "permalink": "", "references": [], "subject": "", "author_name": "", "size": 1}
    same = {**blank, "author_address": "", "received_at": START, "sha256": bytes_of_all.sha256, "thread_id": thread_id}
    rows = [{**same, "id": offset + n, "group_id": group_id, "content_hash": bytes([n]) * 32} for n in numbers]
    tx.execute(sa.insert(posts), rows)


@pytest.mark.parametrize("query", QUERIES)
def test_what_is_found(filled: tuple[Database, int], query: str) -> None:
    db, group_id = filled
    found = db.read_now(search.find, group_id, query)
    assert set(found) == QUERIES[query]


def test_newest_first_and_in_pages(db: Database, group: groups.Group) -> None:
    def fill(tx: Tx) -> list[int]:
        return [put(tx, group.id, mail(f"m{n}", "the same words\n"), minutes) for n, minutes in enumerate((3, 1, 2, 0))]

    first, second, third, fourth = db.write_now(fill)
    assert db.read_now(search.find, group.id, "same") == (first, third, second, fourth)
    assert db.read_now(search.find, group.id, "same", (2, 1)) == (third, second)


def test_by_day_and_by_file(db: Database, group: groups.Group) -> None:
    """Days are those of UTC; the first one counts, the last one does not."""
    plan = with_file("m1", "Plan 100%_final.DOCX")
    contents = ((mail("m0", "x\n"), 0), (plan, 60 * 24), (with_file("m2", "Réunion.pdf"), 60 * 24 * 20))
    one, two, three = db.write_now(lambda tx: [put(tx, group.id, content, minutes) for content, minutes in contents])
    day, after = START.date(), START.date() + timedelta(days=1)
    expected = {
        f"after:{after}": (three, two),
        f"before:{after}": (one,),
        f"after:{after} before:{after + timedelta(days=1)}": (two,),
        f"after:{day:%Y} before:{day.year + 1}": (three, two, one),
        f"before:{day:%Y}": (),
        f"after:{after}T08:00:01": (three,),
        f"before:{after}T08:00:00Z": (one,),
        f"before:{after}T08:00:01": (two, one),
        "id:m1@example.org": (two,),
        "id:<m1@example.org> text": (two,),
        "id:m1@example": (),
        "has:attachment": (three, two),
        "filename:docx": (two,),
        'filename:"100%_FINAL"': (two,),
        "filename:100%final": (),
        "filename:reunion.pdf text": (three,),
        "filename:reunion.pdf x": (),
    }
    assert {query: db.read_now(search.find, group.id, query) for query in expected} == expected


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("before:yesterday", "before:yesterday is no date; write before:2027-05-03, before:2027-05 or before:2027"),
        ("after:2027-02-30", "after:2027-02-30 is no date; write after:2027-05-03, after:2027-05 or after:2027"),
        ("has:meaning", "has:meaning is not known; write has:attachment"),
    ],
)
def test_what_is_not_understood_is_said(query: str, problem: str) -> None:
    assert parse(query).problems == (problem,)


def with_file(number: str, name: str) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = "a@example.org", "s", f"<{number}@example.org>"
    message.set_content("text\n")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename=name)
    return message.as_bytes()


def test_what_is_taken_out_is_not_found(filled: tuple[Database, int]) -> None:
    db, group_id = filled
    db.write_now(search.remove, 1, words.terms(*TEXTS[1]))
    assert db.read_now(search.find, group_id, "security") == ()
    assert set(db.read_now(search.find, group_id, "x*")) == {2, 6}


def test_more_than_an_engine_takes(db: Database, group: groups.Group) -> None:
    """Long and repetitive posts are found by their beginning, alike on both."""
    repeated = " ".join(["so"] * 300 + ["ends", "here"])
    many = " ".join(f"{number}{'𐐨' * 18}" for number in range(16_000))
    end = "first " + "word " * 16_000 + "last"
    contents = [mail(name, text) for name, text in (("a", repeated), ("b", many), ("c", end))]
    one, two, three = db.write_now(lambda tx: [put(tx, group.id, content) for content in contents])
    expected = {"so": (one,), '"so ends"': (), '"ends here"': (one,), "first": (three,), "last": (), "5𐐨*": (two,)}
    assert {query: db.read_now(search.find, group.id, query) for query in expected} == expected


# ------------------------------------------------------------------------------------- both against plain Python

_WORDS = ["ai", "a", "so", "security", "sécurité", "人工", "工智能", "安", "安全", "x.1", "e-mail", "до", "дом"]
_TEXT = st.lists(st.sampled_from(_WORDS), max_size=8).map(" ".join) | st.text("ab 安全é-.", max_size=12)
_PIECE = st.sampled_from(_WORDS) | st.text("ab安全é", min_size=1, max_size=3)
_QUERY = st.lists(
    _PIECE
    | _PIECE.map("{}*".format)
    | st.tuples(st.sampled_from(["from:", "subject:"]), _PIECE).map("".join)
    | st.lists(_PIECE, min_size=1, max_size=3).map(lambda p: f'"{" ".join(p)}"'),
    min_size=1,
    max_size=3,
).map(" ".join)


@pytest.fixture
def both(sqlite_url: str, postgresql_url: str, database_url: str) -> Iterator[tuple[Database, Database]]:
    databases = Database.open(sqlite_url), Database.open(postgresql_url)
    for one in databases:
        one.write_now(lambda tx: tx.execute(sa.insert(groups).values(id=1, name="group1", created_at=START)))
        one.write_now(place, 1, [1, 2, 3])
    yield databases
    for one in databases:
        one.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # empties it
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.tuples(_TEXT, _TEXT, _TEXT), min_size=3, max_size=3), query=_QUERY)
def test_the_same_set_on_both(both: tuple[Database, Database], texts: list[tuple[str, str, str]], query: str) -> None:
    indexed = {number: words.terms(*text) for number, text in enumerate(texts, 1)}
    expected = {number for number, found in indexed.items() if all(holds(found, term) for term in parse(query).terms)}
    for one in both:
        found = one.write_now(search_anew, indexed, query)
        assert set(found) == (expected if parse(query).terms else set()), one.dialect


def search_anew(tx: Tx, indexed: dict[int, Terms], query: str) -> tuple[int, ...]:
    search.drop(tx)
    search.create(tx)
    search.add(tx, list(indexed.items()))
    return search.find(tx, 1, query)


def holds(found: Terms, term: Term) -> bool:
    """Say by the plainest rule whether a post holds the words in a row, in one of its parts."""
    length = len(term.words)
    return any(
        part[at : at + length - 1] == term.words[:-1]
        and (
            part[at + length - 1].startswith(term.words[-1]) if term.prefix else part[at + length - 1] == term.words[-1]
        )
        for part in ([getattr(found, term.part)] if term.part else [found.subject, found.author, found.body])
        for at in range(len(part) - length + 1)
        if GAP not in part[at : at + length]
    )
