"""The API's answers about latencies: the windows of latency.csv, by pages, and the stages of claims.

Before: the same query parameters as the CSV. After: `dashboard.api` has it among its paths.
"""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest
from ninja import Router, Schema

from dashboard.api.parameters import described
from dashboard.csv_rows import iso_time
from dashboard.csv_rows.latency import Named, cursor_after, named_windows
from dashboard.parameters import LATENCY_NAMES, TIME_NAMES, parse
from sandboxes.latency import stages

PERCENTILES = ("p50", "p90", "p95", "p99", "max")
STAGE_LATENCY_NAMES = TIME_NAMES | {"namespace", "pool", "template", "start", "cluster"}

router = Router()


class Window(Schema):
    """An operation in one window of time. Durations are within 2.2 % of the exact ones.

    `operation` "other operations" with an empty `kind`: further ones of a service with too many names on a day.
    """

    window_start: str
    start_ns: str
    window_ns: str
    service: str
    operation: str
    kind: str
    count: int
    errors: int
    p50_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class Windows(Schema):
    """A page of windows."""

    items: list[Window]
    next: str | None


class StageOfStarts(Schema):
    """A stage in the range; `before` is the range of the same length before it, null when the range is of all time."""

    stage: str
    start_type: str
    count: int
    p50_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    before_count: int | None
    before_p95_ms: float | None


class StageLatencies(Schema):
    """All stages. Durations are within 2.2 % of the exact ones."""

    items: list[StageOfStarts]
    next: None = None


@router.get(
    "/latency",
    response=Windows,
    openapi_extra=described(LATENCY_NAMES),
    summary="How long operations took by window, oldest first",
)
def latency(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, LATENCY_NAMES, "all")
    found = list(named_windows(replace(parameters, limit=parameters.limit + 1)))
    more = len(found) > parameters.limit
    page = found[: parameters.limit]
    return {"items": [_item(named) for named in page], "next": str(cursor_after(page[-1][0])) if more else None}


@router.get(
    "/latency/stages",
    response=StageLatencies,
    openapi_extra=described(STAGE_LATENCY_NAMES),
    summary="How long stages of claims took, by kind of start; the time to ready last",
)
def latency_of_stages(request: HttpRequest) -> dict[str, object]:
    table = stages(parse(request.GET, STAGE_LATENCY_NAMES, "all").claims)
    items = [
        {
            "stage": found.stage,
            "start_type": found.start_type,
            "count": found.now.count,
            "before_count": found.before and found.before.count,
            **{f"{name}_ms": _ms(getattr(found.now, f"{name}_ns")) for name in PERCENTILES},
            "before_p95_ms": found.before and _ms(found.before.p95_ns),
        }
        for found in table.stages
    ]
    return {"items": items}


def _item(named: Named) -> dict[str, object]:
    window, service, name, kind = named
    told = window.figures
    return {
        "window_start": iso_time(window.start_ns),
        "start_ns": str(window.start_ns),
        "window_ns": str(window.window_ns),
        "service": service,
        "operation": name,
        "kind": kind,
        "count": told.count,
        "errors": told.errors,
        **{f"{name}_ms": _ms(getattr(told, f"{name}_ns")) for name in PERCENTILES},
    }


def _ms(duration_ns: int | None) -> float | None:
    return None if duration_ns is None else duration_ns / 10**6
