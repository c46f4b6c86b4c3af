"""
HTML of a mail as text (pure rules): laid out by inscriptis under caps.

The layout engine fills tables and margins with blanks, and builds a tree: what could make that many megabytes or
exhaust a stack is made simple first, or only stripped of its tags. Every step takes time in proportion to the page.
"""

from __future__ import annotations

import html
import re
from typing import Final

from inscriptis import get_text
from inscriptis.model.config import ParserConfig

_LIMIT: Final = 300_000  # characters that are laid out
_STRIPPED_LIMIT: Final = 2_000_000
_DEPTH: Final = 100
_PADDED: Final = 4_000_000  # tags times characters: what a table could be padded to
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_HIDDEN: Final = re.compile(r"<(script|style|head|title)\b.*?(?:</\1\b[^<>]*>|$)", re.IGNORECASE | re.DOTALL)
_ANY_TAG: Final = re.compile(r"<[^<>]*>?")
_TABLE: Final = re.compile(r"<(/?)(?:table|tr)\b", re.IGNORECASE)
_CELL: Final = re.compile(r"</?(?:t[dh]|thead|tbody|tfoot|col|colgroup|caption)\b[^<>]*>?", re.IGNORECASE)
_SPACING: Final = re.compile(r"\b(?:margin|padding)[a-z-]*\s*:", re.IGNORECASE)
# Elements without an end, or whose end is often left out.
_VOID: Final = frozenset(
    ("br", "hr", "img", "input", "meta", "link", "area", "base", "col", "wbr", "source", "track", "embed", "param",
     "p", "li", "td", "th", "tr", "dt", "dd", "option", "thead", "tbody", "tfoot", "colgroup")
)  # fmt: skip


def to_text(page: str) -> str:
    """Give the text of an HTML part, with its small tables and its lists; never raises."""
    if len(page) <= _LIMIT and not _is_deep(page):
        try:
            return str(get_text(_simple(page), ParserConfig(display_links=False))).strip()
        except Exception:  # noqa: BLE001, S110 - hostile input to a layout engine; the plain way below always works
            pass
    shown = _HIDDEN.sub(" ", page[:_STRIPPED_LIMIT])
    return html.unescape(_ANY_TAG.sub(" ", shown)).strip()


def _simple(page: str) -> str:
    """Take away what blows a text up: margins, and tables that are not small."""
    page = _SPACING.sub("x:", page)
    if page.count("<") * len(_ANY_TAG.sub("", page)) <= _PADDED:
        return page
    return _CELL.sub(" ", _TABLE.sub(r"<\1div", page))


def _is_deep(page: str) -> bool:
    """Say whether tags are nested so deep that a tree of them would exhaust a stack."""
    depth = 0
    for match in _TAG.finditer(page):
        if match[2].lower() in _VOID:
            continue
        depth += -1 if match[1] else 1
        if depth > _DEPTH:
            return True
    return False
