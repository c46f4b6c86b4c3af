"""
The header table of an ITU-T contribution in a Word file, read in a process of its own (pure rules around a child).

An office file from outside is hostile until read: `docx_header_child` opens it under limits of memory and time, and
whatever goes wrong there means only that the mail's own words count.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cgbot
from cgbot.mail.headers import clean_text

SECONDS: Final = 5.0
LARGEST: Final = 25 * 1024 * 1024
# What a template says where nobody has written anything: "[Insert title]", "<Source>", "Click or tap here to …".
_PLACEHOLDER: Final = re.compile(r"\s*(?:\[[^\]]*\]|<[^>]*>|click (?:or tap )?here to enter .*)\s*", re.IGNORECASE)
_ARCHIVE: Final = b"PK"  # what a Word file begins with
_LONGEST: Final = {"title": 300, "source": 300, "questions": 100, "abstract": 4000}


@dataclass(frozen=True, slots=True)
class Header:
    """What the header table says (ITU-T template of a contribution: Question(s), Source, Title, Abstract)."""

    title: str = ""
    source: str = ""
    questions: str = ""
    abstract: str = ""


def read_header(content: bytes) -> Header | None:
    """Read the header table; None for a file that has none or cannot be read. Takes SECONDS at most."""
    if len(content) > LARGEST or not content.startswith(_ARCHIVE):
        return None
    try:
        done = subprocess.run(  # noqa: S603 - our own module, no shell
            [sys.executable, "-I", "-c", _START, str(Path(cgbot.__file__).parent.parent)],
            input=content,
            capture_output=True,
            timeout=SECONDS,
            check=True,
            env={"PATH": os.environ.get("PATH", "")},
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    kept = {name: clean_text(str(found.get(name, "")), limit).strip() for name, limit in _LONGEST.items()}
    kept = {name: "" if _PLACEHOLDER.fullmatch(value) else value for name, value in kept.items()}
    return Header(**kept) if kept["title"] or kept["source"] else None


_START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from cgbot.papers.docx_header_child import main; main()"
