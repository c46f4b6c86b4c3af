"""
Answers to the mails about a report (use cases; ANSWERS for subscriptions.purposes).

A convener's answer comes to an address that only they were told. The corrected text between its two marks is a new
version; "approve" on the first line approves the version that the mail was about; "submit" asks for the order to submit
it, which is shown first. The first approval counts, a later one is told so. An answer from the secretariat is the
receipt: it is noted and passed on to the conveners, as is every later one. The sender's address decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Refused
from cgbot.groups import audit, members, ordering, tokens
from cgbot.groups.audit import Entry
from cgbot.groups.commands import Actor, Request
from cgbot.groups.roles import Action, may
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.mail import list_headers
from cgbot.outbox.letters import Addressee
from cgbot.papers import report, report_letters, report_orders, report_records, report_text
from cgbot.papers.report import Correction, Owed
from cgbot.posts import distribution, people, words
from cgbot.store.db import Tx

_APPROVE: Final = frozenset({"approve", "approved"})
_SUBMIT: Final = frozenset({"submit"})
_FIRST_WORDS: Final = 500
_MOST_PASSED_ON: Final = 20


@dataclass(frozen=True, slots=True)
class _Case:
    """One answer: whose, about which report and which version, 0 for none."""

    errand: Errand
    actor: Actor
    one: Owed
    version: int


def take_answer(tx: Tx, context: Context, errand: Errand, token: Token) -> Settled:
    """Do what a convener's answer says, and tell them what was done."""
    address = str(token.facts["address"])
    actor = _actor(tx, context, errand.group_id or 0, address)
    if token.expired or not _may(context, actor, "draft reports"):
        return Settled("discarded", f"{address} may not decide about reports, or the mail has run out")
    one = report.to_meeting(tx, context, int(token.facts["meeting"]))
    case = _Case(errand, actor, one, int(token.facts["version"]))
    try:
        with tx.begin_nested():
            outcome = _decide(tx, context, case)
    except Refused as error:
        outcome = f"Nothing was done: {error.public}."
    if outcome is None:
        return _misunderstood(tx, context, case)
    if outcome:
        _tell(tx, context, case, outcome)
    return Settled("sorted", outcome or "asked for the order to submit")


def _actor(tx: Tx, context: Context, group_id: int, address: str) -> Actor:
    member = members.find_member(tx, group_id, address)
    if member is None or member.state == "left":
        return Actor(address, role="convener" if address == context.settings.service.operator else "")
    return Actor(member.address, member.id, member.name, member.role)


def _may(context: Context, actor: Actor, action: Action) -> bool:
    return may(actor.role, action) or actor.address == context.settings.service.operator


def _decide(tx: Tx, context: Context, case: _Case) -> str | None:
    """What was done, in words; None when the answer says nothing that is known, "" when another mail tells it."""
    message = case.errand.message
    given = report_text.between_marks(message.text)
    word, _ = words.answer(message)
    if given == "":
        return "Nothing was done: the line that ends the report is missing, so the text may be cut. Send all of it."
    if given is not None and _is_changed(tx, case, given):
        return _correct(tx, context, case, (given, word))
    if word in _APPROVE:
        return _approve(tx, context, case)
    if word in _SUBMIT:
        return _submit(tx, context, case)
    if given is not None:
        return "Nothing was done: the text is the same as before. To approve it, answer with the word: approve"
    return None


def _is_changed(tx: Tx, case: _Case, given: str) -> bool:
    if case.one.report is None or not case.version:
        return False
    before = report_records.version(tx, case.one.report.id, case.version)
    return not report_text.same(before.body, given)


def _correct(tx: Tx, context: Context, case: _Case, said: tuple[str, str]) -> str:
    assert case.one.report is not None  # noqa: S101 - _is_changed has looked
    given, word = said
    correction = Correction(case.actor.address, given, case.version)
    made = report.correct(tx, context, case.one.report.id, correction)
    approval = " It was not approved, since its text is new: answer that mail with: approve" if word in _APPROVE else ""
    return (
        f"Your corrections are version {made.number}. It comes to you and the other conveners in a mail of its own, "
        f"with its Word file.{approval}"
    )


def _approve(tx: Tx, context: Context, case: _Case) -> str:
    if not _may(context, case.actor, "approve reports and statements"):
        return "Nothing was done: a convener or vice-convener approves reports."
    report_orders.approve(tx, context, case.one, case.actor.address, case.version or None)
    return ""


def _submit(tx: Tx, context: Context, case: _Case) -> str:
    """Ask for the order, as if it had been written to NAME-request@."""
    number = case.one.report.id if case.one.report else 0
    group_id = case.errand.group_id or 0
    request = Request(group_id, case.errand.group, case.actor, (str(number),), {}, case.errand)
    ordering.ask(tx, context, report_orders.SUBMIT, request)
    return ""


def _misunderstood(tx: Tx, context: Context, case: _Case) -> Settled:
    """Say so once, so that nobody is answered without end."""
    if not tokens.use(tx, case.errand.detail, context.now):
        return Settled("discarded", "not understood again, and answered before")
    if case.errand.message.attachments:
        outcome = "Nothing was done: a Word file is not read. Correct the text between the two marks and send it back."
    else:
        outcome = (
            "Nothing was done: the answer was not understood. It must begin with the word approve or submit, or hold "
            "the corrected text between its two marks."
        )
    _tell(tx, context, case, outcome)
    return Settled("sorted", "not understood, and told so once")


def _tell(tx: Tx, context: Context, case: _Case, outcome: str) -> None:
    to = Addressee(case.actor.address, case.actor.member_id, case.actor.name)
    report_letters.answered(tx, context, case.one, to, (outcome, case.errand.message.message_id))


# ------------------------------------------------------------------------------------------------- the secretariat


def take_receipt(tx: Tx, context: Context, errand: Errand, token: Token) -> Settled:
    """Note the receipt, and pass the answer on to the conveners."""
    if token.expired:
        return Settled("discarded", "the report's mail has run out")
    if list_headers.hops(errand.message) > list_headers.HOPS:
        return Settled("discarded", "a mail loop")
    report_id = int(token.facts["report"])
    sender = errand.message.authors[0].address if errand.message.authors else errand.mail_from
    passed_on = Entry(sender, "report answer passed on", f"report {report_id}")
    if len(audit.find(tx, errand.group_id or 0, passed_on.action, passed_on.subject)) >= _MOST_PASSED_ON:
        return Settled("discarded", "passed on often enough")
    audit.record(tx, context.now, errand.group_id, passed_on)
    first = report.received(tx, context, report_id, _first_words(errand), sender)
    told = people.responsible(tx, context, errand.group_id)
    distribution.forward(tx, context, errand, "owner", [(one.address, one.member_id) for one in told])
    return Settled("sorted", f"{'receipt noted, ' if first else ''}passed on to {len(told)}")


def _first_words(errand: Errand) -> str:
    """What the secretariat wrote above what it quotes."""
    lines = [line.strip() for line in errand.message.text.splitlines()]
    own = [line for line in lines if line and not line.startswith((">", "|"))]
    return "\n".join(own)[:_FIRST_WORDS]


ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType(
    {report_letters.ANSWER: take_answer, report_letters.RECEIPT: take_receipt}
)
