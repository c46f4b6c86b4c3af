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
        "<ul><li>" * 45 + "x<br>\r\n" * 27_000,
        "<ol><li>" * 45 + "x<p>" * 27_000,
        "<blockquote>" * 45 + "x<br>\r\n" * 27_000,
        "<dl><dd>" * 45 + "x<br>" * 27_000,
    ],
    ids=range(20),
)
def test_a_hostile_page_costs_little_time_and_memory(page: str) -> None:
    """Seen before: 231 seconds for 270 kB of open tags, 700 MB for one padded table."""
    assert len(html.to_text(page)) <= max(4 * len(page), 400_000)


def test_quoted_lines_are_marked() -> None:
    """As RFC 3676 section 4.5 writes them: what was quoted must not be taken for the writer's own words."""
    page = (
        "<div>Never.</div><div>On Monday, Cgbot wrote:</div><blockquote><p>Accept Ltd has asked</p>"
        "<blockquote>older<br>words</blockquote>newer</blockquote><div>Regards</div>"
    )
    assert [line for line in html.to_text(page).splitlines() if line.strip(" >")] == [
        "Never.", "On Monday, Cgbot wrote:", "> Accept Ltd has asked", "> > older", "> > words", "> newer", "Regards"
    ]  # fmt: skip


@pytest.mark.parametrize("mark", ["\ue001", "&#xe001;", "&#xE001", "&#57345;", "\ue000\ue001\ue001"])
def test_nobody_writes_the_marks_of_a_quotation(mark: str) -> None:
    """A name that was quoted from our own mail must not end the quotation."""
    page = f"<div>No.</div><blockquote>{mark}<br>{mark}yes</blockquote>"
    assert [line for line in html.to_text(page).splitlines() if line.strip(" >")] == ["No.", "> yes"]


def test_the_boxes_of_a_mail_program_indent_nothing() -> None:
    assert html.to_text("<div><div><div>Dear all<br>see below</div></div></div>") == "Dear all\nsee below"
