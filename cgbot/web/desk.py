"""
The desk: what awaits a group's conveners (edge).

Everything here is behind the rule "desk" of web.access; what is asked with a button is done by the same use cases that
mails and commands call, in the name of whoever is signed in. A number of another group's is answered as if there were
nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cgbot.context import Context
from cgbot.desk import awaiting
from cgbot.desk.awaiting import Awaiting, Called
from cgbot.errors import CgbotError, NotAllowed, NotFound
from cgbot.groups import members, planned
from cgbot.groups.charter import Charter
from cgbot.groups.moments import in_words
from cgbot.groups.orders import Order
from cgbot.groups.roles import Action, may
from cgbot.itu import typography
from cgbot.mail import message as messages
from cgbot.meetings import records as meetings
from cgbot.meetings import wording
from cgbot.notices import ledger
from cgbot.outbox import listing
from cgbot.posts import emergency, holding, holds, moderation
from cgbot.posts.holds import DECISIONS, Decision, Hold
from cgbot.posts.moderation import Row
from cgbot.store import raw
from cgbot.store.db import Database, Tx
from cgbot.web import files, ordering, session, text
from cgbot.web.calendar import ANSWERS
from cgbot.web.files import File
from cgbot.web.services import Services, entered, entry_of, number_of, services, visitor_of

_NOTE: Final = 2000
_CHOSEN: Final = "held-"  # the name of a message's box, before its number
_MOST: Final = 100  # held posts on one page, the oldest first
_OPEN: Final = frozenset({"draft", "tentative", "confirmed"})
_APPROVED: Final = "approved: it is archived and goes to the list"
_DISCARDED: Final = "discarded, and nobody is told"
_DONE: Final = {"approve": _APPROVED, "allow": _APPROVED, "reject": "rejected", "discard": _DISCARDED,
                "ban": _DISCARDED}  # fmt: skip


async def desks(request: Request) -> Response:
    """The desks of whoever is signed in, with what waits on each."""
    here = services(request)
    context = here.context()
    visitor = visitor_of(request)
    names = {one.group: one.member.group_id for one in visitor.memberships if one.group in visitor.desks}
    counts = await here.db.read(_held_counts, tuple(names.values()))
    rows = [{"charter": context.charters[name], "held": counts[group_id]} for name, group_id in names.items()]
    return await here.page(request, "desks.html", {"rows": rows})


def _held_counts(tx: Tx, group_ids: tuple[int, ...]) -> dict[int, int]:
    return {one: len(holds.waiting(tx, one)) for one in group_ids}


async def desk(request: Request) -> Response:
    """What waits for the conveners of one group, and what is about to happen."""
    here = services(request)
    context = here.context()
    group, charter = entered(request)
    found = await here.db.read(awaiting.look, context, here.kinds, group.id)
    facts = _desk_facts(charter, found) | {"commands": ordering.offered(here.commands, entry_of(request).role)}
    facts["emergency"] = await here.db.read(emergency.reason, charter, group.id)
    return await here.page(request, "desk.html", facts)


def _desk_facts(charter: Charter, found: Awaiting) -> dict[str, Any]:
    return {
        "held": [{"hold": one, "when": in_words(one.held_at, charter)} for one in found.held[:_MOST]],
        "held_in_all": len(found.held),
        "applicants": [{"one": one, "when": in_words(one.asked_at, charter)} for one in found.applicants[:_MOST]],
        "orders": [{"order": one, "when": _when(one, charter)} for one in found.orders],
        "notices": [{"notice": one, "when": in_words(one.occurrence.due_at, charter)} for one in found.notices],
        "meetings": [_called(one, charter) for one in found.meetings],
        "reports": [{"one": one, "due": typography.weekday(one.due)} for one in found.reports],
        "calls": [{"one": one, "closes": in_words(one.call.closes_at, charter)} for one in found.calls],
        "announced": found.announced,
        "actions": [{"one": one, "due": _day(one.due_on)} for one in found.actions],
        "outgoing": found.outgoing,
        "silent": in_words(found.outgoing.silent_since, charter) if found.outgoing.silent_since else "",
        "bounced": [{"row": one, "when": in_words(one.last_at, charter)} for one in found.bounced],
        "people": found.people,
    }


def _when(one: Order, charter: Charter) -> str:
    return in_words(one.due_at or one.created_at, charter)


def _day(iso: str) -> str:
    return typography.weekday(date.fromisoformat(iso)) if iso else ""


def _called(one: Called, charter: Charter) -> dict[str, Any]:
    answers = [(ANSWERS[word], one.answers[word]) for word in meetings.ORDER if one.answers[word]]
    return {"meeting": one.meeting, "when": wording.when(one.meeting, charter), "answers": answers}


# -------------------------------------------------------------------------------------------------- a held message


@dataclass(frozen=True, slots=True)
class _Held:
    """A held message as its conveners read it, with the whole table of rules."""

    hold: Hold
    sender: str
    text: Markup
    files: tuple[File, ...]

    @property
    def rules(self) -> tuple[Row, ...]:
        """The table; none for what was not sent to the list."""
        return moderation.table(self.hold.hits) if self.hold.purpose == "post" and self.hold.hits else ()


async def held(request: Request) -> Response:
    """One held message with its text; with a button, decide."""
    here = services(request)
    group, charter = entered(request)
    hold = await here.db.read(_hold, group.id, number_of(request))
    if request.method == "POST":
        return await _decide(request, here, hold)
    shown = await here.slow(_read, here.db, hold)
    return await here.page(request, "held.html", {"shown": shown, "when": in_words(hold.held_at, charter)})


def _hold(tx: Tx, group_id: int, number: int) -> Hold:
    hold = holds.get(tx, number)
    if hold.group_id != group_id:
        raise NotFound(f"there is no held message {number}")
    return hold


def _read(db: Database, hold: Hold) -> _Held:
    try:
        message = messages.parse(db.read_now(raw.get, hold.sha256))
    except CgbotError:
        return _Held(hold, hold.author, Markup("This message cannot be shown at the moment."), ())
    listed = tuple(File(one.filename, one.content_type, one.size) for one in message.attachments)
    sender = ", ".join(f"{one.name} <{one.address}>" if one.name else one.address for one in message.authors)
    return _Held(hold, sender, text.as_html(message.text, mask=False), listed)


async def _decide(request: Request, here: Services, hold: Hold) -> Response:
    fields = await session.form(request)
    word = fields.get("decision", "")
    if word not in DECISIONS:
        raise HTTPException(400)
    decision = Decision(word, _actor(request, "decide what is held"), fields.get("note", "").strip()[:_NOTE])
    decided = await here.db.write(holding.decide, here.context(), hold.id, decision)
    told = ", and its author is told" if word == "reject" and decided.proven else ""
    more = holding.consequence(decided, word)
    outcome = f"The message of {hold.author or 'an unreadable address'} is {_DONE[word]}{told}. {more}"
    return await _told(request, outcome.strip())


async def held_many(request: Request) -> Response:
    """Decide about the messages that were chosen on the desk, each for itself."""
    here = services(request)
    group, _ = entered(request)
    fields = await session.form(request)
    if fields.get("decision", "") not in DECISIONS:
        raise HTTPException(400)
    decision = Decision(fields["decision"], _actor(request, "decide what is held"))
    chosen = [int(name.removeprefix(_CHOSEN)) for name in fields if re.fullmatch(rf"{_CHOSEN}[0-9]{{1,9}}", name)]
    outcomes = [
        await here.db.write(holding.try_to_decide, here.context(), (group.id, number), decision) for number in chosen
    ]
    return await _told(request, " ".join(outcomes) or "Nothing was chosen.")


async def held_file(request: Request) -> Response:
    """A file of a held message, or all of it as it came in, as a download."""
    here = services(request)
    group, _ = entered(request)
    hold = await here.db.read(_hold, group.id, number_of(request))
    content = await here.db.read(raw.get, hold.sha256)
    which = str(request.path_params["file"])
    if which == "raw":
        return files.as_it_came(content)
    part = await here.slow(files.part, content, which)
    return files.download(part.filename or f"attachment-{which}", part.content_type, part.content)


# ----------------------------------------------------------------------------------------- meetings, members, mails


async def replies(request: Request) -> Response:
    """Who was invited to a meeting, and who answered what."""
    here = services(request)
    group, charter = entered(request)
    number = number_of(request)
    meeting = await here.db.read(meetings.get, number)
    if meeting.group_id != group.id:
        raise HTTPException(404)
    invited = await here.db.read(meetings.invited, number)
    rows = [{"who": one, "answer": ANSWERS.get(one.partstat, one.partstat.lower())} for one in invited]
    commands = ordering.about_meeting(here.commands, entry_of(request).role) if meeting.state in _OPEN else []
    facts = {"meeting": meeting, "when": wording.when(meeting, charter), "rows": rows, "commands": commands}
    return await here.page(request, "replies.html", facts)


async def people(request: Request) -> Response:
    """The members, and whose mail comes back."""
    here = services(request)
    context = here.context()
    group, _ = entered(request)
    _actor(request, "see the members")
    found = await here.db.read(members.list_members, group.id)
    bounced = {one.address: one for one in await here.db.read(awaiting.bounced, context, group.id)}
    rows = [{"member": one, "bounced": bounced.get(one.address)} for one in found]
    return await here.page(request, "people.html", {"rows": rows})


async def stop(request: Request) -> Response:
    """Stop what the clock would send."""
    here = services(request)
    group, _ = entered(request)
    stopped = await here.db.write(
        _stop, here.context(), _actor(request, "stop notices"), (group.id, number_of(request))
    )
    return await _told(request, f"Stopped: {stopped}.")


def _stop(tx: Tx, context: Context, actor: str, which: tuple[int, int]) -> str:
    group_id, number = which
    if ledger.get(tx, number).occurrence.group_id != group_id:
        raise NotFound(f"there is no notice {number}")
    return planned.stop_notice(tx, context, actor, number).occurrence.summary


async def retry(request: Request) -> Response:
    """Send a mail of the group again that could not be delivered."""
    here = services(request)
    group, _ = entered(request)
    _actor(request, "see the desk")
    recipient = await here.db.write(_retry, here.context(), group.id, number_of(request))
    return await _told(request, f"The mail to {recipient} is tried again now.")


def _retry(tx: Tx, context: Context, group_id: int, number: int) -> str:
    if awaiting.group_of_delivery(tx, number) != group_id:
        raise NotFound(f"there is no delivery {number}")
    listing.retry(tx, number, context.now)
    return listing.show(tx, number).entry.recipient


# ---------------------------------------------------------------------------------------------------------- helpers


def _actor(request: Request, action: Action) -> str:
    """The address of whoever is signed in, if their role may do this. Raises NotAllowed."""
    if not may(entry_of(request).role, action):
        raise NotAllowed(f"a {entry_of(request).role} may not {action}")
    return visitor_of(request).address


async def _told(request: Request, outcome: str) -> Response:
    return await services(request).page(request, "told.html", {"outcome": outcome})


HANDLERS: Final = {
    "desks": desks, "desk": desk, "held": held, "held_many": held_many, "held_file": held_file, "replies": replies,
    "people": people, "stop": stop, "retry": retry,
}  # fmt: skip
