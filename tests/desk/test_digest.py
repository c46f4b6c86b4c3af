"""The conveners' weekly digest: when it comes, once, what it says, and when it has nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from cgbot import wiring
from cgbot.archive import log, note, sealing
from cgbot.context import Context
from cgbot.desk import actions as noting
from cgbot.desk import digest
from cgbot.groups import bounce_records, members, records
from cgbot.groups.actions import NewAction
from cgbot.groups.bounce_records import Bounce
from cgbot.groups.charter import Term
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.notices import ledger
from cgbot.papers import calls
from cgbot.papers.calls import Wanted
from cgbot.store.db import Database
from cgbot.store.tables import notices
from tests.archive import posting
from tests.groups.mailbag import Sent, outbox

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
MONDAY = datetime(2027, 5, 10, 5, 0, tzinfo=UTC)  # 07:00 in Geneva, week 19


@dataclass(frozen=True)
class Scene:
    db: Database
    context: Context
    group: Group
    jia: Member

    def tick(self, now: datetime) -> list[Sent]:
        """The digests that a tick of the clock at this moment sends."""
        before = len(outbox(self.db))
        self.db.write_now(ledger.tick, self.context.at(now), (digest.kind(wiring.shown_kinds()),))
        return outbox(self.db)[before:]

    def play(self, start: datetime, end: datetime, step: timedelta = HOUR) -> list[tuple[datetime, str]]:
        """When each digest went out, and to whom."""
        found = []
        while start <= end:
            found += [(start, one.recipient) for one in self.tick(start)]
            start += step
        return found

    def post(self, name: str, at: datetime, **fields: str) -> None:
        minutes = (at - posting.START).total_seconds() / 60
        self.db.write_now(posting.put, self.group.id, posting.mail(name, **fields), minutes)

    def join(self, name: str, **given: str) -> Member:
        new = NewMember(f"{name}@example.org", name=name.capitalize(), **given)  # type: ignore[arg-type]  # all are texts
        return self.db.write_now(members.add, self.context, self.group.id, new)

    def with_term(self, until: date | None) -> Scene:
        charter = replace(self.context.charters["cg-aisec"], term=Term("", until))
        return replace(self, context=replace(self.context, charters={charter.name: charter}))


@pytest.fixture
def scene(db: Database, context: Context, group: Group) -> Scene:
    """One convener, on the group's own clock; a term without an end."""
    jia = db.write_now(members.add, context, group.id, NewMember("jia@example.org", name="Jia", role="convener"))
    return Scene(db, context, group, jia).with_term(None)


# --------------------------------------------------------------------------------------------------- when it comes


def test_once_a_week_at_seven_on_monday(scene: Scene) -> None:
    scene.post("hello", MONDAY - DAY)
    scene.post("again", MONDAY + DAY)
    sent = scene.play(MONDAY - 2 * HOUR, MONDAY + WEEK + 2 * HOUR)
    assert sent == [(MONDAY, "jia@example.org"), (MONDAY + WEEK, "jia@example.org")]


def test_each_convener_by_the_clock_of_their_own_zone(scene: Scene) -> None:
    scene.join("hu", role="vice-convener", zone="Asia/Seoul")  # 07:00 is 22:00 UTC on Sunday
    scene.join("mtsweni", role="secretary", zone="America/New_York")  # 11:00 UTC
    scene.join("zoe", zone="Asia/Seoul")  # no convener
    scene.post("hello", MONDAY - DAY)
    assert scene.play(MONDAY - DAY, MONDAY + DAY) == [
        (MONDAY - 7 * HOUR, "hu@example.org"),
        (MONDAY, "jia@example.org"),
        (MONDAY + 6 * HOUR, "mtsweni@example.org"),
    ]


@pytest.mark.parametrize(
    ("zone", "monday", "due"),
    [
        # The Monday after the clocks went forward, and after they went back, in Geneva and in New York.
        ("Europe/Zurich", date(2027, 3, 29), datetime(2027, 3, 29, 5, tzinfo=UTC)),
        ("Europe/Zurich", date(2027, 3, 22), datetime(2027, 3, 22, 6, tzinfo=UTC)),
        ("Europe/Zurich", date(2027, 11, 1), datetime(2027, 11, 1, 6, tzinfo=UTC)),
        ("Europe/Zurich", date(2027, 10, 25), datetime(2027, 10, 25, 5, tzinfo=UTC)),
        ("America/New_York", date(2027, 3, 15), datetime(2027, 3, 15, 11, tzinfo=UTC)),
        ("America/New_York", date(2027, 11, 8), datetime(2027, 11, 8, 12, tzinfo=UTC)),
        ("Asia/Seoul", date(2027, 3, 29), datetime(2027, 3, 28, 22, tzinfo=UTC)),
        ("Australia/Lord_Howe", date(2027, 4, 5), datetime(2027, 4, 4, 20, 30, tzinfo=UTC)),
    ],
)
def test_the_hour_is_kept_when_the_clocks_change(scene: Scene, zone: str, monday: date, due: datetime) -> None:
    early = replace(scene, context=scene.context.at(datetime(2027, 1, 1, tzinfo=UTC)))
    early.db.write_now(lambda tx: tx.execute(sa.text("UPDATE groups SET created_at = '2026-01-01 00:00:00+00:00'")))
    member = early.db.write_now(members.change, early.context, scene.jia, {"zone": zone})
    plan = digest.kind(()).plan
    given = early.db.read_now(plan, early.context.at(due - DAY), due + HOUR)
    week = f"digest {monday.isocalendar().year}-W{monday.isocalendar().week:02} member {member.id}"
    assert [one.due_at for one in given if one.about == week] == [due]


def test_a_night_that_has_the_hour_twice_sends_once(scene: Scene) -> None:
    """02:30 on Sunday 31 October 2027 comes twice in Geneva."""
    charter = scene.context.charters["cg-aisec"]
    night = replace(charter, digest=replace(charter.digest, weekday=6, hour=2))
    scene = replace(scene, context=replace(scene.context, charters={charter.name: night}))
    start = datetime(2027, 10, 30, 22, tzinfo=UTC)
    scene.post("hello", start)
    assert scene.play(start, start + 12 * HOUR, HOUR / 4) == [
        (datetime(2027, 10, 31, 0, tzinfo=UTC), "jia@example.org")
    ]


def test_a_restart_and_a_second_clock_send_nothing_twice(scene: Scene) -> None:
    scene.post("hello", MONDAY - DAY)
    assert len(scene.tick(MONDAY)) == 1
    assert scene.tick(MONDAY) == []
    assert scene.tick(MONDAY + HOUR) == []
    assert scene.tick(MONDAY - HOUR) == []  # the clock has jumped back
    assert scene.tick(MONDAY + 2 * HOUR) == []


def test_another_zone_in_the_same_week_sends_nothing_twice(scene: Scene) -> None:
    scene.post("hello", MONDAY - DAY)
    assert len(scene.tick(MONDAY)) == 1
    scene.db.write_now(members.change, scene.context, scene.jia, {"zone": "America/New_York"})
    assert scene.play(MONDAY, MONDAY + 2 * DAY) == []


def test_after_a_stop_the_newest_covers_the_gap(scene: Scene) -> None:
    scene.post("first", MONDAY - DAY)
    assert len(scene.tick(MONDAY)) == 1
    scene.post("missed", MONDAY + WEEK)
    scene.post("newest", MONDAY + 2 * WEEK)
    back = MONDAY + 3 * WEEK + 5 * HOUR
    (letter,) = scene.tick(back)
    assert "What came in: 2 posts".upper() in letter.text
    states = {one.occurrence.about: one.state for one in scene.db.read_now(ledger.find, notices.c.kind == digest.NAME)}
    assert states == {
        f"digest 2027-W19 member {scene.jia.id}": "queued",
        f"digest 2027-W22 member {scene.jia.id}": "queued",
    }


def test_a_stop_of_half_a_week_waits_for_the_next(scene: Scene) -> None:
    scene.post("hello", MONDAY - DAY)
    assert scene.play(MONDAY + 4 * DAY, MONDAY + WEEK) == [(MONDAY + WEEK, "jia@example.org")]


def test_one_conveners_digest_does_not_cover_anothers(scene: Scene) -> None:
    """Both were missed; Seoul's was due seven hours before."""
    scene.join("hu", role="vice-convener", zone="Asia/Seoul")
    scene.post("hello", MONDAY - DAY)
    assert sorted(one.recipient for one in scene.tick(MONDAY + HOUR)) == ["hu@example.org", "jia@example.org"]


def test_not_for_a_closed_group_nor_for_one_who_is_no_convener_any_more(scene: Scene) -> None:
    scene.post("hello", MONDAY - DAY)
    scene.db.write_now(members.change, scene.context, scene.jia, {"role": "member"})
    assert scene.tick(MONDAY) == []
    scene.db.write_now(members.change, scene.context, scene.jia, {"role": "convener"})
    scene.db.write_now(lambda tx: tx.execute(sa.text("UPDATE groups SET closed_at = created_at")))
    assert scene.tick(MONDAY) == []


# ------------------------------------------------------------------------------------------------ nothing to say


def test_never_empty_twice_in_a_row(scene: Scene) -> None:
    mondays = [MONDAY + week * WEEK for week in range(5)]
    sent = [len(scene.tick(monday)) for monday in mondays[:3]]
    assert sent == [1, 0, 0]
    assert "Nothing came in since" in outbox(scene.db)[0].text
    assert outbox(scene.db)[0].message["Subject"] == "[CG-AISEC] The week: nothing new"
    scene.post("hello", mondays[3] - DAY)
    assert [len(scene.tick(monday)) for monday in mondays[3:]] == [1, 1]
    assert scene.tick(MONDAY + 5 * WEEK) == []


def test_the_end_of_the_term_is_said_once_a_month(scene: Scene) -> None:
    """Seed 000: to the end of 2024."""
    scene = scene.with_term(date(2024, 12, 31))
    ended = "ended on Tuesday 31 December 2024"
    weeks = [MONDAY + week * WEEK for week in range(9)]
    said = [at.date() for at in weeks if any(ended in " ".join(one.text.split()) for one in scene.tick(at))]
    assert said == [date(2027, 5, 10), date(2027, 6, 7), date(2027, 7, 5)]


# ------------------------------------------------------------------------------------------------- what it says


def test_what_is_in_it(scene: Scene) -> None:
    hu = scene.join("hu")
    scene.post("strategy", MONDAY - 3 * DAY, Subject="Strategy for AI security")
    scene.post(
        "reply", MONDAY - 2 * DAY, Subject="Re: Strategy for AI security", answers="strategy", From="b@example.org"
    )
    scene.post("ls", MONDAY - DAY, Subject="LS/i on AI security [from ITU-T Study Group 13]")

    def fill(write: Callable[..., object]) -> None:
        named = (scene.group.id, scene.group.name)
        order = Order("First meeting", schedule.read_when("2027-05-20 09:00", duration="60m"))
        write(schedule.schedule, scene.context, scene.group, order)
        write(calls.open_call, scene.context, named, Wanted(meeting_id=1), "jia@example.org")
        write(
            noting.note, scene.context, named, NewAction("draft the liaison statement", hu.id, "2027-05-14"), "operator"
        )
        write(noting.note, scene.context, named, NewAction("in the autumn", hu.id, "2027-10-01"), "operator")
        write(bounce_records.add, [Bounce(hu.id, 99, scene.context.now, "hard", "5.1.1", "")])

    fill(scene.db.write_now)
    (letter,) = scene.tick(MONDAY)
    text = " ".join(letter.text.split())
    for words in (
        "WHAT CAME IN: 4 POSTS BY 3 AUTHORS",  # the call went to the list too
        "Strategy for AI security (2 posts) https://cg.example.org/cg-aisec/",
        "LS/i on AI security [from ITU-T Study Group 13]",
        "Thursday 13 May 2027: the call for contributions closes: First meeting (0 papers)",
        "Thursday 20 May 2027, 09:00-10:00 Geneva time (CEST, 07:00-08:00 UTC): meeting 1, First meeting",
        "Friday 14 May 2027: action 1: draft the liaison statement (Hu)",
        "First meeting, 20 May 2027, 09:00 Geneva time: Hu, Jia",
        "hu@example.org: 1 bounce, 5.1.1",
        "https://cg.example.org/desk/cg-aisec/",
    ):
        assert words in text, text
    assert "in the autumn" not in text
    assert str(letter.message["Subject"]).startswith("[CG-AISEC] The week: 4 posts, 1 liaison")
    assert letter.message["Auto-Submitted"] == "auto-generated"


def test_the_signed_archive_is_in_it(scene: Scene) -> None:
    """The lines can be checked as they stand in the mail; another group's are not there."""
    scene.post("hello", MONDAY - DAY)
    (letter,) = scene.tick(MONDAY)
    assert "SIGNED" not in letter.text
    keys = sealing.LogKeys((bytes(range(32)),))
    sealing.seal(scene.db, scene.context, keys)
    (letter,) = scene.tick(MONDAY + WEEK)
    head = note.checkpoint(note.find(letter.text), keys.verifiers("lists.example.org/cg-aisec"))
    assert (head.size, head.root) == (1, scene.db.read_now(log.root, scene.group.id, 1))
    assert "Keep this mail" in letter.text


def test_long_lists_are_cut_and_counted(scene: Scene) -> None:
    for number in range(22):
        scene.post(f"n{number}", MONDAY - DAY)
    (letter,) = scene.tick(MONDAY)
    assert letter.text.count("About n") == 10
    assert "and 12 more" in letter.text


def test_what_came_in_is_counted_from_the_last_one(scene: Scene) -> None:
    scene.post("old", MONDAY - 9 * DAY)
    scene.post("first", MONDAY - DAY)
    assert "1 POST BY" in scene.tick(MONDAY)[0].text
    scene.post("late", MONDAY + HOUR)
    scene.tick(MONDAY + 2 * HOUR)
    assert "1 POST BY" in scene.tick(MONDAY + WEEK)[0].text


def test_another_groups_matters_are_not_in_it(scene: Scene) -> None:
    charter = replace(scene.context.charters["cg-aisec"], name="cg-other", acronym="CG-OTHER")
    both = replace(scene.context, charters={**scene.context.charters, "cg-other": charter})
    scene.db.write_now(records.seed, both)
    other = scene.db.read_now(records.get_group, "cg-other")
    scene.db.write_now(posting.put, other.id, posting.mail("theirs"), 60)
    (letter,) = replace(scene, context=both).tick(MONDAY)
    assert "theirs" not in letter.text
    assert "Nothing came in since" in letter.text
