"""/: how the claims stand, how fast they are, and what is slow now. Each part of the page is drawn and redrawn alone.

Before: `home` found that there is something to show. After: the whole page, or with `X-Partial: <part>` that part:
regions.js asks for a part when something it shows has changed, and a list that is being read holds still meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from collector import queries
from dashboard.axis import scale_ns
from dashboard.overview import sentence
from dashboard.overview.area import CLAIMS, read_view
from dashboard.overview.heatmap import counted
from dashboard.overview.links import claims_link, query_for
from dashboard.overview.states import standing
from dashboard.overview.within import claims_within, spans_within
from dashboard.parameters import (
    CLAIM_NAMES,
    DEFAULT_RANGE,
    OVERVIEW_NAMES,
    PAGING_NAMES,
    ParameterError,
    Parameters,
    parse,
)
from dashboard.views.claims import SCALE_WITHOUT_STARTS_NS, row
from sandboxes import questions

Context = dict[str, Any]
NEWEST_CLAIMS = 9
FILTERS = ("service", "namespace", "pool", "template", "start", "cluster")
CHOICES = ("namespace", "pool", "template")


def overview(request: HttpRequest) -> HttpResponse:
    """The page, or one of its parts; what is wrong with a parameter is a 400, said at its field."""
    part = request.headers.get("X-Partial", "")
    template = f"dashboard/_overview_{part}.html" if part in PARTS else "dashboard/overview.html"
    context: Context = {"range": request.GET.get("range", ""), "problems": {}, "filters": FILTERS}
    if part not in PARTS:
        context |= _choices()
    try:
        parameters = parse(request.GET, OVERVIEW_NAMES, DEFAULT_RANGE)
        context |= {"range": parameters.range, "view": read_view(request.GET)}
    except ParameterError as error:
        return render(request, template, context | {"problems": error.problems}, status=400)
    for name in [part] if part in PARTS else PARTS:
        context |= PARTS[name](parameters)
    return render(request, template, context)


def _choices() -> Context:
    found: Context = {f"{name}s": questions.names(name) for name in CHOICES}
    return found | {"services": queries.services(), "clusters": questions.cluster_names()}


def _states(parameters: Parameters) -> Context:
    stand = standing(parameters)
    csv_rows, csv_more = queries.count_up_to(questions.claims(parameters.claims).prefetch_related(None))
    return {
        "standing": stand,
        "sentence": list(sentence.of_claims(stand)),
        "csv_query": query_for(parameters, CLAIM_NAMES - PAGING_NAMES),
        "csv_rows": csv_rows,
        "csv_more": csv_more,
    }


def _newest(parameters: Parameters) -> Context:
    claims = list(questions.claims(parameters.claims)[:NEWEST_CLAIMS])
    evidence, now_ns = questions.evidence([claim.uid for claim in claims]), time.time_ns()
    scale = scale_ns(
        [claim.time_to_ready_ns for claim in claims if claim.time_to_ready_ns] or [SCALE_WITHOUT_STARTS_NS]
    )
    return {
        "newest": [row(claim, scale, now_ns, evidence, 0) for claim in claims],
        "bar_scale_ns": scale,
        "all_claims_link": claims_link(parameters),
    }


def _area(parameters: Parameters) -> Context:
    area = read_view(parameters.query).area
    if area is None:
        return {"within": None}
    find = claims_within if counted(parameters) == CLAIMS else spans_within
    return {"area": area, "within": find(parameters, area)}


# In the order they stand on the page.
PARTS: dict[str, Callable[[Parameters], Context]] = {"states": _states, "area": _area, "newest": _newest}
