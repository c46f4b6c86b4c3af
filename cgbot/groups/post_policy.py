"""
Pure rules: what a group's file says about posts, its table [posts] without who may post and how large.

Read by charter.py, asked by posts.moderation; each key is described in docs/charter.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast

from cgbot.groups.toml import Section

Answer = Literal["hold", "accept"]

# Programs, and files that start one when they are opened; an entry with a slash is a content type.
EXECUTABLES: Final = (
    "bat", "chm", "cmd", "com", "cpl", "dll", "exe", "hta", "jar", "js", "jse", "lnk", "msc", "msi", "msp", "pif",
    "ps1", "reg", "scf", "scr", "vb", "vbe", "vbs", "wsf", "wsh", "application/hta", "application/java-archive",
    "application/vnd.microsoft.portable-executable", "application/x-dosexec", "application/x-ms-installer",
    "application/x-ms-shortcut", "application/x-msdos-program", "application/x-msdownload", "application/x-msi",
)  # fmt: skip
_MOST: Final = 100_000
_MOST_RECIPIENTS: Final = 199  # no more than 200 are read off a field


@dataclass(frozen=True, slots=True)
class PostPolicy:
    """What makes a post wait for a convener; a limit of 0 is no limit."""

    unproven: Answer = "hold"
    emergency: bool = False
    first_posts: int = 0
    attachments_held: tuple[str, ...] = EXECUTABLES  # lower case, extensions without a dot
    most_recipients: int = 50
    bcc: Answer = "accept"
    most_an_hour: int = 500
    thread_most_an_hour: int = 500


USUAL: Final = PostPolicy()


def read(posts: Section) -> PostPolicy:
    """Read it out of the table [posts]; the caller closes the table."""
    return PostPolicy(
        unproven=cast("Answer", posts.choice("unproven", ("hold", "accept"), USUAL.unproven)),
        emergency=posts.flag("emergency", USUAL.emergency),
        first_posts=posts.number("first_posts", 0, 100, USUAL.first_posts),
        attachments_held=tuple(
            one.lower().removeprefix("*").removeprefix(".")
            for one in posts.texts("attachments_held", USUAL.attachments_held)
        ),
        most_recipients=posts.number("most_recipients", 0, _MOST_RECIPIENTS, USUAL.most_recipients),
        bcc=cast("Answer", posts.choice("bcc", ("hold", "accept"), USUAL.bcc)),
        most_an_hour=posts.number("most_an_hour", 0, _MOST, USUAL.most_an_hour),
        thread_most_an_hour=posts.number("thread_most_an_hour", 0, _MOST, USUAL.thread_most_an_hour),
    )
