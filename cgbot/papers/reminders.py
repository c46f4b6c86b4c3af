"""
What the clock sends about calls and papers (use cases; KINDS for the ledger).

One reminder to the whole list, three days before a call closes; the day before, a mail to those alone who have
announced a paper and not sent it. When it has closed, the conveners get what was received. A call whose meeting moves
or is cancelled follows it, and the conveners are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cgbot.context import Context
from cgbot.groups import records as groups
from cgbot.groups.moments import in_words
from cgbot.notices.kinds import Kind, Late, Occurrence, at_wall_time, within
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.papers import agenda, calls, records
from cgbot.papers.records import Call, Paper
from cgbot.posts import announcing, people
from cgbot.posts.announcing import Announcement
from cgbot.store.db import Tx

_DAY: Final = timedelta(days=1)
_TO_LIST: Final = 3  # days before the closing day
_TO_AUTHORS: Final = 1
_MORNING: Final = time(9, 0)


def _open_calls(tx: Tx, context: Context) -> Iterator[tuple[Call, str]]:
    """Open calls with their group's name, but for those that are about to follow their meeting."""
    return ((call, name) for call, name in _every_open(tx, context) if calls.moved(tx, context, call) == call.closes_at)


def _every_open(tx: Tx, context: Context) -> Iterator[tuple[Call, str]]:
    names = {one.id: one.name for one in groups.list_groups(tx) if one.closed_at is None}
    for call in records.list_calls(tx, only_open=True):
        name = names.get(call.group_id, "")
        if name in context.charters:
            yield call, name


def _morning(context: Context, call: Call, group: str, days: int) -> datetime:
    zone = context.charters[group].zone
    return at_wall_time(call.closes_at.astimezone(ZoneInfo(zone)).date() - days * _DAY, _MORNING, zone)


def _about(call: Call) -> str:
    return f"call {call.id}, closes {call.closes_at:%Y-%m-%d %H:%M}"


# --------------------------------------------------------------------------------------------- one to the whole list


def _plan_list(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    found = []
    for call, group in _open_calls(tx, context):
        due = _morning(context, call, group, _TO_LIST)
        # A call that was opened just before would only repeat itself.
        if due <= until and due - _DAY > call.opened_at and call.closes_at > context.now:
            audience = announcing.audience(tx, context, (call.group_id, group))
            closes = in_words(call.closes_at, context.charters[group])
            summary = f"Reminder: call for contributions, {call.title}, closes {closes}"
            found.append(_occurrence("call-reminder", call, due, (audience, summary)))
    return found


def _send_list(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    call, group = _call(tx, occurrence)
    what = Announcement(
        f"reminder of call {call.id}", "call-reminder", calls.facts(tx, context, group, call), call.message_id
    )
    announcing.announce(tx, context, (call.group_id, group), what)


# -------------------------------------------------------------------------------- those who have announced a paper


def _plan_authors(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    found = []
    for call, group in _open_calls(tx, context):
        due = _morning(context, call, group, _TO_AUTHORS)
        if due > until or call.closes_at <= context.now:
            continue
        for paper in _missing(tx, call):
            if paper.announced_at is None or paper.announced_at + _DAY > due:
                continue
            one = _occurrence("paper-reminder", call, due, (paper.author_address, f"Reminder: paper {paper.title}"))
            about = f"paper {paper.id}, {one.about}"
            found.append(
                Occurrence(
                    one.kind, about, one.group_id, due, one.audience, one.summary, {**one.facts, "paper": paper.id}
                )
            )
    return found


def _missing(tx: Tx, call: Call) -> tuple[Paper, ...]:
    return tuple(one for one in records.announced(tx, call.group_id) if one.call_id in {call.id, None})


def _send_author(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    call, group = _call(tx, occurrence)
    paper = records.get_paper(tx, int(str(occurrence.facts["paper"])))
    to = (Addressee(paper.author_address, paper.member_id, paper.author_name),)
    _write(tx, context, (call, group), "paper-reminder", {"paper": paper.title}, to)


# ------------------------------------------------------------------------------------------------------- the closing


def _plan_closing(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:
    return [
        _occurrence(
            "call-closing", call, call.closes_at, ("conveners", f"The call for contributions closes: {call.title}")
        )
        for call, _ in _open_calls(tx, context)
        if call.closes_at <= until
    ]


def _send_closing(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    call, group = _call(tx, occurrence)
    calls.close_call(tx, context, call.id, "clock")
    received = [one for one in records.list_papers(tx, call.group_id) if one.paper.call_id == call.id]
    said = {
        "papers": agenda.lines(received, context.charters[group].acronym),
        "count": len(received),
        "missing": [f"{one.title} ({one.author_name or one.author_address})" for one in _missing(tx, call)],
    }
    _write(tx, context, (call, group), "call-closed", said, people.responsible(tx, context, call.group_id))


# ---------------------------------------------------------------------------------------- a meeting moves, or is off


def _plan_moved(tx: Tx, context: Context, until: datetime) -> list[Occurrence]:  # noqa: ARG001 - it is due at once
    found = []
    for call, _ in _every_open(tx, context):
        now = calls.moved(tx, context, call)
        if now == call.closes_at:
            continue
        about = f"call {call.id}, {f'closes {now:%Y-%m-%d %H:%M}' if now else 'meeting cancelled'}"
        summary = f"The call for contributions follows its meeting: {call.title}"
        found.append(
            Occurrence("call-moved", about, call.group_id, context.now, "conveners", summary, {"call": call.id})
        )
    return found


def _send_moved(tx: Tx, context: Context, occurrence: Occurrence) -> None:
    before, group = _call(tx, occurrence)
    after = calls.follow(tx, context, before)
    said = {"was": in_words(before.closes_at, context.charters[group]), "withdrawn": after.state == "withdrawn"}
    _write(tx, context, (after, group), "call-moved", said, people.responsible(tx, context, after.group_id))


# ------------------------------------------------------------------------------------------------------------ shared


def _occurrence(kind: str, call: Call, due: datetime, words: tuple[str, str]) -> Occurrence:
    audience, summary = words
    return Occurrence(kind, _about(call), call.group_id, due, audience, summary, {"call": call.id})


def _call(tx: Tx, occurrence: Occurrence) -> tuple[Call, str]:
    return records.get_call(tx, int(str(occurrence.facts["call"]))), groups.name_of(tx, occurrence.group_id)


def _write(
    tx: Tx,
    context: Context,
    what: tuple[Call, str],
    template: str,
    said: Mapping[str, object],
    *to: Sequence[Addressee],
) -> None:
    call, group = what
    charter = context.charters[group]
    for told in to[0]:
        letters.write(
            tx,
            context,
            Letter(
                kind="notice",
                about=f"{template}, call {call.id}",
                template=template,
                facts={"acronym": charter.acronym, **calls.facts(tx, context, group, call), **said},
                group=(call.group_id, group),
                recipients=(told,),
                sender_local=f"{group}-owner",
                sender_name=charter.acronym,
                expires_at=call.closes_at if call.closes_at > context.now else None,
                language=charter.language,
            ),
        )


KINDS: Final[Sequence[Kind]] = (
    Kind("call-moved", "conveners", announced=False, plan=_plan_moved, send=_send_moved, late=Late(None)),
    Kind("call-reminder", "the list", announced=True, plan=_plan_list, send=_send_list, late=within(2 * _DAY)),
    Kind("paper-reminder", "authors", announced=False, plan=_plan_authors, send=_send_author, late=within(_DAY)),
    Kind("call-closing", "conveners", announced=False, plan=_plan_closing, send=_send_closing, late=Late(None)),
)
