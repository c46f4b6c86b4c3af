"""HTML of a mail as text (pure rules): laid out by inscriptis under caps; what is too deep or too large is stripped."""

from __future__ import annotations

import html
import re
from typing import Final

from inscriptis import get_text
from inscriptis.model.config import ParserConfig

_LIMIT: Final = 500_000
_DEPTH: Final = 200
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*?(/?)>")
_HIDDEN: Final = re.compile(r"<(script|style|head|title)\b.*?(?:</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
_ANY_TAG: Final = re.compile(r"<[^>]*>")
_VOID: Final = frozenset(("br", "hr", "img", "input", "meta", "link", "area", "base", "col", "wbr", "p", "li", "td"))


def to_text(page: str) -> str:
    """Give the text of an HTML part, with its tables and lists; never raises."""
    if len(page) <= _LIMIT and not _is_deep(page):
        try:
            return str(get_text(page, ParserConfig(display_links=False))).strip()
        except Exception:  # noqa: BLE001, S110 - hostile input to a layout engine; the plain way below always works
            pass
    shown = _HIDDEN.sub(" ", page[: 4 * _LIMIT])
    return html.unescape(_ANY_TAG.sub(" ", shown)).strip()


def _is_deep(page: str) -> bool:
    """Say whether tags are nested so deep that a tree of them would exhaust a stack."""
    depth = 0
    for match in _TAG.finditer(page):
        if match[2].lower() in _VOID or match[3]:
            continue
        depth += -1 if match[1] else 1
        if depth > _DEPTH:
            return True
    return False
