"""The parts of the frame that templates cannot say for themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from collector.ingest import ingest
from dashboard.instructions import MANAGE
from dashboard.values import time_ns

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture of static/icons.svg, in the colour of the text. It says nothing by itself: a word goes with it."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name)


@register.simple_tag
def spans_per_s() -> int:
    """What arrives at this process, for the bar's first picture; live.js keeps it up."""
    return round(ingest.stats.spans_per_s)


@register.simple_tag
def manage(words: str) -> str:
    """A command of ours as it is typed in the checkout."""
    return f"{MANAGE} {words}"


@register.filter
def asked_ns(text: str | None) -> int | None:
    """A time of the address; None where there is none, or what is there is none."""
    try:
        return time_ns(text) if text else None
    except ValueError:
        return None


@register.filter
def asked_time(text: str | None) -> str:
    """A time of the address as its field has it: nanoseconds, which links name, as people write a time."""
    ns = asked_ns(text)
    if ns is None or not text or not text.isdigit():
        return text or ""
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}.{ns % 10**9:09d}".rstrip("0").rstrip(".")


@register.simple_tag
def querystring_of(**values: str) -> str:
    """?name=value, whatever is in the value."""
    return "?" + urlencode(values)
