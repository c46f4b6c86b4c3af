"""HTML that is shown holds nothing that runs, loads or deceives; what was written stays readable."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail import safe_html

_ACTIVE = frozenset(
    ("script", "style", "img", "iframe", "form", "input", "svg", "object", "embed", "link", "meta", "base", "video",
     "audio", "button", "textarea", "math")
)  # fmt: skip


class Shown(HTMLParser):
    """What a browser would find."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    @property
    def problems(self) -> list[str]:
        """Anything beyond plain text marks, tables, and links to the web or to a mailbox."""
        found = [tag for tag, _ in self.tags if tag in _ACTIVE]
        for tag, attributes in self.tags:
            allowed = {"href", "title", "rel", "target"} if tag == "a" else {"colspan", "rowspan", "start", "title"}
            found += [f"{tag} {name}" for name in attributes if name not in allowed]
            href = attributes.get("href") or ""
            if href and not href.lower().startswith(("http://", "https://", "mailto:")):
                found.append(href)
        return found


def test_what_people_write_stays() -> None:
    page = (
        '<html><head><title>x</title><style>p{}</style></head><body bgcolor=red><h1 style="color:red">Agenda</h1>'
        '<ul><li>one</li></ul><table><tr><td colspan=2 width=9>cell</td></tr></table><p onclick="x()">see '
        '<a href="https://example.org/?a=1&amp;b=2" onmouseover=x>here</a><blockquote>quoted</blockquote></body></html>'
    )
    assert safe_html.clean(page) == (
        '<h1>Agenda</h1><ul><li>one</li></ul><table><tbody><tr><td colspan="2">cell</td></tr></tbody></table><p>see '
        '<a href="https://example.org/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">here</a>'
        "</p><blockquote>quoted</blockquote>"
    )


@pytest.mark.parametrize(
    "page",
    [
        "<img src=https://track.example/x.gif>", "<a href=//evil.example>x</a>", "<a href=/me/>x</a>",
        "<a href=javascript:alert(1)>x</a>", "<a href='java\tscript:alert(1)'>x</a>", "<a href=data:text/html,x>x</a>",
        "<link rel=stylesheet href=https://x.example>", "<base href=https://x.example>", "<meta http-equiv=refresh>",
        "<form action=https://x.example><input name=password><button>Go</button></form>",
        "<svg><script>x</script></svg>",
        "<div style='background:url(https://x.example)'>x</div>", "<table background=https://x.example><tr><td>x",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<video poster=https://x.example src=x>",
        "<td colspan=100000000>x", "<iframe srcdoc='<script>x</script>'></iframe>", "<p id=main class=skip>x",
    ],
)  # fmt: skip
def test_what_runs_or_loads_goes(page: str) -> None:
    cleaned = safe_html.clean(page)
    assert cleaned is not None
    assert Shown(cleaned).problems == []
    assert "100000000" not in cleaned


def test_nothing_turns_the_direction_of_what_follows() -> None:
    assert safe_html.clean("exe.\u202egpj\u2066") == "exe.gpj"


def test_a_mask_is_put_over_the_page_before_it_is_sanitised() -> None:
    cleaned = safe_html.clean("<b>x</b>", lambda page: page.replace("x", "<script>alert(1)</script>y"))
    assert cleaned == "<b>y</b>"


@pytest.mark.parametrize("page", ["<div>" * 30_000, "x" * 600_000])
def test_too_much_is_not_looked_at(page: str) -> None:
    assert safe_html.clean(page) is None


@given(st.text(alphabet="<>/abimgsrc =\"'&;:jt-!\n", max_size=200))
def test_any_page_is_harmless(page: str) -> None:
    cleaned = safe_html.clean(page)
    assert cleaned is not None
    assert Shown(cleaned).problems == []


def test_no_payload_survives(corpora: Path) -> None:
    folder = corpora / "07-html-xss"
    every = (folder / "payloadbox/Intruder/xss-payload-list.txt").read_text("utf-8", "replace").splitlines()
    every += [str(one["payload"]) for one in json.loads((folder / "dompurify/expect.share.json").read_text())]
    every += [one.read_text("utf-8", "replace") for one in sorted((folder / "bleach").glob("*.test"))]
    assert len(every) > 6000
    failed = [one for one in every if Shown(safe_html.clean(one) or "").problems]
    assert failed == []
