"""Small pictures in tables: `{% sparkline values "p95 of run" %}` and `{% dots values low high %}`.

Before: plain arrays of a view. After: SVG; css/chart.css has its looks.
"""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.charts.strips import HEIGHT, WIDTH, log_places
from dashboard.charts.strips import sparkline as drawn

register = template.Library()


@register.simple_tag
def sparkline(values: Sequence[float | None], words: str = "") -> SafeString:
    """A line of values from zero up, evenly spaced; None breaks it. `words`: what it shows, for those who hear it."""
    line = drawn(values)
    end = format_html('<circle cx="{}" cy="{}" r="2"/>', *line.end) if line.end else ""
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {} {}" role="img" aria-label="{}"><path d="{}"/>{}</svg>',
        f"{WIDTH:g}", f"{HEIGHT:g}", words or "trend", line.path, end,
    )  # fmt: skip


@register.simple_tag
def dots(
    values: Sequence[float],
    low: float,
    high: float,
    colour: str = "program",
    mark: float | None = None,
    words: str = "",
) -> SafeString:
    """A dot a value on a logarithmic line from `low` to `high`; `mark` is a bar, their p50 or the one looked at."""
    circle, bar = '<circle cx="{}%" cy="10" r="2.5"/>', '<rect x="{}%" y="2" width="2" height="16" rx="1"/>'
    marks = log_places([mark], low, high) if mark else []
    return format_html(
        '<svg class="dot-strip" data-colour="{}" role="img" aria-label="{}">'
        '<line x1="0" x2="100%" y1="10" y2="10"/>{}{}</svg>',
        colour,
        words or f"{len(values)} values",
        format_html_join("", circle, ((x,) for x in log_places(values, low, high))),
        format_html_join("", bar, ((x,) for x in marks)),
    )
