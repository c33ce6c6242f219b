"""/metrics/: every metric with its latest value; ?metric=NAME: its streams, drawn together; ?stream=N: one alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector import queries
from collector.models import MetricPoint, MetricStream
from collector.paging import after
from dashboard.addresses import host_of, http_endpoint
from dashboard.measured import SPREADS
from dashboard.metric_charts import charts_of, split_keys
from dashboard.metric_list import in_order, metric_rows, telling_keys
from dashboard.metric_rows import (
    SPREAD_COLUMNS,
    VALUE_COLUMNS,
    exemplar_rows,
    grows,
    point_rows,
    stream_row,
    stream_rows,
)
from dashboard.parameters import (
    DEFAULT_RANGE,
    METRIC_PAGE_NAMES,
    RANGES_S,
    SHORT_RANGES,
    ParameterError,
    Parameters,
    parse,
)
from dashboard.ranges import reaching
from dashboard.views.lists import range_asked

FILTERS = ("q", "service")
MOST_STREAMS = 500
MOST_LISTED = 1_000  # streams that a list of metrics looks at, and of each metric
MOST_OF_A_METRIC = 40
MOST_EXEMPLARS = 20
SDK_OWN = "otel.sdk."  # what SDKs tell about themselves

Row = TypeVar("Row")


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The list, a metric or one stream, or with `X-Partial` what changes on it."""
    partial = "X-Partial" in request.headers
    name = "metrics"
    context: dict[str, Any] = {"problems": {}, "range": range_asked(request, DEFAULT_RANGE)}
    if not partial:
        context["services"] = queries.services()
    try:
        parameters = parse(request.GET, METRIC_PAGE_NAMES, DEFAULT_RANGE)
        stream = _stream(parameters)
        if stream:
            name = "metrics_stream"
            context |= _points(parameters, stream)
        elif parameters.filter.metric:
            name = "metrics_metric"
            context |= _metric(parameters)
        else:
            context |= _list(parameters)
    except ParameterError as error:
        context["problems"] = error.problems
    else:
        if not stream and not context["count"]:
            context |= _why_empty(request, parameters)
    partial_name = "metrics" if name == "metrics_metric" else name
    template = f"dashboard/_{partial_name}_live.html" if partial else f"dashboard/{name}.html"
    return render(request, template, context, status=400 if context["problems"] else 200)


def _list(parameters: Parameters) -> dict[str, Any]:
    """A row a metric, by service, those apart that SDKs tell about themselves."""
    found = list(queries.newest_streams(parameters.filter, MOST_OF_A_METRIC)[: MOST_LISTED + 1])
    shown = found[:MOST_LISTED]
    rows = metric_rows(shown, queries.latest_points(shown, parameters.filter.to_ns))
    own = [row for row in rows if not row.newest.stream.name.startswith(SDK_OWN)]
    sdk_rows = [row for row in rows if row.newest.stream.name.startswith(SDK_OWN)]
    return {
        "range": parameters.range,
        "groups": _by_service(own, lambda row: row.newest.stream),
        "sdk_groups": _by_service(sdk_rows, lambda row: row.newest.stream),
        "sdk_count": len(sdk_rows),
        "count": len(rows),
        "noun": "metric",
        "more": len(found) > MOST_LISTED,
        **_csv(parameters),
    }


def _metric(parameters: Parameters) -> dict[str, Any]:
    """One metric: its streams by service, the charts of them all together, and what their lines may be split by."""
    found = list(queries.streams(parameters.filter)[: MOST_STREAMS + 1])
    telling = telling_keys(found[:MOST_STREAMS])
    streams = in_order(found[:MOST_STREAMS], telling)
    rows = stream_rows(streams, queries.latest_points(streams, parameters.filter.to_ns))
    shared = streams[0].attributes if streams else {}
    return {
        "range": parameters.range,
        "metric": parameters.filter.metric,
        "description": next((stream.description for stream in streams if stream.description), ""),
        "groups": _by_service(rows, lambda row: row.stream),
        "telling": telling,
        "shared": {key: item for key, item in shared.items() if key not in telling},
        "count": len(streams),
        "noun": "stream",
        "more": len(found) > MOST_STREAMS,
        "split": parameters.split,
        "splits": split_keys(streams),
        "charts": charts_of(streams[0]) if streams else [],
        "live": parameters.range in RANGES_S,
        **_csv(parameters),
    }


def _csv(parameters: Parameters) -> dict[str, Any]:
    points, more = queries.count_up_to(queries.points(parameters.filter))
    return {"csv_rows": points, "csv_more": more}


def _by_service(rows: list[Row], stream: Callable[[Row], MetricStream]) -> list[tuple[str, list[Row]]]:
    return [(service, list(group)) for service, group in groupby(rows, lambda row: stream(row).resource.service)]


def _stream(parameters: Parameters) -> MetricStream | None:
    """The stream that is asked for. Raises ParameterError when it is not there."""
    number = parameters.filter.stream
    if not number:
        return None
    found = MetricStream.objects.filter(pk=number).prefetch_related("resource", "scope").first()
    if found is None:
        raise ParameterError({"stream": f"The metric stream {number} is not here: it may have been cleared."})
    return found


def _points(parameters: Parameters, stream: MetricStream) -> dict[str, Any]:
    found = queries.points(parameters.filter)
    page = parameters.page(found)
    newest = queries.latest_points([stream], parameters.filter.to_ns).get(stream.pk)
    exemplars = exemplar_rows(queries.stream_exemplars(stream, parameters.filter)[:MOST_EXEMPLARS], stream.unit)
    return {
        "range": parameters.range,
        "row": stream_row(stream, newest),
        "columns": SPREAD_COLUMNS if stream.kind in SPREADS else VALUE_COLUMNS,
        "grows": grows(stream),
        "dated": parameters.range not in SHORT_RANGES,
        "rows": point_rows(stream, page.rows, after(found, page.next).first() if page.next else None),
        "next": page.next,
        "charts": charts_of(stream),
        "siblings": MetricStream.objects.filter(name=stream.name, resource__service=stream.resource.service).count(),
        "live": parameters.range in RANGES_S,
        "exemplars": exemplars,
        "claimed": any(row.linked for row in exemplars),
        **_csv(parameters),
        "reaching": reaching(newest.time_ns, RANGES_S) if newest else "",
    }


def _why_empty(request: HttpRequest, parameters: Parameters) -> dict[str, Any]:
    """What an empty list should say: nothing was ever received, it lies outside the range, or the filters hide it."""
    if not MetricPoint.objects.exists():
        return {"empty": "never", "endpoint": http_endpoint(host_of(request))}
    given = [name for name in FILTERS if request.GET.get(name)]
    streams = list(queries.streams(replace(parameters.filter, from_ns=None, to_ns=None))[:MOST_STREAMS])
    latest = queries.latest_points(streams).values()
    if not latest:
        return {"empty": "filtered", "given": given}
    newest_ns = max(point.time_ns for point in latest)
    return {"empty": "elsewhere", "given": given, "newest_ns": newest_ns, "reaching": reaching(newest_ns, RANGES_S)}
