"""What members write to set something, in the words of several list programs and two languages."""

from __future__ import annotations

from datetime import date

import pytest

from cgbot.errors import Malformed
from cgbot.groups import preferences
from cgbot.groups.preferences import Reader

READER = Reader(date(2027, 5, 3), ("cg-aisec",))
JUNE = date(2027, 6, 1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("set each", {"delivery": "each", "away_until": None}),
        ("SET CG-AISEC NOMAIL", {"delivery": "none", "away_until": None}),
        ("set cg-aisec digest", {"delivery": "daily", "away_until": None}),
        ("QUIET SET CG-AISEC NOMAIL", {"delivery": "none", "away_until": None}),
        ("set * digests", {"delivery": "daily", "away_until": None}),
        ("SET CG-AISEC MAIL DIGESTS", {"delivery": "daily", "away_until": None}),
        ("set mail", {"delivery": "each", "away_until": None}),
        ("Weekly", {"delivery": "weekly", "away_until": None}),
        ("set posts: daily", {"delivery": "daily", "away_until": None}),
        ("set none until 2027-06-01", {"away_until": JUNE}),
        ("set none until 1 June 2027", {"away_until": JUNE}),
        ("set none until June 1", {"away_until": JUNE}),
        ("set none until 1st june, 2027.", {"away_until": JUNE}),
        ("set away until 1.6.2027", {"away_until": JUNE}),
        ("set none until 2 May", {"away_until": date(2028, 5, 2)}),
        ("set none jusqu'au 1er juin", {"away_until": JUNE}),
        ("set aucun jusqu’au 15 août 2027", {"away_until": date(2027, 8, 15)}),
        ("set back", {"away_until": None}),
        ("set daily\nset none until 1 June", {"delivery": "daily", "away_until": JUNE}),
        ("set none until 1 June\nset daily", {"delivery": "daily", "away_until": JUNE}),
        ("set organisation  Example   Labs, Inc", {"organization": "Example Labs, Inc"}),
        ("set zone Asia/Seoul\nset country Korea", {"zone": "Asia/Seoul", "country": "Korea"}),
        ("set language français", {"language": "fr"}),
        ("set invitations off", {"invitations": False}),
        ("set\ninvitations: on\nattachments: links", {"invitations": True, "attachments": "link"}),
        ("set digest plain", {"digest_format": "plain"}),
        ("set digest MIME", {"digest_format": "mime"}),
        ("set address <new@example.org>", {"address": "new@example.org"}),
        ("add address new@example.org", {"add_address": "new@example.org"}),
        ("Remove address: old@example.org", {"remove_address": "old@example.org"}),
        ("Hello,\n\nset daily\n\nThank you,\nMia\n-- \nset weekly", {"delivery": "daily", "away_until": None}),
        ("set daily\n\nOn Mon, 3 May 2027 at 10:00, X wrote:\n> set weekly", {"delivery": "daily", "away_until": None}),
    ],
)
def test_what_is_understood(text: str, found: dict[str, object]) -> None:
    assert dict(preferences.read("", text, READER)) == found
    if "\n" not in text:
        assert (
            dict(preferences.read(f"Re: set {text.removeprefix('set ')}" if " " not in text else text, "", READER))
            == found
        )


def test_subject_and_text_together_the_text_counting_last() -> None:
    found = preferences.read("Re: set daily", "set weekly\nadd address new@example.org", READER)
    assert dict(found) == {"delivery": "weekly", "add_address": "new@example.org", "away_until": None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("set", "what to set is missing"),
        ("set moon on", '"moon on" is not something to set'),
        ("set none until the cows come home", '"the cows come home" is not a day'),
        ("set none until 2027-05-03", "a day after today"),
        ("set none until 2031-01-01", "within two years"),
        ("set none until 31 June 2027", "is not a day"),
        ("set none until 06/01/2027", "is not a day"),
        ("set invitations perhaps", "yes or no"),
        ("set attachments some", "one of full, link"),
        ("set digest html", "one of mime, plain"),
        ("set zone Mars", "a time zone name"),
        ("set posts sometimes", "posts: allowed are each"),
        ("set role convener", "is not something to set"),
        ("add address nobody", "a mail address"),
        ("add address", "the address is missing"),
        ("set name " + "x" * 300, "at most 200 characters"),
        ("set name a\u202eb", "without control characters"),
    ],
)
def test_what_is_not(text: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        preferences.read("", text, READER)
    assert words in caught.value.public


def test_what_may_be_an_attackers_words_is_hidden() -> None:
    values = {"delivery": "daily", "name": "CHEAP PILLS", "away_until": JUNE, "language": "fr", "invitations": False,
              "address": "evil@example.org"}  # fmt: skip
    assert preferences.in_lines(values, "en", hidden=True) == [
        ("Posts", "once a day"), ("Name", "a new value"), ("No posts until", "Tuesday 1 June 2027"),
        ("Language", "français"), ("Invitations", "none"),
    ]  # fmt: skip
    assert preferences.in_lines({"delivery": "none", "name": ""}, "fr") == [("Messages", "aucun"), ("Nom", "aucun")]
    assert preferences.in_lines({"language": "tlh-evil"}, "en", hidden=True) == [("Language", "a new value")]
