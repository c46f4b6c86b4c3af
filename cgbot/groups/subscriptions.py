"""
Use cases: joining and leaving by mail (PURPOSES join, leave, confirm), confirmed before anything changes.

Whoever writes to NAME-join@ or NAME-leave@ is sent one mail with a single-use address NAME-confirm+TOKEN@, the same
whether or not they are known here, and whatever the group's policy is (RFC 3834: never to the null sender, a robot or
a list; groups.knocks says how many). Answering it does what was asked; who may join then, groups.admission decides. In
a companion group joining means "send me invitations and reminders". What else must happen when somebody joins or
leaves, and what other confirmations there are, higher rooms hand down to `purposes`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errand import Errand, Purposes, Settled
from cgbot.groups import admission, asking, consent, knocks, languages, leaving, members, tokens
from cgbot.groups.asking import LIFETIME, Answer, Asker, Hook, Reply, Words
from cgbot.groups.knocks import Knock
from cgbot.groups.tokens import Token
from cgbot.mail import address, list_headers

# An out-of-office notice that carries none of the fields of RFC 3834 must confirm nothing; a person's begins with Re:.
# What takes a yes, or the mail sent back without a word; changes of the member's own settings are among them.
_CONSENT: Final = frozenset({"join", "leave", "set", "address", "who", leaving.UNDO})
_UNCLEAR: Final = "asked-again"

_ABSENT: Final = re.compile(
    r"\W*(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response)|auto:|out of (?:the )?office|on (?:annual )?leave"
    r"|réponse automatique|absence|absent|automatische antwort|abwesen|respuesta automática|fuera de la oficina"
    r"|risposta automatica|автоматический ответ|автоответ|自动回复|自動回覆|不在)",
    re.IGNORECASE,
)
__all__ = ["LIFETIME", "Answer", "Hook", "ask", "ask_back", "by_robot", "purposes"]


def purposes(
    *, on_join: Sequence[Hook] = (), on_leave: Sequence[Hook] = (), answers: Mapping[str, Answer] | None = None
) -> Purposes:
    """
    The use cases of this module.

    The hooks are called in the transaction in which somebody has joined or left; `answers` are other things that an
    answer to NAME-confirm+TOKEN@ can mean, by the token's purpose.
    """
    table: dict[str, Answer] = {
        **(answers or {}),
        **admission.answers(on_join),
        **leaving.answers(on_join),
        "join": lambda tx, context, errand, token: admission.admit(
            tx, context, asking.asker_of(errand, token), on_join
        ),
        "leave": lambda tx, context, errand, token: _left(tx, context, asking.asker_of(errand, token), on_leave),
    }

    def take_confirm(tx: Connection, context: Context, errand: Errand) -> Settled:
        return _confirm(tx, context, errand, table)

    return {"join": ask, "leave": ask, "confirm": take_confirm}


def ask(tx: Connection, context: Context, errand: Errand, name: str = "", language: str = "") -> Settled:
    """
    Send the one mail that asks back; nothing changes yet.

    `name` is what the asker calls themselves in the command, `language` that of its words.
    """
    if robot := by_robot(errand):
        return Settled("discarded", robot)
    authors = errand.message.authors
    if len(authors) != 1 or not address.is_valid(authors[0].address):
        return Settled("discarded", "the From field does not name exactly one author")
    if address.domain_of(authors[0].address) == context.settings.service.domain:
        return Settled("discarded", "an address of cgbot itself")
    if errand.group_id is None:
        return Settled("discarded", "no group")
    asker = Asker(
        purpose=errand.purpose,
        group_id=errand.group_id,
        group=errand.group,
        address=authors[0].address,
        name=asking.display_name(name or authors[0].name),
        message_id=errand.message.message_id,
        language=language or languages.of_message(errand.message),
    )
    return ask_back(tx, context, asker, _knock(context, errand, asker))


def by_robot(errand: Errand) -> str:
    """Why a message must never be answered (RFC 3834 section 2), "" when a person may have written it."""
    domain = address.domain_of(errand.recipient)
    is_itself = address.fold(errand.mail_from) == address.fold(errand.recipient)
    ours = (lambda one: address.domain_of(one) == domain) if domain else None
    if not is_itself and list_headers.may_be_answered(errand.message, errand.mail_from, ours):
        return ""
    return "from a robot, a list or nobody: never answered" if errand.mail_from else "the null sender is never answered"


def ask_back(tx: Connection, context: Context, asker: Asker, knock: Knock) -> Settled:
    """Send the mail that asks back, unless the limits are reached; also for who asks on a page."""
    if reason := knocks.admit(tx, context, knock):
        return Settled("discarded", reason)
    token = tokens.make(tx, context, asker.purpose, asking.facts_of(asker), LIFETIME)
    template = "join-confirm" if asker.purpose == "join" else "left-confirm"
    asking.write(tx, context, asker, Words(template, Reply(token)))
    return Settled("sorted", "asked back by mail")


def _knock(context: Context, errand: Errand, asker: Asker) -> Knock:
    return knocks.of(errand, context.settings, asker.purpose, asker.address)


def _confirm(tx: Connection, context: Context, errand: Errand, answers: Mapping[str, Answer]) -> Settled:
    """Find what the token was made for and let it happen."""
    if robot := by_robot(errand):
        return Settled("discarded", robot)
    if _ABSENT.match(errand.message.subject):
        return Settled("discarded", "its subject says that a program answered")
    token = tokens.look(tx, errand.detail, context.now)
    if token is None or str(token.facts.get("group")) != str(errand.group_id) or token.purpose not in answers:
        return Settled("discarded", "nothing waits for this confirmation")
    if refused := _not_meant(tx, context, errand, token):
        return refused
    if token.purpose not in {"join", "leave"}:
        return answers[token.purpose](tx, context, errand, token)
    if tokens.use(tx, errand.detail, context.now):
        return answers[token.purpose](tx, context, errand, token)
    if token.used:
        return Settled("discarded", "confirmed already")
    asker = asking.asker_of(errand, token)
    return ask_back(tx, context, asker, _knock(context, errand, asker))


def _not_meant(tx: Connection, context: Context, errand: Errand, token: Token) -> Settled | None:
    """
    What was answered by neither a yes nor the mail sent back as it is; a no ends the question.

    Whoever answers something else is told once what is waited for: they may have meant yes.
    """
    text = errand.message.text
    if token.purpose not in _CONSENT or consent.is_yes(text) or consent.is_blank(text):
        return None
    if not consent.is_no(text):
        return ask_again(tx, context, errand, token)
    tokens.use(tx, errand.detail, context.now)
    return Settled("discarded", "answered no")


def ask_again(tx: Connection, context: Context, errand: Errand, token: Token) -> Settled:
    """Say once that an answer was not understood; the question stays open at the same address."""
    mark = ("of", tokens.mark(errand.detail))
    if token.used or token.expired or tokens.made_since(tx, _UNCLEAR, mark, token.created_at - LIFETIME):
        return Settled("discarded", "neither yes nor no, again: nothing was done")
    tokens.make(tx, context, _UNCLEAR, dict([mark]), LIFETIME)
    asker = asking.asker_of(errand, token)
    asking.write(tx, context, asker, Words("answer-unclear", Reply(errand.detail, token.expires_at - context.now)))
    return Settled("sorted", "neither yes nor no: asked once more")


def _left(tx: Connection, context: Context, asker: Asker, hooks: Sequence[Hook]) -> Settled:
    member = members.find_member(tx, asker.group_id, asker.address)
    if member is None or member.state == "left":
        leaving.tell(tx, context, asker)
        return Settled("sorted", f"{asker.address} was not a member")
    leaving.leave(tx, context, [member], hooks, asker.message_id)
    return Settled("sorted", f"{asker.address} has left")
