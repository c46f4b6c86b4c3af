"""
List commands that were sent to the whole list by mistake, in the words of many list programs (pure rules).

A message counts only when nothing else is in it: one line, or several that are all commands, perhaps below a greeting,
above a short closing. "unsubscribe", "Please remove me from this list", "QUIET SET listname NOMAIL", "merci de me
désinscrire" are commands; a sentence that only begins like one, or has such a word in it, is written to people.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from cgbot.groups import own_words
from cgbot.mail.message import Message

_JOIN: Final = frozenset({"subscribe", "sub", "join", "inscription", "abonnement", "订阅", "подписаться", "suscribir"})
_FRENCH_LEAVE: Final = frozenset(
    {"désinscription", "désabonnement", "désinscrire", "désabonner", "désinscrivez-moi", "désabonnez-moi"}
)
# Words that mean nothing but leaving a list, and so do in a polite sentence.
_CLEAR: Final = _FRENCH_LEAVE | frozenset(
    {"unsubscribe", "unsub", "signoff", "desinscription", "desabonnement", "desinscrire", "desabonner", "退订",
     "取消订阅", "отписаться", "отпишите"}
)  # fmt: skip
_LEAVE: Final = _CLEAR | frozenset({"leave", "stop", "remove", "quitter"})
_ALONE: Final = frozenset({"help", "aide", "info", "who", "whoami", "lists", "review"})
_ABOUT_LIST: Final = frozenset({"review", "query", "info", "index", "who", "which", "help"})
# What people write beside such a word: "please unsubscribe me from this list".
_BESIDE: Final = frozenset(
    {"please", "me", "from", "to", "this", "the", "mailing", "list", "group", "thanks", "*", "svp"}
)
# The same beside a word that means nothing else: "could you unsubscribe my address", "je souhaite me désinscrire".
_POLITE: Final = _BESIDE | frozenset(
    {
        "i", "i'd", "i'm", "want", "would", "like", "wish", "need", "how", "do", "can", "could", "your", "kindly",
        "my", "our", "email", "e-mail", "mail", "mails", "emails", "address", "name", "all", "lists", "off", "of",
        "immediately", "now", "again", "thank", "netwide", "(netwide", "pls", "je", "veux", "souhaite", "voudrais",
        "désire", "veuillez", "merci", "de", "d", "la", "cette", "votre", "liste", "du", "groupe", "diffusion",
        "mon", "ma", "adresse", "comment", "pouvez-vous", "pourriez-vous", "se", "nous", "à", "s'il", "vous", "te",
        "plaît", "plait", "меня", "от", "рассылки",
    }
)  # fmt: skip
_LIST: Final = r"(?:this|the|your)\s+(?:(?:e-?mail|mailing|distribution)\s+)?(?:list|group|mailings?)"
_REMOVE: Final = re.compile(
    r"(?:(?:please|kindly|(?:can|could|would) you(?: please)?|i (?:want|would like|wish) (?:you )?to)\s+)?"
    r"(?:(?:remove|delete|drop|take)\s+(?:me|us|my\s+(?:name|e-?mail(?:\s+address)?|address)(?:\s*<?\S+@\S+?>?)?)"
    rf"\s+(?:from|off|out of)\s+{_LIST}|be removed from {_LIST}|remove\s+my\s+(?:e-?mail(?:\s+address)?|address))"
    r"(?:[\s,]+(?:please|thanks|thank you|asap))*",
    re.IGNORECASE,
)
_RETIRER: Final = re.compile(
    r"(?:(?:veuillez|merci de|pouvez-vous|pourriez-vous|je (?:veux|souhaite|voudrais)(?: que vous)?)\s+)?"
    r"(?:(?:me|nous)\s+(?:retirer|enlever|supprimer|radier)|être (?:retirée?|supprimée?|enlevée?)"
    r"|(?:retirez|enlevez|supprimez|radiez)[- ](?:moi|nous))"
    r"\s+(?:de\s+(?:la|cette|votre)\s+liste(?:\s+de\s+diffusion)?|du\s+groupe)"
    r"(?:[\s,]+(?:svp|s['’]il (?:vous|te) pla[iî]t|merci))*",
    re.IGNORECASE,
)
_ELSEWHERE: Final = re.compile(
    r"(?:(?:por favor|quiero|deseo)[,\s]+)*(?:darme|darse|deme) de baja(?:\s+de\s+(?:la|esta)\s+lista)?"
    r"(?:[,\s]+por favor)?"
    r"|cancelar (?:la |mi )?suscripción|إلغاء الاشتراك|请?取消订阅|请?退订",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(r"\b(?:(?:can|could|would|will) you|thank you)\b", re.IGNORECASE)
_OPTIONS: Final = (
    r"(?:mail|digests?|index|repro|ack|msgack|post|conceal|html|mime|nomail|nodigests?|noindex|norepro|noack|noconceal"
    r"|nohtml|nomime|nopost|each|daily|weekly|none|summary|digestplain|notice|urlize|txt)"
)
_OTHERS: Final = re.compile(
    rf"set\s+{_OPTIONS}(?:\s+until\s.{{1,40}})?|confirm\s+[a-z0-9]{{8,64}}|(?:approve|reject|discard)\s+\d{{1,9}}",
    re.IGNORECASE,
)
_SET: Final = re.compile(rf"set\s+(\S+)((?:\s+{_OPTIONS})+)", re.IGNORECASE)
_QUIET: Final = re.compile(r"\s*quiet\s+", re.IGNORECASE)
_ENDS: Final = frozenset({"end", "quit", "fin", "exit"})  # the last line of mails to Majordomo and its like
_CLOSING: Final = frozenset(
    {
        "thanks", "thank", "you", "thx", "regards", "wishes", "cheers", "sincerely", "yours", "many", "best",
        "kind", "warm", "with", "in", "advance", "and", "very", "much", "so", "a", "lot", "truly", "again", "bien",
        "cordialement", "salutations", "merci", "d'avance", "beaucoup", "kr", "br",
    }
)  # fmt: skip
_NAME: Final = re.compile(r"(?:[A-ZÀ-ÞА-Я][\w.'’&-]*,?(?:\s+|$)|(?:of|de|van|von|del|la|bin)\s+){1,6}")
_AT_MOST: Final = 120  # characters of a line that is nothing but a command
_SHORT: Final = 200  # characters of a text below a subject that is nothing but a command
_LONGEST_NAME: Final = 50
_LOOKED_AT: Final = 2000
_MOST_LINES: Final = 8


def list_command(message: Message, own_names: Collection[str] = ()) -> str:
    """
    Find the command that was sent to the whole list, "" where a person wrote to people.

    `own_names` are the list's in lower case: what stands behind one is a name ("SUBSCRIBE listname First Last").
    """
    if message.attachments:
        return ""
    below = _begin(own_words.each_own_line(message.text[:_LOOKED_AT]))
    if found := _in_text(below, own_names):
        return found
    subject = message.subject.strip()
    return _command(subject, own_names) if len(" ".join(below)) <= _SHORT and _is_bare(subject, below) else ""


def _begin(lines: Iterable[str]) -> list[str]:
    """What was written, until it is certain that it is too long for a command."""
    below: list[str] = []
    length = 0
    for line in own_words.from_first(lines):
        below.append(line.strip())
        length += len(below[-1])
        if len(below) > _MOST_LINES and length > _SHORT:
            break
    return below


def purpose_of(command: str) -> str:
    """What a list command asks for: "join", "leave", or "" for anything else."""
    word = command.partition(" ")[0]
    return "join" if word in _JOIN else "leave" if word in _LEAVE else ""


def tongue(command: str) -> str:
    """The language of a command's own word, "" for what any language says so."""
    return "fr" if command in _FRENCH_LEAVE | {"inscription", "abonnement", "quitter", "aide"} else ""


def _in_text(lines: Sequence[str], own_names: Collection[str]) -> str:
    """The command of a text that is nothing else."""
    if not 1 <= len(lines) <= _MOST_LINES:
        return ""
    first = _command(lines[0], own_names)
    if not first:
        return ""
    rest = [line for line in lines[1:] if line.lower() not in _ENDS]
    if all(_command(line, own_names) for line in rest):
        return first
    # A closing is one only below what can hardly mean anything else.
    return first if purpose_of(first) == "leave" and first in _CLEAR and all(map(_is_closing, rest)) else ""


def _is_closing(line: str) -> bool:
    return len(line) <= _LONGEST_NAME and (_CLOSING.issuperset(_words(line)) or bool(_NAME.fullmatch(line)))


def _is_bare(subject: str, lines: Sequence[str]) -> bool:
    """Say whether a subject alone counts: there is no text, or one word of the subject says to leave."""
    return not lines or subject.lower() in _CLEAR


def _command(line: str, own_names: Collection[str]) -> str:
    """The command that a line is, in lower case and without what politeness adds."""
    text = _QUIET.sub("", line, count=1).strip(" .!?*_")
    if len(text) > _AT_MOST:
        return ""
    if _OTHERS.fullmatch(text):
        return " ".join(text.lower().split())
    if (match := _SET.fullmatch(text)) and (match[1] == "*" or _is_own(match[1].lower(), own_names)):
        return f"set {' '.join(match[2].lower().split())}"
    if _REMOVE.fullmatch(text) or _ELSEWHERE.fullmatch(text):
        return "unsubscribe"
    if _RETIRER.fullmatch(text):
        return "désinscription"
    return _by_its_words(text, own_names)


def _by_its_words(text: str, own_names: Collection[str]) -> str:
    said = _words(_ASKED.sub(" ", text))
    clear = [word for word in said if word in _CLEAR]
    if len(clear) == 1 and all(word in _POLITE or word == clear[0] or _is_whose(word, own_names) for word in said):
        return clear[0]
    found = [word for word in _words(text) if word not in _BESIDE]
    if len(found) == 1:
        return found[0] if found[0] in _JOIN | _LEAVE | _ALONE else ""
    if found and found[0] in _JOIN | _LEAVE:
        return found[0] if _is_whose(found[1], own_names) else ""
    is_asked = bool(found) and found[0] in _ALONE | _ABOUT_LIST and all(_is_own(one, own_names) for one in found[1:])
    return found[0] if is_asked else ""


def _words(text: str) -> list[str]:
    words = (word.strip(".,!?:;\"'<>()").lower() for word in text.replace("’", "'").split())
    return [word for word in words if word]


def _is_own(word: str, own_names: Collection[str]) -> bool:
    return word in own_names or word.partition("@")[0] in own_names


def _is_whose(word: str, own_names: Collection[str]) -> bool:
    """Say whether a word is the list's name, or an address: whose subscription it is about."""
    return _is_own(word, own_names) or ("@" in word and "." in word)
