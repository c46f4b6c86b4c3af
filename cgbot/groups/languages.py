"""
Pure rules: in which language somebody is written to, and the few words that mails put together themselves.

The six languages of ITU have a place here; a mail is in one of them where its template is (templates/mail/NAME.fr.txt),
else in English. WORDS are the names of what a member can set and of its values; a language without a table reads the
English one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cgbot.mail.message import Message

ENGLISH: Final = "en"
LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {"en": "English", "fr": "français", "es": "español", "ru": "русский", "zh": "中文", "ar": "العربية"}
)
_HEADERS: Final = ("Content-Language", "Accept-Language")

WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "address": "Address", "also": "Also yours", "name": "Name", "organization": "Organization",
            "country": "Country", "role": "Role", "delivery": "Posts", "away_until": "No posts until",
            "invitations": "Invitations", "attachments": "Attachments", "digest_format": "Digests", "zone": "Time zone",
            "language": "Language", "state": "State", "came back": "Came back", "policy": "Joining",
            "delivery each": "each as it comes", "delivery daily": "once a day", "delivery weekly": "once a week",
            "delivery none": "none", "invitations yes": "to every meeting", "invitations no": "none",
            "attachments full": "in the mail", "attachments link": "over 1 MB by a link",
            "digest_format mime": "MIME", "digest_format plain": "plain text", "state suspended": "suspended",
            "policy open": "open to everybody", "policy approval": "the conveners approve",
            "policy invitation": "by invitation", "policy closed": "closed", "nothing": "none", "hidden": "a new value",
            "role convener": "convener", "role vice-convener": "vice-convener", "role secretary": "secretary",
            "role member": "member", "role observer": "observer",
        },
        "fr": {
            "address": "Adresse", "also": "Également à vous", "name": "Nom", "organization": "Organisation",
            "country": "Pays", "role": "Rôle", "delivery": "Messages", "away_until": "Aucun message avant",
            "invitations": "Invitations", "attachments": "Pièces jointes", "digest_format": "Résumés",
            "zone": "Fuseau horaire", "language": "Langue", "state": "État", "came back": "Revenu",
            "policy": "Inscription",
            "delivery each": "chacun dès son arrivée", "delivery daily": "une fois par jour",
            "delivery weekly": "une fois par semaine", "delivery none": "aucun",
            "invitations yes": "à toutes les réunions", "invitations no": "aucune",
            "attachments full": "dans le message", "attachments link": "au-delà de 1 Mo, par un lien",
            "digest_format mime": "MIME", "digest_format plain": "texte brut", "state suspended": "suspendu",
            "policy open": "ouverte à tous", "policy approval": "approuvée par les responsables",
            "policy invitation": "sur invitation", "policy closed": "fermée", "nothing": "aucun",
            "hidden": "une nouvelle valeur",
            "role convener": "responsable", "role vice-convener": "responsable adjoint", "role secretary": "secrétaire",
            "role member": "membre", "role observer": "observateur",
        },
    }
)  # fmt: skip
# What a command is for, by its name; what is missing is said in the command's own English.
HELP: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "fr": {
            "set": "Modifier vos réglages, un par ligne : each, daily, weekly, none, none until (jusqu'à un jour) ; "
                   "name, organization, country, zone, language ; invitations on ou off ; attachments full ou link ; "
                   "digest mime ou plain ; address.",
            "add address": "Écrire aussi depuis une autre de vos adresses.",
            "remove address": "Renoncer à l'une de vos adresses.",
            "whoami": "Ce que le groupe sait de vous.",
            "who": "Les membres du groupe, si celui-ci en communique la liste.",
            "lists": "Les groupes de ce service.",
            "actions": "Les actions en cours.",
            "agenda": "L'ordre du jour de la prochaine réunion, avec ses documents.",
            "desk": "Un lien pour se connecter aux pages.",
            "documents": "La liste des documents et des appels ouverts.",
            "get": "Les fichiers d'un document.",
            "meetings": "Les réunions à venir.",
            "done": "Signaler que l'une de vos actions est terminée.",
            "withdraw": "Retirer l'un de vos documents.",
        }
    }
)  # fmt: skip
_MONTHS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "en": ("January", "February", "March", "April", "May", "June",
               "July", "August", "September", "October", "November", "December"),
        "fr": ("janvier", "février", "mars", "avril", "mai", "juin",
               "juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    }
)  # fmt: skip
_DAYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    }
)


def known(tag: str) -> str:
    """The language of a tag ("fr-CH" is "fr") where it is one of the six, else ""."""
    primary = tag.strip().lower().partition("-")[0]
    return primary if primary in LANGUAGES else ""


def of_message(message: Message) -> str:
    """The language that a mail's own header names, "" where it names none of the six."""
    return next(filter(None, (of_tags(message.header(name)) for name in _HEADERS)), "")


def of_tags(field: str) -> str:
    """The first of the six in an Accept-Language field (RFC 9110 section 12.5.4), as if in order of preference."""
    return next(filter(None, (known(tag.partition(";")[0]) for tag in field[:200].split(","))), "")


def written(language: str) -> str:
    """The language whose words and dates a mail in this language has: its own, or English."""
    primary = language.lower().partition("-")[0]
    return primary if primary in WORDS else ENGLISH


def word(language: str, key: str) -> str:
    """One of WORDS, the key itself where there is none."""
    return WORDS[written(language)].get(key, key)


def help_of(language: str, name: str, otherwise: str) -> str:
    """What a command is for, in this language where that is known."""
    return HELP.get(written(language), {}).get(name, otherwise)


def day_in_words(day: date, language: str) -> str:
    """A day as people write it: "Thursday 6 May 2027", "jeudi 1er mai 2027"."""
    tongue = written(language)
    number = "1er" if tongue == "fr" and day.day == 1 else str(day.day)
    return f"{_DAYS[tongue][day.weekday()]} {number} {_MONTHS[tongue][day.month - 1]} {day.year}"


def short_day(day: date, language: str) -> str:
    """The same without weekday and year."""
    return " ".join(day_in_words(day, language).split()[1:3])


def month_of(text: str) -> int:
    """The number of a month's name or its beginning (three letters at least), in any language known; 0 for none."""
    found = text.strip().lower().rstrip(".")
    for names in _MONTHS.values():
        for number, name in enumerate(names, 1):
            if len(found) >= len("May") and name.lower().startswith(found):
                return number
    return 0
