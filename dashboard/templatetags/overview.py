"""Words of the overview's table of operations."""

from __future__ import annotations

import re

from django import template

register = template.Library()

NUMBER_AND_UNIT = re.compile(r"(\d) (?=%|[nµm]?s\b|min\b|h\b|d\b)")
ORDERS = {"count": "calls", "error_share": "share of errors"}


@register.filter
def unbroken(text: str) -> str:
    """A number and its unit stay in one line: 2.0 s, 12 %."""
    return NUMBER_AND_UNIT.sub("\\1\u00a0", text)


@register.filter
def column_head(name: str) -> str:
    """Calls, p95, Errors: percentiles are written small."""
    words = order_words(name)
    return words if words.startswith("p") else words.capitalize()


@register.filter
def order_words(name: str) -> str:
    """What operations are sorted by, as a column's head says it."""
    return ORDERS.get(name, name)
