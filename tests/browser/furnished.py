"""A group as it is after some weeks: threads, files, HTML, a meeting, a call, papers, a report, what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cgbot.archive import sealing
from cgbot.context import Context
from cgbot.groups import members, orders
from cgbot.groups.commands import OPERATOR, Actor, Request
from cgbot.groups.members import Member, NewMember
from cgbot.mail import verp
from cgbot.meetings import schedule
from cgbot.meetings.schedule import Order
from cgbot.papers import records as papers
from cgbot.papers import report_records
from cgbot.store import raw
from tests.archive.posting import mail
from tests.web.conftest import Site
from tests.web.shelf import NOTE, Shelf, drafted

_QUESTION = """\
Dear colleagues,

the draft of X.evol speaks of model inversion in clause 7 and of membership inference in clause 8. I propose to treat
both in one clause, since the countermeasures are the same (see https://www.itu.int/en/ITU-T/studygroups/2025-2028/17/).

Which of you would object?

Best regards,
Alice
--\x20
Alice Example
Example Telecom, Geneva
"""
_ANSWER = """\
I would not object.

> the draft of X.evol speaks of model inversion in clause 7
What about poisoning?

Bob

On Mon, 3 May 2027 at 10:00, Alice Example <alice@example.org> wrote:
> Dear colleagues,
>
> the draft of X.evol speaks of model inversion in clause 7 and of membership
> inference in clause 8. I propose to treat both in one clause.
>
> Which of you would object?
"""
_FILES = (
    b"From: =?utf-8?q?Zo=C3=AB_=E7=8E=8B?= <zoe@example.org>\r\nTo: cg-aisec@lists.example.org\r\n"
    b"Subject: Minutes of the second e-meeting\r\nMessage-ID: <minutes@example.org>\r\n"
    b"Date: Mon, 03 May 2027 10:05:00 +0200\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="=b"\r\n\r\n'
    b"--=b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<h1>Minutes</h1><p>Please find the <b>minutes</b> and "
    b"<a href=https://www.itu.int/>the documents</a>.</p><ul><li>Scope agreed</li><li>Next: 20 May</li></ul>\r\n"
    b'--=b\r\nContent-Type: application/pdf; name="minutes.pdf"\r\n\r\n%PDF-\r\n'
    b'--=b\r\nContent-Type: text/plain; name="list of those present.txt"\r\n\r\nAlice, Bob\r\n--=b--\r\n'
)


@dataclass(frozen=True)
class Furnished:
    """Who is there, and what stands for the names in a path."""

    convener: Member
    member: Member
    values: dict[str, str]


async def furnish(site: Site, context: Context) -> Furnished:
    """Fill the group."""
    _put_papers(site, context)
    await site.post(
        mail("scope", _QUESTION, Subject="Scope of clause 7"),
        mail("re1", _ANSWER, answers="scope", Subject="Re: Scope of clause 7", From="Bob Example <bob@example.org>"),
        mail("re2", "Thanks.\n", answers="scope re1", Subject="Re: Scope of clause 7"),
        mail("re3", "As to poisoning:\n", answers="scope re1 gone", From="王小明 <wang@example.org>"),
        mail("re4", "So do I.\n", answers="scope re1 gone", From="Zoë <zoe@example.org>"),
    )
    link = (await site.post(_FILES))[-1]
    sealing.seal(site.db, context, sealing.LogKeys((bytes(32),)))
    await site.hold(mail("held", "Buy now\n", Subject="An offer", From="eve@example.com"), "the author is no member")
    when = schedule.read_when("2027-05-20 09:00", duration="60m")
    order = Order("Second e-meeting", when, join_url="https://meet.example.org/secret", location="online")
    site.db.write_now(schedule.schedule, context, site.group, order)
    people = [
        NewMember("convener@example.org", name="Carol Convener", role="convener"),
        NewMember("delegate@example.org", name="Dan Delegate", organization="Example Telecom"),
    ]
    convener, member = (site.db.write_now(members.add, context, site.group.id, one) for one in people)
    values = {
        "group": "cg-aisec",
        "token": verp.member_token(context.keys, "leave", "cg-aisec", member.id),
        "permalink": link,
        "number": "1",
        "month": "2027-05",
        "file": "1",
        "revision": "1",
        "command": "take-note",
        "message_id:path": "minutes@example.org",
        "post:path": "scope@example.org",
    }
    return Furnished(convener, member, values)


def _put_papers(site: Site, context: Context) -> None:
    shelf = Shelf(site)
    paper = shelf.add(1, "Proposal to merge clauses 7 and 8", abstract="It is proposed to merge two clauses.")
    shelf.revise(paper, 0, ("C-0001.docx", "application/msword", b"x"))
    shelf.revise(paper, 1, ("C-0001-R1.docx", "application/msword", b"y"))
    call = {"group_id": site.group.id, "rule": "given", "opened_at": context.now, "opened_by": "x"}
    closes_at = context.now + timedelta(days=7)
    site.db.write_now(papers.add_call, {**call, "title": "Contributions for Geneva", "closes_at": closes_at})
    version = site.db.write_now(drafted, context, site.group)
    prepared = raw.prepare(b"a word file")
    site.db.write_now(raw.put, [prepared])
    site.db.write_now(report_records.note_docx, version.id, prepared.sha256)
    site.commands = {NOTE.name: NOTE}
    asked = Request(site.group.id, site.group.name, Actor(OPERATOR, role="convener"), fields={"title": "Order"})
    site.db.write_now(orders.place, context, NOTE, asked)
