"""A small picture in tables: `{% sparkline values "p95 of run" %}`.

Before: plain arrays of a view. After: SVG; css/chart.css has its looks.
"""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.charts.strips import HEIGHT, WIDTH
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
