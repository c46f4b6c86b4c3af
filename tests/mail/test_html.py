"""HTML as text: readable, never hidden text, never more than it is worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgbot.mail import html


def test_a_page_reads_as_it_looks() -> None:
    page = (
        "<html><head><title>no</title><style>p{}</style></head><body><h1>Agenda</h1><ul><li>one</li><li>two</li></ul>"
        "<table><tr><td>Thursday</td><td>09:00</td></tr></table><p style='display:none'>hidden</p>"
        "<script>alert(1)</script><p>caf&eacute;</p></body></html>"
    )
    text = html.to_text(page)
    assert [line.split() for line in text.splitlines() if line.strip()] == [
        ["Agenda"], ["*", "one"], ["*", "two"], ["Thursday", "09:00"], ["café"]
    ]  # fmt: skip


@given(st.text(alphabet="<>/abp =\"'tdr&;\n", max_size=300))
def test_any_page_is_read(page: str) -> None:
    assert isinstance(html.to_text(page), str)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "page",
    [
        "<a " * 90_000,
        "<" * 3_000_000,
        "<script" * 400_000,
        "<script>" * 60_000,
        "<div>" * 30_000,
        '<div title="<">' * 30_000,
        "<p>" * 90_000,
        "<li>a" * 60_000,
        "<table><tr><td>" * 20_000,
        "<table><tr><td>" + "x" * 100_000 + "</td></tr>" + "<tr><td>y</td></tr>" * 2000 + "</table>",
        "<table><tr><td>" + "x" * 100_000 + "<br>y" * 30_000,
        "<table><tr>" + ("<td>" + "z" * 100) * 500 + "</tr>" + "<tr><td>y" * 2000,
        '<div style="padding-left:9999999; margin-top: 99999em">x</div>' * 10,
        "<td colspan=100000000 rowspan=100000000>x</td>",
        "&" * 200_000,
        "<!--" * 70_000,
    ],
    ids=range(16),
)
def test_a_hostile_page_costs_little_time_and_memory(page: str) -> None:
    """Seen before: 231 seconds for 270 kB of open tags, 700 MB for one padded table."""
    assert len(html.to_text(page)) <= 6_000_000
