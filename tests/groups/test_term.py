"""A term runs out: two warnings to the conveners, and nothing stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from cgbot.context import Context
from cgbot.groups import members, term
from cgbot.groups.charter import Charter, Term
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.notices import ledger
from cgbot.store.db import Database
from tests.groups.mailbag import Sent, outbox

DAY = timedelta(days=1)
# Seed 000: "this study period (2022-2024)". 60 days before 31 December 2024 is 1 November, 14 days is 17 December.
SEED = datetime(2024, 10, 1, 8, tzinfo=UTC)


def with_term(context: Context, until: date | None) -> Context:
    charter = replace(context.charters["cg-aisec"], term=Term("2022-2024", until))
    return replace(context, charters={charter.name: charter})


def play(db: Database, context: Context, start: datetime, end: datetime) -> list[tuple[datetime, Sent]]:
    """When each warning went out; the clock looks at eight every day, UTC."""
    found = []
    while start <= end:
        before = len(outbox(db))
        db.write_now(ledger.tick, context.at(start), term.KINDS)
        found += [(start, one) for one in outbox(db)[before:]]
        start += DAY
    return found


@pytest.fixture
def conveners(db: Database, context: Context, group: Group) -> None:
    for name, role in (("jia", "convener"), ("hu", "vice-convener"), ("zoe", "member")):
        db.write_now(members.add, context, group.id, NewMember(f"{name}@example.org", role=role))


@pytest.mark.usefixtures("conveners")
def test_two_warnings_to_the_conveners(db: Database, context: Context) -> None:
    sent = play(db, context, SEED, datetime(2025, 3, 1, 8, tzinfo=UTC))
    # 09:00 in Geneva is 08:00 UTC on both days: the clocks went back on 27 October.
    assert [(at.date(), one.recipient) for at, one in sent] == [
        (date(2024, 11, 1), "jia@example.org"),
        (date(2024, 11, 1), "hu@example.org"),
        (date(2024, 12, 17), "jia@example.org"),
        (date(2024, 12, 17), "hu@example.org"),
    ]
    first, last = sent[0][1], sent[-1][1]
    assert first.message["Subject"] == "[CG-AISEC] Our term ends in 60 days, on Tuesday 31 December 2024"
    assert last.message["Subject"] == "[CG-AISEC] Our term ends in 14 days, on Tuesday 31 December 2024"
    assert "- the ToR of this CG" in first.text


@pytest.mark.usefixtures("conveners")
def test_after_a_stop_one_warning_covers_both(db: Database, context: Context) -> None:
    back = datetime(2024, 12, 28, 8, tzinfo=UTC)
    sent = play(db, context, back, back + 10 * DAY)
    assert [(at, one.recipient) for at, one in sent] == [(back, "jia@example.org"), (back, "hu@example.org")]
    assert sent[0][1].message["Subject"] == "[CG-AISEC] Our term ends in 3 days, on Tuesday 31 December 2024"


@pytest.mark.usefixtures("conveners")
def test_no_mail_once_it_is_over_nor_without_a_last_day(db: Database, context: Context) -> None:
    after = datetime(2025, 1, 1, 8, tzinfo=UTC)
    assert play(db, context, after, after + 60 * DAY) == []
    assert play(db, with_term(context, None), SEED, after) == []


@pytest.mark.usefixtures("conveners")
def test_a_new_last_day_warns_anew(db: Database, context: Context) -> None:
    play(db, context, SEED, datetime(2024, 12, 20, 8, tzinfo=UTC))
    longer = with_term(context, date(2028, 12, 31))
    assert play(db, longer, datetime(2024, 12, 21, 8, tzinfo=UTC), datetime(2025, 2, 1, 8, tzinfo=UTC)) == []
    sent = play(db, longer, datetime(2028, 10, 30, 8, tzinfo=UTC), datetime(2028, 11, 5, 8, tzinfo=UTC))
    assert {at.date() for at, _ in sent} == {date(2028, 11, 1)}


@pytest.mark.parametrize(("today", "over"), [(date(2024, 12, 31), False), (date(2025, 1, 1), True)])
def test_the_last_day_belongs_to_it(charter: Charter, today: date, over: bool) -> None:
    assert term.is_over(charter, today) is over


def test_a_group_without_conveners_gets_none(
    db: Database, context: Context, group: Group, tx_now: Callable[..., object]
) -> None:
    tx_now(members.add, context, group.id, NewMember("zoe@example.org"))
    assert play(db, context, SEED, SEED + 40 * DAY) == []
