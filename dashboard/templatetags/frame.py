"""The parts of the frame that templates cannot say for themselves."""

from __future__ import annotations

from urllib.parse import urlencode

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from collector.ingest import ingest
from dashboard.instructions import MANAGE

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


@register.simple_tag
def querystring_of(**values: str) -> str:
    """?name=value, whatever is in the value."""
    return "?" + urlencode(values)
