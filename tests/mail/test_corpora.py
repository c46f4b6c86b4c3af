"""Mail of other projects' test suites and of real life: nothing raises, nothing changes a byte, the facts agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from cgbot.mail import authentication_results, dsn, headers, identity, list_headers
from cgbot.mail.frozen import fill
from cgbot.mail.list_headers import ONE_CLICK, ListHeaders
from cgbot.mail.message import Message, parse, parse_date

LIST = ListHeaders("cg", "lists.example.org", "cg.lists.example.org", "CG", "https://cg.example.org/cg/")
FOLDERS = ("02-mime", "03-bounces", "04-ical", "05-imip", "06-threading-quoting", "07-html-xss", "08-auth", "09-lists")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_a_message(corpora: Path, folder: str) -> None:
    """A file that is no mail at all is one more kind of bad input."""
    count = 0
    for path in sorted((corpora / folder).rglob("*")):
        if path.is_file():
            take(path.read_bytes())
            count += 1
    assert count > 0


def take(raw: bytes) -> None:
    """All that intake, sorter, archive and distribution ask of a message."""
    message = parse(raw)
    assert message.raw == raw
    block, body = headers.split(raw)
    assert b"".join(piece for _, piece in headers.cut(block)) + body == raw
    assert len(identity.content_hash(raw)) == 32
    identity.permalink(message.message_id)
    dsn.reports(message)
    list_headers.may_be_answered(message, "a@example.org")
    authentication_results.results(message, {"mx.example.org"})
    copy = fill(list_headers.redistribute(raw, LIST, "https://cg.example.org/cg/1/"), {ONE_CLICK: "https://x.example"})
    assert copy.endswith(body)
    assert list_headers.seen_here(parse(copy), LIST.list_id)
    for text in (message.subject, message.message_id, *(one.filename for one in message.attachments)):
        assert "\x00" not in text
        assert len(f"{text}.".splitlines()) == 1
    for text in (message.subject, message.text, message.html):
        text.encode("utf-8")


def expected_parses(corpora: Path) -> Iterator[tuple[Message, dict[str, Any]]]:
    """Each message of Stalwart's suite with LF and with CRLF, and what their parser reads in it."""
    for path in sorted((corpora / "02-mime/stalwart-mail-parser/eml").rglob("*.eml")):
        raw = path.read_bytes().replace(b"\r\n", b"\n")
        yield parse(raw), json.loads(path.with_suffix(".json").read_text())
        yield parse(raw.replace(b"\n", b"\r\n")), json.loads(path.with_suffix(".crlf.json").read_text())


def field_of(part: dict[str, Any], name: str) -> Any:
    found = next((one["value"] for one in part["headers"] if one["name"] == name), None)
    return None if found == "Empty" else found


def text_of(part: dict[str, Any], name: str) -> str:
    found = field_of(part, name)
    return str(found.get("Text", "")) if found else ""


def authors_of(part: dict[str, Any]) -> list[str]:
    found = field_of(part, "from")
    if not found:
        return []
    groups = found["Address"].get("Group") or [{"addresses": found["Address"].get("List", [])}]
    return [box["address"] for group in groups for box in group["addresses"] if box["address"]]


def date_of(part: dict[str, Any]) -> datetime | None:
    found = field_of(part, "date")
    return moment(found["DateTime"]) if found else None


def moment(parts: dict[str, Any]) -> datetime | None:
    offset = timedelta(hours=parts["tz_hour"], minutes=parts["tz_minute"]) * (-1 if parts["tz_before_gmt"] else 1)
    try:
        names = ("year", "month", "day", "hour", "minute", "second")
        return datetime(*(parts[name] for name in names), tzinfo=timezone(offset)).astimezone(UTC)
    except ValueError:
        return None


def names_of(expected: dict[str, Any]) -> list[str]:
    found = []
    for number in expected["attachments"]:
        for name, attribute in (("content_disposition", "filename"), ("content_type", "name")):
            value = field_of(expected["parts"][number], name)
            given = (value or {}).get("ContentType", {}).get("attributes") or []
            names = [one["value"] for one in given if one["name"] == attribute]
            if names:
                found.append(names[0])
                break
    return sorted(found)


def agrees(got: str, expected: str) -> bool:
    """Equal, where their parser has read the octets; of a file name, what is left without its folder."""
    return len(got) <= len(expected) and all(
        one in (other, "_") or other == "\ufffd" for one, other in zip(got[::-1], expected[::-1], strict=False)
    )


def test_the_facts_agree_with_another_parsers(corpora: Path) -> None:
    """At least 98 % of Message-IDs, dates, authors, subjects and names of attachments."""
    right = total = 0
    for message, expected in expected_parses(corpora):
        root = expected["parts"][0]
        names = names_of(expected)
        got = sorted(one.filename for one in message.attachments if one.filename)
        facts = (
            message.message_id == text_of(root, "message_id"),
            message.date == date_of(root),
            [one.address for one in message.authors] == authors_of(root),
            len(message.subject) == len(text_of(root, "subject")) and agrees(message.subject, text_of(root, "subject")),
            len(got) == len(names) and all(any(agrees(one, name) for name in names) for one in got),
        )
        right += sum(facts)
        total += len(facts)
    assert total == 380
    assert right / total >= 0.98


def test_dates_agree_with_another_parsers(corpora: Path) -> None:
    """Of their odd dates seven in eight; ours begin in 1970."""
    cases = json.loads((corpora / "02-mime/stalwart-mail-parser/date.json").read_text())
    right = 0
    for case in cases:
        wanted = moment(case["expected"]) if case["expected"] else None
        got = parse_date(headers.clean_text(case["header"]))
        right += got == (wanted if wanted and wanted.year >= 1970 else None)
    assert right / len(cases) >= 7 / 8
