"""The rosters of other list programs, in small samples as their own commands write them."""

from __future__ import annotations

import contextlib
import json
import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.errors import Malformed
from cgbot.groups import roster_move, roster_pickle
from cgbot.groups.roster_found import Found, key_of, mailbox

NOW = datetime(2027, 5, 3, tzinfo=UTC)
EACH, NONE = {"delivery": "each"}, {"delivery": "none"}
MIME = {"delivery": "daily", "digest_format": "mime"}
PLAIN = {"delivery": "daily", "digest_format": "plain"}


def read(program: str, **files: str | bytes) -> Found:
    """The files by name; "__" stands for a dot and "___" for a slash."""
    named = {name.replace("___", "/").replace("__", "."): data for name, data in files.items()}
    octets = {name: data.encode() if isinstance(data, str) else data for name, data in named.items()}
    return roster_move.read(program, octets, NOW)


def people(found: Found) -> dict[str, dict[str, object]]:
    return {one.address: one.values for one in found.people.values()}


def remarks(found: Found) -> list[str]:
    return [str(one) for one in found.remarks]


def leaders(found: Found) -> list[tuple[str, str, str]]:
    return [(one.office, one.address, one.name) for one in found.leaders.values()]


# --------------------------------------------------------------------------------------------------------- mailman 2

CONFIG = """# -*- python -*-
# -*- coding: utf-8 -*-
## "cg" mailing list configuration settings
real_name = 'Cg'
owner = ['jia@example.org', 'li@example.org']
moderator = []
description = \"\"\"About
things\"\"\"
ban_list = ['spam@example.net', '^.*@bad\\\\.example\\\\.com$', '^[0-9]+@.*$']
accept_these_nonmembers = ['secretariat@example.org', '@other-list']
hold_these_nonmembers = ['@example.edu']
"""


def test_mailman_2_by_its_commands() -> None:
    found = read(
        "mailman2",
        regular__txt="Mia Ng <mia@example.org>\nhu@example.org\n",
        digest_mime__txt='"Doe, John" <john@example.org>\n',
        digest_plain__txt="=?utf-8?q?Zo=C3=AB?= <zoe@example.org>\n",
        nomail_byuser__txt="hu@example.org\n",
        nomail_bybounce__txt="john@example.org\n",
        nomail_enabled__txt="mia@example.org\n",
        moderated__txt="mia@example.org\nnonsense\n",
        config__txt=CONFIG,
    )
    assert people(found) == {
        "mia@example.org": {"name": "Mia Ng", **EACH, "posting": "held"},
        "hu@example.org": NONE,
        "john@example.org": {"name": "Doe, John", **MIME, "state": "suspended"},
        "zoe@example.org": {"name": "Zoë", **PLAIN},
    }
    assert leaders(found) == [("owner", "jia@example.org", ""), ("owner", "li@example.org", "")]
    assert {one.key: one.verdict for one in found.decisions.values()} == {
        "spam@example.net": "ban",
        "@bad.example.com": "ban",
        "secretariat@example.org": "allow",
        "@example.edu": "hold",
    }
    assert [str(one) for one in found.problems] == ["moderated.txt line 2: no mail address: 'nonsense'"]
    told = remarks(found)
    assert any("config.txt line 9: ban '^[0-9]+@.*$': only single addresses" in one for one in told)
    assert any("'@other-list': the members of another list" in one for one in told)
    assert "nomail_bybounce.txt line 1: john@example.org: their mail had bounced: suspended" in told


class Bounced:
    """Stands for Mailman.Bouncer._BounceInfo, of which the pickle has objects."""


def config_pck(**more: object) -> bytes:
    facts = {
        "members": {"mia@example.org": 0, "hu@example.org": "Hu@Example.org"},
        "digest_members": {"john@example.org": 0},
        "usernames": {"mia@example.org": "Zo\u00c3\u00ab", "john@example.org": "Jöhn"},
        "user_options": {"mia@example.org": 128 | 16 | 2, "john@example.org": 8},
        "language": {"mia@example.org": "pt_BR"},
        "delivery_status": {"hu@example.org": (3, 1.5), "john@example.org": (0, 0)},
        "bounce_info": {"hu@example.org": Bounced()},
        "owner": ["jia@example.org"],
        "ban_list": ["spam@example.net"],
        **more,
    }
    return pickle.dumps(facts, protocol=1)


def test_mailman_2_by_its_pickle_of_which_no_object_is_made() -> None:
    found = read("mailman2", config__pck=config_pck(), request__pck=b"junk", config__pck__last=b"junk")
    assert people(found) == {
        "mia@example.org": {"name": "Zoë", **EACH, "posting": "held", "language": "pt-BR"},
        "Hu@Example.org": NONE,
        "john@example.org": {"name": "Jöhn", **PLAIN},
    }
    assert leaders(found) == [("owner", "jia@example.org", "")]
    assert list(found.decisions) == ["spam@example.net"]
    assert found.problems == []
    assert "config.pck: hu@example.org: an administrator had switched off their mail" in remarks(found)
    assert "config.pck: mia@example.org: did not get their own posts: does here" in remarks(found)


def test_a_pickle_runs_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("pickle") / "made"
    evil = b"cposix\nsystem\n(S'touch " + str(file).encode() + b"'\ntR."
    assert roster_pickle.plain(evil) is None
    assert not file.exists()
    assert [one.text for one in read("mailman2", config__pck=evil).problems] == [
        "holds no members: it is not the config.pck of a list"
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(VALUES, st.integers(0, 4))
def test_plain_data_comes_out_of_a_pickle_as_it_was(value: object, protocol: int) -> None:
    assert roster_pickle.plain(pickle.dumps(value, protocol)) == value


@given(st.binary(max_size=60), st.integers(0, 200), st.binary(max_size=4))
def test_a_broken_pickle_is_refused(junk: bytes, place: int, other: bytes) -> None:
    data = config_pck()
    for one in (junk, data[:place], data[:place] + other + data[place + len(other) :]):
        with contextlib.suppress(Malformed):
            roster_pickle.plain(one)


def test_texts_of_python_2_are_read_octet_by_octet() -> None:
    assert roster_pickle.plain(b"(dp0\nU\x03a\xc3\xabq\x01S'\\xe9'\ns.") == {"a\u00c3\u00ab": "é"}


# --------------------------------------------------------------------------------------------------------- mailman 3


def entry(email: str, **more: object) -> dict[str, object]:
    return {
        "address": f"http://localhost:8001/3.1/addresses/{email}", "bounce_score": 0, "delivery_mode": "regular",
        "email": email, "http_etag": '"x"', "list_id": "cg.example.org", "member_id": "1", "role": "member",
        "self_link": "http://localhost:8001/3.1/members/1", "subscription_mode": "as_address", **more,
    }  # fmt: skip


def roster(*entries: dict[str, object]) -> str:
    return json.dumps({"start": 0, "total_size": len(entries), "entries": entries, "http_etag": '"y"'})


USER = "http://localhost:8001/3.1/users/7"


def test_mailman_3_by_its_api() -> None:
    found = read(
        "mailman3",
        member__json=roster(
            entry("mia@example.org", display_name="Mia", user=USER, moderation_action="hold"),
            entry("hu@example.org", delivery_mode="plaintext_digests", preferences={"preferred_language": "fr"}),
            entry("li@example.org", delivery_status="by_user", extra="x"),
            entry("mia@example.com", user=USER),
        ),
        owner__json=roster(entry("jia@example.org", role="owner", display_name="Jia")),
        nonmember__json=roster(
            entry("a@example.net", role="nonmember", moderation_action="discard"),
            entry("b@example.net", role="nonmember"),
            entry("c@example.net", role="nonmember", moderation_action="accept"),
            entry("d@example.net", role="nonmember", moderation_action="reject"),
        ),
        bans__json=roster({"email": "^.*@bad.example$", "list_id": "cg.example.org", "http_etag": "x"}),
        addresses__json=roster(
            {"email": "mia@home.example", "original_email": "Mia@home.example", "user": USER,
             "registered_on": "2020-01-01T00:00:00", "verified_on": "2020-01-01T00:00:00"},
            {"email": "mia@never.example", "original_email": "mia@never.example", "user": USER,
             "registered_on": "2020-01-01T00:00:00"},
            {"email": "stranger@home.example", "original_email": "x@home.example",
             "registered_on": "2020-01-01T00:00:00", "verified_on": "2020-01-01T00:00:00"},
        ),
        nomail_byuser__txt="Hu <hu@example.org>\n",
        nonmembers__txt="x@example.org\n",
    )  # fmt: skip
    assert people(found) == {
        "mia@example.org": {"name": "Mia", **EACH, "posting": "held"},
        "hu@example.org": {"name": "Hu", **PLAIN, **NONE, "language": "fr"},
        "li@example.org": NONE,
    }
    assert leaders(found) == [("owner", "jia@example.org", "Jia")]
    assert {one.key: one.verdict for one in found.decisions.values()} == {
        "a@example.net": "ban", "c@example.net": "allow", "d@example.net": "ban", "@bad.example": "ban",
    }  # fmt: skip
    assert [(one.address, one.of) for one in found.others] == [
        ("mia@example.com", "mia@example.org"),
        ("Mia@home.example", "mia@example.org"),
    ]
    assert any(
        "mia@never.example: an address of mia@example.org that was never verified" in one for one in remarks(found)
    )
    assert any("member.json entry 3: li@example.org: extra 'x' is not carried over" in one for one in remarks(found))
    assert found.problems == []


def test_mailman_3_by_its_commands() -> None:
    found = read(
        "mailman3",
        digest_plaintext__txt="Doe, John <john@example.org>\n",
        regular__txt="mia@example.org\n",
        nomail_any__txt="cg.example.org has no members\n",
        owner__txt="Jia <jia@example.org>\n",
    )
    assert people(found) == {"john@example.org": {"name": "Doe, John", **PLAIN}, "mia@example.org": EACH}
    assert (leaders(found), found.problems) == ([("owner", "jia@example.org", "Jia")], [])


def test_members_of_other_lists_do_not_come_unseen() -> None:
    found = read(
        "mailman3", members__json=roster(entry("a@example.org"), entry("b@example.org", list_id="x.example.org"))
    )
    assert [str(one) for one in found.problems] == [
        "the memberships: are of several lists: cg.example.org, x.example.org; get /lists/LIST/roster/member"
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not the JSON"),
        ("[" * 100_000, "is not the JSON"),
        ('{"entries": [{"no": 1}]}', "has no email"),
        ('{"total_size": 2, "entries": [{"email": "a@example.org", "role": "member"}]}', "has 1 entries of 2"),
    ],
)
def test_json_that_is_none_of_mailmans(text: str, words: str) -> None:
    (problem,) = read("mailman3", member__json=text).problems
    assert words in problem.text


# ------------------------------------------------------------------------------------------------------------- sympa

DUMP = """date 1262304000
email mia@example.org
gecos Mia Ng
reception mail
update_date 1262304000
visibility noconceal

date 1262304000
email hu@example.org
reception digestplain
visibility conceal

email li@example.org
enddate 1814400000
reception mail
startdate 1700000000
suspend 1
custom_attribute {"x":1}

email pat@example.org
reception urlize
suspend 1

email ann@example.org
enddate 1500000000
reception summary
startdate 1400000000
suspend 1

email gone@example.org
reception odd

gecos nobody
"""


def test_sympa_by_its_dumps() -> None:
    found = read(
        "sympa",
        member__dump=DUMP,
        owner__dump="email jia@example.org\ngecos Jia\nprofile privileged\n\n",
        config="subject About\n\neditor\nemail ed@example.org\n\nowner\nemail jia@example.org\n\nsend private\n",
        search_filters___blocklist__txt="# comment\nspam@example.net\n*@bad.example.com\nx*y@example.com\n",
        exclusion__txt="+----+\n| user_exclusion |\n| gone@example.org |\n",
        stats="1 2 3 4\n",
    )
    assert people(found) == {
        "mia@example.org": {"name": "Mia Ng", **EACH},
        "hu@example.org": PLAIN,
        "li@example.org": {**EACH, "away_until": datetime(2027, 7, 1, tzinfo=UTC)},
        "pat@example.org": {**NONE, "attachments": "link"},
        "ann@example.org": PLAIN,
        "gone@example.org": EACH,
    }
    assert leaders(found) == [("moderator", "ed@example.org", ""), ("owner", "jia@example.org", "")]
    assert list(found.decisions) == ["spam@example.net", "@bad.example.com"]
    assert list(found.excluded) == ["gone@example.org"]
    assert [str(one) for one in found.problems] == [
        "member.dump line 33: a block without a mail address: 'gecos nobody'"
    ]
    told = remarks(found)
    for words in (
        "member.dump line 18: li@example.org: custom_attribute '{\"x\":1}' is not carried over",
        "member.dump line 30: gone@example.org: reception 'odd': each post here",
        "member.dump line 8: hu@example.org: was hidden from the list of members",
        "stats: not read: neither its name nor its first lines are those of a roster",
        "search_filters/blocklist.txt line 4: ban 'x*y@example.com': only single addresses and whole domains",
    ):
        assert any(words in one for one in told), (words, told)


def test_sympa_by_its_review() -> None:
    text = "2 member(s) in list cg@example.org.\na@example.org\nb@example.org\n------------------\n"
    text += (
        "0 bounced member(s) in list cg@example.org.\n1 suspended member(s) in list cg@example.org.\nb@example.org\n"
    )
    found = read("sympa", review__txt=text)
    assert (people(found), found.problems) == ({"a@example.org": {}, "b@example.org": NONE}, [])


# ------------------------------------------------------------------------------------------------------------- mlmmj


def test_mlmmj_by_its_folders() -> None:
    found = read(
        "mlmmj",
        **{
            "subscribers.d___m": "mia@example.org\nboth@example.org\n",
            "digesters.d___b": "both@example.org\nhu@example.org\n",
            "nomailsubs.d___l": "li@example.org\n",
            "control___owner": "jia@example.org\n",
            "control___moderators": "pat@example.org\n",
            "control___access": "deny ^From:.*spam@example\\.net\nallow\n",
            "control___closedlistsub": "",
            "control___prefix": "[cg]\n",
            "mlmmj__operation__log": "Jan 1 started\n",
        },
    )
    assert people(found) == {
        "li@example.org": NONE,
        "both@example.org": EACH,
        "hu@example.org": {"delivery": "daily"},
        "mia@example.org": EACH,
    }
    assert leaders(found) == [("moderator", "pat@example.org", ""), ("owner", "jia@example.org", "")]
    told = remarks(found)
    for words in (
        "both@example.org: stands in digesters.d and subscribers.d; the last counts",
        "control/access line 1: the access rule 'deny ^From:.*spam@example\\\\.net' is not carried over",
        "control/closedlistsub: nobody can join by mail",
        "control/prefix: a setting of the list is not carried over",
        "mlmmj.operation.log: not read",
    ):
        assert any(words in one for one in told), (words, told)
    assert found.problems == []


# ---------------------------------------------------------------------------------------------------------- listserv

REVIEW = """* A list about things
*
* Review= Owner    Subscription= Open,Confirm
* Owner= jia@EXAMPLE.ORG (Jia Wu), Quiet:, li@example.org
* Editor= ed@example.org
* Filter= Also,spam@example.net,*@bad.example.com
*
mia@EXAMPLE.ORG          Mia Ng
hu@example.org
zoe@example.org          Zoe van Dijk
what is this
*
* Total number of users subscribed to the list:    3
"""
QUERY = """> q cg for *@*

Subscription options for Mia Ng <mia@EXAMPLE.ORG>, list CG:

MAIL      You are sent individual postings as they are received
FULLHDR   Full (normal) mail headers
NOPOST    You may not post to the list
ODD       Something new

Subscription date: 22 Jan 1997

Subscription options for hu@example.org, list CG:

NOMAIL    You are not sent postings
DIGEST    You are sent digests

The topics you subscribe to are: All
"""


def test_listserv_by_its_answers() -> None:
    found = read(
        "listserv", review__txt=REVIEW, query__txt=QUERY, digest__txt="zoe@example.org  Zoe van Dijk\n\n1 subscriber.\n"
    )
    assert people(found) == {
        "mia@EXAMPLE.ORG": {"name": "Mia Ng", "role": "observer"},
        "hu@example.org": NONE,
        "zoe@example.org": {"name": "Zoe van Dijk", "delivery": "daily"},
    }
    assert leaders(found) == [
        ("owner", "jia@EXAMPLE.ORG", "Jia Wu"), ("owner", "li@example.org", ""), ("moderator", "ed@example.org", ""),
    ]  # fmt: skip
    assert list(found.decisions) == ["spam@example.net", "@bad.example.com"]
    assert [str(one) for one in found.problems] == ["review.txt line 11: no subscriber: 'what is this'"]
    told = remarks(found)
    assert any("mia@EXAMPLE.ORG: the option ODD is not carried over" in one for one in told)
    assert any("owner 'Quiet:': not an address" in one for one in told)


def test_a_lists_own_file_hides_options_behind_the_80th_column() -> None:
    line = f"{'mia@example.org Mia Ng':<80}+LLAAAAA\n"
    found = read("listserv", cg__list=f"* A list\n{line}")
    assert people(found) == {"mia@example.org": {"name": "Mia Ng"}}
    assert any("the options in the list's own file cannot be read" in one for one in remarks(found))


# ------------------------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@example.org", "a@example.org"),
        ("^a\\.b@example\\.org$", "a.b@example.org"),
        ("@Example.org", "@example.org"),
        ("*@example.org", "@example.org"),
        ("^.*@example\\.org$", "@example.org"),
        ("^[^@]+@example.org", "@example.org"),
        ("^.*@(a|b)\\.example$", ""),
        ("^spam", ""),
        ("@localhost", ""),
        ("", ""),
    ],
)
def test_patterns_that_stand_for_an_address_or_a_domain(text: str, found: str) -> None:
    assert key_of(text) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("a@example.org", ("", "a@example.org")),
        ("<a@example.org>", ("", "a@example.org")),
        ('"A \\"B\\" C" <a@example.org>', ('A "B" C', "a@example.org")),
        ("A, B <a@example.org>", ("A, B", "a@example.org")),
        ("a b", None),
        pytest.param(" " * 1_000_000 + "x", None, id="a long one"),
    ],
)
def test_a_line_with_a_mailbox(line: str, found: tuple[str, str] | None) -> None:
    assert mailbox(line) == found


@given(
    st.sampled_from(sorted(roster_move.PROGRAMS)), st.binary(max_size=200), st.sampled_from(["a", "b.pck", "x.dump"])
)
def test_no_file_is_too_odd(program: str, data: bytes, name: str) -> None:
    roster_move.read(program, {name: data, "config": data, "control/access": data}, NOW)


def test_an_unknown_program_is_named() -> None:
    with pytest.raises(Malformed, match="'majordomo' is not allowed: one of mailman2"):
        read("majordomo")
