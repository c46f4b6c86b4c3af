"""The language of a mail: whose it is, and that a translation tells what the English mail tells."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from jinja2 import Environment, meta

from cgbot import render
from cgbot.groups import charter as charters
from cgbot.groups import languages, moments
from cgbot.mail import message as messages
from cgbot.settings import Settings, bundled

FOLDER = bundled("templates") / "mail"
# What a subscriber gets about joining, leaving, settings and help; what conveners alone get is in the group's language.
WANTED = (
    "join-confirm", "join-welcome", "join-waiting", "join-turned-away", "join-invitation", "left-confirm", "left-done",
    "set-confirm", "set-done", "set-refused", "address-confirm", "address-done", "whoami", "who", "who-confirm",
    "lists", "request-help", "command-caught", "order-refused",
)  # fmt: skip


def names(path: Path) -> set[str]:
    return meta.find_undeclared_variables(Environment(autoescape=True).parse(path.read_text("utf-8")))


def conditions(path: Path) -> set[str]:
    return set(re.findall(r"\{%-? *(?:el)?if +(.+?) *-?%\}", path.read_text("utf-8")))


@pytest.mark.parametrize("name", WANTED)
def test_the_french_mail_tells_the_same_facts(name: str) -> None:
    for part in ("subject.txt", "txt"):
        english, french = FOLDER / f"{name}.{part}", FOLDER / f"{name}.fr.{part}"
        assert names(french) == names(english)
        assert conditions(french) == conditions(english)
        assert french.read_text("utf-8") != english.read_text("utf-8")


def test_every_translation_is_whole() -> None:
    """A mail whose subject is in one language and whose text in another helps nobody."""
    tags = "|".join(set(languages.LANGUAGES) - {"en"})
    found = {path.name for path in FOLDER.iterdir() if re.search(rf"\.({tags})\.", path.name)}
    texts = {name.removesuffix(".txt") for name in found if not name.endswith(".subject.txt")}
    assert texts == {name.removesuffix(".subject.txt") for name in found if name.endswith(".subject.txt")}
    assert {name for name in WANTED if f"{name}.fr" not in texts} == set()
    assert render.build(Settings().template_folders).check_all() == ()


def test_french_has_its_spaces_and_accents() -> None:
    """A colon has a space before it, apostrophes and accents are there, and no English is left."""
    for name in WANTED:
        text = (FOLDER / f"{name}.fr.txt").read_text("utf-8")
        said = re.sub(r"\{[{%#].*?[}%#]\}|[\w.+-]+@\S+|https?://\S+", "", text)
        assert re.findall(r"\w:(?=\s|$)", said) == [], name
        assert not re.search(
            r"\b(the|your|address|please|answer)\b", re.sub(r"«.*?»|\"[^\"]*\"", "", said), re.IGNORECASE
        ), name


def test_both_tables_of_words_have_the_same_keys() -> None:
    assert set(languages.WORDS["fr"]) == set(languages.WORDS["en"])
    assert set(languages.WORDS) <= set(languages.LANGUAGES)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("Content-Language: fr-CH", "fr"),
        ("Accept-Language: de-DE, fr;q=0.8, en;q=0.5", "fr"),
        ("Accept-Language: EN-us", "en"),
        ("Content-Language: tlh", ""),
        ("Content-Language: zh-Hans", "zh"),
        ("X-Nothing: fr", ""),
    ],
)
def test_the_language_of_a_mail(head: str, found: str) -> None:
    assert languages.of_message(messages.parse(f"From: a@example.org\r\n{head}\r\n\r\nx\r\n".encode())) == found


def test_moments_and_days_in_french(charter: charters.Charter) -> None:
    moment = datetime(2027, 5, 1, 22, 30, tzinfo=UTC)
    assert (
        moments.in_words(moment, charter, "fr-CH")
        == "dimanche 2 mai 2027, 00:30 heure de Genève (CEST, 22:30 UTC le 1er mai)"
    )
    assert moments.in_words(moment, charter, "es") == moments.in_words(moment, charter)
    assert languages.day_in_words(date(2027, 8, 1), "fr") == "dimanche 1er août 2027"
    assert [languages.month_of(one) for one in ("Feb.", "févr", "AOÛT", "mai", "ju", "x")] == [2, 2, 8, 5, 0, 0]
