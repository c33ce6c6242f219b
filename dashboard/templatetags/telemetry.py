"""Attribute values, severities and offsets in templates."""

from __future__ import annotations

from typing import Any

from django import template

from dashboard import attributes

register = template.Library()


@register.filter
def whole(value: Any) -> str:
    """An attribute's value, all of it."""
    return attributes.whole(value)


@register.filter
def one_line(value: Any) -> str:
    """A value's beginning, in one line."""
    return attributes.one_line(value)


@register.filter
def offset(minutes: int) -> str:
    """An offset from UTC: UTC+02:00."""
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
