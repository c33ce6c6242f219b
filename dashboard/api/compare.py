"""The API's answer about two ranges of time: what stages and operations took in both, and what moved.

Before: the same query parameters as the page /compare/. After: `dashboard.api` has it among its paths.
"""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema

from collector.latency.ranges import Range
from collector.latency.sides import Moved, OperationOfTwo, Pair, Side, alone, most_moved_first, moved, operations_of_two
from dashboard.api.parameters import described
from dashboard.csv_rows import iso_time
from dashboard.parameters import COMPARE_NAMES, parse
from dashboard.two_ranges import read_two
from dashboard.words import span_kind
from sandboxes import latency

NAMES = COMPARE_NAMES | {"limit"}
PERCENTILES = ("p50", "p95", "p99")

router = Router()


class ComparedRange(Schema):
    """One of the two ranges, half-open; its ends are whole windows of the rollups."""

    start: str
    end: str
    start_ns: str
    end_ns: str


class MeasuredSide(Schema):
    """Of one range. Percentiles are within 2.2 % of the exact ones."""

    count: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class ComparedFigure(Schema):
    """Of b against a; `verdict`: more, less, noise, too few to tell. Shares of errors differ by 0 to 1."""

    difference: float
    verdict: str


class ComparedPair(Schema):
    """In both ranges; null in one that has nothing of it, and then for every difference. Durations differ by ms."""

    a: MeasuredSide | None
    b: MeasuredSide | None
    p50: ComparedFigure | None
    p95: ComparedFigure | None
    p99: ComparedFigure | None


class ComparedStage(ComparedPair):
    """A stage of one kind of start; differences below its precision are noise."""

    stage: str
    start_type: str
    precision_ms: float


class ComparedOperation(ComparedPair):
    """An operation."""

    service: str
    operation: str
    kind: str
    errors: ComparedFigure | None


class ComparedRanges(Schema):
    """`operations` have both sides, what moved most first; `alone` have one. Of each there are so many as `found`."""

    a: ComparedRange
    b: ComparedRange
    stages: list[ComparedStage]
    operations: list[ComparedOperation]
    operations_found: int
    alone: list[ComparedOperation]
    alone_found: int


@router.get(
    "/compare",
    response=ComparedRanges,
    openapi_extra=described(NAMES),
    summary="What changed between two ranges of time; `limit` counts operations",
)
def compare(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, NAMES, "all")
    two = read_two(parameters)
    found = operations_of_two(parameters.filter, two.a, two.b).operations
    both, one_sided = most_moved_first(found, two.a, two.b, two.sort), alone(found)
    known_ns = latency.precisions_ns(parameters.claims, two.a, two.b)
    stages = latency.stages_of_two(parameters.claims, two.a, two.b)
    return {
        "a": _when(two.a),
        "b": _when(two.b),
        "stages": [_stage(one, known_ns.get((one.stage, one.start_type), 1)) for one in stages],
        "operations": [_operation(one) for one in both[: parameters.limit]],
        "operations_found": len(both),
        "alone": [_operation(one) for one in one_sided[: parameters.limit]],
        "alone_found": len(one_sided),
    }


def _when(when: Range) -> dict[str, str]:
    start_ns, end_ns = when.from_ns, when.to_ns
    return {"start": iso_time(start_ns), "end": iso_time(end_ns), "start_ns": str(start_ns), "end_ns": str(end_ns)}


def _stage(one: latency.StageOfTwo, precision_ns: int) -> dict[str, object]:
    named = {"stage": one.stage, "start_type": one.start_type, "precision_ms": precision_ns / 10**6}
    return named | _sides(one, precision_ns)


def _operation(one: OperationOfTwo) -> dict[str, object]:
    named = {"service": one.service, "operation": one.name, "kind": span_kind(one.kind)}
    return named | _sides(one) | {"errors": _difference(moved(one, "errors"), 1)}


def _sides(one: Pair, precision_ns: int = 1) -> dict[str, object]:
    differences = {name: _difference(moved(one, name, precision_ns), 10**6) for name in PERCENTILES}
    return {"a": one.a and _measured(one.a), "b": one.b and _measured(one.b), **differences}


def _measured(side: Side) -> dict[str, object]:
    figures = side.figures
    in_ms = {f"{name}_ms": side.value(name) / 10**6 for name in PERCENTILES}
    return {"count": figures.count, "errors": figures.errors, **in_ms}


def _difference(found: Moved | None, unit: int) -> dict[str, object] | None:
    return None if found is None else {"difference": found.difference / unit, "verdict": found.verdict}
