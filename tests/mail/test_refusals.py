"""What a refusal means: by its code (RFC 3463, RFC 5248, RFC 7504) and by the words that servers use."""

from __future__ import annotations

import pytest

from cgbot.mail.refusals import judge, status_of


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("5.1.1", "hard"), ("5.1.2", "hard"), ("5.1.3", "hard"), ("5.1.6", "hard"), ("5.1.10", "hard"),
        ("5.2.1", "hard"), ("5.4.4", "hard"), ("5.7.27", "hard"),
        ("5.2.2", "soft"), ("5.3.1", "soft"), ("5.3.2", "soft"), ("5.4.1", "soft"), ("5.4.7", "soft"),
        ("5.0.0", "soft"),
        ("4.2.2", "soft"), ("4.4.7", "soft"), ("4.7.1", "soft"), ("", "soft"), ("5.7.13", "soft"),
        ("5.3.4", "content"), ("5.2.3", "content"), ("5.4.6", "content"), ("5.6.0", "content"), ("5.6.1", "content"),
        ("5.1.7", "content"), ("5.1.8", "content"), ("5.7.1", "content"), ("5.7.26", "content"), ("5.7.9", "content"),
    ],
)  # fmt: skip
def test_the_code_alone(status: str, verdict: str) -> None:
    assert judge(status, "") == verdict


@pytest.mark.parametrize(
    ("status", "words", "verdict"),
    [
        ("5.1.1", "550 5.7.1 IP address blacklisted by recipient", "content"),
        ("5.1.1", "550 5.1.1 User unknown; see the policy of this domain", "hard"),
        ("5.1.1", "552 5.2.2 Over quota", "soft"),
        ("5.7.1", "553 Invalid recipient a@b.example", "hard"),
        ("5.0.0", "550 User unknown", "hard"),
        ("5.0.0", "550 spam@b.example: User unknown", "hard"),
        ("5.0.0", "554 Message rejected as spam", "content"),
        ("5.0.0", "550 DMARC check failed.", "content"),
        ("5.3.0", "521 b.example does not accept mail", "hard"),
        ("", "556 b.example", "hard"),
        ("5.1.1", "550 mailbox of a@b.example is temporarily disabled", "soft"),
        ("4.4.7", "450 4.1.1 User unknown in virtual alias table", "hard"),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", "hard"),
    ],
)
def test_words_tell_more_than_codes(status: str, words: str, verdict: str) -> None:
    assert judge(status, words) == verdict


def test_who_knows_nobody_only_after_the_mail_refuses_the_mail() -> None:
    assert judge("5.1.1", "550 user unknown", after_data=True) == "soft"


@pytest.mark.parametrize(
    ("field", "words", "status"),
    [
        ("5.1.1", "", "5.1.1"), ("", "550 5.7.1 no", "5.7.1"), ("", "550 no", "5.0.0"), ("", "452 full", "4.0.0"),
        ("", "no", ""), ("5.0.0", "550 5.1.1 x", "5.1.1"), ("", "see [192.0.2.5] 5.27 2024", ""),
    ],
)  # fmt: skip
def test_the_code_is_found(field: str, words: str, status: str) -> None:
    assert status_of(field, words) == status
