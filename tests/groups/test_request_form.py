"""Requests as people write them, and orders as they come back corrected."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cgbot.groups import request_form
from cgbot.groups.request_form import Correction, Form

NAMES = ("schedule", "schedule meeting", "move", "cancel", "open call", "call", "approve", "approve report", "reject",
         "meetings", "get", "help", "join")  # fmt: skip
FIELDS = {"title": "Second meeting", "start": "2027-05-20 09:00", "end": "2027-05-20 10:00", "zone": "Europe/Zurich"}
LINK = "https://meet.example.org/" + "a-very-long-name/" * 6


@pytest.mark.parametrize(
    ("subject", "text", "form"),
    [
        ("move 12", "", Form("move", ("12",))),
        ("", "move 12\n", Form("move", ("12",))),
        ("", "\n\n  Move   #12.\n", Form("move", ("12",))),
        ("Re: Fwd: AW: [CG-AISEC] move 12", "", Form("move", ("12",))),
        ("", "Hello,\n\nmove 12\n", Form("move", ("12",))),
        ("A question", "move 12", Form("move", ("12",))),
        ("MOVE 12", "START: 20 May 2027 09:00", Form("move", ("12",), {"start": "20 May 2027 09:00"})),
        ("move 12", "move 12\nstart: x", Form("move", ("12",), {"start": "x"})),
        ("move", "move 12\nstart: x", Form("move", ("12",), {"start": "x"})),
        ("Schedule a meeting", "schedule\ntitle: A", Form("schedule", ("a", "meeting"), {"title": "A"})),
        ("Help is wanted", "move 12", Form("move", ("12",))),
        ("approve report 5", "", Form("approve report", ("5",))),
        ("approve 5", "", Form("approve", ("5",))),
        ("approve: 5", "", Form("approve", ("5",))),
        ("open call", "closes: 13 May 2027", Form("open call", (), {"closes": "13 May 2027"})),
        ("call", "", Form("call")),
        ("", "move 12     (to another day)", Form("move", ("12",))),
        ("get C-0007, R1", "", Form("get", ("C-0007", "R1"))),
        ("reject 3: off topic, sorry", "", Form("reject", ("3", "off", "topic,", "sorry"))),
        ("reject 3: please note: no adverts", "", Form("reject", ("3", "please", "note:", "no", "adverts"))),
        ("reject 3 note: off topic", "", Form("reject", ("3",), {"note": "off topic"})),
        ("move 12 start: 20 May 2027 09:00; zone: UTC", "", Form("move", ("12",), {"start": "20 May 2027 09:00",
                                                                                   "zone": "UTC"})),
        ("schedule title: A; start: B", "", Form("schedule", (), {"title": "A", "start": "B"})),
        ("schedule title: A", "title: B", Form("schedule", (), {"title": "B"})),
        ("**move 12**", "", Form("move", ("12",))),
        ("move\u00a012", "start:\u00a0x", Form("move", ("12",), {"start": "x"})),
        ("move 12", "start: x\n-- \nMe\ntitle: Dr", Form("move", ("12",), {"start": "x"})),
        ("move 12", "start: x\n\nOn 3 May 2027, CG wrote:\n> zone: y", Form("move", ("12",), {"start": "x"})),
        ("move 12", "start: x\n> zone: y", Form("move", ("12",), {"start": "x"})),
    ],
)  # fmt: skip
def test_reading_a_request(subject: str, text: str, form: Form) -> None:
    assert request_form.read(subject, text, NAMES) == form


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("", ""),
        ("removed", "nothing"),
        ("please move 12", "and start at nine"),
        ("", "> move 12"),
        ("", "-- \nmove 12"),
        ("open", "a window"),
    ],
)
def test_no_request(subject: str, text: str) -> None:
    assert request_form.read(subject, text, NAMES) is None


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (["title: A", "start: B"], {"title": "A", "start": "B"}),
        (["Title : A"], {"title": "A"}),
        (["  link:  https://x.example.org/a?b=c:d  "], {"link": "https://x.example.org/a?b=c:d"}),
        (["link:", "https://x.example.org/"], {"link": "https://x.example.org/"}),
        (["present: Alice", "  Bob, Org", "carol@example.org"], {"present": "Alice\nBob, Org\ncarol@example.org"}),
        (["title: A", "", "not a field"], {"title": "A"}),
        (["title: A", "title: B"], {"title": "B"}),
        (["Revision  of: C-0007"], {"revision of": "C-0007"}),
        (["text: One", "", "two: three", ".", "zone: UTC"], {"text": "One\n\ntwo: three", "zone": "UTC"}),
        (["text:", "One"], {"text": "One"}),
        (["12: no field", "09:00"], {}),
        ([], {}),
    ],
)
def test_reading_fields(lines: list[str], fields: Mapping[str, str]) -> None:
    assert request_form.read_fields(lines) == fields


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("yes", "yes"),
        ("Yes, please.\n", "yes"),
        ("**OK**", "ok"),
        ("Hello,\n\nno", "no"),
        ("> yes", ""),
        ("", ""),
        ("12", ""),
        ("On 3 May 2027, CG-AISEC wrote:\n> x\nundo", "undo"),
    ],
)
def test_the_first_word(text: str, word: str) -> None:
    assert request_form.first_word(text) == word


# ------------------------------------------------------------------------------------------------------ corrections


def block(fields: Mapping[str, str] = FIELDS) -> str:
    return request_form.write("move", ("12",), fields)


def quoted(text: str, mark: str = "> ") -> str:
    return "\n".join(f"{mark}{line}".rstrip() for line in text.splitlines())


def test_how_an_order_is_shown() -> None:
    assert request_form.write("move", ("12",), {"title": "A\nB", "text": "C\n\nD", "start": "E"}).splitlines() == [
        "-------- the order --------", "move 12", "title: A", "  B", "start: E", "text:", "C", "", "D", ".",
        "-------- its end --------",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "yes\n\n" + quoted(block()),
        "yes\n\nOn 3 May 2027, CG-AISEC wrote:\n" + quoted(block()),
        "yes\n\n" + block(),
        "yes\n\n" + quoted(quoted(block())),
        "yes\n\n" + quoted(block(), "| "),
        "yes\n\n" + quoted(block()).replace("Second meeting", "Second\nmeeting"),
        "yes\n\n" + quoted(block()).replace("Second meeting", "Second\n> meeting"),
        "yes\n\n" + block().replace("\n", "\n\n"),
        "yes\n\n" + block().replace("--------", "\u2014\u2014"),
        "yes\n\n" + quoted(block()).replace(": ", ":\u00a0"),
        "yes\n\n" + quoted(block()).partition("zone")[0],
        "yes\n-- \nTitle: Professor",
    ],
)
def test_an_answer_without_a_correction(text: str) -> None:
    assert request_form.corrected(text, block()) is None


@pytest.mark.parametrize(
    "text",
    [
        "yes\n\n" + quoted(block({"text": "One:\n\n> two\n- three: four", "link": LINK})),
        "yes\n\n" + quoted(block({"text": "One:\n\n> two\n- three: four", "link": LINK})).replace("long", "long\n> "),
        "yes\n\n" + block({"text": "One:\n\n> two\n- three: four", "link": LINK}),
    ],
)
def test_a_long_text_and_a_long_link_come_back_as_they_were(text: str) -> None:
    assert request_form.corrected(text, block({"text": "One:\n\n> two\n- three: four", "link": LINK})) is None


MOVED = {**FIELDS, "start": "2027-05-21 09:00"}


@pytest.mark.parametrize(
    ("text", "correction"),
    [
        ("start: 2027-05-21 09:00", Correction("", MOVED)),
        ("yes, but\nStart:  2027-05-21 09:00", Correction("", MOVED)),
        ("start: 2027-05-21 09:00\n\n" + quoted(block()), Correction("", MOVED)),
        (quoted(block()).replace("20 09", "21 09"), Correction("", MOVED)),
        (block().replace("20 09", "21 09"), Correction("", MOVED)),
        (quoted(block()).replace("> start: 2027-05-20", "start: 2027-05-21"), Correction("", MOVED)),
        ("location: Room B", Correction("", {**FIELDS, "location": "Room B"})),
        ("location: Room B\n\nBest regards\nTel: 12", Correction("", {**FIELDS, "location": "Room B"})),
        (
            block().replace("zone: Europe/Zurich\n", ""),
            Correction("", {k: v for k, v in FIELDS.items() if k != "zone"}),
        ),
        (block().replace("zone:", "location: Room B\nzone:"), Correction("", {**FIELDS, "location": "Room B"})),
        (block().replace("move 12", "move 13"), Correction("move 13", FIELDS)),
        (quoted(block()).replace("> move 12", "cancel 12"), Correction("cancel 12", FIELDS)),
        (block().replace("move 12\n", "").replace("20 09", "21 09"), Correction("", MOVED)),
    ],
)
def test_a_correction(text: str, correction: Correction) -> None:
    assert request_form.corrected(text, block()) == correction


def test_words_that_only_look_like_fields_are_no_correction() -> None:
    assert request_form.corrected("yes\n\nBest regards\nTel: 12 34\nWeb: example.org", block()) is None


# ------------------------------------------------------------------------------------------------------- whatever comes

anything = st.text(st.characters(codec="utf-8"), max_size=300)
line = st.text("abcxyz :.,-'éß0123456789/>", max_size=90).map(str.strip)
keys = st.sampled_from(["title", "start", "location", "present", "revision of"])
values = st.lists(line.filter(bool).filter(lambda one: one[0] != ">"), min_size=1, max_size=3).map("\n".join)
texts = st.lists(line, max_size=5).map(lambda lines: "\n".join(lines).strip())


@given(anything, anything)
def test_nothing_breaks_the_reading(subject: str, text: str) -> None:
    form = request_form.read(subject, text, NAMES)
    assert form is None or form.command in NAMES
    request_form.first_word(text)
    request_form.corrected(text, block())


@given(st.dictionaries(keys, values), texts, st.integers(0, 3))
def test_whatever_was_sent_comes_back_unchanged(fields: dict[str, str], text: str, depth: int) -> None:
    """Quoted or not, an untouched order is no correction, so that its yes counts."""
    assume("." not in text.splitlines())
    sent = request_form.write("schedule", (), {**fields, "text": text})
    answer = sent
    for _ in range(depth):
        answer = quoted(answer)
    assert request_form.corrected("yes\n\n" + answer, sent) is None


@given(
    st.dictionaries(keys, line.filter(bool).filter(lambda one: one.split() != ["Other"]), min_size=1), st.integers(0, 2)
)
def test_a_changed_value_is_always_seen(fields: dict[str, str], depth: int) -> None:
    sent = request_form.write("schedule", (), fields)
    key = min(fields)
    answer = request_form.write("schedule", (), {**fields, key: "Other"})
    for _ in range(depth):
        answer = quoted(answer)
    found = request_form.corrected(answer, sent)
    assert found is not None
    assert found.fields[key] == "Other"


def test_a_field_of_many_lines_survives_blank_lines_and_lost_blanks() -> None:
    """Programs that write HTML put a blank line after each line, and drop the blanks before it."""
    sent = block({"present": "Alice, Org\nbob@example.org\nall who said yes", "link": LINK})
    answer = "\n\n".join(one.strip() for one in sent.splitlines())
    assert request_form.corrected("yes\n\n" + answer.replace(LINK, f"{LINK}<{LINK}>"), sent) is None
