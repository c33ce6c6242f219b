"""The read API: the lists of pages and CSV as JSON, for scripts and agents. /api/v1/openapi.json describes it.

Before: the same query parameters as pages and CSV. After: {"items": [...], "next": cursor or null}; a request that is
wrong gets 400 and {"detail": sentence, "problems": {parameter: sentence}}.
"""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Path, Status
from ninja.renderers import BaseRenderer

from collector import queries
from collector.models import Trace
from collector.retention import record
from dashboard import kept, values
from dashboard.api import rows, shapes
from dashboard.api.claims import router as claims_router
from dashboard.api.latency import router as latency_router
from dashboard.api.overview import router as overview_router
from dashboard.api.parameters import WORDS, described
from dashboard.api.pools import router as pools_router
from dashboard.api.runs import router as runs_router
from dashboard.parameters import LOG_NAMES, METRIC_NAMES, SPAN_NAMES, TRACE_NAMES, ParameterError, parse

MAX_TRACE_ROWS = 10_000  # spans, and logs, of one trace in one answer; /spans?trace_id= has them all, by pages


class Renderer(BaseRenderer):
    """Ten times the standard library's speed, and UTF-8 as it is."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return orjson.dumps(data)


api = NinjaAPI(
    title="Agent Sandbox Dashboard",
    version="1",
    description="Telemetry as it was received. Nanoseconds are decimal texts: JavaScript's numbers would round them.",
    docs_url=None,  # its page would load scripts from elsewhere
    renderer=Renderer(),
    urls_namespace="api-1",
)


api.add_router("", claims_router)
api.add_router("", overview_router)
api.add_router("", latency_router)
api.add_router("", pools_router)
api.add_router("", runs_router)


@api.exception_handler(ParameterError)
def _refuse(request: HttpRequest, error: ParameterError) -> HttpResponse:
    return api.create_response(request, {"detail": str(error), "problems": error.problems}, status=400)


@api.get("/spans", response=shapes.Spans, openapi_extra=described(SPAN_NAMES), summary="Spans, oldest first")
def spans(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, SPAN_NAMES, "all")
    page = parameters.page(queries.spans(parameters.filter))
    until_ns = queries.looked_until(parameters.filter, oldest_first=True)
    return {"items": rows.spans(page.rows), "next": rows.cursor(page), "looked_until_ns": until_ns and str(until_ns)}


@api.get("/logs", response=shapes.Logs, openapi_extra=described(LOG_NAMES), summary="Log records, newest first")
def logs(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, LOG_NAMES, "all")
    page = parameters.page(queries.logs(parameters.filter))
    return {"items": rows.logs(page.rows), "next": rows.cursor(page)}


@api.get(
    "/metric_points",
    response=shapes.MetricPoints,
    openapi_extra=described(METRIC_NAMES),
    summary="Metric points, newest first",
)
def metric_points(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, METRIC_NAMES, "all")
    page = parameters.page(queries.points(parameters.filter))
    return {"items": [rows.metric_point(point) for point in page.rows], "next": rows.cursor(page)}


@api.get("/traces", response=shapes.Traces, openapi_extra=described(TRACE_NAMES), summary="Traces, newest first")
def traces(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, TRACE_NAMES, "all")
    page = parameters.page(queries.traces(parameters.filter))
    until_ns = queries.looked_until(parameters.filter)
    items = [rows.trace(trace) for trace in page.rows]
    return {"items": items, "next": rows.cursor(page), "looked_until_ns": until_ns and str(until_ns)}


@api.get(
    "/traces/{trace_id}",
    response={200: shapes.WholeTrace, 404: shapes.Problem},
    openapi_extra=described(frozenset()),
    summary="A trace with its spans and log records, oldest first",
)
def trace(
    request: HttpRequest, trace_id: Annotated[str, Path(description=WORDS["trace_id"])]
) -> Status[dict[str, object]]:
    parse(request.GET, frozenset(), "all")
    try:
        trace_id = values.trace_id(trace_id)
    except ValueError as error:
        raise ParameterError({"trace_id": f"{values.shown(trace_id)} {error}"}) from error
    summary = Trace.objects.filter(trace_id=trace_id).prefetch_related("head_operation").first()
    if summary is None:
        sentence = f"No span of the trace {trace_id} is here: none was received yet, or it was cleared."
        if pruning := record.pruned(queries.mentioned_ns(trace_id)):
            sentence += f" {kept.sentence(pruning)}"
        return Status(404, {"detail": sentence, "problems": {"trace_id": sentence}})
    found_spans = list(queries.trace_spans(trace_id)[: MAX_TRACE_ROWS + 1])
    found_logs = list(queries.trace_logs(trace_id)[: MAX_TRACE_ROWS + 1])
    whole = {
        "trace": rows.trace(summary),
        "spans": rows.spans(found_spans[:MAX_TRACE_ROWS]),
        "logs": rows.logs(found_logs[:MAX_TRACE_ROWS]),
        "complete": max(len(found_spans), len(found_logs)) <= MAX_TRACE_ROWS,
    }
    return Status(200, whole)
