"""
Edge: the process that fills a Word template (docxtpl), apart from `serve`.

Reads one JSON object {"template": file, "facts": {…}} on standard input and writes the document on standard output.
The office libraries are loaded here only, and the process takes no more than so much memory and time. Text is escaped
(autoescape), so that no `<` of a title is lost and nothing in it is markup; characters that XML cannot hold are left
out.
"""

from __future__ import annotations

import io
import json
import re
import resource
import sys
from typing import Any, Final

MEMORY: Final = 1024 * 1024 * 1024
CPU_SECONDS: Final = 10
_TABLE_STYLE: Final = "Report Table"
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WIDEST: Final = 32  # characters; a column is as wide as its longest cell, within reason, and as its longest word


def main() -> None:
    """Fill the template that standard input names."""
    limit()
    order = json.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(fill(order["template"], order["facts"]))


def limit() -> None:
    """Take no more than so much memory and time from here on."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def fill(template: str, facts: dict[str, Any]) -> bytes:
    """Fill the template file; the document as bytes."""
    from docxtpl import DocxTemplate  # noqa: PLC0415 - under the limits, and never in the parent

    document = DocxTemplate(template)
    document.render(_clean(facts), autoescape=True)
    properties = document.docx.core_properties
    properties.title, properties.author = str(facts["title"])[:255], str(facts["source"])[:255]
    for table in document.docx.tables:
        if table.style is not None and table.style.name == _TABLE_STYLE:
            _set_widths(table)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _NOT_IN_XML.sub("", value)
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {name: _clean(one) for name, one in value.items()}
    return value


def _set_widths(table: Any) -> None:
    """Give each column its share of the width that the table has, by its longest cell."""
    whole = sum(column.width or 0 for column in table.columns)
    cells = [max((len(cell.text) for cell in column.cells), default=0) for column in table.columns]
    words = [[len(word) for cell in column.cells for word in cell.text.split()] for column in table.columns]
    # Numbers are capitals and digits, wider than words.
    shares = [
        max(min(cell, _WIDEST), 4, *(min(length, _WIDEST) * 4 // 3 for length in one)) + 3
        for cell, one in zip(cells, words, strict=True)
    ]
    for column, share in zip(table.columns, shares, strict=True):
        column.width = int(whole * share / sum(shares))
        for cell in column.cells:
            cell.width = column.width


if __name__ == "__main__":
    main()
