"""How fast claims become ready, and how operations do: percentiles of the range against the range before it.

Before: the page's filters; rollups hold the counts, so that a day of ten million spans costs no more than a quiet one.
After: the big number, the sentence, the strips and the table of operations.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector import latency
from collector.latency import Figures, OperationLatency, OperationTable, Series
from dashboard.overview.change import Change, change
from dashboard.parameters import Parameters
from sandboxes import latency as claim_latency
from sandboxes.records import StartType

SLOWEST, MOST_OPERATIONS = 8, 100  # rows of the table: as it is, and when it is asked for more
STRIP_POINTS = 45  # bars of the strips: three pixels each at the usual width
SPARK_POINTS = 30  # of a row's p95


@dataclass(frozen=True, slots=True)
class Start:
    """Time to ready of one kind of start, or of all (`start_type` is empty)."""

    start_type: str
    now: Figures
    before: Figures | None

    @property
    def change(self) -> Change | None:
        """Of p95."""
        before = self.before
        if before is None:
            return None
        return change(self.now.p95_ns, before.p95_ns, self.now.count, before.count)


def starts(parameters: Parameters) -> dict[str, Start]:
    """By kind of start; under "" all together. Kinds that did not occur are left out."""
    f = parameters.claims
    kinds = [f.start] if f.start else [StartType.COLD, StartType.WARM]
    found = claim_latency.figures_by(f)
    return {
        kind: Start(kind, *found[kind]) for kind in ("", *map(str, kinds)) if kind in found and found[kind][0].count
    }


@dataclass(frozen=True, slots=True)
class Traffic:
    """Operations together: the slowest of them, and how many ended when, with errors told apart."""

    table: OperationTable
    series: Series
    seconds: float

    @property
    def per_minute(self) -> float:
        return self.table.now.count * 60 / self.seconds if self.seconds else 0.0

    @property
    def error_percent(self) -> float:
        return percent_of(self.table.now)


def traffic(parameters: Parameters, sort: str, rows: int) -> Traffic:
    """Reads the rollups of operations."""
    f = parameters.filter
    table = latency.operations(f, order=sort, limit=rows, points=SPARK_POINTS)
    series = latency.series(f, percentiles=(), points=STRIP_POINTS)
    return Traffic(table, series, len(series.times_ns) * series.step_ns / 10**9)


def change_of(one: OperationLatency) -> Change | None:
    """How an operation's p95 moved."""
    before = one.before
    return None if before is None else change(one.now.p95_ns, before.p95_ns, one.now.count, before.count)


def percent_of(figures: Figures) -> float:
    """The share of errors in percent."""
    return 100 * figures.errors / figures.count if figures.count else 0.0
