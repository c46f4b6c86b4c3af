"""What is a yes, and what only looks like one."""

from __future__ import annotations

import pytest

from cgbot.groups import consent


@pytest.mark.parametrize(
    "text",
    ["yes", "Yes.", "YES!", "ok", "Oui, merci", "Hi all,\nyes please", "Dear colleagues,\n\nConfirmed.\n", "yes\n> no",
     "Yes, please add me to the list, thank you", "*yes*", "да", "Unsubscribe", "I confirm", "Please confirm, thanks",
     "Je confirme", "I do want to join", "Please unsubscribe me", "D'accord"],
)  # fmt: skip
def test_yes(text: str) -> None:
    assert consent.is_yes(text)
    assert not consent.is_no(text)


@pytest.mark.parametrize(
    "text",
    ["No! I never asked to leave. Do NOT remove me.", "Go away, I did not ask for this. Who are you?",
     "Okay?? who sent this, I did not ask", '"Yes" is not what I mean', "yes? no!", "Yes-terday I was away",
     "Automatic reply: your mail is Ticket 123", "> yes", "", "yes no", "Ok, but I do not want to be on this list",
     "Yes " + "word " * 30, "I do not confirm", "Please", "I want to know who asked", "We leave it to you, who asked?"],
)  # fmt: skip
def test_not_a_yes(text: str) -> None:
    assert not consent.is_yes(text)


@pytest.mark.parametrize(("text", "expected"), [("No!", True), ("non merci", True), ("Nothing", False), ("", False)])
def test_no(text: str, expected: bool) -> None:
    assert consent.is_no(text) is expected


@pytest.mark.parametrize(("text", "expected"), [("", True), ("> quoted\n", True), ("yes", False), ("\n\n", True)])
def test_sent_back_without_a_word(text: str, expected: bool) -> None:
    assert consent.is_blank(text) is expected
