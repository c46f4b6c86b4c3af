"""Attachments that a group wants to look at first."""

from __future__ import annotations

import pytest

from cgbot.groups.post_policy import EXECUTABLES
from cgbot.mail import message as messages
from cgbot.posts.held_files import held_files

PROGRAM = b"MZ" + bytes(0x3A) + (0x80).to_bytes(4, "little") + bytes(0x40) + b"PE\0\0"


def message(name: str, kind: str = "application/octet-stream", content: bytes = b"x") -> bytes:
    import base64

    head = b"From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    text = b"--b\r\nContent-Type: text/plain\r\n\r\nsee below\r\n"
    named = f'; filename="{name}"' if name else ""
    part = f"--b\r\nContent-Type: {kind}\r\nContent-Disposition: attachment{named}\r\n"
    encoded = part.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(content)
    return head + text + encoded + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("raw", "held"),
    [
        (message("minutes.docx"), ()),
        (message("setup.exe"), ("setup.exe",)),
        (message("SETUP.EXE"), ("SETUP.EXE",)),
        (message("minutes.pdf.scr"), ("minutes.pdf.scr",)),
        (message("setup.exe. "), ("setup.exe",)),  # Windows drops what stands behind
        (message("../../run.bat"), ("run.bat",)),
        (message("exe"), ()),
        (message("minutes.pdf", "application/pdf", PROGRAM), ("minutes.pdf",)),
        (message("minutes.pdf", "application/pdf", b"MZ, as he is called"), ()),
        (message("", "application/x-msdownload"), ("application/x-msdownload",)),
        (message("readme", "Application/X-MSDownload"), ("readme",)),
        (message("notes.js", "text/plain"), ("notes.js",)),
        (b"From: a@example.org\r\n\r\nsetup.exe\r\n", ()),
    ],
)
def test_programs_are_held(raw: bytes, held: tuple[str, ...]) -> None:
    assert held_files(messages.parse(raw), EXECUTABLES) == held


def test_a_group_may_list_others_or_none() -> None:
    archive = messages.parse(message("papers.zip", "application/zip"))
    assert held_files(archive, ("zip",)) == ("papers.zip",)
    assert held_files(archive, ("application/zip",)) == ("papers.zip",)
    assert held_files(messages.parse(message("setup.exe", content=PROGRAM)), ()) == ()
