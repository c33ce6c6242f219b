"""The read API: the lists of pages and CSV as JSON, for scripts and agents. /api/v1/openapi.json describes it.

Before: the same query parameters as pages and CSV. After: {"items": [...], "next": cursor or null}; a request that is
wrong gets 400 and {"detail": sentence, "problems": {parameter: sentence}}.
"""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.renderers import BaseRenderer

from collector import queries
from dashboard.api import rows, shapes
from dashboard.api.claims import router as claims_router
from dashboard.api.compare import router as compare_router
from dashboard.api.latency import router as latency_router
from dashboard.api.overview import router as overview_router
from dashboard.api.parameters import described
from dashboard.api.pools import router as pools_router
from dashboard.api.runs import router as runs_router
from dashboard.api.status import router as status_router
from dashboard.api.traces import router as traces_router
from dashboard.parameters import LOG_NAMES, METRIC_NAMES, SPAN_NAMES, ParameterError, parse


class Renderer(BaseRenderer):
    """Ten times the standard library's speed, and UTF-8 as it is."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return orjson.dumps(data)


class Api(NinjaAPI):
    """Says in its document how the token is sent: the check itself is `dashboard.access`, for pages too."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**options)
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{}, {"token": []}]  # asked for only where DASHBOARD_TOKEN is set
        return document


api = Api(
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
api.add_router("", compare_router)
api.add_router("", pools_router)
api.add_router("", runs_router)
api.add_router("", status_router)
api.add_router("", traces_router)


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
