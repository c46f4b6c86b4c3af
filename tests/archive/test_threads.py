"""Who answers whom: trees by references alone, whatever the references say."""

from __future__ import annotations

import itertools
import json
import random
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.archive.threads import Place, Said, references_of, tree
from cgbot.mail import message as messages

START = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)


def said(*rows: tuple[str, str]) -> list[Said]:
    """Posts by their (id, references), a minute after each other."""
    return [
        Said(number, name, tuple(references.split()), START + timedelta(minutes=number))
        for number, (name, references) in enumerate(rows, 1)
    ]


def drawn(places: tuple[Place, ...]) -> str:
    """A tree as one line: each place indented by dots, a ghost in brackets."""
    return " ".join(
        "." * one.depth + (one.message_id if one.post_id is not None else f"[{one.message_id}]") for one in places
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a", ""), ("b", "a"), ("c", "a b"), ("d", "a")], "a .b ..c .d"),
        ([("b", "a"), ("c", "b"), ("a", "")], "a .b ..c"),  # the parent comes last
        ([("a", ""), ("c", "a b")], "a .c"),  # a ghost with one answer is passed over
        ([("b", "x"), ("c", "x")], "[x] .b .c"),  # with two it stands between them
        ([("a", ""), ("b", "a x y"), ("c", "a x z")], "a .[x] ..b ..c"),
        ([("a", "b"), ("b", "a")], "b .a"),  # a circle is cut
        ([("a", "a")], "a"),
        ([("a", ""), ("b", "a"), ("b", "a")], "a .b .b"),  # one Message-ID, two contents
        ([("c", "a b"), ("b", ""), ("a", "")], "b .c a"),  # b itself says that it answers nobody
        ([("c", "b"), ("b", "a"), ("a", "c")], "a .b ..c"),
    ],
)
def test_trees(rows: list[tuple[str, str]], expected: str) -> None:
    assert drawn(tree(said(*rows))) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a", "", "Plan"), ("b", "", "Re: [CG] plan")], "a .b"),
        ([("b", "", "Re: Plan"), ("a", "", "Plan")], "a .b"),  # it came before what it answers
        ([("b", "", "Re: Plan"), ("c", "", "AW: Plan")], "b c"),  # neither answers the other
        ([("a", "", "Plan"), ("b", "", "Plan")], "a b"),
        ([("a", "", "Plan"), ("b", "", "Re: Room")], "a b"),
        ([("a", "", ""), ("b", "", "Re:")], "a b"),  # no subject is no subject to share
        ([("a", "", "Plan"), ("b", "", "Room"), ("c", "b", "Re: Plan")], "a b .c"),  # what it says itself counts more
        ([("a", "", "Plan"), ("b", "x", "Re: Plan"), ("c", "x", "Re: Plan")], "a .[x] ..b ..c"),
        ([("a", "", "Plan"), ("a", "", "Re: Plan"), ("c", "a", "Re: Plan")], "a .a .c"),
        ([("a", "", "Plan"), ("b", "x", "Re: Plan"), ("c", "b", "Re: Plan")], "a .b ..c"),
    ],
)
def test_a_reply_that_names_nobody_stands_below_its_subject(rows: list[tuple[str, str, str]], expected: str) -> None:
    posts = said(*((name, references) for name, references, _ in rows))
    posts = [replace(one, subject=row[2]) for one, row in zip(posts, rows, strict=True)]
    assert drawn(tree(posts)) == expected


def test_a_ghost_that_nobody_answers_any_more_is_none() -> None:
    posts = said(("c", "g b"), ("b", ""), ("d", ""))
    assert drawn(tree(posts)) == "b .c d"


@pytest.mark.parametrize(
    ("references", "in_reply_to", "expected"),
    [
        (("a", "b"), ("b",), ("a", "b")),
        (("a",), ("b",), ("a", "b")),
        ((), ("b", "c"), ("b",)),  # the first one is the answer's; a client that lists several means that
        (("a", "own", "b", "a"), (), ("a", "b")),
        ((), ("own",), ()),
    ],
)
def test_references_of(references: tuple[str, ...], in_reply_to: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert references_of(references, in_reply_to, "own") == expected


_IDS = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(_IDS, st.lists(_IDS, max_size=5)), max_size=12))
def test_every_post_has_one_place(rows: list[tuple[str, list[str]]]) -> None:
    posts = [Said(n, own, references_of(refs, (), own), START) for n, (own, refs) in enumerate(rows)]
    places = tree(posts)
    assert sorted(one.post_id for one in places if one.post_id is not None) == list(range(len(posts)))
    depths = [one.depth for one in places]
    assert all(after <= before + 1 for before, after in itertools.pairwise(depths))
    assert depths[:1] in ([], [0])


@pytest.mark.parametrize("order", ["as they came", "backwards", "shuffled", "in a circle"])
def test_five_thousand_deep(order: str) -> None:
    names = [f"m{n}" for n in range(5000)]
    rows = [(name, tuple(names[max(0, n - 30) : n])) for n, name in enumerate(names)]
    if order == "in a circle":
        rows[0] = ("m0", ("m4999",))
    at = list(range(5000))
    if order == "backwards":
        at.reverse()
    elif order == "shuffled":
        random.Random(1).shuffle(at)
    posts = [Said(n, name, refs, START + timedelta(minutes=at[n])) for n, (name, refs) in enumerate(rows)]
    began = time.process_time()
    places = tree(posts)
    assert time.process_time() - began < 5
    assert len([one for one in places if one.post_id is not None]) == 5000
    assert max(one.depth for one in places) == 4999


# ------------------------------------------------------------------------------ trees that an IMAP server must give


def parents(answer: str) -> dict[int, int]:
    """Parent by post of a THREAD response (RFC 5256 section 4); 0 at the top."""
    found: dict[int, int] = {}
    stack: list[int] = []
    parent = 0
    for token in re.findall(r"[()]|\d+", answer):
        if token == "(":
            stack.append(parent)
        elif token == ")":
            parent = stack.pop()
        else:
            found[int(token)] = parent
            parent = int(token)
    return found


def parents_in(places: tuple[Place, ...]) -> dict[int, int]:
    found: dict[int, int] = {}
    path: list[int] = []
    for one in places:
        del path[one.depth :]
        if one.post_id is not None:
            found[one.post_id] = next((above for above in reversed(path) if above), 0)
        path.append(one.post_id or 0)
    return found


def test_the_trees_of_imaptest(corpora: Path) -> None:
    """All of them: as the mails are, after some were deleted, and after others came."""
    folder = corpora / "06-threading-quoting" / "imaptest"
    seen = 0
    for case in json.loads((folder / "EXPECTED.share.json").read_text())["cases"]:
        trees = [(step, parents(step["expected"])) for step in case["steps"] if step["algorithm"] == "REFERENCES"]
        mails = split_mbox(folder / case["mbox"])
        for step, wanted in trees:
            begin = len(trees[0][1])  # the mails that are there before any is deleted
            gone = {int(one) for seqs in step["after_deleting_seq"] for one in seqs.split(",")}
            left = [raw for n, raw in enumerate(mails[:begin], 1) if n not in gone]
            left += mails[begin:][: len(wanted) - len(left)]
            posts = [_said(n, raw) for n, raw in enumerate(left, 1)]
            assert parents_in(tree(posts)) == wanted, (case["name"], step)
            seen += 1
    assert seen == 12


def split_mbox(path: Path) -> list[bytes]:
    return re.split(rb"^From [^\n]*\n", path.read_bytes(), flags=re.MULTILINE)[1:]


def _said(number: int, raw: bytes) -> Said:
    message = messages.parse(raw)
    own = message.message_id or f"none{number}"
    references = references_of(message.references, message.in_reply_to, own)
    return Said(number, own, references, message.date or START, message.subject)
