"""Reasons in the reader's language: every refusal of a setting that the rules can bring."""

from __future__ import annotations

from datetime import date

import pytest

from cgbot.errors import Refused
from cgbot.groups import preferences, profile, reasons
from cgbot.groups.preferences import Reader

READER = Reader(date(2027, 5, 3))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set", "il manque ce qu'il faut régler : each, daily"),
        ("set something else", "« something else » n'est pas un réglage ; sont permis each"),
        ("set posts hourly", "messages : sont permis each, daily, weekly, none, none until suivi d'un jour"),
        ("add address", "il manque l'adresse : add address other@example.org"),
        ("set none until doomsday", "« doomsday » n'est pas un jour : écrivez 2027-06-01"),
        ("set none until 2027-05-03", "2027-05-03 n'est pas permis : un jour à venir, dans les deux ans"),
        ("set attachments never", "attachments: 'never' n'est pas permis : l'un de full, link"),
        (f"set name {'x' * 201}", "n'est pas permis : un texte de 200 caractères au plus"),
        ("set zone Mars/Crater", "zone: 'Mars/Crater' n'est pas permis : le nom d'un fuseau horaire comme Asia/Seoul"),
        ("set language x_y", "language: 'x_y' n'est pas permis : un code de langue comme en ou zh-Hans"),
        ("set invitations perhaps", "n'est pas permis : yes ou no"),
        ("set address nobody", "n'est pas permis : une adresse électronique comme name@example.org"),
    ],
)
def test_what_a_setting_is_refused_for(line: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        preferences.read(line, line if line == "set" else "", READER)
    assert said in reasons.say(refused.value.public, "fr-CH")
    assert reasons.say(refused.value.public, "es") == refused.value.public


def test_control_characters() -> None:
    with pytest.raises(Refused) as refused:
        profile.check("name", "a\x1bb")
    assert reasons.say(refused.value.public, "fr").endswith("un texte sur une ligne, sans caractères de commande")


@pytest.mark.parametrize("reason", ["", "x", "another reason", "x" * 5000, "} {} {0} is not allowed: \\1"])
def test_what_is_not_known_stays(reason: str) -> None:
    assert reasons.say(reason, "fr") == reason
