"""Attribute values, severities and offsets in templates."""

from __future__ import annotations

from typing import Any

from django import template

from collector.models import Log
from dashboard import attributes
from dashboard.filter_words import asking_for
from dashboard.templatetags.formats import value as words
from dashboard.words import severity

register = template.Library()


@register.filter
def whole(value: Any) -> str:
    """An attribute's value, all of it."""
    return attributes.whole(value)


@register.filter
def said(body: Any) -> str:
    """A log record's body in a list: without what colours a terminal."""
    return attributes.ESCAPES.sub("", words(body))


@register.simple_tag
def filter_asking_for(key: str, value: Any) -> str:
    """The filter of traces that finds spans with an attribute, or nothing."""
    return asking_for(key, value)


@register.filter
def one_line(value: Any) -> str:
    """A value's beginning, in one line."""
    return attributes.one_line(value)


@register.filter
def severity_word(log: Log) -> str:
    """What a record's source called its severity, else OTLP's name for the number."""
    return severity(log.severity_number, log.severity_text)


@register.filter
def offset(minutes: int) -> str:
    """An offset from UTC: UTC+02:00."""
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
