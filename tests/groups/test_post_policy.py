"""The table [posts] of a group's file, as far as it is about moderation."""

from __future__ import annotations

import pytest

from cgbot.errors import ConfigError
from cgbot.groups import charter as charters
from cgbot.groups.post_policy import EXECUTABLES, USUAL, PostPolicy

SMALL = 'name = "cg-test"\nacronym = "CG"\ntitle = "A group"\nparent = "SG17"\n[posts]\n'


def read(text: str) -> PostPolicy:
    return charters.parse(SMALL + text, "x.toml").posts


def test_without_a_word_the_usual_holds() -> None:
    assert read("") == USUAL
    assert (USUAL.unproven, USUAL.emergency, USUAL.first_posts) == ("hold", False, 0)
    assert {"exe", "scr", "application/x-msdownload"} <= set(EXECUTABLES)


def test_every_key_is_read() -> None:
    found = read(
        'unproven = "accept"\nemergency = true\nfirst_posts = 2\n'
        'attachments_held = [".EXE", "*.zip", "Application/ZIP"]\n'
        'most_recipients = 9\nbcc = "hold"\nmost_an_hour = 30\nthread_most_an_hour = 60\n'
    )
    assert found == PostPolicy("accept", True, 2, ("exe", "zip", "application/zip"), 9, "hold", 30, 60)
    assert read("attachments_held = []").attachments_held == ()


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ('unproven = "ask"', "posts.unproven", "hold, accept"),
        ('emergency = "yes"', "posts.emergency", "true or false"),
        ("first_posts = -1", "posts.first_posts", "from 0 to 100"),
        ('attachments_held = "exe"', "posts.attachments_held", "a list of texts"),
        ("most_recipients = 200", "posts.most_recipients", "from 0 to 199"),
        ("most_an_hour = true", "posts.most_an_hour", "a whole number"),
        ("emergancy = true", "posts.emergancy", "did you mean 'emergency'"),
    ],
)
def test_a_wrong_value_is_named(text: str, key: str, hint: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(text)
    assert key in str(error.value)
    assert hint in str(error.value)
