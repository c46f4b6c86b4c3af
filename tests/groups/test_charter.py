"""Charters: the shipped one is complete, a wrong one names file, key, value and what is allowed."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from cgbot.errors import ConfigError
from cgbot.groups import charter as charters
from cgbot.groups.charter import Charter, Officer

FILE = Path(__file__).parents[2] / "config" / "groups" / "cg-aisec.toml"
SHIPPED = FILE.read_text("utf-8")
SMALL = 'name = "cg-test"\nacronym = "CG-TEST"\ntitle = "Test"\nparent = "SG17"\n'


@pytest.fixture
def charter() -> Charter:
    return charters.load(FILE)


def test_the_shipped_charter_is_a_host_with_a_public_archive(charter: Charter) -> None:
    assert (charter.name, charter.acronym, charter.parent, charter.mode) == ("cg-aisec", "CG-AISEC", "SG17", "host")
    assert (charter.archive, charter.calendar, charter.posting) == ("public", "public", "members")
    assert (charter.zone, charter.zone_label) == ("Europe/Zurich", "Geneva time")
    assert charter.companion is None


def test_the_mandate_is_that_of_the_terms_of_reference(charter: Charter) -> None:
    mandate = charter.terms.mandate
    assert [(point.label, len(point.points)) for point in mandate] == [("a", 0), ("b", 3), ("c", 2), ("d", 0), ("e", 0)]
    assert mandate[1].points[2] == "identify what potential areas of standardization,"


def test_the_terms_are_the_words_of_the_liaison_statement(charter: Charter, corpora: Path) -> None:
    seed = next((corpora.parent / "seeds").glob("000_*.txt")).read_text("utf-8")
    words = " ".join(seed.split())
    terms = charter.terms
    said = [terms.objective, terms.interactions, terms.reporting.text, *(draft.text for draft in terms.owes)]
    said += [text for point in terms.mandate for text in (point.text, *point.points)]
    said += [terms.list_address, *(officer.name for officer in charter.people)]
    said += [officer.affiliation for officer in charter.people]
    assert [text for text in said if text.strip() not in words] == []


def test_it_owes_two_statements_its_terms_and_a_call(charter: Charter) -> None:
    assert [(draft.kind, draft.to) for draft in charter.terms.owes] == [
        ("liaison", "TSAG"),
        ("liaison", "other groups"),
        ("terms", ""),
        ("call", "experts"),
    ]
    assert charter.terms.reporting.months_before == 1
    assert (charter.term.period, charter.term.until) == ("2022-2024", date(2024, 12, 31))


def test_the_officers_have_roles_and_no_addresses_yet(charter: Charter) -> None:
    assert charter.people == (
        Officer("Xiongwei Jia", "convener", "Mr.", "Q6/20 Co-Rapporteur"),
        Officer("Zhiyuan HU", "vice-convener", "Ms.", "WP2/17 Vice-Chair & Q2/17 Co-Rapporteur"),
        Officer("Jabu Mtsweni", "vice-convener", "Mr."),
    )


def test_the_companion_lines_work_without_their_comment_signs() -> None:
    text = SHIPPED.replace('mode = "host"', 'mode = "companion"')
    head, mark, block = text.partition("# [companion]\n")
    charter = charters.parse(head + "[companion]\n" + re.sub(r"(?m)^# ", "", block), "cg-aisec.toml")
    assert mark
    assert charter.companion is not None
    assert charter.companion.list_id == "cg-aisec.lists.itu.int"
    assert charter.posting_address("lists.example.org") == "cg-aisec@lists.itu.int"


def test_what_is_not_said_has_a_careful_default() -> None:
    charter = charters.parse(SMALL, "cg-test.toml")
    assert (charter.mode, charter.archive, charter.posting) == ("host", "members", "members")
    assert charter.reminders == (timedelta(days=14), timedelta(days=1))


def test_its_addresses() -> None:
    charter = charters.parse(SMALL, "cg-test.toml")
    assert charter.address("example.org") == "cg-test@example.org"
    assert charter.address("example.org", "join") == "cg-test-join@example.org"
    assert charter.list_id("example.org") == "cg-test.example.org"


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ('mode = "hosts"', "mode", "'hosts' is not allowed: one of host, companion; did you mean 'host'?"),
        ('archive = "all"', "archive", "one of public, members, conveners"),
        ('archiv = "public"', "archiv", "is not a key that cgbot knows; did you mean 'archive'?"),
        ('zone = "Geneva"', "zone", "a time zone name such as Europe/Zurich"),
        ('language = "English"', "language", "a language tag"),
        ("title = 3", "title", "3 is not allowed: a text"),
        ('secretariat = "itu"', "secretariat", "a mail address"),
        ("[posts]\nmax_size = 1", "posts.max_size", "a whole number from 1,024"),
        ("[posts]\nposting = true", "posts.posting", "one of members, anyone, conveners"),
        ('[meetings]\nreminders = ["soon"]', "meetings.reminders", "'soon' is not allowed: a time such as '14 days'"),
        ('[meetings]\nreminders = "1 day"', "meetings.reminders", "a list of texts"),
        ('[term]\nuntil = "2024-12-31"', "term.until", "a date such as 2024-12-31, without quotation marks"),
        ('[[people]]\nname = "A"\nrole = "chair"', "people[1].role", "one of convener, vice-convener"),
        ('[[people]]\nname = "A"\nrole = "convener"\nphone = "1"', "people[1].phone", "is not a key"),
        ('[[people]]\nrole = "convener"', "people[1].name", "is missing"),
        ('[[terms.mandate]]\nlabel = "a"', "terms.mandate[1].text", "is missing"),
        ('[[terms.owes]]\nkind = "letter"\ntext = "x"', "terms.owes[1].kind", "one of liaison, terms, call"),
        ("[terms.reporting]\nmonths_before = 13", "terms.reporting.months_before", "a whole number from 0 to 12"),
        ('mode = "companion"', "companion", "is missing, but mode is 'companion'"),
        ('[companion]\nlist = "a@example.org"', "companion", "is only allowed in mode 'companion'"),
        ('posts = "x"', "posts", "a table"),
        ('people = "x"', "people", "tables, each headed [[people]]"),
    ],
)
def test_a_wrong_value_is_named(line: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        charters.parse(_with(line), "cg-test.toml")
    assert caught.value.key == key
    assert caught.value.public.startswith(f"cg-test.toml: {key}: ")
    assert words in caught.value.public


def _with(line: str) -> str:
    if line.startswith("title"):
        return SMALL.replace('title = "Test"', line)
    return SMALL + line + "\n"


@pytest.mark.parametrize(
    "name", ["CG", "a", "cg aisec", "-cg", "cg@x", "", "cg-join", "cg-aisec-owner", "postmaster", "desk", "x" * 60]
)
def test_a_name_that_cannot_be_an_address_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        charters.parse(SMALL.replace("cg-test", name), "x.toml")
    assert caught.value.key == "name"


def test_a_companion_must_say_how_the_host_is_known() -> None:
    block = 'mode = "companion"\n[companion]\nlist = "a@example.org"\nlist_id = "a.example.org"\n'
    with pytest.raises(ConfigError, match="authserv_id or peer"):
        charters.parse(SMALL + block, "x.toml")


def test_a_companions_peer_is_an_address_or_a_network() -> None:
    block = 'mode = "companion"\n[companion]\nlist = "a@example.org"\nlist_id = "a.example.org"\npeer = "{}"\n'
    with pytest.raises(ConfigError, match=r"companion.peer: 'lists.itu.int' is not allowed: an IP address"):
        charters.parse(SMALL + block.format("lists.itu.int"), "x.toml")
    companion = charters.parse(SMALL + block.format("192.0.2.0/24"), "x.toml").companion
    assert companion is not None
    assert companion.peer == "192.0.2.0/24"


def test_the_file_is_named_after_the_group(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(SMALL)
    with pytest.raises(ConfigError, match=r"must be cg-test\.toml"):
        charters.load(path)


def test_what_is_not_toml_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "cg-test.toml"
    path.write_text(SMALL + "mode = host\n")
    with pytest.raises(ConfigError, match=r"is not TOML: .*line 5"):
        charters.load(path)


def test_a_folder_without_charters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no charter"):
        charters.load_all(tmp_path)


def test_a_folder_is_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "cg-test.toml").write_text(SMALL)
    (tmp_path / "cg-aisec.toml").write_text(SHIPPED)
    assert list(charters.load_all(tmp_path)) == ["cg-aisec", "cg-test"]


def test_every_key_is_documented_and_none_else() -> None:
    root = Path(__file__).parents[2]
    code = "".join((root / "cgbot" / "groups" / name).read_text() for name in ("charter.py", "post_policy.py"))
    reads = (
        r"\.(?:text|prose|choice|flag|number|day|address|domain|zone|language|texts|spans|section|sections)\(\"(\w+)\""
    )
    keys = set(re.findall(reads, code))
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", (root / "docs" / "charter.md").read_text()))))
    assert keys - words == set()
    rows = re.findall(r"(?m)^\| `\[*([\w.]+)\]*` \|", (root / "docs" / "charter.md").read_text())
    assert {row.rpartition(".")[2] for row in rows} - keys == set()
