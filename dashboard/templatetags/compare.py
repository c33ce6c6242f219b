"""Differences in templates."""

from __future__ import annotations

from django import template

from dashboard.compare.claims import Comparison, Side
from dashboard.templatetags.formats import duration

register = template.Library()


@register.filter
def sides(comparison: Comparison) -> list[tuple[str, Side]]:
    """Both, with the letters people see."""
    return [("A", comparison.a), ("B", comparison.b)]


@register.filter
def signed(ns: int) -> str:
    """+12 ms, or minus 12 ms; 0 is the same."""
    if ns == 0:
        return "same"
    return f"+{duration(ns)}" if ns > 0 else f"−{duration(-ns)}"  # noqa: RUF001 - a minus


@register.filter
def magnitude(ns: int, precision_ns: int = 1) -> str:
    """How much, without a sign, no finer than it was measured."""
    return duration(abs(ns), precision_ns)
