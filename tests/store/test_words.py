"""How text is cut for the search."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.store import words
from cgbot.store.query import parse
from cgbot.store.words import GAP, Term


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Generative AI", ["generative", "ai"]),
        ("X.1234 (ex-X.ai)", ["x", "1234", "ex", "x", "ai"]),
        ("alice@example.org", ["alice", "example", "org"]),
        ("snake_case", ["snake", "case"]),
        ("Sécurité ÉTÉ", ["securite", "ete"]),
        ("Zhiyuan HU Straße", ["zhiyuan", "hu", "strasse"]),
        ("ﬁne ＡＢＣ x²", ["fine", "abc", "x2"]),
        ("ΟΔΟΣ οδος", ["οδοσ", "οδοσ"]),
        ("Безопасность ИИ", ["безопасность", "ии"]),
        ("الأَمْن", ["الامن"]),
        ("人工智能", ["人工", "工智", "智能", "能"]),
        ("AI安全性2.0", ["ai", "安全", "全性", "性", "2", "0"]),
        ("ガイド", ["ガイ", "イド", "ド"]),
        ("보안 그룹", ["보안", "안", "그룹", "룹"]),
        ("सुरक्षा समूह", ["सुरकषा", "समूह"]),
        ("a" * 50, ["a" * 40]),
        ("é" * 50, ["e" * 40]),
        ("…—„“ \x00 \ud800", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words.words(text) == found


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("generative ai", [Term(("generative",)), Term(("ai",))]),
        ('"generative ai" security', [Term(("generative", "ai")), Term(("security",))]),
        ('"open phrase', [Term(("open", "phrase"))]),
        ("secur*", [Term(("secur",), prefix=True)]),
        ('"secur*"', [Term(("secur",))]),
        ("X.1234", [Term(("x", "1234"))]),
        ("人工智能", [Term(("人工", "工智", "智能"))]),
        ("人", [Term(("人",), prefix=True)]),
        ("AI安", [Term(("ai", "安"), prefix=True)]),
        ("安全。", [Term(("安全",))]),
        ("安全*", [Term(("安全",))]),
        ("* - ! \" ''", []),
        ("'; DROP TABLE posts --", [Term(("drop",)), Term(("table",)), Term(("posts",))]),
        ("a AND b NOT c", [Term((one,)) for one in ("a", "and", "b", "not", "c")]),
    ],
)
def test_queries(query: str, terms: list[Term]) -> None:
    assert list(parse(query).terms) == terms


def test_the_body_gives_way_to_the_subject() -> None:
    found = words.terms("one two", "alice", "word " * 20_000)
    assert (found.subject, found.author) == (("one", "two"), ("alice",))
    assert len(found.body) == 16_000 - 3


def test_a_word_is_kept_255_times_and_leaves_gaps() -> None:
    found = words.terms("so", "", " ".join(["so"] * 300 + ["end"]))
    assert found.body.count("so") == 254
    assert found.body[254:] == (GAP,) * 46 + ("end",)


def test_different_words_have_a_limit_in_octets() -> None:
    long = " ".join(f"{n}{'𐐨' * 18}" for n in range(16_000))
    found = words.terms("", "", long)
    kept = {word for word in found.body if word != GAP}
    assert 700_000 < sum(len(word.encode()) for word in kept) <= 800_000
    assert len(found.body) == 16_000


@given(st.text())
def test_what_is_folded_is_cut_the_same_again(text: str) -> None:
    """A word of the index, typed, finds itself."""
    for word in words.words(text):
        assert words.words(word)[0] == word


@given(st.text(), st.text())
def test_anything_can_be_typed(text: str, query: str) -> None:
    terms = parse(query).terms
    assert all(term.words for term in terms)
    words.terms(text, query, text)
    words.finder(parse(query).terms)(text)


@pytest.mark.parametrize(
    ("query", "word", "found"),
    [
        ("sécurité", "Securite", True),
        ("secur*", "Security", True),
        ("secur", "Security", False),
        ("安全", "人工智能安全性", True),
        ("", "word", False),
    ],
)
def test_marking_what_was_found(query: str, word: str, found: bool) -> None:
    assert words.finder(parse(query).terms)(word) is found
