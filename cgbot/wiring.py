"""
The tables that join the rooms: who handles which errand, what the clock may send, what happens beside.

Each feature exports its purposes, its kinds of notice and its hooks as values; here they meet, so that a lower room
never has to know a higher one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cgbot import configuration, log_keys, render, signing_keys
from cgbot.archive import file_texts, sealing, thread_orders
from cgbot.context import Context
from cgbot.desk import actions, digest
from cgbot.desk import orders as desk_orders
from cgbot.errand import Preparers, Purposes
from cgbot.groups import (
    bounces,
    inviting,
    joining_orders,
    leaving,
    members,
    ordering,
    planned,
    reactivation,
    records,
    setting,
    sign_in,
    standing,
    subscriptions,
    succession,
    term,
)
from cgbot.groups.commands import Command, Query
from cgbot.groups.members import Member
from cgbot.meetings import afterwards, attendance, counters, invitations, reminders, replies
from cgbot.meetings import orders as meeting_orders
from cgbot.notices.kinds import Kind
from cgbot.outbox.letters import Addressee
from cgbot.outbox.recorder import Hooks
from cgbot.papers import agenda, contributions, intake, report_answers, report_docx, report_orders, report_reminders
from cgbot.papers import orders as paper_orders
from cgbot.papers import queries as paper_queries
from cgbot.papers import reminders as paper_reminders
from cgbot.posts import authorship, digests, hold_reminders, holding, owner, people, post, request, sender_orders
from cgbot.posts import orders as post_orders
from cgbot.posts.gate import Directory, GroupPolicy
from cgbot.store.db import Database, Tx

if TYPE_CHECKING:
    from cgbot.app import House
    from cgbot.web.app import Shell
    from cgbot.web.services import Heart


# What else happens when somebody has joined or left, by mail, on a page or by command.
ON_JOIN: Final[Sequence[subscriptions.Hook]] = (invitations.welcome,)
ON_LEAVE: Final[Sequence[subscriptions.Hook]] = (invitations.part,)


# What else happens when a meeting was said to be held.
ON_HELD: Final[Sequence[attendance.Hook]] = (contributions.consider,)


def commands() -> Mapping[str, Command]:
    """What can be ordered by mail and on the desk, by name."""
    tables: tuple[Sequence[Command], ...] = (
        report_orders.COMMANDS,
        meeting_orders.commands(ON_HELD),
        paper_orders.COMMANDS,
        post_orders.COMMANDS,
        sender_orders.COMMANDS,
        desk_orders.commands(shown_kinds, ON_LEAVE),
        joining_orders.commands(ON_JOIN),
        reactivation.COMMANDS,
        actions.COMMANDS,
        thread_orders.COMMANDS,
    )
    return MappingProxyType({one.name: one for table in tables for one in table})


def queries() -> Mapping[str, Query]:
    """What can be asked by mail, by name."""
    tables: tuple[Sequence[Query], ...] = (
        post_orders.queries(kinds()),
        sender_orders.QUERIES,
        sign_in.QUERIES,
        setting.QUERIES,
        standing.QUERIES,
        joining_orders.QUERIES,
        reactivation.QUERIES,
        meeting_orders.QUERIES,
        paper_queries.QUERIES,
        report_orders.QUERIES,
        actions.QUERIES,
    )
    return MappingProxyType({one.name: one for table in tables for one in table})


def purposes() -> Purposes:
    """What every address asks for, and who does it."""
    orderable = commands()
    confirmed = subscriptions.purposes(
        on_join=ON_JOIN,
        on_leave=ON_LEAVE,
        answers={
            **holding.ANSWERS,
            **authorship.ANSWERS,
            **hold_reminders.ANSWERS,
            **planned.ANSWERS,
            **report_answers.ANSWERS,
            **intake.ANSWERS,
            **actions.ANSWERS,
            **ordering.answers(orderable),
            **counters.answers(orderable),
            **afterwards.answers(orderable),
            **setting.ANSWERS,
            **standing.ANSWERS,
            **reactivation.ANSWERS,
            **inviting.answers(ON_JOIN),
        },
    )
    requests = request.purposes(orderable, queries(), confirmed["confirm"])
    return {
        **post.PURPOSES,
        **owner.PURPOSES,
        **requests,
        **bounces.PURPOSES,
        **replies.PURPOSES,
        **intake.purposes(requests["request"]),
        **confirmed,
    }


def preparers() -> Preparers:
    """What is made of a message before its transaction, by purpose."""
    return intake.PREPARERS


def shown_kinds() -> tuple[Kind, ...]:
    """What the clock may send and the conveners look ahead at."""
    return (*reminders.kinds(agenda.listed), *afterwards.KINDS, *paper_reminders.KINDS, *report_reminders.KINDS)


def kinds() -> tuple[Kind, ...]:
    """What the clock may send; the conveners' daily mail comes last, since it shows the others."""
    announced = shown_kinds()
    return (
        ordering.kind(commands()),
        *announced,
        *actions.KINDS,
        *term.KINDS,
        *digests.KINDS,
        *inviting.KINDS,
        *reactivation.KINDS,
        *hold_reminders.KINDS,
        digest.kind(announced),
        planned.kind(announced),
    )


def make_files(db: Database, context: Context) -> int:
    """Make the files that use cases have left to be made outside their transactions; how many were made."""
    return report_docx.work(db, context)


def seal_archive(db: Database, context: Context) -> int:
    """Sign what was archived since the last head; no mail comes of it."""
    sealing.seal(db, context, log_keys.load(context.settings))
    return 0


def read_files(db: Database) -> int:
    """Read files of posts, so that they can be searched; how many posts were done."""
    return file_texts.work(db)


def delivery_hooks() -> Hooks:
    """Who is told of a mail that could not be delivered, and what signs."""
    return Hooks(
        owners=owners,
        on_failed=bounces.take_refusals,
        relay_password=configuration.relay_password,
        signing_keys=signing_keys.load,
    )


def owners(tx: Tx, context: Context, group_id: int | None) -> tuple[Addressee, ...]:
    """The conveners of a group, or the operator."""
    return people.responsible(tx, context, group_id)


def directory(tx: Tx, context: Context) -> Directory:
    """Every address that exists now, for the listeners."""
    groups = {one.id: one for one in records.list_groups(tx) if one.closed_at is None and one.name in context.charters}
    names = records.aliases(tx, context.now)
    policies = {group_id: _policy(context, group_id, one.name) for group_id, one in groups.items()}
    heirs = succession.heirs(tx)
    receiver = {group_id: heirs.get(group_id, group_id) for _, group_id in names}
    return Directory(
        domain=context.settings.service.domain,
        groups={name: policies[receiver[group_id]] for name, group_id in names if receiver[group_id] in policies},
        purposes=frozenset(purposes()),
        keys=context.keys,
        header_size=context.settings.limits.header_size,
    )


def _policy(context: Context, group_id: int, name: str) -> GroupPolicy:
    charter = context.charters[name]
    return GroupPolicy(
        group_id=group_id,
        name=name,
        list_id=charter.list_id(context.settings.service.domain),
        is_companion=charter.mode == "companion",
        max_size=charter.max_post_size,
    )


def leave(tx: Tx, context: Context, member: Member) -> None:
    """End a membership by a click, as a confirmed mail does; also that of the group that carries this one on."""
    heir = succession.heirs(tx).get(member.group_id)
    carried = members.in_group(tx, member.id, heir) if heir else None
    has_heir = carried is not None and carried.group_id == heir and carried.state != "left"
    leaving.leave(tx, context, [member, carried] if carried and has_heir else [member], ON_LEAVE)


def web(house: House, clock: Heart) -> Shell:
    """The pages."""
    from cgbot.web import app  # noqa: PLC0415 - commands need no pages
    from cgbot.web.services import Services  # noqa: PLC0415 - as above

    templates = render.environment(house.settings.template_folders)
    services = Services(house.db, templates, house.context, clock, leave, commands(), kinds(), ON_JOIN)
    return app.build(services)
