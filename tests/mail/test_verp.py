"""Signed addresses: read back what was written, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.keys import Keys
from cgbot.mail import verp
from cgbot.mail.address import destination, is_valid

KEYS = Keys((b"one",))
IDS = st.integers(min_value=0, max_value=2**63 - 1)


def detail(address: str) -> str:
    return address.partition("+")[2].partition("@")[0]


@given(IDS, IDS)
def test_a_return_path_is_read_back(content_id: int, member_id: int) -> None:
    path = verp.return_path(KEYS, "cg-aisec", "lists.example.org", content_id, member_id)
    assert is_valid(path)
    assert verp.read_return_path(KEYS, "cg-aisec", detail(path)) == (content_id, member_id)
    assert verp.read_return_path(KEYS, "cg-aisec", detail(path).upper()) == (content_id, member_id)
    found = destination(path, "lists.example.org", {"cg-aisec"})
    assert found is not None
    assert (found.group, found.purpose, found.detail) == ("cg-aisec", "bounces", detail(path))


@given(IDS, st.sampled_from(["meetings", "leave"]))
def test_a_member_token_is_read_back(member_id: int, purpose: str) -> None:
    token = verp.member_token(KEYS, purpose, "cg-aisec", member_id)
    assert verp.read_member_token(KEYS, purpose, "cg-aisec", token.upper()) == member_id
    assert verp.read_member_token(KEYS, "other", "cg-aisec", token) is None
    assert verp.read_member_token(KEYS, purpose, "cg-other", token) is None


def test_a_return_path_of_another_group_key_or_number_is_not_ours() -> None:
    path = detail(verp.return_path(KEYS, "cg-aisec", "d.example", 7, 8))
    assert verp.read_return_path(KEYS, "cg-other", path) is None
    assert verp.read_return_path(Keys((b"two",)), "cg-aisec", path) is None
    assert verp.read_return_path(Keys((b"two", b"one")), "cg-aisec", path) == (7, 8)
    assert verp.read_return_path(KEYS, "cg-aisec", path.replace("7.8", "7.9")) is None


@given(st.text(max_size=60))
def test_any_text_is_refused_without_raising(text: str) -> None:
    assert verp.read_return_path(KEYS, "cg-aisec", text) is None
    assert verp.read_member_token(KEYS, "leave", "cg-aisec", text) is None


@pytest.mark.parametrize("text", ["7.8", "7.8.", "..", "7.8." + "a" * 16 + "x", "z" * 14 + ".8." + "a" * 16])
def test_what_is_cut_or_too_long_is_refused(text: str) -> None:
    assert verp.read_return_path(KEYS, "cg-aisec", text) is None


def test_an_organiser_address_names_the_member() -> None:
    address = verp.organizer(KEYS, "cg-aisec", "lists.example.org", 42)
    assert is_valid(address)
    assert verp.read_member_token(KEYS, "meetings", "cg-aisec", detail(address)) == 42
