"""What a browser would make of a page: its elements and attributes."""

from __future__ import annotations

from html.parser import HTMLParser

# Everything that the pages are made of.
ELEMENTS = frozenset(
    ("html", "head", "meta", "title", "link", "body", "a", "header", "nav", "form", "label", "input", "button", "main",
     "h1", "h2", "p", "span", "strong", "em", "ul", "ol", "li", "dl", "dt", "dd", "time", "code", "article", "div",
     "details", "summary", "mark", "footer", "br", "section", "table", "thead", "tbody", "tr", "th", "td", "textarea",
     "select", "option", "iframe")
)  # fmt: skip
ATTRIBUTES = frozenset(
    ("lang", "charset", "name", "content", "rel", "href", "class", "id", "action", "role", "for", "type", "value",
     "placeholder", "aria-label", "datetime", "method", "scope", "rows", "maxlength", "autocomplete", "required",
     "selected", "min", "max", "aria-labelledby", "aria-describedby", "title", "sandbox", "srcdoc", "open")
)  # fmt: skip


class Page(HTMLParser):
    """Collects what stands on a page; `problems` is what our templates would not write."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            self.problems.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.problems.append(f"<{tag} {name}={value}>")
            if name == "href":
                self.links.append(value or "")
                if not (value or "").startswith(("/", "?", "#", "http://", "https://")):
                    self.problems.append(f"<{tag} href={value}>")

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        self.problems.append(f"<!--{data}-->")

    def handle_pi(self, data: str) -> None:
        self.problems.append(f"<?{data}>")
