"""mbox files: what is written is read back byte for byte, and the dialects of others are read as they mean it."""

from __future__ import annotations

import io
import lzma
import mailbox
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail import mbox
from cgbot.mail.mbox import Dialect

AT = datetime(2027, 5, 3, 8, 0, 7, tzinfo=UTC)
LARGEST = 1 << 20
PIECES = [
    b"From me Mon May  3 08:00:00 2027",
    b">From ",
    b">>From x",
    b"From ",
    b"\n",
    b"\r\n",
    b"\r",
    b"a",
    b"A: b",
    b"",
]


def raws(content: bytes, dialect: Dialect = "mboxrd") -> list[bytes]:
    return [one.raw for one in mbox.read(io.BytesIO(content), LARGEST, dialect)]


@given(st.lists(st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES)).map(b"".join)), max_size=6))
def test_what_is_written_is_read_back(messages: list[bytes]) -> None:
    found = list(mbox.read(io.BytesIO(b"".join(mbox.mboxrd(one, AT) for one in messages)), LARGEST))
    assert [one.raw for one in found] == messages
    assert all(one.at == AT and one.ours and not one.cut for one in found)


def test_others_read_what_we_write(tmp_path: Path) -> None:
    """Python's own reader leaves the quoting, as every reader of mboxo does."""
    file = tmp_path / "x.mbox"
    file.write_bytes(mbox.mboxrd(b"Subject: a\n\nFrom here\n", AT) + mbox.mboxrd(b"Subject: b\n\nend", AT))
    box = mailbox.mbox(file)
    assert [one["Subject"] for one in box] == ["a", "b"]
    assert box[0].get_payload() == ">From here\n"
    assert box[0].get_from() == "cgbot-22@invalid Mon May  3 08:00:07 2027"
    box.close()


@pytest.mark.parametrize(
    ("dialect", "text", "plain"),
    [
        ("mboxrd", b">From a\n>>From b\n> From c\n", b"From a\n>From b\n> From c\n"),
        ("mboxo", b">From a\n>>From b\n> From c\n", b"From a\n>>From b\n> From c\n"),
        ("mboxcl2", b">From a\n>>From b\n", b">From a\n>>From b\n"),
    ],
)
def test_each_dialect_has_its_quoting(dialect: Dialect, text: bytes, plain: bytes) -> None:
    """As qmail's mbox(5) has them."""
    assert raws(b"From a@b.example Mon May  3 08:00:07 2027\nA: b\n\n" + text + b"\n", dialect) == [b"A: b\n\n" + plain]


def test_a_content_length_is_followed_where_it_leads_to_a_from_line() -> None:
    body = b"one\n\nFrom a@b.example Mon May  3 08:00:07 2027\ntwo\n"
    first = b"From a@b.example Mon May  3 08:00:07 2027\nContent-Length: %d\n\n%s\n" % (len(body), body)
    assert raws(first + b"From c@d.example Mon May  3 08:00:08 2027\nA: b\n\nc\n\n", "mboxcl2") == [
        b"Content-Length: %d\n\n%s" % (len(body), body),
        b"A: b\n\nc\n",
    ]
    wrong = first.replace(b"Content-Length: 5", b"Content-Length: 2")
    assert [len(one) for one in raws(wrong, "mboxcl2")] == [len(b"Content-Length: 21\n\none\n"), len(b"two\n")]


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (b"From a@b.example Mon May  3 08:00:07 2027", AT),
        (b"From a@b.example Mon May  3 10:00:07 2027 +0200", AT),
        (b"From a@b.example Mon May  3 10:00:07 +0200 2027", AT),
        (b"From a at b.example  Mon May  3 08:00:07 2027", AT),
        (b"From - Mon May 03 08:00:07 2027", AT),
        (b"From a@b.example Mon, 3 May 2027 10:00:07 +0200", AT),
        (b"From a@b.example Mon May  3 08:00 2027", AT.replace(second=0)),
        (b"From a@b.example Mon May 73 08:00:07 2027", None),
    ],
)
def test_the_dates_of_from_lines(line: bytes, at: datetime | None) -> None:
    (found,) = mbox.read(io.BytesIO(line + b"\nA: b\n\nc\n"), LARGEST)
    assert (found.raw, found.at, found.ours) == (b"A: b\n\nc\n", at, False)


def test_prose_is_no_separator() -> None:
    text = b"From a@b.example Mon May  3 08:00:07 2027\nA: b\n\n\nFrom the beginning I thought so.\n\nFrom May on\n"
    assert len(raws(text)) == 1
    assert raws(b"no mbox at all\n") == raws(b"") == []
    assert raws(b"Preamble.\n\nFrom a@b.example Mon May  3 08:00:07 2027\nA: b\n\nc\n") == [b"A: b\n\nc\n"]


def test_of_what_is_too_large_only_the_beginning_is_kept() -> None:
    text = mbox.mboxrd(b"A: b\n\n" + b"x" * 70 * 100_000, AT) + mbox.mboxrd(b"C: d\n\ne\n", AT)
    large, small = mbox.read(io.BytesIO(text), LARGEST)
    assert large.cut
    assert len(large.raw) <= LARGEST * 1.1
    assert (small.raw, small.cut) == (b"C: d\n\ne\n", False)


def test_real_archives_have_the_messages_that_others_counted(corpora: Path) -> None:
    folder = corpora / "01-archives"
    for name, count in (("usrp-users.share", 5387), ("easy-ham-1", 2500), ("spam-1", 500)):
        (path,) = folder.rglob(f"{name}.mbox.xz")
        with lzma.open(path) as stream:
            found = list(mbox.read(stream, 30 << 20))
        assert len(found) == count
        assert all(one.at is not None and not one.cut for one in found)
