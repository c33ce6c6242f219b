"""Questions about operations: which are slow, how that changed, when it was.

Before: `dashboard.parameters` reads a TelemetryFilter from a query string. After: pages, `latency.csv` and the API show
the answer. Only rollups are read: ten million spans cost as much as ten thousand.

Of a filter these count here: the range, service, operation, q (in their names), and status (`error`: spans with one;
any other: spans without).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from collector.latency.figures import (
    MOST_BANDS,
    PERCENTILES,
    Figures,
    Heatmap,
    Series,
    Tally,
    heatmap_of_steps,
    no_heatmap,
    no_series,
    series_of_steps,
    steps_of,
    together,
)
from collector.latency.ranges import POINTS, Range, asked
from collector.models import CountedSeries, Operation
from collector.queries import TelemetryFilter, operations_of
from collector.records import NS_PER_DAY
from collector.rollup import Row, Subject, rows, series_of
from collector.rollup.cardinality import others
from collector.rollup.windows import ALL_OPERATIONS, WINDOWS_S

MANY_OPERATIONS = 10_000
ORDERS = ("p50", "p95", "p99", "max", "count", "errors", "error_share")


@dataclass(frozen=True, slots=True)
class OperationLatency:
    """An operation in the range, in the range before it, and its p95 by step (None where it had no span)."""

    operation_id: int
    service: str
    name: str
    kind: int  # OTHER_KIND: further operations of a service, together
    now: Figures
    before: Figures | None
    p95_ns: list[int | None]

    @property
    def p95_change(self) -> float | None:
        """0.25: a quarter slower than before. None when either time had too few spans to tell."""
        return self.now.p95_change(self.before)


@dataclass(frozen=True, slots=True)
class OperationTable:
    """The first operations of an order, how many there are, and all of them together, now and before.

    `crowded`: services of which a day had too many operations to count each by itself (`collector.rollup.cardinality`).
    """

    operations: list[OperationLatency]
    found: int
    now: Figures
    before: Figures | None
    step_ns: int
    times_ns: list[int]
    crowded: list[str]


def operations(f: TelemetryFilter, *, order: str = "p95", limit: int = 20, points: int = POINTS) -> OperationTable:
    """The operations of a range, the slowest first, or by another of ORDERS. Of all time there is no `before`."""
    found = asked(Subject.OPERATION, f.from_ns, f.to_ns, points)
    if found is None:
        return OperationTable([], 0, Tally.empty().figures(), None, 0, [], [])
    by_operation = totals(f, found)
    now = {operation: tally.figures() for operation, tally in by_operation.items()}
    first = sorted(now, key=lambda operation: (_worth(now[operation], order), -operation), reverse=True)[:limit]
    earlier = found.before() if f.from_ns is not None else None
    # Of the time before, those that are shown and all together: every operation took as long to read as of now.
    before = totals(f, earlier, first) if earlier else {}
    names = Operation.objects.in_bulk(first)
    lines = _grouped(filtered(f, found, among=first))
    return OperationTable(
        [
            OperationLatency(
                operation,
                names[operation].service,
                names[operation].name,
                names[operation].kind,
                now[operation],
                before.get(operation, Tally.empty()).figures() if earlier else None,
                _p95(lines.get(operation, []), found),
            )
            for operation in first
            if operation in names
        ],
        len(now),
        together(by_operation.values()).figures(),
        Tally.of(list(_together(f, earlier, WINDOWS_S[-1]))).figures() if earlier else None,
        found.step_ns,
        found.times_ns,
        _crowded(found, now),
    )


def _crowded(found: Range, measured: Collection[int]) -> list[str]:
    standing = others(Subject.OPERATION, found.from_ns // NS_PER_DAY, found.to_ns // NS_PER_DAY)
    named = Operation.objects.filter(pk__in=[operation for operation in standing if operation in measured])
    return sorted(named.values_list("service", flat=True))


def series(f: TelemetryFilter, *, percentiles: Sequence[float] = PERCENTILES, points: int = POINTS) -> Series:
    """All spans the filter finds, by step. More points than usual take longer when a filter means many operations."""
    found = asked(Subject.OPERATION, f.from_ns, f.to_ns, points)
    if found is None:
        return no_series(percentiles)
    return series_of_steps(steps_of(_together(f, found), found), found, percentiles)


def heatmap(f: TelemetryFilter, *, points: int = POINTS, bands: int = MOST_BANDS) -> Heatmap:
    """How many of these spans took how long when."""
    found = asked(Subject.OPERATION, f.from_ns, f.to_ns, points)
    return no_heatmap() if found is None else heatmap_of_steps(steps_of(_together(f, found), found), found, bands)


def figures(f: TelemetryFilter) -> Figures:
    """All spans the filter finds, together."""
    found = asked(Subject.OPERATION, f.from_ns, f.to_ns)
    return Tally.of(list(_together(f, found, WINDOWS_S[-1])) if found else []).figures()


def filtered(
    f: TelemetryFilter, found: Range, longest_s: int | None = None, among: Collection[int] | None = None
) -> Iterator[Row]:
    """The rows the filter means, by windows no longer than a step, or than `longest_s`; `among` these operations."""
    ids = _ids(f) if among is None else among
    if ids is None:
        wanted, read = _errors(f), _rows(found, longest_s, None)
        return read if len(wanted) == 2 else (row for row in read if row.series & 1 in wanted)
    return _rows(found, longest_s, [series_of(operation, bool(error)) for operation in ids for error in _errors(f)])


def _together(f: TelemetryFilter, found: Range, longest_s: int | None = None) -> Iterator[Row]:
    """The same when it does not matter which operation they are of: of all there are sums."""
    if operations_of(f) is None:
        return _rows(found, longest_s, [ALL_OPERATIONS[error] for error in _errors(f)])
    return filtered(f, found, longest_s)


def _ids(f: TelemetryFilter) -> set[int] | None:
    """The operations the filter names; of very many, those that are counted: nothing was measured of the others."""
    named = operations_of(f)
    if named is None:
        return None
    ids = set(named.values_list("id", flat=True)[: MANY_OPERATIONS + 1])
    if len(ids) > MANY_OPERATIONS:
        counted = CountedSeries.objects.filter(subject=Subject.OPERATION).values("number")
        ids = set(named.filter(pk__in=counted).values_list("id", flat=True))
    return ids


def _errors(f: TelemetryFilter) -> tuple[int, ...]:
    """Whether spans without an error (0), with one (1) or both are meant."""
    return (0, 1) if not f.status else (int(f.status == "error"),)


def _rows(found: Range, longest_s: int | None, series: Collection[int] | None) -> Iterator[Row]:
    return rows(Subject.OPERATION, found.from_ns, found.until_ns, longest_s or found.longest_s, series, found.edge_s)


def totals(f: TelemetryFilter, found: Range, among: Collection[int] | None = None) -> dict[int, Tally]:
    """By operation, from the longest windows the range has. The range of the filter itself does not count."""
    groups = _grouped(filtered(f, found, WINDOWS_S[-1], among))
    return {operation: Tally.of(group) for operation, group in groups.items()}


def _grouped(found: Iterable[Row]) -> dict[int, list[Row]]:
    """By operation."""
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in found:
        groups[row.series >> 1].append(row)
    return groups


def _p95(group: list[Row], found: Range) -> list[int | None]:
    return series_of_steps(steps_of(group, found), found, (0.95,)).percentiles_ns[0.95]


def _worth(figures: Figures, order: str) -> float:
    """What an order sorts by."""
    if order == "error_share":
        return figures.errors / max(1, figures.count)
    given: int | None = getattr(figures, order if order in ("count", "errors") else f"{order}_ns")
    return float(given or 0)
