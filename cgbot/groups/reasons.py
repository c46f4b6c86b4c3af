"""
Pure rules: why a change of settings was refused, in the language of whoever asked.

An error says it in English, which logs and commands keep (`public` of errors.Refused); the tables hold the sentences
that a member can meet when they change their settings. What is not in them stays in English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cgbot.groups import languages
from cgbot.groups.preferences import ALLOWED

_NOT_ALLOWED: Final = re.compile(r"(.+) is not allowed: (.+)", re.DOTALL)
_MOST: Final = 1000  # characters that are looked at
_ALL: Final = re.escape(ALLOWED)
_ALL_FR: Final = (
    "each, daily, weekly, none, none until (jusqu'à un jour), ou l'un de name, organization, country, zone, language, "
    "invitations, attachments, digest, address, suivi de sa valeur"
)
_FRENCH: Final = (
    (f"what to set is missing: {_ALL}", f"il manque ce qu'il faut régler : {_ALL_FR}"),
    (f"a line cannot be read; allowed are {_ALL}", f"une ligne est incompréhensible ; sont permis {_ALL_FR}"),
    (f'"(.*)" is not something to set; allowed are {_ALL}', rf"« \1 » n'est pas un réglage ; sont permis {_ALL_FR}"),
    ("posts: allowed are (.+), none until a date", r"messages : sont permis \1, none until suivi d'un jour"),
    ("the address is missing: (.+)", r"il manque l'adresse : \1"),
    (r'"(.*)" is not a day: write it as (\S+) or .+', r"« \1 » n'est pas un jour : écrivez \2 ou 1 juin 2027"),
    (r"(\S+) is not an address of (\S+)", r"\1 n'est pas une adresse de \2"),
    (r'the mail of (\S+) goes to (\S+); "(.+)" comes first',
     r"le courrier de \1 est envoyé à \2 ; il faut d'abord « \3 »"),
    (r"(\S+) is the address of another membership; .+",
     r"\1 est l'adresse d'un autre membre, qui doit d'abord quitter les groupes"),
    (r"(\S+) belongs to somebody else", r"\1 appartient à quelqu'un d'autre"),
    (r"(\S+) is an address of cgbot itself; .+", r"\1 est une adresse du service lui-même"),
    (r"(\S+) cannot be asked now: .+", r"\1 a déjà reçu assez de demandes ; réessayez plus tard"),
    (r"(\S+) is not a member of this group", r"\1 n'est pas membre de ce groupe"),
)  # fmt: skip
_FRENCH_VALUES: Final = (
    ("one of (.+)", r"l'un de \1"),
    (r"a text of at most (\d+) characters", r"un texte de \1 caractères au plus"),
    ("a text on one line, without control characters", "un texte sur une ligne, sans caractères de commande"),
    (r"a mail address such as (\S+)", r"une adresse électronique comme \1"),
    (r"a time zone name such as (\S+)", r"le nom d'un fuseau horaire comme \1"),
    (r"a language tag such as (\S+) or (\S+)", r"un code de langue comme \1 ou \2"),
    ("yes or no", "yes ou no"),
    ("a day after today, within two years", "un jour à venir, dans les deux ans"),
)
_Table = tuple[tuple[re.Pattern[str], str], ...]


def _table(rows: tuple[tuple[str, str], ...]) -> _Table:
    return tuple((re.compile(english, re.DOTALL), words) for english, words in rows)


SENTENCES: Final[Mapping[str, _Table]] = MappingProxyType({"fr": _table(_FRENCH)})
VALUES: Final[Mapping[str, _Table]] = MappingProxyType({"fr": _table(_FRENCH_VALUES)})
_REFUSED: Final[Mapping[str, str]] = MappingProxyType({"fr": "{} n'est pas permis : {}"})


def say(reason: str, language: str) -> str:
    """A reason in this language, else as it is."""
    tongue = languages.written(language)
    if tongue not in SENTENCES or len(reason) > _MOST:
        return reason
    if found := _translated(reason, SENTENCES[tongue]):
        return found
    match = _NOT_ALLOWED.fullmatch(reason)
    allowed = _translated(match[2], VALUES[tongue]) if match else ""
    return _REFUSED[tongue].format(match[1], allowed) if match and allowed else reason


def _translated(text: str, table: _Table) -> str:
    return next((match.expand(words) for one, words in table if (match := one.fullmatch(text))), "")
