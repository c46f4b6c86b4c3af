"""
HTML of a mail as HTML that may be shown (pure rules): no script, no style, no picture, nothing that loads.

nh3 parses as a browser does and writes anew only what is on the list below; nothing changes its result afterwards. It
belongs into a sandboxed frame all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import nh3

from cgbot.mail import html

LONGEST: Final = 500_000  # characters
_TAGS: Final = {
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2",
    "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span",
    "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
}  # fmt: skip
_ATTRIBUTES: Final = {"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"},
                      "ol": {"start"}, "abbr": {"title"}}  # fmt: skip
_GONE: Final = {"script", "style", "head", "title", "template", "svg", "math", "noscript", "iframe", "object"}
# Marks that turn the direction of what follows, and so make an address look like another (UAX 9 section 2).
_TURNS: Final = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_SPAN: Final = re.compile(r"[1-9][0-9]?")


def clean(page: str, mask: Callable[[str], str] | None = None) -> str | None:
    """
    Sanitise a page; None for one that is too long or too deep to be looked at.

    `mask` is put over the page as it came: whatever it writes is sanitised too.
    """
    if len(page) > LONGEST or html.is_deep(page):
        return None
    page = _TURNS.sub("", page)
    return str(
        nh3.clean(
            mask(page) if mask else page,
            tags=_TAGS,
            clean_content_tags=_GONE,
            attributes=_ATTRIBUTES,
            attribute_filter=_attribute,
            link_rel="noopener noreferrer nofollow",
            set_tag_attribute_values={"a": {"target": "_blank"}},
            url_schemes={"http", "https", "mailto"},
            url_relative="deny",
        )
    )


def _attribute(_tag: str, name: str, value: str) -> str | None:
    """Let no cell reach over a thousand others."""
    return value if name not in {"colspan", "rowspan", "start"} or _SPAN.fullmatch(value) else None
