"""The API's answers about traces: the list, one whole, and one as OTLP.

Before: the same query parameters as the pages. After: `dashboard.api` has them among its paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from ninja import Path, Router, Status

from collector import queries
from collector.models import Trace
from collector.retention import record
from dashboard import kept, values
from dashboard.api import otlp, rows, shapes
from dashboard.api.parameters import WORDS, described
from dashboard.export import in_threads
from dashboard.parameters import ORDER, TRACE_NAMES, ParameterError, parse

MAX_TRACE_ROWS = 10_000  # spans, and logs, of one trace in one answer; /spans?trace_id= has them all, by pages

router = Router()
TraceId = Annotated[str, Path(description=WORDS["trace_id"])]


@router.get(
    "/traces",
    response=shapes.Traces,
    openapi_extra=described(TRACE_NAMES | ORDER),
    summary="Traces, newest or longest first",
)
def traces(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, TRACE_NAMES | ORDER, "all")
    page = parameters.page(queries.traces(parameters.filter), queries.longest_first)
    until_ns = queries.looked_until(parameters.filter)
    items = [rows.trace(trace) for trace in page.rows]
    return {"items": items, "next": rows.cursor(page), "looked_until_ns": until_ns and str(until_ns)}


@router.get(
    "/traces/{trace_id}",
    response={200: shapes.WholeTrace, 404: shapes.Problem},
    openapi_extra=described(frozenset()),
    summary="A trace with its spans and log records, oldest first",
)
def trace(request: HttpRequest, trace_id: TraceId) -> Status[dict[str, object]]:
    found = _summary(request, trace_id)
    if not isinstance(found, Trace):
        return found
    spans = list(queries.trace_spans(found.trace_id)[: MAX_TRACE_ROWS + 1])
    logs = list(queries.trace_logs(found.trace_id)[: MAX_TRACE_ROWS + 1])
    whole = {
        "trace": rows.trace(found),
        "spans": rows.spans(spans[:MAX_TRACE_ROWS]),
        "logs": rows.logs(logs[:MAX_TRACE_ROWS]),
        "complete": max(len(spans), len(logs)) <= MAX_TRACE_ROWS,
    }
    return Status(200, whole)


def _as_otlp(member: str) -> dict[str, Any]:
    """What the document says of a body in OTLP's JSON, which is described by OTLP itself."""
    schema = {
        "type": "object",
        "required": [member],
        "properties": {member: {"type": "array", "items": {"type": "object"}}},
    }
    body = {"description": "OTLP in JSON, as it is sent.", "content": {"application/json": {"schema": schema}}}
    extra = described(frozenset())
    return extra | {"responses": {**extra["responses"], "200": body}}


@router.get(
    "/traces/{trace_id}/otlp/spans",
    response={404: shapes.Problem},
    openapi_extra=_as_otlp("resourceSpans"),
    summary="All spans of a trace as OTLP: the body that POST /v1/traces takes",
)
def otlp_spans(request: HttpRequest, trace_id: TraceId) -> HttpResponseBase | Status[dict[str, object]]:
    found = _summary(request, trace_id)
    return _streamed(otlp.spans_body(queries.trace_spans(trace_id.lower()))) if isinstance(found, Trace) else found


@router.get(
    "/traces/{trace_id}/otlp/logs",
    response={404: shapes.Problem},
    openapi_extra=_as_otlp("resourceLogs"),
    summary="All log records of a trace as OTLP: the body that POST /v1/logs takes",
)
def otlp_logs(request: HttpRequest, trace_id: TraceId) -> HttpResponseBase | Status[dict[str, object]]:
    found = _summary(request, trace_id)
    return _streamed(otlp.logs_body(queries.trace_logs(trace_id.lower()))) if isinstance(found, Trace) else found


def _summary(request: HttpRequest, trace_id: str) -> Trace | Status[dict[str, object]]:
    """The trace in one row, or why there is none. Raises ParameterError for what is no trace id."""
    parse(request.GET, frozenset(), "all")
    try:
        trace_id = values.trace_id(trace_id)
    except ValueError as error:
        raise ParameterError({"trace_id": f"{values.shown(trace_id)} {error}"}) from error
    summary = Trace.objects.filter(trace_id=trace_id).prefetch_related("head_operation").first()
    if summary is not None:
        return summary
    sentence = f"No span of the trace {trace_id} is here: none was received yet, or it was cleared."
    if pruning := record.pruned(queries.mentioned_ns(trace_id)):
        sentence += f" {kept.sentence(pruning)}"
    return Status(404, {"detail": sentence, "problems": {"trace_id": sentence}})


def _streamed(pieces: Iterator[bytes]) -> StreamingHttpResponse:
    """The first piece is read before the answer begins, so that what fails at once has its own status."""
    first = next(pieces)
    return StreamingHttpResponse(in_threads(chain([first], pieces)), content_type="application/json")
