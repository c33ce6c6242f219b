"""/traces/words/: suggestions for the filter of traces, as JSON; `of=NAME` for the values of one name."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from dashboard.filter_words import MOST_SPANS, names, values_of


@cache_control(private=True, max_age=20)
@require_safe
def filter_words(request: HttpRequest) -> JsonResponse:
    """Words in the order to show them, and how many spans attributes were looked for in."""
    name = request.GET.get("of", "")
    return JsonResponse({"words": values_of(name) if name else names(), "newest_spans": MOST_SPANS})
