"""The mail templates: found, filled and, when something is wrong with one, named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgbot import render
from cgbot.errors import ConfigError, Deferred
from cgbot.settings import bundled


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "mail" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    return write(
        tmp_path / "bundled",
        {
            "welcome.subject.txt": "Welcome\n  to {{ group }}\n",
            "welcome.txt": "{# facts: group, name #}\nDear {{ name }},\n\nyou are in {{ group }}.\n",
            "welcome.html": "<p>Dear {{ name }}</p>\n",
            "plain.subject.txt": "Plain",
            "plain.txt": "{# facts: #}\nNothing to tell.",
        },
    )


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write(tmp_path / "own", {})


FACTS = {"group": "CG-AISEC", "name": "A <b>"}


def test_fills_subject_text_and_html(shipped: Path) -> None:
    """Only HTML is escaped, and the list of facts leaves no line behind."""
    mail = render.build([shipped])("welcome", FACTS)
    assert mail.subject == "Welcome to CG-AISEC"
    assert mail.text == "Dear A <b>,\n\nyou are in CG-AISEC.\n"
    assert mail.html == "<p>Dear A &lt;b&gt;</p>\n"


def test_a_mail_without_html_has_none(shipped: Path) -> None:
    assert render.build([shipped])("plain", {}).html is None


@pytest.mark.parametrize("name", ["a\r\nBcc: x@example.org", "a\x0bb", "a\u2028b", "a\x00b"])
def test_a_subject_is_one_line_whatever_the_facts_hold(shipped: Path, name: str) -> None:
    subject = render.build([shipped])("welcome", FACTS | {"group": name}).subject
    assert subject.isprintable()


def test_the_operators_template_comes_first(shipped: Path, own: Path) -> None:
    write(own, {"welcome.txt": "Hello {{ name }}"})
    mail = render.build([own, shipped])("welcome", FACTS)
    assert mail.text == "Hello A <b>\n"
    assert mail.subject == "Welcome to CG-AISEC"


def test_a_language_falls_back_to_english_file_by_file(shipped: Path) -> None:
    write(shipped, {"welcome.fr.txt": "Bonjour {{ name }}"})
    templates = render.build([shipped])
    for language in ("fr", "fr-CH"):
        mail = templates("welcome", FACTS, language)
        assert (mail.text, mail.subject) == ("Bonjour A <b>\n", "Welcome to CG-AISEC")
    assert templates("welcome", FACTS, "de").text.startswith("Dear")


def test_a_fact_that_is_not_given_defers(shipped: Path) -> None:
    """Also one that this mail's branch would not use: the list in the template is the promise."""
    with pytest.raises(Deferred, match=r"mail/welcome\.txt: not told: name"):
        render.build([shipped])("welcome", {"group": "x"})


def test_a_missing_template_defers(shipped: Path) -> None:
    with pytest.raises(Deferred, match=r"mail/farewell\.subject\.txt: there is no such template"):
        render.build([shipped])("farewell", {})


def test_a_fault_while_filling_names_the_line(shipped: Path, own: Path) -> None:
    write(own, {"welcome.txt": "one\ntwo\n{{ name.family }}"})
    with pytest.raises(Deferred, match=r"own/mail/welcome\.txt:3: .*family"):
        render.build([own, shipped])("welcome", FACTS)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("Dear\n{{ nmae }}", 2, "unknown name nmae; known: group, name"),
        ("Dear\n\n{{ name", 3, "unexpected end of template"),
        ("{{ name|shout }}", 1, "No filter named 'shout'"),
        ("one\n{% include 'mail/foot.txt' %}", 2, "there is no template mail/foot.txt"),
        ("{% if group %}\n{{ other }}{% endif %}", 2, "unknown name other"),
    ],
)
def test_check_all_names_file_and_line(shipped: Path, own: Path, text: str, line: int, problem: str) -> None:
    write(own, {"welcome.txt": text})
    templates = render.build([own, shipped])
    found = templates.check_all()
    assert [(item.file, item.line) for item in found] == [(str(own / "mail/welcome.txt"), line)]
    assert problem in found[0].text
    with pytest.raises(ConfigError, match=rf"own/mail/welcome\.txt:{line}: "):
        render.refuse_broken(templates)


def test_a_name_that_the_template_sets_itself_is_known(shipped: Path, own: Path) -> None:
    write(
        own, {"welcome.txt": "{% for letter in name %}{{ loop.index }}{{ letter }}{% endfor %}{% set x = 1 %}{{ x }}"}
    )
    assert render.build([own, shipped]).check_all() == ()


def test_a_bundled_mail_must_list_its_facts(shipped: Path) -> None:
    write(shipped, {"odd.txt": "Hello", "odd.subject.txt": "Odd"})
    problems = render.build([shipped]).check_all()
    assert {problem.file for problem in problems} == {f"{shipped}/mail/odd.txt", f"{shipped}/mail/odd.subject.txt"}
    assert {problem.text for problem in problems} == {
        "mail/odd.txt must begin with a list of its facts: {# facts: name, … #}"
    }


def test_the_bundled_templates_are_right() -> None:
    assert [str(problem) for problem in render.build([bundled("templates")]).check_all()] == []
