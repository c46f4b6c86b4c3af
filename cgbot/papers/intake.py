"""
A paper by mail (use case; purposes, PREPARERS, ANSWERS).

Who wrote it must be proven: by a server that we trust (RFC 8601), or by a yes of the member to a one-time address; what
the mail brought waits until then and counts from when it arrived. A paper of somebody who may not contribute waits for
the conveners. The author gets one acknowledgement. "I will contribute: TITLE" announces a paper that is still to come;
an answer without a file is no paper but words for the conveners, and "withdraw C-0007" is a request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

from cgbot.context import Context
from cgbot.errand import Errand, Preparers, Purposes, Settled, UseCase
from cgbot.errors import Refused
from cgbot.groups import authentication, consent, orders, own_words, request_form, subscriptions, tokens
from cgbot.groups.commands import Actor
from cgbot.groups.moments import in_words
from cgbot.groups.roles import may
from cgbot.groups.subscriptions import Answer
from cgbot.groups.tokens import Token
from cgbot.mail.address import Mailbox, fold, is_valid
from cgbot.meetings import records as meetings_of
from cgbot.meetings import wording
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.papers import calls, contributions, numbers, preparing, records
from cgbot.papers.contributions import Submission
from cgbot.papers.docx_header import Header
from cgbot.papers.preparing import Bundle, prepare
from cgbot.papers.records import PaperView
from cgbot.posts import errands, holding, owner
from cgbot.store.db import Tx

ASKED: Final = "contribution"
LIFETIME: Final = timedelta(days=14)
_AN_HOUR: Final = timedelta(hours=1)
_MOST_AN_HOUR: Final = 20
_PROMISE: Final = re.compile(
    r"\s*(?:announce(?:\s+paper)?|i will contribute|will contribute)\b\s*:?\s*(.*)", re.IGNORECASE
)
_PREFIX: Final = re.compile(r"^\s*(?:(?:re|fw|fwd|aw|wg)\s*:\s*|\[[^\]]{1,40}\]\s*)+", re.IGNORECASE)
_ANSWER: Final = re.compile(r"\s*(?:\[[^\]]{1,40}\]\s*)?(?:re|aw|sv|antw)\s*:", re.IGNORECASE)
_REQUEST: Final = re.compile(r"\s*(?:withdraw|get)\s+\S*C-[0-9]", re.IGNORECASE)
_REVISION: Final = re.compile(r"\s*(?:rev\.?|revision|revised version|new version)\s+of\s+(\S*C-\S+)", re.IGNORECASE)
_LONGEST_LINE: Final = 400
_LABEL: Final = re.compile(r"^\s*(?:new\s+)?(?:contribution|paper|input)\s*(?::|-|–)\s*", re.IGNORECASE)
_FIELDS: Final = ("title", "source", "abstract", "revises", "revision of", "replaces")


def purposes(request: UseCase) -> Purposes:
    """The use case of NAME-contributions@; `request` does what NAME-request@ does."""
    return MappingProxyType[str, UseCase]({"contributions": partial(take, request)})


def take(request: UseCase, tx: Tx, context: Context, errand: Errand) -> Settled:
    """Register the paper that a mail brings, ask its author first, or let the conveners look."""
    if robot := subscriptions.by_robot(errand):
        return Settled("discarded", robot)
    authors = errand.message.authors
    if len(authors) != 1 or not is_valid(authors[0].address) or errand.group_id is None:
        return Settled("discarded", "the From field does not name exactly one author")
    if errand.gate.startswith("discard:"):
        return Settled("discarded", errand.gate.partition(":")[2])
    if _is_request(errand):
        return request(tx, context, errand)
    if _is_answer(errand):
        return owner.take(tx, context, errand)
    return _judge(tx, context, errand, authors[0])


def _judge(tx: Tx, context: Context, errand: Errand, author: Mailbox) -> Settled:
    """Register, ask, or keep for the conveners, as the author's role and proof say."""
    actor = orders.actor_of(tx, errand.group_id or 0, author.address)
    verdict, _, rule = errand.gate.partition(":")
    approved_by = rule if verdict == "approved" else ""
    by_convener = bool(approved_by) and fold(approved_by) != fold(actor.address)
    if not by_convener and (verdict == "hold" or not may(actor.role, "contribute")):
        who = f"is {'an ' + actor.role if actor.role else 'not a member'}"
        why = rule if verdict == "hold" else f"{author.address} {who}"
        return holding.keep_for_conveners(tx, context, errand, (f"a contribution: {why}",))
    if not actor.role:
        actor = Actor(author.address, None, author.name)
    if not approved_by and not authentication.of(errand, context.settings).proves(author.address):
        return _ask(tx, context, errand, actor)
    return _register(tx, context, errand, actor)


def _is_request(errand: Errand) -> bool:
    """Say whether a mail without a file asks for something about a paper, as NAME-request@ takes it."""
    if preparing.attached(errand.message):
        return False
    lines = (_PREFIX.sub("", errand.message.subject), _first_line(errand))
    return any(_REQUEST.match(line) for line in lines)


def _is_answer(errand: Errand) -> bool:
    """Say whether a mail only answers one of ours or somebody's: "Thanks" must not become a revision."""
    message = errand.message
    answers = bool(message.in_reply_to or message.references) or bool(_ANSWER.match(message.subject))
    return answers and not preparing.attached(message) and promise(errand) is None


def _first_line(errand: Errand) -> str:
    """The first line that its author wrote, behind a greeting."""
    lines = request_form.own_lines(errand.message.text)
    first = own_words.first(lines)
    return lines[first].strip() if first is not None else ""


def _register(tx: Tx, context: Context, errand: Errand, actor: Actor) -> Settled:
    group = (errand.group_id or 0, errand.group)
    try:
        with tx.begin_nested():
            promised = promise(errand)
            if promised is not None:
                paper = contributions.announce(tx, context, group, actor, promised)
                call = records.get_call(tx, paper.call_id) if paper.call_id else None
                closes = in_words(call.closes_at, context.charters[errand.group]) if call else ""
                facts: dict[str, object] = {"title": paper.title, "closes": closes}
                _write(tx, context, (errand, actor), "contribution-announced", facts)
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
    if preparing.attached(errand.message):
        return None
    for line in (_PREFIX.sub("", errand.message.subject), _first_line(errand)):
        match = _PROMISE.fullmatch(line[:_LONGEST_LINE])
        if match:
            return match[1].strip(" \"'.")
    return None


def submission(context: Context, errand: Errand, actor: Actor) -> Submission:
    """What the mail says of its paper: its own fields, then the header table of the file, then the subject."""
    message = errand.message
    bundle = errand.prepared if isinstance(errand.prepared, Bundle) else prepare(message)
    fields = {key: value for key, value in _own_fields(message.text).items() if key in _FIELDS}
    acronym = context.charters[errand.group].acronym
    subject = _LABEL.sub("", _PREFIX.sub("", message.subject))
    header = bundle.header or Header()
    names = [file.filename for file, _ in bundle.files]
    revises = fields.get("revises") or fields.get("revision of") or _revised(_first_line(errand))
    spoken_of = filter(None, (numbers.find(text, acronym) for text in (subject, *names)))
    return Submission(
        title=fields.get("title") or header.title or subject or _stem(names),
        source=fields.get("source") or header.source,
        abstract=fields.get("abstract") or header.abstract,
        author=actor,
        received_at=errand.received_at,
        bundle=bundle,
        revises=numbers.find(revises, acronym),
        replaces=numbers.find(fields.get("replaces", ""), acronym),
        mentions=next(spoken_of, None),
        errand_id=errand.id,
    )


def _revised(line: str) -> str:
    """What a first line such as "Revision of C-0007" names."""
    match = _REVISION.match(line[:_LONGEST_LINE])
    return match[1] if match else ""


def _stem(names: Sequence[str]) -> str:
    """The title of a paper whose mail has none: the name of its file."""
    name = next((one for one in names if one != preparing.TEXT_NAME), "")
    return " ".join(re.sub(r"[_\s]+", " ", name.rpartition(".")[0] or name).split())


def _own_fields(text: str) -> Mapping[str, str]:
    return request_form.read_fields(request_form.own_lines(text))


def described(tx: Tx, context: Context, group: str, view: PaperView) -> dict[str, object]:
    """What the mails say of a paper."""
    charter = context.charters[group]
    newest = view.newest
    call = records.get_call(tx, view.paper.call_id) if view.paper.call_id else None
    return {
        "call": call.title if call else "",
        "number": numbers.label(charter.acronym, view.paper.number or 0, newest.revision),
        "title": view.paper.title,
        "source": view.paper.source,
        "received": in_words(newest.received_at, charter),
        "late": newest.late,
        "closed": in_words(calls.ended_at(call), charter) if call else "",
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
    if not consent.is_yes(errand.message.text):
        return Settled("discarded", "not a yes")
    if not tokens.use(tx, errand.detail, context.now):
        return Settled("discarded", "answered before, or too late")
    errands.requeue(tx, int(token.facts["errand"]), f"approved:{token.facts['address']}", context.now)
    return Settled("sorted", f"{token.facts['address']} has confirmed a paper")


def _write(tx: Tx, context: Context, to: tuple[Errand, Actor], template: str, facts: Mapping[str, object]) -> None:
    """
    Queue a mail to the author; a fact `token` makes the address that the answer goes to.

    A stranger whose paper a convener has let in gets one only if the address is proven: it may be anybody's.
    """
    errand, actor = to
    if not actor.role and not authentication.of(errand, context.settings).proves(actor.address):
        return
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


PREPARERS: Final[Preparers] = MappingProxyType({"contributions": prepare})
ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType({ASKED: take_answer})
