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
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.model.config import ParserConfig

# Only lists are indented: the boxes that mail programs put around everything are not.
_LAYOUT: Final = ParserConfig(css=STRICT_CSS_PROFILE, display_links=False)
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
_LIST: Final = re.compile(r"<(/?)(?:ul|ol)\b", re.IGNORECASE)
_LINE: Final = re.compile(r"<(?:(/?)(ul|ol)|li|br|p|div|d[dt]|tr|h[1-6])\b", re.IGNORECASE)
_INDENT: Final = 4  # blanks in front of each line of a list, for each list around it
_MOST_BLANKS: Final = 4  # of these, for each character of the page
_QUOTE: Final = re.compile(r"<(/?)blockquote\b[^<>]*>?", re.IGNORECASE)
_OPENED, _CLOSED = "\ue000", "\ue001"  # for private use (Unicode section 23.5): where a quotation begins and ends
_MARK: Final = re.compile(f"[{_OPENED}{_CLOSED}]|&#(?:x0*e00[01]|0*5734[45]);?", re.IGNORECASE)
_QUOTE_DEPTH: Final = 5
# Elements without an end, or whose end is often left out.
_VOID: Final = frozenset(
    ("br", "hr", "img", "input", "meta", "link", "area", "base", "col", "wbr", "source", "track", "embed", "param",
     "p", "li", "td", "th", "tr", "dt", "dd", "option", "thead", "tbody", "tfoot", "colgroup")
)  # fmt: skip


def to_text(page: str) -> str:
    """Give the text of an HTML part, with its small tables, its lists and "> " at quoted lines; never raises."""
    marked = _QUOTE.sub(_mark, _MARK.sub("", page[:_STRIPPED_LIMIT]))
    return _quoted(_plain(marked)).strip()


def _plain(page: str) -> str:
    if len(page) <= _LIMIT and not is_deep(page):
        try:
            return str(get_text(_simple(page), _LAYOUT))
        except Exception:  # noqa: BLE001, S110 - hostile input to a layout engine; the plain way below always works
            pass
    return html.unescape(_ANY_TAG.sub(" ", _HIDDEN.sub(" ", page)))


def _mark(tag: re.Match[str]) -> str:
    """Write a tag of a quotation as a line of its own that the layout keeps."""
    return f"<div>{_CLOSED if tag[1] else _OPENED}</div>\n"


def _quoted(text: str) -> str:
    """Put the mark of a quotation (RFC 3676 section 4.5) before each line between two of ours."""
    if _OPENED not in text:
        return text.replace(_CLOSED, "")
    depth, lines = 0, []
    for line in text.split("\n"):
        depth = max(0, depth + line.count(_OPENED) - line.count(_CLOSED))
        bare = _MARK.sub("", line)
        if bare == line or bare.strip():
            lines.append("> " * min(depth, _QUOTE_DEPTH) + bare)
    return "\n".join(lines)


def _simple(page: str) -> str:
    """Take away what blows a text up: margins, lists in lists in lists, and tables that are not small."""
    page = _SPACING.sub("x:", page)
    if _blanks(page) > _MOST_BLANKS * len(page):
        page = _LIST.sub(r"<\1div", page)
    if page.count("<") * len(_ANY_TAG.sub("", page)) <= _PADDED:
        return page
    return _CELL.sub(" ", _TABLE.sub(r"<\1div", page))


def _blanks(page: str) -> int:
    """About as many blanks as the lists of a page put before its lines."""
    depth = total = 0
    for match in _LINE.finditer(page):
        if match[2]:
            depth = max(0, depth + (-1 if match[1] else 1))
        total += depth * _INDENT
    return total


def is_deep(page: str) -> bool:
    """Say whether tags are nested so deep that a tree of them would exhaust a stack."""
    depth = 0
    for match in _TAG.finditer(page):
        if match[2].lower() in _VOID:
            continue
        depth += -1 if match[1] else 1
        if depth > _DEPTH:
            return True
    return False
