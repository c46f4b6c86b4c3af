"""Maildirs: the exact bytes, whole before they are seen, readable by us alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cgbot.outbox.transport_maildir import MaildirTransport, folder_name
from cgbot.outbox.transport_smtp import Outgoing

pytestmark = pytest.mark.anyio


async def test_a_mail_is_one_file(tmp_path: Path) -> None:
    transport = MaildirTransport(tmp_path / "maildir", "1.0")
    raw = b"Subject: x\r\n\r\n.\r\nbare\nend"
    first = await transport.send(Outgoing("b+1@lists.example.org", "a@x.org", raw))
    await transport.send(Outgoing("", "a@x.org", raw))
    folder = tmp_path / "maildir" / "a@x.org"
    assert first.kind == "sent"
    assert sorted(one.name for one in folder.iterdir()) == ["cur", "new", "tmp"]
    assert list((folder / "tmp").iterdir()) == []
    files = sorted((folder / "new").iterdir())
    assert files[0].read_bytes() == b"Return-Path: <b+1@lists.example.org>\r\nDelivered-To: a@x.org\r\n" + raw
    assert files[1].read_bytes().startswith(b"Return-Path: <>\r\n")
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert {stat.S_IMODE(one.stat().st_mode) for one in (folder, *folder.iterdir())} == {0o700}


async def test_no_mail_is_written_over(tmp_path: Path) -> None:
    """After a restore a run may be counted twice, and its files be called the same."""
    for text in (b"first", b"second"):
        transport = MaildirTransport(tmp_path / "maildir", "1.0")
        assert (await transport.send(Outgoing("", "a@x.org", text))).kind == "sent"
    files = (tmp_path / "maildir" / "a@x.org" / "new").iterdir()
    assert {one.read_bytes().rpartition(b"\n")[2] for one in files} == {b"first", b"second"}


async def test_a_folder_that_cannot_be_written_is_our_fault(tmp_path: Path) -> None:
    (tmp_path / "maildir").write_text("a file is in the way")
    outcome = await MaildirTransport(tmp_path / "maildir", "1.0").send(Outgoing("", "a@x.org", b"x"))
    assert outcome.kind == "deferred"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("a@x.org", "a@x.org"),
        ("a/../b@x.org", "a_.._b@x.org"),
        ("../../etc@x.org", "_______etc@x.org"),
        ("..", "__"),
        (".hidden@x.org", "_hidden@x.org"),
    ],
)
def test_an_address_names_one_folder(address: str, name: str) -> None:
    found = folder_name(address)
    assert found.count("_") <= name.count("_")
    assert "/" not in found
    assert not found.startswith(".")
    assert len(folder_name("é" * 300).encode()) <= 255


def test_two_addresses_have_two_folders() -> None:
    assert folder_name("a@x.org") != folder_name("b@x.org")
