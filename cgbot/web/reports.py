"""
A report on the desk: its newest version, a textarea to correct it, its Word file (edge).

What is written here is put together with what somebody else has changed meanwhile (papers.report); to approve and to
submit are orders like any other.
"""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cgbot.context import Context
from cgbot.errors import NotAllowed, NotFound, Refused
from cgbot.groups.moments import in_words
from cgbot.groups.roles import may
from cgbot.itu import typography
from cgbot.papers import report, report_letters, report_records
from cgbot.papers.report import Correction, Owed
from cgbot.papers.report_docx import CONTENT_TYPE
from cgbot.papers.report_records import Version
from cgbot.store import raw
from cgbot.store.db import Tx
from cgbot.web import files, session
from cgbot.web.services import entered, entry_of, number_of, services, visitor_of


async def show(request: Request) -> Response:
    """The newest version of a report; sent back, it is the next one."""
    here = services(request)
    context = here.context()
    group, _ = entered(request)
    number = number_of(request)
    if request.method == "POST":
        if not may(entry_of(request).role, "draft reports"):
            raise NotAllowed(f"a {entry_of(request).role} may not draft reports")
        given = await session.form(request)
        based_on = given.get("version", "")
        if not (based_on.isascii() and based_on.isdecimal() and len(based_on) < len("1000000")):
            raise HTTPException(400)
        correction = Correction(visitor_of(request).address, given.get("text", ""), int(based_on))
        try:
            await here.db.write(_correct, context, (group.id, number), correction)
        except Refused as error:  # what was typed stays
            return await _page(request, correction, error)
        return RedirectResponse(f"/desk/{group.name}/reports/{number}/", 303)
    return await _page(request)


async def _page(request: Request, typed: Correction | None = None, error: Refused | None = None) -> Response:
    """The report, and where it was refused what somebody typed. Raises NotFound."""
    here = services(request)
    group, charter = entered(request)
    one, versions = await here.db.read(_report, here.context(), group.id, number_of(request))
    rows = [{"version": each, "when": in_words(each.made_at, charter)} for each in reversed(versions)]
    facts = {"one": one, "due": typography.weekday(one.due), "rows": rows, "typed": typed}
    problem = {"problem": error.public if error else ""}
    return await here.page(request, "report.html", {**facts, **problem}, error.http if error else 200)


def _report(tx: Tx, context: Context, group_id: int, number: int) -> tuple[Owed, tuple[Version, ...]]:
    if report_records.get(tx, number).group_id != group_id:
        raise NotFound(f"there is no report {number}")
    return report.of(tx, context, number), report_records.versions(tx, number)


def _correct(tx: Tx, context: Context, which: tuple[int, int], correction: Correction) -> None:
    _report(tx, context, *which)
    report.correct(tx, context, which[1], correction)


async def word_file(request: Request) -> Response:
    """The Word file of the newest version, once it is made."""
    here = services(request)
    context = here.context()
    group, _ = entered(request)
    one, versions = await here.db.read(_report, context, group.id, number_of(request))
    if not versions or versions[-1].docx is None:
        raise HTTPException(404)
    content = await here.db.read(raw.get, versions[-1].docx)
    return files.download(report_letters.filename(one, versions[-1]), CONTENT_TYPE, content)


HANDLERS: Final = {"report": show, "report_file": word_file}
