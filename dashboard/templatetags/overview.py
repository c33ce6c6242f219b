"""Words of the overview's table of operations."""

from __future__ import annotations

from django import template

register = template.Library()

ORDERS = {"count": "calls", "error_share": "share of errors"}


@register.filter
def column_head(name: str) -> str:
    """Calls, p95, Errors: percentiles are written small."""
    words = order_words(name)
    return words if words.startswith("p") else words.capitalize()


@register.filter
def order_words(name: str) -> str:
    """What operations are sorted by, as a column's head says it."""
    return ORDERS.get(name, name)
