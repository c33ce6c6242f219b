"""Questions about operations: which are slow, how that changed, when it was.

Before: `dashboard.parameters` reads a TelemetryFilter from a query string. After: pages, `latency.csv` and the API show
the answer. Only rollups are read: ten million spans cost as much as ten thousand.

Of a filter these count here: the range, service, operation, q (in their names), and status (`error`: spans with one;
any other: spans without).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.latency.figures import (
    MOST_BANDS,
    PERCENTILES,
    Figures,
    Heatmap,
    Series,
    Steps,
    Tally,
    add_to_steps,
    heatmap_of_steps,
    no_heatmap,
    no_series,
    series_of_steps,
    together,
)
from collector.latency.ranges import POINTS, Range, asked
from collector.models import Operation
from collector.queries import TelemetryFilter, operation_ids
from collector.rollup import Row, Subject, rows, series_of

ORDERS = ("p50", "p95", "p99", "max", "count", "errors", "error_share")


@dataclass(frozen=True, slots=True)
class OperationLatency:
    """An operation in the range, in the range before it, and its p95 by step (None where it had no span)."""

    operation_id: int
    service: str
    name: str
    kind: int
    now: Figures
    before: Figures | None
    p95_ns: list[int | None]

    @property
    def p95_change(self) -> float | None:
        """0.25: a quarter slower than before. None when either time had too few spans to tell."""
        return self.now.p95_change(self.before)


@dataclass(frozen=True, slots=True)
class OperationTable:
    """The first operations of an order, how many there are, and all of them together, now and before."""

    operations: list[OperationLatency]
    found: int
    now: Figures
    before: Figures | None
    step_ns: int
    times_ns: list[int]


def operations(f: TelemetryFilter, *, order: str = "p95", limit: int = 20, points: int = POINTS) -> OperationTable:
    """The operations of a range, the slowest first, or by another of ORDERS. Of all time there is no `before`."""
    found = asked(Subject.OPERATION, f.from_ns, f.to_ns, points)
    if found is None:
        return OperationTable([], 0, Tally.empty().figures(), None, 0, [])
    steps = _by_operation(f, found)
    totals = {operation: together(tallies.values()) for operation, tallies in steps.items()}
    earlier = _before(f, found) if f.from_ns is not None else None
    now = {operation: tally.figures() for operation, tally in totals.items()}
    first = sorted(now, key=lambda operation: (_worth(now[operation], order), -operation), reverse=True)[:limit]
    names = Operation.objects.in_bulk(first)
    return OperationTable(
        [
            OperationLatency(
                operation,
                names[operation].service,
                names[operation].name,
                names[operation].kind,
                now[operation],
                None if earlier is None else earlier.get(operation, Tally.empty()).figures(),
                _p95(steps[operation], found),
            )
            for operation in first
            if operation in names
        ],
        len(now),
        together(totals.values()).figures(),
        None if earlier is None else together(earlier.values()).figures(),
        found.step_ns,
        found.times_ns,
    )


def series(f: TelemetryFilter, *, percentiles: Sequence[float] = PERCENTILES, points: int = POINTS) -> Series:
    """All spans the filter finds, by step. More points than usual take longer when many operations are meant."""
    found = asked(Subject.OPERATION, f.from_ns, f.to_ns, points)
    if found is None:
        return no_series(percentiles)
    return series_of_steps(_all_by_step(f, found), found, percentiles)


def heatmap(f: TelemetryFilter, *, points: int = POINTS, bands: int = MOST_BANDS) -> Heatmap:
    """How many of these spans took how long when."""
    found = asked(Subject.OPERATION, f.from_ns, f.to_ns, points)
    return no_heatmap() if found is None else heatmap_of_steps(_all_by_step(f, found), found, bands)


def figures(f: TelemetryFilter) -> Figures:
    """All spans the filter finds, together."""
    found = asked(Subject.OPERATION, f.from_ns, f.to_ns)
    tally = Tally.empty()
    for row, is_error in filtered(f, found) if found else ():
        tally.add(row, is_error)
    return tally.figures()


def filtered(f: TelemetryFilter, found: Range) -> Iterator[tuple[Row, bool]]:
    """The rows the filter means, and whether each is of spans with errors."""
    ids = operation_ids(f)
    wanted = (True, False) if not f.status else (f.status == "error",)
    series = None if ids is None else [series_of(operation, is_error) for operation in ids for is_error in wanted]
    for row in rows(Subject.OPERATION, found.from_ns, found.to_ns, found.longest_s, series):
        is_error = bool(row.series & 1)
        if is_error in wanted:
            yield row, is_error


def _by_operation(f: TelemetryFilter, found: Range) -> dict[int, Steps]:
    steps: dict[int, Steps] = {}
    for row, is_error in filtered(f, found):
        add_to_steps(steps.setdefault(row.series >> 1, {}), row, found, is_error)
    return steps


def _before(f: TelemetryFilter, found: Range) -> dict[int, Tally]:
    tallies: dict[int, Tally] = {}
    for row, is_error in filtered(f, found.before()):
        tallies.setdefault(row.series >> 1, Tally.empty()).add(row, is_error)
    return tallies


def _all_by_step(f: TelemetryFilter, found: Range) -> Steps:
    steps: Steps = {}
    for row, is_error in filtered(f, found):
        add_to_steps(steps, row, found, is_error)
    return steps


def _p95(steps: Steps, found: Range) -> list[int | None]:
    return series_of_steps(steps, found, (0.95,)).percentiles_ns[0.95]


def _worth(figures: Figures, order: str) -> float:
    """What an order sorts by."""
    if order == "error_share":
        return figures.errors / max(1, figures.count)
    given: int | None = getattr(figures, order if order in ("count", "errors") else f"{order}_ns")
    return float(given or 0)
