"""Links and addresses of one reader are not shown; everything else stays, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail import withheld

HEAD = b"From: a@example.org\r\nSubject: x\r\n"
ONE_CLICK = (
    b"List-Unsubscribe: <https://lists.example.net/u/short>,\r\n <mailto:leave@example.net>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
)


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_the_fields_of_one_click_go_and_their_links_in_the_text(end: bytes) -> None:
    content = HEAD + ONE_CLICK + b"\r\nwords https://lists.example.net/u/short more\r\n"
    wanted = HEAD + b"\r\nwords [withheld] more\r\n"
    assert withheld.from_raw(content.replace(b"\r\n", end)) == wanted.replace(b"\r\n", end)
    assert withheld.from_text("see https://lists.example.net/u/short", content) == "see [withheld]"


@pytest.mark.parametrize(
    ("link", "is_personal"),
    [
        ("https://lists.itu.int/mailman/options/cg-aisec", False),
        ("https://lists.itu.int/mailman/options/cg-aisec/delegate%40example.org", True),
        ("https://x.example/u?to=delegate@example.org", True),
        ("https://x.example/u/2VtHk3k9ZQ0xWl7aBcDe1", True),
        ("mailto:cg-aisec-request@lists.itu.int?subject=unsubscribe", False),
        ("mailto:leave-2vthk3k9zq0xwl7abcde1@lists.itu.int", True),
        ("https://lists.example.org/postorius/lists/long-name-of-a-list.example.org/", False),
    ],
)
def test_what_is_of_one_reader(link: str, is_personal: bool) -> None:
    content = HEAD + f"List-Unsubscribe: <{link}>\r\n\r\n{link}\r\n".encode()
    assert (withheld.from_raw(content) == content) is not is_personal
    assert (link in withheld.from_text(link, content)) is not is_personal


@pytest.mark.parametrize(
    "text",
    [
        "https://cg.example.org/leave/cg-aisec/{}",
        "https://cg.example.org/sign-in/{}",
        "https://cg.example.org/calendar/{}.ics",
        "cg-aisec-confirm+{}@lists.example.org",
    ],
)
def test_our_own_tokens_that_somebody_quotes(text: str) -> None:
    token = "k9ZQ0xWl7aBcDe1k9ZQ0xW"
    assert withheld.ours(text.format(token)) == text.format("[withheld]")
    content = HEAD + b"\r\n> " + text.format(token).encode() + b"\r\n"
    assert token.encode() not in withheld.from_raw(content)
    assert withheld.from_raw(content) == HEAD + b"\r\n> " + text.format("[withheld]").encode() + b"\r\n"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_everything_else_stays(head: bytes, body: bytes) -> None:
    content = head + b"\r\n\r\n" + body
    if b"+" not in content and b"/" not in content and b"list-" not in content.lower():
        assert withheld.from_raw(content) is content
