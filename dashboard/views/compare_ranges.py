"""/compare/: two ranges of time side by side, `?range=1h&with=before`; what is wrong is said at its field.

Before: the overview's address, whose filters it takes over. After: the page's template.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector import queries
from dashboard.compare import ranges
from dashboard.overview.answer import FILTER_NAMES
from dashboard.overview.links import query_for
from dashboard.parameters import (
    COMPARE_NAMES,
    COMPARED_OPERATION_NAMES,
    COMPARED_STAGE_NAMES,
    ParameterError,
    parse,
)
from dashboard.two_ranges import OTHERS, read_two
from dashboard.views.lists import range_asked
from sandboxes import questions

DEFAULT_RANGE = "24h"
FIGURES = ("errors", "p50", "p95", "p99")  # the columns of operations


@never_cache
@require_safe
def compare_ranges(request: HttpRequest) -> HttpResponse:
    """The page."""
    context: dict[str, Any] = {
        "range": range_asked(request, DEFAULT_RANGE),
        "others": OTHERS,
        "orders": True,  # the columns are ways to sort
        "figures": FIGURES,
        "filtered": any(request.GET.get(name) for name in FILTER_NAMES),
        "problems": {},
        **{f"{name}s": questions.names(name) for name in ("namespace", "pool", "template")},
        "services": queries.services(),
        "clusters": questions.cluster_names(),
    }
    try:
        parameters = parse(request.GET, COMPARE_NAMES, DEFAULT_RANGE)
        two = read_two(parameters)
    except ParameterError as error:
        return render(request, "dashboard/compare_ranges.html", context | {"problems": error.problems}, status=400)
    context |= {
        "range": parameters.range,
        "two": two,
        "comparison": ranges.compare(parameters, two),
        "stages_csv": reverse("export", args=["compared_stages"]) + query_for(parameters, COMPARED_STAGE_NAMES),
        "operations_csv": reverse("export", args=["compared_operations"])
        + query_for(parameters, COMPARED_OPERATION_NAMES),
    }
    return render(request, "dashboard/compare_ranges.html", context)
