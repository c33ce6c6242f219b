"""The API's answer to what the overview asks: how the claims stand, how fast they are, what is slow now.

Before: the same query parameters as the page. After: numbers for scripts, and the page's own sentence for agents.
"""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema

from collector.latency import Figures
from dashboard.api.parameters import described
from dashboard.overview.answer import Answer, said
from dashboard.overview.area import read_view
from dashboard.overview.speed import change_of
from dashboard.parameters import OVERVIEW_NAMES, VIEW_NAMES, parse

NAMES = OVERVIEW_NAMES - VIEW_NAMES | {"sort"}

router = Router()


class Measured(Schema):
    """Of one range. Percentiles are within 2.2 % of the exact ones; null: nothing was measured."""

    count: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class Start(Schema):
    """Time to ready of one kind of start (`all`, `cold`, `warm`), now and in the range of the same length before."""

    start: str
    now: Measured
    before: Measured | None


class Operation(Schema):
    """An operation; `p95_ratio` is its p95 by that of the range before, null with too few spans to tell."""

    service: str
    operation: str
    now: Measured
    before: Measured | None
    p95_ratio: float | None


class Overview(Schema):
    """`sentence` says it in words; `causes` say why claims are stuck or failed."""

    sentence: str
    claims: dict[str, int]
    causes: dict[str, dict[str, int]]
    time_to_ready: list[Start]
    operations: Measured
    operations_before: Measured | None
    slowest: list[Operation]


@router.get("/overview", response=Overview, openapi_extra=described(NAMES), summary="How it stands, and how fast it is")
def overview(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, NAMES, "all")
    answer = Answer(parameters, read_view(request.GET))
    table = answer.traffic.table
    return {
        "sentence": "".join(part.text for part in said(answer)).strip(),
        "claims": {row.state: row.number for row in answer.standing.counted},
        "causes": {
            state: {cause.words: cause.number for cause in causes} for state, causes in answer.standing.causes.items()
        },
        "time_to_ready": [
            {"start": kind or "all", "now": _measured(start.now), "before": start.before and _measured(start.before)}
            for kind, start in answer.starts.items()
        ],
        "operations": _measured(table.now),
        "operations_before": table.before and _measured(table.before),
        "slowest": [
            {
                "service": one.service,
                "operation": one.name,
                "now": _measured(one.now),
                "before": one.before and _measured(one.before),
                "p95_ratio": (found := change_of(one)) and round(found.ratio, 3),
            }
            for one in table.operations
        ],
    }


def _measured(figures: Figures) -> dict[str, object]:
    durations = {name: getattr(figures, f"{name}_ns") for name in ("p50", "p95", "p99", "max")}
    in_ms = {f"{name}_ms": None if ns is None else ns / 10**6 for name, ns in durations.items()}
    return {"count": figures.count, "errors": figures.errors, **in_ms}
