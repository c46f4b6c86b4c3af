"""
A paper by mail (use case; PURPOSES contributions, PREPARERS, ANSWERS).

Who wrote it must be proven: by a server that we trust (RFC 8601), or by a yes of the member to a one-time address; what
the mail brought waits until then and counts from when it arrived. A paper of somebody who may not contribute waits for
the conveners. The author gets one acknowledgement. "I will contribute: TITLE" announces a paper that is still to come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Preparers, Purposes, Settled, UseCase
from cgbot.errors import Refused
from cgbot.groups import authentication, orders, request_form, subscriptions, tokens
from cgbot.groups.commands import Actor
from cgbot.groups.moments import in_words
from cgbot.groups.roles import may
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.mail.address import fold, is_valid
from cgbot.meetings import records as meetings_of
from cgbot.meetings import wording
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.papers import contributions, numbers, records
from cgbot.papers.contributions import Submission
from cgbot.papers.preparing import Bundle, prepare
from cgbot.papers.records import PaperView
from cgbot.posts import errands, holding
from cgbot.store.db import Tx

ASKED: Final = "contribution"
LIFETIME: Final = timedelta(days=14)
_AN_HOUR: Final = timedelta(hours=1)
_MOST_AN_HOUR: Final = 20
_YES: Final = frozenset({"yes", "ok", "okay", "confirm", "confirmed", "oui"})
_PROMISE: Final = re.compile(
    r"\s*(?:announce(?:\s+paper)?|i will contribute|will contribute)\b\s*:?\s*(.*)", re.IGNORECASE
)
_PREFIX: Final = re.compile(r"^\s*(?:(?:re|fw|fwd|aw|wg)\s*:\s*|\[[^\]]{1,40}\]\s*)+", re.IGNORECASE)
_LABEL: Final = re.compile(r"^\s*(?:new\s+)?(?:contribution|paper|input)\s*(?::|-|–)\s*", re.IGNORECASE)
_FIELDS: Final = ("title", "source", "abstract", "revises", "revision of", "replaces")


def take(tx: Tx, context: Context, errand: Errand) -> Settled:
    """Register the paper that a mail brings, ask its author first, or let the conveners look."""
    if robot := subscriptions.by_robot(errand):
        return Settled("discarded", robot)
    authors = errand.message.authors
    if len(authors) != 1 or not is_valid(authors[0].address) or errand.group_id is None:
        return Settled("discarded", "the From field does not name exactly one author")
    verdict, _, rule = errand.gate.partition(":")
    if verdict == "discard":
        return Settled("discarded", rule)
    actor = orders.actor_of(tx, errand.group_id, authors[0].address)
    approved = errand.gate.startswith("approved:")
    if not approved and (verdict == "hold" or not may(actor.role, "contribute")):
        why = rule or f"{authors[0].address} is {'an ' + actor.role if actor.role else 'not a member'}"
        return holding.keep_for_conveners(tx, context, errand, (f"a contribution: {why}",))
    if not actor.role:
        actor = Actor(authors[0].address, None, authors[0].name)
    if not approved and not authentication.of(errand, context.settings).proves(authors[0].address):
        return _ask(tx, context, errand, actor)
    return _register(tx, context, errand, actor)


def _register(tx: Tx, context: Context, errand: Errand, actor: Actor) -> Settled:
    group = (errand.group_id or 0, errand.group)
    try:
        with tx.begin_nested():
            promised = promise(errand)
            if promised is not None:
                paper = contributions.announce(tx, context, group, actor, promised)
                _write(tx, context, (errand, actor), "contribution-announced", {"title": paper.title})
                return Settled("sorted", f"paper announced: {paper.title}")
            view = contributions.register(tx, context, group, submission(context, errand, actor))
    except Refused as error:
        facts = {"reason": error.public, "subject": errand.message.subject}
        _write(tx, context, (errand, actor), "contribution-refused", facts)
        return Settled("sorted", f"refused: {error.public}")
    _write(tx, context, (errand, actor), "contribution-registered", described(tx, context, errand.group, view))
    return Settled("sorted", f"paper {view.paper.number} revision {view.newest.revision}")


def promise(errand: Errand) -> str | None:
    """The title of a paper that a mail only announces; None where it brings one."""
    if any(one.filename for one in errand.message.attachments):
        return None
    first = next((line for line in request_form.own_lines(errand.message.text) if line.strip()), "")
    for line in (_PREFIX.sub("", errand.message.subject), first):
        match = _PROMISE.fullmatch(line)
        if match:
            return match[1].strip()
    return None


def submission(context: Context, errand: Errand, actor: Actor) -> Submission:
    """What the mail says of its paper: its own fields, then the header table of the file, then the subject."""
    message = errand.message
    bundle = errand.prepared if isinstance(errand.prepared, Bundle) else prepare(message)
    fields = {key: value for key, value in _own_fields(message.text).items() if key in _FIELDS}
    acronym = context.charters[errand.group].acronym
    subject = _PREFIX.sub("", message.subject)
    header = bundle.header
    title = fields.get("title") or (header.title if header else "")
    title = title or _LABEL.sub("", numbers.without(_LABEL.sub("", subject), acronym))
    names = [file.filename for file, _ in bundle.files]
    replaces = numbers.find(fields.get("replaces", ""), acronym)
    revises = numbers.find(fields.get("revises", "") or fields.get("revision of", ""), acronym)
    if revises is None and replaces is None:
        revises = next((found for text in (subject, *names) if (found := numbers.find(text, acronym))), None)
    return Submission(
        title=title or (subject if revises else ""),
        source=fields.get("source") or (header.source if header else ""),
        abstract=fields.get("abstract") or (header.abstract if header else ""),
        author=actor,
        received_at=errand.received_at,
        bundle=bundle,
        revises=revises,
        replaces=replaces,
        errand_id=errand.id,
    )


def _own_fields(text: str) -> Mapping[str, str]:
    return request_form.read_fields(request_form.own_lines(text))


def described(tx: Tx, context: Context, group: str, view: PaperView) -> dict[str, object]:
    """What the mails say of a paper."""
    charter = context.charters[group]
    newest = view.newest
    call = records.get_call(tx, view.paper.call_id) if view.paper.call_id else None
    return {
        "number": numbers.label(charter.acronym, view.paper.number or 0, newest.revision),
        "title": view.paper.title,
        "source": view.paper.source,
        "received": in_words(newest.received_at, charter),
        "late": newest.late,
        "closed": in_words(call.closes_at, charter) if call else "",
        "revision": newest.revision,
        "files": [file.filename for file in newest.files],
        "meeting": _meeting(tx, context, group, view),
        "parent": charter.parent,
        "short": numbers.label("", view.paper.number or 0).lstrip("-"),
    }


def _meeting(tx: Tx, context: Context, group: str, view: PaperView) -> str:
    if view.paper.meeting_id is None:
        return ""
    meeting = meetings_of.get(tx, view.paper.meeting_id)
    return f"{meeting.title}, {wording.when(meeting, context.charters[group])}"


# ------------------------------------------------------------------------------------------- the author says yes


def _ask(tx: Tx, context: Context, errand: Errand, actor: Actor) -> Settled:
    key = f"{errand.group_id} {fold(actor.address)}"
    if tokens.made_since(tx, ASKED, ("key", key), context.now - _AN_HOUR) >= _MOST_AN_HOUR:
        return holding.keep_for_conveners(tx, context, errand, (f"more than {_MOST_AN_HOUR} papers within an hour",))
    facts = {"key": key, "group": str(errand.group_id), "address": actor.address, "errand": errand.id}
    token = tokens.make(tx, context, ASKED, facts, LIFETIME)
    until = in_words(context.now + LIFETIME, context.charters[errand.group])
    said = {"subject": errand.message.subject or "(no subject)", "until": until, "token": token}
    _write(tx, context, (errand, actor), "contribution-confirm", said)
    return Settled("held", "its author was asked to confirm it")


def take_answer(tx: Tx, context: Context, errand: Errand, token: Token) -> Settled:
    """A yes of the author sends the paper through the sorter again."""
    if request_form.first_word(errand.message.text) not in _YES:
        return Settled("discarded", "not a yes")
    if not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "answered before, or too late")
    errands.requeue(tx, int(token.facts["errand"]), f"approved:{token.facts['address']}", context.now)
    return Settled("sorted", f"{token.facts['address']} has confirmed a paper")


def _write(tx: Tx, context: Context, to: tuple[Errand, Actor], template: str, facts: Mapping[str, object]) -> None:
    """Queue a mail to the author; a fact `token` makes the address that the answer goes to."""
    errand, actor = to
    token = str(facts.get("token", ""))
    charter = context.charters[errand.group]
    domain = context.settings.service.domain
    sender = f"{errand.group}-confirm+{token}" if token else f"{errand.group}-contributions"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"{template}, errand {errand.id}",
            template=template,
            facts={
                "acronym": charter.acronym,
                "page": f"{context.settings.service.public_url}/{charter.name}/papers/",
                "contributions_address": charter.address(domain, "contributions"),
                **{name: value for name, value in facts.items() if name != "token"},
            },
            group=(errand.group_id or 0, errand.group),
            recipients=(Addressee(actor.address, actor.member_id, actor.name),),
            sender_local=sender,
            sender_name=charter.acronym,
            reply_to=f"{sender}@{domain}",
            in_reply_to=errand.message.message_id,
            language=charter.language,
        ),
    )


PURPOSES: Final[Purposes] = MappingProxyType[str, UseCase]({"contributions": take})
PREPARERS: Final[Preparers] = MappingProxyType({"contributions": prepare})
ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType({ASKED: take_answer})
