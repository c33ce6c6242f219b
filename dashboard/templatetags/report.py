"""A report's cells and the tables of its charts."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.charts import Moment, Table
from dashboard.csv_rows import iso_time
from dashboard.report.parts import Cell

register = template.Library()
MOST_ROWS = 500  # of a chart's table: the CSV has them all


@register.simple_tag
def cell(of: Cell) -> SafeString:
    """Words, and for programs the exact value."""
    words = format_html('<data value="{}">{}</data>', of.exact, of.words) if of.exact else format_html("{}", of.words)
    if of.owner:
        words = format_html('<i class="swatch owner-{}"></i> {}', of.owner, words)
    return format_html('<span class="{}">{}</span>', of.tone, words) if of.tone else words


@register.simple_tag
def twin(of: Table) -> SafeString:
    """A chart's numbers."""
    head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in of.columns))
    rows = format_html_join("", "<tr>{}</tr>", ((_cells(row),) for row in of.rows[:MOST_ROWS]))
    return format_html(
        '<div class="wide" tabindex="0" role="region" aria-label="The figure as a table"><table>'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        head,
        rows,
    )


@register.filter
def utc(ns: int) -> str:
    """2026-11-24 09:30:00.123."""
    return iso_time(ns)[:23].replace("T", " ")


def _cells(row: list[str | Moment]) -> SafeString:
    return format_html_join("", "<td>{}</td>", ((utc(one.ns) if isinstance(one, Moment) else one,) for one in row))
