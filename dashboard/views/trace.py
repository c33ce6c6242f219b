"""/traces/<trace_id>/: one trace as a waterfall, as statistics, or as its logs."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector import queries
from collector.models import Span, Trace
from collector.queries import SEPARATOR
from dashboard.kept import gone
from dashboard.trace.reading import MAX_SPANS, read_around, read_spans
from dashboard.trace.span_detail import span_detail
from dashboard.trace.statistics import operation_times
from dashboard.trace.tree import TraceTree, build_tree
from dashboard.trace.waterfall import Zoom, draw
from dashboard.trace.waterfall_html import map_html, rows_html
from dashboard.values import trace_id as read_trace_id
from sandboxes.questions import trace_claims

TABS = ("waterfall", "statistics", "logs")
MAX_LOGS = 1_000
ZOOM = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)


@never_cache
@require_safe
def trace(request: HttpRequest, trace_id: str) -> HttpResponse:
    """The page; with `X-Partial: detail` the selected span alone, with another `X-Partial` what changes on the page."""
    partial = request.headers.get("X-Partial", "")
    try:
        trace_id = read_trace_id(trace_id)
    except ValueError:
        return _missing(request, trace_id, is_id=False)
    summary = Trace.objects.filter(trace_id=trace_id).prefetch_related("head_operation").first()
    if summary is None:
        return _missing(request, trace_id)
    logs = queries.trace_logs(trace_id)
    log_count, more_logs = queries.count_up_to(logs, MAX_LOGS)
    zoom, whole = _zoom(request.GET.get("zoom", "")), request.GET.get("rows") == "all"
    claims = trace_claims(trace_id)
    version = f"{summary.span_count}-{summary.end_ns}-{summary.duration_ns}-{log_count}-{len(claims)}-{zoom}-{whole:d}"
    if partial == "1" and request.headers.get("X-Version") == version:
        return HttpResponse(status=204)
    context = {
        "trace": summary,
        "version": version,
        "services": [name for name in dict.fromkeys(summary.services.split(SEPARATOR)) if name],
        "log_count": log_count,
        "claims": claims,
        "more_logs": more_logs,
        "tab": request.GET.get("view") if request.GET.get("view") in TABS else TABS[0],
        "zoom": zoom,
        "not_drawn": max(summary.span_count - MAX_SPANS, 0),
    }
    if partial != "detail" and context["tab"] == "logs":
        context["logs"] = logs[:MAX_LOGS]
        return render(request, "dashboard/_trace.html" if partial else "dashboard/trace.html", context)
    if partial == "detail":
        return render(request, "dashboard/_span.html", context | _panel(request, summary))
    tree = build_tree(read_spans(trace_id))
    if context["tab"] == "statistics":
        context["operations"] = operation_times(tree)
    else:
        context |= _waterfall(request, tree, zoom, whole) | _selected(request, trace_id, tree)
    template = "dashboard/_trace.html" if partial else "dashboard/trace.html"
    return render(request, template, context)


def _zoom(text: str) -> Zoom | None:
    """`from-to` in nanoseconds after the trace's start; what is none shows the whole trace."""
    match = ZOOM.fullmatch(text)
    if match is None or int(match[1]) >= int(match[2]):
        return None
    return int(match[1]), int(match[2])


def _waterfall(request: HttpRequest, tree: TraceTree, zoom: Zoom | None, whole: bool) -> dict[str, Any]:
    selected = request.GET.get("span", "")
    drawn = draw(tree, selected, zoom, whole)
    # The URL of every row keeps what else is in it.
    every = request.GET.copy()
    every["rows"] = "all"
    # Both escape what senders chose.
    rows = mark_safe(rows_html(drawn, selected, static("icons.svg"), f"?{every.urlencode()}"))  # noqa: S308
    return {"drawn": drawn, "rows": rows, "map": mark_safe(map_html(drawn))}  # noqa: S308


def _panel(request: HttpRequest, summary: Trace) -> dict[str, Any]:
    """The span the URL names, without reading the rest of its trace."""
    around = read_around(summary.trace_id, request.GET.get("span", ""))
    if not around:
        return {"span_id": request.GET.get("span", "")}
    return _selected(request, summary.trace_id, build_tree(around, (summary.start_ns, summary.end_ns)))


def _selected(request: HttpRequest, trace_id: str, tree: TraceTree) -> dict[str, Any]:
    """The span the URL names. One that is not there (yet) is said to be so."""
    span_id = request.GET.get("span", "")
    if not span_id:
        return {}
    found = Span.objects.filter(trace_id=trace_id, span_id=span_id).prefetch_related("operation", "resource", "scope")
    span = found.order_by("start_ns", "id").first()
    return {"span_id": span_id, "span": span, "detail": span_detail(span, tree) if span else None}


def _missing(request: HttpRequest, trace_id: str, is_id: bool = True) -> HttpResponse:
    """A trace that is not there. Its page waits for it, and draws itself when it comes."""
    template = "dashboard/_trace_missing.html" if "X-Partial" in request.headers else "dashboard/trace_missing.html"
    context = {"trace_id": trace_id, "is_id": is_id, "any": Trace.objects.exists()}
    if is_id:
        mentioned_ns = queries.mentioned_ns(trace_id)
        context |= {"mentioned_ns": mentioned_ns, **gone(mentioned_ns)}
    return render(request, template, context, status=404)
