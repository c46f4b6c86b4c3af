"""
Records: reports and their versions.

A report belongs to one meeting of the parent. A version holds the text as it stands and the text that the facts gave
when it was written, so that corrections can be told from facts; versions are never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from cgbot.errors import NotFound
from cgbot.store.tables import meetings, report_versions, reports
from cgbot.store.upsert import insert_new


@dataclass(frozen=True, slots=True)
class Report:
    """One report; `state` due, drafted, approved, submitted; `receipt` the first words of the secretariat's answer."""

    id: int
    group_id: int
    meeting_id: int
    state: str
    drafted_at: datetime | None
    approved_at: datetime | None
    approved_by: str
    approved_version: int | None
    submitted_at: datetime | None
    content_id: int | None
    receipt_at: datetime | None
    receipt: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version; `made_by` an address, "operator" or "cgbot"; `docx` the SHA-256 of its Word file, once made."""

    id: int
    report_id: int
    number: int
    made_at: datetime
    made_by: str
    body: str
    generated: str
    docx: bytes | None
    docx_tries: int


def get(tx: Connection, report_id: int) -> Report:
    """The report of this number. Raises NotFound."""
    row = tx.execute(select(reports).where(reports.c.id == report_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no report {report_id}; `cgbot reports list` shows them")
    return Report(**row._mapping)


def of_meeting(tx: Connection, meeting_id: int) -> Report | None:
    """The report to this meeting of the parent, if one has been begun."""
    row = tx.execute(select(reports).where(reports.c.meeting_id == meeting_id)).one_or_none()
    return Report(**row._mapping) if row else None


def of_group(tx: Connection, group_id: int | None = None) -> tuple[Report, ...]:
    """The reports of one group or of all, the newest meeting last."""
    wanted = select(reports).join(meetings, reports.c.meeting_id == meetings.c.id)
    if group_id is not None:
        wanted = wanted.where(reports.c.group_id == group_id)
    return tuple(Report(**row._mapping) for row in tx.execute(wanted.order_by(meetings.c.starts_at, reports.c.id)))


def begin(tx: Connection, group_id: int, meeting_id: int) -> Report:
    """The report to this meeting, made where it is new."""
    known = of_meeting(tx, meeting_id)
    if known is not None:
        return known
    values = {"group_id": group_id, "meeting_id": meeting_id, "state": "due", "approved_by": "", "receipt": ""}
    tx.execute(insert_new(tx, reports).values(values))
    found = of_meeting(tx, meeting_id)
    assert found is not None  # noqa: S101 - written above, in this transaction
    return found


def change(tx: Connection, report_id: int, **values: Any) -> Report:
    """Write changed columns."""
    tx.execute(update(reports).where(reports.c.id == report_id).values(values))
    return get(tx, report_id)


def last_submitted(tx: Connection, group_id: int) -> datetime | None:
    """When the group last submitted a report."""
    when: datetime | None = tx.execute(
        select(reports.c.submitted_at)
        .where(reports.c.group_id == group_id, reports.c.submitted_at.is_not(None))
        .order_by(reports.c.submitted_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    return when


# ------------------------------------------------------------------------------------------------------- versions


def versions(tx: Connection, report_id: int) -> tuple[Version, ...]:
    """Every version, oldest first."""
    wanted = select(report_versions).where(report_versions.c.report_id == report_id)
    return tuple(_version(row) for row in tx.execute(wanted.order_by(report_versions.c.number)))


def version(tx: Connection, report_id: int, number: int) -> Version:
    """One version. Raises NotFound."""
    wanted = select(report_versions).where(report_versions.c.report_id == report_id, report_versions.c.number == number)
    row = tx.execute(wanted).one_or_none()
    if row is None:
        raise NotFound(f"report {report_id} has no version {number}")
    return _version(row)


def latest(tx: Connection, report_id: int) -> Version | None:
    """The newest version."""
    wanted = select(report_versions).where(report_versions.c.report_id == report_id)
    row = tx.execute(wanted.order_by(report_versions.c.number.desc()).limit(1)).one_or_none()
    return _version(row) if row else None


def add_version(tx: Connection, report_id: int, made: tuple[datetime, str], body: str, generated: str) -> Version:
    """Write the next version; `made` is when and by whom."""
    newest = select(func.coalesce(func.max(report_versions.c.number), 0)).where(
        report_versions.c.report_id == report_id
    )
    number = int(tx.execute(newest).scalar_one()) + 1
    values = {"report_id": report_id, "number": number, "made_at": made[0], "made_by": made[1],
              "body": body, "generated": generated, "docx_tries": 0}  # fmt: skip
    tx.execute(insert(report_versions).values(values))
    return version(tx, report_id, number)


def without_docx(tx: Connection, most_tries: int) -> tuple[Version, ...]:
    """The newest and the approved version of every report where the Word file is still to be made."""
    newest = (
        select(report_versions.c.report_id, func.max(report_versions.c.number).label("number"))
        .group_by(report_versions.c.report_id)
        .subquery()
    )
    wanted = (
        select(report_versions)
        .join(newest, newest.c.report_id == report_versions.c.report_id)
        .join(reports, reports.c.id == report_versions.c.report_id)
        .where(
            report_versions.c.docx.is_(None),
            report_versions.c.docx_tries < most_tries,
            (report_versions.c.number == newest.c.number) | (report_versions.c.number == reports.c.approved_version),
        )
    )
    return tuple(_version(row) for row in tx.execute(wanted.order_by(report_versions.c.id)))


def note_docx(tx: Connection, version_id: int, sha256: bytes | None) -> None:
    """Note a Word file that was made, or a try that failed."""
    values: dict[str, Any] = {"docx": sha256} if sha256 else {"docx_tries": report_versions.c.docx_tries + 1}
    tx.execute(update(report_versions).where(report_versions.c.id == version_id).values(values))


def _version(row: Any) -> Version:
    return Version(**{**row._mapping, "docx": bytes(row.docx) if row.docx else None})
