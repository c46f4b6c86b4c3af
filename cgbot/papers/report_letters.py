"""
The mails about a report (use cases): to its conveners, to the list, to the secretariat.

Every convener's mail has a reply address of their own, by which `report_answers` knows who answers. A mail about a
version holds its whole text between two marks, to be corrected and sent back, and its Word file once that is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from cgbot.context import Context
from cgbot.groups import members, tokens
from cgbot.itu import typography
from cgbot.mail.compose import Enclosure
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter
from cgbot.papers import report_docx, report_records, report_text
from cgbot.papers.report import Owed
from cgbot.papers.report_facts import days_of
from cgbot.papers.report_records import Version
from cgbot.posts import announcing, people
from cgbot.posts.announcing import Announcement
from cgbot.store import raw
from cgbot.store.db import Tx

ANSWER: Final = "report"  # the purpose of the token behind a convener's reply address
RECEIPT: Final = "report-receipt"  # and behind the secretariat's
COMMENTS_DAYS: Final = 14  # before it is due the list is asked for comments
_AFTER: Final = timedelta(days=60)
_DAY: Final = timedelta(days=1)
_BEFORE_COMMENTS_END: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Post:
    """One mail: its template with its own facts, what it encloses, and what it is an answer to."""

    template: str
    facts: Mapping[str, object]
    enclosures: tuple[Enclosure, ...] = ()
    in_reply_to: str = ""


def comments_until(one: Owed) -> date:
    """The last day on which the list may comment: a week before the report is due."""
    return one.due - _BEFORE_COMMENTS_END


def common(one: Owed) -> dict[str, object]:
    """What every mail about a report can say."""
    charter = one.charter
    return {
        "acronym": charter.acronym,
        "parent": charter.parent,
        "to": one.to,
        "due": typography.weekday(one.due),
        "report": one.report.id if one.report else 0,
        "begin": report_text.BEGIN,
        "end": report_text.END,
    }


# ------------------------------------------------------------------------------------------------- to conveners


def to_conveners(tx: Tx, context: Context, one: Owed, post: Post, version: Version | None) -> int:
    """Write to each convener, or the operator where there is none; how many there were."""
    told = people.responsible(tx, context, one.group.id)
    for addressee in told:
        to_convener(tx, context, one, post, (addressee, version))
    return len(told)


def to_convener(tx: Tx, context: Context, one: Owed, post: Post, to: tuple[Addressee, Version | None]) -> None:
    """Write to one of them, from the address that takes their answer."""
    addressee, version = to
    domain = context.settings.service.domain
    facts = {"group": str(one.group.id), "address": addressee.address, "meeting": one.meeting.id,
             "report": one.report.id if one.report else 0, "version": version.number if version else 0}  # fmt: skip
    lifetime = max(one.meeting.ends_at - context.now, timedelta()) + _AFTER
    sender = f"{one.group.name}-confirm+{tokens.make(tx, context, ANSWER, facts, lifetime)}"
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=f"report {facts['report']}",
            template=post.template,
            facts={**common(one), **post.facts},
            group=(one.group.id, one.group.name),
            recipients=(addressee,),
            sender_local=sender,
            sender_name=one.charter.acronym,
            reply_to=f"{sender}@{domain}",
            in_reply_to=post.in_reply_to,
            language=one.charter.language,
            enclosures=post.enclosures,
        ),
    )


def version_facts(one: Owed, version: Version) -> dict[str, object]:
    """What is to be said of a version."""
    return {
        "version": version.number,
        "made_by": version.made_by,
        "text": version.body.strip("\n"),
        "long_abstract": report_text.abstract_is_long(version.body),
        "marks": report_text.NEW in version.body or report_text.GONE in version.body,
        "has_docx": version.docx is not None,
        "secretariat": one.charter.secretariat,
    }


def of_version(tx: Tx, one: Owed, version: Version) -> Post:
    """The mail that brings a version, to be corrected or approved."""
    ask = typography.weekday(one.due - timedelta(days=COMMENTS_DAYS))
    facts = {**version_facts(one, version), "comments_from": ask, "open": one.state == "drafted"}
    return Post("report-version", facts, enclosed(tx, one, version))


def enclosed(tx: Tx, one: Owed, version: Version) -> tuple[Enclosure, ...]:
    """The Word file of a version, if it has been made."""
    if version.docx is None:
        return ()
    return (Enclosure(filename(one, version), report_docx.CONTENT_TYPE, raw.get(tx, version.docx)),)


def filename(one: Owed, version: Version) -> str:
    """`SG17-CG-AISEC-report-2026-06-01-v2.docx`."""
    words = f"{one.charter.parent}-{one.charter.acronym}-report-{days_of(one.meeting)[0]}-v{version.number}"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", words) + ".docx"


# -------------------------------------------------------------------------------------------------- to the list


def to_list(tx: Tx, context: Context, one: Owed, post: Post) -> None:
    """Write to the whole list, answers to the list; it is archived as a post."""
    facts = {**common(one), **post.facts}
    about = f"report {one.report.id if one.report else 0}"
    reply_to = one.charter.posting_address(context.settings.service.domain)
    what = Announcement(about, post.template, facts, reply_to=reply_to)
    announcing.announce(tx, context, (one.group.id, one.group.name), what)


# -------------------------------------------------------------------------------------------- to the secretariat


def to_secretariat(tx: Tx, context: Context, one: Owed, version: Version, actor: str) -> int:
    """Send the report as text and Word file; an answer comes back to an address of its own. The content's id."""
    assert one.report is not None  # noqa: S101 - only an approved report comes here
    domain = context.settings.service.domain
    facts = {"group": str(one.group.id), "report": one.report.id}
    lifetime = max(one.meeting.ends_at - context.now, timedelta()) + _AFTER
    answer = f"{one.group.name}-confirm+{tokens.make(tx, context, RECEIPT, facts, lifetime)}@{domain}"
    title = next(iter(report_text.header(version.body).get("Title", ())), "")
    return letters.write(
        tx,
        context,
        Letter(
            kind="report",
            about=f"report {one.report.id}, version {version.number}, submitted",
            template="report-submission",
            facts={**common(one), "text": report_text.readable(version.body), "title": title,
                   "actor": _signature(tx, one, actor), "owner_address": one.charter.address(domain, "owner")},
            group=(one.group.id, one.group.name),
            recipients=(Addressee(one.charter.secretariat, None, ""),),
            sender_local=f"{one.group.name}-owner",
            sender_name=one.charter.acronym,
            reply_to=answer,
            language=one.charter.language,
            enclosures=enclosed(tx, one, version),
        ),
    )  # fmt: skip


def _signature(tx: Tx, one: Owed, actor: str) -> str:
    """In whose name: who submitted it where that is a member with a name, else the group's conveners."""
    member = members.find_member(tx, one.group.id, actor)
    if member is not None and member.name:
        return f"{member.name}, {member.role} of {one.charter.acronym}"
    return f"The conveners of {one.charter.acronym}"


def answered(tx: Tx, context: Context, one: Owed, to: Addressee, said: tuple[str, str]) -> None:
    """Tell a convener what became of their answer: (outcome, Message-ID of the answer); they can answer again."""
    outcome, message_id = said
    version = report_records.latest(tx, one.report.id) if one.report else None
    post = Post("report-answered", {"outcome": outcome}, in_reply_to=message_id)
    to_convener(tx, context, one, post, (to, version))
