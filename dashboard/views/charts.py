"""/charts/NAME.json: a chart as a Plotly figure with its table twin, for the same query parameters as its page.

Before: static/js/chart.js, or a person: `plotly.io.from_json` takes what stands under `figure`. After: the page's own
module draws it from a question's answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.views.decorators.http import require_safe

from collector.publish import publisher
from dashboard.charts import Chart
from dashboard.charts.shared import Shared
from dashboard.metric_charts import METRIC_CHARTS
from dashboard.overview.charts import OVERVIEW_CHARTS
from dashboard.parameters import ParameterError, Parameters, parse

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Source:
    """Who draws a chart, and the query parameters it takes."""

    names: frozenset[str]
    draw: Callable[[Parameters], Chart]


# Every chart there is, by name. A page that has charts adds its own.
CHARTS: dict[str, Source] = {
    name: Source(names, draw) for name, (names, draw) in (METRIC_CHARTS | OVERVIEW_CHARTS).items()
}

shared = Shared(lambda: publisher.version)


@require_safe
def chart(request: HttpRequest, name: str) -> HttpResponse:
    """The chart, or 304 when the browser has it; 400 with a sentence for each parameter that is wrong."""
    source = CHARTS.get(name)
    if source is None:
        return JsonResponse({"detail": f"There is no chart {name}: there are {', '.join(sorted(CHARTS))}."}, status=404)
    try:
        parameters = parse(request.GET, source.names, "all")
        question = f"{name}?{request.GET.urlencode()}"
        body = shared.answer(question, lambda: source.draw(parameters).as_json())
    except ParameterError as error:
        problems = {"detail": str(error), "problems": error.problems}
        return HttpResponse(orjson.dumps(problems), JSON, status=400)
    digest = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    same = request.headers.get("If-None-Match") == digest
    response = HttpResponseNotModified() if same else HttpResponse(body, JSON)
    response["ETag"] = digest
    response["Cache-Control"] = "private, no-cache"
    return response
